#include "shards/feeds/frame_intake.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "engine/invariant.h"
#include "protocol/exchange/payload.h"

namespace tickcast::shards {
namespace {

// Room for a payload of decimals at their longest, so that none is reallocated.
constexpr std::size_t kPayloadBytes = 1024;

// Debian's abseil has a string_view of its own.
absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

// Where the exchange has no rule nothing is checked, and the tracker's rule does not matter.
protocol::SequenceTracker MakeTracker(std::optional<protocol::SequenceRule> rule) {
  return protocol::SequenceTracker(rule.value_or(protocol::SequenceRule::kTradeIds));
}

}  // namespace

struct FrameIntake::Symbol {
  Symbol(std::string_view symbol_name, const protocol::Exchange& exchange)
      : name(symbol_name),
        books(MakeTracker(exchange.book_rule)),
        trades(MakeTracker(exchange.trade_rule)),
        aggregates(MakeTracker(exchange.trade_rule)) {}

  const std::string name;
  protocol::LastTicker last_ticker;
  protocol::SequenceTracker books;
  protocol::SequenceTracker trades;
  protocol::SequenceTracker aggregates;  // Binance counts its aggregated trades by themselves.
  // One per copy, opened at the first publication: a symbol without trades has no trade channel.
  std::vector<FeedChannelId> ticker_channels;
  std::vector<FeedChannelId> trade_channels;
};

FrameIntake::FrameIntake(const protocol::Exchange& exchange, std::uint32_t copies, FeedLog log)
    : exchange_(exchange),
      decoder_(exchange.make_decoder()),
      copies_(copies),
      drops_unchanged_(exchange.name == "kucoin"),
      log_(std::move(log)) {
  INVARIANT(copies >= 1, "a publication has at least its own name");
  payload_.reserve(kPayloadBytes);
}

FrameIntake::~FrameIntake() = default;

FrameIntake::Progress FrameIntake::Take(protocol::PaddedFrame frame, std::uint64_t ingest_ns,
                                        FeedSink& sink) {
  INVARIANT(outgoing_.channels == nullptr, "a frame was given while a publication is held");
  ++counters_.frames;
  switch (decoder_->Decode(frame, event_)) {
    case protocol::Outcome::kTicker:
      return OnTicker(ingest_ns, sink);
    case protocol::Outcome::kTrade:
      return OnTrade(ingest_ns, sink);
    case protocol::Outcome::kBook:
      OnBook();
      break;
    case protocol::Outcome::kControl:
      ++counters_.control;
      break;
    case protocol::Outcome::kUnknown:
      ++counters_.unknown;
      break;
    case protocol::Outcome::kMalformed:
      ++counters_.malformed;
      break;
  }
  return Progress::kTaken;
}

FrameIntake::Progress FrameIntake::Retry(FeedSink& sink) {
  if (outgoing_.channels == nullptr) return Progress::kTaken;
  for (; outgoing_.next_copy < outgoing_.channels->size(); ++outgoing_.next_copy) {
    const FeedChannelId channel = (*outgoing_.channels)[outgoing_.next_copy];
    if (sink.Publish(channel, payload_, outgoing_.ingest_ns) == FeedSink::Verdict::kFull) {
      ++counters_.retried_full;
      return Progress::kHeld;
    }
    ++*outgoing_.published;
  }
  outgoing_ = {};
  return Progress::kTaken;
}

FrameIntake::Progress FrameIntake::OnTicker(std::uint64_t ingest_ns, FeedSink& sink) {
  ++counters_.tickers;
  const protocol::TickerEvent& ticker = event_.ticker;
  Symbol* const symbol = FindSymbol(ticker.symbol);
  if (symbol == nullptr) {
    ++counters_.refused_tickers;
    return Progress::kTaken;
  }
  switch (symbol->last_ticker.Update(ticker)) {
    case protocol::LastTicker::Change::kChanged:
      break;
    case protocol::LastTicker::Change::kUnchanged:
      if (!drops_unchanged_) break;
      ++counters_.unchanged_tickers;
      return Progress::kTaken;
    case protocol::LastTicker::Change::kStale:
      ++counters_.stale_tickers;
      return Progress::kTaken;
  }
  payload_.clear();
  protocol::AppendTickerPayload(ticker, payload_);
  outgoing_ = {.channels = &Channels(symbol->ticker_channels, "ticker", *symbol, sink),
               .next_copy = 0,
               .ingest_ns = ingest_ns,
               .published = &counters_.ticks_published};
  return Retry(sink);
}

FrameIntake::Progress FrameIntake::OnTrade(std::uint64_t ingest_ns, FeedSink& sink) {
  ++counters_.trades;
  const protocol::TradeEvent& trade = event_.trade;
  Symbol* const symbol = FindSymbol(trade.symbol);
  if (symbol == nullptr) {
    ++counters_.refused_trades;
    return Progress::kTaken;
  }
  if (exchange_.trade_rule.has_value() && trade.id_number.has_value()) {
    protocol::SequenceTracker& tracker = trade.is_aggregate ? symbol->aggregates : symbol->trades;
    switch (tracker.Check(trade)) {
      case protocol::SequenceVerdict::kContiguous:
        break;
      case protocol::SequenceVerdict::kGap:
        NoteGap(*symbol, "trades", tracker);
        break;
      case protocol::SequenceVerdict::kStale:
        ++counters_.stale_trades;
        return Progress::kTaken;
    }
  }
  // It took its place in the sequence, so that a gap right behind it shows, but it is no new trade.
  if (trade.is_last_match) {
    ++counters_.repeated_trades;
    return Progress::kTaken;
  }
  payload_.clear();
  protocol::AppendTradePayload(trade, payload_);
  outgoing_ = {.channels = &Channels(symbol->trade_channels, "trade", *symbol, sink),
               .next_copy = 0,
               .ingest_ns = ingest_ns,
               .published = &counters_.trades_published};
  return Retry(sink);
}

void FrameIntake::OnBook() {
  ++counters_.books;
  const protocol::BookEvent& book = event_.book;
  // A snapshot that does not name its symbol answers a request that a recording does not hold.
  if (!exchange_.book_rule.has_value() || book.symbol.empty()) return;
  Symbol* const symbol = FindSymbol(book.symbol);
  if (symbol == nullptr) return;
  if (book.is_snapshot) {
    if (book.last_sequence.has_value()) symbol->books.StartFrom(*book.last_sequence);
    return;
  }
  switch (symbol->books.Check(book)) {
    case protocol::SequenceVerdict::kContiguous:
      break;
    case protocol::SequenceVerdict::kGap:
      NoteGap(*symbol, "book", symbol->books);
      break;
    case protocol::SequenceVerdict::kStale:
      ++counters_.stale_books;
      break;
  }
}

void FrameIntake::NoteGap(const Symbol& symbol, std::string_view stream,
                          const protocol::SequenceTracker& tracker) {
  ++counters_.sequence_gaps;
  counters_.missing_sequences += tracker.missing();
  if (!log_) return;
  const std::string size = tracker.missing() == 0 ? "" : absl::StrCat(tracker.missing(), " ");
  log_(absl::StrCat(Abseil(exchange_.name), " ", symbol.name, ": ", size,
                    "missing in the sequence of ", Abseil(stream)));
}

// Null beyond kMaxSymbols.
FrameIntake::Symbol* FrameIntake::FindSymbol(std::string_view name) {
  if (const auto found = symbols_.find(name); found != symbols_.end()) return found->second.get();
  if (symbols_.size() >= kMaxSymbols) return nullptr;
  auto symbol = std::make_unique<Symbol>(name, exchange_);
  Symbol* const added = symbol.get();
  symbols_.emplace(std::string_view(added->name), std::move(symbol));
  return added;
}

const std::vector<FeedChannelId>& FrameIntake::Channels(std::vector<FeedChannelId>& channels,
                                                        std::string_view space,
                                                        const Symbol& symbol, FeedSink& sink) {
  if (!channels.empty()) return channels;
  const std::string name =
      absl::StrCat(Abseil(space), ":", Abseil(exchange_.name), ".", symbol.name);
  channels.reserve(copies_);
  channels.push_back(sink.OpenChannel(name));
  for (std::uint32_t copy = 2; copy <= copies_; ++copy) {
    channels.push_back(sink.OpenChannel(absl::StrCat(name, "~", copy)));
  }
  return channels;
}

void FrameIntake::Reset() {
  for (auto& [name, symbol] : symbols_) {
    symbol->last_ticker.Reset();
    symbol->books.Reset();
    symbol->trades.Reset();
    symbol->aggregates.Reset();
  }
}

}  // namespace tickcast::shards
