// The server API over several shards: what reaches every connection of a user, wherever it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/api_world.h"

namespace tickcast::shards::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ServerApiTest : public ApiWorldTest {};

INSTANTIATE_TEST_SUITE_P(Seeds, ServerApiTest, testing::Range<std::uint64_t>(0, 6));

TEST_P(ServerApiTest, DisconnectEndsAllConnectionsOfTheUserAndNoOthers) {
  std::vector<SimClient*> hers, others;
  for (const ShardId shard : {0, 1, 2, 2}) hers.push_back(&Connect(shard, "ada", {"log:a"}));
  for (const ShardId shard : {0, 1, 2}) others.push_back(&Connect(shard, "bob", {"log:a"}));
  others.push_back(&Connect(1, ""));
  EXPECT_EQ(Call("/api/disconnect", R"({"user":"ada"})", 1), R"({"result":{}})");
  Settle();
  for (SimClient* client : hers) EXPECT_EQ(client->close_code(), 3503u);
  for (SimClient* client : others) EXPECT_EQ(client->close_code(), 0u);
  EXPECT_EQ(cluster_.Metric("tickcast_closes_total", "3503 force disconnect"), 4);
  EXPECT_EQ(Call("/api/disconnect", R"({"user":"ada"})"), R"({"result":{}})");
}

TEST_P(ServerApiTest, DisconnectTakesACodeAndSparesTheWhitelist) {
  SimClient& first = Connect(0, "ada");
  SimClient& second = Connect(1, "ada");
  const std::string spared = second.id();
  EXPECT_EQ(Call("/api/disconnect",
                 absl::StrCat(R"({"user":"ada","disconnect":{"code":4321,"reason":"enough"},)",
                              R"("whitelist":[")", spared, "\"]}")),
            R"({"result":{}})");
  Settle();
  EXPECT_EQ(first.close_code(), 4321u);
  EXPECT_EQ(second.close_code(), 0u);
  EXPECT_EQ(cluster_.Metric("tickcast_closes_total", "by application"), 1);
  // By its id, only it; and only where it is the user's.
  Call("/api/disconnect", absl::StrCat(R"({"user":"bob","client":")", spared, "\"}"));
  Settle();
  EXPECT_EQ(second.close_code(), 0u);
  Call("/api/disconnect", absl::StrCat(R"({"user":"ada","client":")", spared, "\"}"));
  Settle();
  EXPECT_EQ(second.close_code(), 3503u);
}

TEST_P(ServerApiTest, WithoutAUserTheAnonymousAreMeant) {
  SimClient& anonymous = Connect(0, "");
  SimClient& other = Connect(2, "");
  SimClient& ada = Connect(1, "ada");
  Call("/api/disconnect", "{}");
  Settle();
  EXPECT_EQ(anonymous.close_code(), 3503u);
  EXPECT_EQ(other.close_code(), 3503u);
  EXPECT_EQ(ada.close_code(), 0u);
}

TEST_P(ServerApiTest, UnsubscribeEndsTheSubscriptionAndTellsTheClient) {
  SimClient& first = Connect(0, "ada", {"log:a", "flow:b"});
  SimClient& second = Connect(2, "ada", {"log:a"});
  SimClient& bob = Connect(1, "bob", {"log:a"});
  EXPECT_EQ(Call("/api/unsubscribe", R"({"user":"ada","channel":"log:a"})"), R"({"result":{}})");
  Call("/api/publish", R"({"channel":"log:a","data":1})");
  Call("/api/publish", R"({"channel":"flow:b","data":2})");
  Settle();
  for (SimClient* client : {&first, &second}) {
    const std::vector<Heard> dropped = client->HeardOf(Heard::Kind::kDropped);
    ASSERT_EQ(dropped.size(), 1u);
    EXPECT_EQ(dropped[0].channel, "log:a");
    EXPECT_EQ(dropped[0].code, 2000u);
    EXPECT_TRUE(client->DataOf("log:a").empty());
  }
  EXPECT_THAT(first.DataOf("flow:b"), ElementsAre("2"));
  EXPECT_THAT(bob.DataOf("log:a"), ElementsAre("1"));
  EXPECT_TRUE(bob.HeardOf(Heard::Kind::kDropped).empty());
  // It may come back.
  first.Subscribe("log:a");
  first.Flush();
  Settle();
  Call("/api/publish", R"({"channel":"log:a","data":3})");
  Settle();
  EXPECT_THAT(first.DataOf("log:a"), ElementsAre("3"));
}

// The subscribe is still with the home shard: it is answered first, and then ended.
TEST_P(ServerApiTest, UnsubscribeOfASubscriptionThatIsBeingMade) {
  SimClient& client = Connect(1, "ada");
  const std::string channel = RemoteChannel(1);
  cluster_.Stall(cluster_.mesh().HomeOf(channel), cluster_.now_ns() + 200 * kMillisecond);
  const std::uint32_t id = client.Subscribe(channel);
  client.Flush();
  cluster_.RunFor(20 * kMillisecond);
  ASSERT_EQ(client.ReplyTo(id), nullptr);
  SimHttpPeer peer(cluster_.world(), cluster_.ring(1));
  peer.Post("/api/unsubscribe", absl::StrCat(R"({"user":"ada","channel":")", channel, "\"}"));
  ASSERT_TRUE(cluster_.RunUntil([&] { return !peer.Responses().empty(); }));
  Settle();
  ASSERT_NE(client.ReplyTo(id), nullptr);
  EXPECT_EQ(client.ReplyTo(id)->kind, Heard::Kind::kSubscribed);
  ASSERT_EQ(client.HeardOf(Heard::Kind::kDropped, channel).size(), 1u);
  Call("/api/publish", absl::StrCat(R"({"channel":")", channel, R"(","data":1})"));
  Settle();
  EXPECT_TRUE(client.DataOf(channel).empty());
}

TEST_P(ServerApiTest, RefreshSetsTheEndOfTheConnection) {
  SimClient& client = Connect(2, "ada");
  const std::int64_t soon = time(nullptr) + 100;
  Call("/api/refresh", absl::StrCat(R"({"user":"ada","expire_at":)", soon, "}"));
  Settle();
  const std::vector<Heard> refreshed = client.HeardOf(Heard::Kind::kRefreshed);
  ASSERT_EQ(refreshed.size(), 1u);
  EXPECT_GE(refreshed[0].code, 98u);  // Its ttl.
  EXPECT_LE(refreshed[0].code, 100u);
  EXPECT_EQ(client.close_code(), 0u);
  // Without an end it has none.
  Call("/api/refresh", R"({"user":"ada"})");
  Settle();
  ASSERT_EQ(client.HeardOf(Heard::Kind::kRefreshed).size(), 2u);
  EXPECT_EQ(client.HeardOf(Heard::Kind::kRefreshed)[1].code, 0u);
  cluster_.RunFor(200 * kSecond);
  EXPECT_EQ(client.close_code(), 0u);
}

TEST_P(ServerApiTest, RefreshToThePastOrExpiredClosesAtOnce) {
  SimClient& past = Connect(0, "ada");
  SimClient& expired = Connect(2, "bob");
  Call("/api/refresh", R"({"user":"ada","expire_at":1000})");
  Call("/api/refresh", R"({"user":"bob","expired":true})");
  Settle();
  EXPECT_EQ(past.close_code(), 3005u);
  EXPECT_EQ(expired.close_code(), 3005u);
}

TEST_P(ServerApiTest, ChannelsAndInfoCountOverAllShards) {
  Connect(0, "ada", {"log:a", "flow:b"});
  Connect(1, "ada", {"log:a"});
  Connect(2, "bob", {"log:a", "state:c"});
  Connect(2, "");
  EXPECT_EQ(Call("/api/channels", "{}"),
            R"({"result":{"channels":{"flow:b":{"num_clients":1},"log:a":{"num_clients":3},)"
            R"("state:c":{"num_clients":1}}}})");
  EXPECT_EQ(Call("/api/channels", R"({"pattern":"{log,state}:*"})", 1),
            R"({"result":{"channels":{"log:a":{"num_clients":3},"state:c":{"num_clients":1}}}})");
  EXPECT_EQ(Call("/api/channels", R"({"pattern":"nothing"})"), R"({"result":{"channels":{}}})");
  const std::string info = Call("/api/info", "{}", 2);
  EXPECT_THAT(info, HasSubstr(R"("num_clients":4,"num_users":3,"num_channels":3)"));
  EXPECT_THAT(info, HasSubstr(R"("num_subs":5)"));
}

// What follows in a batch finds done what came before it.
TEST_P(ServerApiTest, ABatchReachesConnectionsInItsOrder) {
  SimClient& client = Connect(2, "ada", {"flow:a"});
  const std::string replies =
      Call("/api/batch", R"({"commands":[{"unsubscribe":{"user":"ada","channel":"flow:a"}},)"
                         R"({"publish":{"channel":"flow:a","data":1}},{"channels":{}},)"
                         R"({"disconnect":{"user":"ada"}},{"info":{}}]})");
  EXPECT_THAT(
      replies,
      HasSubstr(R"({"replies":[{"unsubscribe":{}},{"publish":{}},{"channels":{"channels":{}}},)"
                R"({"disconnect":{}},{"info":{"nodes":[{)"));
  EXPECT_THAT(replies, HasSubstr(R"("num_clients":0,)"));
  Settle();
  EXPECT_TRUE(client.DataOf("flow:a").empty());
  EXPECT_EQ(client.close_code(), 3503u);
}

}  // namespace
}  // namespace tickcast::shards::sim
