// What happens when a shard cannot keep up with another: nobody waits, nothing is lost, and the
// sources of streams are told to come back.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/function_feed.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_http_peer.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

constexpr std::size_t kLane = 64;

// Shard 0 is the home of both channels, shard 1 has the subscriber, shard 2 a feed of its own.
class BackpressureTest : public testing::Test {
 protected:
  BackpressureTest() : cluster_(1, {.shards = 3, .lane_capacity = kLane}) {
    stream_ = HomedAt0("flow:");
    remote_ = HomedAt0("flow:remote");
    state_ = HomedAt0("state:");
    cluster_.shard(0).AddFeed(FeedOf(local_));
    cluster_.shard(2).AddFeed(FeedOf(far_));
    cluster_.Start();
    publisher_ = &cluster_.AddConnected(0);
    subscriber_ = &cluster_.AddConnected(1);
    for (const std::string& channel : {stream_, remote_, state_}) subscriber_->Subscribe(channel);
    subscriber_->Flush();
    cluster_.RunFor(10 * kMillisecond);
  }

  struct Source {
    std::string BackpressureTest::*channel;
    std::uint32_t id;
    bool running = false;
    bool full = false;  // The last attempt was refused.
    std::uint64_t published = 0;
  };

  std::string HomedAt0(std::string_view prefix) {
    for (int i = 0;; ++i) {
      const std::string name = absl::StrCat(std::string(prefix), i);
      if (cluster_.mesh().HomeOf(name) == 0) return name;
    }
  }

  // Publishes 20 each 100 us while it runs.
  std::unique_ptr<FunctionFeed> FeedOf(Source& source) {
    return std::make_unique<FunctionFeed>([this, &source, opened = false, id = FeedChannelId{0}](
                                              std::uint64_t now_ns, FeedSink& sink) mutable {
      if (!opened) id = sink.OpenChannel(this->*source.channel);
      opened = true;
      for (int i = 0; source.running && i < 20; ++i) {
        const std::string data = WritePayload({source.id, source.published + 1});
        source.full = sink.Publish(id, data, now_ns) == FeedSink::Verdict::kFull;
        if (source.full) break;
        ++source.published;
      }
      return now_ns + kMillisecond / 10;
    });
  }

  void ExpectAll(const std::string& channel, std::uint64_t count) {
    const std::vector<std::string> data = subscriber_->DataOf(channel);
    ASSERT_EQ(data.size(), count);
    for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(ReadPayload(data[i]).number, i + 1);
  }

  SimCluster cluster_;
  std::string stream_;
  std::string remote_;
  std::string state_;
  Source local_{.channel = &BackpressureTest::stream_, .id = 0};
  Source far_{.channel = &BackpressureTest::remote_, .id = 1};
  SimClient* publisher_ = nullptr;
  SimClient* subscriber_ = nullptr;
};

TEST_F(BackpressureTest, AFullWayRefusesStreamsAtEverySourceAndLosesNothing) {
  SimHttpPeer backend(cluster_.world(), cluster_.ring(2));
  cluster_.Stall(1, cluster_.now_ns() + kSecond);
  local_.running = far_.running = true;
  cluster_.RunFor(300 * kMillisecond);
  EXPECT_TRUE(local_.full);
  EXPECT_TRUE(far_.full);
  // Both waits and both lanes, and a turn's worth of what the far feed had been told too late.
  EXPECT_GE(local_.published + far_.published, Outlet::kMaxWaiting);
  EXPECT_LE(local_.published + far_.published, 2 * Outlet::kMaxWaiting);

  const std::uint32_t refused = publisher_->Publish(stream_, "1");
  const std::uint32_t taken = publisher_->Publish(state_, WritePayload({2, 1}));
  publisher_->Flush();
  backend.Post("/api/publish", absl::StrCat(R"({"channel":")", stream_, R"(","data":1})"));
  cluster_.RunFor(10 * kMillisecond);
  ASSERT_NE(publisher_->ReplyTo(refused), nullptr);
  EXPECT_EQ(publisher_->ReplyTo(refused)->code, 111u);
  ASSERT_NE(publisher_->ReplyTo(taken), nullptr);
  EXPECT_EQ(publisher_->ReplyTo(taken)->kind, Kind::kPublished) << "state conflates on the way";
  ASSERT_EQ(backend.Responses().size(), 1u);
  EXPECT_EQ(backend.Responses().front().status, 503);

  // The shard goes on, and so do the feeds, where they were refused.
  cluster_.Stall(1, 0);
  cluster_.RunFor(200 * kMillisecond);
  EXPECT_FALSE(local_.full);
  local_.running = far_.running = false;
  cluster_.RunFor(200 * kMillisecond);
  EXPECT_GT(local_.published + far_.published, Outlet::kMaxWaiting + 2000);
  ExpectAll(stream_, local_.published);
  ExpectAll(remote_, far_.published);
  EXPECT_EQ(subscriber_->DataOf(state_).size(), 1u);
  EXPECT_EQ(cluster_.Metric("tickcast_lane_waiting"), 0);
}

TEST_F(BackpressureTest, StateConflatesBeforeAFullLaneAndTheSubscriberIsCountedWhatItMissed) {
  cluster_.Stall(1, cluster_.now_ns() + kSecond);
  constexpr std::uint64_t kPublications = 500;
  for (std::uint64_t i = 1; i <= kPublications; ++i) {
    publisher_->Publish(state_, WritePayload({0, i}));
    publisher_->Flush();
    cluster_.RunFor(kMillisecond / 10);
  }
  cluster_.RunFor(10 * kMillisecond);
  EXPECT_EQ(publisher_->HeardOf(Kind::kPublished).size(), kPublications) << "none waits";
  cluster_.Stall(1, 0);
  cluster_.RunFor(200 * kMillisecond);
  const std::vector<std::string> data = subscriber_->DataOf(state_);
  ASSERT_FALSE(data.empty());
  EXPECT_EQ(ReadPayload(data.back()).number, kPublications);
  const Ledger ledger = cluster_.ledger();
  EXPECT_EQ(ledger.owed, kPublications);
  EXPECT_EQ(ledger.delivered, data.size());
  EXPECT_EQ(ledger.conflated, kPublications - data.size());
  EXPECT_GE(cluster_.Metric("tickcast_lane_conflated_total"),
            static_cast<std::int64_t>(kPublications - kLane - 10));
}

// While a value waits for room, a newer one takes its place, and so may overtake the answer to a
// subscribe that was given in between. The reply then shows the newer one, which comes once.
TEST(OvertakingTest, AValueThatOvertakesItsAnswerIsNotPushedAgain) {
  SimCluster cluster(1, {.shards = 2, .lane_capacity = 2});
  std::string channel;
  for (int i = 0; channel.empty(); ++i) {
    const std::string name = absl::StrCat("state:", i);
    if (cluster.mesh().HomeOf(name) == 0) channel = name;
  }
  std::uint64_t number = 0;
  bool running = true;
  cluster.shard(0).AddFeed(std::make_unique<FunctionFeed>(
      [&, id = FeedChannelId{0}](std::uint64_t now_ns, FeedSink& sink) mutable {
        if (number == 0) id = sink.OpenChannel(channel);
        for (int i = 0; running && i < 5; ++i) {
          sink.Publish(id, WritePayload({0, ++number}), now_ns);
        }
        return now_ns;
      }));
  cluster.Start();
  SimClient& first = cluster.AddConnected(1);
  first.Subscribe(channel);
  first.Flush();
  cluster.RunFor(10 * kMillisecond);
  for (int round = 0; round < 20; ++round) {
    SimClient& second = cluster.AddConnected(1);
    // At another moment of the beat in which the lane fills and is emptied.
    cluster.RunFor(static_cast<std::uint64_t>(round) * kMillisecond / 20);
    const std::int64_t commands = cluster.Metric("tickcast_commands_total");
    const std::uint32_t id = second.Subscribe(channel);
    second.Flush();
    // The question has gone out, and shard 1 takes nothing for a while.
    ASSERT_TRUE(
        cluster.RunUntil([&] { return cluster.Metric("tickcast_commands_total") > commands; }));
    cluster.Stall(1, cluster.now_ns() + static_cast<std::uint64_t>(round) * kMillisecond / 10);
    cluster.RunFor(10 * kMillisecond);
    ASSERT_NE(second.ReplyTo(id), nullptr);
    ASSERT_EQ(second.ReplyTo(id)->publications.size(), 1u);
    std::uint64_t last = ReadPayload(second.ReplyTo(id)->publications.front().data).number;
    for (const std::string& data : second.DataOf(channel)) {
      ASSERT_GT(ReadPayload(data).number, last);
      last = ReadPayload(data).number;
    }
    second.SendClose(1000);
  }
  running = false;
  cluster.RunFor(10 * kMillisecond);
  EXPECT_GT(cluster.Metric("tickcast_lane_conflated_total"), 0);
  EXPECT_EQ(cluster.ledger().outstanding, 0u);
}

}  // namespace
}  // namespace tickcast::shards::sim
