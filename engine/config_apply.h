// Puts values into a Config by the table of keys, and collects what is wrong with them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "engine/config.h"
#include "engine/config_keys.h"
#include "engine/config_value.h"

namespace tickcast::engine {

// Where each key was set that is not at its default: by full name, items of lists as
// "channel.namespaces[0].kind".
using ConfigPlaces = std::map<std::string, ConfigPlace, std::less<>>;

// Sets what `table`, the whole of a file, says. A value that is wrong is told and left as it was.
void ApplyConfigTable(const ConfigValue& table, Config& config, ConfigPlaces& places,
                      ConfigMistakes& mistakes);

// Sets one key. A list replaces what an earlier source said.
void ApplyConfigValue(const ConfigValue& value, const std::string& name, const ConfigFacts& facts,
                      ConfigTarget target, ConfigPlaces& places, ConfigMistakes& mistakes);

// " (did you mean `client.insecure`?)" for the nearest of all keys, or empty when none is near.
std::string SuggestConfigKey(std::string_view name);

// `ns` as a duration is written: "25s", "1m30s", "500ms", "0s".
std::string FormatConfigDuration(std::uint64_t ns);

// What values the bounds allow, for people: "1 to 65535", "0s or 1s to 1h". Empty: all of the type.
std::string DescribeConfigBounds(const ConfigBounds& bounds, const ConfigTarget& target);

}  // namespace tickcast::engine
