// KeyMode: on which condition a publication into a map channel is taken.
//
// The names are those of the server API and of proxies' answers.
// Source: KeyMode in map_broker.go of github.com/centrifugal/centrifuge.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tickcast::protocol {

enum class KeyMode : std::uint8_t {
  kReplace,   // None.
  kIfNew,     // The key is not there.
  kIfExists,  // It is.
};

// "" is kReplace; nothing for what names none.
constexpr std::optional<KeyMode> KeyModeNamed(std::string_view name) {
  if (name.empty()) return KeyMode::kReplace;
  if (name == "if_new") return KeyMode::kIfNew;
  if (name == "if_exists") return KeyMode::kIfExists;
  return std::nullopt;
}

}  // namespace tickcast::protocol
