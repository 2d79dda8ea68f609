#include "tools/loadgen/server_counters.h"

#include <gtest/gtest.h>

#include <string>

namespace tickcast::loadgen {
namespace {

const std::string kPage =
    "# HELP tickcast_publications_owed_total Publications times subscribers.\n"
    "# TYPE tickcast_publications_owed_total counter\n"
    "tickcast_publications_owed_total{shard=\"0\"} 100\n"
    "tickcast_publications_owed_total{shard=\"1\"} 28.0\n"
    "tickcast_publications_delivered_total{shard=\"0\"} 1e+02\n"
    "tickcast_publications_conflated_total{shard=\"0\"} 7\n"
    "tickcast_publications_skipped_total{shard=\"0\",reason=\"gap\"} 3\n"
    "tickcast_publications_skipped_total{shard=\"0\",reason=\"left\"} 2\n"
    "tickcast_lane_conflated_total{shard=\"0\"} 1\n"
    "tickcast_lane_conflated_totals{shard=\"0\"} 1000\n";

TEST(ServerCountersTest, SumsOverShardsAndReasons) {
  ServerCounters counters;
  ASSERT_TRUE(ReadServerCounters(kPage, counters));
  EXPECT_EQ(counters.owed, 128U);
  EXPECT_EQ(counters.delivered, 100U);
  EXPECT_EQ(counters.conflated, 7U);
  EXPECT_EQ(counters.skipped, 5U);
  EXPECT_EQ(counters.lane_conflated, 1U);
}

TEST(ServerCountersTest, AnotherServersPageHasNone) {
  ServerCounters counters;
  EXPECT_FALSE(ReadServerCounters("", counters));
  EXPECT_FALSE(ReadServerCounters("go_goroutines 17\n", counters));
  EXPECT_FALSE(ReadServerCounters("tickcast_publications_owed_total\n", counters));
  EXPECT_EQ(counters.owed, 0U);
}

TEST(ServerCountersTest, APageMayEndWithoutANewline) {
  ServerCounters counters;
  ASSERT_TRUE(ReadServerCounters("tickcast_publications_owed_total 5", counters));
  EXPECT_EQ(counters.owed, 5U);
}

TEST(ServerCountersTest, ADifferenceIsOfEachCounter) {
  ServerCounters before;
  ServerCounters after;
  ASSERT_TRUE(ReadServerCounters("tickcast_publications_owed_total 28\n", before));
  ASSERT_TRUE(ReadServerCounters(kPage, after));
  const ServerCounters since = after.Since(before);
  EXPECT_EQ(since.owed, 100U);
  EXPECT_EQ(since.skipped, 5U);
  Figures figures;
  AddServerFigures(since, figures);
  ASSERT_EQ(figures.size(), 5U);
  EXPECT_EQ(figures[0], (std::pair<std::string, double>{"server_owed", 100}));
}

}  // namespace
}  // namespace tickcast::loadgen
