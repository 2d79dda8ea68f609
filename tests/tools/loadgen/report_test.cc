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

TEST(ReportTest, NumbersAreGroupedByThousands) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(1'234'567), "1,234,567");
}

}  // namespace
}  // namespace tickcast::loadgen
