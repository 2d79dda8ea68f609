#include "tools/loadgen/options.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/loadgen/stamp.h"

namespace tickcast::loadgen {
namespace {

// Sets one option from its text; false when the text does not fit.
using Setter = bool (*)(const std::string& text, Options& options);

struct Row {
  const char* name;
  const char* value;  // What the help calls its value; null for a switch.
  const char* help;
  Setter set;
};

template <auto Member>
bool SetCount(const std::string& text, Options& options) {
  std::uint32_t count = 0;
  if (!absl::SimpleAtoi(text, &count)) return false;
  options.*Member = count;
  return true;
}

template <auto Member>
bool SetTopologyCount(const std::string& text, Options& options) {
  return absl::SimpleAtoi(text, &(options.topology.*Member));
}

template <auto Member>
bool SetNumber(const std::string& text, Options& options) {
  return absl::SimpleAtod(text, &(options.*Member)) && options.*Member >= 0;
}

template <auto Member>
bool SetSigned(const std::string& text, Options& options) {
  return absl::SimpleAtoi(text, &(options.*Member)) && options.*Member >= 0;
}

template <auto Member>
bool SetText(const std::string& text, Options& options) {
  options.*Member = text;
  return true;
}

template <auto Member>
bool SetDuration(const std::string& text, Options& options) {
  const absl::StatusOr<double> duration = ParseDuration(text);
  if (duration.ok()) options.*Member = *duration;
  return duration.ok();
}

template <auto Member>
bool SetSwitch(const std::string&, Options& options) {
  options.*Member = true;
  return true;
}

bool SetSpread(const std::string& text, Options& options) {
  const absl::string_view zipf = "zipf:";
  if (text == "round-robin") {
    options.topology.spread = Spread::kRoundRobin;
  } else if (text == "uniform") {
    options.topology.spread = Spread::kUniform;
  } else if (text == "zipf") {
    options.topology.spread = Spread::kZipf;
  } else if (text.starts_with("zipf:")) {
    options.topology.spread = Spread::kZipf;
    return absl::SimpleAtod(text.substr(zipf.size()), &options.topology.zipf_exponent) &&
           options.topology.zipf_exponent >= 0;
  } else {
    return false;
  }
  return true;
}

bool SetExpect(const std::string& text, Options& options) {
  absl::StatusOr<std::vector<Expectation>> expectations = ParseExpectations(text);
  if (expectations.ok()) options.expectations = *std::move(expectations);
  return expectations.ok();
}

using T = TopologyOptions;
constexpr Row kRows[] = {
    {"connections", "N", "subscriber connections (1000)", SetTopologyCount<&T::connections>},
    {"channels", "M", "channels, named PREFIX0000 and up (10)", SetTopologyCount<&T::channels>},
    {"subscriptions", "K", "channels per connection (1)", SetTopologyCount<&T::subscriptions>},
    {"spread", "HOW", "which K of M: round-robin, uniform, zipf, zipf:EXPONENT (round-robin)",
     SetSpread},
    {"seed", "S", "of uniform and zipf (1)", SetTopologyCount<&T::seed>},
    {"channel-prefix", "TEXT", "(bench:)",
     [](const std::string& text, Options& options) {
       options.topology.channel_prefix = text;
       return true;
     }},
    {"path", "PATH", "of the WebSocket (/connection/websocket)", SetText<&Options::path>},
    {"publishers", "N", "connections that publish (1)", SetCount<&Options::publishers>},
    {"window", "W", "publications or lives under way in a closed loop (8)",
     SetCount<&Options::window>},
    {"lockstep", nullptr, "the next W publications leave together, when all W are complete",
     SetSwitch<&Options::lockstep>},
    {"rate", "R", "open loop: publications or lives per second, by schedule",
     SetNumber<&Options::rate>},
    {"payload", "BYTES", "size of a publication's data, at least 60 (128)",
     SetCount<&Options::payload_bytes>},
    {"duration", "TIME", "measured time; 0 in idle = until stopped (10s)",
     SetDuration<&Options::duration_ns>},
    {"warmup", "TIME", "run before it, not measured (1s)", SetDuration<&Options::warmup_ns>},
    {"stall", "TIME", "after which an incomplete publication is given up (2s)",
     SetDuration<&Options::stall_ns>},
    {"connect-rate", "R", "connections per second at first (as fast as they are accepted)",
     SetNumber<&Options::connect_rate>},
    {"connecting", "N", "connections being opened at a time (256)", SetCount<&Options::connecting>},
    {"lives", "N", "churn: stop after so many lives (no end but --duration)",
     SetCount<&Options::lives>},
    {"sources", "N", "source addresses 127.0.0.1 and up (one per 20,000 connections; churn 16)",
     SetCount<&Options::sources>},
    {"server-pid", "PID", "report this process's CPU time per delivery or life",
     SetSigned<&Options::server_pid>},
    {"pin", "CPU", "run on this CPU", SetSigned<&Options::pin>},
    {"json", "FILE", "write the result as JSON (- = standard output)", SetText<&Options::json>},
    {"expect", "LIST", "exit 1 unless all hold, as p99<5ms,lost=0", SetExpect},
    {"control", nullptr, "take 'run SECONDS [WARMUP [RATE]]' and 'quit' from standard input",
     SetSwitch<&Options::control>},
    {"quiet", nullptr, "no progress lines", SetSwitch<&Options::quiet>},
};

absl::Status Invalid(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(what, "; --help lists what there is"));
}

absl::Status ApplyOption(const std::vector<std::string>& arguments, std::size_t& index,
                         Options& options) {
  std::string name = arguments[index].substr(2);
  std::optional<std::string> value;
  if (const std::size_t equals = name.find('='); equals != std::string::npos) {
    value = name.substr(equals + 1);
    name.resize(equals);
  }
  const auto row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& candidate) { return candidate.name == name; });
  if (row == std::end(kRows)) return Invalid(absl::StrCat("--", name, " is no option"));
  if (row->value == nullptr) {
    if (value) return Invalid(absl::StrCat("--", name, " takes no value"));
    value = "";
  } else if (!value) {
    if (index + 1 == arguments.size()) return Invalid(absl::StrCat("--", name, " needs a value"));
    value = arguments[++index];
  }
  if (!row->set(*value, options)) {
    return Invalid(absl::StrCat("--", name, ": '", *value, "' is no ", row->value));
  }
  return absl::OkStatus();
}

absl::Status SetTarget(const std::string& target, Options& options) {
  const std::size_t colon = target.rfind(':');
  std::uint32_t port = 0;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(target.substr(colon + 1), &port) || port == 0 || port > 65535) {
    return Invalid(absl::StrCat("'", target, "' is no ADDRESS:PORT"));
  }
  options.host = target.substr(0, colon) == "localhost" ? "127.0.0.1" : target.substr(0, colon);
  options.port = static_cast<std::uint16_t>(port);
  return absl::OkStatus();
}

absl::Status Check(const Options& options) {
  const TopologyOptions& topology = options.topology;
  if (options.port == 0) return Invalid("ADDRESS:PORT of the server is missing");
  if (topology.connections == 0) return Invalid("--connections: at least 1");
  if (topology.channels == 0) return Invalid("--channels: at least 1");
  if (topology.subscriptions > topology.channels) {
    return Invalid(absl::StrCat("--subscriptions: ", topology.subscriptions, " of ",
                                topology.channels, " channels"));
  }
  if (options.payload_bytes < kMinPayloadBytes) {
    return Invalid(absl::StrCat("--payload: at least ", kMinPayloadBytes, ", the size of a stamp"));
  }
  if (options.window == 0 || options.publishers == 0 || options.connecting == 0) {
    return Invalid("--window, --publishers and --connecting: at least 1");
  }
  if (!options.path.starts_with('/')) return Invalid("--path begins with '/'");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments) {
  Options options;
  bool mode_given = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--help" || argument == "-h") return absl::CancelledError("help");
    if (argument.starts_with("--")) {
      if (absl::Status status = ApplyOption(arguments, i, options); !status.ok()) return status;
    } else if (!mode_given && (argument == "fanout" || argument == "idle" || argument == "churn")) {
      mode_given = true;
      options.mode = argument == "fanout" ? Mode::kFanout
                     : argument == "idle" ? Mode::kIdle
                                          : Mode::kChurn;
    } else if (absl::Status status = SetTarget(argument, options); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = Check(options); !status.ok()) return status;
  return options;
}

std::string Usage() {
  std::string usage =
      "loadgen [fanout|idle|churn] ADDRESS:PORT [options]\n\n"
      "  fanout  publishes to channels and receives on many connections (default)\n"
      "  idle    connects, subscribes and holds\n"
      "  churn   connects, says one command and closes, again and again\n\n";
  for (const Row& row : kRows) {
    const std::string name = row.value == nullptr ? absl::StrCat("--", row.name)
                                                  : absl::StrCat("--", row.name, " ", row.value);
    absl::StrAppendFormat(&usage, "  %-24s %s\n", name, row.help);
  }
  return usage;
}

}  // namespace tickcast::loadgen
