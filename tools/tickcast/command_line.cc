#include "tools/tickcast/command_line.h"

#include <variant>

#include "engine/config_keys.h"

namespace tickcast::tools {

const std::string_view kHelp =
    R"(tickcast: pushes live values to very many WebSocket clients from one machine.

usage: tickcast [--config FILE] [--set key=value ...] [--replay FILE ...]
       tickcast --check-config [the same]
       tickcast genconfig|checkconfig|gentoken|gensubtoken|checktoken|checksubtoken [--help]

  -c, --config FILE   the configuration (TOML, JSON, YAML; ours or Centrifugo's); without one,
                      defaults hold
  --set key=value     sets one key, before environment (TICKCAST_KEY) and file; may be repeated
  --section.key value the same; a switch needs no value: --client.insecure
  -a, --address and -p, --port are http_server.address and http_server.port
  --replay FILE       publishes a recorded capture; the exchange is what its name begins with
  --check-config      tells every mistake of the configuration and starts nothing
  --config-reference  prints every key with type, default, range and meaning
  --centrifugo-reference  prints what becomes of every key of Centrifugo
  --version, --help

Signals: the first SIGTERM or SIGINT drains (no new connections; clients are closed with 3001,
spread over shutdown.spread) and ends with status 0; the second ends at once, status 143 or 130.
Exit status: 2 for a wrong command line or configuration, 78 where the kernel or its settings do
not let the server use io_uring, 1 for anything else that keeps it from starting.
)";

namespace {

// The key that an option sets, or empty: `--client.insecure`, and Centrifugo's short ones.
std::string KeyOf(const std::string& option) {
  if (option == "-a" || option == "--address") return "http_server.address";
  if (option == "-p" || option == "--port") return "http_server.port";
  const bool key = option.starts_with("--") && option.find('.') != std::string::npos;
  return key ? option.substr(2) : std::string();
}

bool IsSwitch(const std::string& key) {
  bool found = false;
  engine::Config scratch;
  engine::VisitConfigKeys(scratch, [&](const std::string& name, const engine::ConfigFacts&,
                                       const engine::ConfigTarget& target) {
    found = found || (name == key && std::holds_alternative<bool*>(target));
  });
  return found;
}

// The option at arguments[i], which moves on where the value is an argument of its own.
std::string ReadOption(const std::vector<std::string>& arguments, std::size_t& i,
                       CommandLine& line) {
  const std::string& argument = arguments[i];
  const std::size_t equals = argument.find('=');
  const std::string name = argument.substr(0, equals);
  const std::string key = KeyOf(name);
  const bool config = name == "--config" || name == "-c";
  if (key.empty() && !config && name != "--set" && name != "--replay") {
    return "unknown argument '" + argument + "'; see --help";
  }
  std::string value;
  if (equals != std::string::npos) {
    value = argument.substr(equals + 1);
  } else if (!key.empty() && IsSwitch(key)) {
    value = "true";
  } else if (i + 1 < arguments.size()) {
    value = arguments[++i];
  }
  if (value.empty()) return name + " needs a value; see --help";
  if (!key.empty()) {
    line.sets.push_back(key + "=" + value);
  } else if (name == "--set") {
    line.sets.push_back(value);
  } else if (name == "--replay") {
    line.replays.push_back(value);
  } else if (line.config_file.empty()) {
    line.config_file = value;
  } else {
    return "--config is given twice";
  }
  return {};
}

}  // namespace

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

    if (const std::string wrong = ReadOption(arguments, i, line); !wrong.empty()) return wrong;
  }
  return {};
}

}  // namespace tickcast::tools
