// Where a subscription begins and ends, to the publication.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/function_feed.h"
#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

std::vector<Kind> KindsOf(const SimClient& client) {
  std::vector<Kind> kinds;
  for (const Heard& heard : client.heard()) kinds.push_back(heard.kind);
  return kinds;
}

// Publishes to `channel` every `interval_ns`, from the start on.
std::unique_ptr<FunctionFeed> Ticker(std::string channel, std::uint64_t interval_ns) {
  return std::make_unique<FunctionFeed>(
      [channel, interval_ns, id = FeedChannelId{0}, number = std::uint64_t{0}](
          std::uint64_t now_ns, FeedSink& sink) mutable {
        if (number == 0) id = sink.OpenChannel(channel);
        EXPECT_EQ(sink.Publish(id, WritePayload({0, ++number}), now_ns), FeedSink::Verdict::kTaken);
        return now_ns + interval_ns;
      });
}

TEST(SubscribingTest, TheReplyComesBeforeWhatIsPublished) {
  SimCluster cluster(1, {});
  cluster.Start();
  SimClient& client = cluster.AddClient();
  client.Connect();
  client.Subscribe("flow:a");
  client.Publish("flow:a", WritePayload({0, 1}));
  client.Publish("flow:a", WritePayload({0, 2}));
  client.Flush();
  cluster.RunFor(10 * kMillisecond);
  const std::vector<Kind> replies_first = {Kind::kUpgraded,   Kind::kConnected, Kind::kSubscribed,
                                           Kind::kPublished,  Kind::kPublished, Kind::kPublication,
                                           Kind::kPublication};
  EXPECT_EQ(KindsOf(client), replies_first);
}

// Three commands in one frame, before any of them can have been answered by the home shard.
TEST(SubscribingTest, WhoLeavesAndComesBackBeforeTheAnswerIsSubscribedOnceAndAnsweredInOrder) {
  for (const ShardId shards : {1, 2, 4}) {
    SCOPED_TRACE(shards);
    SimCluster cluster(1, {.shards = shards});
    cluster.Start();
    SimClient& client = cluster.AddConnected();
    for (const char* channel : {"flow:a", "flow:b", "state:a"}) {
      const std::uint32_t first = client.Subscribe(channel);
      client.Unsubscribe(channel);
      client.Subscribe(channel);
      client.Unsubscribe(channel);
      const std::uint32_t last = client.Subscribe(channel);
      client.Flush();
      cluster.RunFor(10 * kMillisecond);
      std::vector<Heard> replies;
      for (const Heard& heard : client.heard()) {
        if (heard.id >= first && heard.id <= last) replies.push_back(heard);
      }
      ASSERT_EQ(replies.size(), 5u);
      for (std::uint32_t i = 0; i < 5; ++i) {
        EXPECT_EQ(replies[i].id, first + i);
        EXPECT_EQ(replies[i].kind, i % 2 == 0 ? Kind::kSubscribed : Kind::kUnsubscribed);
      }
      client.Publish(channel, WritePayload({0, 1}));
      client.Flush();
      cluster.RunFor(10 * kMillisecond);
      EXPECT_EQ(client.DataOf(channel).size(), 1u);
      client.Unsubscribe(channel);
      client.Flush();
      cluster.RunFor(200 * kMillisecond);
    }
    EXPECT_EQ(cluster.Metric("tickcast_channels"), 0);
    EXPECT_EQ(cluster.Metric("tickcast_subscriptions"), 0);
  }
}

TEST(SubscribingTest, LeavingTwiceBeforeTheAnswerIsAnsweredTwiceAfterIt) {
  SimCluster cluster(1, {.shards = 2});
  cluster.Start();
  SimClient& client = cluster.AddConnected();
  const std::uint32_t subscribe = client.Subscribe("flow:a");
  client.Unsubscribe("flow:a");
  client.Unsubscribe("flow:a");
  client.Flush();
  cluster.RunFor(200 * kMillisecond);
  ASSERT_EQ(client.heard().size(), 5u);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(client.heard()[2 + i].id, subscribe + i);
  EXPECT_EQ(cluster.Metric("tickcast_channels"), 0);
}

// Between two batches of a long broadcast the shard listens to its clients. Who leaves there is
// still listed for what is going out.
TEST(SubscribingTest, WhoLeavesInTheMiddleOfABroadcastGetsNothingMore) {
  ClusterOptions options;
  options.config.engine.send_batch = 1;
  SimCluster cluster(1, options);
  bool publishing = false;
  std::uint64_t number = 0;
  cluster.shard(0).AddFeed(std::make_unique<FunctionFeed>(
      [&, id = FeedChannelId{0}](std::uint64_t now_ns, FeedSink& sink) mutable {
        if (number == 0) id = sink.OpenChannel("flow:a");
        if (publishing || number == 0) sink.Publish(id, WritePayload({0, ++number}), now_ns);
        return now_ns;
      }));
  cluster.Start();
  std::vector<SimClient*> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(&cluster.AddConnected());
  for (SimClient* client : clients) client->Subscribe("flow:a");
  for (SimClient* client : clients) client->Flush();
  cluster.RunFor(10 * kMillisecond);
  publishing = true;
  // The feed publishes in every turn, so some leave before theirs of a broadcast, some after.
  for (int round = 0; round < 10; ++round) {
    for (SimClient* client : clients) client->Unsubscribe("flow:a");
    for (SimClient* client : clients) client->Flush();
    cluster.RunFor(kMillisecond);
    for (SimClient* client : clients) client->Subscribe("flow:a");
    for (SimClient* client : clients) client->Flush();
    cluster.RunFor(kMillisecond);
  }
  for (const SimClient* client : clients) {
    bool live = false;
    std::uint64_t last = 0;
    for (const Heard& heard : client->heard()) {
      if (heard.kind == Kind::kSubscribed || heard.kind == Kind::kUnsubscribed) {
        live = heard.kind == Kind::kSubscribed;
        last = 0;
      } else if (heard.kind == Kind::kPublication) {
        ASSERT_TRUE(live);
        const std::uint64_t got = ReadPayload(heard.publications.front().data).number;
        if (last != 0) {
          ASSERT_EQ(got, last + 1);
        }
        last = got;
      }
    }
    EXPECT_GT(last, 1u);
  }
}

// The answer and the publications take the same way, so a subscriber's first publication is the
// one after its position: on every shard, at every moment, whatever the lanes hold back.
TEST(SubscribingTest, TheCutIsExactAcrossShardsWhileAFeedPublishesAllTheTime) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE(seed);
    SimCluster cluster(seed, {.shards = 4, .lane_capacity = std::size_t{2} << seed % 4});
    // Of several channels, as their homes differ.
    const std::vector<std::string> channels = {"log:a", "log:b", "log:c", "state:a", "state:b"};
    for (std::size_t i = 0; i < channels.size(); ++i) {
      cluster.shard(i % 4).AddFeed(Ticker(channels[i], kMillisecond / 10));
    }
    cluster.Start();
    std::vector<SimClient*> clients;
    for (ShardId id = 0; id < 4; ++id) clients.push_back(&cluster.AddConnected(id));
    for (int round = 0; round < 25; ++round) {
      for (SimClient* client : clients) {
        for (const std::string& channel : channels) {
          client->Subscribe(channel, {.recoverable = channel.starts_with("log")});
        }
        client->Flush();
      }
      cluster.RunFor(kMillisecond);
      for (SimClient* client : clients) {
        for (const std::string& channel : channels) client->Unsubscribe(channel);
        client->Flush();
      }
      cluster.RunFor(kMillisecond);
    }
    for (SimClient* client : clients) {
      std::size_t cuts = 0;
      for (const std::string& channel : channels) {
        const bool state = channel.starts_with("state");
        std::uint64_t have = 0;  // Number of the newest one it has.
        bool cut = false;
        for (const Heard& heard : client->heard()) {
          if (heard.kind == Kind::kSubscribed && heard.positioned != state) {
            // Whose reply this is, its order tells: commands about one channel are answered so.
            const auto nth = (heard.id - 2) % (2 * channels.size());
            if (channels[nth % channels.size()] != channel) continue;
            have = state && !heard.publications.empty()
                       ? ReadPayload(heard.publications.front().data).number
                       : heard.offset;
            cut = true;
          } else if (heard.kind == Kind::kPublication && heard.channel == channel) {
            const std::uint64_t number = ReadPayload(heard.publications.front().data).number;
            if (state) {
              ASSERT_GT(number, have) << channel;
            } else {
              ASSERT_EQ(number, have + 1) << channel;
              ASSERT_EQ(heard.publications.front().offset, number);
            }
            have = number;
            cuts += cut;
            cut = false;
          }
        }
      }
      EXPECT_GT(cuts, 40u) << "too few subscriptions saw a publication for this to say much";
    }
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
