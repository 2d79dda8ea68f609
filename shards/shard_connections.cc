// Shard: the life of a connection: its input, its timers, its end.
#include <algorithm>
#include <utility>

#include "engine/invariant.h"
#include "engine/probes.h"
#include "protocol/centrifuge/reply.h"
#include "protocol/websocket/frame_writer.h"
#include "shards/framing.h"
#include "shards/shard.h"

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

// How long a peer has to answer our close frame, or to take our last bytes.
constexpr std::uint64_t kClosingNs = 2 * kSecond;

// Pings leave in groups: one wake-up for those due in the same tenth of a second, and their pongs
// come together too. 10,000 clients cost 2 % of a core when each was pinged in its own 10 ms.
constexpr std::uint64_t kPingGroupNs = kSecond / 10;

// An HTTP connection between two requests.
constexpr std::uint64_t kIdleHttpNs = 60 * kSecond;

// What may be pipelined behind a request that is being answered.
constexpr std::size_t kPipelinedBytes = 64 * 1024;

// simdjson reads whole blocks: so much stays readable behind what waits in `inbound`.
constexpr std::size_t kInputPaddingBytes = 64;

// Close codes of RFC 6455 section 7.4.1.
constexpr std::uint16_t kNormalClosure = 1000;
constexpr std::uint16_t kNoStatus = 1005;

// Whether an SDK connects again by itself: not after 3500 to 3999 and 4500 to 4999.
bool MayReturn(CloseReason reason) {
  const auto code = static_cast<std::uint16_t>(reason);
  return code < 3500 || (code >= 4000 && code < 4500);
}

std::uint64_t PingGroup(std::uint64_t due_ns) {
  return std::max(due_ns - due_ns % kPingGroupNs, kPingGroupNs);
}

}  // namespace

// --- Input ---------------------------------------------------------------------------------------

void Shard::OnBytes(engine::Slot slot, std::span<std::byte> bytes) {
  Connection& connection = connections_[slot];
  if (DiscardsInput(connection)) return;
  if (connection.state == Connection::State::kClosing) {
    // Discarded, so that closing does not find unread input, which would send RST and lose our
    // close frame; only the peer's own close frame matters.
    if (connection.close_frame_sent) web_socket_.OnBytesWhileClosing(slot, bytes);
    return;
  }
  const bool waits = connection.reading_paused || connection.answering ||
                     (connection.inbound != nullptr && !connection.inbound->empty());
  if (!waits && connection.state != Connection::State::kHttp) {
    return web_socket_.OnBytes(slot, bytes);
  }
  if (connection.inbound == nullptr) {
    connection.inbound = std::make_unique<std::string>();
    if (connection.state == Connection::State::kHttp && !connection.answering) {
      // A request begins: from its first byte on its head and body have their time.
      connection.due_ns = now_ns_ + config_.client.head_timeout_ns;
      Schedule(slot);
    }
  }
  connection.inbound->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (connection.inbound->size() > InboundLimit(connection)) {
    return BeginClose(slot, CloseReason::kTooMuchInput, /*wait_for_peer=*/false);
  }
  if (!connection.reading_paused && !connection.answering) ReplayInput(slot);
}

std::size_t Shard::InboundLimit(const Connection& connection) const {
  if (connection.state == Connection::State::kHttp) {
    return HttpHandler::kMaxBodyBytes + protocol::kMaxRequestHeadBytes + kPipelinedBytes;
  }
  return config_.websocket.message_size_limit +
         config_.engine.receive_buffer_bytes * std::size_t{config_.engine.receive_buffers};
}

// Gives what waits in `inbound` to whoever reads it now.
void Shard::ReplayInput(engine::Slot slot) {
  const std::uint32_t generation = connections_.generation(slot);
  for (;;) {
    Connection* connection = connections_.Find(slot, generation);
    if (connection == nullptr || connection->inbound == nullptr || connection->answering ||
        connection->reading_paused || connection->state == Connection::State::kClosing) {
      return;
    }
    std::string& inbound = *connection->inbound;
    if (inbound.empty()) {
      connection->inbound.reset();
      return;
    }
    if (DiscardsInput(*connection)) {
      connection->inbound.reset();
      return;
    }
    if (connection->state != Connection::State::kHttp) {
      std::string input = std::move(inbound);
      connection->inbound.reset();
      const std::size_t size = input.size();
      input.resize(size + kInputPaddingBytes);
      web_socket_.OnBytes(slot, std::as_writable_bytes(std::span(input.data(), size)));
      return;
    }
    const std::size_t size = inbound.size();
    inbound.resize(size + kInputPaddingBytes);
    replaying_http_ = true;
    const std::size_t consumed = http_.OnInput(slot, std::string_view(inbound.data(), size));
    replaying_http_ = false;
    connection = connections_.Find(slot, generation);
    // Closing lets go of the input.
    if (connection == nullptr || connection->inbound == nullptr) return;
    connection->inbound->resize(size);
    connection->inbound->erase(0, consumed);
    if (consumed == 0) return;
  }
}

void Shard::OnCommands(engine::Slot slot, std::string_view frame) {
  if (connections_[slot].form.bare) return TakeUniConnect(slot, frame);
  OnClientFrame(slot, frame);
}

void Shard::OnClientFrame(engine::Slot slot, std::string_view frame) {
  commands_.OnFrame(slot, frame);
  LimitOutbox(slot);
}

// The answer to a unidirectional client's ping; with commands there are pongs of their own.
void Shard::OnPong(engine::Slot slot) {
  Connection& connection = connections_[slot];
  if (!connection.form.bare && !connection.frame_pings) return;
  connection.awaiting_pong = false;
  connection.pong_due_ns = 0;
}

void Shard::OnOwed(engine::Slot slot) {
  fan_out_.OwesReplies(slot);
  LimitOutbox(slot);
}

// A peer that sends and does not take the replies is not read from until it does.
void Shard::LimitOutbox(engine::Slot slot) {
  const Connection& connection = connections_[slot];
  if (connection.outbox == OutboxPool::kNone) return;
  if (connections_.outboxes()[connection.outbox].size_bytes() > kOutboxLimitBytes) {
    PauseReading(slot);
  }
}

void Shard::PauseReading(engine::Slot slot) {
  Connection& connection = connections_[slot];
  if (connection.reading_paused || connection.state == Connection::State::kClosing) return;
  connection.reading_paused = true;
  metrics_.reading_paused.Add();
  if (connection.receive_armed) ring_.CancelReceive(slot, connections_.generation(slot));
}

void Shard::ResumeReading(engine::Slot slot) {
  Connection& connection = connections_[slot];
  if (!connection.reading_paused) return;
  connection.reading_paused = false;
  if (!connection.receive_armed) {
    connection.receive_armed = true;
    ring_.ArmReceive(slot, connections_.generation(slot));
  }
  ReplayInput(slot);
}

void Shard::ReleaseInput(engine::Slot slot) {
  const Connection& connection = connections_[slot];
  const bool owed_much =
      connection.outbox != OutboxPool::kNone &&
      connections_.outboxes()[connection.outbox].size_bytes() > kOutboxLimitBytes;
  // Where too much is owed to it, OnFlushed() goes on.
  if (!owed_much) ResumeReading(slot);
}

// --- HTTP and WebSocket --------------------------------------------------------------------------

void Shard::OnUpgraded(engine::Slot slot, bool echo) {
  Connection& connection = connections_[slot];
  connection.state = echo ? Connection::State::kEcho : Connection::State::kWebSocket;
  connection.parser =
      protocol::FrameParser(protocol::Role::kServer, echo ? config_.debug.echo_max_message
                                                          : config_.websocket.message_size_limit);
  connection.due_ns = echo ? 0 : now_ns_ + config_.client.stale_close_delay_ns;
  metrics_.upgrades.Add();
  Schedule(slot);
  fan_out_.OwesReplies(slot);
}

void Shard::OnResponse(engine::Slot slot, After after) {
  Connection& connection = connections_[slot];
  const bool was_answering = std::exchange(connection.answering, false);
  fan_out_.OwesReplies(slot);
  if (connection.state == Connection::State::kClosing) return;
  if (after == After::kClose) {
    return BeginClose(slot, CloseReason::kHttpDone, /*wait_for_peer=*/false);
  }
  if (after == After::kLinger) {
    // There may be input that nobody will read; closing on it would lose the response.
    return BeginClose(slot, CloseReason::kBadRequestHead, /*wait_for_peer=*/true);
  }
  connection.due_ns = now_ns_ + kIdleHttpNs;
  Schedule(slot);
  // A response that is written at once returns into the loop that reads what is pipelined.
  if (was_answering && !replaying_http_) ReplayInput(slot);
}

void Shard::OnConnected(engine::Slot slot) {
  Connection& connection = connections_[slot];
  users_.Add(slot);
  http_.streams().Begin(slot);
  connection.due_ns = commands_.NextDueNs(slot);
  if (const std::uint64_t interval = config_.client.ping_interval_ns; interval != 0) {
    // Spread, so that a crowd that connected at once is not pinged at once.
    const std::uint64_t spread = (std::uint64_t{slot} * 2654435761u % 1024) * interval / 1024;
    connection.ping_due_ns = PingGroup(now_ns_ + interval - spread * 7 / 8);
  }
  Schedule(slot);
  // The shard's floor, which nobody has told it of.
  if (connection.level != PressureLevel::kNormal) commands_.TellPressure(slot);
}

void Shard::OnDeadlines(engine::Slot slot) {
  Connection& connection = connections_[slot];
  // The deadline of a connect command, and that of closing, are not the session's.
  if (!connection.connected() || connection.state != Connection::State::kWebSocket) return;
  connection.due_ns = commands_.NextDueNs(slot);
  Schedule(slot);
}

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

// --- Closing -------------------------------------------------------------------------------------

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

// --- What the fan-out tells ----------------------------------------------------------------------

void Shard::OnSendFailed(engine::Slot slot) {
  metrics_.transport_errors.Add();
  CloseNow(slot, CloseReason::kPeerGone);
}

void Shard::OnFlushed(engine::Slot slot) {
  const Connection& connection = connections_[slot];
  if (connection.close_when_flushed && !connection.answering) {
    return CloseNow(slot, CloseReason::kPeerGone);
  }
  if (connection.reading_paused && !commands_.waits(slot)) ResumeReading(slot);
}

void Shard::OnBlocked(engine::Slot slot) {
  Connection& connection = connections_[slot];
  if (connection.trouble == nullptr) {
    connection.trouble =
        std::make_unique<Trouble>(Trouble{.pressure = ConnectionPressure(now_ns_)});
    connection.trouble->review_due_ns = now_ns_ + kReviewNs;
    connection.trouble->told_level = connection.level;
    connection.trouble->told_conflated = commands_.ConflatedOf(slot);
    if (CountsAddresses()) {
      // Asked when it was accepted.
      connection.trouble->peer = peers_[slot].address;
    } else {
      ring_.AskPeerName(slot, connections_.generation(slot));
    }
  }
  connection.trouble->was_blocked = true;
  connection.trouble->pressure.SetBlocked(true, now_ns_, config_.pressure);
  SetLevel(slot);
  // A peer that cannot be written to may never have seen our ping; OnUnblocked() counts anew.
  connection.pong_due_ns = 0;
  Schedule(slot);
}

void Shard::OnUnblocked(engine::Slot slot) {
  Connection& connection = connections_[slot];
  connection.trouble->pressure.SetBlocked(false, now_ns_, config_.pressure);
  SetLevel(slot);
  // A ping that could not leave expected no pong; from here on it does.
  if (connection.awaiting_pong && connection.pong_due_ns == 0) {
    connection.pong_due_ns = now_ns_ + config_.client.pong_timeout_ns;
    connection.trouble->ping_waited = true;
  }
  Schedule(slot);
}

void Shard::OnGap(engine::Slot slot, ChannelIndex channel, std::uint64_t) {
  metrics_.gaps.Add();
  commands_.OnGap(slot, channel);
}

void Shard::OnInappropriate(engine::Slot slot) {
  Disconnect(slot, protocol::DisconnectCode::kInappropriateProtocol);
}

// --- Timers --------------------------------------------------------------------------------------

std::uint64_t Shard::SlowDeadline(const Connection& connection) const {
  const std::uint64_t timeout = config_.client.slow_client_timeout_ns;
  if (connection.blocked_since_ns == 0 || timeout == 0) return 0;
  return connection.blocked_since_ns + timeout;
}

// One timer per connection, set to the earliest of its deadlines.
void Shard::Schedule(engine::Slot slot) {
  Connection& connection = connections_[slot];
  // A closing connection has one deadline left; the others may have passed already.
  const bool closing = connection.state == Connection::State::kClosing;
  std::uint64_t earliest = engine::TimerWheel::kNever;
  for (const std::uint64_t deadline :
       {connection.due_ns, closing ? 0 : connection.ping_due_ns,
        closing ? 0 : connection.pong_due_ns, closing ? 0 : SlowDeadline(connection),
        closing || connection.trouble == nullptr ? 0 : connection.trouble->review_due_ns}) {
    if (deadline != 0) earliest = std::min(earliest, deadline);
  }
  timers_.Cancel(connection.timer);
  connection.timer = engine::TimerId::kNone;
  if (earliest == engine::TimerWheel::kNever) return;
  const engine::Token owner{.generation = connections_.generation(slot), .slot = slot};
  connection.timer = timers_.Add(earliest, owner.Pack());
}

void Shard::OnTimer(engine::Slot slot) {
  Connection& connection = connections_[slot];
  connection.timer = engine::TimerId::kNone;
  const auto passed = [this](std::uint64_t deadline) {
    return deadline != 0 && now_ns_ >= deadline;
  };
  if (connection.state == Connection::State::kClosing) {
    return passed(connection.due_ns) ? CloseNow(slot, CloseReason::kNone) : Schedule(slot);
  }
  if (passed(connection.due_ns)) {
    if (connection.state == Connection::State::kHttp) {
      return BeginClose(slot, CloseReason::kHeadTimeout, /*wait_for_peer=*/false);
    }
    if (!connection.connected()) return Disconnect(slot, protocol::DisconnectCode::kStale);
    if (!commands_.OnDue(slot)) return;
    connection.due_ns = commands_.NextDueNs(slot);
  }
  if (passed(connection.pong_due_ns)) return Disconnect(slot, protocol::DisconnectCode::kNoPong);
  if (passed(SlowDeadline(connection))) {
    // No close frame into the middle of a response.
    if (connection.state == Connection::State::kHttp) {
      return BeginClose(slot, CloseReason::kSlow, /*wait_for_peer=*/false);
    }
    return Disconnect(slot, protocol::DisconnectCode::kSlow);
  }
  if (passed(connection.ping_due_ns)) Ping(slot);
  if (connection.trouble != nullptr && passed(connection.trouble->review_due_ns)) {
    ReviewTrouble(slot);
  }
  Schedule(slot);
}

void Shard::Ping(engine::Slot slot) {
  Connection& connection = connections_[slot];
  connection.ping_due_ns = PingGroup(now_ns_ + config_.client.ping_interval_ns);
  // A blocked connection has one ping at most in its outbox.
  if (connection.awaiting_pong) return;
  const bool one_way = connection.form.bare;
  if (!connection.frame_pings) {
    protocol::AppendPing(connection.form, connections_.NewLine(slot));
  }
  // Without commands there is no pong but that of RFC 6455, which no client has to write.
  if (connection.frame_pings || (one_way && IsWebSocket(connection.transport))) {
    protocol::AppendServerFrame(protocol::Opcode::kPing, {}, connections_.OutboxOf(slot).raw);
  }
  const bool answers = !one_way || IsWebSocket(connection.transport);
  if (config_.client.pong_timeout_ns != 0 && answers) {
    connection.awaiting_pong = true;
    const bool blocked = connections_.hot(slot).Is(Hot::kBlocked);
    connection.pong_due_ns = blocked ? 0 : now_ns_ + config_.client.pong_timeout_ns;
  }
  metrics_.pings.Add();
  fan_out_.OwesReplies(slot);
}

// --- Shutting down -------------------------------------------------------------------------------

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
