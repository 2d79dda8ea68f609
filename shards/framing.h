// Framing: how the lines that a connection is owed are put on the wire of its transport.
//
// The bidirectional WebSocket joins them into one message, so that a browser gets one event; the
// unidirectional one gives each a message of its own, as its plain readers expect; HTTP streams put
// them into one chunk (RFC 9112 section 7.1), one line or one event each.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/centrifuge/form.h"

namespace tickcast::shards {

enum class Transport : std::uint8_t {
  kWebSocket,
  kHttpStream,
  kSse,
  kUniWebSocket,
  kUniHttpStream,
  kUniSse,
};

constexpr bool IsWebSocket(Transport transport) {
  return transport == Transport::kWebSocket || transport == Transport::kUniWebSocket;
}
// A frame that is shared with others fits it.
constexpr bool TakesSharedFrames(Transport transport) { return transport == Transport::kWebSocket; }

// Most bytes that FrameLines() writes for `count` lines of `bytes` in all.
std::size_t FramedBytesBound(Transport transport, std::size_t count, std::size_t bytes);

// Writes `lines` as `transport` wants them into `memory`; returns the part of it that was written,
// which may begin behind its begin. REQUIRES: some lines, FramedBytesBound() bytes of memory.
std::span<std::byte> FrameLines(Transport transport, protocol::Encoding encoding,
                                std::span<const std::string_view> lines,
                                std::span<std::byte> memory);

// The lines of an outbox: JSON replies stand between '\n', Protobuf ones tell their length.
void SplitLines(protocol::Encoding encoding, std::string_view text,
                std::vector<std::string_view>& lines);

// Appends the lines of an outbox to `out`, framed.
void AppendFramed(Transport transport, protocol::Encoding encoding, std::string_view lines,
                  std::string& out);

}  // namespace tickcast::shards
