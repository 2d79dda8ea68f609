#include "shards/feeds/sim_symbol.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

namespace tickcast::shards {
namespace {

TEST(SimSymbolTest, NamesAreDistinctAndGridsVaried) {
  SimRandom random(1);
  std::set<std::string> names;
  std::set<int> price_decimals;
  std::set<std::int64_t> ticks;
  for (std::uint32_t index = 0; index < 600; ++index) {
    const SimSymbol::Grid grid = SimSymbol::DrawGrid(index, random);
    EXPECT_TRUE(names.insert(grid.name).second) << grid.name;
    EXPECT_GT(grid.start_ticks / 4, 0);
    EXPECT_GT(grid.max_size, 0u);
    price_decimals.insert(grid.price_decimals);
    ticks.insert(grid.tick_mantissa);
  }
  EXPECT_TRUE(names.contains("BTC-USDT"));
  EXPECT_TRUE(names.contains("ETH-USDT"));
  EXPECT_TRUE(names.contains("SYM0042-USDT"));
  EXPECT_TRUE(names.contains("SYM0599-USDT"));
  EXPECT_GE(price_decimals.size(), 9u);
  EXPECT_EQ(ticks, (std::set<std::int64_t>{1, 2, 5, 25}));
}

TEST(SimSymbolTest, ABookStaysABookForAMillionSteps) {
  SimRandom random(5);
  // Four ticks is the lowest that a walk may begin at: its floor is one.
  SimSymbol symbol({.name = "X", .start_ticks = 4, .tick_mantissa = 25, .max_size = 3}, random);
  std::int64_t lowest = symbol.bid_mantissa();
  std::int64_t highest = lowest;
  for (int step = 1; step <= 1'000'000; ++step) {
    if (step % 7 == 0) {
      symbol.Trade(random);
    } else {
      symbol.MoveQuote(random);
    }
    ASSERT_EQ(symbol.sequence(), static_cast<std::uint64_t>(step));
    ASSERT_GT(symbol.bid_mantissa(), 0);
    ASSERT_LT(symbol.bid_mantissa(), symbol.ask_mantissa());
    ASSERT_EQ(symbol.bid_mantissa() % 25, 0);
    ASSERT_EQ(symbol.ask_mantissa() % 25, 0);
    ASSERT_EQ(symbol.last_mantissa() % 25, 0);
    ASSERT_GE(symbol.bid_size(), 1);
    ASSERT_LE(symbol.bid_size(), 3);
    ASSERT_GE(symbol.ask_size(), 1);
    ASSERT_LE(symbol.ask_size(), 3);
    ASSERT_GE(symbol.last_size(), 1);
    lowest = std::min(lowest, symbol.bid_mantissa());
    highest = std::max(highest, symbol.bid_mantissa());
  }
  EXPECT_EQ(symbol.trade_count(), 1'000'000u / 7);
  EXPECT_EQ(lowest, 1 * 25);
  EXPECT_EQ(highest, 16 * 25);
}

TEST(SimSymbolTest, EveryQuoteChangesSomethingAndNineInTenOneSizeOnly) {
  SimRandom random(2);
  SimSymbol symbol(SimSymbol::DrawGrid(0, random), random);
  int size_only = 0;
  for (int step = 0; step < 100'000; ++step) {
    const SimSymbol before = symbol;
    symbol.MoveQuote(random);
    const int sizes_changed = (before.bid_size() != symbol.bid_size() ? 1 : 0) +
                              (before.ask_size() != symbol.ask_size() ? 1 : 0);
    const bool price_same = before.bid_mantissa() == symbol.bid_mantissa() &&
                            before.ask_mantissa() == symbol.ask_mantissa();
    ASSERT_TRUE(sizes_changed > 0 || !price_same);
    if (price_same && sizes_changed == 1) ++size_only;
  }
  EXPECT_NEAR(size_only, 92'000, 500);
}

TEST(SimSymbolTest, ATradeHappensAtTheBookTopAndTakesItsSizeAway) {
  SimRandom random(2);
  SimSymbol symbol(SimSymbol::DrawGrid(3, random), random);
  for (int step = 0; step < 10'000; ++step) {
    const SimSymbol before = symbol;
    symbol.Trade(random);
    const bool buy = symbol.last_was_buy();
    EXPECT_EQ(symbol.last_mantissa(), buy ? before.ask_mantissa() : before.bid_mantissa());
    const std::int64_t resting = buy ? before.ask_size() : before.bid_size();
    const std::int64_t left = buy ? symbol.ask_size() : symbol.bid_size();
    ASSERT_LE(symbol.last_size(), resting);
    // A level that is used up is followed by the next one, of any size.
    if (symbol.last_size() < resting) {
      EXPECT_EQ(left, resting - symbol.last_size());
    } else {
      EXPECT_GE(left, 1);
    }
    EXPECT_EQ(buy ? symbol.bid_size() : symbol.ask_size(),
              buy ? before.bid_size() : before.ask_size());
  }
}

}  // namespace
}  // namespace tickcast::shards
