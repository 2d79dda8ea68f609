// The text of one key, as a variable or `--set` gives it, as a ConfigValue.
//
// Booleans, numbers, durations and strings are written bare (`25s`, not `"25s"`), lists of words or
// numbers separated by spaces or commas or as JSON, lists of tables as JSON.
// Source of JSON: RFC 8259, read by simdjson.
#pragma once

#include <string>
#include <string_view>

#include "engine/config_keys.h"
#include "engine/config_value.h"

namespace tickcast::engine {

// Reads `text` as `target`'s type has it. Where it is not of that type, the value says what it is
// instead, and applying it tells the mistake. False: it is no JSON where only JSON will do; `error`
// says what is wrong.
bool ReadConfigText(std::string_view text, const ConfigTarget& target, const ConfigPlace& place,
                    ConfigValue& value, std::string& error);

}  // namespace tickcast::engine
