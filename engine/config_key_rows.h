// The pieces that the rows of the table of keys are written with; for config_keys.cc and
// config_list_keys.cc only.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/config_keys.h"

namespace tickcast::engine {

inline constexpr std::int64_t kMs = 1'000'000;
inline constexpr std::int64_t kSecond = 1'000 * kMs;
inline constexpr std::int64_t kMinute = 60 * kSecond;
inline constexpr std::int64_t kHour = 60 * kMinute;
inline constexpr std::int64_t kDay = 24 * kHour;
inline constexpr std::int64_t kKiB = 1'024;
inline constexpr std::int64_t kMiB = 1'024 * kKiB;
inline constexpr std::int64_t kGiB = 1'024 * kMiB;

constexpr bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

constexpr ConfigBounds Any() { return {}; }
constexpr ConfigBounds Between(std::int64_t least, std::int64_t most) {
  return {.least = least, .most = most};
}
constexpr ConfigBounds ZeroOr(std::int64_t least, std::int64_t most) {
  return {.least = least, .most = most, .or_zero = true};
}
constexpr ConfigBounds PowerOfTwo(std::int64_t least, std::int64_t most) {
  return {.least = least, .most = most, .power_of_two = true};
}
// Numbers above 0, up to and with 1.
constexpr ConfigBounds Share() { return {.least = 0, .most = 1, .above_least = true}; }
// Numbers from 0 to below 1.
constexpr ConfigBounds Fraction() { return {.least = 0, .most = 1, .below_most = true}; }
constexpr ConfigBounds Text(std::string_view (*check)(std::string_view)) {
  return {.check = check};
}

}  // namespace tickcast::engine

// A member as the target of its key.
#define AT(Owner, member) [](Owner& owner) -> ConfigTarget { return &owner.member; }
#define DURATION_AT(Owner, member) \
  [](Owner& owner) -> ConfigTarget { return ConfigDuration{&owner.member}; }
