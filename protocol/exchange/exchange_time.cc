#include "protocol/exchange/exchange_time.h"

#include <array>
#include <cstddef>
#include <limits>

namespace tickcast::protocol {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kNsPerUs = 1'000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

// `size` digits from the front, or -1.
int TakeNumber(std::string_view& rest, std::size_t size) {
  if (rest.size() < size) return -1;
  int number = 0;
  for (const char c : rest.substr(0, size)) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  rest.remove_prefix(size);
  return number;
}

bool Take(std::string_view& rest, char expected) {
  if (rest.empty() || rest.front() != expected) return false;
  rest.remove_prefix(1);
  return true;
}

bool IsDate(int year, int month, int day) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1) return false;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int days = kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
  return day <= days;
}

// Days since 1970-01-01 in the Gregorian calendar, for years from 1970 on. Years are counted from
// March, so that the leap day is the last of its year.
std::int64_t DaysSinceEpoch(int year, int month, int day) {
  const int march_year = month > 2 ? year : year - 1;
  const int march_month = month > 2 ? month - 3 : month + 9;
  const int day_of_year = (153 * march_month + 2) / 5 + day - 1;
  const std::int64_t days = std::int64_t{365} * march_year + march_year / 4 - march_year / 100 +
                            march_year / 400 + day_of_year;
  constexpr std::int64_t kEpoch = 719'468;  // 1970-01-01 in the same count, from 0000-03-01.
  return days - kEpoch;
}

// Seconds since the epoch of "YYYY-MM-DDThh:mm:ss", or -1.
std::int64_t TakeSeconds(std::string_view& rest) {
  const int year = TakeNumber(rest, 4);
  if (!Take(rest, '-')) return -1;
  const int month = TakeNumber(rest, 2);
  if (!Take(rest, '-')) return -1;
  const int day = TakeNumber(rest, 2);
  if (!Take(rest, 'T')) return -1;
  const int hour = TakeNumber(rest, 2);
  if (!Take(rest, ':')) return -1;
  const int minute = TakeNumber(rest, 2);
  if (!Take(rest, ':')) return -1;
  const int second = TakeNumber(rest, 2);
  // int64 nanoseconds end in April 2262.
  if (year < 1970 || year > 2261 || !IsDate(year, month, day)) return -1;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1;
  return DaysSinceEpoch(year, month, day) * 86'400 + hour * 3'600 + minute * 60 + second;
}

// Nanoseconds of ".244075", 0 where there is no point, or -1. Sets `is_fine` for what milliseconds
// cannot hold.
std::int64_t TakeFraction(std::string_view& rest, bool& is_fine) {
  if (!Take(rest, '.')) return 0;
  std::int64_t ns = 0;
  std::int64_t unit = kNsPerSecond / 10;
  std::size_t digits = 0;
  for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; ++digits, unit /= 10) {
    if (unit == 0) return -1;
    ns += unit * (rest.front() - '0');
    rest.remove_prefix(1);
  }
  if (digits == 0) return -1;
  is_fine = digits > 3;
  return ns;
}

// Seconds to add to reach UTC, for "Z" or "+02:00" at the end of the text.
std::optional<std::int64_t> TakeOffset(std::string_view& rest) {
  if (Take(rest, 'Z')) return 0;
  const bool east = Take(rest, '+');
  if (!east && !Take(rest, '-')) return std::nullopt;
  const int hours = TakeNumber(rest, 2);
  if (!Take(rest, ':')) return std::nullopt;
  const int minutes = TakeNumber(rest, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  const std::int64_t seconds = hours * 3'600 + minutes * 60;
  return east ? -seconds : seconds;
}

}  // namespace

std::optional<ExchangeTime> TimeFromInteger(std::uint64_t value) {
  constexpr std::uint64_t kFirstUs = 100'000'000'000'000;      // As milliseconds: the year 5138.
  constexpr std::uint64_t kFirstNs = 100'000'000'000'000'000;  // As nanoseconds: 1973.
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return std::nullopt;
  }
  const auto time = static_cast<std::int64_t>(value);
  if (value < kFirstUs) return ExchangeTime{time, std::nullopt};
  if (value >= kFirstNs) return ExchangeTime{time / kNsPerMs, time};
  std::int64_t ns = 0;
  if (__builtin_mul_overflow(time, kNsPerUs, &ns)) return std::nullopt;
  return ExchangeTime{ns / kNsPerMs, ns};
}

std::optional<ExchangeTime> TimeFromRfc3339(std::string_view text) {
  bool is_fine = false;
  const std::int64_t seconds = TakeSeconds(text);
  if (seconds < 0) return std::nullopt;
  const std::int64_t fraction_ns = TakeFraction(text, is_fine);
  if (fraction_ns < 0) return std::nullopt;
  const std::optional<std::int64_t> offset = TakeOffset(text);
  if (!offset || !text.empty() || seconds + *offset < 0) return std::nullopt;
  const std::int64_t ns = (seconds + *offset) * kNsPerSecond + fraction_ns;
  return ExchangeTime{ns / kNsPerMs, is_fine ? std::optional(ns) : std::nullopt};
}

}  // namespace tickcast::protocol
