// SimMarket: the built-in market, so that a server shows life without an exchange.
//
// An event is a ticker of `ticker:<exchange>.<SYMBOL>` or a trade of `trade:<exchange>.<SYMBOL>`;
// the rate counts both. One ticker in ten follows a trade of its symbol and shows it, so a trade is
// one event in eleven. Activity over the symbols is Zipf's: the k-th gets 1/k of the first. Three
// quarters of a burst belong to one symbol, as when an order sweeps a book, so that a symbol's
// updates come in clumps: by default the median gap of BTC-USDT (2,500 a second) and of ALGO-USDT
// (97 a second) is 21 and 27 us, and one gap in ten is longer than 1.5 and 36 ms.
//
// The n-th event, its content and its time since the start depend on the options and n alone: two
// markets publish the same sequence however they are polled. Only a lag beyond kMaxLagNs changes
// anything: the schedule then slides by the lag, counted, and no event is left out.
// Threading: the shard's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shards/feeds/feed.h"
#include "shards/feeds/feed_counters.h"
#include "shards/feeds/sim_random.h"
#include "shards/feeds/sim_schedule.h"
#include "shards/feeds/sim_symbol.h"

namespace tickcast::shards {

struct SimMarketOptions {
  std::uint32_t symbols = 600;
  std::uint32_t rate = 20'000;  // Events a second, tickers and trades.
  std::uint32_t burst = 80;     // Most events in one millisecond (SimSchedule).
  std::uint64_t seed = 1;
  std::string exchange = "sim";
};

class SimMarket final : public Feed {
 public:
  static constexpr std::uint32_t kMaxSymbols = 65'536;
  static constexpr std::uint32_t kMaxRate = 10'000'000;
  static constexpr std::uint32_t kMaxBurst = 1'000'000;
  // About 2 ms: other work of the shard never waits longer, and 100,000 events a second are still
  // kept up with where turns take 20 ms.
  static constexpr std::size_t kMaxEventsPerTurn = 2048;
  // Further behind than this, catching up would only make the present later.
  static constexpr std::uint64_t kMaxLagNs = 1'000'000'000;
  // It wants to run at multiples of this only: events are at most so late.
  static constexpr std::uint64_t kGridNs = 500'000;

  // Payloads carry Unix time as Run()'s clock plus `wall_offset_ns` (CLOCK_REALTIME minus the
  // ring's time, read once). REQUIRES: 1 <= symbols <= kMaxSymbols, 1 <= rate <= kMaxRate,
  // 1 <= burst <= kMaxBurst.
  SimMarket(const SimMarketOptions& options, std::int64_t wall_offset_ns);
  SimMarket(const SimMarket&) = delete;
  SimMarket& operator=(const SimMarket&) = delete;

  // The first call is the market's start.
  std::uint64_t Run(std::uint64_t now_ns, FeedSink& sink) override;

  const FeedCounters& counters() const override { return counters_; }

 private:
  // The event that is due next, once it is drawn, until the sink takes it.
  struct Drawn {
    FeedChannelId channel = 0;
    bool is_trade = false;
    bool waits = false;
  };

  void Start(std::uint64_t now_ns, FeedSink& sink);
  void Draw(std::uint64_t due_ns);
  std::size_t DrawSymbol();
  std::size_t DrawByActivity();
  void WriteTicker(const SimSymbol& symbol, std::int64_t time_ms);
  void WriteTrade(const SimSymbol& symbol, std::int64_t time_ms);

  const SimMarketOptions options_;
  const std::int64_t wall_offset_ns_;
  SimSchedule schedule_;
  SimRandom random_;
  std::vector<SimSymbol> symbols_;
  std::vector<std::uint32_t> activity_;  // Cumulated weights of the symbols.
  std::vector<FeedChannelId> ticker_channels_;
  std::vector<FeedChannelId> trade_channels_;

  bool started_ = false;
  std::uint64_t start_ns_ = 0;  // Of the schedule; later by what was skipped.
  std::size_t burst_symbol_ = 0;
  std::uint64_t burst_ordinal_ = 0;  // Of the burst that burst_symbol_ was drawn for.
  std::size_t traded_symbol_ = 0;
  bool owes_ticker_ = false;  // The last event was a trade of traded_symbol_.

  Drawn drawn_;
  std::string payload_;
  FeedCounters counters_;
};

}  // namespace tickcast::shards
