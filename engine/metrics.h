// Metrics: numbers that one thread writes and any thread may read.
//
// An increment is a relaxed load and a relaxed store, no locked instruction: each metric has one
// writer. So what several shards count is registered once per shard, with the label `shard`, and
// added up by whoever reads. Metrics of one value of `shard` lie densely together, those of
// different ones never on one cache line, so counting costs no core anything of another.
// Threading: Add…() and Visit() from any thread (they take a lock: set-up and scrapes only); a
// metric is written by one thread at a time and read by any.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tickcast::engine {

// Only ever grows.
class Counter {
 public:
  void Add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  // For what is counted elsewhere and copied here. REQUIRES: not below value().
  void Set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Goes up and down.
class Gauge {
 public:
  void Set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void Add(std::int64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void Subtract(std::int64_t n = 1) { Add(-n); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// How durations are spread: recorded in ns, told in seconds. Two buckets per power of two from 1 us
// to 16.8 s (1, 2, 3, 4, 6, 8, 12 … us), found by bit arithmetic, so that recording costs the same
// for every value; a quantile read from them is at most half too high.
class Histogram {
 public:
  static constexpr std::size_t kBounds = 48;

  // Upper bound of bucket `index`, inclusive. REQUIRES: index < kBounds; above is +Inf.
  static constexpr std::uint64_t BoundNs(std::size_t index) {
    if (index < 2) return (index + 1) * 1'000;
    return ((std::uint64_t{2} + (index & 1) + 1) << (index / 2 - 1)) * 1'000;
  }

  // The bucket of `ns`; kBounds for what is above the last bound.
  static constexpr std::size_t BucketOf(std::uint64_t ns) {
    if (ns == 0) return 0;
    // ns <= n us exactly when (ns - 1) / 1000 < n.
    const std::uint64_t below_us = (ns - 1) / 1'000;
    if (below_us < 2) return static_cast<std::size_t>(below_us);
    const auto width = static_cast<std::size_t>(std::bit_width(below_us));
    const std::size_t index = 2 * (width - 1) + ((below_us >> (width - 2)) & 1);
    return index < kBounds ? index : kBounds;
  }

  // Counts `n` events that took `ns` each.
  void Record(std::uint64_t ns, std::uint64_t n = 1) {
    buckets_[BucketOf(ns)].Add(n);
    sum_ns_.Add(ns * n);
  }

  // Events in one bucket (not cumulated); `index` up to and including kBounds.
  std::uint64_t count(std::size_t index) const { return buckets_[index].value(); }
  std::uint64_t sum_ns() const { return sum_ns_.value(); }

 private:
  std::array<Counter, kBounds + 1> buckets_;
  Counter sum_ns_;
};

// In what a metric is counted, and so how it is told: Prometheus wants base units.
enum class MetricUnit : std::uint8_t {
  kNone,         // As it is.
  kNanoseconds,  // Told in seconds; the name ends in _seconds or _seconds_total.
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class Registry {
 public:
  // Kept per metric; the addresses stay for the registry's life.
  struct Entry {
    MetricLabels labels;
    std::variant<const Counter*, const Gauge*, const Histogram*> metric;
  };
  // What shares a name, and so a line of help.
  struct Family {
    std::string name;
    std::string help;
    MetricUnit unit = MetricUnit::kNone;
    std::vector<Entry> entries;  // In the order they were added; all of one type.
  };

  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Adds a metric that is 0. Names as Prometheus wants them ([a-zA-Z_:][a-zA-Z0-9_:]*, counters end
  // in _total). REQUIRES: name and labels are new together; type, help and unit are those of the
  // name's earlier metrics.
  Counter& AddCounter(std::string_view name, std::string_view help, MetricLabels labels = {},
                      MetricUnit unit = MetricUnit::kNone);
  Gauge& AddGauge(std::string_view name, std::string_view help, MetricLabels labels = {},
                  MetricUnit unit = MetricUnit::kNone);
  Histogram& AddHistogram(std::string_view name, std::string_view help, MetricLabels labels = {});

  // Calls visit(family) for each name, sorted by it. `visit` may not add.
  void Visit(const std::function<void(const Family&)>& visit) const;

 private:
  class Group;

  template <class Metric>
  Metric& Add(std::string_view name, std::string_view help, MetricLabels labels, MetricUnit unit);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
  std::map<std::string, std::unique_ptr<Group>, std::less<>> groups_;  // By the label `shard`.
};

}  // namespace tickcast::engine
