#include "tools/loadgen/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmath>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace tickcast::loadgen {
namespace {

constexpr std::string_view kDurations[] = {"p50", "p90", "p99", "p999", "max", "mean"};

// "p99", "slow_p99".
bool IsDuration(std::string_view name) {
  if (name.ends_with("_ns")) return true;
  name.remove_prefix(name.rfind('_') + 1);  // npos + 1 = 0.
  for (const std::string_view duration : kDurations) {
    if (name == duration) return true;
  }
  return false;
}

std::string Duration(double nanoseconds) {
  if (nanoseconds < 1e3) return absl::StrFormat("%.0f ns", nanoseconds);
  if (nanoseconds < 1e6) return absl::StrFormat("%.1f us", nanoseconds / 1e3);
  if (nanoseconds < 1e9) return absl::StrFormat("%.2f ms", nanoseconds / 1e6);
  return absl::StrFormat("%.3f s", nanoseconds / 1e9);
}

bool IsWhole(double value) { return value == std::floor(value) && std::abs(value) < 1e15; }

}  // namespace

void AddQuantiles(const Histogram& histogram, Figures& figures, const std::string& prefix) {
  const auto add = [&](const char* name, double value) {
    figures.emplace_back(prefix + name, value);
  };
  add("samples", static_cast<double>(histogram.count()));
  add("p50", static_cast<double>(histogram.Quantile(0.50)));
  add("p90", static_cast<double>(histogram.Quantile(0.90)));
  add("p99", static_cast<double>(histogram.Quantile(0.99)));
  add("p999", static_cast<double>(histogram.Quantile(0.999)));
  add("max", static_cast<double>(histogram.max()));
  add("mean", histogram.mean());
}

std::string ToJson(const Figures& figures) {
  std::string json = "{";
  for (const auto& [name, value] : figures) {
    if (json.size() > 1) json += ',';
    absl::StrAppend(&json, "\"", name, "\":");
    if (IsWhole(value)) {
      absl::StrAppendFormat(&json, "%d", static_cast<std::int64_t>(value));
    } else {
      absl::StrAppendFormat(&json, "%.9g", value);
    }
  }
  return json + "}";
}

std::string ToText(const Figures& figures) {
  std::string text;
  for (const auto& [name, value] : figures) {
    std::string shown = IsDuration(name)               ? Duration(value)
                        : IsWhole(value) && value >= 0 ? Grouped(static_cast<std::uint64_t>(value))
                                                       : absl::StrFormat("%.3f", value);
    absl::StrAppendFormat(&text, "  %-28s %s\n", name, shown);
  }
  return text;
}

absl::Status WriteReport(const std::string& path, const std::string& json) {
  FILE* file = path == "-" ? stdout : fopen(path.c_str(), "we");
  if (file == nullptr) return absl::UnavailableError(absl::StrCat(path, ": ", strerror(errno)));
  const bool written = fprintf(file, "%s\n", json.c_str()) > 0 && fflush(file) == 0;
  if (file != stdout) fclose(file);
  return written ? absl::OkStatus() : absl::DataLossError(absl::StrCat(path, ": not written"));
}

std::string Grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t end = digits.size(); end > 3; end -= 3) digits.insert(end - 3, 1, ',');
  return digits;
}

std::string ProgressLine(const Moment& moment) {
  const auto rate = [](double per_s) { return Grouped(static_cast<std::uint64_t>(per_s)); };
  return absl::StrFormat(
      "%s clients  %s publications/s  %s deliveries/s  p50 %.2f ms  p99 %.2f ms  missing %d  "
      "duplicate %s  errors %s  closed %s",
      Grouped(moment.clients), rate(moment.publications_per_s), rate(moment.deliveries_per_s),
      static_cast<double>(moment.p50_ns) / 1e6, static_cast<double>(moment.p99_ns) / 1e6,
      moment.missing, Grouped(moment.duplicate), Grouped(moment.errors), Grouped(moment.closed));
}

void Progress::Print(std::uint64_t now_ns, const std::string& line) {
  if (quiet_) return;
  fprintf(stderr, "%s\n", line.c_str());
  due_ns_ = now_ns + kIntervalNs;
}

}  // namespace tickcast::loadgen
