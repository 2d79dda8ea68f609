#include "protocol/jwt/key_endpoint.h"

#include <algorithm>
#include <map>
#include <utility>

#include <re2/re2.h>

#include "absl/strings/str_cat.h"

namespace tickcast::protocol {
namespace {

// A URL cut at its names: text, name, text, name, text.
using Pieces = std::vector<std::string_view>;

// What a value may be made of: nothing that means something in a pattern or ends a part of a URL.
bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '~';
}

bool IsDots(std::string_view value) {
  return value.find_first_not_of('.') == std::string_view::npos;
}

// The values of a group whose body begins at `body`: `a|b|c\.d)`. Empty where it is anything else.
std::vector<std::string> ReadValues(std::string_view body) {
  std::vector<std::string> values(1);
  for (std::size_t at = 0; at < body.size(); ++at) {
    const char c = body[at];
    if (c == '|' || c == ')') {
      // `.` and `..` would lead to another part of the URL's path.
      if (IsDots(values.back())) return {};
      if (c == ')') return values;
      values.emplace_back();
    } else if (IsPlain(c)) {
      values.back() += c;
    } else if (c == '\\' && at + 1 < body.size() && (body[at + 1] == '.' || body[at + 1] == '-')) {
      values.back() += body[++at];
    } else {
      return {};
    }
  }
  return {};
}

absl::StatusOr<Pieces> Cut(std::string_view url) {
  Pieces pieces;
  for (;;) {
    const std::size_t begin = url.find("{{");
    pieces.push_back(url.substr(0, begin));
    if (begin == std::string_view::npos) return pieces;
    const std::size_t end = url.find("}}", begin);
    if (end == std::string_view::npos) {
      return absl::InvalidArgumentError("a \"{{\" in it needs its \"}}\"");
    }
    pieces.push_back(url.substr(begin + 2, end - begin - 2));
    url.remove_prefix(end + 2);
  }
}

}  // namespace

struct KeyEndpoint::Group {
  std::string name;
  bool of_issuer = false;  // Otherwise of the audience.
  int capture = 0;         // Its number in that pattern.
  std::vector<std::string> values;

  std::optional<std::size_t> Find(std::string_view value) const {
    const auto found = std::find(values.begin(), values.end(), value);
    if (found == values.end()) return std::nullopt;
    return static_cast<std::size_t>(found - values.begin());
  }
};

struct KeyEndpoint::Patterns {
  explicit Patterns(const TokenRules& rules)
      : issuer(rules.issuer_regex, RE2::Quiet), audience(rules.audience_regex, RE2::Quiet) {}

  // The group `name` of one of them. Empty values: there is none, or it is no list.
  Group FindGroup(std::string_view name, const TokenRules& rules) const {
    Group group{.name = std::string(name)};
    for (const bool of_issuer : {true, false}) {
      const RE2& pattern = of_issuer ? issuer : audience;
      const auto known = pattern.NamedCapturingGroups().find(group.name);
      if (known == pattern.NamedCapturingGroups().end()) continue;
      const std::string_view text = of_issuer ? rules.issuer_regex : rules.audience_regex;
      const std::string head = absl::StrCat("(?P<", group.name, ">");
      const std::size_t at = text.find(head);
      // In both, it could not be said which one is meant.
      if (group.capture != 0 || at == std::string_view::npos) return {.name = group.name};
      group.of_issuer = of_issuer;
      group.capture = known->second;
      group.values = ReadValues(text.substr(at + head.size()));
    }
    return group;
  }

  // What the groups of `pattern` match in `text`, by their numbers; empty: it does not match.
  static std::vector<re2::StringPiece> Match(const RE2& pattern, std::string_view text) {
    std::vector<re2::StringPiece> groups(
        static_cast<std::size_t>(pattern.NumberOfCapturingGroups()) + 1);
    const bool matches =
        pattern.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), RE2::UNANCHORED,
                      groups.data(), static_cast<int>(groups.size()));
    if (!matches) groups.clear();
    return groups;
  }

  RE2 issuer;
  RE2 audience;
};

KeyEndpoint::KeyEndpoint() = default;
KeyEndpoint::KeyEndpoint(KeyEndpoint&&) noexcept = default;
KeyEndpoint& KeyEndpoint::operator=(KeyEndpoint&&) noexcept = default;
KeyEndpoint::~KeyEndpoint() = default;

absl::StatusOr<KeyEndpoint> KeyEndpoint::Make(std::string_view url, const TokenRules& rules) {
  absl::StatusOr<Pieces> pieces = Cut(url);
  if (!pieces.ok()) return pieces.status();
  KeyEndpoint endpoint;
  endpoint.patterns_ = std::make_unique<Patterns>(rules);
  std::size_t count = 1;
  for (std::size_t i = 1; i < pieces->size(); i += 2) {
    const std::string_view name = (*pieces)[i];
    const bool known = std::any_of(endpoint.groups_.begin(), endpoint.groups_.end(),
                                   [name](const Group& group) { return group.name == name; });
    if (known) continue;
    Group group = endpoint.patterns_->FindGroup(name, rules);
    if (group.values.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("{{", group.name,
                       "}} needs a group of issuer_regex or audience_regex, of one of them, "
                       "that lists its values: (?P<",
                       group.name, ">one|two)"));
    }
    count *= group.values.size();
    if (count > kMaxUrls) {
      return absl::InvalidArgumentError(
          absl::StrCat("stands for more than ", kMaxUrls, " URLs, with all values of its names"));
    }
    endpoint.groups_.push_back(std::move(group));
  }
  for (std::size_t i = 0; i < count; ++i) endpoint.urls_.push_back(endpoint.UrlAt(*pieces, i));
  return endpoint;
}

// The groups' values are the digits of `index`, the last one's lowest.
std::string KeyEndpoint::UrlAt(const std::vector<std::string_view>& pieces,
                               std::size_t index) const {
  std::map<std::string_view, std::string_view> values;
  for (auto group = groups_.rbegin(); group != groups_.rend(); ++group) {
    values[group->name] = group->values[index % group->values.size()];
    index /= group->values.size();
  }
  std::string url;
  for (std::size_t i = 0; i < pieces.size(); ++i) url += i % 2 == 0 ? pieces[i] : values[pieces[i]];
  return url;
}

std::optional<std::size_t> KeyEndpoint::Find(const JwtClaims& claims) const {
  const auto issuer = Patterns::Match(patterns_->issuer, claims.iss);
  if (issuer.empty()) return std::nullopt;
  std::vector<re2::StringPiece> audience;
  // As the original: the first of several that matches.
  for (const std::string_view each : claims.aud) {
    audience = Patterns::Match(patterns_->audience, each);
    if (!audience.empty()) break;
  }
  std::size_t index = 0;
  for (const Group& group : groups_) {
    const std::vector<re2::StringPiece>& matched = group.of_issuer ? issuer : audience;
    if (matched.empty()) return std::nullopt;
    const re2::StringPiece value = matched[static_cast<std::size_t>(group.capture)];
    const std::optional<std::size_t> known = group.Find({value.data(), value.size()});
    if (!known) return std::nullopt;
    index = index * group.values.size() + *known;
  }
  return index;
}

}  // namespace tickcast::protocol
