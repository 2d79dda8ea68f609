// A channel takes as many subscribers as its namespace says, whatever becomes of them.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/sim/token_world.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

constexpr std::uint32_t kLimit = 3;

engine::Config LimitedConfig() {
  engine::Config config = SimConfig();
  config.client.ping_interval_ns = 1000 * kSecond;
  config.client.subscribe_rate = 0;
  config.channel.namespaces.push_back({.name = "small", .subscriber_limit = kLimit});
  config.channel.namespaces.push_back({.name = "seats",
                                       .presence = true,
                                       .presence_grace_ns = kSecond,
                                       .subscriber_limit = kLimit});
  return config;
}

class SubscriberLimitTest : public testing::TestWithParam<ShardId> {
 protected:
  void SetUp() override { cluster_.Start(); }
  SimClient& Connected() { return cluster_.AddConnected(next_++ % cluster_.shards()); }
  void Run() { cluster_.RunFor(20 * kMillisecond); }
  const Heard* Enter(SimClient& client, std::string_view channel) {
    const std::uint32_t id = client.Subscribe(channel);
    client.Flush();
    Run();
    return client.ReplyTo(id);
  }

  SimCluster cluster_{1, {.shards = GetParam(), .config = LimitedConfig()}};
  ShardId next_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Shards, SubscriberLimitTest, testing::Values(1, 2, 4));

TEST_P(SubscriberLimitTest, TheLastIsTakenAndOneMoreIsNot) {
  for (const std::string channel : {"small:1", "seats:1"}) {
    SCOPED_TRACE(channel);
    std::vector<SimClient*> clients;
    for (std::uint32_t i = 0; i < kLimit; ++i) {
      clients.push_back(&Connected());
      EXPECT_EQ(Enter(*clients.back(), channel)->kind, Kind::kSubscribed);
    }
    SimClient& late = Connected();
    const std::int64_t before = cluster_.Metric("tickcast_limited_total", "subscriber_limit");
    EXPECT_EQ(Enter(late, channel)->code, 106u);
    EXPECT_EQ(cluster_.Metric("tickcast_limited_total", "subscriber_limit"), before + 1);
    EXPECT_EQ(Enter(late, channel + "0")->kind, Kind::kSubscribed) << "another channel has room";
    // Whoever is there may change its mind, and a place that is left is somebody else's at once,
    // also where the one who had it stays present for a while.
    clients[0]->Unsubscribe(channel);
    EXPECT_EQ(Enter(*clients[0], channel)->kind, Kind::kSubscribed);
    EXPECT_EQ(Enter(late, channel)->code, 106u);
    clients[1]->Reset();
    Run();
    EXPECT_EQ(Enter(late, channel)->kind, Kind::kSubscribed);
    EXPECT_EQ(Enter(Connected(), channel)->code, 106u);
  }
}

TEST_P(SubscriberLimitTest, ManyAtOnceAreAsManyAsFit) {
  std::vector<std::pair<SimClient*, std::uint32_t>> asked;
  for (int i = 0; i < 20; ++i) {
    SimClient& client = Connected();
    asked.emplace_back(&client, client.Subscribe("small:1"));
  }
  for (auto& [client, id] : asked) client->Flush();
  Run();
  std::uint32_t in = 0;
  for (auto& [client, id] : asked) {
    ASSERT_NE(client->ReplyTo(id), nullptr);
    if (client->ReplyTo(id)->kind == Kind::kSubscribed) ++in;
  }
  EXPECT_EQ(in, kLimit);
  EXPECT_EQ(cluster_.Metric("tickcast_limited_total", "subscriber_limit"), 17);
}

// Whoever goes while its question is under way has a place or has none: only its home knows, and
// when all are gone there is room for as many as before, and for no more.
TEST_P(SubscriberLimitTest, NoPlaceIsLostAndNoneIsGivenTwice) {
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::string channel = absl::StrCat(seed % 2 == 0 ? "small:" : "seats:", seed);
    std::vector<SimClient*> clients;
    for (int i = 0; i < 8; ++i) clients.push_back(&Connected());
    for (int step = 0; step < 60; ++step) {
      SimClient& client = *clients[random() % clients.size()];
      if (!client.may_send()) continue;
      switch (random() % 8) {
        case 0:
          client.Unsubscribe(channel);
          client.Flush();
          break;
        case 1:
          client.Subscribe(channel);
          client.Unsubscribe(channel);
          client.Subscribe(channel);
          client.Flush();
          break;
        case 2:
          if (random() % 4 == 0) client.Reset();
          break;
        default:
          client.Subscribe(channel);
          client.Flush();
      }
      cluster_.RunFor(random() % 3 == 0 ? 5 * kMillisecond : kMillisecond / 50);
    }
    for (SimClient* client : clients) client->Reset();
    Run();
    for (std::uint32_t i = 0; i < kLimit; ++i) {
      EXPECT_EQ(Enter(Connected(), channel)->kind, Kind::kSubscribed);
    }
    EXPECT_EQ(Enter(Connected(), channel)->code, 106u);
  }
}

using FullChannelTest = TokenTest;

TEST_F(FullChannelTest, RefusesTheConnectOfATokenThatNamesIt) {
  options_.config.channel.namespaces.push_back({.name = "small", .subscriber_limit = 1});
  Begin(2);
  Connected(R"({"sub":"a","channels":["small:1"]})");
  SimClient& late = cluster_->AddClient(1);
  const Heard* refused = Reply(late, ConnectWith(late, R"({"sub":"b","channels":["small:1"]})"));
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->code, 106u);
  EXPECT_EQ(cluster_->Metric("tickcast_limited_total", "subscriber_limit"), 1);
}

}  // namespace
}  // namespace tickcast::shards::sim
