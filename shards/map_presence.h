// MapPresence: which of a shard's subscribers stand in maps of who is present, and when each has to
// be told there again.
//
// Such a map is a channel like any other, whose home knows keys and their time, and neither clients
// nor shards: a key lives while its client's shard says so, often enough for `map.key_ttl`. What a
// clear or a removal took from the map comes back in this way, too. The subscribers are one list in
// the order in which they were told, so those that are due stand at its front, and no timer runs
// for any of them. How many are told at a time follows from how many there are: after a thousand
// have come at once, their next turns spread.
// Threading: owned by one shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>

#include "absl/container/flat_hash_map.h"
#include "engine/completion.h"
#include "engine/config.h"
#include "shards/request.h"

namespace tickcast::shards {

class MapPresence {
 public:
  // A key that was told just now is told again within this time, however long it may live: what a
  // clear took away is missed no longer.
  static constexpr std::uint64_t kLongestIntervalNs = 25'000'000'000;
  // Of a key's time, so that two in a row may fail.
  static constexpr std::uint64_t kTellsPerTtl = 3;

  explicit MapPresence(const engine::Config& config);

  // Whether who is subscribed to channels of `ns` stands in a map.
  static bool IsWanted(const engine::Namespace& ns) {
    return !ns.map_clients_presence_channel_prefix.empty() ||
           !ns.map_users_presence_channel_prefix.empty();
  }

  // The connection is subscribed to `channel`, a primary, and has been told just now. REQUIRES: it
  // is not there.
  void Add(engine::Slot slot, ChannelIndex channel, std::uint64_t now_ns);
  // False when it was not there.
  bool Remove(engine::Slot slot, ChannelIndex channel);

  // Calls `tell(slot, channel)` for those who are due, as many as may be told at once. A few times
  // a second. `tell` adds and removes nobody.
  template <typename Tell>
  void Sweep(std::uint64_t now_ns, Tell&& tell) {
    for (std::size_t left = Quota(now_ns); left > 0 && IsDue(now_ns); --left) {
      told_.front().told_ns = now_ns;
      told_.splice(told_.end(), told_, told_.begin());
      tell(told_.back().slot, told_.back().channel);
    }
    swept_ns_ = now_ns;
  }

  std::size_t size() const { return told_.size(); }
  std::uint64_t interval_ns() const { return interval_ns_; }

 private:
  struct Entry {
    engine::Slot slot;
    ChannelIndex channel;
    std::uint64_t told_ns;
  };
  static std::uint64_t KeyOf(engine::Slot slot, ChannelIndex channel) {
    return std::uint64_t{slot} << 32 | channel;
  }
  std::size_t Quota(std::uint64_t now_ns) const;
  bool IsDue(std::uint64_t now_ns) const {
    return !told_.empty() && now_ns - told_.front().told_ns >= interval_ns_;
  }

  std::uint64_t interval_ns_ = kLongestIntervalNs;
  std::uint64_t swept_ns_ = 0;
  std::list<Entry> told_;  // The longest ago first.
  absl::flat_hash_map<std::uint64_t, std::list<Entry>::iterator> places_;
};

}  // namespace tickcast::shards
