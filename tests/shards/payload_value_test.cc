#include "shards/payload_value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace tickcast::shards {
namespace {

const std::vector<std::string> kFields = {"price", "bid", "value"};

TEST(PayloadValueTest, ANumberOrADecimalStringIsRead) {
  PayloadValue values;
  EXPECT_FLOAT_EQ(values.Read(R"({"price":"61837.63"})", kFields), 61837.63f);
  EXPECT_FLOAT_EQ(values.Read(R"({"price":61837.63})", kFields), 61837.63f);
  EXPECT_FLOAT_EQ(values.Read(R"({"price":-0.5e-3})", kFields), -0.0005f);
  EXPECT_FLOAT_EQ(values.Read(R"({"price":0})", kFields), 0.0f);
  EXPECT_FLOAT_EQ(values.Read(R"({"price":7 ,"x":1})", kFields), 7.0f);
  EXPECT_FLOAT_EQ(values.Read(R"({"price":18446744073709551616})", kFields),
                  18446744073709551616.f);
}

// simdjson 3.0 reads numbers below 1 wrongly that have more digits than 64 bits hold.
TEST(PayloadValueTest, ALongFractionIsReadRightly) {
  PayloadValue values;
  EXPECT_EQ(values.Read(R"({"price":0.99999999999999999999})", kFields), 1.0f);
  EXPECT_EQ(values.Read(R"({"price":"0.99999999999999999999"})", kFields), 1.0f);
}

TEST(PayloadValueTest, TheFirstOfTheFieldsThatIsThereCounts) {
  PayloadValue values;
  EXPECT_EQ(values.Read(R"({"value":3,"bid":"2","price":1})", kFields), 1.0f);
  EXPECT_EQ(values.Read(R"({"value":3,"bid":"2","ask":9})", kFields), 2.0f);
  EXPECT_EQ(values.Read(R"({"size":4,"value":3})", kFields), 3.0f);
  EXPECT_EQ(values.Read(R"({"size":4,"value":3})", std::vector<std::string>{"size"}), 4.0f);
}

TEST(PayloadValueTest, WhatHasNoNumberIsNaN) {
  PayloadValue values;
  for (const char* data :
       {"{}", R"({"size":1})", R"({"price":null})", R"({"price":true})", R"({"price":"dear"})",
        R"({"price":""})", R"({"price":{"usd":1}})", R"({"price":[1]})", "[1]", "1", "\"1\"",
        R"({"x":{"price":1}})", R"({"price":"1 2"})"}) {
    EXPECT_TRUE(std::isnan(values.Read(data, kFields))) << data;
  }
  EXPECT_TRUE(std::isnan(values.Read(R"({"price":1})", {})));
  // The first one that is there decides, even if it is no number.
  EXPECT_TRUE(std::isnan(values.Read(R"({"price":null,"bid":2})", kFields)));
}

// One buffer serves all: neither a longer nor a shorter text before shows.
TEST(PayloadValueTest, ReadsDoNotDependOnThoseBefore) {
  PayloadValue values;
  const std::string padding(5000, 'x');
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(values.Read(R"({"padding":")" + padding + R"(","price":5})", kFields), 5.0f);
    EXPECT_EQ(values.Read(R"({"bid":6})", kFields), 6.0f);
    EXPECT_TRUE(std::isnan(values.Read("[", kFields)));
  }
}

// What min_change can ask for at the least still shows.
TEST(PayloadValueTest, AChangeOfAHundredThousandthIsTold) {
  PayloadValue values;
  const float before = values.Read(R"({"price":"61837.63"})", kFields);
  const float after = values.Read(R"({"price":"61838.2484"})", kFields);
  EXPECT_NEAR((after - before) / before, 1e-5, 2e-7);
}

}  // namespace
}  // namespace tickcast::shards
