#include "tools/loadgen/slope.h"

#include <gtest/gtest.h>

#include <random>

namespace tickcast::loadgen {
namespace {

TEST(SlopeTest, OneMomentHasNone) {
  Slope slope;
  EXPECT_EQ(slope.PerSecond(), 0);
  slope.Add(3, 100);
  EXPECT_EQ(slope.PerSecond(), 0);
  slope.Add(3, 200);
  EXPECT_EQ(slope.PerSecond(), 0);
  EXPECT_EQ(slope.last(), 200);
  EXPECT_EQ(slope.count(), 2U);
}

TEST(SlopeTest, AStraightLineIsFoundExactly) {
  Slope rising;
  Slope falling;
  for (int second = 0; second < 100; ++second) {
    rising.Add(second, 5.0 * second + 7);
    falling.Add(second, -0.25 * second);
  }
  EXPECT_NEAR(rising.PerSecond(), 5, 1e-12);
  EXPECT_NEAR(falling.PerSecond(), -0.25, 1e-12);
}

// Gigabytes that grow by a page a second: differences of large squares would see nothing.
TEST(SlopeTest, ASmallSlopeOnALargeValueIsSeen) {
  Slope slope;
  for (int second = 0; second < 600; ++second) slope.Add(1e6 + second, 20e9 + 4096.0 * second);
  EXPECT_NEAR(slope.PerSecond(), 4096, 0.01);
}

TEST(SlopeTest, NoiseAroundALineLeavesTheLine) {
  std::mt19937 random(1);
  std::normal_distribution<double> noise(0, 1000);
  Slope slope;
  for (int second = 0; second < 3600; ++second) slope.Add(second, 10.0 * second + noise(random));
  // Its standard error is noise / (deviation of the times x sqrt(n)) = 0.016.
  EXPECT_NEAR(slope.PerSecond(), 10, 0.1);
}

}  // namespace
}  // namespace tickcast::loadgen
