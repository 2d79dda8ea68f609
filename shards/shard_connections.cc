// Shard: what becomes of a connection between its first bytes and its end, and its timers.
#include <algorithm>
#include <utility>

#include "protocol/centrifuge/reply.h"
#include "protocol/websocket/frame_writer.h"
#include "shards/shard.h"

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

// Pings leave in groups: one wake-up for those due in the same tenth of a second, and their pongs
// come together too. 10,000 clients cost 2 % of a core when each was pinged in its own 10 ms.
constexpr std::uint64_t kPingGroupNs = kSecond / 10;

// An HTTP connection between two requests.
constexpr std::uint64_t kIdleHttpNs = 60 * kSecond;

std::uint64_t PingGroup(std::uint64_t due_ns) {
  return std::max(due_ns - due_ns % kPingGroupNs, kPingGroupNs);
}

}  // namespace

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

}  // namespace tickcast::shards
