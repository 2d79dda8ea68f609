#include "tools/tickcast/check_config.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <utility>

#include "engine/metrics.h"
#include "shards/origin.h"
#include "shards/token_authority.h"

namespace tickcast::tools {
namespace {

// As Centrifugo has it, and our own form first.
constexpr const char* kDefaultFiles[] = {"config.toml", "config.json", "config.yaml"};

}  // namespace

std::string LoadForSubcommand(const SubcommandOptions& options, engine::ConfigSources sources,
                              engine::LoadedConfig& loaded) {
  std::string file = options.Get("config");
  for (const char* name : kDefaultFiles) {
    if (file.empty() && access(name, F_OK) == 0) file = name;
  }
  if (!file.empty()) {
    const std::string wrong = engine::ReadConfigFile(file, sources);
    if (!wrong.empty()) return wrong + "\n";
  }
  loaded = engine::LoadConfig(sources);
  std::string mistakes;
  for (const std::string& mistake : loaded.mistakes) absl::StrAppend(&mistakes, mistake, "\n");
  return mistakes;
}

// What is found only where it is used.
std::string CheckUse(const engine::Config& config) {
  const absl::Status origins = shards::Origins::Check(config.client);
  if (!origins.ok()) return std::string(origins.message());
  engine::Registry registry;
  const auto authority = shards::TokenAuthority::Make(config.client, registry);
  return authority.ok() ? std::string() : std::string(authority.status().message());
}

SubcommandResult CheckConfigFile(std::span<const std::string> arguments,
                                 engine::ConfigSources sources) {
  const SubcommandOption known[] = {kConfigOption, {'s', "strict", false}};
  SubcommandOptions options;
  SubcommandResult result;
  std::string wrong = ReadSubcommandOptions(arguments, known, options);
  if (wrong.empty() && !options.operands.empty()) wrong = "takes no operands";
  if (!wrong.empty()) return SubcommandUsage("checkconfig", wrong);

  engine::LoadedConfig loaded;
  std::string mistakes = LoadForSubcommand(options, std::move(sources), loaded);
  if (mistakes.empty()) {
    const std::string use = CheckUse(loaded.config);
    if (!use.empty()) mistakes = use + "\n";
  }
  for (const std::string& warning : loaded.warnings) {
    absl::StrAppend(&result.error, "warning: ", warning, "\n");
  }
  absl::StrAppend(&result.error, mistakes);
  if (!mistakes.empty() || (options.Has("strict") && !loaded.warnings.empty())) {
    result.status = kSubcommandFailed;
    return result;
  }
  result.out = absl::StrCat("the configuration is good",
                            loaded.for_centrifugo ? ", and one of Centrifugo" : "", "\n");
  return result;
}

}  // namespace tickcast::tools
