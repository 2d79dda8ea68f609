#include "tools/loadgen/storm.h"

#include <gtest/gtest.h>

#include <string>

namespace tickcast::loadgen {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

// -1 when the storm has no such figure.
double Figure(const Storm& storm, const std::string& name) {
  Figures figures;
  storm.AddFigures(figures);
  for (const auto& [known, value] : figures) {
    if (known == name) return value;
  }
  return -1;
}

TEST(StormTest, TimesAreThoseUntilSoManyOfAllAreBack) {
  Storm storm;
  storm.Begin(100, 5 * kSecond);
  for (std::uint64_t i = 1; i <= 100; ++i) storm.Back(5 * kSecond + i * kSecond);
  EXPECT_TRUE(storm.over());
  EXPECT_NEAR(Figure(storm, "storm_p50"), 50e9, 50e9 * 0.016);
  EXPECT_NEAR(Figure(storm, "storm_p90"), 90e9, 90e9 * 0.016);
  EXPECT_NEAR(Figure(storm, "storm_p99"), 99e9, 99e9 * 0.016);
  EXPECT_EQ(Figure(storm, "storm_max"), 100e9);
  EXPECT_EQ(Figure(storm, "storm_cut"), 100);
  EXPECT_EQ(Figure(storm, "storm_back"), 100);
}

// A share of those that came back would look better the fewer did.
TEST(StormTest, WhatWasNotReachedHasNoFigure) {
  Storm storm;
  storm.Begin(100, 0);
  for (std::uint64_t i = 1; i <= 90; ++i) storm.Back(i * kSecond);
  EXPECT_FALSE(storm.over());
  EXPECT_NEAR(Figure(storm, "storm_p50"), 50e9, 50e9 * 0.016);
  EXPECT_EQ(Figure(storm, "storm_p90"), 90e9);
  EXPECT_EQ(Figure(storm, "storm_p99"), -1);
  EXPECT_EQ(Figure(storm, "storm_max"), -1);
}

TEST(StormTest, ACrewsStormIsAPartOfTheWhole) {
  Storm quick;
  Storm slow;
  quick.Begin(50, 0);
  slow.Begin(50, 0);
  for (int i = 0; i < 50; ++i) quick.Back(kSecond);
  for (int i = 0; i < 50; ++i) slow.Back(3 * kSecond);
  slow.Refused();
  quick.Add(slow);
  EXPECT_TRUE(quick.over());
  EXPECT_NEAR(Figure(quick, "storm_p50"), 1e9, 0.016e9);
  EXPECT_EQ(Figure(quick, "storm_max"), 3e9);
  EXPECT_EQ(Figure(quick, "storm_refused"), 1);
}

TEST(StormTest, ANewStormForgetsTheOldOne) {
  Storm storm;
  storm.Begin(2, 0);
  storm.Back(kSecond);
  storm.Refused();
  storm.Begin(1, 10 * kSecond);
  EXPECT_FALSE(storm.over());
  storm.Back(11 * kSecond);
  EXPECT_TRUE(storm.over());
  EXPECT_EQ(Figure(storm, "storm_max"), 1e9);
  EXPECT_EQ(Figure(storm, "storm_refused"), 0);
}

TEST(StormTest, NobodyCutIsOverAndHasNoTimes) {
  Storm storm;
  storm.Begin(0, 0);
  EXPECT_TRUE(storm.over());
  EXPECT_EQ(Figure(storm, "storm_p50"), -1);
}

}  // namespace
}  // namespace tickcast::loadgen
