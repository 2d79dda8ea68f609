// subscribe_to_user_personal_channel.single_connection: a user's newest connection is the only one.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/sim/token_world.h"

namespace tickcast::shards::sim {
namespace {

class SingleConnectionTest : public TokenTest {
 protected:
  SingleConnectionTest() {
    auto& client = options_.config.client;
    client.subscribe_to_user_personal_channel = {
        .enabled = true, .personal_channel_namespace = "user", .single_connection = true};
    client.allow_anonymous_connect_without_token = true;
    options_.config.channel.namespaces.push_back({.name = "user"});
  }
  void Settle() { cluster_->RunFor(50 * kMillisecond); }
};

TEST_F(SingleConnectionTest, TheNewerOneEndsTheOlderOne) {
  for (const ShardId shards : {1, 2, 4}) {
    SCOPED_TRACE(shards);
    Begin(shards);
    SimClient& other = Connected(R"({"sub":"b"})");
    SimClient& nobody = cluster_->AddClient();
    EXPECT_EQ(Reply(nobody, Connect(nobody, ""))->kind, Kind::kConnected);
    SimClient& nobody_too = cluster_->AddClient(shards - 1);
    EXPECT_EQ(Reply(nobody_too, Connect(nobody_too, ""))->kind, Kind::kConnected);
    SimClient* last = nullptr;
    for (ShardId shard = 0; shard < shards; ++shard) {
      SimClient& next = Connected(R"({"sub":"a"})", shard);
      Settle();
      EXPECT_EQ(next.close_code(), 0u);
      if (last != nullptr) {
        EXPECT_EQ(last->close_code(), 3504u);
      }
      last = &next;
    }
    EXPECT_EQ(cluster_->Metric("tickcast_closes_total", "3504 connection limit"), shards - 1);
    // Who stays gets what is published to it.
    EXPECT_EQ(Ask(*last, R"("rpc":{"method":"tickcast.stats"})")->kind, Kind::kRpc);
    for (const SimClient* each : {&other, &nobody, &nobody_too}) {
      EXPECT_EQ(each->close_code(), 0u);
    }
  }
}

// Also where the user may have one connection only: that would refuse the newer one.
TEST_F(SingleConnectionTest, TheUsersLimitDoesNotRefuseTheNewerOne) {
  options_.config.client.user_connection_limit = 1;
  Begin(2);
  SimClient& older = Connected(R"({"sub":"a"})", 0);
  SimClient& newer = Connected(R"({"sub":"a"})", 1);
  Settle();
  EXPECT_EQ(older.close_code(), 3504u);
  EXPECT_EQ(newer.close_code(), 0u);
  newer.Reset();
  Settle();
  EXPECT_EQ(Connected(R"({"sub":"a"})").close_code(), 0u);
}

TEST_F(SingleConnectionTest, OfManyAtOnceOneStays) {
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Begin(4);
    std::vector<SimClient*> clients;
    for (int i = 0; i < 12; ++i) {
      SimClient& client = cluster_->AddClient(static_cast<ShardId>(random() % 4));
      ConnectWith(client, R"({"sub":"a"})");
      clients.push_back(&client);
      if (random() % 3 == 0) cluster_->RunFor(random() % kMillisecond);
    }
    Settle();
    int open = 0;
    for (const SimClient* client : clients) {
      EXPECT_EQ(client->HeardOf(Kind::kConnected).size(), 1u);
      if (client->close_code() == 0) ++open;
    }
    EXPECT_EQ(open, 1);
    cluster_->RunFor(3 * kSecond);
    EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 1);
  }
}

// As it ever was.
TEST_F(SingleConnectionTest, WithoutItAUserMayHaveSeveral) {
  options_.config.client.subscribe_to_user_personal_channel.single_connection = false;
  Begin(2);
  SimClient& first = Connected(R"({"sub":"a"})", 0);
  SimClient& second = Connected(R"({"sub":"a"})", 1);
  Settle();
  EXPECT_EQ(first.close_code(), 0u);
  EXPECT_EQ(second.close_code(), 0u);
}

}  // namespace
}  // namespace tickcast::shards::sim
