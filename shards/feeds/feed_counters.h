// FeedCounters: what a feed has done so far. The shard copies it into the metrics.
//
// Nothing is lost between two counts:
//   frames           = tickers + trades + books + control + unknown + malformed
//   ticks_published  = (tickers - unchanged_tickers - stale_tickers - refused_tickers) x copies
//   trades_published = (trades - stale_trades - repeated_trades - refused_trades) x copies
// where a publication that waits for room (kFull) is published when it is taken.
// Threading: a plain struct, owned by the feed, read on its shard's thread.
#pragma once

#include <cstdint>

namespace tickcast::shards {

struct FeedCounters {
  // What came in. Of the built-in market a frame is an event.
  std::uint64_t frames = 0;
  std::uint64_t tickers = 0;
  std::uint64_t trades = 0;
  std::uint64_t books = 0;      // Followed by their sequence only; there are no book channels yet.
  std::uint64_t control = 0;    // Acknowledgements, heartbeats …
  std::uint64_t unknown = 0;    // Valid, but of a type that is not taken.
  std::uint64_t malformed = 0;  // Skipped.

  // What went out: publications that the sink took.
  std::uint64_t ticks_published = 0;
  std::uint64_t trades_published = 0;

  // What did not.
  std::uint64_t unchanged_tickers = 0;  // No price and no size differs from the one before.
  std::uint64_t stale_tickers = 0;      // Older than the one before.
  std::uint64_t stale_trades = 0;       // An id that was already seen.
  std::uint64_t repeated_trades = 0;    // Coinbase's last_match: told at subscription, not new.
  std::uint64_t refused_tickers = 0;    // Of symbols beyond the feed's limit of them.
  std::uint64_t refused_trades = 0;

  std::uint64_t stale_books = 0;
  std::uint64_t sequence_gaps = 0;      // Times that something was missing, trades and books.
  std::uint64_t missing_sequences = 0;  // How many numbers, where that can be told.
  std::uint64_t retried_full = 0;       // Offers that the sink refused (kFull); each is made again.
  std::uint64_t passes = 0;             // Replay: times the capture was begun.
  std::uint64_t failures = 0;           // Replay: 1 when a fault of the file ended it.
  std::uint64_t skipped_ns = 0;         // Built-in market: time given up because the shard lagged.
};

}  // namespace tickcast::shards
