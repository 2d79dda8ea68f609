#include "engine/config_check.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <string>

namespace tickcast::engine {
namespace {

// The smallest speed of a replay that is one: a capture of minutes takes days already.
constexpr double kMinReplaySpeed = 0.001;

class Checker {
 public:
  Checker(const Config& config, const ConfigPlaces& places, ConfigMistakes& mistakes)
      : config_(config), places_(places), mistakes_(mistakes) {}

  void Run() {
    CheckTimes();
    CheckPressure();
    CheckNamespace("channel.without_namespace", config_.channel.without_namespace);
    CheckNamespaceList();
    CheckCpus();
    CheckReplays();
  }

 private:
  // The place of `name`, or of what it is part of.
  const ConfigPlace& PlaceOf(std::string name) const {
    static const ConfigPlace kDefault{"default", 0};
    for (;;) {
      if (const auto found = places_.find(name); found != places_.end()) return found->second;
      const std::size_t dot = name.rfind('.');
      if (dot == std::string::npos) return kDefault;
      name.resize(dot);
    }
  }

  void Wrong(const std::string& name, absl::string_view what) {
    mistakes_.Add(PlaceOf(name), absl::StrCat(name, ": ", what));
  }

  // Told at the key that was set: a default cannot be the one to change.
  const char* SetOne(const char* first, const char* second) const {
    return places_.contains(first) ? first : second;
  }

  void CheckTimes() {
    const ClientConfig& client = config_.client;
    if (client.ping_interval_ns != 0 && client.pong_timeout_ns >= client.ping_interval_ns) {
      Wrong(SetOne("client.pong_timeout", "client.ping_interval"),
            absl::StrCat("a pong may take ", FormatConfigDuration(client.pong_timeout_ns),
                         ", which must be less than the ping interval of ",
                         FormatConfigDuration(client.ping_interval_ns)));
    }
    const ShutdownConfig& shutdown = config_.shutdown;
    if (shutdown.timeout_ns < shutdown.spread_ns) {
      Wrong(SetOne("shutdown.timeout", "shutdown.spread"),
            absl::StrCat("a drain ends after ", FormatConfigDuration(shutdown.timeout_ns),
                         ", which must not be less than its spread of ",
                         FormatConfigDuration(shutdown.spread_ns)));
    }
  }

  // A level that is entered before the one below it would leave that one without effect.
  void CheckPressure() {
    const PressureConfig& pressure = config_.pressure;
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
      Wrong(SetOne(levels[i].key, levels[i - 1].key),
            absl::StrCat(levels[i].key, " is ", levels[i].share, ", which must be more than the ",
                         levels[i - 1].share, " of ", levels[i - 1].key));
    }
  }

  void CheckIntervals(const std::string& name, const Namespace& ns) {
    if (ns.kind == ChannelKind::kStream) {
      for (const char* key : {".min_interval", ".default_interval", ".value_fields"}) {
        if (!places_.contains(name + key)) continue;
        Wrong(name + key, "has no effect on a stream, which sends every publication");
      }
      return;
    }
    if (ns.default_interval_ns >= ns.min_interval_ns) return;
    Wrong(name + (places_.contains(name + ".default_interval") ? ".default_interval"
                                                               : ".min_interval"),
          absl::StrCat("a subscriber that asks for no interval gets ",
                       FormatConfigDuration(ns.default_interval_ns),
                       " (default_interval), which must not be less than the min_interval of ",
                       FormatConfigDuration(ns.min_interval_ns)));
  }

  void CheckNamespace(const std::string& name, const Namespace& ns) {
    CheckIntervals(name, ns);
    const bool history = ns.history_size != 0 && ns.history_ttl_ns != 0;
    if (ns.history_size != 0 && !history) {
      Wrong(name + ".history_size", "has no effect without history_ttl");
    }
    if (ns.history_ttl_ns != 0 && !history) {
      Wrong(name + ".history_ttl", "has no effect without history_size");
    }
    const bool state = ns.kind == ChannelKind::kState;
    if (state && history) {
      Wrong(name + ".history_size", "a state channel keeps its newest value and no history");
    }
    const struct {
      const char* key;
      bool on;
    } needing_history[] = {
        {"allow_positioning", ns.allow_positioning},
        {"force_positioning", ns.force_positioning},
        {"allow_recovery", ns.allow_recovery},
        {"force_recovery", ns.force_recovery},
        {"allow_history_for_client", ns.allow_history_for_client},
        {"allow_history_for_subscriber", ns.allow_history_for_subscriber},
        {"allow_history_for_anonymous", ns.allow_history_for_anonymous},
    };
    for (const auto& [key, on] : needing_history) {
      if (!on || (history && !state)) continue;
      Wrong(absl::StrCat(name, ".", key), state ? "a state channel has no history to read"
                                                : "needs history_size and history_ttl");
    }
  }

  void CheckNamespaceList() {
    const auto& namespaces = config_.channel.namespaces;
    for (std::size_t i = 0; i < namespaces.size(); ++i) {
      const std::string name = absl::StrCat("channel.namespaces[", i, "]");
      CheckNamespace(name, namespaces[i]);
      const auto first = std::find_if(
          namespaces.begin(), namespaces.begin() + static_cast<std::ptrdiff_t>(i),
          [&](const Namespace& earlier) { return earlier.name == namespaces[i].name; });
      if (first == namespaces.begin() + static_cast<std::ptrdiff_t>(i) || first->name.empty()) {
        continue;
      }
      const std::string first_name =
          absl::StrCat("channel.namespaces[", first - namespaces.begin(), "].name");
      Wrong(name + ".name", absl::StrCat("\"", first->name, "\" is already defined at ",
                                         PlaceOf(first_name).Text()));
    }
  }

  void CheckCpus() {
    const EngineConfig& engine = config_.engine;
    if (engine.cpus.empty()) return;
    if (!engine.pin) Wrong("engine.cpus", "has no effect with engine.pin = false");
    if (engine.shards != 0 && engine.shards != engine.cpus.size()) {
      Wrong("engine.cpus", absl::StrCat("names ", engine.cpus.size(), " cores for ", engine.shards,
                                        " shards; engine.shards = 0 follows it"));
    }
    std::vector<std::uint32_t> sorted = engine.cpus;
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) Wrong("engine.cpus", absl::StrCat("names core ", *twice, " twice"));
  }

  void CheckReplays() {
    const auto& replays = config_.feeds.replay;
    for (std::size_t i = 0; i < replays.size(); ++i) {
      const std::string name = absl::StrCat("feeds.replay[", i, "]");
      if (replays[i].speed != 0 && replays[i].speed < kMinReplaySpeed) {
        Wrong(name + ".speed",
              absl::StrCat(replays[i].speed, " is out of range: 0 or ", kMinReplaySpeed, " up"));
      }
      // What was written there and is wrong has been told.
      if (!replays[i].exchange.empty() || replays[i].file.empty() ||
          places_.contains(name + ".exchange")) {
        continue;
      }
      Wrong(name + ".file", absl::StrCat("\"", replays[i].file,
                                         "\" does not begin with an exchange's name; say "
                                         "exchange = \"kucoin\" or another"));
    }
  }

  const Config& config_;
  const ConfigPlaces& places_;
  ConfigMistakes& mistakes_;
};

}  // namespace

void CheckConfig(const Config& config, const ConfigPlaces& places, ConfigMistakes& mistakes) {
  Checker(config, places, mistakes).Run();
}

}  // namespace tickcast::engine
