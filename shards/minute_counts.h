// MinuteCounts: what has happened on a shard in the last whole minute, as `info` of the server API
// tells it. Totals only grow, so a minute is the difference of two looks at them.
// Threading: owned by one shard.
#pragma once

#include <cstdint>

namespace tickcast::shards {

// How often; by themselves: since the shard began.
struct ShardCounts {
  std::uint64_t publications = 0;  // Of the channels whose home it is.
  std::uint64_t refused = 0;       // Connections, by client.connection_limit.

  bool operator==(const ShardCounts&) const = default;
};

class MinuteCounts {
 public:
  static constexpr std::uint64_t kMinuteNs = 60'000'000'000;

  // To be called more often than once a minute; `now_ns` is monotonic.
  void Sample(const ShardCounts& totals, std::uint64_t now_ns) {
    if (due_ns_ == 0) due_ns_ = now_ns + kMinuteNs;
    if (now_ns < due_ns_) return;
    due_ns_ += kMinuteNs;
    last_ = {totals.publications - before_.publications, totals.refused - before_.refused};
    before_ = totals;
  }

  // Zeros in the first minute.
  const ShardCounts& last() const { return last_; }

 private:
  std::uint64_t due_ns_ = 0;
  ShardCounts before_;
  ShardCounts last_;
};

}  // namespace tickcast::shards
