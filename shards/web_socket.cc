#include "shards/web_socket.h"

#include "protocol/websocket/frame_writer.h"

namespace tickcast::shards {

using protocol::FrameEvent;
using protocol::FrameParser;

namespace {

std::string_view TextOf(std::span<const std::byte> payload) {
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

}  // namespace

void WebSocket::OnBytes(engine::Slot slot, std::span<std::byte> bytes) {
  const std::uint32_t generation = connections_.generation(slot);
  for (;;) {
    FrameEvent event;
    Connection& connection = connections_[slot];
    switch (connection.parser.Next(bytes, event)) {
      case FrameParser::Verdict::kNeedMore:
        return;
      case FrameParser::Verdict::kViolation:
        return host_.OnViolation(slot, connection.parser.close_code());
      case FrameParser::Verdict::kEvent:
        break;
    }
    if (!OnEvent(slot, event)) return;
    const Connection* open = connections_.Find(slot, generation);
    if (open == nullptr || open->state == Connection::State::kClosing) return;
    if (open->reading_paused) {
      // What came along with it waits, as what will come does.
      connections_[slot].inbound = std::make_unique<std::string>(TextOf(bytes));
      return;
    }
  }
}

bool WebSocket::OnEvent(engine::Slot slot, const FrameEvent& event) {
  switch (event.kind) {
    case FrameEvent::Kind::kText:
    case FrameEvent::Kind::kBinary:
      // A client of the JSON protocol may use either opcode: what counts is that it is JSON.
      if (connections_[slot].state == Connection::State::kEcho) {
        Echo(slot, event);
      } else {
        host_.OnCommands(slot, TextOf(event.payload));
      }
      return true;
    case FrameEvent::Kind::kPing:
      Pong(connections_.OutboxOf(slot), TextOf(event.payload));
      host_.OnOwed(slot);
      return true;
    case FrameEvent::Kind::kPong:
      host_.OnPong(slot);
      return true;
    case FrameEvent::Kind::kClose:
      host_.OnPeerClose(slot, event.close_code);
      return false;
  }
  return false;
}

void WebSocket::Pong(Outbox& outbox, std::string_view payload) {
  if (outbox.pong_end != 0 && outbox.pong_end == outbox.raw.size()) {
    outbox.raw.resize(outbox.pong_begin);
  }
  outbox.pong_begin = outbox.raw.size();
  protocol::AppendServerFrame(protocol::Opcode::kPong, payload, outbox.raw);
  outbox.pong_end = outbox.raw.size();
}

void WebSocket::Echo(engine::Slot slot, const FrameEvent& event) {
  const bool text = event.kind == FrameEvent::Kind::kText;
  protocol::AppendServerFrame(text ? protocol::Opcode::kText : protocol::Opcode::kBinary,
                              TextOf(event.payload), connections_.OutboxOf(slot).raw);
  host_.OnOwed(slot);
}

void WebSocket::OnBytesWhileClosing(engine::Slot slot, std::span<std::byte> bytes) {
  FrameEvent event;
  while (connections_[slot].parser.Next(bytes, event) == FrameParser::Verdict::kEvent) {
    if (event.kind == FrameEvent::Kind::kClose) return host_.OnPeerClose(slot, event.close_code);
  }
}

}  // namespace tickcast::shards
