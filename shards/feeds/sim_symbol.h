// SimSymbol: the book top and last trade of one symbol of the built-in market, walking at random.
//
// It moves as recordings do: nine updates in ten change one size and nothing else, the others move
// the price by a tick or two. Prices are whole ticks, so they are exact by construction, and the
// bid is always below the ask and above zero.
// Threading: a plain value.
#pragma once

#include <cstdint>
#include <string>

#include "shards/feeds/sim_random.h"

namespace tickcast::shards {

class SimSymbol {
 public:
  // What never changes. A price of the symbol is mantissa x 10^-price_decimals, where the mantissa
  // is a multiple of tick_mantissa; a size is mantissa x 10^-size_decimals.
  struct Grid {
    std::string name;  // "BTC-USDT"
    std::int64_t start_ticks = 0;
    std::int64_t tick_mantissa = 1;
    std::uint8_t price_decimals = 0;
    std::uint8_t size_decimals = 0;
    std::uint32_t max_size = 0;  // Mantissa of the largest size at one price.
  };

  // The grid of the market's `index`-th symbol: first well-known names at their scales, then
  // SYM0024-USDT and so on at drawn ones.
  static Grid DrawGrid(std::uint32_t index, SimRandom& random);

  SimSymbol(Grid grid, SimRandom& random);

  // One change of the book's top. The sequence goes up by one.
  void MoveQuote(SimRandom& random);

  // One trade against the book's top, which loses that size. The sequence goes up by one; the next
  // ticker has the same one.
  void Trade(SimRandom& random);

  const Grid& grid() const { return grid_; }
  std::uint64_t sequence() const { return sequence_; }
  std::uint64_t trade_count() const { return trade_count_; }
  std::int64_t bid_mantissa() const { return bid_ticks_ * grid_.tick_mantissa; }
  std::int64_t ask_mantissa() const { return (bid_ticks_ + spread_ticks_) * grid_.tick_mantissa; }
  std::int64_t last_mantissa() const { return last_ticks_ * grid_.tick_mantissa; }
  std::int64_t bid_size() const { return bid_size_; }
  std::int64_t ask_size() const { return ask_size_; }
  std::int64_t last_size() const { return last_size_; }
  bool last_was_buy() const { return last_was_buy_; }  // The taker bought.

 private:
  std::uint32_t DrawSize(SimRandom& random) const { return 1 + random.Below(grid_.max_size); }
  void MovePrice(SimRandom& random);

  Grid grid_;
  std::uint64_t sequence_ = 0;
  std::uint64_t trade_count_ = 0;
  std::int64_t bid_ticks_;
  std::int64_t spread_ticks_ = 1;
  std::int64_t last_ticks_;
  std::uint32_t bid_size_;
  std::uint32_t ask_size_;
  std::uint32_t last_size_;
  bool last_was_buy_ = false;
};

}  // namespace tickcast::shards
