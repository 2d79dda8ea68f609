// Report: the figures of a phase as JSON, as text for people, and the line that shows progress.
// Threading: one thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "tools/loadgen/expectation.h"
#include "tools/loadgen/histogram.h"

namespace tickcast::loadgen {

// Adds samples (their number), then p50, p90, p99, p999, max and mean in nanoseconds, each name
// with `prefix` before it.
void AddQuantiles(const Histogram& histogram, Figures& figures, const std::string& prefix = "");

// One line of JSON, without a newline. Durations are nanoseconds.
std::string ToJson(const Figures& figures);

// One figure per line, durations and rates with units.
std::string ToText(const Figures& figures);

// Appends a newline, writes to `path` ("-": standard output).
absl::Status WriteReport(const std::string& path, const std::string& json);

// 1234567 -> "1,234,567".
std::string Grouped(std::uint64_t number);

// What the last second was like.
struct Moment {
  std::uint64_t clients = 0;
  double publications_per_s = 0;
  double deliveries_per_s = 0;
  std::uint64_t p50_ns = 0;
  std::uint64_t p99_ns = 0;
  std::int64_t missing = 0;  // Since the beginning, as the following.
  std::uint64_t duplicate = 0;
  std::uint64_t errors = 0;
  std::uint64_t closed = 0;
};
std::string ProgressLine(const Moment& moment);

// A line on standard error once a second.
class Progress {
 public:
  explicit Progress(bool quiet) : quiet_(quiet) {}

  // The next line is due a second after `now_ns`.
  void Begin(std::uint64_t now_ns) { due_ns_ = now_ns + kIntervalNs; }
  bool Due(std::uint64_t now_ns) const { return !quiet_ && now_ns >= due_ns_; }
  std::uint64_t due_ns() const { return quiet_ ? UINT64_MAX : due_ns_; }
  void Print(std::uint64_t now_ns, const std::string& line);

 private:
  static constexpr std::uint64_t kIntervalNs = 1'000'000'000;
  bool quiet_;
  std::uint64_t due_ns_ = UINT64_MAX;
};

}  // namespace tickcast::loadgen
