// Market events: what the frame of any exchange comes down to.
//
// Prices and sizes are only passed on, so they stay the exchange's own text, checked once by
// IsDecimalText() and empty when the exchange gave none; Decimal::Parse() makes a number of one
// where somebody has to calculate. A price of zero on a side without orders is no price and comes
// as empty. Ids and sequences are uint64 (KuCoin's exceed 2^53); none passes through a double.
// Threading: plain values. Every view points into the frame or the decoder that filled the event
// and lives until the decoder's next Decode() or the end of the frame's bytes, whichever is first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tickcast::protocol {

// What a frame was. The event's member of that name is filled, the others are left as they were.
enum class Outcome : std::uint8_t {
  kTicker,     // Event::ticker.
  kTrade,      // Event::trade.
  kBook,       // Event::book.
  kControl,    // Welcome, acknowledgement, pong, heartbeat, list of subscriptions, error reply.
  kUnknown,    // Valid JSON of a type that is not taken (candles, statistics, private topics …).
  kMalformed,  // Not one complete, valid JSON value, or a taken type with a member missing or
               // wrong.
};

// A decimal number as the exchange wrote it, or empty: it gave none.
using DecimalText = std::string_view;

enum class Side : std::uint8_t { kBuy, kSell };

// The longest symbol that is taken. Channel names have 255 bytes for everything.
inline constexpr std::size_t kMaxSymbolBytes = 64;

// The newest state of a symbol: best bid and ask, last trade. A state, not a delta.
struct TickerEvent {
  std::string_view symbol;                // As the exchange spells it: "BTC-USDT", "BTCUSDT".
  std::optional<std::uint64_t> sequence;  // The exchange's, per symbol; absent in KuCoin's level1.
  std::optional<std::int64_t> time_ms;    // Exchange time, Unix; absent in Binance spot.
  DecimalText price;                      // Of the last trade.
  DecimalText size;                       // Of the last trade.
  DecimalText bid;
  DecimalText bid_size;
  DecimalText ask;
  DecimalText ask_size;
};

struct TradeEvent {
  std::string_view symbol;
  std::uint64_t sequence = 0;              // KuCoin, Coinbase: the sequence. Binance: the trade id.
  std::string_view id;                     // The trade's id: digits, or KuCoin's hexadecimal text.
  std::optional<std::uint64_t> id_number;  // The id where it is a number; +1 per trade there.
  std::int64_t time_ms = 0;                // Exchange time of the trade, Unix.
  std::optional<std::int64_t> time_ns;     // The same in full, where finer than a millisecond.
  DecimalText price;
  DecimalText size;
  Side side = Side::kBuy;      // What the taker did, also where the exchange tells the
                               // maker's side (Coinbase) or a flag (Binance).
  bool is_last_match = false;  // Coinbase: the state at subscription, not a new trade.
  bool is_aggregate = false;   // Binance aggTrade: ids count aggregates, not trades.
};

// One price level set to an absolute size; "0" (IsZeroDecimalText) removes the level.
struct BookLevel {
  DecimalText price;
  DecimalText size;
  std::uint64_t sequence = 0;  // KuCoin level2: that of this change. 0: not given.
  Side side = Side::kBuy;      // kBuy: a bid.
};

struct BookEvent {
  std::string_view symbol;  // Empty in Binance's REST snapshot, which does not name it.
  std::optional<std::uint64_t> first_sequence;     // Of a delta; absent in Coinbase.
  std::optional<std::uint64_t> last_sequence;      // Of a delta or a snapshot; absent in Coinbase.
  std::optional<std::uint64_t> previous_sequence;  // Binance USD-M `pu`.
  std::optional<std::int64_t> time_ms;    // Absent in KuCoin's frames of 2021 and snapshots.
  bool is_snapshot = false;               // Replaces the book instead of changing it.
  std::span<const BookLevel> levels;      // In the frame's order within each side.
  std::size_t sequence_only_changes = 0;  // KuCoin changes of price "0": they advance the sequence
                                          // and change nothing, and are not among the levels.
};

struct Event {
  TickerEvent ticker;
  TradeEvent trade;
  BookEvent book;
};

}  // namespace tickcast::protocol
