#include "shards/minute_counts.h"

#include <gtest/gtest.h>

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kMinute = MinuteCounts::kMinuteNs;

TEST(MinuteCountsTest, TheLastWholeMinuteIsTold) {
  MinuteCounts counts;
  counts.Sample({.publications = 0, .refused = 0}, 5);
  counts.Sample({.publications = 7, .refused = 1}, 5 + kMinute - 1);
  EXPECT_EQ(counts.last(), ShardCounts{}) << "it is not over";
  counts.Sample({.publications = 8, .refused = 1}, 5 + kMinute);
  EXPECT_EQ(counts.last(), (ShardCounts{.publications = 8, .refused = 1}));
  counts.Sample({.publications = 9, .refused = 4}, 6 + kMinute);
  EXPECT_EQ(counts.last(), (ShardCounts{.publications = 8, .refused = 1}));
  counts.Sample({.publications = 10, .refused = 4}, 5 + 2 * kMinute);
  EXPECT_EQ(counts.last(), (ShardCounts{.publications = 2, .refused = 3}));
  counts.Sample({.publications = 10, .refused = 4}, 5 + 3 * kMinute);
  EXPECT_EQ(counts.last(), ShardCounts{}) << "nothing happened";
}

}  // namespace
}  // namespace tickcast::shards
