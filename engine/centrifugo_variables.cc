// ApplyCentrifugoVariables(): CENTRIFUGO_… variables, and those of namespaces and proxies by name.
#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <re2/re2.h>

#include <set>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/centrifugo_config.h"
#include "engine/centrifugo_keys.h"
#include "engine/centrifugo_value.h"
#include "engine/config_keys.h"
#include "engine/config_suggest.h"
#include "engine/config_text.h"

namespace tickcast::engine {
namespace {

using Kind = ConfigValue::Kind;

constexpr absl::string_view kPrefix = "CENTRIFUGO_";

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// CLIENT_INSECURE for client.insecure; names of namespaces may have '-' too.
std::string Upper(std::string_view name) {
  return absl::StrReplaceAll(absl::AsciiStrToUpper(View(name)), {{".", "_"}, {"-", "_"}});
}

// Not for us: what `${CENTRIFUGO_VAR_…}` stands for, and what Kubernetes sets for services.
bool IsNoKey(const std::string& variable) {
  static const RE2 kubernetes("CENTRIFUGO(_[A-Z0-9_]+)?_(PORT|SERVICE_).*");
  return absl::StartsWith(variable, "CENTRIFUGO_VAR_") || RE2::FullMatch(variable, kubernetes);
}

class Applier {
 public:
  Applier(const ConfigVariables& all, Config& config, ConfigPlaces& places, ConfigNotes& notes)
      : all_(all), config_(config), places_(places), notes_(notes) {
    for (const auto& [name, value] : all) {
      // An empty variable is as good as none, for Centrifugo too.
      if (absl::StartsWith(name, kPrefix) && !value.empty()) {
        left_.emplace(name.substr(kPrefix.size()), value);
      }
    }
  }

  void Run() {
    VisitConfigKeys(config_, [this](const std::string& name, const ConfigFacts& facts,
                                    const ConfigTarget& target) {
      if (!IsOwnConfigKey(CentrifugoName(name))) Apply(Upper(name), name, facts, target);
    });
    ApplyItems("channel.namespaces", config_.channel.namespaces, NamespaceFields());
    ApplyItems("rpc.namespaces", config_.rpc.namespaces, RpcNamespaceFields());
    ApplyItems("proxies", config_.proxies, ProxyFields());
    for (const auto& [variable, value] : left_) TellLeft(variable, value);
  }

 private:
  void Apply(const std::string& variable, const std::string& name, const ConfigFacts& facts,
             const ConfigTarget& target) {
    known_.push_back(absl::StrCat(kPrefix, variable));
    const auto found = left_.find(variable);
    if (found == left_.end()) return;
    const ConfigPlace place{known_.back(), 0};
    std::visit([&](const auto& held) { Set(held, found->second, place, name, facts, target); },
               target);
    left_.erase(found);
  }

  template <class Scalar>
  void Set(const Scalar&, const std::string& text, const ConfigPlace& place,
           const std::string& name, const ConfigFacts& facts, const ConfigTarget& target) {
    ConfigValue value;
    value.kind = Kind::kString;
    value.place = place;
    value.text = text;
    CoerceCentrifugoValue(value, name, facts, target, notes_);
    ApplyConfigValue(value, name, facts, target, places_, notes_.mistakes);
  }

  // JSON, which replaces the file's list; where items have names also these alone, separated by
  // spaces, for more variables to say what each is.
  template <class Item>
  void Set(const ConfigList<Item>& list, const std::string& text, const ConfigPlace& place,
           const std::string& name, const ConfigFacts& facts, const ConfigTarget& target) {
    if constexpr (requires(Item item) { item.name; }) {
      if (text.front() != '[') return AddNames(list, text, place, name);
    }
    ConfigValue value;
    std::string error;
    if (!ReadConfigText(text, target, place, value, error)) {
      notes_.mistakes.Add(place, absl::StrCat(name, ": ", error));
      return;
    }
    value = TranslateCentrifugoValue(value, name, facts, target, all_, notes_);
    ApplyConfigValue(value, name, facts, target, places_, notes_.mistakes);
  }

  template <class Item>
  void AddNames(const ConfigList<Item>& list, const std::string& text, const ConfigPlace& place,
                const std::string& name) {
    const ConfigFacts& facts = list.fields().front().facts;
    for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
      const std::string item_name = absl::StrCat(name, "[", list.items->size(), "]");
      places_[item_name] = place;
      ConfigValue value;
      value.kind = Kind::kString;
      value.place = place;
      value.text = std::string(word);
      Item& item = list.items->emplace_back();
      ApplyConfigValue(value, absl::StrCat(item_name, ".", View(facts.name)), facts,
                       list.fields().front().locate(item), places_, notes_.mistakes);
    }
  }

  template <class Item>
  void ApplyItems(const std::string& list, std::vector<Item>& items,
                  std::span<const ConfigField<Item>> fields) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string prefix = absl::StrCat(Upper(list), "_", Upper(items[i].name), "_");
      const std::string item_name = absl::StrCat(list, "[", i, "].");
      item_prefixes_.emplace_back(prefix, absl::StrCat(Upper(list), "[]_"));
      for (const ConfigField<Item>& field : fields) {
        const std::string name = item_name + std::string(field.facts.name);
        if (IsOwnConfigKey(CentrifugoName(name))) continue;
        Apply(prefix + Upper(field.facts.name), name, field.facts, field.locate(items[i]));
      }
    }
  }

  // As variables of rules are spelled: CHANNEL_NAMESPACES[]_MAP_MODE.
  std::string Plain(const std::string& variable) const {
    for (const auto& [prefix, plain] : item_prefixes_) {
      if (absl::StartsWith(variable, prefix)) return plain + variable.substr(prefix.size());
    }
    for (const CentrifugoAlias& alias : CentrifugoAliases()) {
      const std::string prefix = Upper(alias.section) + "_";
      if (absl::StartsWith(variable, prefix)) {
        return Upper(alias.stands_for) + "_" + variable.substr(prefix.size());
      }
    }
    return variable;
  }

  static const CentrifugoRule* FindRule(const std::string& variable) {
    const CentrifugoRule* found = nullptr;
    for (const CentrifugoRule& rule : CentrifugoRules()) {
      const std::string key = Upper(rule.key);
      const bool under = variable == key || absl::StartsWith(variable, key + "_");
      if (under && (found == nullptr || rule.key.size() > found->key.size())) found = &rule;
    }
    return found;
  }

  void TellLeft(const std::string& variable, const std::string& text) {
    const ConfigPlace place{absl::StrCat(kPrefix, variable), 0};
    if (IsNoKey(place.source)) return;
    const CentrifugoRule* rule = FindRule(Plain(variable));
    if (rule == nullptr) {
      const std::vector<std::string_view> names(known_.begin(), known_.end());
      notes_.warnings.Add(
          place, "unknown to Centrifugo 6.9 and left alone" + Suggest(place.source, names));
      return;
    }
    const bool off = text == "false" || text == "0" || text == rule->quiet;
    if (rule->told == CentrifugoRule::Told::kNever || off || !told_.insert(rule).second) return;
    const std::string what = absl::StrCat("is not here: ", View(rule->advice));
    const bool mistake = rule->told == CentrifugoRule::Told::kMistake;
    (mistake ? notes_.mistakes : notes_.warnings).Add(place, what);
  }

  const ConfigVariables& all_;
  Config& config_;
  ConfigPlaces& places_;
  ConfigNotes& notes_;
  ConfigVariables left_;  // Without the prefix: those that nobody has taken yet.
  std::vector<std::string> known_;
  std::vector<std::pair<std::string, std::string>> item_prefixes_;
  std::set<const CentrifugoRule*> told_;
};

}  // namespace

bool HasCentrifugoVariable(const ConfigVariables& variables) {
  for (auto found = variables.lower_bound(kPrefix); found != variables.end(); ++found) {
    if (!absl::StartsWith(found->first, kPrefix)) return false;
    if (!IsNoKey(found->first) && !found->second.empty()) return true;
  }
  return false;
}

void ApplyCentrifugoVariables(const ConfigVariables& variables, Config& config,
                              ConfigPlaces& places, ConfigNotes& notes) {
  Applier(variables, config, places, notes).Run();
}

}  // namespace tickcast::engine
