#include "tools/loadgen/market.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tickcast::loadgen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kPush =
    R"({"push":{"channel":"ticker:sim.BTC-USDT","pub":{"data":{"seq":123,"time":1628640000456,)"
    R"("price":"61837.6"}}}})";

TEST(MarketTest, AValueIsReadFromItsPush) {
  MarketValue value;
  ASSERT_TRUE(ReadMarketPush(kPush, value));
  EXPECT_EQ(value.channel, "ticker:sim.BTC-USDT");
  EXPECT_EQ(value.seq, 123U);
  EXPECT_EQ(value.time_ms, 1628640000456);
}

// Beyond 2^53 a sequence is a string, so that JavaScript reads it right.
TEST(MarketTest, ALargeSequenceIsQuoted) {
  const std::string push =
      R"({"push":{"channel":"ticker:x.Y","pub":{"data":{"seq":"18446744073709551615","time":7,)";
  MarketValue value;
  ASSERT_TRUE(ReadMarketPush(push, value));
  EXPECT_EQ(value.seq, UINT64_MAX);
  EXPECT_EQ(value.time_ms, 7);
}

TEST(MarketTest, OtherLinesAreNoValues) {
  MarketValue value;
  for (const char* line :
       {"{}", R"({"id":1,"connect":{}})", R"({"push":{"message":{"data":{"conflated":1}}}})",
        R"({"push":{"channel":"trade:sim.X","pub":{"data":{"id":"1"}}}})",
        R"({"push":{"channel":"ticker:sim.X","unsubscribe":{"code":2500}}})",
        R"({"push":{"channel":"ticker:sim.X","pub":{"data":{"seq":1,"price":"1"}}}})"}) {
    EXPECT_FALSE(ReadMarketPush(line, value)) << line;
  }
}

TEST(MarketTest, APushThatIsCutAnywhereBeforeItsTimeIsNoValue) {
  const std::size_t whole = kPush.find("456,");
  for (std::size_t cut = 0; cut < whole - 10; ++cut) {
    MarketValue value;
    EXPECT_FALSE(ReadMarketPush(std::string_view(kPush).substr(0, cut), value)) << cut;
  }
}

TEST(MarketTest, TheFirstValueIsFoundInAReply) {
  EXPECT_EQ(ReadFirstSeq(R"({"id":2,"subscribe":{"publications":[{"data":{"seq":77,"time":1}}]}})"),
            77U);
  EXPECT_EQ(ReadFirstSeq(R"({"id":2,"subscribe":{}})"), 0U);
  EXPECT_EQ(ReadFirstSeq(R"({"id":2,"subscribe":{"publications":[{"data":{"seq":)"), 0U);
}

TEST(MarketTest, ChannelsOfOneExchangeAreRankedByActivity) {
  const auto channels = ReadMarketChannels(
      R"({"tickers":{"sim.ADA-USDT":{"seq":5},"sim.BTC-USDT":{"seq":50},"kucoin.BTC-USDT":{"seq":9},
          "sim.SYM0025-USDT":{"seq":40},"sim.SYM0024-USDT":{"seq":3},"sim.XRP-USDT":{"seq":6}}})",
      "sim");
  ASSERT_TRUE(channels.ok()) << channels.status();
  // The numbered symbols come behind the known ones, by their numbers and not by chance.
  EXPECT_THAT(*channels,
              ElementsAre("ticker:sim.BTC-USDT", "ticker:sim.XRP-USDT", "ticker:sim.ADA-USDT",
                          "ticker:sim.SYM0024-USDT", "ticker:sim.SYM0025-USDT"));
}

TEST(MarketTest, AnExchangeWhoseNameIsTheBeginningOfAnotherIsNotMistaken) {
  const auto channels =
      ReadMarketChannels(R"({"tickers":{"simx.A":{"seq":1},"sim.B":{"seq":1},"sim":{}}})", "sim");
  ASSERT_TRUE(channels.ok()) << channels.status();
  EXPECT_THAT(*channels, ElementsAre("ticker:sim.B"));
}

TEST(MarketTest, AnotherPageIsNamed) {
  for (const char* page : {"", "not found", "[]", R"({"tickers":[]})"}) {
    const auto channels = ReadMarketChannels(page, "sim");
    EXPECT_TRUE(absl::IsInvalidArgument(channels.status())) << page;
    EXPECT_THAT(std::string(channels.status().message()), HasSubstr("/v1/tickers"));
  }
}

}  // namespace
}  // namespace tickcast::loadgen
