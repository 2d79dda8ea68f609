// Shard: clients whose transport is not a WebSocket that takes commands: HTTP streams, server-sent
// events, and all that is unidirectional.
#include <utility>

#include "protocol/centrifuge/reply.h"
#include "protocol/json/payload.h"
#include "shards/framing.h"
#include "shards/session_key.h"
#include "shards/shard.h"

namespace tickcast::shards {
namespace {

// What a client may be owed while its commands come on connections that can always be read from: as
// much as a Centrifugo keeps for it by default (client.queue_max_size).
constexpr std::size_t kMaxOwedBytes = 1024 * 1024;

// The chunk that ends a response (RFC 9112 section 7.1).
constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace

void Shard::OnStreamOpened(engine::Slot slot, std::string_view commands) {
  Connection& connection = connections_[slot];
  connection.state = Connection::State::kWebSocket;
  connection.due_ns = now_ns_ + config_.client.stale_close_delay_ns;
  metrics_.streams_opened.Add();
  Schedule(slot);
  fan_out_.OwesReplies(slot);
  OnClientFrame(slot, commands);
}

void Shard::OnUniConnect(engine::Slot slot, std::string_view frame) { OnClientFrame(slot, frame); }

// A message on a unidirectional WebSocket: the first one says what the client connects with, and
// the others nothing.
void Shard::TakeUniConnect(engine::Slot slot, std::string_view message) {
  if (connections_[slot].session != nullptr) return;
  const std::string_view frame = connect_frames_.Wrap(message);
  if (!frame.empty()) return OnClientFrame(slot, frame);
  constexpr auto kBadRequest = protocol::DisconnectCode::kBadRequest;
  CloseWithFrame(slot, static_cast<CloseReason>(kBadRequest),
                 static_cast<std::uint16_t>(kBadRequest), protocol::ReasonOf(kBadRequest));
}

// A response has begun, so there is nobody to read a request any more: as the original does it.
bool Shard::DiscardsInput(const Connection& connection) {
  return connection.state == Connection::State::kWebSocket && !IsWebSocket(connection.transport);
}

// Tells a client why it is disconnected, in the way of its transport.
void Shard::EndClient(engine::Slot slot, CloseReason reason, std::uint16_t code,
                      std::string_view text) {
  const Connection& connection = connections_[slot];
  if (connection.state == Connection::State::kClosing) return;
  if (!IsWebSocket(connection.transport)) return EndStream(slot, reason, code, text);
  if (connection.form.bare && !config_.uni_websocket.disable_disconnect_push) {
    protocol::AppendDisconnectPush(connection.form, code, text, connections_.NewLine(slot));
  }
  CloseWithFrame(slot, reason, code, text);
}

void Shard::RefuseOneWay(engine::Slot slot, std::uint32_t code, std::string_view message) {
  const protocol::DisconnectCode disconnect =
      protocol::DisconnectFor(static_cast<protocol::ErrorCode>(code));
  if (http_.streams().Refuse(slot, code, message)) {
    return BeginClose(slot, static_cast<CloseReason>(disconnect), /*wait_for_peer=*/false);
  }
  const engine::DisconnectTransforms& transforms =
      config_.client.connect_code_to_unidirectional_disconnect;
  if (transforms.enabled) {
    for (const engine::DisconnectTransform& each : transforms.transforms) {
      if (each.code != code) continue;
      return DisconnectAs(slot, static_cast<std::uint16_t>(each.to_code), each.to_reason);
    }
  }
  Disconnect(slot, disconnect);
}

// In place of a close frame the client gets a push that says the same; then the response ends.
void Shard::EndStream(engine::Slot slot, CloseReason reason, std::uint16_t code,
                      std::string_view text) {
  if (http_.streams().Refuse(slot, code, text)) {
    return BeginClose(slot, reason, /*wait_for_peer=*/false);
  }
  const Connection& connection = connections_[slot];
  protocol::AppendDisconnectPush(connection.form, code, text, connections_.NewLine(slot));
  Outbox& outbox = connections_.OutboxOf(slot);
  AppendFramed(connection.transport, connection.form.encoding, outbox.lines, outbox.raw);
  outbox.lines.clear();
  outbox.raw += kLastChunk;
  BeginClose(slot, reason, /*wait_for_peer=*/false);
}

// Commands of a client of ours that came on another connection, perhaps another shard's.
void Shard::RunEmulated(std::unique_ptr<Request> request) {
  EmulatedCommands& emulated = *request->emulated;
  const auto address = AddressOf(emulated.session_key);
  Connection* client = address && address->slot < connections_.slots()
                           ? connections_.Find(address->slot, address->generation)
                           : nullptr;
  emulated.taken = client != nullptr && client->state == Connection::State::kWebSocket &&
                   client->session != nullptr && !client->form.bare &&
                   client->form.encoding == emulated.encoding &&
                   SameKey(client->session->extras().key, emulated.session_key);
  if (emulated.taken) {
    const std::string_view frame(emulated.frame.data(),
                                 emulated.frame.size() - protocol::kJsonPaddingBytes);
    const bool too_much = client->outbox != OutboxPool::kNone &&
                          connections_.outboxes()[client->outbox].size_bytes() > kMaxOwedBytes;
    if (too_much) {
      Disconnect(address->slot, protocol::DisconnectCode::kSlow);
    } else {
      OnClientFrame(address->slot, frame);
    }
  }
  const ShardId origin = request->origin;
  exchange_.Send(origin, {.kind = Message::Kind::kAnswer, .request = std::move(request)});
}

}  // namespace tickcast::shards
