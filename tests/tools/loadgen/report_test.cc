#include "tools/loadgen/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tickcast::loadgen {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ReportTest, JsonKeepsCountsWholeAndIsOneLine) {
  EXPECT_EQ(ToJson({}), "{}");
  EXPECT_EQ(ToJson({{"lost", 0}, {"due", 28'764'825}, {"share", 0.25}}),
            R"({"lost":0,"due":28764825,"share":0.25})");
}

TEST(ReportTest, TextShowsDurationsWithUnitsWhateverTheirKind) {
  const std::string text = ToText({{"p99", 1'250'000},
                                   {"slow_p99", 2.5e9},
                                   {"no-pong_stall_max", 999},
                                   {"deliveries", 1'234'567},
                                   {"top", 1500}});
  EXPECT_THAT(text, HasSubstr("1.25 ms"));
  EXPECT_THAT(text, HasSubstr("2.500 s"));
  EXPECT_THAT(text, HasSubstr("999 ns"));
  EXPECT_THAT(text, HasSubstr("1,234,567"));
  EXPECT_THAT(text, HasSubstr("1,500"));
  EXPECT_THAT(text, Not(HasSubstr("1.5 us")));
}

TEST(ReportTest, QuantilesCarryTheirKindsName) {
  Histogram histogram;
  histogram.Record(7);
  Figures figures;
  AddQuantiles(histogram, figures, "slow_");
  ASSERT_EQ(figures.size(), 7U);
  EXPECT_EQ(figures[0], (std::pair<std::string, double>{"slow_samples", 1}));
  EXPECT_EQ(figures[3], (std::pair<std::string, double>{"slow_p99", 7}));
}

TEST(ReportTest, TheProgressLineHasRatesAndPercentiles) {
  EXPECT_EQ(ProgressLine({.clients = 100'000,
                          .publications_per_s = 1500,
                          .deliveries_per_s = 2e6,
                          .p50_ns = 250'000,
                          .p99_ns = 130'500'000,
                          .missing = -3,
                          .duplicate = 1,
                          .errors = 2,
                          .closed = 1004}),
            "100,000 clients  1,500 publications/s  2,000,000 deliveries/s  p50 0.25 ms  "
            "p99 130.50 ms  missing -3  duplicate 1  errors 2  closed 1,004");
}

TEST(ReportTest, NumbersAreGroupedByThousands) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(1'234'567), "1,234,567");
}

}  // namespace
}  // namespace tickcast::loadgen
