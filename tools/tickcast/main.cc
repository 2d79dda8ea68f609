// tickcast: the server. Reads the configuration, starts the shards, and turns signals into a drain.
#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "engine/config.h"
#include "engine/config_load.h"
#include "engine/log.h"
#include "shards/console_assets.h"
#include "shards/server.h"
#include "shards/version.h"
#include "tools/tickcast/check_config.h"
#include "tools/tickcast/command_line.h"
#include "tools/tickcast/subcommand.h"

namespace tickcast::tools {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr int kExitConfig = 78;   // EX_CONFIG of sysexits.h: the machine is set up otherwise.
constexpr int kExitSignal = 128;  // Plus the signal's number, as shells count.

using engine::Log;
using engine::LogLevel;

// Blocked before any thread starts, so that they all inherit it and only Serve() takes signals.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

int WaitForSignal(const sigset_t& signals) {
  int number = 0;
  while (sigwait(&signals, &number) != 0) {
  }
  return number;
}

int TellMistakes(const std::vector<std::string>& mistakes) {
  for (const std::string& mistake : mistakes) std::fprintf(stderr, "%s\n", mistake.c_str());
  std::fprintf(stderr, "tickcast: the configuration is wrong; nothing was started\n");
  return kExitUsage;
}

// What is allowed but hardly meant.
void WarnOfConfig(const engine::LoadedConfig& loaded) {
  if (loaded.for_centrifugo) {
    Log(LogLevel::kInfo, "config", "read as a configuration of Centrifugo");
  }
  for (const std::string& warning : loaded.warnings) Log(LogLevel::kWarn, "config", warning);
  const engine::Config& config = loaded.config;
  if (config.client.insecure) {
    Log(LogLevel::kWarn, "insecure",
        "client.insecure is on: everybody may connect, subscribe and publish everywhere");
  } else if (config.client.token.hmac_secret_key.empty() &&
             !config.client.allow_anonymous_connect_without_token) {
    Log(LogLevel::kWarn, "nobody_may_connect",
        "no client can connect: set client.token.hmac_secret_key, "
        "client.allow_anonymous_connect_without_token or client.insecure");
  }
  if (config.http_api.insecure) {
    Log(LogLevel::kWarn, "api_insecure", "http_api.insecure is on: everybody may publish");
  }
}

int ExitStatus(const absl::Status& status) {
  const bool kernel = absl::IsUnavailable(status) || absl::IsFailedPrecondition(status);
  return kernel ? kExitConfig : kExitFailure;
}

// Runs the server until it has drained.
int Serve(const engine::LoadedConfig& loaded) {
  const engine::Config& config = loaded.config;
  const sigset_t signals = BlockSignals();
  engine::StartLog(config.log.level, config.log.format);
  WarnOfConfig(loaded);

  auto server = shards::Server::Start(config, shards::ConsoleAssets());
  if (!server.ok()) {
    Log(LogLevel::kError, "start", std::string(server.status().message()));
    engine::StopLog();
    return ExitStatus(server.status());
  }
  Log(LogLevel::kInfo, "listening",
      absl::StrCat("on ", config.http_server.address.empty() ? "*" : config.http_server.address,
                   " port ", (*server)->port(), " with ", (*server)->shards(), " shards"));

  const int first = WaitForSignal(signals);
  Log(LogLevel::kInfo, "drain",
      absl::StrCat("signal ", first, ": closing connections; a second one ends at once"));
  (*server)->BeginDrain();
  std::thread([signals] { _exit(kExitSignal + WaitForSignal(signals)); }).detach();
  (*server)->Wait();
  Log(LogLevel::kInfo, "stopped", "every connection is closed");
  server->reset();
  engine::StopLog();
  return 0;
}

engine::ConfigSources Environment() {
  engine::ConfigSources sources;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) continue;
    sources.environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return sources;
}

int RunSubcommandHere(const Subcommand& command, std::span<const std::string> arguments) {
  const SubcommandResult result = RunSubcommand(command, arguments, Environment());
  std::fputs(result.error.c_str(), stderr);
  return std::fputs(result.out.c_str(), stdout) < 0 ? kExitFailure : result.status;
}

int Run(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) {
    const Subcommand* command = FindSubcommand(arguments.front());
    if (command != nullptr) return RunSubcommandHere(*command, std::span(arguments).subspan(1));
  }
  CommandLine line;
  if (const std::string wrong = ReadCommandLine(arguments, line); !wrong.empty()) {
    std::fprintf(stderr, "tickcast: %s\n", wrong.c_str());
    return kExitUsage;
  }
  using Action = CommandLine::Action;
  if (line.action == Action::kShowHelp) return std::fputs(kHelp.data(), stdout) < 0;
  if (line.action == Action::kShowVersion) {
    return std::printf("%s\n", shards::kVersion.data()) < 0;
  }
  if (line.action == Action::kShowReference) {
    return std::fputs(engine::ConfigReference().c_str(), stdout) < 0;
  }
  if (line.action == Action::kShowCentrifugoReference) {
    return std::fputs(engine::CentrifugoReference().c_str(), stdout) < 0;
  }

  engine::ConfigSources sources = Environment();
  if (!line.config_file.empty()) {
    const std::string wrong = engine::ReadConfigFile(line.config_file, sources);
    if (!wrong.empty()) return TellMistakes({wrong});
  }
  sources.sets = line.sets;
  sources.replays = line.replays;
  const engine::LoadedConfig loaded = engine::LoadConfig(sources);
  if (!loaded.mistakes.empty()) return TellMistakes(loaded.mistakes);
  if (const std::string keys = CheckUse(loaded.config); !keys.empty()) {
    return TellMistakes({keys});
  }
  if (line.action == Action::kCheckConfig) {
    for (const std::string& warning : loaded.warnings) {
      std::fprintf(stderr, "warning: %s\n", warning.c_str());
    }
    std::printf("the configuration is good%s\n",
                loaded.for_centrifugo ? ", and one of Centrifugo" : "");
    return 0;
  }
  return Serve(loaded);
}

}  // namespace
}  // namespace tickcast::tools

int main(int argc, char** argv) {
  try {
    return tickcast::tools::Run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "tickcast: %s\n", failure.what());
    return tickcast::tools::kExitFailure;
  }
}
