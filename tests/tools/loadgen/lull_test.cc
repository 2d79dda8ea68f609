#include "tools/loadgen/lull.h"

#include <gtest/gtest.h>

namespace tickcast::loadgen {
namespace {

constexpr std::uint64_t kStep = Lull::kResolutionNs;
constexpr std::uint64_t kBegin = 1'000'000'007;

TEST(LullTest, NothingAtAllIsTheWholeTime) {
  Lull lull;
  lull.Begin(kBegin);
  EXPECT_EQ(lull.LongestNs(kBegin + 50 * kStep), 50 * kStep);
  EXPECT_EQ(lull.LongestNs(kBegin), 0U);
  EXPECT_EQ(lull.LongestNs(kBegin - 1), 0U);
}

TEST(LullTest, SomethingInEveryStepIsNone) {
  Lull lull;
  lull.Begin(kBegin);
  for (std::uint64_t step = 0; step < 100; ++step) lull.Mark(kBegin + step * kStep + kStep - 1);
  EXPECT_EQ(lull.LongestNs(kBegin + 100 * kStep), 0U);
}

TEST(LullTest, TheLongestOfSeveralCounts) {
  Lull lull;
  lull.Begin(kBegin);
  for (const std::uint64_t step : {0U, 3U, 4U, 20U, 25U}) lull.Mark(kBegin + step * kStep);
  EXPECT_EQ(lull.LongestNs(kBegin + 26 * kStep), 15 * kStep);
}

TEST(LullTest, TheEndCountsToo) {
  Lull lull;
  lull.Begin(kBegin);
  lull.Mark(kBegin);
  EXPECT_EQ(lull.LongestNs(kBegin + 10 * kStep), 9 * kStep);
}

TEST(LullTest, MergedOnlyWhatNobodyHadIsALull) {
  Lull odd;
  Lull even;
  odd.Begin(kBegin);
  even.Begin(kBegin);
  for (std::uint64_t step = 0; step < 30; ++step) {
    if (step >= 10 && step < 14) continue;
    (step % 2 == 0 ? even : odd).Mark(kBegin + step * kStep);
  }
  odd.Merge(even);
  EXPECT_EQ(odd.LongestNs(kBegin + 30 * kStep), 4 * kStep);
}

TEST(LullTest, WhereNobodyIsConnectedNobodyWaits) {
  Lull one;
  Lull other;
  one.Begin(kBegin);
  other.Begin(kBegin);
  one.Mark(kBegin);
  // Of the one nobody is there in steps 2 to 19, of the other in 5 to 9.
  for (std::uint64_t step = 3; step <= 20; ++step) {
    one.Nobody(kBegin + 2 * kStep - 1, kBegin + step * kStep);
  }
  other.Nobody(kBegin + 5 * kStep, kBegin + 10 * kStep + 1);
  EXPECT_EQ(one.LongestNs(kBegin + 20 * kStep), 1 * kStep);
  one.Merge(other);
  EXPECT_EQ(one.LongestNs(kBegin + 20 * kStep), 10 * kStep) << "steps 10 to 19";
}

TEST(LullTest, WhatCameBeforeTheBeginningDoesNotCount) {
  Lull lull;
  lull.Begin(kBegin);
  lull.Mark(kBegin - 1);
  EXPECT_EQ(lull.LongestNs(kBegin + 5 * kStep), 5 * kStep);
}

}  // namespace
}  // namespace tickcast::loadgen
