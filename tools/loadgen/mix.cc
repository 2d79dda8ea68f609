#include "tools/loadgen/mix.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/loadgen/expectation.h"

namespace tickcast::loadgen {
namespace {

using Behaviour = Kind::Behaviour;

constexpr std::size_t kMaxKinds = 32;

struct Row {
  const char* name;
  Behaviour behaviour;
};
constexpr Row kRows[] = {{"fast", Behaviour::kFast},
                         {"slow", Behaviour::kSlow},
                         {"silent", Behaviour::kSilent},
                         {"no-pong", Behaviour::kNoPong},
                         {"reconnecting", Behaviour::kReconnecting}};

absl::Status Wrong(const std::string& entry, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("--mix: '", entry, "': ", what));
}

bool ParseNumber(const std::string& text, double low, double high, double& number) {
  return absl::SimpleAtod(text, &number) && number >= low && number <= high;
}

// Empty, or what would be right.
std::string SetKey(const std::string& key, const std::string& value, Kind& kind) {
  double number = 0;
  if (key == "name") {
    kind.name = value;
    const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    return plain ? "" : "a name has small letters, digits and '-'";
  }
  if (key == "rate" && kind.behaviour == Behaviour::kSlow) {
    const bool right = ParseNumber(value, 1, 1e9, kind.read_rate);
    return right ? "" : "rate is 1 to 1000000000 bytes per second";
  }
  if (key == "every" && kind.behaviour == Behaviour::kReconnecting) {
    const absl::StatusOr<double> every = ParseDuration(value);
    if (!every.ok() || *every < 1e8 || *every > 86400e9) return "every is a time, 100ms to 86400s";
    kind.every_ns = static_cast<std::uint64_t>(*every);
    return "";
  }
  if (key == "awake" && kind.behaviour == Behaviour::kSilent) {
    kind.awake = value.empty() || value == "yes";
    return kind.awake ? "" : "awake has no value";
  }
  if (key == "interval") {
    const bool right = absl::SimpleAtoi(value, &kind.subscribe.interval_ms) &&
                       kind.subscribe.interval_ms <= kMaxIntervalMs;
    return right ? "" : "interval is 0 to 60000 milliseconds";
  }
  if (key == "min-change") {
    if (!ParseNumber(value, 0, 1, number)) return "min-change is a fraction, 0 to 1";
    kind.subscribe.min_change = number;
    return "";
  }
  if (key == "priority-share") {
    if (!ParseNumber(value, 0, 1, number)) return "priority-share is a fraction, 0 to 1";
    kind.subscribe.priority_share = number;
    return "";
  }
  return absl::StrCat("'", key,
                      "' is no key of it; there are name, interval, min-change and priority-share, "
                      "rate of slow, awake of silent, every of reconnecting");
}

// Sets `count`, or leaves it empty for the rest.
absl::Status ParseSize(const std::string& entry, const std::string& size, std::uint32_t connections,
                       std::optional<std::uint32_t>& count) {
  std::uint32_t number = 0;
  if (absl::SimpleAtoi(size, &number)) {
    count = number;
    return absl::OkStatus();
  }
  double percent = 0;
  if (size.ends_with('%') && ParseNumber(size.substr(0, size.size() - 1), 0, 100, percent)) {
    count = static_cast<std::uint32_t>(std::llround(percent * connections / 100));
    return absl::OkStatus();
  }
  return Wrong(entry, "a size is a number of connections or a percentage, as 500 or 5%");
}

absl::Status ParseEntry(const std::string& entry, std::uint32_t connections, Kind& kind,
                        std::optional<std::uint32_t>& count) {
  const std::vector<std::string> parts = absl::StrSplit(entry, ':');
  const std::vector<std::string> head = absl::StrSplit(parts[0], absl::MaxSplits('=', 1));
  const auto row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& known) { return known.name == head[0]; });
  if (row == std::end(kRows)) {
    return Wrong(entry, "kinds are fast, slow, silent, no-pong and reconnecting");
  }
  kind.name = row->name;
  kind.behaviour = row->behaviour;
  if (head.size() == 2) {
    if (absl::Status status = ParseSize(entry, head[1], connections, count); !status.ok()) {
      return status;
    }
  }
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::vector<std::string> pair = absl::StrSplit(parts[i], absl::MaxSplits('=', 1));
    const std::string wrong = SetKey(pair[0], pair.size() == 2 ? pair[1] : "", kind);
    if (!wrong.empty()) return Wrong(entry, wrong);
  }
  if (kind.behaviour == Behaviour::kSlow && kind.read_rate == 0) {
    return Wrong(entry, "slow needs its bytes per second, as slow:rate=2000");
  }
  if (kind.behaviour == Behaviour::kReconnecting && kind.every_ns == 0) {
    return Wrong(entry, "reconnecting needs its time, as reconnecting:every=10s");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Kind>> ParseMix(std::string_view text, std::uint32_t connections,
                                           const SubscribeOptions& defaults) {
  std::vector<Kind> kinds;
  std::optional<std::size_t> rest;
  std::uint64_t sum = 0;
  const std::vector<std::string> entries =
      absl::StrSplit(absl::string_view(text.data(), text.size()), ',', absl::SkipEmpty());
  for (const std::string& entry : entries) {
    Kind kind{.subscribe = defaults};
    std::optional<std::uint32_t> count;
    if (absl::Status status = ParseEntry(entry, connections, kind, count); !status.ok()) {
      return status;
    }
    if (!count && rest) return Wrong(entry, "only one kind may have no size: the rest");
    if (!count) rest = kinds.size();
    const bool known = std::any_of(kinds.begin(), kinds.end(),
                                   [&](const Kind& other) { return other.name == kind.name; });
    if (known) return Wrong(entry, "that name is taken; add :name=ANOTHER");
    kind.count = count.value_or(0);
    sum += kind.count;
    kinds.push_back(kind);
  }
  if (sum > connections) {
    return absl::InvalidArgumentError(
        absl::StrCat("--mix: the sizes add up to ", sum, " of ", connections, " connections"));
  }
  if (!rest && sum < connections) {
    const bool taken = std::any_of(kinds.begin(), kinds.end(),
                                   [](const Kind& kind) { return kind.name == "fast"; });
    kinds.push_back({.name = taken ? "rest" : "fast", .subscribe = defaults});
    rest = kinds.size() - 1;
  }
  if (rest) kinds[*rest].count = static_cast<std::uint32_t>(connections - sum);
  if (kinds.size() > kMaxKinds) {
    return absl::InvalidArgumentError(absl::StrCat("--mix: at most ", kMaxKinds, " kinds"));
  }
  return kinds;
}

// Each connection gets the kind that is furthest behind its share so far.
Mix::Mix(std::vector<Kind> kinds) : kinds_(std::move(kinds)) {
  std::uint64_t connections = 0;
  for (const Kind& kind : kinds_) connections += kind.count;
  of_.reserve(connections);
  std::vector<std::uint64_t> given(kinds_.size());
  for (std::uint64_t i = 0; i < connections; ++i) {
    std::size_t neediest = 0;
    std::int64_t most = INT64_MIN;
    for (std::size_t k = 0; k < kinds_.size(); ++k) {
      if (given[k] == kinds_[k].count) continue;
      const auto need = static_cast<std::int64_t>((i + 1) * kinds_[k].count) -
                        static_cast<std::int64_t>(given[k] * connections);
      if (need > most) {
        most = need;
        neediest = k;
      }
    }
    ++given[neediest];
    of_.push_back(static_cast<std::uint8_t>(neediest));
  }
}

bool IsPriority(std::uint64_t number, double share) {
  return std::floor(static_cast<double>(number + 1) * share) >
         std::floor(static_cast<double>(number) * share);
}

}  // namespace tickcast::loadgen
