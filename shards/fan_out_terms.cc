// FanOut: where a subscription stands: in its channel's group, pushed to each turn, or paced,
// pulled at an interval. Its own terms and the connection's pressure decide.
#include <algorithm>
#include <limits>

#include "shards/fan_out.h"

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

}  // namespace

// The interval that holds, 0 = each turn.
std::uint32_t FanOut::PaceOf(const Connection& connection, const Subscription& subscription) const {
  const Channel& channel = channels_[subscription.channel];
  if (channel.kind == engine::ChannelKind::kStream && channel.map == nullptr) return 0;
  const auto granted = static_cast<std::uint32_t>(subscription.interval_ms);
  if (connection.level == PressureLevel::kNormal) return granted;
  const std::uint64_t floor_ms = options_.pressure.degraded_interval_ns / kMillisecond;
  const std::uint32_t floor = Pacer::Grant(static_cast<std::uint32_t>(floor_ms));
  return std::max({granted, floor, Pacer::kLeastMs});
}

bool FanOut::HasPace(const Connection& connection, std::uint32_t pace_ms) {
  return std::any_of(connection.subscriptions.begin(), connection.subscriptions.end(),
                     [pace_ms](const Subscription& subscription) {
                       return subscription.paced() && subscription.pace_ms == pace_ms;
                     });
}

// The subscriptions of one interval are due, maybe beside those of another.
void FanOut::SetDue(Connection& connection, std::uint16_t interval_ms) {
  if (connection.due_ms == Connection::kNoneDue || connection.due_ms == interval_ms) {
    connection.due_ms = interval_ms;
    return;
  }
  for (Subscription& subscription : connection.subscriptions) {
    if (!subscription.paced()) continue;
    const bool due =
        subscription.pace_ms == interval_ms || subscription.pace_ms == connection.due_ms;
    if (due) subscription.due = 1;
  }
  connection.due_ms = Connection::kSomeDue;
}

void FanOut::ClearDue(Connection& connection) {
  if (connection.due_ms == Connection::kSomeDue) {
    for (Subscription& subscription : connection.subscriptions) subscription.due = 0;
  }
  connection.due_ms = Connection::kNoneDue;
}

namespace {

// A place in its group is most of what a subscription costs beside itself. Twice the size at each
// growth leaves a quarter of all places empty; an eighth more leaves few, and costs eight moves of
// 8 bytes in the life of a place.
void MakeRoom(std::vector<Member>& group) {
  constexpr std::size_t kLeastGrowth = 4;
  if (group.size() < group.capacity()) return;
  group.reserve(group.size() + std::max(kLeastGrowth, group.size() / 8));
}

}  // namespace

// REQUIRES: `seen` is set, and the subscription stands nowhere.
void FanOut::Place(engine::Slot slot, std::uint32_t subscription) {
  Connection& connection = connections_[slot];
  Subscription& placed = connection.subscriptions[subscription];
  Channel& channel = channels_[placed.channel];
  const std::uint32_t pace_ms = PaceOf(connection, placed);
  placed.pace_ms = pace_ms & 0xffffu;
  placed.due = 0;
  if (pace_ms == 0) {
    // A push compares nothing.
    placed.last_value = std::numeric_limits<float>::quiet_NaN();
    placed.member = static_cast<std::uint32_t>(channel.group.size());
    MakeRoom(channel.group);
    channel.group.push_back({.slot = slot,
                             .subscription = subscription & 0x3fff'ffffu,
                             .priority = static_cast<std::uint32_t>(placed.priority) & 1u,
                             .baseless = channel.view.delta && placed.based == 0 ? 1u : 0u});
    return;
  }
  if (!HasPace(connection, pace_ms)) pacer_.Add(slot, pace_ms);
  placed.member = Subscription::kPaced;
  ++channel.paced;
}

void FanOut::Unplace(engine::Slot slot, std::uint32_t subscription) {
  Connection& connection = connections_[slot];
  Subscription& left = connection.subscriptions[subscription];
  Channel& channel = channels_[left.channel];
  const std::uint32_t member = left.member;
  const bool paced = left.paced();
  left.member = Subscription::kAsking;
  if (paced) {
    --channel.paced;
    if (!HasPace(connection, left.pace_ms)) pacer_.Remove(slot, left.pace_ms);
    return;
  }
  channel.group[member] = channel.group.back();
  const Member moved = channel.group[member];
  channel.group.pop_back();
  if (member < channel.group.size()) {
    connections_[moved.slot].subscriptions[moved.subscription].member = member;
  }
}

// Moves a live subscription to where it now belongs; what it has seen stays exact.
void FanOut::Replace(engine::Slot slot, std::uint32_t subscription) {
  Connection& connection = connections_[slot];
  Subscription& moved = connection.subscriptions[subscription];
  Hot& hot = connections_.hot(slot);
  const bool was_paced = moved.paced();
  if (was_paced && PaceOf(connection, moved) == 0) {
    // A push would take for granted that it has all up to now.
    BecomeBehind(slot);
    if (!hot.Is(Hot::kBlocked)) ListOwed(slot);
  } else if (!was_paced) {
    moved.seen = CutOf(hot, moved, channels_[moved.channel]);
    if (hot.owed == moved.channel) hot.owed = Hot::kMany;
  }
  Unplace(slot, subscription);
  Place(slot, subscription);
}

void FanOut::CountTerms(Connection& connection, const Subscription& subscription,
                        const Channel& channel, int sign) {
  std::uint16_t& count =
      subscription.priority != 0 ? connection.priority_subscriptions : connection.streams;
  if (subscription.priority == 0 && channel.kind == engine::ChannelKind::kState) return;
  count = static_cast<std::uint16_t>(count + sign);
}

void FanOut::SetTerms(engine::Slot slot, std::uint32_t subscription, const Terms& terms) {
  Connection& connection = connections_[slot];
  Subscription& changed = connection.subscriptions[subscription];
  const bool live = changed.live();
  if (live) CountTerms(connection, changed, channels_[changed.channel], -1);
  changed.interval_ms = terms.interval_ms & 0xffffu;
  changed.min_change = terms.min_change & 0x1ffffu;
  changed.priority = terms.priority ? 1 : 0;
  if (!live) return;
  CountTerms(connection, changed, channels_[changed.channel], +1);
  Replace(slot, subscription);
}

Terms FanOut::TermsOf(engine::Slot slot, std::uint32_t subscription) const {
  const Subscription& known = connections_[slot].subscriptions[subscription];
  return {.interval_ms = static_cast<std::uint32_t>(known.interval_ms),
          .min_change = static_cast<std::uint32_t>(known.min_change),
          .priority = known.priority != 0};
}

void FanOut::SetLevel(engine::Slot slot, PressureLevel level) {
  Connection& connection = connections_[slot];
  if (connection.level == level) return;
  connection.level = level;
  for (std::uint32_t i = 0; i < connection.subscriptions.size(); ++i) {
    const Subscription& subscription = connection.subscriptions[i];
    if (!subscription.live() || PaceOf(connection, subscription) == subscription.pace_ms) continue;
    Replace(slot, i);
  }
}

}  // namespace tickcast::shards
