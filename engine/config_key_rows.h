// The pieces that the rows of the table of keys are written with; for the files config_…_keys.cc
// only.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

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

// What a text must be: empty where it is. Meant for ConfigBounds::check.
std::string_view CheckNotEmpty(std::string_view text);
std::string_view CheckPath(std::string_view text);  // A URL's path.
std::string_view CheckHeaderName(std::string_view text);
std::string_view CheckPattern(std::string_view text);  // A regular expression, or empty.
std::string_view CheckReason(std::string_view text);   // A reason or message in a close frame.
// A name as Centrifugo allows it, of namespaces and proxies, so that they move both ways.
std::string_view CheckName(std::string_view text);

// The rows of ConfigFields(), in its order.
std::span<const ConfigField<Config>> ClientRows();      // client.*
std::span<const ConfigField<Config>> TransportRows();   // websocket.* … uni_sse.*
std::span<const ConfigField<Config>> ChannelRows();     // channel.*, rpc.*, proxies
std::span<const ConfigField<Config>> SharedPollRows();  // shared_poll.*
std::span<const ConfigField<Config>> ServerRows();      // http_api.* … feeds.*

// The last rows of NamespaceFields().
std::span<const ConfigField<Namespace>> KeyedRows();

template <class Owner>
ConfigTarget SectionOf(Owner& owner, std::span<const ConfigField<Owner>> fields) {
  return ConfigSection<Owner>{&owner, fields.data(), fields.size()};
}
template <class Item>
ConfigTarget ListOf(std::vector<Item>& items, std::span<const ConfigField<Item>> fields) {
  return ConfigList<Item>{&items, fields.data(), fields.size()};
}

}  // namespace tickcast::engine

// A member as the target of its key.
#define AT(Owner, member) [](Owner& owner) -> ConfigTarget { return &owner.member; }
#define DURATION_AT(Owner, member) \
  [](Owner& owner) -> ConfigTarget { return ConfigDuration{&owner.member}; }
#define SECTION_AT(Owner, member, fields) \
  [](Owner& owner) -> ConfigTarget { return SectionOf(owner.member, fields); }
#define LIST_AT(Owner, member, fields) \
  [](Owner& owner) -> ConfigTarget { return ListOf(owner.member, fields); }
