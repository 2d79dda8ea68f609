// Shard: pressure of connections and of itself, and the memory budget.
#include <algorithm>
#include <utility>
#include <vector>

#include "shards/shard.h"

namespace tickcast::shards {
namespace {

// Connections whose level is set anew in one turn after the floor has changed.
constexpr engine::Slot kLevelsPerTurn = 1024;

// Connections closed at once for their memory: what they give back shows in the next review.
constexpr std::size_t kClosedPerReview = 64;

// What a connection costs beside its subscriptions: itself, its session with the client's id, its
// timer.
constexpr std::size_t kConnectionBytes = sizeof(Connection) + sizeof(Session) + 48 + 32 + 2 * 16;
constexpr std::size_t kSubscriptionBytes = sizeof(Subscription) + sizeof(Member);

std::size_t HeldBy(const Connection& connection) {
  const std::size_t unsent = connection.unsent == nullptr ? 0 : connection.unsent->bytes.size();
  return kConnectionBytes + connection.subscriptions.size() * kSubscriptionBytes + unsent;
}

}  // namespace

// --- Of a connection -----------------------------------------------------------------------------

// The greater one of its own level and the shard's.
void Shard::SetLevel(engine::Slot slot) {
  Connection& connection = connections_[slot];
  PressureLevel level = floor_;
  if (connection.trouble != nullptr) level = std::max(level, connection.trouble->pressure.level());
  if (level == connection.level) return;
  metrics_.CountLevel(connection.level, level);
  fan_out_.SetLevel(slot, level);
}

// Once a second from the first blocking on, until it has long been calm.
void Shard::ReviewTrouble(engine::Slot slot) {
  Trouble& trouble = *connections_[slot].trouble;
  trouble.pressure.Review(now_ns_, config_.pressure);
  SetLevel(slot);
  trouble.review_due_ns = now_ns_ + kReviewNs;
  if (trouble.pressure.blocked()) return;
  TellPressure(slot);
  if (trouble.pressure.calm()) connections_[slot].trouble.reset();
}

// What the client has not been told yet: its level, or what newer values replaced meanwhile.
void Shard::TellPressure(engine::Slot slot) {
  Connection& connection = connections_[slot];
  if (connection.state != Connection::State::kWebSocket || !connection.connected()) return;
  Trouble& trouble = *connection.trouble;
  const std::uint64_t conflated = commands_.ConflatedOf(slot);
  // Intervals conflate too, but as the client wanted.
  const bool behind = trouble.was_blocked || connection.level != PressureLevel::kNormal;
  const bool news = conflated > trouble.told_conflated && behind;
  // What it missed is counted when it has been pulled up to date; until then there is more to tell.
  if (!connections_.hot(slot).Is(Hot::kBehind)) trouble.was_blocked = false;
  if (connection.level == trouble.told_level && !news) return;
  trouble.told_level = connection.level;
  trouble.told_conflated = conflated;
  commands_.TellPressure(slot);
}

void Shard::OnPeerName(const engine::Completion& done) {
  const engine::PeerAddress peer = ring_.TakePeerName(done);
  Connection* connection = connections_.Find(done.token.slot, done.token.generation);
  if (connection == nullptr) return;
  if (connection->trouble != nullptr) connection->trouble->peer = peer;
  if (CountsAddresses()) LimitAddress(done.token.slot, peer);
}

void Shard::AnswerSlowClients(std::unique_ptr<Request> request) {
  request->slow_clients = WorstOf(connections_, static_cast<std::size_t>(request->limit),
                                  exchange_.self(), now_ns_, config_.pressure);
  const ShardId origin = request->origin;
  exchange_.Send(origin, {.kind = Message::Kind::kAnswer, .request = std::move(request)});
}

// --- Of the shard --------------------------------------------------------------------------------

void Shard::ReviewShard(std::uint64_t turn_end_ns) {
  if (level_sweep_ < connections_.slots()) {
    pressure_.Restart();
  } else {
    const std::uint64_t cpu_ns = pressure_.WantsCpu(turn_end_ns) ? ring_.cpu_ns() : 0;
    pressure_.OnTurn(now_ns_, turn_end_ns, cpu_ns, config_.pressure);
  }
  PressureLevel floor = pressure_.level();
  if (memory_.shed() >= Shed::kConflate) floor = std::max(floor, PressureLevel::kCritical);
  if (floor == floor_) return;
  floor_ = floor;
  metrics_.shard_pressure.Set(static_cast<std::int64_t>(floor));
  level_sweep_ = 0;
}

// Gives the connections their level after the floor has changed, some of them each turn.
void Shard::SweepLevels() {
  const engine::Slot end = std::min(connections_.slots(), level_sweep_ + kLevelsPerTurn);
  for (; level_sweep_ < end; ++level_sweep_) {
    const engine::Slot slot = level_sweep_;
    if (!connections_.hot(slot).Is(Hot::kOpen)) continue;
    Connection& connection = connections_[slot];
    const PressureLevel before = connection.level;
    SetLevel(slot);
    if (connection.level == before || connection.state != Connection::State::kWebSocket ||
        !connection.connected() || connection.trouble != nullptr) {
      continue;
    }
    commands_.TellPressure(slot);
  }
}

// --- Memory --------------------------------------------------------------------------------------

MemoryUse Shard::CountMemory() {
  return {.connections = connections_.open_count() * kConnectionBytes,
          .subscriptions = static_cast<std::size_t>(metrics_.subscriptions.value() +
                                                    metrics_.tracked_keys.value()) *
                           kSubscriptionBytes,
          .unsent = connections_.unsent_bytes(),
          .replies = connections_.outboxes().size_bytes(),
          .catch_up = fan_out_.catch_up_bytes(),
          .history = home_.history_bytes()};
}

void Shard::ReviewMemory() {
  const MemoryUse use = CountMemory();
  metrics_.SetMemory(use);
  const Shed before = memory_.shed();
  const Shed shed = memory_.Update(use.total());
  if (shed != before) {
    metrics_.shed.Set(static_cast<std::int64_t>(shed));
    const bool halve = shed >= Shed::kHistory;
    home_.LimitHistory(halve ? 0.5 : 1);
    fan_out_.LimitCatchUp(halve ? config_.engine.catch_up_bytes / 2
                                : config_.engine.catch_up_bytes);
  }
  if (shed == Shed::kSlowest) CloseSlowest(memory_.ExcessOf(use.total()));
}

// Those whose sockets take least, until what they hold makes up for the excess.
void Shard::CloseSlowest(std::size_t excess_bytes) {
  std::vector<std::pair<double, engine::Slot>> slow;
  // Those that are closing already give theirs back within kClosingNs.
  std::size_t freed = 0;
  for (engine::Slot slot = 0; slot < connections_.slots(); ++slot) {
    if (!connections_.hot(slot).Is(Hot::kOpen)) continue;
    const Connection& connection = connections_[slot];
    if (connection.state == Connection::State::kClosing) freed += HeldBy(connection);
    const bool open = connection.state == Connection::State::kWebSocket;
    if (!open || connection.trouble == nullptr) continue;
    connection.trouble->pressure.Review(now_ns_, config_.pressure);
    slow.emplace_back(connection.trouble->pressure.blocked_share(), slot);
  }
  const std::size_t most = std::min(slow.size(), kClosedPerReview);
  std::partial_sort(slow.begin(), slow.begin() + static_cast<std::ptrdiff_t>(most), slow.end(),
                    std::greater<>());
  slow.resize(most);
  for (const auto& [share, slot] : slow) {
    if (freed >= excess_bytes) return;
    freed += HeldBy(connections_[slot]);
    metrics_.closed_for_memory.Add();
    Disconnect(slot, protocol::DisconnectCode::kSlow);
  }
}

}  // namespace tickcast::shards
