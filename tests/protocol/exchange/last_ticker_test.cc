#include "protocol/exchange/last_ticker.h"

#include <gtest/gtest.h>

#include <string>

namespace tickcast::protocol {
namespace {

using Change = LastTicker::Change;

TickerEvent Ticker(std::uint64_t sequence, std::string_view bid) {
  TickerEvent ticker;
  ticker.sequence = sequence;
  ticker.time_ms = 1'000 + static_cast<std::int64_t>(sequence);
  ticker.price = "5.0";
  ticker.size = "1";
  ticker.bid = bid;
  ticker.bid_size = "2";
  return ticker;
}

TEST(LastTickerTest, OnlyChangedPricesAndSizesAreNews) {
  LastTicker last;
  EXPECT_TRUE(last.is_empty());
  EXPECT_EQ(last.Update(Ticker(1, "4.9")), Change::kChanged);
  EXPECT_EQ(last.Update(Ticker(2, "4.9")), Change::kUnchanged);
  EXPECT_EQ(last.sequence(), 2U) << "the newer push counts, even when it says nothing new";
  EXPECT_EQ(last.Update(Ticker(3, "4.8")), Change::kChanged);
  EXPECT_EQ(last.Update(Ticker(3, "4.8")), Change::kUnchanged);
}

TEST(LastTickerTest, TextsAreComparedExactly) {
  LastTicker last;
  last.Update(Ticker(1, "4.9"));
  EXPECT_EQ(last.Update(Ticker(2, "4.90")), Change::kChanged);
}

// The six texts lie joined: what moves from one to the next must not look the same.
TEST(LastTickerTest, AValueThatMovesToAnotherFieldIsAChange) {
  LastTicker last;
  TickerEvent bid_only;
  bid_only.bid = "12";
  bid_only.bid_size = "3";
  TickerEvent shifted;
  shifted.bid = "1";
  shifted.bid_size = "23";
  TickerEvent ask_only;
  ask_only.ask = "12";
  ask_only.ask_size = "3";
  EXPECT_EQ(last.Update(bid_only), Change::kChanged);
  EXPECT_EQ(last.Update(shifted), Change::kChanged);
  EXPECT_EQ(last.Update(bid_only), Change::kChanged);
  EXPECT_EQ(last.Update(ask_only), Change::kChanged);
  EXPECT_EQ(last.Update(ask_only), Change::kUnchanged);
}

TEST(LastTickerTest, AFieldThatAppearsOrVanishesIsAChange) {
  LastTicker last;
  last.Update(Ticker(1, "4.9"));
  TickerEvent without = Ticker(2, "");
  without.bid_size = {};
  EXPECT_EQ(last.Update(without), Change::kChanged);
  EXPECT_EQ(last.Update(without), Change::kUnchanged);
  EXPECT_EQ(last.Update(Ticker(3, "4.9")), Change::kChanged);
}

TEST(LastTickerTest, AnOlderPushIsStaleAndChangesNothing) {
  LastTicker last;
  last.Update(Ticker(5, "4.9"));
  EXPECT_EQ(last.Update(Ticker(4, "4.7")), Change::kStale);
  EXPECT_EQ(last.View("X").bid, "4.9");
  EXPECT_EQ(last.sequence(), 5U);
}

TEST(LastTickerTest, TimeDecidesWhereThereIsNoSequence) {
  LastTicker last;
  TickerEvent ticker = Ticker(5, "4.9");
  ticker.sequence.reset();
  ticker.time_ms = 100;
  EXPECT_EQ(last.Update(ticker), Change::kChanged);
  ticker.time_ms = 99;
  ticker.bid = "4.8";
  EXPECT_EQ(last.Update(ticker), Change::kStale);
  ticker.time_ms = 100;
  EXPECT_EQ(last.Update(ticker), Change::kChanged);
}

TEST(LastTickerTest, ViewGivesTheKeptValuesBack) {
  LastTicker last;
  std::string volatile_bid = "4.9";
  last.Update(Ticker(7, volatile_bid));
  volatile_bid = "xxx";  // The frame's bytes are gone; the kept ones are not.
  const TickerEvent kept = last.View("A-B");
  EXPECT_EQ(kept.symbol, "A-B");
  EXPECT_EQ(kept.sequence, 7U);
  EXPECT_EQ(kept.time_ms, 1'007);
  EXPECT_EQ(kept.price, "5.0");
  EXPECT_EQ(kept.size, "1");
  EXPECT_EQ(kept.bid, "4.9");
  EXPECT_EQ(kept.bid_size, "2");
  EXPECT_TRUE(kept.ask.empty());
  EXPECT_TRUE(kept.ask_size.empty());
}

TEST(LastTickerTest, AfterResetSequencesMayStartAgain) {
  LastTicker last;
  last.Update(Ticker(900, "4.9"));
  last.Reset();
  EXPECT_TRUE(last.is_empty());
  EXPECT_EQ(last.Update(Ticker(1, "4.9")), Change::kChanged);
}

}  // namespace
}  // namespace tickcast::protocol
