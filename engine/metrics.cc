#include "engine/metrics.h"

#include <algorithm>
#include <new>
#include <type_traits>

#include "engine/invariant.h"

namespace tickcast::engine {
namespace {

constexpr std::size_t kCacheLineBytes = 64;
constexpr std::size_t kBlockBytes = 4096;

constexpr std::string_view kOwnerLabel = "shard";

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsMetricName(std::string_view name) {
  if (name.empty() || IsDigit(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLetter(c) || IsDigit(c) || c == ':'; });
}

// The two labels that Prometheus keeps for itself would collide with a histogram's own.
bool IsLabelName(std::string_view name) {
  return IsMetricName(name) && name.find(':') == std::string_view::npos && name != "le" &&
         name != "quantile";
}

}  // namespace

// The metrics of one writer, in whole cache lines that no other writer touches.
class Registry::Group {
 public:
  template <class Metric>
  Metric& New() {
    static_assert(std::is_trivially_destructible_v<Metric> && sizeof(Metric) <= kBlockBytes &&
                  alignof(Metric) <= kCacheLineBytes);
    std::size_t offset = (used_bytes_ + alignof(Metric) - 1) / alignof(Metric) * alignof(Metric);
    if (blocks_.empty() || offset + sizeof(Metric) > kBlockBytes) {
      blocks_.push_back(std::make_unique<Block>());
      offset = 0;
    }
    used_bytes_ = offset + sizeof(Metric);
    return *new (blocks_.back()->bytes + offset) Metric();
  }

 private:
  struct alignas(kCacheLineBytes) Block {
    std::byte bytes[kBlockBytes];
  };

  std::vector<std::unique_ptr<Block>> blocks_;
  std::size_t used_bytes_ = 0;  // Of the last block.
};

Registry::Registry() = default;
Registry::~Registry() = default;

template <class Metric>
Metric& Registry::Add(std::string_view name, std::string_view help, MetricLabels labels,
                      MetricUnit unit) {
  INVARIANT(IsMetricName(name), "a metric's name is one that Prometheus takes");
  std::string_view owner;
  for (const auto& [label, value] : labels) {
    INVARIANT(IsLabelName(label), "a label's name is one that Prometheus takes");
    if (label == kOwnerLabel) owner = value;
  }

  const std::lock_guard lock(mutex_);
  auto family = families_.find(name);
  if (family == families_.end()) {
    family = families_.emplace(std::string(name), Family()).first;
    family->second.name = name;
    family->second.help = help;
    family->second.unit = unit;
  }
  auto& entries = family->second.entries;
  INVARIANT(family->second.help == help && family->second.unit == unit,
            "metrics of one name share help and unit");
  for (const Entry& entry : entries) {
    INVARIANT(std::holds_alternative<const Metric*>(entry.metric),
              "metrics of one name share their type");
    INVARIANT(entry.labels != labels, "a metric is registered once");
  }

  auto group = groups_.find(owner);
  if (group == groups_.end()) {
    group = groups_.emplace(std::string(owner), std::make_unique<Group>()).first;
  }
  Metric& metric = group->second->template New<Metric>();
  entries.push_back({std::move(labels), &metric});
  return metric;
}

Counter& Registry::AddCounter(std::string_view name, std::string_view help, MetricLabels labels,
                              MetricUnit unit) {
  return Add<Counter>(name, help, std::move(labels), unit);
}

Gauge& Registry::AddGauge(std::string_view name, std::string_view help, MetricLabels labels,
                          MetricUnit unit) {
  return Add<Gauge>(name, help, std::move(labels), unit);
}

Histogram& Registry::AddHistogram(std::string_view name, std::string_view help,
                                  MetricLabels labels) {
  return Add<Histogram>(name, help, std::move(labels), MetricUnit::kNanoseconds);
}

void Registry::Visit(const std::function<void(const Family&)>& visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, family] : families_) visit(family);
}

}  // namespace tickcast::engine
