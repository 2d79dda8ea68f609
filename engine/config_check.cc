#include "engine/config_check.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "engine/config_checker.h"

namespace tickcast::engine {
namespace {

// The smallest speed of a replay that is one: a capture of minutes takes days already.
constexpr double kMinReplaySpeed = 0.001;

void CheckTimes(ConfigChecker& check) {
  const ClientConfig& client = check.config().client;
  if (client.ping_interval_ns != 0 && client.pong_timeout_ns >= client.ping_interval_ns) {
    check.Wrong(check.SetOne("client.pong_timeout", "client.ping_interval"),
                absl::StrCat("a pong may take ", FormatConfigDuration(client.pong_timeout_ns),
                             ", which must be less than the ping interval of ",
                             FormatConfigDuration(client.ping_interval_ns)));
  }
  const ShutdownConfig& shutdown = check.config().shutdown;
  if (shutdown.timeout_ns < shutdown.spread_ns) {
    check.Wrong(check.SetOne("shutdown.timeout", "shutdown.spread"),
                absl::StrCat("a drain ends after ", FormatConfigDuration(shutdown.timeout_ns),
                             ", which must not be less than its spread of ",
                             FormatConfigDuration(shutdown.spread_ns)));
  }
}

// A level that is entered before the one below it would leave that one without effect.
void CheckPressure(ConfigChecker& check) {
  const PressureConfig& pressure = check.config().pressure;
  const struct {
    const char* key;
    double share;
  } levels[] = {
      {"pressure.degraded_share", pressure.degraded_share},
      {"pressure.critical_share", pressure.critical_share},
      {"pressure.emergency_share", pressure.emergency_share},
  };
  for (std::size_t i = 1; i < std::size(levels); ++i) {
    if (levels[i - 1].share < levels[i].share) continue;
    check.Wrong(
        check.SetOne(levels[i].key, levels[i - 1].key),
        absl::StrCat(levels[i].key, " is ", levels[i].share, ", which must be more than the ",
                     levels[i - 1].share, " of ", levels[i - 1].key));
  }
}

void CheckCpus(ConfigChecker& check) {
  const EngineConfig& engine = check.config().engine;
  if (engine.cpus.empty()) return;
  if (!engine.pin) check.Wrong("engine.cpus", "has no effect with engine.pin = false");
  if (engine.shards != 0 && engine.shards != engine.cpus.size()) {
    check.Wrong("engine.cpus",
                absl::StrCat("names ", engine.cpus.size(), " cores for ", engine.shards,
                             " shards; engine.shards = 0 follows it"));
  }
  std::vector<std::uint32_t> sorted = engine.cpus;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end())
    check.Wrong("engine.cpus", absl::StrCat("names core ", *twice, " twice"));
}

void CheckReplays(ConfigChecker& check) {
  const auto& replays = check.config().feeds.replay;
  for (std::size_t i = 0; i < replays.size(); ++i) {
    const std::string name = absl::StrCat("feeds.replay[", i, "]");
    if (replays[i].speed != 0 && replays[i].speed < kMinReplaySpeed) {
      check.Wrong(name + ".speed", absl::StrCat(replays[i].speed, " is out of range: 0 or ",
                                                kMinReplaySpeed, " up"));
    }
    // What was written there and is wrong has been told.
    if (!replays[i].exchange.empty() || replays[i].file.empty() ||
        check.WasSet(name + ".exchange")) {
      continue;
    }
    check.Wrong(name + ".file", absl::StrCat("\"", replays[i].file,
                                             "\" does not begin with an exchange's name; say "
                                             "exchange = \"kucoin\" or another"));
  }
}

}  // namespace

const ConfigPlace& ConfigChecker::PlaceOf(std::string name) const {
  static const ConfigPlace kDefault{"default", 0};
  for (;;) {
    if (const auto found = places_.find(name); found != places_.end()) return found->second;
    const std::size_t dot = name.rfind('.');
    if (dot == std::string::npos) return kDefault;
    name.resize(dot);
  }
}

void ConfigChecker::Wrong(const std::string& name, absl::string_view what) {
  mistakes_.Add(PlaceOf(name), absl::StrCat(name, ": ", what));
}

void ConfigChecker::Useless(const std::string& name, absl::string_view what) {
  useless_.Add(PlaceOf(name), absl::StrCat(name, ": ", what));
}

void CheckConfig(const Config& config, const ConfigPlaces& places, ConfigMistakes& mistakes,
                 ConfigMistakes& useless) {
  ConfigChecker check(config, places, mistakes, useless);
  CheckTimes(check);
  CheckPressure(check);
  CheckClient(check);
  CheckNamespaces(check);
  CheckKeyed(check);
  CheckProxies(check);
  CheckCpus(check);
  CheckReplays(check);
}

}  // namespace tickcast::engine
