#include "protocol/exchange/decimal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace tickcast::protocol {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The parts of a number's text, as IsDecimalText() admits it.
struct Parts {
  bool negative = false;
  bool has_plus = false;
  bool has_point = false;
  std::string_view whole;     // Digits before the point.
  std::string_view fraction;  // Digits behind it.
  std::int64_t exponent = 0;
  bool has_exponent = false;
};

std::string_view TakeDigits(std::string_view& rest) {
  const auto* const end = std::find_if_not(rest.begin(), rest.end(), IsDigit);
  const std::string_view digits = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  rest.remove_prefix(digits.size());
  return digits;
}

bool TakeExponent(std::string_view& rest, Parts& parts) {
  constexpr std::size_t kMaxExponentDigits = 9;
  rest.remove_prefix(1);
  const bool negative = !rest.empty() && rest.front() == '-';
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) rest.remove_prefix(1);
  const std::string_view digits = TakeDigits(rest);
  if (digits.empty() || digits.size() > kMaxExponentDigits) return false;
  for (const char c : digits) parts.exponent = parts.exponent * 10 + (c - '0');
  if (negative) parts.exponent = -parts.exponent;
  parts.has_exponent = true;
  return true;
}

std::optional<Parts> Split(std::string_view text) {
  if (text.empty() || text.size() > kMaxDecimalBytes) return std::nullopt;
  Parts parts;
  parts.negative = text.front() == '-';
  parts.has_plus = text.front() == '+';
  if (parts.negative || parts.has_plus) text.remove_prefix(1);
  parts.whole = TakeDigits(text);
  if (!text.empty() && text.front() == '.') {
    parts.has_point = true;
    text.remove_prefix(1);
    parts.fraction = TakeDigits(text);
  }
  if (parts.whole.empty() && parts.fraction.empty()) return std::nullopt;
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    if (!TakeExponent(text, parts)) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  return parts;
}

// True when AppendTo() writes these parts again from a mantissa and a number of decimals.
bool IsReproducible(const Parts& parts) {
  if (parts.has_plus || parts.has_exponent || parts.whole.empty()) return false;
  if (parts.whole.size() > 1 && parts.whole.front() == '0') return false;
  return !parts.has_point || !parts.fraction.empty();
}

// |mantissa| of the digits, or nothing beyond int64.
std::optional<std::int64_t> MantissaOf(const Parts& parts) {
  std::uint64_t magnitude = 0;
  for (const std::string_view digits : {parts.whole, parts.fraction}) {
    for (const char c : digits) {
      const auto digit = static_cast<std::uint64_t>(c - '0');
      if (__builtin_mul_overflow(magnitude, std::uint64_t{10}, &magnitude)) return std::nullopt;
      if (__builtin_add_overflow(magnitude, digit, &magnitude)) return std::nullopt;
    }
  }
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (magnitude > kMax + (parts.negative ? 1 : 0)) return std::nullopt;
  // In unsigned arithmetic, where the negative of int64's lowest value is defined.
  return static_cast<std::int64_t>(parts.negative ? 0 - magnitude : magnitude);
}

// A value as sign, significant digits and the power of ten of the first one: two of them compare
// without any arithmetic that could overflow.
struct Normal {
  int sign = 0;  // 0: the value is zero, and the rest means nothing.
  std::int64_t magnitude = 0;
  std::array<char, kMaxDecimalBytes> digits{};
  std::size_t size = 0;  // Neither the first nor the last digit is '0'.
};

Normal NormalOf(const Parts& parts) {
  Normal normal;
  for (const std::string_view digits : {parts.whole, parts.fraction}) {
    for (const char c : digits) normal.digits[normal.size++] = c;
  }
  const auto* const begin = normal.digits.begin();
  const auto* const end = begin + normal.size;
  const auto* const first = std::find_if(begin, end, [](char c) { return c != '0'; });
  if (first == end) return Normal{};
  const auto zeros = static_cast<std::int64_t>(first - begin);
  normal.sign = parts.negative ? -1 : 1;
  normal.magnitude = static_cast<std::int64_t>(parts.whole.size()) - zeros + parts.exponent;
  std::copy(first, end, normal.digits.begin());
  normal.size -= static_cast<std::size_t>(zeros);
  while (normal.digits[normal.size - 1] == '0') --normal.size;
  return normal;
}

std::strong_ordering CompareMagnitudes(const Normal& a, const Normal& b) {
  if (a.magnitude != b.magnitude) return a.magnitude <=> b.magnitude;
  return std::string_view(a.digits.data(), a.size).compare({b.digits.data(), b.size}) <=> 0;
}

}  // namespace

bool IsDecimalText(std::string_view text) { return Split(text).has_value(); }

bool IsZeroDecimalText(std::string_view text) {
  const std::optional<Parts> parts = Split(text);
  if (!parts) return false;
  const auto is_zero = [](char c) { return c == '0'; };
  return std::all_of(parts->whole.begin(), parts->whole.end(), is_zero) &&
         std::all_of(parts->fraction.begin(), parts->fraction.end(), is_zero);
}

std::optional<Decimal> Decimal::Parse(std::string_view text) {
  const std::optional<Parts> parts = Split(text);
  if (!parts) return std::nullopt;
  if (IsReproducible(*parts)) {
    const std::optional<std::int64_t> mantissa = MantissaOf(*parts);
    // A negative zero loses its sign in the mantissa, so it stays text.
    if (mantissa && !(parts->negative && *mantissa == 0)) {
      return Decimal(*mantissa, static_cast<std::int8_t>(parts->fraction.size()));
    }
  }
  Decimal kept;
  kept.text_ = text.data();
  kept.text_bytes_ = static_cast<std::uint8_t>(text.size());
  return kept;
}

char* Decimal::AppendTo(char* out) const {
  if (is_text()) {
    std::memcpy(out, text_, text_bytes_);
    return out + text_bytes_;
  }
  constexpr std::size_t kMaxDigits = 20;
  std::array<char, kMaxDigits> digits;
  const auto raw = static_cast<std::uint64_t>(mantissa_);
  const std::uint64_t magnitude = mantissa_ < 0 ? 0 - raw : raw;
  char* const digits_end =
      std::to_chars(digits.data(), digits.data() + digits.size(), magnitude).ptr;
  const std::ptrdiff_t count = digits_end - digits.data();

  if (mantissa_ < 0) *out++ = '-';
  const std::ptrdiff_t whole = count - decimals_;
  if (whole > 0) {
    out = std::copy(digits.data(), digits.data() + whole, out);
    if (decimals_ == 0) return out;
    *out++ = '.';
    return std::copy(digits.data() + whole, digits_end, out);
  }
  *out++ = '0';
  *out++ = '.';
  out = std::fill_n(out, -whole, '0');
  return std::copy(digits.data(), digits_end, out);
}

void Decimal::AppendTo(std::string& out) const {
  std::array<char, kMaxDecimalBytes> text;
  out.append(text.data(), AppendTo(text.data()));
}

std::strong_ordering operator<=>(const Decimal& a, const Decimal& b) {
  if (!a.is_text() && !b.is_text() && a.decimals_ == b.decimals_)
    return a.mantissa_ <=> b.mantissa_;
  std::array<char, kMaxDecimalBytes> a_text;
  std::array<char, kMaxDecimalBytes> b_text;
  const auto normal_of = [](const Decimal& value, std::array<char, kMaxDecimalBytes>& text) {
    const char* const end = value.AppendTo(text.data());
    return NormalOf(*Split({text.data(), static_cast<std::size_t>(end - text.data())}));
  };
  const Normal a_normal = normal_of(a, a_text);
  const Normal b_normal = normal_of(b, b_text);
  if (a_normal.sign != b_normal.sign) return a_normal.sign <=> b_normal.sign;
  if (a_normal.sign == 0) return std::strong_ordering::equal;
  return a_normal.sign > 0 ? CompareMagnitudes(a_normal, b_normal)
                           : CompareMagnitudes(b_normal, a_normal);
}

bool operator==(const Decimal& a, const Decimal& b) { return (a <=> b) == 0; }

}  // namespace tickcast::protocol
