#include "engine/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "engine/metrics_text.h"

namespace tickcast::engine {
namespace {

using testing::HasSubstr;

std::size_t Times(const std::string& text, const std::string& part) {
  std::size_t times = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++times;
  }
  return times;
}

TEST(CounterTest, AddsAndIsCopiedInto) {
  Counter counter;
  counter.Add();
  counter.Add(41);
  EXPECT_EQ(counter.value(), 42u);
  counter.Set(100);
  EXPECT_EQ(counter.value(), 100u);
}

TEST(GaugeTest, GoesUpAndDownAndBelowZero) {
  Gauge gauge;
  gauge.Add(2);
  gauge.Subtract(5);
  EXPECT_EQ(gauge.value(), -3);
  gauge.Set(7);
  EXPECT_EQ(gauge.value(), 7);
}

// The bounds rise by at most half, are exact in microseconds, and a value on a bound is within it,
// as Prometheus' `le` says.
TEST(HistogramTest, ABoundIsTheLastValueOfItsBucket) {
  EXPECT_EQ(Histogram::BoundNs(0), 1'000u);
  EXPECT_EQ(Histogram::BoundNs(Histogram::kBounds - 1), 16'777'216'000u);
  for (std::size_t i = 0; i < Histogram::kBounds; ++i) {
    const std::uint64_t bound = Histogram::BoundNs(i);
    EXPECT_EQ(Histogram::BucketOf(bound), i) << bound;
    EXPECT_EQ(Histogram::BucketOf(bound - 1), i) << bound;
    EXPECT_EQ(Histogram::BucketOf(bound + 1), i + 1) << bound;
    if (i > 1) {
      EXPECT_LE(bound * 2, Histogram::BoundNs(i - 1) * 3) << bound;
    }
  }
  EXPECT_EQ(Histogram::BucketOf(0), 0u);
  EXPECT_EQ(Histogram::BucketOf(std::numeric_limits<std::uint64_t>::max()), Histogram::kBounds);
}

TEST(HistogramTest, CountsEventsAndTheirTime) {
  Histogram histogram;
  histogram.Record(1'500);
  histogram.Record(2'500, 10);
  histogram.Record(60'000'000'000);
  EXPECT_EQ(histogram.count(Histogram::BucketOf(1'500)), 1u);
  EXPECT_EQ(histogram.count(Histogram::BucketOf(2'500)), 10u);
  EXPECT_EQ(histogram.count(Histogram::kBounds), 1u);
  EXPECT_EQ(histogram.sum_ns(), 60'000'026'500u);
}

TEST(RegistryTest, AddressesStayWhileMoreIsAdded) {
  Registry registry;
  Counter& first = registry.AddCounter("a_total", "A.", {{"n", "first"}});
  first.Add(7);
  for (int i = 0; i < 2'000; ++i) {
    registry.AddCounter("a_total", "A.", {{"n", std::to_string(i)}}).Add();
    if (i < 100) registry.AddHistogram("h_seconds", "H.", {{"n", std::to_string(i)}});
  }
  EXPECT_EQ(first.value(), 7u);
  EXPECT_THAT(MetricsText(registry), HasSubstr("a_total{n=\"first\"} 7\n"));
}

TEST(RegistryTest, MetricsOfTwoShardsShareNoCacheLine) {
  constexpr std::uintptr_t kLine = 64;
  Registry registry;
  const auto line = [](const auto& metric) {
    return reinterpret_cast<std::uintptr_t>(&metric) / kLine;
  };
  std::vector<std::uintptr_t> lines[2];
  for (int i = 0; i < 600; ++i) {
    for (int shard = 0; shard < 2; ++shard) {
      lines[shard].push_back(line(registry.AddCounter(
          "c_total", "C.", {{"reason", std::to_string(i)}, {"shard", std::to_string(shard)}})));
    }
  }
  for (const std::uintptr_t a : lines[0]) EXPECT_THAT(lines[1], testing::Not(testing::Contains(a)));
  // And one shard's lie densely: eight on a line.
  EXPECT_EQ(lines[0][0], lines[0][7]);
}

TEST(RegistryTest, OneWriterAndManyReadersNeedNoLock) {
  Registry registry;
  constexpr int kShards = 2;
  constexpr std::uint64_t kEvents = 100'000;
  std::vector<std::thread> shards;
  for (int shard = 0; shard < kShards; ++shard) {
    shards.emplace_back([&registry, shard] {
      const MetricLabels labels = {{"shard", std::to_string(shard)}};
      Counter& sends = registry.AddCounter("sends_total", "Sends.", labels);
      Histogram& latency = registry.AddHistogram("latency_seconds", "Latency.", labels);
      for (std::uint64_t i = 0; i < kEvents; ++i) {
        sends.Add();
        latency.Record(i);
      }
    });
  }
  for (int i = 0; i < 50; ++i) MetricsText(registry);
  for (std::thread& shard : shards) shard.join();
  const std::string text = MetricsText(registry);
  EXPECT_THAT(text, HasSubstr("sends_total{shard=\"0\"} 100000\n"));
  EXPECT_THAT(text, HasSubstr("sends_total{shard=\"1\"} 100000\n"));
  EXPECT_THAT(text, HasSubstr("latency_seconds_count{shard=\"1\"} 100000\n"));
}

TEST(MetricsTextTest, HelpAndTypeStandOncePerFamily) {
  Registry registry;
  registry.AddCounter("sends_total", "Sends.", {{"shard", "0"}}).Add(3);
  registry.AddGauge("connections", "Open connections.", {{"shard", "0"}}).Set(-2);
  registry.AddCounter("sends_total", "Sends.", {{"shard", "1"}}).Add(4);
  EXPECT_EQ(MetricsText(registry),
            "# HELP connections Open connections.\n"
            "# TYPE connections gauge\n"
            "connections{shard=\"0\"} -2\n"
            "# HELP sends_total Sends.\n"
            "# TYPE sends_total counter\n"
            "sends_total{shard=\"0\"} 3\n"
            "sends_total{shard=\"1\"} 4\n");
}

TEST(MetricsTextTest, NanosecondsAreToldInSeconds) {
  Registry registry;
  registry.AddCounter("busy_seconds_total", "Busy.", {}, MetricUnit::kNanoseconds)
      .Add(1'500'000'000);
  EXPECT_THAT(MetricsText(registry), HasSubstr("busy_seconds_total 1.5\n"));
}

TEST(MetricsTextTest, BucketsAreCumulatedAndBoundsReadable) {
  Registry registry;
  Histogram& latency = registry.AddHistogram("latency_seconds", "Latency.", {{"shard", "0"}});
  latency.Record(900);
  latency.Record(3'000);
  latency.Record(20'000'000'000);
  const std::string text = MetricsText(registry);
  for (const char* line : {
           "latency_seconds_count{shard=\"0\"} 3\n",
           "latency_seconds_sum{shard=\"0\"} 20.0000039\n",
           "latency_seconds_bucket{shard=\"0\",le=\"1e-06\"} 1\n",
           "latency_seconds_bucket{shard=\"0\",le=\"2e-06\"} 1\n",
           "latency_seconds_bucket{shard=\"0\",le=\"3e-06\"} 2\n",
           "latency_seconds_bucket{shard=\"0\",le=\"16.777216\"} 2\n",
           "latency_seconds_bucket{shard=\"0\",le=\"+Inf\"} 3\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_EQ(Times(text, "_bucket{"), Histogram::kBounds + 1);
}

TEST(MetricsTextTest, LabelValuesAreEscaped) {
  Registry registry;
  registry.AddCounter("c_total", "C.", {{"reason", "a\"b\\c\nd"}});
  EXPECT_THAT(MetricsText(registry), HasSubstr(R"(c_total{reason="a\"b\\c\nd"} 0)"));
}

TEST(RegistryDeathTest, AMetricIsRegisteredOnceAndItsFamilyAgrees) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Registry registry;
  registry.AddCounter("c_total", "C.", {{"shard", "0"}});
  EXPECT_DEATH(registry.AddCounter("c_total", "C.", {{"shard", "0"}}), "registered once");
  EXPECT_DEATH(registry.AddGauge("c_total", "C.", {{"shard", "1"}}), "share their type");
  EXPECT_DEATH(registry.AddCounter("c_total", "D.", {{"shard", "1"}}), "share help");
  EXPECT_DEATH(registry.AddCounter("c-total", "C."), "Prometheus takes");
  EXPECT_DEATH(registry.AddCounter("d_total", "D.", {{"le", "1"}}), "Prometheus takes");
}

}  // namespace
}  // namespace tickcast::engine
