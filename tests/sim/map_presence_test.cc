// Maps of who is present, and of what goes with whoever leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/sim/map_writers.h"

namespace tickcast::shards::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kTtlNs = 6 * kSecond;

class MapPresenceTest : public MapWriterTest {
 protected:
  MapPresenceTest() {
    options_.config.client.allow_anonymous_connect_without_token = true;
    engine::Namespace& flow = NamespaceOf("flow");
    flow.allow_subscribe_for_client = flow.allow_subscribe_for_anonymous = true;
    flow.map_clients_presence_channel_prefix = "clients:";
    flow.map_users_presence_channel_prefix = "users:";
    AddMap("clients", kTtlNs, engine::SubscriptionType::kMapClients);
    AddMap("users", kTtlNs, engine::SubscriptionType::kMapUsers);
  }

  SimClient& Anonymous() {
    SimClient& client = cluster_->AddClient();
    EXPECT_EQ(Reply(client, Connect(client, ""))->kind, Kind::kConnected);
    return client;
  }
  void Enter(SimClient& client, std::string_view channel = "flow:x") {
    EXPECT_EQ(Reply(client, client.Subscribe(channel))->kind, Kind::kSubscribed);
    cluster_->RunFor(10 * kMillisecond);
  }
  void Leave(SimClient& client, std::string_view channel = "flow:x") {
    EXPECT_EQ(Reply(client, client.Unsubscribe(channel))->kind, Kind::kUnsubscribed);
    cluster_->RunFor(10 * kMillisecond);
  }
  std::int64_t Present() {
    cluster_->RunFor(200 * kMillisecond);
    return cluster_->Metric("tickcast_map_presence_subscriptions");
  }
};

TEST_F(MapPresenceTest, SubscribersStandThereAsClientsAndUsers) {
  for (const ShardId shards : {1, 3}) {
    SCOPED_TRACE(shards);
    Begin(shards);
    SimClient& client = Connected(R"({"sub":"42","info":{"n":1}})", shards - 1);
    EXPECT_EQ(KeysOf("clients:flow:x"), 0u);
    Enter(client);
    EXPECT_EQ(StateOf("clients:flow:x"),
              absl::StrCat(R"({"key":")", client.id(), R"(","offset":1})"));
    EXPECT_EQ(StateOf("users:flow:x"), R"({"key":"42","offset":1})");
    EXPECT_EQ(Present(), 1);
    // The same user twice is one, and so is nobody none.
    SimClient& second = Connected(R"({"sub":"42"})");
    SimClient& anonymous = Anonymous();
    Enter(second);
    Enter(anonymous);
    EXPECT_EQ(KeysOf("clients:flow:x"), 3u);
    EXPECT_EQ(KeysOf("users:flow:x"), 1u);
    EXPECT_EQ(ChangesOf("users:flow:x"), 1u);
    EXPECT_EQ(KeysOf("clients:flow:y"), 0u);
    EXPECT_EQ(Present(), 3);
  }
}

TEST_F(MapPresenceTest, WatchersAreToldWhoItIs) {
  for (const char* name : {"clients", "users"}) {
    NamespaceOf(name).allow_subscribe_for_client = true;
  }
  Begin(3);
  SimClient& watches = Connected(R"({"sub":"1"})");
  ASSERT_EQ(Mirror(watches, "clients:flow:x", engine::SubscriptionType::kMapClients)->kind,
            Kind::kSubscribed);
  ASSERT_EQ(Mirror(watches, "users:flow:x", engine::SubscriptionType::kMapUsers)->kind,
            Kind::kSubscribed);
  SimClient& client = Connected(R"({"sub":"42","info":{"n":1}})", 1);
  EXPECT_EQ(Subscribe(client, "flow:x", R"({"sub":"42","channel":"flow:x","info":{"c":1}})")->kind,
            Kind::kSubscribed);
  SimClient& anonymous = Anonymous();
  Enter(anonymous);
  Leave(client);
  EXPECT_THAT(
      Told(watches, "clients:flow:x"),
      ElementsAre(absl::StrCat(client.id(), R"(= {"user":"42","client":")", client.id(),
                               R"(","conn_info":{"n":1},"chan_info":{"c":1}})"),
                  absl::StrCat(anonymous.id(), R"(= {"user":"","client":")", anonymous.id(), "\"}"),
                  absl::StrCat(client.id(), " removed")));
  EXPECT_THAT(Told(watches, "users:flow:x"), ElementsAre("42= "));
  cluster_->RunFor(kTtlNs + kSecond);
  EXPECT_THAT(Told(watches, "users:flow:x"), ElementsAre("42= ", "42 removed"));
}

// Its own key, by whatever it leaves, and nothing else that it wrote.
TEST_F(MapPresenceTest, WhoLeavesAMapTakesItsKeyAlong) {
  engine::Namespace& map = AddMap("cursors");
  OpenForWriting(map);
  map.allow_subscribe_for_client = true;
  map.map.remove_client_on_unsubscribe = true;
  map.map_clients_presence_channel_prefix = "clients:";
  Begin(2);
  const auto write = [this](SimClient& client, std::string_view key) {
    const Heard* reply = Ask(client, absl::StrCat(R"("publish":{"channel":"cursors:x","type":1,)",
                                                  "\"key\":", Quoted(key), ",\"data\":1}"));
    EXPECT_EQ(reply->kind, Kind::kPublished);
  };
  SimClient& unsubscribes = Connected(R"({"sub":"1"})");
  SimClient& vanishes = Connected(R"({"sub":"2"})", 1);
  SimClient& only_writes = Connected(R"({"sub":"3"})");
  for (SimClient* client : {&unsubscribes, &vanishes}) {
    ASSERT_EQ(Mirror(*client, "cursors:x")->kind, Kind::kSubscribed);
    write(*client, client->id());
    write(*client, absl::StrCat("of ", client->id()));
  }
  write(only_writes, only_writes.id());
  EXPECT_EQ(KeysOf("cursors:x"), 5u);
  EXPECT_EQ(KeysOf("clients:cursors:x"), 2u);
  Leave(unsubscribes, "cursors:x");
  EXPECT_EQ(KeysOf("cursors:x"), 4u);
  EXPECT_EQ(KeysOf("clients:cursors:x"), 1u);
  vanishes.Reset();
  only_writes.Reset();
  cluster_->RunFor(50 * kMillisecond);
  EXPECT_EQ(KeysOf("cursors:x"), 3u);
  EXPECT_EQ(KeysOf("clients:cursors:x"), 0u);
  EXPECT_THAT(StateOf("cursors:x"), HasSubstr(absl::StrCat("\"", only_writes.id(), "\"")))
      << "who is not subscribed does not leave";
  EXPECT_THAT(StateOf("cursors:x"), HasSubstr(absl::StrCat("\"of ", vanishes.id())));
}

TEST_F(MapPresenceTest, ClientsGoAtOnceAndUsersWhenTheirTimeIsOver) {
  Begin(3);
  SimClient& leaves = Connected(R"({"sub":"1"})", 0);
  SimClient& closes = Connected(R"({"sub":"2"})", 1);
  SimClient& breaks = Connected(R"({"sub":"3"})", 2);
  for (SimClient* client : {&leaves, &closes, &breaks}) Enter(*client);
  EXPECT_EQ(KeysOf("clients:flow:x"), 3u);
  Leave(leaves);
  EXPECT_EQ(KeysOf("clients:flow:x"), 2u);
  closes.Close();
  cluster_->RunFor(50 * kMillisecond);
  EXPECT_EQ(KeysOf("clients:flow:x"), 1u);
  breaks.Reset();
  cluster_->RunFor(50 * kMillisecond);
  EXPECT_EQ(KeysOf("clients:flow:x"), 0u);
  EXPECT_EQ(Present(), 0);
  EXPECT_EQ(KeysOf("users:flow:x"), 3u);
  Enter(leaves);
  EXPECT_EQ(ChangesOf("users:flow:x"), 3u) << "who is back has never been away";
  cluster_->RunFor(kTtlNs + kSecond);
  EXPECT_EQ(StateOf("users:flow:x"), R"({"key":"1","offset":1})");
  EXPECT_EQ(cluster_->Metric("tickcast_map_presence_refused_total"), 0);
}

TEST_F(MapPresenceTest, WhoIsThereStaysThereWithoutAnybodyNoticing) {
  Begin(2);
  SimClient& client = Connected(R"({"sub":"42"})");
  Enter(client);
  for (int i = 0; i < 10; ++i) {
    cluster_->RunFor(kTtlNs / 2);
    EXPECT_EQ(KeysOf("clients:flow:x"), 1u);
    EXPECT_EQ(KeysOf("users:flow:x"), 1u);
  }
  EXPECT_EQ(ChangesOf("clients:flow:x"), 1u);
  EXPECT_EQ(ChangesOf("users:flow:x"), 1u);
  // What the application took away is told anew, a third of the keys' time later at most.
  Call("map_remove", absl::StrCat(R"({"channel":"clients:flow:x","key":")", client.id(), "\"}"));
  Call("map_clear", R"({"channel":"users:flow:x"})");
  EXPECT_EQ(KeysOf("clients:flow:x"), 0u);
  cluster_->RunFor(kTtlNs / 3 + 200 * kMillisecond);
  EXPECT_EQ(StateOf("clients:flow:x"),
            absl::StrCat(R"({"key":")", client.id(), R"(","offset":3})"));
  EXPECT_EQ(StateOf("users:flow:x"), R"({"key":"42","offset":1})");
  Leave(client);
  cluster_->RunFor(kTtlNs);
  EXPECT_EQ(KeysOf("clients:flow:x"), 0u);
}

TEST_F(MapPresenceTest, HoweverTheyWereSubscribed) {
  Begin();
  SimClient& by_token = Connected(R"({"sub":"1","channels":["flow:x"]})");
  SimClient& by_api = Connected(R"({"sub":"2"})");
  Call("subscribe", R"({"channel":"flow:x","user":"2"})");
  SimClient& with_token = Connected(R"({"sub":"3"})");
  EXPECT_EQ(
      Subscribe(with_token, "flow:x", R"({"sub":"3","channel":"flow:x","info":{"c":1}})")->kind,
      Kind::kSubscribed);
  cluster_->RunFor(10 * kMillisecond);
  EXPECT_EQ(KeysOf("clients:flow:x"), 3u);
  for (SimClient* client : {&by_token, &by_api, &with_token}) {
    EXPECT_THAT(StateOf("clients:flow:x"), HasSubstr(client->id()));
  }
  Call("unsubscribe", R"({"channel":"flow:x","user":"2"})");
  Call("disconnect", R"({"user":"1"})");
  cluster_->RunFor(10 * kMillisecond);
  EXPECT_EQ(KeysOf("clients:flow:x"), 1u);
  EXPECT_EQ(Present(), 1);
}

TEST_F(MapPresenceTest, WhoIsRefusedOrLeavesBeforeItIsAnsweredIsNotThere) {
  NamespaceOf("flow").subscriber_limit = 1;
  Begin(2);
  SimClient& first = Connected(R"({"sub":"1"})", 1);
  Enter(first);
  SimClient& refused = Connected(R"({"sub":"2"})");
  EXPECT_EQ(Reply(refused, refused.Subscribe("flow:x"))->code, 106u);
  SimClient& connects = cluster_->AddClient();
  EXPECT_EQ(Reply(connects, ConnectWith(connects, R"({"sub":"3","channels":["flow:x"]})"))->kind,
            Kind::kError);
  Leave(first);
  refused.Subscribe("flow:x");
  const std::uint32_t left = refused.Unsubscribe("flow:x");
  EXPECT_EQ(Reply(refused, left)->kind, Kind::kUnsubscribed);
  SimClient& vanishes = Connected(R"({"sub":"4"})");
  vanishes.Subscribe("flow:x");
  vanishes.Flush();
  vanishes.Close();
  cluster_->RunFor(100 * kMillisecond);
  EXPECT_EQ(KeysOf("clients:flow:x"), 0u);
  EXPECT_EQ(StateOf("users:flow:x"), R"({"key":"1","offset":1})");
  EXPECT_EQ(Present(), 0);
}

TEST_F(MapPresenceTest, AUserThatCanBeNoKeyIsNone) {
  Begin();
  SimClient& longest = Connected(absl::StrCat(R"({"sub":")", std::string(255, 'u'), "\"}"));
  SimClient& longer = Connected(absl::StrCat(R"({"sub":")", std::string(256, 'v'), "\"}"));
  Enter(longest);
  Enter(longer);
  EXPECT_EQ(KeysOf("clients:flow:x"), 2u);
  EXPECT_EQ(KeysOf("users:flow:x"), 1u);
  EXPECT_EQ(cluster_->Metric("tickcast_map_presence_refused_total"), 0);
}

TEST_F(MapPresenceTest, ManyAreToldAgainInTheirTime) {
  constexpr std::uint64_t kClients = 60;
  Begin(2);
  for (std::uint64_t i = 0; i < kClients; ++i) {
    SimClient& client = cluster_->AddConnected(static_cast<ShardId>(i % 2));
    client.Subscribe("flow:x");
    client.Subscribe("flow:y");
    client.Flush();
  }
  cluster_->RunFor(100 * kMillisecond);
  for (int i = 0; i < 8; ++i) {
    cluster_->RunFor(kTtlNs / 2);
    EXPECT_EQ(KeysOf("clients:flow:x"), kClients);
  }
  EXPECT_EQ(ChangesOf("clients:flow:x"), kClients);
  EXPECT_EQ(ChangesOf("clients:flow:y"), kClients);
}

}  // namespace
}  // namespace tickcast::shards::sim
