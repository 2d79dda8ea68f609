#include "tools/tickcast/command_line.h"

namespace tickcast::tools {

const std::string_view kHelp =
    R"(tickcast: pushes live values to very many WebSocket clients from one machine.

usage: tickcast [--config FILE.toml] [--set key=value ...] [--replay FILE ...]
       tickcast --check-config [the same]

  --config FILE       the configuration (TOML); without one, defaults hold
  --set key=value     sets one key, before environment (TICKCAST_KEY) and file; may be repeated
  --replay FILE       publishes a recorded capture; the exchange is what its name begins with
  --check-config      tells every mistake of the configuration and starts nothing
  --config-reference  prints every key with type, default, range and meaning
  --version, --help

Signals: the first SIGTERM or SIGINT drains (no new connections; clients are closed with 3001,
spread over shutdown.spread) and ends with status 0; the second ends at once, status 143 or 130.
Exit status: 2 for a wrong command line or configuration, 78 where the kernel or its settings do
not let the server use io_uring, 1 for anything else that keeps it from starting.
)";

std::string ReadCommandLine(const std::vector<std::string>& arguments, CommandLine& line) {
  using Action = CommandLine::Action;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      line.action = Action::kShowHelp;
      return {};
    }
    if (argument == "--version") {
      line.action = Action::kShowVersion;
      return {};
    }
    if (argument == "--config-reference") {
      line.action = Action::kShowReference;
      return {};
    }
    if (argument == "--centrifugo-reference") {
      line.action = Action::kShowCentrifugoReference;
      return {};
    }
    if (argument == "--check-config") {
      line.action = Action::kCheckConfig;
      continue;
    }

    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    if (name != "--config" && name != "--set" && name != "--replay") {
      return "unknown argument '" + argument + "'; see --help";
    }
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    }
    if (value.empty()) return name + " needs a value; see --help";
    if (name == "--set") {
      line.sets.push_back(value);
    } else if (name == "--replay") {
      line.replays.push_back(value);
    } else if (line.config_file.empty()) {
      line.config_file = value;
    } else {
      return "--config is given twice";
    }
  }
  return {};
}

}  // namespace tickcast::tools
