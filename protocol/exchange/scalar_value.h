// Values out of scalars: what a decoder makes of the text that the walk has noted.
//
// Exchanges write one kind of value as a string here and as a number there, and change it between
// versions, so both are taken wherever the text is the same.
// Threading: pure functions. Included by decoders only.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

#include "protocol/exchange/decimal.h"
#include "protocol/exchange/exchange_time.h"
#include "protocol/exchange/frame_walk.h"
#include "protocol/exchange/market_event.h"

namespace tickcast::protocol {

// The scalars of a frame by what they mean to a decoder. `Slot` is an enum of fewer than 64 values
// with kCount last. Clearing costs one word, whatever the last frame held.
template <typename Slot>
class ScalarSlots {
 public:
  void Clear() { noted_ = 0; }

  // A place for the scalar of `slot`, or nullptr when the frame has given it already: a frame that
  // says one thing twice is not to be trusted.
  Scalar* Place(Slot slot) {
    const std::uint64_t bit = BitOf(slot);
    if ((noted_ & bit) != 0) return nullptr;
    noted_ |= bit;
    return &scalars_[static_cast<std::size_t>(slot)];
  }

  bool Has(Slot slot) const { return (noted_ & BitOf(slot)) != 0; }

  template <typename... Slots>
  bool HasAll(Slots... slots) const {
    const std::uint64_t wanted = (BitOf(slots) | ...);
    return (noted_ & wanted) == wanted;
  }

  // The scalar of `slot`; null where the frame has none.
  const Scalar& operator[](Slot slot) const {
    static constexpr Scalar kAbsent;
    return Has(slot) ? scalars_[static_cast<std::size_t>(slot)] : kAbsent;
  }

 private:
  static_assert(static_cast<std::size_t>(Slot::kCount) < 64);
  static constexpr std::uint64_t BitOf(Slot slot) {
    return std::uint64_t{1} << static_cast<unsigned>(slot);
  }

  std::uint64_t noted_ = 0;
  std::array<Scalar, static_cast<std::size_t>(Slot::kCount)> scalars_;
};

// An unsigned integer, as a number or as a string of digits.
inline std::optional<std::uint64_t> UintOf(const Scalar& scalar) {
  const char* const begin = scalar.text.data();
  const char* const end = begin + scalar.text.size();
  std::uint64_t value = 0;
  const auto [parsed_end, error] = std::from_chars(begin, end, value);
  if (error != std::errc{} || parsed_end != end) return std::nullopt;
  return value;
}

inline std::optional<ExchangeTime> TimeOf(const Scalar& scalar) {
  const std::optional<std::uint64_t> value = UintOf(scalar);
  return value ? TimeFromInteger(*value) : std::nullopt;
}

// The common form of a price, digits with one point, is recognised here; the others take the long
// way through IsDecimalText().
inline bool IsDecimal(std::string_view text) {
  if (text.empty() || text.size() > kMaxDecimalBytes) return false;
  std::size_t points = 0;
  for (const char c : text) {
    const bool is_point = c == '.';
    points += is_point;
    if (!is_point && static_cast<unsigned char>(c - '0') > 9) return IsDecimalText(text);
  }
  return points < text.size() && points <= 1;
}

// REQUIRES: IsDecimal(text).
inline bool IsZero(DecimalText text) {
  // Most prices differ from zero in their first digit, and a price below one soon after.
  const char first = text.front();
  if (first >= '1' && first <= '9') return false;
  return IsZeroDecimalText(text);
}

// Sets `out` to the decimal, or to empty where the exchange wrote null or an empty string. False:
// it is neither.
inline bool TakeDecimal(const Scalar& scalar, DecimalText& out) {
  if (scalar.kind == Scalar::Kind::kNull || (scalar.is_string() && scalar.text.empty())) {
    out = {};
    return true;
  }
  if (!scalar.is_string() && scalar.kind != Scalar::Kind::kNumber) return false;
  out = scalar.text;
  return IsDecimal(out);
}

// The same for a price with its size: without a price, or with the price zero by which exchanges
// write an empty side, both come out empty.
inline bool TakePriceAndSize(const Scalar& price, const Scalar& size, DecimalText& price_out,
                             DecimalText& size_out) {
  if (!TakeDecimal(price, price_out) || !TakeDecimal(size, size_out)) return false;
  if (price_out.empty() || IsZero(price_out)) price_out = size_out = {};
  return true;
}

inline std::optional<Side> SideOf(const Scalar& scalar) {
  if (!scalar.is_string()) return std::nullopt;
  if (scalar.text == "buy") return Side::kBuy;
  if (scalar.text == "sell") return Side::kSell;
  return std::nullopt;
}

// A symbol becomes part of a channel's name, so it has no blank, control, quote or backslash;
// beyond ASCII anything goes (Binance lists symbols in Chinese).
inline bool IsSymbol(std::string_view text) {
  if (text.empty() || text.size() > kMaxSymbolBytes) return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == 0x7F || c == '"' || c == '\\') return false;
  }
  return true;
}

// An id of a trade, as payloads carry it: a number or text of printable ASCII.
inline bool IsId(std::string_view text) {
  if (!IsSymbol(text)) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

}  // namespace tickcast::protocol
