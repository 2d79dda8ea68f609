// Decimal: a price or a size exactly as an exchange wrote it.
//
// int64 mantissa and a number of decimals per value: one symbol's prices carry 0 to 3 decimals, its
// sizes others, and "61837.63000000" keeps its zeros because checksums run over the original
// digits. What the pair cannot give back character for character ("1e-5", "-0", "007", "+1", 20
// digits) stays text and is carried along unchanged. A double appears nowhere: it would round.
// Threading: a value; a Decimal that is text points into the bytes it was parsed from.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tickcast::protocol {

// The longest text that is taken for a number. KuCoin's statistics come with 20 decimals, the
// longest seen has 27 characters; what is longer than this is no quantity anybody trades.
inline constexpr std::size_t kMaxDecimalBytes = 64;

// True when `text` is one decimal number: an optional sign, digits with at most one point and at
// least one digit, an optional exponent of at most 9 digits; at most kMaxDecimalBytes in all. Such
// text needs no escaping inside a JSON string.
bool IsDecimalText(std::string_view text);

// True when `text` is a number whose value is zero ("0", "0.000", "-0", "0e7").
bool IsZeroDecimalText(std::string_view text);

class Decimal {
 public:
  // Zero, written "0".
  Decimal() = default;

  // mantissa * 10^-decimals, written with exactly `decimals` digits behind the point.
  // REQUIRES: 0 <= decimals <= 40.
  Decimal(std::int64_t mantissa, std::int8_t decimals) : mantissa_(mantissa), decimals_(decimals) {}

  // The value of `text`, or nothing when IsDecimalText() refuses it. When is_text(), the result
  // refers to `text`, which must outlive it.
  static std::optional<Decimal> Parse(std::string_view text);

  // True when mantissa and decimals cannot reproduce the text, so that the text itself is kept.
  bool is_text() const { return text_ != nullptr; }

  // REQUIRES: !is_text().
  std::int64_t mantissa() const { return mantissa_; }
  std::int8_t decimals() const { return decimals_; }

  // The value as the exchange wrote it, character for character. The array form writes at most
  // kMaxDecimalBytes and returns the end.
  void AppendTo(std::string& out) const;
  char* AppendTo(char* out) const;

  // By value: 0.10 equals 0.1, 1e2 equals 100, -0 equals 0. Exact for every text.
  friend bool operator==(const Decimal& a, const Decimal& b);
  friend std::strong_ordering operator<=>(const Decimal& a, const Decimal& b);

 private:
  std::int64_t mantissa_ = 0;
  const char* text_ = nullptr;
  std::uint8_t text_bytes_ = 0;
  std::int8_t decimals_ = 0;
};

}  // namespace tickcast::protocol
