#include "engine/centrifugo_config.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/centrifugo_keys.h"
#include "engine/centrifugo_value.h"
#include "engine/config_keys.h"

namespace tickcast::engine {
namespace {

using Kind = ConfigValue::Kind;
using Told = CentrifugoRule::Told;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// A rule reaches into what lies under `name`.
bool HasRuleUnder(const std::string& name) {
  const auto rules = CentrifugoRules();
  return std::any_of(rules.begin(), rules.end(), [&](const CentrifugoRule& rule) {
    return rule.key.starts_with(name + ".") || rule.key.starts_with(name + "[");
  });
}

// Viper, Centrifugo's loader, takes "client.insecure" for `client: {insecure: …}`.
ConfigValue SplitDots(const ConfigValue& member) {
  const std::size_t dot = member.key.find('.');
  ConfigValue inner = member;
  inner.key = member.key.substr(dot + 1);
  ConfigValue section;
  section.kind = Kind::kTable;
  section.key = member.key.substr(0, dot);
  section.place = member.place;
  section.items.push_back(std::move(inner));
  return section;
}

class Translator {
 public:
  Translator(const ConfigVariables& variables, ConfigNotes& notes)
      : variables_(variables), notes_(notes) {}

  // `within`: what stands before the keys of `table` in the names of `fields`; `owner`: what stands
  // before those in a full name.
  template <class Owner>
  void Members(const ConfigValue& table, std::span<const ConfigField<Owner>> fields,
               const std::string& within, const std::string& owner, ConfigValue& into) {
    into.kind = Kind::kTable;
    into.place = table.place;
    into.key = table.key;
    for (const ConfigValue& written : table.items) {
      ConfigValue member =
          written.key.find('.') == std::string::npos ? written : SplitDots(written);
      member.key = absl::AsciiStrToLower(member.key);
      Member(member, fields, within, owner, into);
    }
  }

  ConfigValue Value(const ConfigValue& from, const std::string& name, const ConfigFacts& facts,
                    const ConfigTarget& target) {
    ConfigValue value = from;
    std::visit([&](const auto& held) { Fill(held, from, name, value); }, target);
    CoerceCentrifugoValue(value, name, facts, target, notes_);
    return value;
  }

 private:
  template <class Owner>
  void Member(const ConfigValue& member, std::span<const ConfigField<Owner>> fields,
              const std::string& within, const std::string& owner, ConfigValue& into) {
    const std::string key = within + member.key;
    const std::string name = owner + key;
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& candidate) {
      return candidate.facts.name == key;
    });
    if (field != fields.end() && !IsOwnConfigKey(CentrifugoName(name))) {
      Owner scratch;
      if (!IsZeroConfigValue(member)) {
        into.items.push_back(Value(member, name, field->facts, field->locate(scratch)));
      }
      return;
    }
    const std::string section = key + ".";
    const bool is_section = std::any_of(fields.begin(), fields.end(), [&](const auto& candidate) {
      return candidate.facts.name.starts_with(section);
    });
    if (!is_section) return Tell(member, name);
    if (member.kind != Kind::kTable) {
      into.items.push_back(member);  // ApplyConfigTable() tells what it should be.
    } else {
      Members(member, fields, section, owner, into.items.emplace_back());
    }
  }

  template <class Scalar>
  void Fill(const Scalar&, const ConfigValue&, const std::string&, ConfigValue&) {}

  template <class Owner>
  void Fill(const ConfigSection<Owner>& section, const ConfigValue& from, const std::string& name,
            ConfigValue& value) {
    if (from.kind != Kind::kTable) return;
    value.items.clear();
    Members(from, section.fields(), "", name + ".", value);
  }

  template <class Item>
  void Fill(const ConfigList<Item>& list, const ConfigValue& from, const std::string& name,
            ConfigValue& value) {
    if constexpr (std::is_same_v<Item, HttpHeader>) {
      return ExpandCentrifugoVariables(value, name, variables_, notes_);
    }
    if (from.kind != Kind::kList) return;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (from.items[i].kind != Kind::kTable) continue;
      value.items[i].items.clear();
      Members(from.items[i], list.fields(), "", absl::StrCat(name, "[", i, "]."), value.items[i]);
    }
  }

  // What no key of ours takes.
  void Tell(const ConfigValue& member, const std::string& name) {
    const std::string plain = CentrifugoName(name);
    if (member.kind == Kind::kTable && HasRuleUnder(plain)) {
      for (ConfigValue inner : member.items) {
        inner.key = absl::AsciiStrToLower(inner.key);
        Tell(inner, name + "." + inner.key);
      }
      return;
    }
    const CentrifugoRule* rule = FindCentrifugoRule(plain);
    if (rule == nullptr) {
      notes_.warnings.Add(
          member.place,
          absl::StrCat(name, ": unknown to Centrifugo 6.9 and left alone", SuggestConfigKey(name)));
      return;
    }
    if (rule->told == Told::kNever || IsZeroConfigValue(member)) return;
    if (!rule->quiet.empty() && ConfigValueText(member) == rule->quiet) return;
    TellRule(*rule, member.place, name);
  }

  void TellRule(const CentrifugoRule& rule, const ConfigPlace& place, const std::string& name) {
    if (!told_.insert(&rule).second) return;
    const std::string text = absl::StrCat(name, ": is not here: ", View(rule.advice));
    (rule.told == Told::kMistake ? notes_.mistakes : notes_.warnings).Add(place, text);
  }

  const ConfigVariables& variables_;
  ConfigNotes& notes_;
  std::set<const CentrifugoRule*> told_;  // Each once, however many namespaces have it.
};

// What a file names, by who has such keys.
class KeySurvey {
 public:
  KeySurvey() {
    Config scratch;
    VisitConfigKeys(scratch, [this](const std::string& name, const ConfigFacts&,
                                    const ConfigTarget&) { ours_.insert(name); });
    for (const auto& field : NamespaceFields()) {
      ours_.insert("channel.namespaces[]." + std::string(field.facts.name));
    }
  }

  void Look(const ConfigValue& value, const std::string& name) {
    const std::string plain = CentrifugoName(name);
    const bool ours = ours_.contains(name) || ours_.contains(plain);
    own_ = own_ || (ours && IsOwnConfigKey(plain));
    theirs_ = theirs_ || (!ours && FindCentrifugoRule(plain) != nullptr);
    for (const ConfigValue& member : value.items) {
      const std::string step = value.kind == Kind::kList ? "[]" : "." + member.key;
      Look(member, name.empty() ? member.key : name + step);
    }
  }

  bool own() const { return own_; }
  bool theirs() const { return theirs_; }

 private:
  std::set<std::string, std::less<>> ours_;
  bool own_ = false;
  bool theirs_ = false;
};

}  // namespace

bool IsCentrifugoConfig(const ConfigValue& table, bool is_toml) {
  KeySurvey survey;
  survey.Look(table, "");
  return !survey.own() && (survey.theirs() || !is_toml);
}

void SetCentrifugoDefaults(Config& config) {
  config.client.channel_limit = 128;
  config.health.enabled = false;
  config.prometheus.enabled = false;
}

ConfigValue TranslateCentrifugoConfig(const ConfigValue& table, const ConfigVariables& variables,
                                      ConfigNotes& notes) {
  ConfigValue into;
  Translator(variables, notes).Members(table, ConfigFields(), "", "", into);
  return into;
}

ConfigValue TranslateCentrifugoValue(const ConfigValue& value, const std::string& name,
                                     const ConfigFacts& facts, const ConfigTarget& target,
                                     const ConfigVariables& variables, ConfigNotes& notes) {
  return Translator(variables, notes).Value(value, name, facts, target);
}

}  // namespace tickcast::engine
