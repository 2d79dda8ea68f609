// The text of a configuration file as a ConfigValue. toml++ reads it: the only file that knows it.
// Source: https://toml.io/en/v1.0.0.
#pragma once

#include <string>
#include <string_view>

#include "engine/config_value.h"

namespace tickcast::engine {

// Longer than any sensible file; it bounds what a wrong path (a core file, a pipe) can cost.
inline constexpr std::size_t kMaxConfigBytes = 1024 * 1024;

// Reads `text` into `table`. False when it is no TOML: `error` is then one line
// "<name>:<line>:<column>: <what>" of the first syntax error.
bool ReadToml(std::string_view text, const std::string& name, ConfigValue& table,
              std::string& error);

}  // namespace tickcast::engine
