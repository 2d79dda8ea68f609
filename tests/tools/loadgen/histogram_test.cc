#include "tools/loadgen/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace tickcast::loadgen {
namespace {

TEST(HistogramTest, AnEmptyOneAnswersZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.Quantile(0.5), 0U);
  EXPECT_EQ(histogram.min(), 0U);
  EXPECT_EQ(histogram.max(), 0U);
  EXPECT_EQ(histogram.mean(), 0);
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (std::uint64_t value = 0; value < 128; ++value) histogram.Record(value);
  for (std::uint64_t value = 0; value < 128; ++value) {
    EXPECT_EQ(histogram.Quantile(static_cast<double>(value + 1) / 128), value);
  }
}

// Every power of two is where the width of the buckets changes, so both of its sides are tried.
TEST(HistogramTest, ASingleValueComesBackWithinItsBucket) {
  for (int shift = 0; shift < 64; ++shift) {
    for (const std::uint64_t value :
         {(std::uint64_t{1} << shift) - 1, std::uint64_t{1} << shift,
          (std::uint64_t{1} << shift) + 1, (std::uint64_t{1} << shift) * 3 / 2}) {
      Histogram histogram;
      histogram.Record(value);
      histogram.Record(UINT64_MAX);  // So that max() does not clip the answer.
      const std::uint64_t answer = histogram.Quantile(0.5);
      EXPECT_GE(answer, value);
      EXPECT_LE(static_cast<double>(answer - value), static_cast<double>(value) / 64) << value;
    }
  }
}

TEST(HistogramTest, QuantilesOfRandomValuesAreNeverLowAndAtMostABucketHigh) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> latency(11, 2);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<std::uint64_t>(latency(random)));
    histogram.Record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double fraction : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const std::uint64_t exact = values[static_cast<std::size_t>(std::ceil(fraction * 20'000)) - 1];
    const std::uint64_t answer = histogram.Quantile(fraction);
    EXPECT_GE(answer, exact) << fraction;
    EXPECT_LE(static_cast<double>(answer), static_cast<double>(exact) * (1 + 1.0 / 64)) << fraction;
  }
  EXPECT_EQ(histogram.Quantile(1), values.back());
  EXPECT_EQ(histogram.max(), values.back());
  EXPECT_EQ(histogram.min(), values.front());
}

TEST(HistogramTest, AddingTwoEqualsRecordingBoth) {
  Histogram left;
  Histogram right;
  Histogram both;
  for (std::uint64_t value = 1; value < 1'000'000; value = value * 3 + 1) {
    left.Record(value);
    right.RecordMany(value * 2, 3);
    both.Record(value);
    both.RecordMany(value * 2, 3);
  }
  left.Add(right);
  EXPECT_EQ(left.count(), both.count());
  EXPECT_EQ(left.min(), both.min());
  EXPECT_EQ(left.max(), both.max());
  EXPECT_DOUBLE_EQ(left.mean(), both.mean());
  for (const double fraction : {0.1, 0.5, 0.9, 1.0}) {
    EXPECT_EQ(left.Quantile(fraction), both.Quantile(fraction));
  }
}

TEST(HistogramTest, ClearingForgetsEverything) {
  Histogram histogram;
  histogram.RecordMany(12345, 10);
  histogram.Clear();
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.max(), 0U);
  histogram.Record(7);
  EXPECT_EQ(histogram.Quantile(1), 7U);
}

TEST(HistogramTest, RecordingNothingChangesNothing) {
  Histogram histogram;
  histogram.RecordMany(5, 0);
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.max(), 0U);
}

}  // namespace
}  // namespace tickcast::loadgen
