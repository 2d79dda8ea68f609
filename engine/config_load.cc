#include "engine/config_load.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "engine/centrifugo_config.h"
#include "engine/centrifugo_keys.h"
#include "engine/config_apply.h"
#include "engine/config_check.h"
#include "engine/config_json.h"
#include "engine/config_keys.h"
#include "engine/config_suggest.h"
#include "engine/config_text.h"
#include "engine/config_toml.h"
#include "engine/config_yaml.h"

namespace tickcast::engine {
namespace {

constexpr absl::string_view kPrefix = "TICKCAST_";

// Ours without being keys: the folder of recordings that tests read, and the variables that
// Kubernetes puts into every container for a service called `tickcast`.
bool IsNoKey(const std::string& variable) {
  return variable == "TICKCAST_CAPTURES" || absl::StartsWith(variable, "TICKCAST_SERVICE_") ||
         variable == "TICKCAST_PORT" || absl::StartsWith(variable, "TICKCAST_PORT_");
}

enum class ConfigSyntax { kToml, kJson, kYaml };

// By the end of its name, as Centrifugo does.
ConfigSyntax ConfigSyntaxOf(absl::string_view file_name) {
  if (absl::EndsWithIgnoreCase(file_name, ".json")) return ConfigSyntax::kJson;
  if (absl::EndsWithIgnoreCase(file_name, ".yaml")) return ConfigSyntax::kYaml;
  if (absl::EndsWithIgnoreCase(file_name, ".yml")) return ConfigSyntax::kYaml;
  return ConfigSyntax::kToml;
}

class Loader {
 public:
  explicit Loader(const ConfigSources& sources) : sources_(sources) {}

  LoadedConfig Run() {
    // Sorted, so that mistakes come in an order that does not change from run to run.
    variables_.insert(sources_.environment.begin(), sources_.environment.end());
    if (!ReadFile()) return std::move(loaded_);
    if (loaded_.for_centrifugo) SetCentrifugoDefaults(loaded_.config);
    ApplyConfigTable(file_, loaded_.config, places_, notes_.mistakes);
    ApplyCentrifugoVariables(variables_, loaded_.config, places_, notes_);
    ApplyEnvironment();
    for (const std::string& set : sources_.sets) ApplySet(set);
    for (const std::string& file : sources_.replays) AddReplay(file);
    NameExchanges();
    Check();
    loaded_.mistakes = notes_.mistakes.Take();
    loaded_.warnings = notes_.warnings.Take();

    CompleteNamespaces(loaded_.config);
    EngineConfig& engine = loaded_.config.engine;
    if (engine.shards == 0) engine.shards = static_cast<std::uint32_t>(engine.cpus.size());
    return std::move(loaded_);
  }

 private:
  // False: it cannot be read, which has been told.
  bool ReadFile() {
    file_.kind = ConfigValue::Kind::kTable;
    if (!sources_.file_text.has_value()) {
      loaded_.for_centrifugo = HasCentrifugoVariable(variables_);
      return true;
    }
    const std::string& name = sources_.file_name;
    std::string error;
    const ConfigSyntax syntax = ConfigSyntaxOf(name);
    const auto read = syntax == ConfigSyntax::kJson   ? ReadJsonFile
                      : syntax == ConfigSyntax::kYaml ? ReadYaml
                                                      : ReadToml;
    if (!read(*sources_.file_text, name, file_, error)) {
      loaded_.mistakes.push_back(error);
      return false;
    }
    loaded_.for_centrifugo = IsCentrifugoConfig(file_, syntax == ConfigSyntax::kToml);
    if (loaded_.for_centrifugo) file_ = TranslateCentrifugoConfig(file_, variables_, notes_);
    return true;
  }

  void Check() {
    // A drain spreads over what Centrifugo's operator gives it.
    ShutdownConfig& shutdown = loaded_.config.shutdown;
    if (loaded_.for_centrifugo) {
      shutdown.spread_ns = std::min(shutdown.spread_ns, shutdown.timeout_ns / 2);
    }
    CheckConfig(loaded_.config, places_, notes_.mistakes,
                loaded_.for_centrifugo ? notes_.warnings : notes_.mistakes);
  }

  void ApplyEnvironment() {
    ConfigVariables variables;
    for (const auto& [name, value] : variables_) {
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
      notes_.mistakes.Add({variable, 0}, "names no key" + Suggest(variable, names));
    }
  }

  void ApplySet(const std::string& set) {
    const std::size_t equals = set.find('=');
    const std::string key = set.substr(0, equals);
    const ConfigPlace place{"--set " + key, 0};
    if (equals == std::string::npos) {
      notes_.mistakes.Add(place, "has no value; write --set key=value");
      return;
    }
    bool found = false;
    VisitConfigKeys(loaded_.config,
                    [&](const std::string& name, const ConfigFacts& facts, ConfigTarget target) {
                      if (name != key) return;
                      found = true;
                      ApplyText(set.substr(equals + 1), place, name, facts, target);
                    });
    if (found) return;
    const CentrifugoRule* rule = FindCentrifugoRule(CentrifugoName(key));
    if (rule != nullptr && !rule->advice.empty()) {
      const absl::string_view advice(rule->advice.data(), rule->advice.size());
      notes_.mistakes.Add(place, absl::StrCat("is Centrifugo's and not here: ", advice));
    } else {
      notes_.mistakes.Add(place, "unknown key" + SuggestConfigKey(key));
    }
  }

  void ApplyText(const std::string& text, const ConfigPlace& place, const std::string& name,
                 const ConfigFacts& facts, ConfigTarget target) {
    ConfigValue value;
    std::string error;
    if (!ReadConfigText(text, target, place, value, error)) {
      notes_.mistakes.Add(place, absl::StrCat(name, ": ", error));
      return;
    }
    ApplyConfigValue(value, name, facts, target, places_, notes_.mistakes);
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
  ConfigVariables variables_;
  ConfigValue file_;
  ConfigPlaces places_;
  ConfigNotes notes_;
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
