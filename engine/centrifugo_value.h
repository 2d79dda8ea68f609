// Single values of a Centrifugo configuration, as its loader takes them.
#pragma once

#include <string>
#include <string_view>

#include "engine/centrifugo_config.h"
#include "engine/config_keys.h"
#include "engine/config_value.h"

namespace tickcast::engine {

// Whether `value` is what Centrifugo takes for "not set": null, false, 0, "", "0s", an empty list
// or table.
bool IsZeroConfigValue(const ConfigValue& value);

// Makes `value` of the type of `target` where Centrifugo would, and no more than the key's most,
// which is then told. Another value is left as it is, for ApplyConfigValue() to tell.
void CoerceCentrifugoValue(ConfigValue& value, const std::string& name, const ConfigFacts& facts,
                           const ConfigTarget& target, ConfigNotes& notes);

// Puts variables into `value`, and into what lies in it, for `${CENTRIFUGO_VAR_NAME}`.
void ExpandCentrifugoVariables(ConfigValue& value, const std::string& name,
                               const ConfigVariables& variables, ConfigNotes& notes);

// A value that is not a table, as it is written in a rule: "memory", "27s", "1048576", "true".
std::string ConfigValueText(const ConfigValue& value);

}  // namespace tickcast::engine
