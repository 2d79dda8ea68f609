// LastTicker: the newest ticker of one symbol, and whether the next one says anything new.
//
// 58 % of KuCoin's recorded ticker pushes change no price and no size, and a push can arrive after
// a newer one. Both are found here in one step, so that a feed publishes only what differs. The six
// texts lie joined in one buffer that is rewritten in place.
// Threading: owned by the feed that decodes the symbol.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/exchange/market_event.h"

namespace tickcast::protocol {

class LastTicker {
 public:
  enum class Change : std::uint8_t {
    kChanged,    // The first, or a price or size differs as text or in being there: publish it.
    kUnchanged,  // Newer, with the same prices and sizes: drop it. Its sequence and time are kept.
    kStale,      // Older by sequence, or by time where there is no sequence: drop it.
  };

  // Compares `ticker` with the one before and takes its place unless stale. Allocates only when the
  // texts are longer than any before.
  Change Update(const TickerEvent& ticker);

  // Forgets the values, so that the next ticker counts as the first: sequences may start again.
  void Reset();

  bool is_empty() const { return !known_; }
  std::optional<std::uint64_t> sequence() const { return sequence_; }
  std::optional<std::int64_t> time_ms() const { return time_ms_; }

  // The kept values as an event of `symbol`; the other views live until the next Update().
  TickerEvent View(std::string_view symbol) const;

 private:
  static constexpr std::size_t kTexts = 6;  // price, size, bid, bid_size, ask, ask_size

  std::string texts_;                              // The six, joined.
  std::array<std::uint8_t, kTexts> text_bytes_{};  // Their lengths; 0: absent.
  bool known_ = false;
  std::optional<std::uint64_t> sequence_;
  std::optional<std::int64_t> time_ms_;
};

}  // namespace tickcast::protocol
