#include "tools/loadgen/expectation.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tickcast::loadgen {
namespace {

struct Unit {
  std::string_view name;
  double nanoseconds;
};
constexpr Unit kUnits[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};

struct Sign {
  std::string_view text;
  Expectation::Relation relation;
};
// The longer ones first, so that "<=" is not read as "<".
constexpr Sign kSigns[] = {{"<=", Expectation::Relation::kLessOrEqual},
                           {">=", Expectation::Relation::kGreaterOrEqual},
                           {"<", Expectation::Relation::kLess},
                           {">", Expectation::Relation::kGreater},
                           {"=", Expectation::Relation::kEqual}};

std::optional<double> ParseNumber(std::string_view text, double default_unit) {
  double scale = default_unit;
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.name)) continue;
    scale = unit.nanoseconds;
    text.remove_suffix(unit.name.size());
    break;
  }
  double number = 0;
  if (!absl::SimpleAtod({text.data(), text.size()}, &number)) return std::nullopt;
  return number * scale;
}

std::optional<Expectation> ParseOne(std::string_view text) {
  for (const Sign& sign : kSigns) {
    const std::size_t at = text.find(sign.text);
    if (at == std::string_view::npos || at == 0) continue;
    const std::optional<double> value = ParseNumber(text.substr(at + sign.text.size()), 1);
    if (!value) return std::nullopt;
    return Expectation{.text = std::string(text),
                       .figure = std::string(text.substr(0, at)),
                       .relation = sign.relation,
                       .value = *value};
  }
  return std::nullopt;
}

bool Holds(const Expectation& expectation, double figure) {
  switch (expectation.relation) {
    case Expectation::Relation::kLess:
      return figure < expectation.value;
    case Expectation::Relation::kLessOrEqual:
      return figure <= expectation.value;
    case Expectation::Relation::kEqual:
      return figure == expectation.value;
    case Expectation::Relation::kGreaterOrEqual:
      return figure >= expectation.value;
    case Expectation::Relation::kGreater:
      return figure > expectation.value;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::vector<Expectation>> ParseExpectations(std::string_view text) {
  std::vector<Expectation> expectations;
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(text.data(), text.size()), ',', absl::SkipEmpty())) {
    std::optional<Expectation> expectation = ParseOne({part.data(), part.size()});
    if (!expectation) {
      return absl::InvalidArgumentError(
          absl::StrCat("--expect: '", part, "' is no comparison like p99<5ms or lost=0"));
    }
    expectations.push_back(*std::move(expectation));
  }
  return expectations;
}

std::vector<std::string> Unmet(const std::vector<Expectation>& expectations,
                               const Figures& figures) {
  std::vector<std::string> unmet;
  for (const Expectation& expectation : expectations) {
    const auto found = std::find_if(figures.begin(), figures.end(), [&](const auto& figure) {
      return figure.first == expectation.figure;
    });
    if (found == figures.end()) {
      unmet.push_back(
          absl::StrCat(expectation.text, ": this run has no figure '", expectation.figure, "'"));
    } else if (!Holds(expectation, found->second)) {
      unmet.push_back(absl::StrCat(expectation.text, ": it was ", found->second));
    }
  }
  return unmet;
}

absl::StatusOr<double> ParseDuration(std::string_view text) {
  const std::optional<double> nanoseconds = ParseNumber(text, 1e9);
  if (!nanoseconds || *nanoseconds < 0) {
    return absl::InvalidArgumentError(absl::StrCat("'", absl::string_view(text.data(), text.size()),
                                                   "' is no duration like 10s, 250ms or 0.5"));
  }
  return *nanoseconds;
}

}  // namespace tickcast::loadgen
