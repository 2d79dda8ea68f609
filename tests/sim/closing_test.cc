// How connections end: with a code that arrives, and nothing after it.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_http_peer.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

// Answers that other shards still owe when the close frame goes out have nobody to go to: RFC 6455
// section 5.5.1 allows nothing behind it. The client fails on bytes that come after one.
TEST(ClosingTest, NoAnswerFollowsACloseFrame) {
  for (const ShardId shards : {1, 3}) {
    SimCluster cluster(1, {.shards = shards});
    cluster.Start();
    SimClient& client = cluster.AddConnected();
    const std::uint32_t local = client.Rpc();
    for (const char* channel : {"flow:a", "flow:b", "log:a", "log:b"}) {
      client.Subscribe(channel);
      client.Publish(channel, WritePayload({0, 1}));
      client.History(channel, -1);
    }
    client.Command(R"("nothing":{})");
    client.Flush();
    cluster.RunFor(100 * kMillisecond);
    EXPECT_NE(client.ReplyTo(local), nullptr) << "what was answered before still arrives";
    EXPECT_EQ(client.close_code(), 3501u);
    EXPECT_EQ(client.heard().back().kind, Kind::kClosed);
    EXPECT_TRUE(client.peer().closed());
    EXPECT_FALSE(client.peer().was_reset());
    EXPECT_EQ(cluster.ring(0).open_slots(), 0u);
  }
}

TEST(ClosingTest, APeersCloseFrameIsAnsweredBehindTheRepliesItIsOwed) {
  SimCluster cluster(1, {.shards = 3});
  cluster.Start();
  SimClient& client = cluster.AddConnected();
  const std::uint32_t local = client.Rpc();
  client.Publish("flow:a", WritePayload({0, 1}));
  client.Publish("flow:b", WritePayload({0, 1}));
  client.Flush();
  client.SendClose(4001);
  cluster.RunFor(100 * kMillisecond);
  EXPECT_NE(client.ReplyTo(local), nullptr);
  EXPECT_EQ(client.close_code(), 4001u);
  EXPECT_EQ(client.heard().back().kind, Kind::kClosed);
  EXPECT_TRUE(client.peer().closed());
  EXPECT_FALSE(client.peer().was_reset());
}

TEST(ClosingTest, ADrainSpreads3001OverItsTimeAndThenTheShardsAreDone) {
  SimCluster cluster(1, {.shards = 2});  // shutdown.spread is 1 s.
  cluster.Start();
  std::vector<SimClient*> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(&cluster.AddConnected(i % 2));
  SimHttpPeer idle(cluster.world(), cluster.ring(0));
  cluster.RunFor(10 * kMillisecond);
  const auto closed = [&] {
    return std::count_if(clients.begin(), clients.end(),
                         [](const SimClient* client) { return client->close_code() == 3001; });
  };
  cluster.server().draining = true;
  cluster.RunFor(kMillisecond);
  cluster.RunFor(100 * kMillisecond);
  EXPECT_GT(closed(), 0);
  EXPECT_LT(closed(), 12);
  SimClient& late = cluster.AddClient(0);
  cluster.RunFor(400 * kMillisecond);
  EXPECT_GT(closed(), 12);
  EXPECT_LT(closed(), 28);
  EXPECT_TRUE(late.peer().was_reset()) << "nobody listens any more";
  EXPECT_EQ(cluster.finished_shards(), 0u);
  cluster.RunFor(600 * kMillisecond);
  EXPECT_EQ(closed(), 40);
  EXPECT_TRUE(idle.peer().closed());
  EXPECT_EQ(cluster.finished_shards(), 2u);
  for (const SimClient* client : clients) {
    EXPECT_TRUE(client->peer().closed());
    EXPECT_FALSE(client->peer().was_reset());
  }
  EXPECT_EQ(cluster.ring(0).open_slots() + cluster.ring(1).open_slots(), 0u);
}

TEST(ClosingTest, ADrainWaitsForNobodyLongerThanItsTimeout) {
  SimCluster cluster(1,
                     {.faults = {.min_socket_buffer_bytes = 300, .max_socket_buffer_bytes = 300}});
  cluster.Start();
  SimClient& deaf = cluster.AddConnected();
  deaf.peer().SetReading(false);
  cluster.server().draining = true;
  cluster.RunFor(4200 * kMillisecond);  // spread 1 s, timeout 3 s.
  EXPECT_EQ(cluster.finished_shards(), 1u);
  EXPECT_EQ(cluster.ring(0).open_slots(), 0u);
}

// The kernel had accepted it when the drain began, but the shard had not heard of it.
TEST(ClosingTest, AConnectionThatArrivesWithTheDrainIsNotForgotten) {
  for (std::uint64_t offset_ns = 0; offset_ns < 400'000; offset_ns += 10'000) {
    SimCluster cluster(1, {});
    cluster.Start();
    SimClient& early = cluster.AddConnected();
    SimClient& arriving = cluster.AddClient();
    arriving.Connect();
    arriving.Flush();
    cluster.RunFor(offset_ns);
    cluster.server().draining = true;
    cluster.RunFor(1500 * kMillisecond);
    EXPECT_EQ(early.close_code(), 3001u);
    EXPECT_TRUE(arriving.peer().closed()) << offset_ns;
    EXPECT_EQ(cluster.finished_shards(), 1u) << offset_ns;
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
