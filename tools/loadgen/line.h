// Line: what one line from the server is, told from its first bytes and nothing else.
//
// Relies on the order of members that Centrifugo and tickcast write: {"id":N,"verb":{ and
// {"push":{. Source: definitions/client.proto of github.com/centrifugal/protocol (JSON form).
// Threading: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/loadgen/dialect.h"

namespace tickcast::loadgen {

struct Line {
  enum class Kind : std::uint8_t {
    kPing,       // {}: the client answers the same.
    kPush,       // A publication or another push; a stamp says which.
    kConnected,  // Replies, with `id`.
    kSubscribed,
    kPublished,
    kRefreshed,  // Of a sub_refresh.
    kError,      // With `code`.
    kOther,
  };
  Kind kind = Kind::kOther;
  std::uint32_t id = 0;
  std::uint32_t code = 0;
};

Line ReadLine(std::string_view line);

// Calls `on_line(std::string_view)`, which returns whether to go on, for each line of a message.
// Empty lines are skipped.
template <typename OnLine>
void ForEachLine(std::string_view message, OnLine&& on_line) {
  while (!message.empty()) {
    const std::size_t end = message.find('\n');
    const std::string_view line = message.substr(0, end);
    if (!line.empty() && !on_line(line)) return;
    if (end == std::string_view::npos) return;
    message.remove_prefix(end + 1);
  }
}

// The commands of a client, each one line without a newline, appended to `out`.
void AppendConnect(std::uint32_t id, std::string& out);
// `data`: a JSON object, or empty for none.
void AppendSubscribe(std::uint32_t id, std::string_view channel, std::string_view data,
                     const DialectOptions& dialect, std::string& out);

// Appends a masked frame (RFC 6455 section 5.3).
void AppendMaskedFrame(std::uint8_t opcode, std::string_view payload, std::uint32_t key,
                       std::string& out);

// The request that begins every connection. Its key is the RFC's sample, so that the right answer
// is known beforehand. REQUIRES: `path` begins with '/'.
// With `protobuf` it asks for that subprotocol.
std::string UpgradeRequest(std::string_view host, std::string_view path, bool protobuf = false);

// Whether `head`, up to its empty line, accepts that request.
bool IsUpgraded(std::string_view head);

}  // namespace tickcast::loadgen
