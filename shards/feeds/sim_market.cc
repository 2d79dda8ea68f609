#include "shards/feeds/sim_market.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/invariant.h"
#include "protocol/exchange/decimal.h"
#include "protocol/exchange/payload.h"

namespace tickcast::shards {
namespace {

constexpr std::uint32_t kTradePercent = 10;  // Of the events that do not follow a trade.
constexpr std::uint32_t kBurstSymbolPercent = 75;
constexpr std::size_t kPayloadBytes = 512;
constexpr std::uint32_t kFirstWeight = 1u << 24;  // Of the most active symbol; the k-th has 1/k.
// The schedule has dice of its own, so that how a symbol moves cannot shift when events happen.
constexpr std::uint64_t kScheduleSeedOffset = 0x9e37'79b9'7f4a'7c15;

// One number's text on the stack, for an event that is built of several.
class DecimalBuffer {
 public:
  DecimalBuffer(std::int64_t mantissa, std::uint8_t decimals)
      : end_(protocol::Decimal(mantissa, static_cast<std::int8_t>(decimals))
                 .AppendTo(bytes_.data())) {}
  DecimalBuffer(const DecimalBuffer&) = delete;
  DecimalBuffer& operator=(const DecimalBuffer&) = delete;

  std::string_view text() const {
    return {bytes_.data(), static_cast<std::size_t>(end_ - bytes_.data())};
  }

 private:
  std::array<char, protocol::kMaxDecimalBytes> bytes_;
  const char* end_;
};

}  // namespace

SimMarket::SimMarket(const SimMarketOptions& options, std::int64_t wall_offset_ns)
    : options_(options),
      wall_offset_ns_(wall_offset_ns),
      schedule_(options.seed + kScheduleSeedOffset, options.rate, options.burst),
      random_(options.seed) {
  INVARIANT(options.symbols >= 1 && options.symbols <= kMaxSymbols, "symbols out of range");
  INVARIANT(options.rate <= kMaxRate, "rate out of range");
  INVARIANT(options.burst >= 1 && options.burst <= kMaxBurst, "burst out of range");
  symbols_.reserve(options.symbols);
  activity_.reserve(options.symbols);
  std::uint32_t weight = 0;
  for (std::uint32_t index = 0; index < options.symbols; ++index) {
    symbols_.emplace_back(SimSymbol::DrawGrid(index, random_), random_);
    weight += kFirstWeight / (index + 1);
    activity_.push_back(weight);
  }
  payload_.reserve(kPayloadBytes);
}

std::uint64_t SimMarket::Run(std::uint64_t now_ns, FeedSink& sink) {
  if (!started_) Start(now_ns, sink);
  const std::uint64_t first_due_ns = start_ns_ + schedule_.due_ns();
  if (now_ns > first_due_ns + kMaxLagNs) {
    start_ns_ += now_ns - first_due_ns;
    counters_.skipped_ns += now_ns - first_due_ns;
  }
  for (std::size_t published = 0; published < kMaxEventsPerTurn; ++published) {
    const std::uint64_t due_ns = start_ns_ + schedule_.due_ns();
    // Not before the grid's next line: at 20,000 events a second a shard that got up for each would
    // spend a sixth of a core on going to sleep and waking.
    if (due_ns > now_ns) return (due_ns + kGridNs - 1) / kGridNs * kGridNs;
    if (!drawn_.waits) Draw(due_ns);
    // It entered the process when it was due: what a late turn adds is latency of ours.
    if (sink.Publish(drawn_.channel, payload_, due_ns) == FeedSink::Verdict::kFull) {
      ++counters_.retried_full;
      return now_ns;
    }
    ++(drawn_.is_trade ? counters_.trades_published : counters_.ticks_published);
    drawn_.waits = false;
    schedule_.Advance();
  }
  return now_ns;
}

// All channels are named at once, so that a market's list of symbols is whole from the start.
void SimMarket::Start(std::uint64_t now_ns, FeedSink& sink) {
  started_ = true;
  start_ns_ = now_ns;
  ticker_channels_.reserve(symbols_.size());
  trade_channels_.reserve(symbols_.size());
  for (const SimSymbol& symbol : symbols_) {
    const std::string name = absl::StrCat(options_.exchange, ".", symbol.grid().name);
    ticker_channels_.push_back(sink.OpenChannel(absl::StrCat("ticker:", name)));
    trade_channels_.push_back(sink.OpenChannel(absl::StrCat("trade:", name)));
  }
}

// Moves one symbol and writes what is to be published of it.
void SimMarket::Draw(std::uint64_t due_ns) {
  const std::int64_t time_ms = (static_cast<std::int64_t>(due_ns) + wall_offset_ns_) / 1'000'000;
  const std::size_t index = owes_ticker_ ? traded_symbol_ : DrawSymbol();
  const bool follows_trade = owes_ticker_;
  SimSymbol& symbol = symbols_[index];
  drawn_.is_trade = !follows_trade && random_.Percent(kTradePercent);
  drawn_.waits = true;
  payload_.clear();
  ++counters_.frames;
  if (drawn_.is_trade) {
    symbol.Trade(random_);
    traded_symbol_ = index;
    drawn_.channel = trade_channels_[index];
    WriteTrade(symbol, time_ms);
    ++counters_.trades;
  } else {
    // After a trade the quote shows what it took and nothing else.
    if (!follows_trade) symbol.MoveQuote(random_);
    drawn_.channel = ticker_channels_[index];
    WriteTicker(symbol, time_ms);
    ++counters_.tickers;
  }
  owes_ticker_ = drawn_.is_trade;
}

std::size_t SimMarket::DrawSymbol() {
  if (schedule_.in_burst()) {
    if (burst_ordinal_ != schedule_.burst_ordinal()) {
      burst_ordinal_ = schedule_.burst_ordinal();
      burst_symbol_ = DrawByActivity();
    }
    if (random_.Percent(kBurstSymbolPercent)) return burst_symbol_;
  }
  return DrawByActivity();
}

std::size_t SimMarket::DrawByActivity() {
  const std::uint32_t lot = random_.Below(activity_.back());
  const auto found = std::upper_bound(activity_.begin(), activity_.end(), lot);
  return static_cast<std::size_t>(found - activity_.begin());
}

void SimMarket::WriteTicker(const SimSymbol& symbol, std::int64_t time_ms) {
  const std::uint8_t price_decimals = symbol.grid().price_decimals;
  const std::uint8_t size_decimals = symbol.grid().size_decimals;
  const DecimalBuffer price(symbol.last_mantissa(), price_decimals);
  const DecimalBuffer size(symbol.last_size(), size_decimals);
  const DecimalBuffer bid(symbol.bid_mantissa(), price_decimals);
  const DecimalBuffer bid_size(symbol.bid_size(), size_decimals);
  const DecimalBuffer ask(symbol.ask_mantissa(), price_decimals);
  const DecimalBuffer ask_size(symbol.ask_size(), size_decimals);
  protocol::AppendTickerPayload({.symbol = symbol.grid().name,
                                 .sequence = symbol.sequence(),
                                 .time_ms = time_ms,
                                 .price = price.text(),
                                 .size = size.text(),
                                 .bid = bid.text(),
                                 .bid_size = bid_size.text(),
                                 .ask = ask.text(),
                                 .ask_size = ask_size.text()},
                                payload_);
}

void SimMarket::WriteTrade(const SimSymbol& symbol, std::int64_t time_ms) {
  const DecimalBuffer price(symbol.last_mantissa(), symbol.grid().price_decimals);
  const DecimalBuffer size(symbol.last_size(), symbol.grid().size_decimals);
  std::array<char, 20> id;  // The digits of a uint64.
  const char* const id_end =
      std::to_chars(id.data(), id.data() + id.size(), symbol.trade_count()).ptr;
  protocol::TradeEvent trade;
  trade.symbol = symbol.grid().name;
  trade.sequence = symbol.sequence();
  trade.id = {id.data(), static_cast<std::size_t>(id_end - id.data())};
  trade.time_ms = time_ms;
  trade.price = price.text();
  trade.size = size.text();
  trade.side = symbol.last_was_buy() ? protocol::Side::kBuy : protocol::Side::kSell;
  protocol::AppendTradePayload(trade, payload_);
}

}  // namespace tickcast::shards
