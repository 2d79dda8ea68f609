// gentoken, gensubtoken, checktoken, checksubtoken.
// Threading: one thread, without a server.
#pragma once

#include <span>
#include <string>

#include "tools/tickcast/subcommand.h"

namespace tickcast::tools {

SubcommandResult GenerateToken(std::span<const std::string> arguments,
                               engine::ConfigSources sources);
SubcommandResult GenerateSubToken(std::span<const std::string> arguments,
                                  engine::ConfigSources sources);
SubcommandResult CheckToken(std::span<const std::string> arguments, engine::ConfigSources sources);
SubcommandResult CheckSubToken(std::span<const std::string> arguments,
                               engine::ConfigSources sources);

}  // namespace tickcast::tools
