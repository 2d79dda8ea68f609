// A configuration of Centrifugo 6, as a file and as CENTRIFUGO_… variables, brought to ours.
//
// Keys with the same meaning are kept, with their values as Centrifugo reads them: a zero value is
// the default, a number may stand in a string, a duration may be a number of nanoseconds. Every
// other key is told once, with what to do instead (engine/centrifugo_keys.h).
// Source: internal/config and internal/configtypes of github.com/centrifugal/centrifugo.
// Threading: set-up, one thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "engine/config.h"
#include "engine/config_apply.h"
#include "engine/config_value.h"

namespace tickcast::engine {

// What is told about a configuration, by how bad it is.
struct ConfigNotes {
  ConfigMistakes mistakes;  // Nothing may be started.
  ConfigMistakes warnings;  // Something will be otherwise than asked for.
};

// Variables by their names, sorted so that what is told comes in one order.
using ConfigVariables = std::map<std::string, std::string, std::less<>>;

// Whether `table`, the whole of a file, is for Centrifugo. A file with a key that only we have is
// ours. Of the others those are Centrifugo's that have a key which only Centrifugo has, and JSON
// and YAML, which are Centrifugo's forms and not ours (docs/decisions.md).
bool IsCentrifugoConfig(const ConfigValue& table, bool is_toml);

// Whether `variables` has a key of Centrifugo.
bool HasCentrifugoVariable(const ConfigVariables& variables);

// Where Centrifugo's defaults are not ours: what was never set stays as its users know it.
void SetCentrifugoDefaults(Config& config);

// `table`, the whole of a file for Centrifugo, as one that ApplyConfigTable() takes. `variables`
// are what `${CENTRIFUGO_VAR_…}` in the headers of proxies stands for.
ConfigValue TranslateCentrifugoConfig(const ConfigValue& table, const ConfigVariables& variables,
                                      ConfigNotes& notes);

// The same for one value, of the key `name` with `facts` and `target`.
ConfigValue TranslateCentrifugoValue(const ConfigValue& value, const std::string& name,
                                     const ConfigFacts& facts, const ConfigTarget& target,
                                     const ConfigVariables& variables, ConfigNotes& notes);

// Sets what CENTRIFUGO_… variables say.
void ApplyCentrifugoVariables(const ConfigVariables& variables, Config& config,
                              ConfigPlaces& places, ConfigNotes& notes);

}  // namespace tickcast::engine
