// FrameEvents: what a parser says of bytes that come in pieces, as values that tests compare.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/websocket/frame_parser.h"

namespace tickcast::protocol {

struct SeenEvent {
  FrameEvent::Kind kind = FrameEvent::Kind::kText;
  std::string payload;
  std::uint16_t close_code = 0;

  friend bool operator==(const SeenEvent&, const SeenEvent&) = default;
  friend std::ostream& operator<<(std::ostream& out, const SeenEvent& event) {
    return out << static_cast<int>(event.kind) << ':' << event.close_code << ':'
               << event.payload.substr(0, 40) << " (" << event.payload.size() << " bytes)";
  }
};

struct FrameEvents {
  std::vector<SeenEvent> events;
  std::uint16_t violation = 0;  // The close code, 0 = none.

  friend bool operator==(const FrameEvents&, const FrameEvents&) = default;
  friend std::ostream& operator<<(std::ostream& out, const FrameEvents& seen) {
    for (const SeenEvent& event : seen.events) out << '[' << event << ']';
    return out << " violation " << seen.violation;
  }
};

// Gives `wire` to `parser`, and adds to `seen`. Each piece lies in memory of its own, so that a
// sanitizer sees a read beyond it.
inline void ParsePiece(FrameParser& parser, std::string_view wire, FrameEvents& seen) {
  const auto* first = reinterpret_cast<const std::byte*>(wire.data());
  std::vector<std::byte> piece(first, first + wire.size());
  std::span<std::byte> bytes(piece);
  FrameEvent event;
  for (;;) {
    switch (parser.Next(bytes, event)) {
      case FrameParser::Verdict::kNeedMore:
        return;
      case FrameParser::Verdict::kViolation:
        seen.violation = parser.close_code();
        return;
      case FrameParser::Verdict::kEvent:
        seen.events.push_back(
            {event.kind,
             std::string(reinterpret_cast<const char*>(event.payload.data()), event.payload.size()),
             event.close_code});
    }
  }
}

// Pieces of the given sizes, and what is left of `wire` as a last one.
inline FrameEvents ParseInPieces(FrameParser parser, std::string_view wire,
                                 const std::vector<std::size_t>& sizes) {
  FrameEvents seen;
  for (const std::size_t size : sizes) {
    const std::size_t taken = std::min(size, wire.size());
    ParsePiece(parser, wire.substr(0, taken), seen);
    wire.remove_prefix(taken);
  }
  ParsePiece(parser, wire, seen);
  return seen;
}

inline FrameEvents ParseWhole(FrameParser parser, std::string_view wire) {
  return ParseInPieces(std::move(parser), wire, {});
}

inline FrameEvents ParseByteByByte(FrameParser parser, std::string_view wire) {
  return ParseInPieces(std::move(parser), wire, std::vector<std::size_t>(wire.size(), 1));
}

}  // namespace tickcast::protocol
