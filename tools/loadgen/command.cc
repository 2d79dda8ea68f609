#include "tools/loadgen/command.h"

#include <optional>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/loadgen/options.h"

namespace tickcast::loadgen {
namespace {

constexpr double kMaxSeconds = 31 * 86400;
constexpr double kCutSeconds = 120;
constexpr std::string_view kStorm = "storm=";

std::uint64_t Nanoseconds(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

// The words from the second on as numbers, at least and at most so many.
std::optional<std::vector<double>> Numbers(const std::vector<std::string>& words, std::size_t least,
                                           std::size_t most) {
  std::vector<double> numbers;
  for (std::size_t i = 1; i < words.size(); ++i) {
    double number = 0;
    if (!absl::SimpleAtod(words[i], &number) || !(number >= 0 && number <= 1e9)) return {};
    numbers.push_back(number);
  }
  if (numbers.size() < least || numbers.size() > most) return {};
  return numbers;
}

bool ParseRun(std::vector<std::string> words, double rate, Phase& phase) {
  if (words.back().starts_with(kStorm)) {
    if (!ParseStorm(words.back().substr(kStorm.size()), phase.storm_at_ns, phase.storm_rate)) {
      return false;
    }
    words.pop_back();
  }
  const auto numbers = Numbers(words, 1, 3);
  if (!numbers || (*numbers)[0] > kMaxSeconds) return false;
  phase.duration_ns = Nanoseconds((*numbers)[0]);
  phase.warmup_ns = numbers->size() > 1 ? Nanoseconds((*numbers)[1]) : 0;
  phase.rate = numbers->size() > 2 ? (*numbers)[2] : rate;
  return true;
}

bool ParseCut(const std::vector<std::string>& words, double rate, Phase& phase) {
  const auto numbers = Numbers(words, 0, 2);
  if (!numbers) return false;
  phase.rate = rate;
  phase.storm_at_ns = 0;
  phase.storm_rate = numbers->empty() ? 0 : (*numbers)[0];
  phase.duration_ns = Nanoseconds(numbers->size() > 1 ? (*numbers)[1] : kCutSeconds);
  phase.until_back = true;
  return phase.duration_ns > 0;
}

}  // namespace

absl::StatusOr<Command> ParseCommand(const std::string& line, double rate) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  const std::string verb = words.empty() ? "" : words[0];
  Command command;
  if (verb == "quit" && words.size() == 1) return command;
  if (verb == "finish" && words.size() == 1) {
    command.kind = Command::Kind::kFinish;
    return command;
  }
  if (verb == "run" && ParseRun(words, rate, command.phase)) {
    command.kind = Command::Kind::kRun;
    return command;
  }
  if (verb == "cut" && ParseCut(words, rate, command.phase)) {
    command.kind = Command::Kind::kRun;
    return command;
  }
  if (verb == "silence" && words.size() == 2 && absl::SimpleAtoi(words[1], &command.clients)) {
    command.kind = Command::Kind::kSilence;
    return command;
  }
  if (verb == "scroll" && words.size() == 2 && absl::SimpleAtoi(words[1], &command.keys)) {
    command.kind = Command::Kind::kScroll;
    return command;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", line, "' is none of 'run SECONDS [WARMUP [RATE]] [storm=AT[:rate=R]]', ",
                   "'cut [RATE [SECONDS]]', 'silence N', 'scroll N', 'finish' and 'quit'"));
}

}  // namespace tickcast::loadgen
