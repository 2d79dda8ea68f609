#include "shards/map_presence.h"

#include <algorithm>
#include <string_view>

#include "engine/invariant.h"

namespace tickcast::shards {
namespace {

// Those that came at once are told again within half of an interval.
constexpr std::uint64_t kTellsPerInterval = 2;

std::uint64_t IntervalOf(const engine::Config& config, std::string_view prefix) {
  const engine::Namespace* const ns = prefix.empty() ? nullptr : config.FindNamespace(prefix);
  if (ns == nullptr || ns->map.key_ttl_ns == 0) return MapPresence::kLongestIntervalNs;
  return std::min(ns->map.key_ttl_ns / MapPresence::kTellsPerTtl, MapPresence::kLongestIntervalNs);
}

}  // namespace

// One interval for all, or their order would not be that of their turns.
MapPresence::MapPresence(const engine::Config& config) {
  const auto add = [&](const engine::Namespace& ns) {
    interval_ns_ =
        std::min({interval_ns_, IntervalOf(config, ns.map_clients_presence_channel_prefix),
                  IntervalOf(config, ns.map_users_presence_channel_prefix)});
  };
  add(config.channel.without_namespace);
  for (const engine::Namespace& ns : config.channel.namespaces) add(ns);
}

void MapPresence::Add(engine::Slot slot, ChannelIndex channel, std::uint64_t now_ns) {
  const auto place = told_.insert(told_.end(), {slot, channel, now_ns});
  const bool is_new = places_.emplace(KeyOf(slot, channel), place).second;
  INVARIANT(is_new, "a connection has one subscription to a channel");
}

bool MapPresence::Remove(engine::Slot slot, ChannelIndex channel) {
  const auto known = places_.find(KeyOf(slot, channel));
  if (known == places_.end()) return false;
  told_.erase(known->second);
  places_.erase(known);
  return true;
}

// A sweep that comes late makes up for at most one interval.
std::size_t MapPresence::Quota(std::uint64_t now_ns) const {
  const std::uint64_t since_ns = std::min(now_ns - swept_ns_, interval_ns_);
  return 1 + static_cast<std::size_t>(kTellsPerInterval * told_.size() * since_ns / interval_ns_);
}

}  // namespace tickcast::shards
