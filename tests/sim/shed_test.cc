// What a shard gives up as its memory budget fills, in which order, and that it
// all comes back.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/function_feed.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_http_peer.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

// Steps, as tickcast_memory_shed has them.
constexpr std::int64_t kNothing = 0;
constexpr std::int64_t kHistory = 1;
constexpr std::int64_t kConflate = 2;
constexpr std::int64_t kRefuse = 3;
constexpr std::int64_t kSlowest = 4;

constexpr std::uint32_t kHistorySize = 200;
constexpr std::size_t kPadding = 500;

// One shard whose memory is mostly the histories of `log:` channels, filled one
// by one.
class ShedTest : public testing::Test {
 protected:
  void Begin(std::uint64_t budget_bytes) {
    ClusterOptions options{.ring = {.slots = 256, .buffers = 64}};
    options.config.engine.memory_budget = budget_bytes;
    options.config.client.ping_interval_ns = 0;
    options.config.client.slow_client_timeout_ns = 0;
    options.config.pressure.hold_ns = 100 * kMillisecond;
    for (engine::Namespace& ns : options.config.channel.namespaces) {
      if (ns.name == "log") ns.history_size = kHistorySize;
    }
    cluster_ = std::make_unique<SimCluster>(1, options);
    cluster_->Start();
    publisher_ = &cluster_->AddConnected();
  }

  std::int64_t Shed() const { return cluster_->Metric("tickcast_memory_shed"); }
  std::int64_t Bytes(std::string_view use) const {
    return cluster_->Metric("tickcast_memory_bytes", use);
  }

  void Publish(const std::string& channel, std::uint64_t count, std::size_t padding = kPadding) {
    for (std::uint64_t i = 0; i < count; ++i) {
      publisher_->Publish(channel, WritePayload({0, ++number_}, padding));
      if (i % 10 == 9) {
        publisher_->Flush();
        cluster_->RunFor(kMillisecond);
      }
    }
    publisher_->Flush();
    // Two reviews, and a sweep between them.
    cluster_->RunFor(210 * kMillisecond);
  }

  // How many publications the history of `channel` holds.
  std::size_t HistoryOf(const std::string& channel) {
    const std::uint32_t id = publisher_->History(channel, -1);
    publisher_->Flush();
    EXPECT_TRUE(cluster_->RunUntil([&] { return publisher_->ReplyTo(id) != nullptr; }));
    return publisher_->ReplyTo(id)->publications.size();
  }

  // Bytes of one whole history.
  std::int64_t MeasureHistory() {
    Begin(0);
    Publish("log:0", kHistorySize);
    return Bytes("history");
  }

  std::unique_ptr<SimCluster> cluster_;
  SimClient* publisher_ = nullptr;
  std::uint64_t number_ = 0;
};

TEST_F(ShedTest, WithoutABudgetNothingIsShed) {
  EXPECT_GT(MeasureHistory(), std::int64_t{kHistorySize * kPadding});
  for (int i = 1; i < 10; ++i) Publish(absl::StrCat("log:", i), kHistorySize);
  EXPECT_EQ(Shed(), kNothing);
  EXPECT_EQ(HistoryOf("log:5"), kHistorySize);
}

TEST_F(ShedTest, EveryUseIsCountedAndGivenBack) {
  Begin(0);
  cluster_->RunFor(200 * kMillisecond);
  const std::int64_t alone = Bytes("connections");
  EXPECT_GT(alone, 0);
  SimClient& reader = cluster_->AddConnected();
  reader.Subscribe("flow:a");
  reader.Subscribe("state:a");
  reader.Flush();
  cluster_->RunFor(200 * kMillisecond);
  EXPECT_EQ(Bytes("connections"), 2 * alone);
  EXPECT_GT(Bytes("subscriptions"), 0);
  EXPECT_EQ(Bytes("unsent") + Bytes("replies") + Bytes("catch up") + Bytes("history"), 0);
  // A full socket: a tail, and replies that wait.
  reader.peer().SetReading(false);
  Publish("flow:a", 200);
  EXPECT_GT(Bytes("catch up"), 0);
  EXPECT_GT(Bytes("unsent"), 0);
  reader.Rpc();
  reader.Flush();
  cluster_->RunFor(200 * kMillisecond);
  EXPECT_GT(Bytes("replies"), 0);
  EXPECT_LT(Bytes("replies"), 200);
  Publish("log:a", 10);
  EXPECT_GT(Bytes("history"), std::int64_t{10 * kPadding});
  reader.peer().SetReading(true);
  cluster_->RunFor(500 * kMillisecond);
  EXPECT_EQ(Bytes("unsent") + Bytes("replies"), 0);
  reader.SendClose(1000);
  cluster_->RunFor(500 * kMillisecond);
  EXPECT_EQ(Bytes("connections"), alone);
  EXPECT_EQ(Bytes("subscriptions"), 0);
  EXPECT_EQ(Bytes("catch up"), 0);
  cluster_->RunFor(110 * kSecond);
  EXPECT_EQ(Bytes("history"), 0) << "expired";
}

TEST_F(ShedTest, HistoriesAreHalvedFirstAndGrowBack) {
  const std::int64_t one = MeasureHistory();
  // Four whole ones and a half are 80 % of it.
  Begin(static_cast<std::uint64_t>(one) * 45 * 10 / 80);
  for (int i = 0; i < 4; ++i) Publish(absl::StrCat("log:", i), kHistorySize);
  EXPECT_EQ(Shed(), kNothing);
  EXPECT_EQ(HistoryOf("log:0"), kHistorySize);
  Publish("log:4", kHistorySize);
  // By now they may be short enough again for the step to be left; they are
  // shorter.
  EXPECT_LE(HistoryOf("log:0"), kHistorySize / 2);
  EXPECT_LT(Bytes("history"), one * 4);
  // The newest are kept, and offsets go on.
  const std::uint32_t id = publisher_->History("log:0", -1);
  publisher_->Flush();
  cluster_->RunFor(5 * kMillisecond);
  ASSERT_NE(publisher_->ReplyTo(id), nullptr);
  EXPECT_EQ(publisher_->ReplyTo(id)->publications.back().offset, kHistorySize);
  EXPECT_EQ(publisher_->ReplyTo(id)->offset, kHistorySize);
  ASSERT_EQ(Shed(), kNothing) << "that was enough";
  Publish("log:0", kHistorySize);
  EXPECT_EQ(HistoryOf("log:0"), kHistorySize) << "it grows back by itself";
  EXPECT_EQ(cluster_->Metric("tickcast_closes_total"), 0);
}

// Everything that can be made small is kept small by other means here, so each
// step comes.
TEST_F(ShedTest, TheStepsComeInTheirOrderAndGoInTheReverseOne) {
  const std::int64_t one = MeasureHistory();
  const std::int64_t half = one / 2;
  // Halved histories fill it: ten of them are the budget.
  Begin(static_cast<std::uint64_t>(half) * 10);
  SimClient& reader = cluster_->AddConnected();
  reader.Subscribe("state:a");
  reader.Flush();
  std::vector<std::int64_t> steps = {kNothing};
  cluster_->on_turn = [&](ShardId) {
    if (Shed() != steps.back()) steps.push_back(Shed());
  };
  // Half as many publications: what a halved history holds, so nothing is given
  // back by it.
  for (int i = 0; i < 12; ++i) {
    Publish(absl::StrCat("log:", i), kHistorySize / 2);
    const std::int64_t used = Bytes("connections") + Bytes("subscriptions") + Bytes("unsent") +
                              Bytes("replies") + Bytes("catch up") + Bytes("history");
    const std::int64_t percent = used * 10 / half;
    SCOPED_TRACE(percent);
    const std::int64_t want = percent >= 100  ? kSlowest
                              : percent >= 95 ? kRefuse
                              : percent >= 90 ? kConflate
                              : percent >= 80 ? kHistory
                                              : kNothing;
    EXPECT_EQ(Shed(), want);
    // All are at least critical from the second step on.
    EXPECT_EQ(cluster_->Metric("tickcast_shard_pressure"), want >= kConflate ? 2 : 0);
  }
  EXPECT_EQ(Shed(), kSlowest);
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
  // Who reads is not closed, and is told why it gets less.
  EXPECT_EQ(cluster_->Metric("tickcast_closes_total"), 0);
  ASSERT_EQ(reader.HeardOf(Kind::kMessage).size(), 1u);
  EXPECT_NE(reader.HeardOf(Kind::kMessage).front().text.find(R"("pressure":"critical")"),
            std::string::npos);
  // The histories expire, and all is well again.
  steps = {kSlowest};
  cluster_->RunFor(102 * kSecond);
  EXPECT_EQ(Shed(), kNothing);
  EXPECT_TRUE(std::is_sorted(steps.rbegin(), steps.rend()));
  EXPECT_EQ(cluster_->Metric("tickcast_shard_pressure"), 0);
  EXPECT_NE(reader.HeardOf(Kind::kMessage).back().text.find(R"("pressure":"normal")"),
            std::string::npos);
}

TEST_F(ShedTest, WhoComesToAFullShardGets503AndIsCounted) {
  const std::int64_t half = MeasureHistory() / 2;
  Begin(static_cast<std::uint64_t>(half) * 10);
  for (int i = 0; i < 12 && Shed() < kRefuse; ++i) {
    Publish(absl::StrCat("log:", i), kHistorySize / 2);
  }
  ASSERT_GE(Shed(), kRefuse);
  for (int i = 0; i < 5; ++i) {
    SimClient& refused = cluster_->AddClient();
    cluster_->RunFor(10 * kMillisecond);
    ASSERT_EQ(refused.heard().size(), 1u);
    EXPECT_EQ(refused.heard().front().kind, Kind::kRefused);
    EXPECT_EQ(refused.heard().front().code, 503u);
  }
  EXPECT_EQ(cluster_->Metric("tickcast_closes_total", "no memory"), 5);
  EXPECT_EQ(cluster_->Metric("tickcast_closes_total"), 5);
  // Those who are there go on.
  const std::uint32_t id = publisher_->Subscribe("state:a");
  publisher_->Flush();
  cluster_->RunFor(10 * kMillisecond);
  ASSERT_NE(publisher_->ReplyTo(id), nullptr);
  EXPECT_EQ(publisher_->ReplyTo(id)->kind, Kind::kSubscribed);
  cluster_->RunFor(102 * kSecond);
  ASSERT_EQ(Shed(), kNothing);
  SimClient& welcome = cluster_->AddConnected();
  EXPECT_EQ(welcome.HeardOf(Kind::kConnected).size(), 1u);
  EXPECT_EQ(cluster_->ring(0).open_slots(), 2u);
}

// Of many that hold memory, the slowest go, and no more than it takes.
class SlowestTest : public ShedTest {
 protected:
  static constexpr std::size_t kSlow = 60;

  // `kSlow` connections that do not read, each blocked a while later than the
  // one before, and budgets so that `too_many` of them are too many.
  void Begin(std::uint64_t budget_bytes) {
    ClusterOptions options{
        .ring = {.slots = 256, .buffers = 64},
        .faults = {.min_socket_buffer_bytes = 20'000, .max_socket_buffer_bytes = 20'000}};
    options.config.engine.memory_budget = budget_bytes;
    options.config.engine.catch_up_bytes = 1;
    options.config.client.ping_interval_ns = 0;
    options.config.client.slow_client_timeout_ns = 0;
    options.config.pressure.window_ns = 20 * kSecond;
    cluster_ = std::make_unique<SimCluster>(1, options);
    cluster_->Start();
    publisher_ = &cluster_->AddConnected();
    reader_ = &cluster_->AddConnected();
    reader_->Subscribe("state:a");
    reader_->Flush();
    slow_.clear();
    for (std::size_t i = 0; i < kSlow; ++i) {
      slow_.push_back(&cluster_->AddConnected());
      slow_.back()->Subscribe("state:a");
      slow_.back()->Flush();
    }
    cluster_->RunFor(10 * kMillisecond);
    for (SimClient* client : slow_) {
      client->peer().SetReading(false);
      publisher_->Publish("state:a", WritePayload({0, ++number_}, 5000));
      publisher_->Flush();
      cluster_->RunFor(20 * kMillisecond);
    }
    for (int i = 0; i < 10; ++i) Publish("state:a", 1, 5000);
    cluster_->RunFor(5 * kSecond);
  }

  std::int64_t Used() const {
    return Bytes("connections") + Bytes("subscriptions") + Bytes("unsent") + Bytes("replies") +
           Bytes("catch up") + Bytes("history");
  }

  SimClient* reader_ = nullptr;
  std::vector<SimClient*> slow_;
};

TEST_F(SlowestTest, TheSlowestAreClosedUntilItIsEnough) {
  Begin(0);
  ASSERT_EQ(cluster_->Metric("tickcast_blocked_total"), std::int64_t{kSlow});
  const std::int64_t used = Used();
  const std::int64_t each = used / static_cast<std::int64_t>(kSlow + 2);
  // Six of them too many.
  Begin(static_cast<std::uint64_t>(used - 6 * each));
  const std::int64_t closed = cluster_->Metric("tickcast_closed_for_memory_total");
  EXPECT_GE(closed, 4);
  EXPECT_LE(closed, 16) << "not all of them";
  EXPECT_EQ(cluster_->Metric("tickcast_closes_total", "3008 slow"), closed);
  EXPECT_LE(Used(), used - 6 * each);
  EXPECT_EQ(reader_->close_code(), 0u) << "who reads is not slow";
  EXPECT_EQ(publisher_->close_code(), 0u);
  // Those that have been blocked for longest.
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < kSlow; ++i) {
    slow_[i]->peer().SetReading(true);
    cluster_->RunFor(20 * kMillisecond);
    if (slow_[i]->close_code() == 0 && !slow_[i]->peer().closed()) open.push_back(i);
  }
  ASSERT_FALSE(open.empty());
  ASSERT_EQ(open.size(), kSlow - static_cast<std::size_t>(closed));
  EXPECT_EQ(open.front(), static_cast<std::size_t>(closed)) << "they were blocked one by one";
}

}  // namespace
}  // namespace tickcast::shards::sim
