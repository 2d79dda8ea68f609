// WebSocket: what a connection's messages are, once it has been upgraded: frames of commands, or
// the messages that /debug/echo sends back.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/websocket/frame_parser.h"
#include "shards/connection.h"

namespace tickcast::shards {

class WebSocket {
 public:
  class Host {
   public:
    virtual ~Host() = default;
    // A whole message of commands, with kJsonPaddingBytes readable bytes behind it. The connection
    // may be closing, or gone, when this returns.
    virtual void OnCommands(engine::Slot slot, std::string_view frame) = 0;
    // The peer's close frame; 1005 where it gave no code.
    virtual void OnPeerClose(engine::Slot slot, std::uint16_t code) = 0;
    // The peer broke RFC 6455: close with this code.
    virtual void OnViolation(engine::Slot slot, std::uint16_t close_code) = 0;
    // Something was put into the connection's outbox; with a blocked peer it may be too much.
    virtual void OnOwed(engine::Slot slot) = 0;
    // The peer's pong frame.
    virtual void OnPong(engine::Slot slot) = 0;
  };

  WebSocket(ConnectionTable& connections, Host& host) : connections_(connections), host_(host) {}

  // Input of a connection that speaks WebSocket; unmasked in place. REQUIRES: 64 readable bytes
  // behind it.
  void OnBytes(engine::Slot slot, std::span<std::byte> bytes);

  // Input of one that we are closing: looks only for the peer's close frame.
  void OnBytesWhileClosing(engine::Slot slot, std::span<std::byte> bytes);

 private:
  // False when the connection takes no more input.
  bool OnEvent(engine::Slot slot, const protocol::FrameEvent& event);
  static void Pong(Outbox& outbox, std::string_view payload);
  void Echo(engine::Slot slot, const protocol::FrameEvent& event);

  ConnectionTable& connections_;
  Host& host_;
};

}  // namespace tickcast::shards
