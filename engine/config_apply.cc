#include "engine/config_apply.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/time.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "engine/centrifugo_keys.h"
#include "engine/config_suggest.h"

namespace tickcast::engine {
namespace {

using Kind = ConfigValue::Kind;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

bool IsDuration(const ConfigTarget& target) {
  return std::holds_alternative<ConfigDuration>(target);
}

// One value for one target; says what is wrong with it, or nothing.
class Setter {
 public:
  Setter(const ConfigValue& value, const std::string& name, const ConfigFacts& facts,
         const ConfigTarget& target, ConfigPlaces& places, ConfigMistakes& mistakes)
      : value_(value),
        name_(name),
        facts_(facts),
        target_(target),
        places_(places),
        mistakes_(mistakes) {}

  void operator()(bool* target) {
    if (Is(Kind::kBool)) *target = value_.boolean;
  }
  void operator()(std::uint16_t* target) { SetInteger(target); }
  void operator()(std::uint32_t* target) { SetInteger(target); }
  void operator()(std::uint64_t* target) { SetInteger(target); }
  void operator()(std::int64_t* target) { SetInteger(target); }
  void operator()(double* target);
  void operator()(ConfigDuration target);
  void operator()(std::string* target) {
    if (Is(Kind::kString) && TextFits(value_)) *target = value_.text;
  }
  template <ConfigWord Word>
  void operator()(Word* target) {
    SetWord(target);
  }
  void operator()(std::vector<std::string>* target);
  void operator()(std::vector<std::uint32_t>* target);
  template <class Owner>
  void operator()(const ConfigSection<Owner>& section);
  template <class Item>
  void operator()(const ConfigList<Item>& list);

 private:
  void Wrong(const ConfigValue& value, std::string_view what) {
    mistakes_.Add(value.place, absl::StrCat(name_, ": ", View(what)));
  }
  bool IsA(const ConfigValue& value, Kind kind, std::string_view hint = {});
  bool Is(Kind kind, std::string_view hint = {}) { return IsA(value_, kind, hint); }
  bool IntegerFits(const ConfigValue& value, std::int64_t most_of_type);
  bool TextFits(const ConfigValue& value);
  bool InBounds(std::int64_t value) const;
  std::string Allowed() const {
    const std::string bounds = DescribeConfigBounds(facts_.bounds, target_);
    return bounds.empty() ? "0 or more" : bounds;
  }

  template <class Integer>
  void SetInteger(Integer* target);
  template <class Word>
  void SetWord(Word* target);

  const ConfigValue& value_;
  const std::string& name_;
  const ConfigFacts& facts_;
  const ConfigTarget& target_;
  ConfigPlaces& places_;
  ConfigMistakes& mistakes_;
};

template <class Owner>
void ApplyMembers(const ConfigValue& table, std::span<const ConfigField<Owner>> fields,
                  Owner& owner, const std::string& prefix, const std::string& owner_name,
                  ConfigPlaces& places, ConfigMistakes& mistakes) {
  for (const ConfigValue& member : table.items) {
    const std::string within = prefix + member.key;
    const std::string name = owner_name + within;
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& candidate) {
      return candidate.facts.name == within;
    });
    if (field != fields.end()) {
      ApplyConfigValue(member, name, field->facts, field->locate(owner), places, mistakes);
      continue;
    }
    const std::string section = within + ".";
    const bool is_section = std::any_of(fields.begin(), fields.end(), [&](const auto& candidate) {
      return candidate.facts.name.substr(0, section.size()) == section;
    });
    if (!is_section) {
      std::vector<std::string_view> known;
      for (const auto& candidate : fields) known.push_back(candidate.facts.name);
      // One of Centrifugo's, in a file that is ours.
      const CentrifugoRule* rule = FindCentrifugoRule(CentrifugoName(name));
      if (rule != nullptr && !rule->advice.empty()) {
        mistakes.Add(member.place,
                     absl::StrCat(name, ": is Centrifugo's and not here: ", View(rule->advice)));
        continue;
      }
      // A whole-file key may also be meant where only its last word was written.
      mistakes.Add(member.place, absl::StrCat(name, ": unknown key",
                                              owner_name.empty() ? SuggestConfigKey(name)
                                                                 : Suggest(within, known)));
    } else if (member.kind != Kind::kTable) {
      mistakes.Add(member.place,
                   absl::StrCat(name, ": is a section, not ", View(ConfigKindName(member.kind))));
    } else {
      ApplyMembers(member, fields, owner, section, owner_name, places, mistakes);
    }
  }
}

bool Setter::IsA(const ConfigValue& value, Kind kind, std::string_view hint) {
  if (value.kind == kind) return true;
  Wrong(value, absl::StrCat("must be ", View(ConfigKindName(kind)), View(hint), ", not ",
                            View(ConfigKindName(value.kind))));
  return false;
}

bool Setter::InBounds(std::int64_t value) const {
  const ConfigBounds& bounds = facts_.bounds;
  if (bounds.or_zero && value == 0) return true;
  if (value < bounds.least || value > bounds.most || value % bounds.step != 0) return false;
  return !bounds.power_of_two || std::has_single_bit(static_cast<std::uint64_t>(value));
}

bool Setter::IntegerFits(const ConfigValue& value, std::int64_t most_of_type) {
  if (!IsA(value, Kind::kInteger)) return false;
  if (InBounds(value.integer) && value.integer <= most_of_type) return true;
  Wrong(value, absl::StrCat(value.integer, " is out of range: ", Allowed()));
  return false;
}

bool Setter::TextFits(const ConfigValue& value) {
  const auto words = facts_.bounds.words;
  if (!words.empty() && std::find(words.begin(), words.end(), value.text) == words.end()) {
    Wrong(value,
          absl::StrCat("\"", value.text, "\" is none of ", Allowed(), Suggest(value.text, words)));
    return false;
  }
  if (facts_.bounds.check == nullptr) return true;
  const std::string_view must_be = facts_.bounds.check(value.text);
  if (must_be.empty()) return true;
  Wrong(value, absl::StrCat("\"", value.text, "\" must be ", View(must_be)));
  return false;
}

template <class Integer>
void Setter::SetInteger(Integer* target) {
  constexpr auto kMost = static_cast<std::int64_t>(std::min<std::uint64_t>(
      std::numeric_limits<Integer>::max(), std::numeric_limits<std::int64_t>::max()));
  if (IntegerFits(value_, kMost)) *target = static_cast<Integer>(value_.integer);
}

void Setter::operator()(double* target) {
  // An integer is a number too: `speed = 1`.
  const bool integer = value_.kind == Kind::kInteger;
  if (!integer && !Is(Kind::kNumber)) return;
  const double number = integer ? static_cast<double>(value_.integer) : value_.number;
  const ConfigBounds& bounds = facts_.bounds;
  const auto least = static_cast<double>(bounds.least);
  const auto most = static_cast<double>(bounds.most);
  const bool above = bounds.above_least ? number > least : number >= least;
  const bool below = bounds.below_most ? number < most : number <= most;
  if (std::isfinite(number) && above && below) {
    *target = number;
    return;
  }
  Wrong(value_, absl::StrCat(number, " is out of range: ", Allowed()));
}

void Setter::operator()(ConfigDuration target) {
  constexpr std::string_view kHint = " such as \"25s\", \"500ms\" or \"1m30s\"";
  if (!Is(Kind::kString, kHint)) return;
  absl::Duration duration;
  if (!absl::ParseDuration(value_.text, &duration)) {
    Wrong(value_, absl::StrCat("\"", value_.text, "\" is no duration", View(kHint)));
    return;
  }
  // Saturates at the ends of int64, which are out of every key's range.
  const std::int64_t ns = absl::ToInt64Nanoseconds(duration);
  if (!InBounds(ns)) {
    Wrong(value_, absl::StrCat("\"", value_.text, "\" is out of range: ", Allowed()));
    return;
  }
  *target.ns = static_cast<std::uint64_t>(ns);
}

template <class Word>
void Setter::SetWord(Word* target) {
  if (!Is(Kind::kString)) return;
  const auto words = ConfigWords(target);
  const auto found = std::find(words.begin(), words.end(), value_.text);
  if (found == words.end()) {
    Wrong(value_, absl::StrCat("\"", value_.text, "\" is none of ", Allowed(),
                               Suggest(value_.text, words)));
    return;
  }
  *target = static_cast<Word>(found - words.begin());
}

void Setter::operator()(std::vector<std::string>* target) {
  if (!Is(Kind::kList)) return;
  if (value_.items.size() > facts_.bounds.most_items) {
    Wrong(value_,
          absl::StrCat("has ", value_.items.size(), " items, which is out of range: ", Allowed()));
    return;
  }
  std::vector<std::string> texts;
  for (const ConfigValue& item : value_.items) {
    if (IsA(item, Kind::kString) && TextFits(item)) texts.push_back(item.text);
  }
  *target = std::move(texts);
}

void Setter::operator()(std::vector<std::uint32_t>* target) {
  if (!Is(Kind::kList)) return;
  std::vector<std::uint32_t> numbers;
  for (const ConfigValue& item : value_.items) {
    if (IntegerFits(item, std::numeric_limits<std::uint32_t>::max())) {
      numbers.push_back(static_cast<std::uint32_t>(item.integer));
    }
  }
  *target = std::move(numbers);
}

template <class Owner>
void Setter::operator()(const ConfigSection<Owner>& section) {
  if (!Is(Kind::kTable)) return;
  ApplyMembers(value_, section.fields(), *section.owner, "", name_ + ".", places_, mistakes_);
}

// Header fields are easier to write as a table of names and values: made a list of {key, value}.
ConfigValue PairsOf(const ConfigValue& table) {
  ConfigValue list;
  list.kind = Kind::kList;
  list.place = table.place;
  for (const ConfigValue& member : table.items) {
    ConfigValue& pair = list.items.emplace_back();
    pair.kind = Kind::kTable;
    pair.place = member.place;
    ConfigValue& key = pair.items.emplace_back();
    key.kind = Kind::kString;
    key.text = member.key;
    key.key = "key";
    key.place = member.place;
    pair.items.push_back(member);
    pair.items.back().key = "value";
  }
  return list;
}

template <class Item>
void Setter::operator()(const ConfigList<Item>& list) {
  if constexpr (std::is_same_v<Item, HttpHeader>) {
    if (value_.kind == Kind::kTable) {
      return ApplyConfigValue(PairsOf(value_), name_, facts_, target_, places_, mistakes_);
    }
  }
  if (!Is(Kind::kList, " of tables")) return;
  std::vector<Item>* target = list.items;
  const auto fields = list.fields();
  // The places of the list that is replaced would name the wrong lines.
  const std::string prefix = name_ + "[";
  places_.erase(places_.lower_bound(prefix), places_.lower_bound(name_ + "\\"));
  target->clear();
  for (std::size_t i = 0; i < value_.items.size(); ++i) {
    const ConfigValue& item = value_.items[i];
    if (!IsA(item, Kind::kTable)) continue;
    const std::string item_name = absl::StrCat(name_, "[", i, "]");
    places_[item_name] = item.place;
    ApplyMembers(item, fields, target->emplace_back(), "", item_name + ".", places_, mistakes_);
    // What a list item is called or made of has no default that could make sense.
    const std::string first(fields.front().facts.name);
    if (!places_.contains(item_name + "." + first)) {
      mistakes_.Add(item.place, absl::StrCat(item_name, ": `", first, "` is missing"));
    }
  }
}

}  // namespace

void ApplyConfigTable(const ConfigValue& table, Config& config, ConfigPlaces& places,
                      ConfigMistakes& mistakes) {
  ApplyMembers(table, ConfigFields(), config, "", "", places, mistakes);
}

void ApplyConfigValue(const ConfigValue& value, const std::string& name, const ConfigFacts& facts,
                      ConfigTarget target, ConfigPlaces& places, ConfigMistakes& mistakes) {
  places[name] = value.place;
  std::visit(Setter(value, name, facts, target, places, mistakes), target);
}

std::string FormatConfigDuration(std::uint64_t ns) {
  return ns == 0 ? "0s" : absl::FormatDuration(absl::Nanoseconds(ns));
}

std::string DescribeConfigBounds(const ConfigBounds& bounds, const ConfigTarget& target) {
  const auto words = [](auto all) {
    std::vector<std::string> quoted;
    for (const std::string_view word : all) quoted.push_back(absl::StrCat("\"", View(word), "\""));
    return absl::StrJoin(quoted, ", ");
  };
  if (!bounds.words.empty()) return words(bounds.words);
  if (bounds.most_items != std::numeric_limits<std::size_t>::max()) {
    return absl::StrCat("at most ", bounds.most_items, " items");
  }
  if (const auto named = ConfigTargetWords(target); !named.empty()) return words(named);
  if (bounds.least == 0 && bounds.most == std::numeric_limits<std::int64_t>::max()) return {};

  const auto amount = [&target](std::int64_t value) {
    return IsDuration(target) ? FormatConfigDuration(static_cast<std::uint64_t>(value))
                              : absl::StrCat(value);
  };
  std::string text = bounds.or_zero ? amount(0) + " or " : "";
  if (bounds.power_of_two) absl::StrAppend(&text, "a power of two from ");
  absl::StrAppend(&text, bounds.above_least ? "above " : "", amount(bounds.least), " to ",
                  bounds.below_most ? "below " : "", amount(bounds.most));
  if (bounds.step != 1) absl::StrAppend(&text, " in steps of ", amount(bounds.step));
  return text;
}

}  // namespace tickcast::engine
