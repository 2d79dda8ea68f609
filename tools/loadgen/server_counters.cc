#include "tools/loadgen/server_counters.h"

#include <cstdlib>
#include <string>

namespace tickcast::loadgen {
namespace {

struct Row {
  std::string_view metric;
  const char* figure;
  std::uint64_t ServerCounters::*counter;
};
constexpr Row kRows[] = {
    {"tickcast_publications_owed_total", "server_owed", &ServerCounters::owed},
    {"tickcast_publications_delivered_total", "server_delivered", &ServerCounters::delivered},
    {"tickcast_publications_conflated_total", "server_conflated", &ServerCounters::conflated},
    {"tickcast_publications_skipped_total", "server_skipped", &ServerCounters::skipped},
    {"tickcast_lane_conflated_total", "server_lane_conflated", &ServerCounters::lane_conflated},
};

// name{labels} value: labels may hold anything but an unescaped brace at their end, so the value is
// what follows the last space.
bool ReadSample(std::string_view line, std::string_view metric, std::uint64_t& value) {
  if (!line.starts_with(metric) || line.size() == metric.size()) return false;
  const char next = line[metric.size()];
  const std::size_t space = line.rfind(' ');
  if ((next != '{' && next != ' ') || space == std::string_view::npos) return false;
  const std::string number(line.substr(space + 1));
  char* end = nullptr;
  value = static_cast<std::uint64_t>(std::strtod(number.c_str(), &end));
  return end != number.c_str();
}

}  // namespace

ServerCounters ServerCounters::Since(const ServerCounters& earlier) const {
  ServerCounters since = *this;
  for (const Row& row : kRows) since.*row.counter -= earlier.*row.counter;
  return since;
}

bool ReadServerCounters(std::string_view metrics, ServerCounters& counters) {
  counters = {};
  bool found = false;
  while (!metrics.empty()) {
    const std::size_t end = metrics.find('\n');
    const std::string_view line = metrics.substr(0, end);
    for (const Row& row : kRows) {
      std::uint64_t value = 0;
      if (!ReadSample(line, row.metric, value)) continue;
      counters.*row.counter += value;
      found |= row.counter == &ServerCounters::owed;
    }
    if (end == std::string_view::npos) break;
    metrics.remove_prefix(end + 1);
  }
  return found;
}

void AddServerFigures(const ServerCounters& counters, Figures& figures) {
  for (const Row& row : kRows) {
    figures.emplace_back(row.figure, static_cast<double>(counters.*row.counter));
  }
}

}  // namespace tickcast::loadgen
