// Expectation: "p99<5ms,lost=0", checked against the figures of a run.
// Threading: plain values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace tickcast::loadgen {

// The figures of a run by name, as --json and --expect call them. Durations are nanoseconds.
using Figures = std::vector<std::pair<std::string, double>>;

struct Expectation {
  enum class Relation { kLess, kLessOrEqual, kEqual, kGreaterOrEqual, kGreater };
  std::string text;  // As it was written.
  std::string figure;
  Relation relation = Relation::kEqual;
  double value = 0;
};

// Comma-separated comparisons: NAME, one of < <= = >= >, NUMBER with an optional unit ns, us, ms or
// s. InvalidArgument names the part that is wrong.
absl::StatusOr<std::vector<Expectation>> ParseExpectations(std::string_view text);

// The expectations that do not hold, each as a sentence; a figure that the run does not have
// (misspelt, or of another mode) does not hold either.
std::vector<std::string> Unmet(const std::vector<Expectation>& expectations,
                               const Figures& figures);

// A duration with its unit, in nanoseconds: "250us", "1.5s", "3" (seconds by default).
absl::StatusOr<double> ParseDuration(std::string_view text);

}  // namespace tickcast::loadgen
