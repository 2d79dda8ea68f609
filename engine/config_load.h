// LoadConfig: flags, environment, file and defaults made into one checked Config.
//
// The first of these that names a key decides it: `--set`, environment, file, default. A file that
// is no TOML, JSON or YAML has one mistake, its first. Any other configuration is read to its end,
// and every mistake of meaning is told at once with its place, so that one run shows all there is
// to mend. No key is accepted and ignored; of a file that is for Centrifugo those that are not here
// are told as warnings (engine/centrifugo_config.h). Threading: set-up, one thread. May throw only
// what allocation throws.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/config.h"

namespace tickcast::engine {

struct ConfigSources {
  // The file, as its name is to be told and its text; none when there is no file.
  std::string file_name;
  std::optional<std::string> file_text;
  // The process's environment as NAME and value. What does not begin with TICKCAST_ or CENTRIFUGO_
  // is not looked at, nor TICKCAST_CAPTURES and what Kubernetes sets for a service of our name.
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> sets;     // Each `key=value`.
  std::vector<std::string> replays;  // Each a capture to add to feeds.replay.
};

struct LoadedConfig {
  Config config;                      // Complete only when there are no mistakes.
  std::vector<std::string> mistakes;  // Lines "<place>: <what>"; empty: all is well.
  std::vector<std::string> warnings;  // The same of what is allowed, but will not be as asked for.
  bool for_centrifugo = false;        // It was written for Centrifugo, and read so.
};

LoadedConfig LoadConfig(const ConfigSources& sources);

// Reads `path` into `sources`. Empty, or why it cannot be read.
std::string ReadConfigFile(const std::string& path, ConfigSources& sources);

// The tables of docs/configuration.md, in Markdown: every key with type, default, range, meaning.
std::string ConfigReference();

// The tables of docs/from-centrifugo.md: what becomes of every key of Centrifugo.
std::string CentrifugoReference();

}  // namespace tickcast::engine
