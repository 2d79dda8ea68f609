// WebSocket frames: the same events and the same end however the bytes are cut into reads, and what
// was taken is taken again from the writer.
//
// Input: a byte whose bit 0 is the role and bits 1-2 the limit, a byte that seeds the cuts, frames.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/websocket/frame_parser.h"
#include "protocol/websocket/frame_writer.h"

namespace {

using tickcast::protocol::FrameEvent;
using tickcast::protocol::FrameParser;
using tickcast::protocol::Opcode;
using tickcast::protocol::Role;

constexpr std::uint32_t kLimits[] = {0, 100, 1000, 65536};

struct Event {
  FrameEvent::Kind kind;
  std::string payload;
  std::uint16_t close_code;

  bool operator==(const Event&) const = default;
};

struct Conversation {
  std::vector<Event> events;
  std::uint16_t violation = 0;

  bool operator==(const Conversation&) const = default;
};

void Check(bool holds) {
  if (!holds) std::abort();
}

// Reads the 64 bytes behind a payload too, as a JSON parser would.
void Touch(const FrameEvent& event) {
  volatile std::uint8_t sum = 0;
  const std::byte* const end = event.payload.data() + event.payload.size();
  for (std::size_t i = 0; i < FrameParser::kSlackBytes && event.payload.data() != nullptr; ++i) {
    sum = static_cast<std::uint8_t>(sum + std::to_integer<std::uint8_t>(end[i]));
  }
}

// Parses `wire` in pieces of sizes that `cuts` gives; a piece of 0 is the rest.
template <typename Cuts>
Conversation Parse(std::string_view wire, Role role, std::uint32_t limit, Cuts cuts) {
  FrameParser parser(role, limit);
  Conversation conversation;
  while (!wire.empty()) {
    const std::size_t cut = cuts();
    const std::size_t piece_bytes = cut == 0 ? wire.size() : std::min(cut, wire.size());
    // Its own block with exactly the slack that a receive buffer guarantees.
    std::vector<std::byte> buffer(piece_bytes + FrameParser::kSlackBytes);
    std::memcpy(buffer.data(), wire.data(), piece_bytes);
    wire.remove_prefix(piece_bytes);
    std::span<std::byte> bytes(buffer.data(), piece_bytes);
    FrameEvent event;
    FrameParser::Verdict verdict;
    while ((verdict = parser.Next(bytes, event)) == FrameParser::Verdict::kEvent) {
      Touch(event);
      const auto* text = reinterpret_cast<const char*>(event.payload.data());
      const bool message =
          event.kind == FrameEvent::Kind::kText || event.kind == FrameEvent::Kind::kBinary;
      Check(event.payload.size() <= (message ? limit : 125));
      conversation.events.push_back(
          {event.kind, std::string(text == nullptr ? "" : text, event.payload.size()),
           event.kind == FrameEvent::Kind::kClose ? event.close_code : std::uint16_t{0}});
    }
    if (verdict == FrameParser::Verdict::kViolation) {
      conversation.violation = parser.close_code();
      Check(conversation.violation != 0);
      Check(parser.Next(bytes, event) == FrameParser::Verdict::kViolation);
      break;
    }
    Check(bytes.empty() && parser.close_code() == 0);
  }
  return conversation;
}

std::string Write(const std::vector<Event>& events) {
  std::string wire;
  for (const Event& event : events) {
    switch (event.kind) {
      case FrameEvent::Kind::kText:
        tickcast::protocol::AppendServerFrame(Opcode::kText, event.payload, wire);
        break;
      case FrameEvent::Kind::kBinary:
        tickcast::protocol::AppendServerFrame(Opcode::kBinary, event.payload, wire);
        break;
      case FrameEvent::Kind::kPing:
        tickcast::protocol::AppendServerFrame(Opcode::kPing, event.payload, wire);
        break;
      case FrameEvent::Kind::kPong:
        tickcast::protocol::AppendServerFrame(Opcode::kPong, event.payload, wire);
        break;
      case FrameEvent::Kind::kClose:
        tickcast::protocol::AppendCloseFrame(event.close_code, event.payload, wire);
        break;
    }
  }
  return wire;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Role role = (data[0] & 1) != 0 ? Role::kClient : Role::kServer;
  const std::uint32_t limit = kLimits[data[0] >> 1 & 3];
  std::uint32_t random = data[1];
  const std::string_view wire(reinterpret_cast<const char*>(data) + 2, size - 2);

  const Conversation whole = Parse(wire, role, limit, [] { return 0; });
  Check(Parse(wire, role, limit, [] { return 1; }) == whole);
  Check(Parse(wire, role, limit, [&random] {
          random = random * 1103515245 + 12345;
          return 1 + (random >> 16) % 40;
        }) == whole);

  const Conversation again = Parse(Write(whole.events), Role::kClient, limit, [] { return 0; });
  Check(again.violation == 0 && again.events == whole.events);
  return 0;
}
