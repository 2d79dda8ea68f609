#include "tools/loadgen/kind_record.h"

#include <gtest/gtest.h>

#include <string>

namespace tickcast::loadgen {
namespace {

double Figure(const Figures& figures, const std::string& name) {
  for (const auto& [known, value] : figures) {
    if (known == name) return value;
  }
  ADD_FAILURE() << "no figure " << name;
  return 0;
}

bool Has(const Figures& figures, const std::string& name) {
  for (const auto& [known, value] : figures) {
    if (known == name) return true;
  }
  return false;
}

KindCounts CountsOf(std::uint64_t base) {
  return {.deliveries = base,
          .tally = {.delivered = base + 1,
                    .missing = base + 2,
                    .reordered = base + 3,
                    .duplicate = base + 4},
          .closed = base + 5,
          .reopened = base + 6,
          .refused = base + 7,
          .told = base + 8};
}

TEST(KindRecordTest, EveryCountIsAddedAndSubtracted) {
  KindCounts sum = CountsOf(100);
  sum.Add(CountsOf(1000));
  const KindCounts since = sum.Since(CountsOf(100));
  const KindCounts wanted = CountsOf(1000);
  EXPECT_EQ(since.deliveries, wanted.deliveries);
  EXPECT_EQ(since.tally.delivered, wanted.tally.delivered);
  EXPECT_EQ(since.tally.missing, wanted.tally.missing);
  EXPECT_EQ(since.tally.reordered, wanted.tally.reordered);
  EXPECT_EQ(since.tally.duplicate, wanted.tally.duplicate);
  EXPECT_EQ(since.closed, wanted.closed);
  EXPECT_EQ(since.reopened, wanted.reopened);
  EXPECT_EQ(since.refused, wanted.refused);
  EXPECT_EQ(since.told, wanted.told);
}

TEST(KindRecordTest, FiguresCarryTheKindsNameAndOnlyTimesThatWereMeasured) {
  const Kind kind{.name = "calm", .count = 30};
  KindRecord record;
  record.latency.Record(5);
  record.stall.Record(70);
  record.scroll.Record(9);
  Figures figures;
  AddKindFigures(kind, record, CountsOf(10), {.deliveries = 8}, 4, figures);
  EXPECT_EQ(Figure(figures, "calm_connections"), 30);
  EXPECT_EQ(Figure(figures, "calm_deliveries"), 8);
  EXPECT_EQ(Figure(figures, "calm_deliveries_per_s"), 2);
  EXPECT_EQ(Figure(figures, "calm_p99"), 5);
  EXPECT_EQ(Figure(figures, "calm_missing"), 12);
  EXPECT_EQ(Figure(figures, "calm_stall_max"), 70);
  EXPECT_EQ(Figure(figures, "calm_scroll_p99"), 9);
  EXPECT_FALSE(Has(figures, "calm_join_max"));
  EXPECT_FALSE(Has(figures, "calm_life_max"));
}

// What a late arrival takes back of an earlier phase is less than nothing, not 2^64.
TEST(KindRecordTest, MissingMayFall) {
  KindCounts before;
  before.tally.missing = 3;
  KindCounts after;
  after.tally.missing = 1;
  Figures figures;
  AddKindFigures({}, {}, after.Since(before), {}, 1, figures);
  EXPECT_EQ(Figure(figures, "fast_missing"), -2);
}

TEST(KindRecordTest, TimesAreClearedAndCountsStay) {
  KindRecord record;
  record.counts = CountsOf(1);
  for (Histogram* histogram :
       {&record.latency, &record.stall, &record.join, &record.scroll, &record.life}) {
    histogram->Record(1);
  }
  KindRecord sum;
  sum.Add(record);
  sum.Add(record);
  EXPECT_EQ(sum.life.count(), 2U);
  EXPECT_EQ(sum.scroll.count(), 2U);
  EXPECT_EQ(sum.counts.told, 18U);
  sum.ClearTimes();
  for (const Histogram* histogram : {&sum.latency, &sum.stall, &sum.join, &sum.scroll, &sum.life}) {
    EXPECT_EQ(histogram->count(), 0U);
  }
  EXPECT_EQ(sum.counts.told, 18U);
}

}  // namespace
}  // namespace tickcast::loadgen
