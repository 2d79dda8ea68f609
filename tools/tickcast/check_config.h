// checkconfig, and reading the configuration for the other sub-commands.
// Threading: one thread, without a server.
#pragma once

#include <span>
#include <string>

#include "engine/config_load.h"
#include "tools/tickcast/subcommand.h"
#include "tools/tickcast/subcommand_options.h"

namespace tickcast::tools {

SubcommandResult CheckConfigFile(std::span<const std::string> arguments,
                                 engine::ConfigSources sources);

// The option that all of them have.
inline constexpr SubcommandOption kConfigOption = {'c', "config", true};

// Loads the file that `options` name, or the first of config.toml, config.json and config.yaml that
// is in the working directory, or none. Empty, or lines of mistakes.
std::string LoadForSubcommand(const SubcommandOptions& options, engine::ConfigSources sources,
                              engine::LoadedConfig& loaded);

// What only a start would find: keys and rules of tokens that cannot be used. Empty: nothing.
std::string CheckUse(const engine::Config& config);

}  // namespace tickcast::tools
