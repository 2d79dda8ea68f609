// genconfig: a configuration to begin with.
// Threading: one thread, without a server.
#pragma once

#include <span>
#include <string>

#include "tools/tickcast/subcommand.h"

namespace tickcast::tools {

SubcommandResult GenerateConfig(std::span<const std::string> arguments,
                                engine::ConfigSources sources);

}  // namespace tickcast::tools
