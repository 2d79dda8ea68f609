// Dialect: how a fleet's clients speak with the server, when not in plain JSON.
//
// Inside loadgen everything is lines of JSON, as line.h has them. A client may speak Protobuf, ask
// for deltas, and for numbers in place of channels' names; what it sends is translated from those
// lines, and what it receives back to the lines that a plain client would have got, as far as
// somebody here looks at them. Deltas are applied for this, so that stamps and sequences are read
// of what an application would see. A delta that cannot be applied becomes a line that nobody
// knows, which is counted. Threading: a Dialect belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tickcast::loadgen {

struct DialectOptions {
  bool protobuf = false;
  bool delta = false;
  bool compaction = false;

  bool plain() const { return !protobuf && !delta && !compaction; }
};

// What one client has to remember. Owns no memory in plain JSON.
struct DialectMemory {
  struct Channel {
    std::string name;
    std::uint32_t command = 0;  // Id of the subscribe.
    std::int64_t id = 0;        // In place of the name; 0 = none.
    std::string value;          // The last one, which the next delta is of.
  };
  std::vector<Channel> channels;
};

class Dialect {
 public:
  explicit Dialect(const DialectOptions& options);
  ~Dialect();

  bool plain() const { return options_.plain(); }
  bool protobuf() const { return options_.protobuf; }

  // The bytes of one message for `lines`, valid until the next call. REQUIRES: !plain().
  std::string_view Encode(std::string_view lines, DialectMemory& memory);

  // The line that stands for the server's next reply or push, taken off the front of `message`;
  // valid until the next call. REQUIRES: !plain(), !message.empty().
  std::string_view Decode(std::string_view& message, DialectMemory& memory);

 private:
  struct Impl;

  const DialectOptions options_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tickcast::loadgen
