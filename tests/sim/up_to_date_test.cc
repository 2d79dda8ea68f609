// Whatever happened on the way: who takes bytes again ends with the newest value of every state
// channel, and with a stream that has no hole or a gap that it was told of.
//
// TICKCAST_SIM_SEED=n plays that one schedule.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/function_feed.h"
#include "tests/sim/schedules.h"
#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

constexpr std::uint64_t kSchedules = kSanitized ? 80 : 250;

struct Value {
  std::uint64_t number = 0;
  double price = 0;
};

Value ValueOf(const std::string& data) {
  Value value{.number = ReadPayload(data).number};
  value.price = std::strtod(data.c_str() + data.find(R"("price":)") + 8, nullptr);
  return value;
}

// What one client has of one channel.
struct View {
  bool live = false;
  double min_change = 0;
  Value value;
  std::uint64_t gaps = 0;
};

class Schedule {
 public:
  explicit Schedule(std::uint64_t seed) : random_(seed), cluster_(seed, Options(seed)) {
    for (const char* name : {"state:a", "state:b", "state:c", "flow:a", "flow:b"}) {
      channels_.emplace_back(name);
    }
    for (ShardId id = 0; id < cluster_.shards(); ++id) AddFeed(id);
    cluster_.on_heard = [this](SimClient& client, const Heard& heard) { OnHeard(client, heard); };
    cluster_.Start();
    for (std::uint64_t i = 0; i < 8; ++i) {
      clients_.push_back(&cluster_.AddConnected(static_cast<ShardId>(i % cluster_.shards())));
    }
  }

  void Play() {
    for (SimClient* client : clients_) {
      for (const std::string& channel : channels_) Subscribe(*client, channel);
      client->Flush();
    }
    for (int step = 0; step < 150 && !testing::Test::HasFailure(); ++step) {
      Disturb(*clients_[Between(0, clients_.size() - 1)]);
      cluster_.RunFor(Between(1, 30) * kMillisecond);
    }
    stopped_ = true;
    cluster_.world().set_faults({});
    for (SimClient* client : clients_) {
      client->peer().SetReading(true);
      client->peer().SetReadLimit(engine::SimPeer::kNoLimit);
    }
    // Levels fall one by one, and what they held back comes then.
    cluster_.RunFor(15 * kSecond);
    CheckAll();
    // And what is published from now on reaches everybody, also who had a gap as the last thing.
    stopped_ = false;
    cluster_.RunFor(1100 * kMillisecond);
    stopped_ = true;
    cluster_.RunFor(kSecond);
    CheckAll();
    for (SimClient* client : clients_) {
      EXPECT_EQ(client->close_code(), 0u);
      for (const auto& [channel, view] : views_[client])
        EXPECT_NE(view.value.number, 0u) << channel;
    }
  }

  void CheckAll() {
    for (SimClient* client : clients_) {
      for (const std::string& channel : channels_) Check(views_[client][channel], channel);
    }
  }

  std::uint64_t held_back() const { return held_back_; }
  std::uint64_t gaps() const { return gaps_; }
  std::int64_t Metric(std::string_view name) const { return cluster_.Metric(name); }

 private:
  static ClusterOptions Options(std::uint64_t seed) {
    std::mt19937_64 random(seed + 1'000'000);
    const std::size_t socket = 200 + random() % 3000;
    ClusterOptions options{.shards = static_cast<ShardId>(1 + seed % 3),
                           .lane_capacity = std::size_t{4} << random() % 5,
                           .ring = {.buffers = 64},
                           .faults = {.refused_send = 0.02 * static_cast<double>(random() % 4),
                                      .short_send = 0.05 * static_cast<double>(random() % 4),
                                      .min_socket_buffer_bytes = socket,
                                      .max_socket_buffer_bytes = socket},
                           .meanwhile = static_cast<double>(random() % 3) / 2};
    engine::Config& config = options.config;
    config.engine.send_batch = static_cast<std::uint32_t>(1 + random() % 4);
    config.engine.catch_up_bytes = static_cast<std::uint32_t>(500 + random() % 20'000);
    config.client.slow_client_timeout_ns = 0;
    config.client.ping_interval_ns = 0;
    config.pressure.degraded_share = 0.05;
    config.pressure.critical_share = 0.2;
    config.pressure.emergency_share = 0.4;
    config.pressure.critical_change = 0.01;
    return options;
  }

  void AddFeed(ShardId id) {
    std::vector<std::string> mine;
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      if (i % cluster_.shards() == id) mine.push_back(channels_[i]);
    }
    cluster_.shard(id).AddFeed(
        std::make_unique<FunctionFeed>([this, mine, ids = std::vector<FeedChannelId>()](
                                           std::uint64_t now_ns, FeedSink& sink) mutable {
          if (ids.empty()) {
            for (const std::string& channel : mine) ids.push_back(sink.OpenChannel(channel));
          }
          if (stopped_) return now_ns + kSecond;
          for (std::size_t i = 0; i < ids.size(); ++i) {
            Value next = newest_[mine[i]];
            ++next.number;
            // A walk in small steps, and a leap now and then.
            const double step = static_cast<double>(Between(0, 200)) / 1e4 - 0.01;
            next.price = Between(0, 30) == 0
                             ? 50 + static_cast<double>(Between(0, 100))
                             : std::max(1.0, (next.price == 0 ? 100 : next.price) * (1 + step));
            const std::string data = absl::StrCat(R"({"source":0,"number":)", next.number,
                                                  R"(,"price":)", next.price, "}");
            if (sink.Publish(ids[i], data, now_ns) == FeedSink::Verdict::kFull) continue;
            next.price = ValueOf(data).price;
            newest_[mine[i]] = next;
          }
          return now_ns + Between(1, 20) * kMillisecond;
        }));
  }

  std::uint64_t Between(std::uint64_t low, std::uint64_t high) {
    return low + random_() % (high - low + 1);
  }

  void Subscribe(SimClient& client, const std::string& channel) {
    static constexpr double kChanges[] = {0, 0, 0.005, 0.02};
    const double change = kChanges[Between(0, 3)];
    const std::uint64_t interval_ms = Between(0, 2) == 0 ? 0 : 10 * Between(1, 20);
    const std::string data =
        absl::StrCat(R"({"interval_ms":)", interval_ms, R"(,"min_change":)", change,
                     R"(,"priority":)", Between(0, 3) == 0 ? "true" : "false", "}");
    asked_[&client][client.Subscribe(channel, {.data = data})] = {channel, change};
  }

  void Disturb(SimClient& client) {
    switch (Between(0, 6)) {
      case 0:
      case 1:
        return client.peer().SetReading(false);
      case 2:
        return client.peer().SetReading(true);
      case 3:
        return client.peer().SetReadLimit(Between(0, 1) == 0 ? Between(20, 300)
                                                             : engine::SimPeer::kNoLimit);
      default: {
        const std::string& channel = channels_[Between(0, channels_.size() - 1)];
        Subscribe(client, channel);
        return client.Flush();
      }
    }
  }

  void OnHeard(SimClient& client, const Heard& heard) {
    if (heard.kind == Kind::kSubscribed) {
      const auto& [channel, change] = asked_[&client][heard.id];
      View& view = views_[&client][channel];
      view.min_change = channel.starts_with("state") ? change : 0;
      if (!view.live) {
        view.live = true;
        if (channel.starts_with("flow")) view.value = {};
      }
      if (!heard.publications.empty()) view.value = ValueOf(heard.publications.front().data);
    } else if (heard.kind == Kind::kDropped) {
      ++gaps_;
      EXPECT_EQ(heard.code, 2500u);
      views_[&client][heard.channel].live = false;
      Subscribe(client, heard.channel);
      client.Flush();
    } else if (heard.kind == Kind::kPublication) {
      View& view = views_[&client][heard.channel];
      EXPECT_TRUE(view.live) << heard.channel;
      const Value value = ValueOf(heard.publications.front().data);
      if (heard.channel.starts_with("flow") && view.value.number != 0) {
        EXPECT_EQ(value.number, view.value.number + 1) << heard.channel;
      } else {
        EXPECT_GT(value.number, view.value.number) << heard.channel;
      }
      view.value = value;
    }
  }

  void Check(const View& view, const std::string& channel) {
    SCOPED_TRACE(channel);
    const Value& newest = newest_[channel];
    ASSERT_TRUE(view.live);
    // Nothing was published since it came back after a gap.
    const bool stream = channel.starts_with("flow");
    if (stream && view.value.number == 0) return;
    if (view.min_change == 0) {
      EXPECT_EQ(view.value.number, newest.number);
      return;
    }
    if (view.value.number == newest.number) return;
    ++held_back_;
    // Floats on the way: a millionth more.
    EXPECT_LT(std::abs(newest.price - view.value.price),
              view.value.price * view.min_change + newest.price * 1e-6)
        << newest.price << " is too far from " << view.value.price;
  }

  std::mt19937_64 random_;
  std::vector<std::string> channels_;
  std::map<std::string, Value> newest_;
  bool stopped_ = false;
  std::uint64_t held_back_ = 0;
  std::uint64_t gaps_ = 0;
  std::map<const SimClient*, std::map<std::uint32_t, std::pair<std::string, double>>> asked_;
  std::map<const SimClient*, std::map<std::string, View>> views_;
  SimCluster cluster_;
  std::vector<SimClient*> clients_;
};

TEST(UpToDateTest, AfterAnyScheduleOfBlockingEverybodyHasTheNewestOfAllAndNoHole) {
  const char* const only = std::getenv("TICKCAST_SIM_SEED");
  const std::uint64_t first = only == nullptr ? 0 : std::strtoull(only, nullptr, 10);
  const std::uint64_t end = only == nullptr ? kSchedules : first + 1;
  std::uint64_t held_back = 0;
  std::uint64_t gaps = 0;
  std::map<std::string, std::int64_t> metrics;
  for (std::uint64_t seed = first; seed < end && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("TICKCAST_SIM_SEED=", seed));
    Schedule schedule(seed);
    schedule.Play();
    held_back += schedule.held_back();
    gaps += schedule.gaps();
    for (const char* name : {"tickcast_blocked_total", "tickcast_short_sends_total",
                             "tickcast_refused_sends_total", "tickcast_pressure_changes_total"}) {
      metrics[name] += schedule.Metric(name);
    }
  }
  if (only != nullptr) return;
  // Or it would say little.
  EXPECT_GT(held_back, 20u);
  EXPECT_GT(gaps, 20u);
  for (const auto& [name, count] : metrics) EXPECT_GT(count, 1000) << name;
}

}  // namespace
}  // namespace tickcast::shards::sim
