#include "engine/config_load.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <string_view>

#include "engine/config_apply.h"
#include "engine/config_check.h"
#include "engine/config_keys.h"
#include "engine/config_suggest.h"
#include "engine/config_text.h"
#include "engine/config_toml.h"

namespace tickcast::engine {
namespace {

constexpr absl::string_view kPrefix = "TICKCAST_";

// Ours without being keys: the folder of recordings that tests read, and the variables that
// Kubernetes puts into every container for a service called `tickcast`.
bool IsNoKey(const std::string& variable) {
  return variable == "TICKCAST_CAPTURES" || absl::StartsWith(variable, "TICKCAST_SERVICE_") ||
         variable == "TICKCAST_PORT" || absl::StartsWith(variable, "TICKCAST_PORT_");
}

class Loader {
 public:
  explicit Loader(const ConfigSources& sources) : sources_(sources) {}

  LoadedConfig Run() {
    if (sources_.file_text.has_value() && !ApplyFile()) return std::move(loaded_);
    ApplyEnvironment();
    for (const std::string& set : sources_.sets) ApplySet(set);
    for (const std::string& file : sources_.replays) AddReplay(file);
    NameExchanges();
    CheckConfig(loaded_.config, places_, mistakes_);
    loaded_.mistakes = mistakes_.Take();

    AddFeedNamespaces(loaded_.config);
    EngineConfig& engine = loaded_.config.engine;
    if (engine.shards == 0) engine.shards = static_cast<std::uint32_t>(engine.cpus.size());
    return std::move(loaded_);
  }

 private:
  bool ApplyFile() {
    ConfigValue table;
    std::string error;
    if (!ReadToml(*sources_.file_text, sources_.file_name, table, error)) {
      loaded_.mistakes.push_back(error);
      return false;
    }
    ApplyConfigTable(table, loaded_.config, places_, mistakes_);
    return true;
  }

  void ApplyEnvironment() {
    // Sorted, so that mistakes come in an order that does not change from run to run.
    std::map<std::string, std::string> variables;
    for (const auto& [name, value] : sources_.environment) {
      if (absl::StartsWith(name, kPrefix)) variables.emplace(name, value);
    }
    std::vector<std::string> known;
    VisitConfigKeys(loaded_.config,
                    [&](const std::string& name, const ConfigFacts& facts, ConfigTarget target) {
                      const std::string variable = ConfigVariable(name);
                      known.push_back(variable);
                      const auto found = variables.find(variable);
                      if (found == variables.end()) return;
                      ApplyText(found->second, {variable, 0}, name, facts, target);
                      variables.erase(found);
                    });
    const std::vector<std::string_view> names(known.begin(), known.end());
    for (const auto& [variable, value] : variables) {
      if (IsNoKey(variable)) continue;
      mistakes_.Add({variable, 0}, "names no key" + Suggest(variable, names));
    }
  }

  void ApplySet(const std::string& set) {
    const std::size_t equals = set.find('=');
    const std::string key = set.substr(0, equals);
    const ConfigPlace place{"--set " + key, 0};
    if (equals == std::string::npos) {
      mistakes_.Add(place, "has no value; write --set key=value");
      return;
    }
    bool found = false;
    VisitConfigKeys(loaded_.config,
                    [&](const std::string& name, const ConfigFacts& facts, ConfigTarget target) {
                      if (name != key) return;
                      found = true;
                      ApplyText(set.substr(equals + 1), place, name, facts, target);
                    });
    if (!found) mistakes_.Add(place, "unknown key" + SuggestConfigKey(key));
  }

  void ApplyText(const std::string& text, const ConfigPlace& place, const std::string& name,
                 const ConfigFacts& facts, ConfigTarget target) {
    ConfigValue value;
    std::string error;
    if (!ReadConfigText(text, target, place, value, error)) {
      mistakes_.Add(place, absl::StrCat(name, ": ", error));
      return;
    }
    ApplyConfigValue(value, name, facts, target, places_, mistakes_);
  }

  void AddReplay(const std::string& file) {
    auto& replays = loaded_.config.feeds.replay;
    places_[absl::StrCat("feeds.replay[", replays.size(), "]")] = {"--replay", 0};
    replays.emplace_back().file = file;
  }

  // The longest name that the file's begins with: binance_usdm_… is not binance's.
  void NameExchanges() {
    for (ReplayFeedConfig& replay : loaded_.config.feeds.replay) {
      if (!replay.exchange.empty()) continue;
      const std::string base = replay.file.substr(replay.file.rfind('/') + 1);
      for (const std::string_view exchange : ReplayExchanges()) {
        if (exchange.size() > replay.exchange.size() &&
            base.compare(0, exchange.size(), exchange) == 0) {
          replay.exchange = exchange;
        }
      }
    }
  }

  const ConfigSources& sources_;
  LoadedConfig loaded_;
  ConfigPlaces places_;
  ConfigMistakes mistakes_;
};

}  // namespace

LoadedConfig LoadConfig(const ConfigSources& sources) { return Loader(sources).Run(); }

std::string ReadConfigFile(const std::string& path, ConfigSources& sources) {
  std::string text(kMaxConfigBytes + 1, '\0');
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file || !(file.read(text.data(), static_cast<std::streamsize>(text.size())), !file.bad())) {
    return absl::StrCat(path, ": cannot be read: ", std::strerror(errno != 0 ? errno : EIO));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxConfigBytes) {
    return absl::StrCat(path, ": is larger than ", kMaxConfigBytes, " bytes");
  }
  sources.file_name = path;
  sources.file_text = std::move(text);
  return {};
}

}  // namespace tickcast::engine
