#include "protocol/exchange/payload.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace tickcast::protocol {
namespace {

TickerEvent FullTicker() {
  TickerEvent ticker;
  ticker.symbol = "BTC-USDT";
  ticker.sequence = 123;
  ticker.time_ms = 1'628'640'000'123;
  ticker.price = "61837.63000000";
  ticker.size = "0.001";
  ticker.bid = "61837.6";
  ticker.bid_size = "1.20";
  ticker.ask = "61837.7";
  ticker.ask_size = "0.8";
  return ticker;
}

std::string PayloadOf(const TickerEvent& ticker) {
  std::string out;
  AppendTickerPayload(ticker, out);
  return out;
}

TradeEvent FullTrade() {
  TradeEvent trade;
  trade.sequence = 7;
  trade.id = "6085c09769bc50";
  trade.time_ms = 1'628'640'000'123;
  trade.price = "0.10";
  trade.size = "5";
  trade.side = Side::kSell;
  return trade;
}

TEST(PayloadTest, ATickerCarriesTheExchangesOwnText) {
  EXPECT_EQ(PayloadOf(FullTicker()),
            R"({"seq":123,"time":1628640000123,"price":"61837.63000000","size":"0.001",)"
            R"("bid":"61837.6","bid_size":"1.20","ask":"61837.7","ask_size":"0.8"})");
}

TEST(PayloadTest, WhatTheExchangeDidNotGiveIsAbsent) {
  EXPECT_EQ(PayloadOf({}), "{}");
  TickerEvent ticker;
  ticker.bid = "1.5";
  EXPECT_EQ(PayloadOf(ticker), R"({"bid":"1.5"})");
  ticker.time_ms = 5;
  EXPECT_EQ(PayloadOf(ticker), R"({"time":5,"bid":"1.5"})");
}

TEST(PayloadTest, ATradeNamesSideAndId) {
  std::string out;
  AppendTradePayload(FullTrade(), out);
  EXPECT_EQ(out, R"({"seq":7,"time":1628640000123,"price":"0.10","size":"5","side":"sell",)"
                 R"("id":"6085c09769bc50"})");
  out.clear();
  TradeEvent bought = FullTrade();
  bought.side = Side::kBuy;
  AppendTradePayload(bought, out);
  EXPECT_NE(out.find(R"("side":"buy")"), std::string::npos);
}

// JavaScript keeps integers exactly up to 2^53 - 1; the next one is already text.
TEST(PayloadTest, ASequenceThatJavaScriptWouldRoundIsText) {
  TickerEvent ticker;
  ticker.sequence = kMaxSafeInteger;
  EXPECT_EQ(PayloadOf(ticker), R"({"seq":9007199254740991})");
  ticker.sequence = kMaxSafeInteger + 1;
  EXPECT_EQ(PayloadOf(ticker), R"({"seq":"9007199254740992"})");
  ticker.sequence = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(PayloadOf(ticker), R"({"seq":"18446744073709551615"})");
}

TEST(PayloadTest, AppendsBehindWhatIsThere) {
  std::string out = "before ";
  AppendTickerPayload({}, out);
  AppendTradePayload(FullTrade(), out);
  EXPECT_EQ(out.rfind("before {}{\"seq\":7,", 0), 0U);
}

TEST(PayloadTest, AWarmBufferIsNotAllocatedAgain) {
  std::string out;
  AppendTickerPayload(FullTicker(), out);
  const void* const memory = out.data();
  for (int i = 0; i < 100; ++i) {
    out.clear();
    AppendTickerPayload(FullTicker(), out);
    ASSERT_EQ(out.data(), memory);
  }
}

// The room that is reserved covers the longest everything.
TEST(PayloadTest, TheLongestPayloadsFit) {
  const std::string longest(64, '9');
  TickerEvent ticker;
  ticker.sequence = std::numeric_limits<std::uint64_t>::max();
  ticker.time_ms = std::numeric_limits<std::int64_t>::min();
  ticker.price = ticker.size = ticker.bid = ticker.bid_size = longest;
  ticker.ask = ticker.ask_size = longest;
  EXPECT_EQ(PayloadOf(ticker).size(), 6 * longest.size() + 125);
  TradeEvent trade;
  trade.sequence = std::numeric_limits<std::uint64_t>::max();
  trade.time_ms = std::numeric_limits<std::int64_t>::min();
  trade.price = trade.size = trade.id = longest;
  std::string out;
  AppendTradePayload(trade, out);
  EXPECT_EQ(out.back(), '}');
}

}  // namespace
}  // namespace tickcast::protocol
