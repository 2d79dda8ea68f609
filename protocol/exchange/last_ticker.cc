#include "protocol/exchange/last_ticker.h"

#include <cstring>

namespace tickcast::protocol {
namespace {

using Texts = std::array<std::string_view, 6>;

Texts TextsOf(const TickerEvent& ticker) {
  return {ticker.price, ticker.size, ticker.bid, ticker.bid_size, ticker.ask, ticker.ask_size};
}

bool IsOlder(const TickerEvent& ticker, const std::optional<std::uint64_t>& sequence,
             const std::optional<std::int64_t>& time_ms) {
  if (ticker.sequence && sequence) return *ticker.sequence < *sequence;
  return ticker.time_ms && time_ms && *ticker.time_ms < *time_ms;
}

}  // namespace

LastTicker::Change LastTicker::Update(const TickerEvent& ticker) {
  if (known_ && IsOlder(ticker, sequence_, time_ms_)) return Change::kStale;
  bool changed = !known_;
  known_ = true;
  sequence_ = ticker.sequence;
  time_ms_ = ticker.time_ms;

  const Texts texts = TextsOf(ticker);
  std::size_t total_bytes = 0;
  for (std::size_t i = 0; i < kTexts; ++i) {
    changed |= texts[i].size() != text_bytes_[i];
    total_bytes += texts[i].size();
  }
  // With equal lengths the texts lie where they lay before, so one pass compares or copies.
  if (!changed) {
    const char* kept = texts_.data();
    for (const std::string_view text : texts) {
      if (!text.empty() && std::memcmp(kept, text.data(), text.size()) != 0) {
        changed = true;
        break;
      }
      kept += text.size();
    }
    if (!changed) return Change::kUnchanged;
  }
  texts_.resize(total_bytes);
  char* out = texts_.data();
  for (std::size_t i = 0; i < kTexts; ++i) {
    text_bytes_[i] = static_cast<std::uint8_t>(texts[i].size());
    if (!texts[i].empty()) std::memcpy(out, texts[i].data(), texts[i].size());
    out += texts[i].size();
  }
  return Change::kChanged;
}

void LastTicker::Reset() {
  known_ = false;
  sequence_.reset();
  time_ms_.reset();
  text_bytes_.fill(0);
  texts_.clear();
}

TickerEvent LastTicker::View(std::string_view symbol) const {
  Texts texts;
  const char* kept = texts_.data();
  for (std::size_t i = 0; i < kTexts; ++i) {
    texts[i] = {kept, text_bytes_[i]};
    kept += text_bytes_[i];
  }
  return {.symbol = symbol,
          .sequence = sequence_,
          .time_ms = time_ms_,
          .price = texts[0],
          .size = texts[1],
          .bid = texts[2],
          .bid_size = texts[3],
          .ask = texts[4],
          .ask_size = texts[5]};
}

}  // namespace tickcast::protocol
