// The request of /emulation: commands of a client whose replies go out on another connection, an
// HTTP stream or server-sent events.
//
// {"session":…,"node":…,"data":"…"}: what connect told the client, and a frame of commands, which
// is a string in JSON and bytes in Protobuf.
// Threading: an EmulationParser belongs to one thread. Source: EmulationRequest of client.proto and
// emulation.go of github.com/centrifugal/centrifuge.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "protocol/centrifuge/form.h"

namespace tickcast::protocol {

struct EmulationRequest {
  std::string_view session;
  std::string_view node;
  std::string_view data;  // A frame of commands in the request's own encoding.
};

class EmulationParser {
 public:
  explicit EmulationParser(std::size_t expected_bytes = 0);
  EmulationParser(EmulationParser&&) noexcept;
  EmulationParser& operator=(EmulationParser&&) noexcept;
  ~EmulationParser();

  // False where `body` is not what it must be; a `data` in JSON that is no string is left out. The
  // views live until the next call, or as long as `body`.
  // REQUIRES: kJsonPaddingBytes readable bytes behind `body`.
  bool Parse(Encoding encoding, std::string_view body, EmulationRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tickcast::protocol
