// What does not happen in time ends a connection, with the code that says why.
#include <gtest/gtest.h>

#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

const engine::SimFaults kSmallSocket{.min_socket_buffer_bytes = 300,
                                     .max_socket_buffer_bytes = 300};

void PublishFor(SimCluster& cluster, SimClient& publisher, std::string_view channel,
                std::uint64_t duration_ns) {
  const std::uint64_t end_ns = cluster.now_ns() + duration_ns;
  for (std::uint64_t number = 1; cluster.now_ns() < end_ns; ++number) {
    publisher.Publish(channel, WritePayload({0, number}));
    publisher.Flush();
    cluster.RunFor(20 * kMillisecond);
  }
}

TEST(TimeoutsTest, WhoTakesNoByteForTheTimeoutIsClosedWith3008) {
  SimCluster cluster(1, {.faults = kSmallSocket});
  cluster.Start();
  SimClient& publisher = cluster.AddConnected();
  SimClient& slow = cluster.AddConnected();
  slow.Subscribe("state:a");
  slow.Flush();
  cluster.RunFor(10 * kMillisecond);
  slow.peer().SetReading(false);
  PublishFor(cluster, publisher, "state:a", 2900 * kMillisecond);
  EXPECT_EQ(cluster.Metric("tickcast_closes_total"), 0);
  PublishFor(cluster, publisher, "state:a", 300 * kMillisecond);
  EXPECT_EQ(cluster.Metric("tickcast_closes_total", "3008 slow"), 1);
  // Who reads again before the socket is closed is told why.
  slow.peer().SetReading(true);
  cluster.RunFor(100 * kMillisecond);
  EXPECT_EQ(slow.close_code(), 3008u);
  EXPECT_TRUE(slow.peer().closed());
  EXPECT_EQ(cluster.Metric("tickcast_closes_total"), 1);
}

TEST(TimeoutsTest, WhoNeverReadsAgainLosesItsSocketSoonAfterThe3008) {
  SimCluster cluster(1, {.faults = kSmallSocket});
  cluster.Start();
  SimClient& publisher = cluster.AddConnected();
  SimClient& slow = cluster.AddConnected();
  slow.Subscribe("flow:a");
  slow.Flush();
  cluster.RunFor(10 * kMillisecond);
  slow.peer().SetReading(false);
  PublishFor(cluster, publisher, "flow:a", 3500 * kMillisecond);
  EXPECT_EQ(cluster.Metric("tickcast_closes_total", "3008 slow"), 1);
  EXPECT_EQ(cluster.ring(0).open_slots(), 2u);
  cluster.RunFor(2 * kSecond);
  EXPECT_EQ(cluster.ring(0).open_slots(), 1u);
}

TEST(TimeoutsTest, WhoTakesAByteNowAndThenIsNotSlow) {
  SimCluster cluster(1, {.faults = kSmallSocket});
  cluster.Start();
  SimClient& publisher = cluster.AddConnected();
  SimClient& lazy = cluster.AddConnected();
  lazy.Subscribe("state:a");
  lazy.Flush();
  cluster.RunFor(10 * kMillisecond);
  for (int i = 0; i < 8; ++i) {
    lazy.peer().SetReading(false);
    PublishFor(cluster, publisher, "state:a", kSecond);
    lazy.peer().SetReading(true);
    cluster.RunFor(20 * kMillisecond);
  }
  EXPECT_EQ(lazy.close_code(), 0u);
  EXPECT_EQ(cluster.Metric("tickcast_closes_total"), 0);
}

TEST(TimeoutsTest, APingWithoutAPongEndsWith3012) {
  SimCluster cluster(1, {});
  cluster.Start();
  SimClient& mute = cluster.AddConnected();
  SimClient& polite = cluster.AddConnected();
  mute.set_answers_pings(false);
  ASSERT_TRUE(cluster.RunUntil([&] { return !mute.HeardOf(Kind::kPing).empty(); }));
  cluster.RunFor(1900 * kMillisecond);  // client.pong_timeout is 2 s.
  EXPECT_EQ(mute.close_code(), 0u);
  cluster.RunFor(200 * kMillisecond);
  EXPECT_EQ(mute.close_code(), 3012u);
  cluster.RunFor(10 * kSecond);
  EXPECT_EQ(polite.close_code(), 0u);
  EXPECT_GE(polite.HeardOf(Kind::kPing).size(), 3u);
  EXPECT_EQ(cluster.ring(0).open_slots(), 1u);
}

// Tools that know WebSockets and not the protocol answer pings of RFC 6455 by themselves.
TEST(TimeoutsTest, WhoAsksForItIsPingedByFramesAlone) {
  const SimUpgrade upgrade{.query = "?cf_ws_frame_ping_pong=true", .frame_pings = true};
  SimCluster cluster(1, {});
  cluster.Start();
  std::vector<SimClient*> clients;
  for (int i = 0; i < 3; ++i) {
    SimClient& client = cluster.AddClient(0, upgrade);
    const std::uint32_t id = client.Connect();
    client.Flush();
    ASSERT_TRUE(cluster.RunUntil([&] { return client.ReplyTo(id) != nullptr; }));
    EXPECT_EQ(client.ReplyTo(id)->text.find("\"ping\""), std::string::npos);
    EXPECT_EQ(client.ReplyTo(id)->text.find("\"pong\""), std::string::npos);
    clients.push_back(&client);
  }
  SimClient* const polite = clients[0];
  SimClient* const mute = clients[1];
  SimClient* const confused = clients[2];
  mute->set_answers_pings(false);
  // Its pong is one of the protocol, which nobody asked for.
  confused->SendFrame(protocol::Opcode::kText, "{}");
  cluster.RunFor(60 * kSecond);
  EXPECT_EQ(polite->close_code(), 0u);
  EXPECT_GE(polite->HeardOf(Kind::kFramePing).size(), 3u);
  EXPECT_TRUE(polite->HeardOf(Kind::kPing).empty());
  EXPECT_EQ(mute->close_code(), 3012u);
  EXPECT_EQ(confused->close_code(), 3501u);
}

TEST(TimeoutsTest, APongThatNobodyAskedForIsABadRequest) {
  SimCluster cluster(1, {});
  cluster.Start();
  SimClient& client = cluster.AddConnected();
  client.SendFrame(protocol::Opcode::kText, "{}");
  cluster.RunFor(10 * kMillisecond);
  EXPECT_EQ(client.close_code(), 3501u);
}

// The ping lies behind what the socket refused. Its pong has its full time from when it can leave.
TEST(TimeoutsTest, AnUnsentPingExpectsNoPong) {
  ClusterOptions options{.faults = kSmallSocket};
  options.config.client.ping_interval_ns = 1500 * kMillisecond;
  options.config.client.pong_timeout_ns = 400 * kMillisecond;
  SimCluster cluster(1, options);
  cluster.Start();
  SimClient& publisher = cluster.AddConnected();
  SimClient& blocked = cluster.AddConnected();
  blocked.Subscribe("state:a");
  blocked.Flush();
  cluster.RunFor(10 * kMillisecond);
  blocked.peer().SetReading(false);
  // Twice the time in which a pong would have been due.
  PublishFor(cluster, publisher, "state:a", 2500 * kMillisecond);
  EXPECT_EQ(cluster.Metric("tickcast_closes_total"), 0);
  blocked.set_answers_pings(false);
  blocked.peer().SetReading(true);
  cluster.RunFor(300 * kMillisecond);
  EXPECT_EQ(blocked.HeardOf(Kind::kPing).size(), 1u);
  EXPECT_EQ(blocked.close_code(), 0u);
  // But from now on a pong is due.
  cluster.RunFor(200 * kMillisecond);
  EXPECT_EQ(blocked.close_code(), 3012u);
}

// Here it is the ping itself that the socket refuses.
TEST(TimeoutsTest, ARefusedPingExpectsNoPongBeforeItIsTaken) {
  ClusterOptions options;
  options.config.client.ping_interval_ns = 1500 * kMillisecond;
  options.config.client.pong_timeout_ns = 400 * kMillisecond;
  options.config.client.slow_client_timeout_ns = 0;
  SimCluster cluster(1, options);
  cluster.Start();
  SimClient& client = cluster.AddConnected();
  client.set_answers_pings(false);
  cluster.world().set_faults({.refused_send = 1});
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.Metric("tickcast_refused_sends_total") > 0; }));
  cluster.RunFor(kSecond);
  EXPECT_EQ(cluster.Metric("tickcast_closes_total"), 0);
  cluster.world().set_faults({});
  cluster.RunFor(300 * kMillisecond);
  EXPECT_EQ(client.HeardOf(Kind::kPing).size(), 1u);
  EXPECT_EQ(client.close_code(), 0u);
  cluster.RunFor(200 * kMillisecond);
  EXPECT_EQ(client.close_code(), 3012u);
}

TEST(TimeoutsTest, WhoNeverSaysConnectIsStale) {
  SimCluster cluster(1, {});
  cluster.Start();
  SimClient& idle = cluster.AddClient();
  cluster.RunFor(1900 * kMillisecond);  // client.stale_close_delay is 2 s.
  EXPECT_EQ(idle.close_code(), 0u);
  cluster.RunFor(200 * kMillisecond);
  EXPECT_EQ(idle.close_code(), 3502u);
  EXPECT_TRUE(idle.peer().closed());
  EXPECT_FALSE(idle.peer().was_reset());
  EXPECT_EQ(cluster.Metric("tickcast_closes_total", "3502 stale"), 1);
}

}  // namespace
}  // namespace tickcast::shards::sim
