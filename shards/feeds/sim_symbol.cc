#include "shards/feeds/sim_symbol.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace tickcast::shards {
namespace {

struct KnownSymbol {
  const char* name;
  std::int64_t start_ticks;
  std::int64_t tick_mantissa;
  std::uint8_t price_decimals;
  std::uint8_t size_decimals;
  std::uint32_t max_size;
};

// Scales of the kind that spot exchanges use, so that the page looks like a market. Two have ticks
// that are no power of ten, and one has prices of ten decimals.
constexpr KnownSymbol kKnownSymbols[] = {
    {"BTC-USDT", 618'376, 1, 1, 8, 400'000'000},    {"ETH-USDT", 268'381, 1, 2, 7, 300'000'000},
    {"SOL-USDT", 142'350, 1, 3, 4, 9'000'000},      {"XRP-USDT", 58'712, 1, 5, 4, 90'000'000},
    {"BNB-USDT", 51'234, 1, 2, 4, 1'500'000},       {"DOGE-USDT", 10'123, 1, 5, 4, 900'000'000},
    {"ADA-USDT", 33'410, 1, 5, 4, 200'000'000},     {"TRX-USDT", 12'785, 1, 5, 4, 300'000'000},
    {"AVAX-USDT", 21'440, 1, 3, 4, 8'000'000},      {"LINK-USDT", 10'294, 1, 3, 4, 15'000'000},
    {"DOT-USDT", 4'512, 1, 3, 4, 20'000'000},       {"LTC-USDT", 12'046, 5, 3, 6, 900'000'000},
    {"BCH-USDT", 34'560, 1, 2, 4, 300'000},         {"NEAR-USDT", 3'891, 1, 3, 4, 40'000'000},
    {"UNI-USDT", 6'044, 1, 3, 4, 30'000'000},       {"XLM-USDT", 98'210, 1, 6, 4, 500'000'000},
    {"ATOM-USDT", 45'680, 1, 4, 4, 30'000'000},     {"ETC-USDT", 18'730, 1, 3, 4, 9'000'000},
    {"XMR-USDT", 15'520, 1, 2, 4, 200'000},         {"FIL-USDT", 3'644, 1, 3, 4, 20'000'000},
    {"APT-USDT", 2'456, 25, 4, 4, 9'000'000},       {"SHIB-USDT", 13'580, 1, 9, 0, 4'000'000'000},
    {"PEPE-USDT", 76'412, 1, 10, 0, 4'200'000'000}, {"ALGO-USDT", 12'230, 1, 5, 4, 90'000'000},
};

constexpr std::array<std::int64_t, 6> kTickMantissas = {1, 1, 1, 2, 5, 25};
constexpr std::uint32_t kSizeOnlyPercent = 92;  // Measured: 90 to 95 % of best-bid/ask updates.
constexpr std::uint32_t kMaxStepTicks = 2;
constexpr std::uint32_t kMaxSpreadTicks = 4;

}  // namespace

SimSymbol::Grid SimSymbol::DrawGrid(std::uint32_t index, SimRandom& random) {
  if (index < std::size(kKnownSymbols)) {
    const KnownSymbol& known = kKnownSymbols[index];
    return {known.name,           known.start_ticks,   known.tick_mantissa,
            known.price_decimals, known.size_decimals, known.max_size};
  }
  Grid grid;
  grid.name = absl::StrFormat("SYM%04u-USDT", index);
  grid.start_ticks = 1'000 + random.Below(1'000'000);
  grid.tick_mantissa = kTickMantissas[random.Below(kTickMantissas.size())];
  grid.price_decimals = static_cast<std::uint8_t>(random.Below(9));
  grid.size_decimals = static_cast<std::uint8_t>(random.Below(7));
  grid.max_size = 1'000u << random.Below(16);
  return grid;
}

SimSymbol::SimSymbol(Grid grid, SimRandom& random)
    : grid_(std::move(grid)),
      bid_ticks_(grid_.start_ticks),
      last_ticks_(grid_.start_ticks),
      bid_size_(DrawSize(random)),
      ask_size_(DrawSize(random)),
      last_size_(DrawSize(random)) {}

void SimSymbol::MoveQuote(SimRandom& random) {
  ++sequence_;
  if (!random.Percent(kSizeOnlyPercent)) return MovePrice(random);
  // Never to the size it had: a quote that changes nothing is no quote.
  std::uint32_t& size = random.Percent(50) ? bid_size_ : ask_size_;
  const std::uint32_t drawn = DrawSize(random);
  size = drawn != size ? drawn : size % grid_.max_size + 1;
}

void SimSymbol::MovePrice(SimRandom& random) {
  const std::int64_t step = 1 + random.Below(kMaxStepTicks);
  bid_ticks_ += random.Percent(50) ? step : -step;
  // Held between a quarter and four times the start, so that weeks of walking stay in range.
  bid_ticks_ = std::clamp(bid_ticks_, grid_.start_ticks / 4, grid_.start_ticks * 4);
  spread_ticks_ = 1 + random.Below(kMaxSpreadTicks);
  bid_size_ = DrawSize(random);
  ask_size_ = DrawSize(random);
}

void SimSymbol::Trade(SimRandom& random) {
  ++sequence_;
  ++trade_count_;
  last_was_buy_ = random.Percent(50);
  last_ticks_ = last_was_buy_ ? bid_ticks_ + spread_ticks_ : bid_ticks_;
  std::uint32_t& resting = last_was_buy_ ? ask_size_ : bid_size_;
  last_size_ = 1 + random.Below(resting);
  resting -= last_size_;
  if (resting == 0) resting = DrawSize(random);
}

}  // namespace tickcast::shards
