#include "tools/loadgen/options.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/loadgen/keyed_channel.h"
#include "tools/loadgen/stamp.h"

namespace tickcast::loadgen {
namespace {

constexpr double kMaxDurationNs = 31 * 86400e9;
constexpr std::uint32_t kFeedChannels = 1000;
constexpr double kMinScrollNs = 100e6;

// Sets one option from its text. Returns an empty string, or what would be right.
using Setter = std::string (*)(const std::string& text, Options& options);

struct Row {
  const char* name;
  const char* value;  // What the help calls its value; null for a switch.
  const char* help;
  Setter set;
};

template <typename T>
T& Get(Options& options, T Options::*member) {
  return options.*member;
}
template <typename T>
T& Get(Options& options, T TopologyOptions::*member) {
  return options.topology.*member;
}
template <typename T>
T& Get(Options& options, T SubscribeOptions::*member) {
  return options.subscribe.*member;
}

template <typename T>
T& Get(Options& options, T DialectOptions::*member) {
  return options.dialect.*member;
}

template <auto Member, std::uint64_t kLow, std::uint64_t kHigh>
std::string SetWhole(const std::string& text, Options& options) {
  std::uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number < kLow || number > kHigh) {
    return absl::StrCat("a whole number from ", kLow, " to ", kHigh);
  }
  auto& member = Get(options, Member);
  member = static_cast<std::remove_reference_t<decltype(member)>>(number);
  return "";
}

template <auto Member, std::uint64_t kHigh>
std::string SetNumber(const std::string& text, Options& options) {
  double number = 0;
  if (!absl::SimpleAtod(text, &number) || !(number >= 0 && number <= kHigh)) {
    return absl::StrCat("a number from 0 to ", kHigh);
  }
  Get(options, Member) = number;
  return "";
}

template <auto Member>
std::string SetText(const std::string& text, Options& options) {
  Get(options, Member) = text;
  return "";
}

template <auto Member>
std::string SetDuration(const std::string& text, Options& options) {
  const absl::StatusOr<double> duration = ParseDuration(text);
  if (!duration.ok() || !(*duration <= kMaxDurationNs)) {
    return "a time up to 31 days, as 10s, 250ms or 0.5";
  }
  Get(options, Member) = *duration;
  return "";
}

template <auto Member>
std::string SetSwitch(const std::string&, Options& options) {
  Get(options, Member) = true;
  return "";
}

std::string SetPath(const std::string& text, Options& options) {
  if (!text.starts_with('/')) return "a path, which begins with '/'";
  options.path = text;
  return "";
}

std::string SetSpread(const std::string& text, Options& options) {
  TopologyOptions& topology = options.topology;
  if (text == "round-robin") {
    topology.spread = Spread::kRoundRobin;
  } else if (text == "uniform") {
    topology.spread = Spread::kUniform;
  } else if (text == "zipf" || text.starts_with("zipf:")) {
    topology.spread = Spread::kZipf;
    double& exponent = topology.zipf_exponent;
    if (text != "zipf" &&
        (!absl::SimpleAtod(text.substr(5), &exponent) || !(exponent >= 0 && exponent <= 10))) {
      return "zipf:EXPONENT with an exponent from 0 to 10";
    }
  } else {
    return "round-robin, uniform, zipf or zipf:EXPONENT";
  }
  return "";
}

std::string SetAddress(const std::string& text, Options& options) {
  if (text == "stream") {
    options.address = Address::kStream;
  } else if (text == "track") {
    options.address = Address::kTrack;
  } else if (text == "map") {
    options.address = Address::kMap;
  } else {
    return "stream, track or map";
  }
  return "";
}

std::string SetExpect(const std::string& text, Options& options) {
  absl::StatusOr<std::vector<Expectation>> expectations = ParseExpectations(text);
  if (!expectations.ok()) return "comparisons like p99<5ms,lost=0";
  options.expectations = *std::move(expectations);
  return "";
}

std::string SetStorm(const std::string& text, Options& options) {
  const bool right = ParseStorm(text, options.storm_at_ns, options.storm_rate);
  return right ? "" : "a time into the measured one, as 10s or 10s:rate=3000";
}

using T = TopologyOptions;
using O = Options;
using S = SubscribeOptions;
using D = DialectOptions;
constexpr std::uint64_t kMillion = 1'000'000;
constexpr Row kRows[] = {
    {"connections", "N", "subscriber connections (1000)", SetWhole<&T::connections, 1, kMillion>},
    {"channels", "M", "channels, named PREFIX0000 and up (10; --feed: 1000)",
     SetWhole<&T::channels, 1, kMillion>},
    {"subscriptions", "K", "channels per connection (1)", SetWhole<&T::subscriptions, 0, 10'000>},
    {"spread", "HOW", "which K of M: round-robin, uniform, zipf, zipf:EXPONENT (round-robin)",
     SetSpread},
    {"seed", "S", "of uniform and zipf (1)", SetWhole<&T::seed, 0, INT64_MAX>},
    {"channel-prefix", "TEXT", "(bench:)", SetText<&T::channel_prefix>},
    {"path", "PATH", "of the WebSocket (/connection/websocket)", SetPath},
    {"interval", "MS", "ask for values at most every so many milliseconds (0 = each)",
     SetWhole<&S::interval_ms, 0, kMaxIntervalMs>},
    {"min-change", "F", "ask for values that changed by this fraction (0)",
     SetNumber<&S::min_change, 1>},
    {"priority-share", "F", "this part of the subscriptions asks for priority (0)",
     SetNumber<&S::priority_share, 1>},
    {"protobuf", nullptr, "speak Protobuf", SetSwitch<&D::protobuf>},
    {"delta", nullptr, "ask for values as deltas of the ones before", SetSwitch<&D::delta>},
    {"compaction", nullptr, "ask for numbers in place of the channels' names",
     SetSwitch<&D::compaction>},
    {"mix", "LIST", "kinds of clients, as fast=80%,slow=10%:rate=2000,silent (all fast)",
     SetText<&O::mix>},
    {"feed", nullptr, "no publishers: the values of the server's own market, tickers by seq",
     SetSwitch<&O::feed>},
    {"exchange", "NAME", "whose tickers --feed takes (sim)", SetText<&O::exchange>},
    {"address", "HOW", "follow channels by their names, or as keys: stream, track, map (stream)",
     SetAddress},
    {"page-keys", "N", "of a map, in each page (1000)", SetWhole<&O::page_keys, 1, 10'000>},
    {"scroll-every", "TIME", "replace keys of each connection so often (0 = never)",
     SetDuration<&O::scroll_every_ns>},
    {"scroll-keys", "N", "so many keys by as many others (0)",
     SetWhole<&O::scroll_keys, 0, 10'000>},
    {"publishers", "N", "connections that publish (1)", SetWhole<&O::publishers, 1, 1000>},
    {"window", "W", "publications or lives under way in a closed loop (8)",
     SetWhole<&O::window, 1, kMillion>},
    {"lockstep", nullptr, "the next W publications leave together, when all W are complete",
     SetSwitch<&O::lockstep>},
    {"rate", "R", "open loop: publications or lives per second, by schedule",
     SetNumber<&O::rate, 100 * kMillion>},
    {"payload", "BYTES", "size of a publication's data, at least 60 (128)",
     SetWhole<&O::payload_bytes, kMinPayloadBytes, 60'000>},
    {"duration", "TIME", "measured time; 0 = until stopped (10s)", SetDuration<&O::duration_ns>},
    {"warmup", "TIME", "run before it, not measured (1s)", SetDuration<&O::warmup_ns>},
    {"stall", "TIME", "after which an incomplete publication is given up (2s)",
     SetDuration<&O::stall_ns>},
    {"storm", "AT[:rate=R]", "cut all connections at this time, and bring them back", SetStorm},
    {"connect-rate", "R", "connections per second at first (as fast as they are accepted)",
     SetNumber<&O::connect_rate, kMillion>},
    {"connecting", "N", "connections being opened at a time (256)",
     SetWhole<&O::connecting, 1, 100'000>},
    {"lives", "N", "churn: stop after so many lives (no end but --duration)",
     SetWhole<&O::lives, 0, UINT32_MAX>},
    {"sources", "N", "source addresses 127.0.0.1 and up (one per 20,000 connections; churn 16)",
     SetWhole<&O::sources, 0, 60'000>},
    {"rings", "N", "rings, each with a thread (as many as the descriptor limit asks for)",
     SetWhole<&O::rings, 0, 1000>},
    {"server-pid", "PID", "report this process's CPU time and memory",
     SetWhole<&O::server_pid, 1, INT32_MAX>},
    {"pin", "CPU", "run on this CPU", SetWhole<&O::pin, 0, 1023>},
    {"json", "FILE", "write the result as JSON (- = standard output)", SetText<&O::json>},
    {"expect", "LIST", "exit 1 unless all hold, as p99<5ms,lost=0", SetExpect},
    {"control", nullptr,
     "take commands from standard input: run, cut, silence, scroll, finish, quit",
     SetSwitch<&O::control>},
    {"quiet", nullptr, "no progress lines", SetSwitch<&O::quiet>},
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
  const std::string right = row->set(*value, options);
  if (right.empty()) return absl::OkStatus();
  return Invalid(absl::StrCat("--", name, ": '", *value, "' is not ", right));
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

absl::Status CheckScrolling(const Options& options) {
  const TopologyOptions& topology = options.topology;
  if (options.scroll_every_ns == 0 && options.scroll_keys == 0) return absl::OkStatus();
  if (options.address != Address::kTrack) {
    return Invalid("--scroll-every and --scroll-keys: only --address track scrolls");
  }
  if (!options.feed) return Invalid("--scroll-every: what scrolls is a feed, with --feed");
  if (options.scroll_every_ns < kMinScrollNs) return Invalid("--scroll-every: at least 100ms");
  if (options.scroll_keys > topology.subscriptions ||
      topology.subscriptions + options.scroll_keys > topology.channels) {
    return Invalid(absl::StrCat("--scroll-keys: ", options.scroll_keys, " of ",
                                topology.subscriptions, " keys by others of ", topology.channels));
  }
  return absl::OkStatus();
}

absl::Status CheckAddress(const Options& options) {
  const TopologyOptions& topology = options.topology;
  if (options.address == Address::kStream) return absl::OkStatus();
  if (options.mode == Mode::kChurn) return Invalid("--address: a churn follows no keys");
  if (!options.dialect.plain()) {
    return Invalid(
        "--address track and map: in plain JSON, without --protobuf, --delta and --compaction");
  }
  if (!options.feed && !CheckKeyed(topology.channel_prefix + "0").ok()) {
    return Invalid("--channel-prefix: keys have one as ticker:bench.");
  }
  return absl::OkStatus();
}

absl::Status Check(Options& options) {
  TopologyOptions& topology = options.topology;
  if (options.address == Address::kMap) topology.subscriptions = topology.channels;
  if (options.port == 0) return Invalid("ADDRESS:PORT of the server is missing");
  if (topology.subscriptions > topology.channels) {
    return Invalid(absl::StrCat("--subscriptions: ", topology.subscriptions, " of ",
                                topology.channels, " channels"));
  }
  if (options.mode != Mode::kFanout && options.feed) {
    return Invalid("--feed: only fanout receives");
  }
  if (options.mode == Mode::kChurn && (!options.mix.empty() || options.storm_at_ns >= 0)) {
    return Invalid("--mix and --storm: a churn's clients are all alike");
  }
  if (options.mode == Mode::kChurn && !options.dialect.plain()) {
    return Invalid("--protobuf, --delta and --compaction: a churn speaks plain JSON");
  }
  if (options.mode == Mode::kChurn && options.rings > 1) {
    return Invalid("--rings: a churn has one");
  }
  if (options.storm_at_ns >= 0 && options.duration_ns > 0 &&
      static_cast<double>(options.storm_at_ns) >= options.duration_ns) {
    return Invalid("--storm: before the end of --duration");
  }
  if (absl::Status status = CheckAddress(options); !status.ok()) return status;
  if (absl::Status status = CheckScrolling(options); !status.ok()) return status;
  absl::StatusOr<std::vector<Kind>> kinds =
      ParseMix(options.mix, topology.connections, options.subscribe);
  if (!kinds.ok()) return kinds.status();
  options.kinds = *std::move(kinds);
  return absl::OkStatus();
}

}  // namespace

bool ParseStorm(const std::string& text, std::int64_t& at_ns, double& rate) {
  constexpr std::string_view kRate = ":rate=";
  const std::size_t colon = text.find(':');
  const absl::StatusOr<double> at = ParseDuration(text.substr(0, colon));
  if (!at.ok() || !(*at <= kMaxDurationNs)) return false;
  at_ns = static_cast<std::int64_t>(*at);
  rate = 0;
  if (colon == std::string::npos) return true;
  const std::string rest = text.substr(colon);
  return rest.starts_with(kRate) && absl::SimpleAtod(rest.substr(kRate.size()), &rate) &&
         rate >= 1 && rate <= 1e6;
}

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments) {
  Options options;
  bool mode_given = false;
  options.topology.channels = 0;
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
  if (options.topology.channels == 0) options.topology.channels = options.feed ? kFeedChannels : 10;
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
