// FeedMetrics: one feed's counters as metrics, so that every frame that came in can be accounted
// for. Threading: written by the feed's shard, read by any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/metrics.h"
#include "shards/feeds/feed_counters.h"
#include "shards/request.h"

namespace tickcast::shards {

class FeedMetrics {
 public:
  // `number` tells the feeds of one shard apart.
  FeedMetrics(engine::Registry& registry, ShardId shard, std::size_t number);

  // Copies the feed's counters. A few times a second.
  void Update(const FeedCounters& counters);

 private:
  struct Row;
  static const Row kRows[];
  static constexpr std::size_t kRowCount = 20;
  std::array<engine::Counter*, kRowCount> metrics_{};
};

}  // namespace tickcast::shards
