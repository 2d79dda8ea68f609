// The sub-commands of tickcast: what an operator does with a configuration besides running it.
//
// They are named, and take the options, as Centrifugo's do.
// Threading: one thread, without a server.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/config_load.h"

namespace tickcast::tools {

// What a sub-command prints, and ends the process with.
struct SubcommandResult {
  int status = 0;
  std::string out;    // To standard output.
  std::string error;  // To standard error.
};

inline constexpr int kSubcommandFailed = 1;  // A token is not good, a file is there already …
inline constexpr int kSubcommandUsage = 2;   // A wrong command line or configuration.

// What a command line that is wrong ends with. `name`: the sub-command's.
SubcommandResult SubcommandUsage(std::string_view name, std::string_view what);

struct Subcommand {
  std::string_view name;
  std::string_view help;
  // `arguments`: those behind the name. `sources` have the environment and nothing else.
  SubcommandResult (*run)(std::span<const std::string> arguments, engine::ConfigSources sources);
};

// All of them; nullptr where there is none called `name`.
std::span<const Subcommand> Subcommands();
const Subcommand* FindSubcommand(std::string_view name);

// Runs `command`, or prints its help where the arguments ask for it.
SubcommandResult RunSubcommand(const Subcommand& command, std::span<const std::string> arguments,
                               engine::ConfigSources sources);

}  // namespace tickcast::tools
