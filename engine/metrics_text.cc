#include "engine/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>
#include <variant>
#include <vector>

namespace tickcast::engine {
namespace {

constexpr double kNsPerSecond = 1e9;

double Told(double value, MetricUnit unit) {
  return unit == MetricUnit::kNanoseconds ? value / kNsPerSecond : value;
}

prometheus::ClientMetric::Histogram ReadHistogram(const Histogram& histogram) {
  prometheus::ClientMetric::Histogram read;
  read.bucket.reserve(Histogram::kBounds + 1);
  // The total is the sum of what was read here, so that a scrape agrees with itself although the
  // writer goes on meanwhile.
  std::uint64_t cumulated = 0;
  for (std::size_t i = 0; i <= Histogram::kBounds; ++i) {
    cumulated += histogram.count(i);
    prometheus::ClientMetric::Bucket bucket;
    bucket.cumulative_count = cumulated;
    bucket.upper_bound = i < Histogram::kBounds
                             ? static_cast<double>(Histogram::BoundNs(i)) / kNsPerSecond
                             : std::numeric_limits<double>::infinity();
    read.bucket.push_back(bucket);
  }
  read.sample_count = cumulated;
  read.sample_sum = static_cast<double>(histogram.sum_ns()) / kNsPerSecond;
  return read;
}

prometheus::ClientMetric Read(const Registry::Entry& entry, MetricUnit unit) {
  prometheus::ClientMetric read;
  for (const auto& [name, value] : entry.labels) {
    prometheus::ClientMetric::Label label;
    label.name = name;
    label.value = value;
    read.label.push_back(std::move(label));
  }
  if (const auto* counter = std::get_if<const Counter*>(&entry.metric)) {
    read.counter.value = Told(static_cast<double>((*counter)->value()), unit);
  } else if (const auto* gauge = std::get_if<const Gauge*>(&entry.metric)) {
    read.gauge.value = Told(static_cast<double>((*gauge)->value()), unit);
  } else if (const auto* histogram = std::get_if<const Histogram*>(&entry.metric)) {
    read.histogram = ReadHistogram(**histogram);
  }
  return read;
}

prometheus::MetricType TypeOf(const Registry::Entry& entry) {
  if (std::holds_alternative<const Counter*>(entry.metric)) return prometheus::MetricType::Counter;
  if (std::holds_alternative<const Gauge*>(entry.metric)) return prometheus::MetricType::Gauge;
  return prometheus::MetricType::Histogram;
}

}  // namespace

std::string MetricsText(const Registry& registry) {
  std::vector<prometheus::MetricFamily> families;
  registry.Visit([&families](const Registry::Family& family) {
    prometheus::MetricFamily read;
    read.name = family.name;
    read.help = family.help;
    read.type = TypeOf(family.entries.front());  // A family exists from its first metric on.
    for (const Registry::Entry& entry : family.entries) {
      read.metric.push_back(Read(entry, family.unit));
    }
    families.push_back(std::move(read));
  });
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace tickcast::engine
