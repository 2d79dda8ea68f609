#include "tools/tickcast/subcommand.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "tools/tickcast/check_config.h"
#include "tools/tickcast/generate_config.h"
#include "tools/tickcast/token_commands.h"

namespace tickcast::tools {
namespace {

constexpr Subcommand kSubcommands[] = {
    {"genconfig",
     R"(usage: tickcast genconfig [-c FILE]

Writes a configuration to begin with: a new secret for tokens, a new key for the API.

  -c, --config FILE  where to, by default config.toml; .json, .yaml and .yml are written in that form
)",
     &GenerateConfig},
    {"checkconfig",
     R"(usage: tickcast checkconfig [-c FILE] [-s]

Tells every mistake of a configuration, and what will be otherwise than it asks for.

  -c, --config FILE  by default config.toml, config.json or config.yaml, whichever is there
  -s, --strict       fails on warnings too
)",
     &CheckConfigFile},
    {"gentoken",
     R"(usage: tickcast gentoken [-c FILE] [-u USER] [-t SECONDS] [-q]

Makes a connection token, signed with client.token.hmac_secret_key (HS256).

  -c, --config FILE  by default config.toml, config.json or config.yaml, whichever is there
  -u, --user USER    whose; without it an anonymous user's
  -t, --ttl SECONDS  how long it is good, by default 604800 (a week); -1: without end
  -q, --quiet        prints the token and nothing else
)",
     &GenerateToken},
    {"gensubtoken",
     R"(usage: tickcast gensubtoken [-c FILE] [-u USER] -s CHANNEL [-t SECONDS] [-q]

Makes a subscription token, signed with client.subscription_token.hmac_secret_key where that section
is enabled, else with client.token.hmac_secret_key (HS256).

  -c, --config FILE      by default config.toml, config.json or config.yaml, whichever is there
  -u, --user USER        whose; without it an anonymous user's
  -s, --channel CHANNEL  for which channel
  -t, --ttl SECONDS      how long it is good, by default 604800 (a week); -1: without end
  -q, --quiet            prints the token and nothing else
)",
     &GenerateSubToken},
    {"checktoken",
     R"(usage: tickcast checktoken [-c FILE] TOKEN

Says whether a connection token would be taken, with its claims or why not (exit status 1).

  -c, --config FILE  by default config.toml, config.json or config.yaml, whichever is there
)",
     &CheckToken},
    {"checksubtoken",
     R"(usage: tickcast checksubtoken [-c FILE] TOKEN

Says whether a subscription token would be taken, with its claims or why not (exit status 1).

  -c, --config FILE  by default config.toml, config.json or config.yaml, whichever is there
)",
     &CheckSubToken},
};

}  // namespace

std::span<const Subcommand> Subcommands() { return kSubcommands; }

const Subcommand* FindSubcommand(std::string_view name) {
  const auto found = std::find_if(std::begin(kSubcommands), std::end(kSubcommands),
                                  [name](const Subcommand& each) { return each.name == name; });
  return found == std::end(kSubcommands) ? nullptr : found;
}

SubcommandResult RunSubcommand(const Subcommand& command, std::span<const std::string> arguments,
                               engine::ConfigSources sources) {
  const bool help = std::any_of(arguments.begin(), arguments.end(), [](const std::string& word) {
    return word == "--help" || word == "-h";
  });
  if (help) return {.out = std::string(command.help)};
  return command.run(arguments, std::move(sources));
}

SubcommandResult SubcommandUsage(std::string_view name, std::string_view what) {
  const std::string command = "tickcast " + std::string(name);
  return {
      kSubcommandUsage, {}, command + ": " + std::string(what) + "; see " + command + " --help\n"};
}

}  // namespace tickcast::tools
