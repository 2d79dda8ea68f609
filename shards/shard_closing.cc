// Shard: how connections end, one by one and all together.
#include "engine/probes.h"
#include "protocol/websocket/frame_writer.h"
#include "shards/framing.h"
#include "shards/shard.h"

namespace tickcast::shards {
namespace {

// How long a peer has to answer our close frame, or to take our last bytes.
constexpr std::uint64_t kClosingNs = 2'000'000'000;

// Close codes of RFC 6455 section 7.4.1.
constexpr std::uint16_t kNormalClosure = 1000;
constexpr std::uint16_t kNoStatus = 1005;

// Whether an SDK connects again by itself: not after 3500 to 3999 and 4500 to 4999.
bool MayReturn(CloseReason reason) {
  const auto code = static_cast<std::uint16_t>(reason);
  return code < 3500 || (code >= 4000 && code < 4500);
}

}  // namespace

void Shard::OnPeerClose(engine::Slot slot, std::uint16_t code) {
  Connection& connection = connections_[slot];
  if (connection.state == Connection::State::kClosing) return CloseNow(slot, CloseReason::kNone);
  AppendClose(slot, code, {});
  // What an SDK's disconnect() sends; a page that is loaded again says 1001.
  const bool ended = code == kNormalClosure || code == kNoStatus;
  commands_.LeaveAll(slot, /*may_return=*/!ended);
  BeginClose(slot, CloseReason::kPeerClosed, /*wait_for_peer=*/false);
}

void Shard::OnViolation(engine::Slot slot, std::uint16_t close_code) {
  CloseWithFrame(slot, static_cast<CloseReason>(close_code), close_code, {});
}

void Shard::Disconnect(engine::Slot slot, protocol::DisconnectCode code) {
  EndClient(slot, static_cast<CloseReason>(code), static_cast<std::uint16_t>(code),
            protocol::ReasonOf(code));
}

void Shard::DisconnectAs(engine::Slot slot, std::uint16_t code, std::string_view reason) {
  // Whoever may not come back has left for good.
  if (!protocol::ReconnectsAfter(static_cast<protocol::DisconnectCode>(code)))
    commands_.LeaveAll(slot, /*may_return=*/false);
  // Codes of an application are not counted one by one.
  const auto counted = static_cast<CloseReason>(code);
  const bool usual =
      counted == CloseReason::kForceNoReconnect || counted == CloseReason::kConnectionLimit;
  EndClient(slot, usual ? counted : CloseReason::kByApplication, code, reason);
}

void Shard::CloseWithFrame(engine::Slot slot, CloseReason reason, std::uint16_t code,
                           std::string_view text) {
  Connection& connection = connections_[slot];
  if (connection.state == Connection::State::kClosing) return;
  const bool one_way = connection.form.bare && IsWebSocket(connection.transport);
  if (one_way && config_.uni_websocket.disable_closing_handshake) {
    return BeginClose(slot, reason, /*wait_for_peer=*/false);
  }
  AppendClose(slot, code, text);
  connection.close_frame_sent = true;
  BeginClose(slot, reason, /*wait_for_peer=*/true);
}

// The last frame of all: replies that are still owed go before it.
void Shard::AppendClose(engine::Slot slot, std::uint16_t code, std::string_view text) {
  Outbox& outbox = connections_.OutboxOf(slot);
  if (!outbox.lines.empty()) {
    const Connection& connection = connections_[slot];
    AppendFramed(connection.transport, connection.form.encoding, outbox.lines, outbox.raw);
    outbox.lines.clear();
  }
  protocol::AppendCloseFrame(code, text, outbox.raw);
}

// What the connection is owed still goes out, a response that is being made too. With
// `wait_for_peer` the socket is closed when the peer has ended its side, or after kClosingNs;
// without, as soon as all is taken.
void Shard::BeginClose(engine::Slot slot, CloseReason reason, bool wait_for_peer) {
  Connection& connection = connections_[slot];
  if (connection.state == Connection::State::kClosing) return;
  metrics_.CountClose(reason);
  users_.Remove(slot);
  commands_.LeaveAll(slot, MayReturn(reason));
  ReleaseLimits(slot);
  connection.state = Connection::State::kClosing;
  // Set already when the peer has ended its side: there is nothing to wait for.
  connection.close_when_flushed |= !wait_for_peer;
  connection.inbound.reset();
  connection.due_ns = now_ns_ + kClosingNs;
  connection.ping_due_ns = 0;
  connection.pong_due_ns = 0;
  if (connection.reading_paused) ResumeReading(slot);
  Schedule(slot);
  fan_out_.OwesReplies(slot);
}

void Shard::CloseNow(engine::Slot slot, CloseReason reason) {
  Connection& connection = connections_[slot];
  if (connection.state != Connection::State::kClosing) metrics_.CountClose(reason);
  users_.Remove(slot);
  commands_.LeaveAll(slot, MayReturn(reason));
  ReleaseLimits(slot);
  ReleaseAddress(slot);
  proxies_.headers().Drop(slot);
  http_.streams().Forget(slot);
  metrics_.MoveLevel(connection.level, PressureLevel::kNormal);
  timers_.Cancel(connection.timer);
  if (connections_.hot(slot).Is(Hot::kBlocked)) engine::probes::BlockedEnd(slot, 0);
  ring_.CancelAndClose(slot);
  connections_.Close(slot);
  if (accepting_ && !accept_armed_) {
    accept_armed_ = true;
    ring_.ArmAccept();
  }
}

void Shard::BeginDrain() {
  drain_began_ns_ = now_ns_;
  accepting_ = false;
  accept_armed_ = false;
  ring_.StopAccept();
  for (engine::Slot slot = 0; slot < connections_.slots(); ++slot) {
    if (connections_.hot(slot).Is(Hot::kOpen)) drain_slots_ = slot + 1;
  }
}

// Closes connections evenly over shutdown.spread, so that their reconnecting is spread too.
void Shard::Drain() {
  const std::uint64_t elapsed = now_ns_ - drain_began_ns_;
  const std::uint64_t spread = config_.shutdown.spread_ns;
  const std::uint64_t slots = drain_slots_;
  const std::uint64_t until = elapsed >= spread ? slots : slots * elapsed / spread;
  for (; drain_next_ < until; ++drain_next_) {
    const engine::Slot slot = drain_next_;
    if (!connections_.hot(slot).Is(Hot::kOpen)) continue;
    const Connection::State state = connections_[slot].state;
    if (state == Connection::State::kWebSocket) {
      Disconnect(slot, protocol::DisconnectCode::kShutdown);
    } else if (state == Connection::State::kEcho) {
      CloseWithFrame(slot, CloseReason::kGoingAway, 1001, {});
    } else {
      BeginClose(slot, CloseReason::kShutdown, /*wait_for_peer=*/false);
    }
  }
  if (elapsed < config_.shutdown.timeout_ns) return;
  // Who has still not gone: not waited for any longer.
  for (engine::Slot slot = 0; slot < slots; ++slot) {
    if (connections_.hot(slot).Is(Hot::kOpen)) CloseNow(slot, CloseReason::kShutdown);
  }
}

}  // namespace tickcast::shards
