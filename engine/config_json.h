// The text of a configuration file as a ConfigValue, where it is JSON. simdjson reads it.
// Source: RFC 8259.
#pragma once

#include <string>
#include <string_view>

#include "engine/config_value.h"

namespace tickcast::engine {

// Reads `text` into `table`. False when it is no JSON object: `error` is then one line
// "<name>:<line>: <what>" of the first mistake.
bool ReadJsonFile(std::string_view text, const std::string& name, ConfigValue& table,
                  std::string& error);

}  // namespace tickcast::engine
