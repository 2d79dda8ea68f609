// The text of a configuration file as a ConfigValue, where it is YAML. yaml-cpp reads it: the only
// file that knows it. Source: https://yaml.org/spec/1.2.2, types by its core schema.
#pragma once

#include <string>
#include <string_view>

#include "engine/config_value.h"

namespace tickcast::engine {

// Reads the first document of `text` into `table`; aliases and merge keys (`<<`) are resolved.
// False when it is no YAML mapping: `error` is then one line "<name>:<line>:<column>: <what>".
bool ReadYaml(std::string_view text, const std::string& name, ConfigValue& table,
              std::string& error);

}  // namespace tickcast::engine
