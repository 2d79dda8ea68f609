// Pressure: what who falls behind still gets, and what it is told; of connections and of a shard.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/function_feed.h"
#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;
using Levels = std::vector<std::string>;

// What a client was told, and when.
struct Told {
  std::uint64_t time_ns = 0;
  unsigned long long conflated = 0;
  std::string level;
  unsigned interval_ms = 0;
};

Told ReadTold(std::uint64_t time_ns, const std::string& text) {
  Told told{.time_ns = time_ns};
  char level[16] = "";
  EXPECT_EQ(
      std::sscanf(text.c_str(), R"({"conflated":%llu,"pressure":"%15[a-z]","interval_ms":%u})",
                  &told.conflated, level, &told.interval_ms),
      3)
      << text;
  told.level = level;
  return told;
}

// A connection with a state channel each of its own kind and a stream, and a feed that publishes to
// all of them: prices that hardly change.
class PressureTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kPeriod = 5 * kMillisecond;

  static ClusterOptions Options() {
    ClusterOptions options{
        .faults = {.min_socket_buffer_bytes = 4000, .max_socket_buffer_bytes = 4000}};
    // Degraded after 0.6 s without a byte, critical after 1.4 s, emergency after 2.8 s; each is
    // left three seconds after it was calm.
    options.config.pressure.window_ns = 2 * kSecond;
    options.config.pressure.hold_ns = 3 * kSecond;
    options.config.pressure.degraded_interval_ns = 50 * kMillisecond;
    options.config.engine.catch_up_bytes = 1 << 20;
    options.config.client.slow_client_timeout_ns = 0;
    options.config.client.ping_interval_ns = 0;
    return options;
  }

  void Begin(const ClusterOptions& options = Options()) {
    cluster_ = std::make_unique<SimCluster>(1, options);
    cluster_->shard(0).AddFeed(std::make_unique<FunctionFeed>(
        [this, ids = std::vector<FeedChannelId>()](std::uint64_t now_ns, FeedSink& sink) mutable {
          if (ids.empty()) {
            for (const char* channel : {"state:a", "state:p", "state:s", "flow:x"}) {
              ids.push_back(sink.OpenChannel(channel));
            }
          }
          if (!running_) return now_ns + kPeriod;
          ++number_;
          for (const FeedChannelId id : ids) {
            sink.Publish(
                id, absl::StrCat(R"({"source":0,"number":)", number_, R"(,"price":)", price_, "}"),
                now_ns);
          }
          return now_ns + kPeriod;
        }));
    cluster_->Start();
    cluster_->on_heard = [this](SimClient& client, const Heard& heard) {
      if (heard.kind == Kind::kMessage) {
        told_[&client].push_back(ReadTold(cluster_->now_ns(), heard.text));
      }
    };
    client_ = &Add();
  }

  SimClient& Add() {
    SimClient& client = cluster_->AddConnected();
    client.Subscribe("state:a");
    client.Subscribe("state:p", {.data = R"({"priority":true})"});
    client.Subscribe("state:s", {.data = R"({"interval_ms":200})"});
    client.Subscribe("flow:x");
    client.Flush();
    cluster_->RunFor(10 * kMillisecond);
    return client;
  }

  std::int64_t At(std::string_view level) const {
    return cluster_->Metric("tickcast_pressure_connections", level);
  }

  // Reads nothing until it has come to `level`, then goes on.
  void Block(std::string_view level) {
    running_ = true;
    client_->peer().SetReading(false);
    ASSERT_TRUE(cluster_->RunUntil([&] { return At(level) == 1; }));
    running_ = false;
    client_->peer().SetReading(true);
    cluster_->RunFor(20 * kMillisecond);
    ASSERT_EQ(At(level), 1);
  }

  // The levels told, each repetition of the one before left out.
  Levels LevelsOf(const SimClient& client) {
    Levels levels;
    for (const Told& told : told_[&client]) {
      if (levels.empty() || levels.back() != told.level) levels.push_back(told.level);
    }
    return levels;
  }

  std::vector<std::uint64_t> NumbersOf(std::string_view channel) const {
    std::vector<std::uint64_t> numbers;
    for (const std::string& data : client_->DataOf(channel)) {
      numbers.push_back(ReadPayload(data).number);
    }
    return numbers;
  }
  std::size_t CountOf(std::string_view channel) const { return client_->DataOf(channel).size(); }

  std::unique_ptr<SimCluster> cluster_;
  SimClient* client_ = nullptr;
  bool running_ = false;
  std::uint64_t number_ = 0;
  std::string price_ = "100";
  std::map<const SimClient*, std::vector<Told>> told_;
};

TEST_F(PressureTest, EachChangeOfLevelIsToldOnceAndAtMostOnceASecond) {
  const Levels down = {"emergency", "critical", "degraded", "normal"};
  for (std::size_t highest = 0; highest < 3; ++highest) {
    SCOPED_TRACE(down[highest]);
    told_.clear();
    Begin();
    Block(down[highest]);
    cluster_->RunFor(40 * kSecond);
    const std::vector<Told>& told = told_[client_];
    EXPECT_EQ(LevelsOf(*client_),
              Levels(down.begin() + static_cast<std::ptrdiff_t>(highest), down.end()));
    for (std::size_t i = 0; i < told.size(); ++i) {
      EXPECT_EQ(told[i].interval_ms, told[i].level == "normal" ? 0u : 50u);
      if (i == 0) continue;
      EXPECT_GE(told[i].time_ns - told[i - 1].time_ns, 990 * kMillisecond);
      // The same level again only with another count: what was held back came late.
      EXPECT_TRUE(told[i].level != told[i - 1].level || told[i].conflated > told[i - 1].conflated);
    }
    for (std::size_t i = 0; i < down.size(); ++i) {
      EXPECT_EQ(At(down[i]), 0) << down[i];
      // Once on the way up, where it did not rise over it, and once on the way down.
      const std::int64_t changes = cluster_->Metric("tickcast_pressure_changes_total", down[i]);
      const bool end = i == highest || i == down.size() - 1;
      if (i < highest) {
        EXPECT_EQ(changes, 0) << down[i];
      } else {
        EXPECT_TRUE(changes == 1 || (changes == 2 && !end)) << down[i] << ' ' << changes;
      }
    }
  }
}

TEST_F(PressureTest, WhatNewerValuesReplacedIsToldAtMostOnceASecond) {
  Begin();
  Block("critical");
  running_ = true;
  cluster_->RunFor(2 * kSecond);
  const std::vector<Told>& told = told_[client_];
  ASSERT_GE(told.size(), 2u);
  EXPECT_LE(told.size(), 3u);
  for (std::size_t i = 1; i < told.size(); ++i) {
    EXPECT_GT(told[i].conflated, told[i - 1].conflated);
    EXPECT_GE(told[i].time_ns - told[i - 1].time_ns, 990 * kMillisecond);
  }
  running_ = false;
  cluster_->RunFor(40 * kSecond);
  EXPECT_EQ(told.back().level, "normal");
  // In the end the client knows the count to the publication.
  const std::uint32_t id = client_->Rpc("tickcast.stats");
  client_->Flush();
  cluster_->RunFor(10 * kMillisecond);
  ASSERT_NE(client_->ReplyTo(id), nullptr);
  EXPECT_EQ(client_->ReplyTo(id)->text.find(
                absl::StrCat(R"({"pressure":"normal","conflated":)", told.back().conflated, ",")),
            0u)
      << client_->ReplyTo(id)->text;
  // Calm for long: nothing more is told, whatever is conflated by its own interval.
  const std::size_t all = told.size();
  cluster_->RunFor(20 * kSecond);
  running_ = true;
  cluster_->RunFor(5 * kSecond);
  EXPECT_EQ(told.size(), all);
}

TEST_F(PressureTest, AShortBlockingIsNoPressureButItsLossesAreTold) {
  Begin();
  running_ = true;
  client_->peer().SetReading(false);
  cluster_->RunFor(500 * kMillisecond);
  ASSERT_EQ(cluster_->Metric("tickcast_blocked_total"), 1);
  client_->peer().SetReading(true);
  running_ = false;
  cluster_->RunFor(10 * kSecond);
  ASSERT_EQ(told_[client_].size(), 1u);
  EXPECT_EQ(told_[client_][0].level, "normal");
  EXPECT_EQ(static_cast<std::int64_t>(told_[client_][0].conflated),
            cluster_->Metric("tickcast_publications_conflated_total"));
}

TEST_F(PressureTest, DegradedPacesStatesAndThinsNoStream) {
  Begin();
  running_ = true;
  cluster_->RunFor(kSecond);
  EXPECT_NEAR(static_cast<double>(CountOf("state:a")), 200, 2) << "each turn";
  Block("degraded");
  const std::size_t a = CountOf("state:a");
  const std::size_t p = CountOf("state:p");
  const std::size_t s = CountOf("state:s");
  const std::size_t x = CountOf("flow:x");
  running_ = true;
  cluster_->RunFor(2 * kSecond);
  ASSERT_EQ(At("degraded"), 1);
  EXPECT_NEAR(static_cast<double>(CountOf("state:a") - a), 40, 2);
  EXPECT_NEAR(static_cast<double>(CountOf("state:p") - p), 40, 2) << "priority is not faster";
  EXPECT_NEAR(static_cast<double>(CountOf("state:s") - s), 10, 1) << "its own interval is longer";
  EXPECT_NEAR(static_cast<double>(CountOf("flow:x") - x), 400, 5);
  const std::vector<std::uint64_t> stream = NumbersOf("flow:x");
  for (std::size_t i = 1; i < stream.size(); ++i) ASSERT_EQ(stream[i], stream[i - 1] + 1);
  // And back.
  running_ = false;
  cluster_->RunFor(20 * kSecond);
  ASSERT_EQ(At("degraded"), 0);
  const std::size_t before = CountOf("state:a");
  running_ = true;
  cluster_->RunFor(kSecond);
  EXPECT_NEAR(static_cast<double>(CountOf("state:a") - before), 200, 2);
}

TEST_F(PressureTest, CriticalHoldsSmallChangesBackButNotOfPriority) {
  Begin();
  Block("critical");
  const auto after = [&](const char* price) {
    price_ = price;
    running_ = true;
    cluster_->RunFor(kPeriod);
    running_ = false;
    cluster_->RunFor(250 * kMillisecond);
    EXPECT_EQ(At("critical"), 1);
    return number_;
  };
  const auto newest = [&](std::string_view channel) { return NumbersOf(channel).back(); };
  const std::uint64_t first = after("200");
  EXPECT_EQ(newest("state:a"), first);
  EXPECT_EQ(newest("state:s"), first);
  const std::uint64_t second = after("200.1");
  EXPECT_EQ(newest("state:a"), first) << "half of a thousandth";
  EXPECT_EQ(newest("state:s"), first);
  EXPECT_EQ(newest("state:p"), second);
  EXPECT_EQ(newest("flow:x"), second);
  const std::uint64_t third = after("200.3");
  EXPECT_EQ(newest("state:a"), third) << "three halves, together";
  after("200.4");
  EXPECT_EQ(newest("state:a"), third);
  // What was held back comes when the level falls.
  cluster_->RunFor(20 * kSecond);
  EXPECT_EQ(newest("state:a"), number_);
  EXPECT_EQ(newest("state:s"), number_);
  EXPECT_EQ(cluster_->ledger().outstanding, 0u);
}

TEST_F(PressureTest, EmergencySendsPriorityAndStreamsAlwaysAndNothingElse) {
  Begin();
  Block("emergency");
  const std::size_t a = CountOf("state:a");
  const std::size_t s = CountOf("state:s");
  const std::size_t p = CountOf("state:p");
  const std::size_t x = CountOf("flow:x");
  running_ = true;
  for (int i = 0; i < 20; ++i) {
    price_ = absl::StrCat(100 * (i + 1));
    cluster_->RunFor(50 * kMillisecond);
  }
  running_ = false;
  cluster_->RunFor(100 * kMillisecond);
  ASSERT_EQ(At("emergency"), 1);
  EXPECT_EQ(CountOf("state:a"), a);
  EXPECT_EQ(CountOf("state:s"), s);
  EXPECT_NEAR(static_cast<double>(CountOf("state:p") - p), 20, 2);
  EXPECT_EQ(NumbersOf("state:p").back(), number_);
  EXPECT_NEAR(static_cast<double>(CountOf("flow:x") - x), 200, 3);
  // Replies and what it is told go out.
  const std::uint32_t id = client_->Rpc("tickcast.stats");
  client_->Flush();
  cluster_->RunFor(10 * kMillisecond);
  ASSERT_NE(client_->ReplyTo(id), nullptr);
  EXPECT_EQ(client_->ReplyTo(id)->text.find(R"({"pressure":"emergency",)"), 0u);
  cluster_->RunFor(40 * kSecond);
  EXPECT_EQ(NumbersOf("state:a").back(), number_) << "held back, not forgotten";
  EXPECT_EQ(NumbersOf("state:s").back(), number_);
  EXPECT_EQ(cluster_->ledger().outstanding, 0u);
}

TEST_F(PressureTest, ALevelEndsWithItsConnection) {
  for (const bool reset : {true, false}) {
    Begin();
    Block("critical");
    if (reset) {
      client_->Reset();
    } else {
      client_->SendClose(1000);
    }
    cluster_->RunFor(3 * kSecond);
    EXPECT_EQ(cluster_->ring(0).open_slots(), 0u);
    for (const char* level : {"degraded", "critical", "emergency"}) EXPECT_EQ(At(level), 0);
  }
}

// Also when the socket takes bytes again in the very turn of a review, in which what it missed is
// not counted yet: the offsets go through that turn.
TEST_F(PressureTest, WhatItMissedIsToldWhateverTheMoment) {
  for (std::uint64_t offset = 230; offset <= 256; ++offset) {
    SCOPED_TRACE(offset);
    told_.clear();
    ClusterOptions options = Options();
    options.config.pressure.enabled = false;
    Begin(options);
    client_->Unsubscribe("flow:x");
    client_->Flush();
    cluster_->RunFor(10 * kMillisecond);
    running_ = true;
    client_->peer().SetReading(false);
    const auto blocked = [&] { return cluster_->Metric("tickcast_blocked_total") == 1; };
    ASSERT_TRUE(cluster_->RunUntil(blocked));
    cluster_->RunFor(kSecond + offset * kMillisecond / 50);
    running_ = false;
    client_->peer().SetReading(true);
    cluster_->RunFor(5 * kSecond);
    ASSERT_GT(cluster_->Metric("tickcast_publications_conflated_total"), 0);
    ASSERT_FALSE(told_[client_].empty());
    EXPECT_GT(told_[client_].back().conflated, 0u);
  }
}

TEST_F(PressureTest, SwitchedOffNobodyIsEverPaced) {
  ClusterOptions options = Options();
  options.config.pressure.enabled = false;
  Begin(options);
  running_ = true;
  client_->peer().SetReading(false);
  cluster_->RunFor(4 * kSecond);
  client_->peer().SetReading(true);
  cluster_->RunFor(100 * kMillisecond);
  const std::size_t a = CountOf("state:a");
  cluster_->RunFor(kSecond);
  EXPECT_NEAR(static_cast<double>(CountOf("state:a") - a), 200, 2);
  EXPECT_EQ(LevelsOf(*client_), (Levels{"normal"})) << "losses are told all the same";
  EXPECT_EQ(cluster_->Metric("tickcast_pressure_changes_total"), 0);
}

// --- Of a shard ----------------------------------------------------------------------------------

class FloorTest : public PressureTest {
 protected:
  void Begin() {
    PressureTest::Begin();
    neighbour_ = &Add();
    running_ = true;
    cluster_->RunFor(kSecond);
  }
  std::int64_t Floor() const { return cluster_->Metric("tickcast_shard_pressure"); }

  SimClient* neighbour_ = nullptr;
};

TEST_F(FloorTest, TurnsThatOverrunRaiseTheFloorOfAllAndItFallsAgain) {
  Begin();
  EXPECT_EQ(Floor(), 0);
  // Every turn sends, and takes longer than its budget of 100 ms.
  cluster_->busy_ring(0).set_submit_cost(120 * kMillisecond);
  for (std::int64_t level = 1; level <= 3; ++level) {
    ASSERT_TRUE(cluster_->RunUntil([&] { return Floor() == level; })) << level;
    // Who comes now has it as well.
    SimClient& newcomer = cluster_->AddConnected();
    cluster_->RunFor(300 * kMillisecond);
    EXPECT_EQ(Floor(), level) << "a level a second at most";
    EXPECT_EQ(At("degraded") + At("critical") + At("emergency"), 2 + level);
    (void)newcomer;
  }
  cluster_->RunFor(3 * kSecond);
  EXPECT_EQ(Floor(), 3) << "there is none above";
  cluster_->busy_ring(0).set_submit_cost(0);
  cluster_->RunFor(30 * kSecond);
  EXPECT_EQ(Floor(), 0);
  EXPECT_EQ(At("degraded") + At("critical") + At("emergency"), 0);
  const Levels up_and_down = {"degraded", "critical", "emergency",
                              "critical", "degraded", "normal"};
  for (const SimClient* client : {client_, neighbour_}) {
    EXPECT_EQ(LevelsOf(*client), up_and_down);
    EXPECT_EQ(told_[client].size(), up_and_down.size()) << "each told once";
    for (std::size_t i = 1; i < told_[client].size(); ++i) {
      EXPECT_GE(told_[client][i].time_ns - told_[client][i - 1].time_ns, 990 * kMillisecond);
    }
  }
}

TEST_F(FloorTest, TurnsWithinTheirBudgetAreNoPressure) {
  Begin();
  cluster_->busy_ring(0).set_submit_cost(90 * kMillisecond);
  cluster_->RunFor(5 * kSecond);
  EXPECT_EQ(Floor(), 0);
  EXPECT_TRUE(told_.empty());
}

TEST_F(FloorTest, TheHigherOneOfBothLevelsHolds) {
  Begin();
  cluster_->busy_ring(0).set_submit_cost(120 * kMillisecond);
  ASSERT_TRUE(cluster_->RunUntil([&] { return Floor() == 1; }));
  cluster_->busy_ring(0).set_submit_cost(0);
  cluster_->RunFor(300 * kMillisecond);
  EXPECT_EQ(At("degraded"), 2);
  // One of them falls further behind by itself.
  client_->peer().SetReading(false);
  ASSERT_TRUE(cluster_->RunUntil([&] { return At("critical") == 1; }));
  EXPECT_EQ(At("degraded"), 1);
  client_->peer().SetReading(true);
  cluster_->RunFor(30 * kSecond);
  EXPECT_EQ(At("degraded") + At("critical"), 0);
  EXPECT_EQ(Floor(), 0);
  EXPECT_EQ(told_[client_].back().level, "normal");
  EXPECT_EQ(told_[neighbour_].back().level, "normal");
}

}  // namespace
}  // namespace tickcast::shards::sim
