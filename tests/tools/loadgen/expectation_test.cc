#include "tools/loadgen/expectation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tickcast::loadgen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Figures kRun = {{"p99", 4e6}, {"lost", 0}, {"deliveries_per_s", 250'000}};

std::vector<std::string> Check(const char* text) {
  const absl::StatusOr<std::vector<Expectation>> expectations = ParseExpectations(text);
  EXPECT_TRUE(expectations.ok()) << expectations.status();
  return Unmet(*expectations, kRun);
}

TEST(ExpectationTest, WhatHoldsIsNotReported) {
  EXPECT_THAT(Check("p99<5ms,lost=0"), IsEmpty());
  EXPECT_THAT(Check("p99<=4ms,p99>=4000us,p99=4000000,deliveries_per_s>249999.5"), IsEmpty());
  EXPECT_THAT(Check(""), IsEmpty());
}

TEST(ExpectationTest, EachRelationIsStrictWhereItSaysSo) {
  EXPECT_THAT(Check("p99<4ms"), ElementsAre(HasSubstr("p99<4ms")));
  EXPECT_THAT(Check("p99>0.004s"), ElementsAre(HasSubstr("p99>0.004s")));
  EXPECT_THAT(Check("p99<=3999999"), ElementsAre(HasSubstr("it was 4e+06")));
  EXPECT_THAT(Check("lost=1,p99>=5ms"), testing::SizeIs(2));
}

TEST(ExpectationTest, AFigureThatTheRunDoesNotHaveFails) {
  EXPECT_THAT(Check("p98<5ms"), ElementsAre(HasSubstr("no figure 'p98'")));
}

TEST(ExpectationTest, NonsenseIsNamed) {
  for (const char* text : {"p99", "p99<", "<5", "p99<5kg", "p99<5ms;lost=0", "lost==0"}) {
    const auto expectations = ParseExpectations(text);
    ASSERT_FALSE(expectations.ok()) << text;
    EXPECT_THAT(std::string(expectations.status().message()), HasSubstr(text));
  }
}

TEST(ExpectationTest, DurationsHaveUnitsAndDefaultToSeconds) {
  EXPECT_EQ(*ParseDuration("3"), 3e9);
  EXPECT_EQ(*ParseDuration("0.5"), 0.5e9);
  EXPECT_EQ(*ParseDuration("250ms"), 250e6);
  EXPECT_EQ(*ParseDuration("7us"), 7e3);
  EXPECT_EQ(*ParseDuration("9ns"), 9);
  for (const char* text : {"", "s", "-1s", "1m", "ten"})
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
}

}  // namespace
}  // namespace tickcast::loadgen
