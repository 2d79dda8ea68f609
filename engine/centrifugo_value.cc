#include "engine/centrifugo_value.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cmath>

namespace tickcast::engine {
namespace {

using Kind = ConfigValue::Kind;

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

void MakeText(ConfigValue& value) {
  value.text = ConfigValueText(value);
  value.kind = Kind::kString;
}

void MakeBool(ConfigValue& value) {
  if (value.kind == Kind::kInteger) {
    value.boolean = value.integer != 0;
  } else if (value.kind == Kind::kString &&
             IsOneOf(value.text, {"1", "t", "T", "TRUE", "true", "True"})) {
    value.boolean = true;
  } else if (value.kind == Kind::kString &&
             IsOneOf(value.text, {"0", "f", "F", "FALSE", "false", "False"})) {
    value.boolean = false;
  } else {
    return;
  }
  value.kind = Kind::kBool;
}

void MakeInteger(ConfigValue& value) {
  if (value.kind == Kind::kNumber && std::trunc(value.number) == value.number &&
      std::abs(value.number) < 1e15) {
    value.integer = static_cast<std::int64_t>(value.number);
  } else if (value.kind != Kind::kString || !absl::SimpleAtoi(value.text, &value.integer)) {
    return;
  }
  value.kind = Kind::kInteger;
}

// A bare number is one of nanoseconds, as everywhere in Go.
void MakeDuration(ConfigValue& value) {
  if (value.kind == Kind::kNumber) MakeInteger(value);
  if (value.kind != Kind::kInteger) return;
  value.text = absl::StrCat(value.integer, "ns");
  value.kind = Kind::kString;
}

void MakeList(ConfigValue& value) {
  if (value.kind != Kind::kString) return;
  ConfigValue list;
  list.kind = Kind::kList;
  list.place = value.place;
  list.key = value.key;
  for (const absl::string_view item : absl::StrSplit(value.text, ' ', absl::SkipEmpty())) {
    ConfigValue& text = list.items.emplace_back();
    text.kind = Kind::kString;
    text.place = value.place;
    text.text = std::string(item);
  }
  value = std::move(list);
}

class Coercer {
 public:
  Coercer(ConfigValue& value, const std::string& name, const ConfigFacts& facts, ConfigNotes& notes)
      : value_(value), name_(name), bounds_(facts.bounds), notes_(notes) {}

  void operator()(const bool*) { MakeBool(value_); }
  void operator()(const std::uint16_t*) { Integer(); }
  void operator()(const std::uint32_t*) { Integer(); }
  void operator()(const std::uint64_t*) { Integer(); }
  void operator()(const std::int64_t*) { Integer(); }
  void operator()(const double*) {}
  void operator()(ConfigDuration) {
    MakeDuration(value_);
    absl::Duration duration;
    if (value_.kind != Kind::kString || !absl::ParseDuration(value_.text, &duration)) return;
    // Where Centrifugo has "not at all", as for its zero it takes the default.
    const bool may_be_negative = absl::EndsWith(name_, ".map.subscribe_catch_up_timeout") ||
                                 absl::EndsWith(name_, ".shared_poll.channel_shutdown_delay");
    if (may_be_negative && duration < absl::ZeroDuration()) value_.text = "0s";
    if (absl::ToInt64Nanoseconds(duration) <= bounds_.most) return;
    const std::string most = FormatConfigDuration(static_cast<std::uint64_t>(bounds_.most));
    TellMost(value_.text, most);
    value_.text = most;
  }
  void operator()(const std::string*) {
    if (value_.kind == Kind::kBool || value_.kind == Kind::kInteger) MakeText(value_);
    if (name_ == "http_server.address" && value_.text == "localhost") value_.text = "127.0.0.1";
  }
  void operator()(const LogLevel*) {
    if (value_.text == "fatal") value_.text = "error";
  }
  template <ConfigWord Word>
  void operator()(const Word*) {}
  void operator()(const std::vector<std::string>*) { MakeList(value_); }
  void operator()(const std::vector<std::uint32_t>*) {}
  template <class Owner>
  void operator()(const ConfigSection<Owner>&) {}
  template <class Item>
  void operator()(const ConfigList<Item>&) {}

 private:
  void Integer() {
    MakeInteger(value_);
    if (value_.kind != Kind::kInteger || value_.integer <= bounds_.most) return;
    TellMost(absl::StrCat(value_.integer), absl::StrCat(bounds_.most));
    value_.integer = bounds_.most;
  }

  void TellMost(const std::string& asked, const std::string& most) {
    notes_.warnings.Add(value_.place,
                        absl::StrCat(name_, ": ", asked, " is more than there can be: ", most));
  }

  ConfigValue& value_;
  const std::string& name_;
  const ConfigBounds& bounds_;
  ConfigNotes& notes_;
};

}  // namespace

bool IsZeroConfigValue(const ConfigValue& value) {
  switch (value.kind) {
    case Kind::kBool:
      return !value.boolean;
    case Kind::kInteger:
      return value.integer == 0;
    case Kind::kNumber:
      return value.number == 0;
    case Kind::kString: {
      absl::Duration duration;
      return value.text.empty() ||
             (absl::ParseDuration(value.text, &duration) && duration == absl::ZeroDuration());
    }
    case Kind::kList:
    case Kind::kTable:
      return value.items.empty();
    case Kind::kOther:
      break;
  }
  return true;
}

void CoerceCentrifugoValue(ConfigValue& value, const std::string& name, const ConfigFacts& facts,
                           const ConfigTarget& target, ConfigNotes& notes) {
  std::visit(Coercer(value, name, facts, notes), target);
}

void ExpandCentrifugoVariables(ConfigValue& value, const std::string& name,
                               const ConfigVariables& variables, ConfigNotes& notes) {
  constexpr std::string_view kOpen = "${CENTRIFUGO_VAR_";
  for (ConfigValue& item : value.items) ExpandCentrifugoVariables(item, name, variables, notes);
  std::size_t at = value.text.find(kOpen);
  while (at != std::string::npos) {
    const std::size_t end = value.text.find('}', at);
    if (end == std::string::npos) return;
    const std::string variable = value.text.substr(at + 2, end - at - 2);
    const auto found = variables.find(variable);
    if (found == variables.end()) {
      notes.mistakes.Add(value.place, absl::StrCat(name, ": there is no variable ", variable));
      return;
    }
    value.text.replace(at, end + 1 - at, found->second);
    at = value.text.find(kOpen, at + found->second.size());
  }
}

std::string ConfigValueText(const ConfigValue& value) {
  switch (value.kind) {
    case Kind::kBool:
      return value.boolean ? "true" : "false";
    case Kind::kInteger:
      return absl::StrCat(value.integer);
    case Kind::kNumber:
      return absl::StrCat(value.number);
    case Kind::kString:
      return value.text;
    case Kind::kList:
    case Kind::kTable:
    case Kind::kOther:
      break;
  }
  return {};
}

}  // namespace tickcast::engine
