// Exchange times: what exchanges write, as Unix time.
//
// KuCoin writes milliseconds or nanoseconds, Binance milliseconds or (on request) microseconds,
// Coinbase RFC 3339 with microseconds. The three units of integers lie a factor of a thousand
// apart, so that the magnitude tells the unit for every date from 1973 to 5138.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tickcast::protocol {

struct ExchangeTime {
  std::int64_t ms = 0;             // Unix milliseconds, rounded down.
  std::optional<std::int64_t> ns;  // Unix nanoseconds, where the source is finer than milliseconds.
};

// Nothing when `value` lies outside the years that nanoseconds in int64 can hold.
std::optional<ExchangeTime> TimeFromInteger(std::uint64_t value);

// RFC 3339 section 5.6 with upper-case T, "Z" or an offset, and at most nine decimals of a second;
// nothing for any other text, for a date that does not exist, and for a leap second.
std::optional<ExchangeTime> TimeFromRfc3339(std::string_view text);

}  // namespace tickcast::protocol
