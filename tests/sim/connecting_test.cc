// Connecting with tokens: what the server subscribes a client to, and what waits meanwhile.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/sim/token_world.h"

namespace tickcast::shards::sim {
namespace {

using ConnectingTest = TokenTest;

std::vector<Heard::Kind> KindsOf(const SimClient& client) {
  std::vector<Heard::Kind> kinds;
  for (const Heard& heard : client.heard()) kinds.push_back(heard.kind);
  return kinds;
}

bool Has(const Heard* heard, std::string_view text) {
  return heard != nullptr && heard->text.find(text) != std::string::npos;
}

TEST_F(ConnectingTest, TheReplyHasEveryChannelOfTheToken) {
  for (const ShardId shards : {1, 2, 4}) {
    SCOPED_TRACE(shards);
    options_.config.channel.namespaces[2].force_recovery = true;
    Begin(shards);
    SimClient& client = cluster_->AddClient();
    const std::uint32_t id =
        ConnectWith(client, R"({"sub":"u","channels":["flow:a","log:b","state:c"]})");
    const Heard* reply = Reply(client, id);
    ASSERT_NE(reply, nullptr);
    EXPECT_TRUE(Has(reply, R"("flow:a":{})")) << reply->text;
    EXPECT_TRUE(Has(reply, R"("log:b":{"recoverable":true,"epoch":)")) << reply->text;
    EXPECT_TRUE(Has(reply, R"("state:c":{})")) << reply->text;
    EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 3);
    EXPECT_EQ(cluster_->Metric("tickcast_tokens_total", "ok"), 1);
    // They are subscriptions like others: not twice, and the client may leave.
    EXPECT_EQ(Ask(client, R"("subscribe":{"channel":"flow:a"})")->code, 105);
    EXPECT_EQ(Ask(client, R"("unsubscribe":{"channel":"flow:a"})")->kind, Kind::kUnsubscribed);
    EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 2);
  }
}

TEST_F(ConnectingTest, NothingComesBeforeTheReplyAndNothingIsLostBehindIt) {
  ticking_ = {"flow:a", "flow:b", "flow:c", "flow:d", "flow:e"};
  for (const ShardId shards : {1, 4}) {
    SCOPED_TRACE(shards);
    Begin(shards);
    std::vector<SimClient*> clients;
    for (int i = 0; i < 20; ++i) {
      SimClient& client = cluster_->AddClient(static_cast<ShardId>(i % shards));
      ConnectWith(client,
                  R"({"sub":"u","channels":["flow:a","flow:b","flow:c","flow:d","flow:e"]})");
      clients.push_back(&client);
      cluster_->RunFor(kMillisecond / 2);
    }
    cluster_->RunFor(100 * kMillisecond);
    for (const SimClient* client : clients) {
      ASSERT_GE(client->heard().size(), 2);
      EXPECT_EQ(client->heard()[0].kind, Kind::kUpgraded);
      EXPECT_EQ(client->heard()[1].kind, Kind::kConnected);
      for (const std::string& channel : ticking_) {
        const std::vector<std::string> data = client->DataOf(channel);
        ASSERT_GT(data.size(), 50);
        const std::uint64_t first = ReadPayload(data[0]).number;
        for (std::size_t i = 0; i < data.size(); ++i) {
          ASSERT_EQ(ReadPayload(data[i]).number, first + i) << channel;
        }
      }
    }
  }
}

// SDKs do not look for a first value in the reply to connect.
TEST_F(ConnectingTest, AStateChannelsNewestValueIsPushedOnce) {
  ticking_ = {"state:a"};
  Begin(2);
  cluster_->RunFor(20 * kMillisecond);
  ticking_.clear();
  const std::uint64_t newest = ticks_;
  cluster_->RunFor(5 * kMillisecond);
  for (const ShardId shard : {0, 1, 1}) {
    SimClient& client = cluster_->AddClient(shard);
    ConnectWith(client, R"({"sub":"u","channels":["state:a"]})");
    cluster_->RunFor(50 * kMillisecond);
    const std::vector<Kind> kinds = {Kind::kUpgraded, Kind::kConnected, Kind::kPublication};
    EXPECT_EQ(KindsOf(client), kinds);
    ASSERT_EQ(client.DataOf("state:a").size(), 1);
    EXPECT_EQ(ReadPayload(client.DataOf("state:a")[0]).number, newest);
  }
}

TEST_F(ConnectingTest, TheClientsPositionIsRecoveredFrom) {
  options_.config.channel.namespaces[2].force_recovery = true;
  ticking_ = {"log:a"};
  Begin(2);
  SimClient& first = Connected(R"({"sub":"u","channels":["log:a"]})");
  cluster_->RunFor(10 * kMillisecond);
  const std::string text = first.HeardOf(Kind::kConnected)[0].text;
  const std::size_t at = text.find("\"epoch\":\"") + 9;
  const std::string epoch = text.substr(at, text.find('"', at) - at);
  SimClient& again = cluster_->AddClient(1);
  const std::uint32_t id = ConnectWith(
      again, R"({"sub":"u","channels":["log:a"]})",
      absl::StrCat(R"(,"subs":{"log:a":{"recover":true,"offset":1,"epoch":")", epoch, "\"}}"));
  const Heard* reply = Reply(again, id);
  ASSERT_NE(reply, nullptr);
  EXPECT_TRUE(Has(reply, R"("recovered":true)")) << reply->text;
  EXPECT_TRUE(Has(reply, R"("offset":2)")) << "the first that was missed: " << reply->text;
  EXPECT_TRUE(Has(reply, R"("was_recovering":true)"));
  cluster_->RunFor(10 * kMillisecond);
  EXPECT_GT(again.DataOf("log:a").size(), 3);
}

TEST_F(ConnectingTest, SubsOfATokenHaveOptions) {
  Begin();
  SimClient& client = cluster_->AddClient();
  const Heard* reply = Reply(
      client,
      ConnectWith(client, R"({"sub":"u","channels":["flow:x"],"subs":{"log:a":{"data":{"d":1},)"
                          R"("override":{"force_positioning":{"value":true}}},"flow:b":{}}})"));
  ASSERT_NE(reply, nullptr);
  EXPECT_TRUE(Has(reply, R"("positioned":true,"data":{"d":1})")) << reply->text;
  EXPECT_TRUE(Has(reply, R"("flow:b":{})"));
  EXPECT_FALSE(Has(reply, "flow:x")) << "subs has the word";
}

TEST_F(ConnectingTest, NumberOfChannelsIsLimited) {
  options_.config.client.channel_limit = 2;
  Begin();
  SimClient& fits = cluster_->AddClient();
  EXPECT_EQ(Reply(fits, ConnectWith(fits, R"({"channels":["flow:a","flow:b"]})"))->kind,
            Kind::kConnected);
  SimClient& over = cluster_->AddClient();
  ConnectWith(over, R"({"channels":["flow:a","flow:b","flow:c"]})");
  EXPECT_EQ(CloseCodeOf(over), 3505);
  EXPECT_EQ(cluster_->Metric("tickcast_closes_total", "3505 channel limit"), 1);
  SimClient& asks = cluster_->AddClient();
  ConnectWith(asks, "{}", R"(,"subs":{"flow:a":{},"flow:b":{},"flow:c":{}})");
  EXPECT_EQ(CloseCodeOf(asks), 3505);
}

TEST_F(ConnectingTest, AChannelOfNoNamespaceIsAnErrorAndTheClientMayTryAgain) {
  Begin(2);
  SimClient& client = cluster_->AddClient();
  const Heard* reply = Reply(client, ConnectWith(client, R"({"channels":["flow:a","none:b"]})"));
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->code, 102);
  EXPECT_EQ(Reply(client, ConnectWith(client, R"({"channels":["flow:a"]})"))->kind,
            Kind::kConnected);
}

TEST_F(ConnectingTest, WhatTheClientAsksForIsGivenAsFarAsItMayHaveIt) {
  options_.config.client.allow_anonymous_connect_without_token = true;
  options_.config.channel.namespaces[0].allow_subscribe_for_client = true;
  options_.config.channel.namespaces[1].allow_subscribe_for_client = true;
  options_.config.channel.namespaces[1].allow_subscribe_for_anonymous = true;
  options_.config.channel.namespaces[2].allow_user_limited_channels = true;
  Begin();
  constexpr const char* kSubs = R"("subs":{"flow:a":{},"state:a":{},"log:#7":{},"$flow:p":{}})";
  SimClient& anonymous = cluster_->AddClient();
  const Heard* reply = Reply(anonymous, Connect(anonymous, kSubs));
  ASSERT_NE(reply, nullptr);
  EXPECT_TRUE(Has(reply, R"("subs":{"flow:a":{}})")) << reply->text;
  SimClient& user = cluster_->AddClient();
  reply = Reply(user, ConnectWith(user, R"({"sub":"7"})", absl::StrCat(",", kSubs)));
  ASSERT_NE(reply, nullptr);
  EXPECT_TRUE(Has(reply, "flow:a") && Has(reply, "state:a") && Has(reply, "log:#7"));
  EXPECT_FALSE(Has(reply, "$flow:p")) << reply->text;
  for (const char* wrong : {R"("subs":{"none:a":{}})", R"("subs":{"flow:a":{},"flow:a":{}})",
                            R"("subs":{"":{}})", R"("subs":{"flow:a":{"offset":"1"}})"}) {
    SimClient& client = cluster_->AddClient();
    Connect(client, wrong);
    EXPECT_EQ(CloseCodeOf(client), 3501) << wrong;
  }
}

TEST_F(ConnectingTest, PersonalChannelOfAUser) {
  options_.config.client.allow_anonymous_connect_without_token = true;
  options_.config.client.subscribe_to_user_personal_channel = {.enabled = true,
                                                               .personal_channel_namespace = "log"};
  Begin(2);
  SimClient& user = cluster_->AddClient();
  EXPECT_TRUE(Has(Reply(user, ConnectWith(user, R"({"sub":"42"})")), R"("subs":{"log:#42":)"));
  SimClient& anonymous = cluster_->AddClient();
  EXPECT_FALSE(Has(Reply(anonymous, Connect(anonymous, "")), "subs"));
}

TEST_F(ConnectingTest, WhatComesBehindTheConnectWaitsInItsOrder) {
  options_.config.channel.namespaces[1].allow_subscribe_for_client = true;
  options_.config.channel.namespaces[1].allow_publish_for_client = true;
  for (const ShardId shards : {1, 4}) {
    SCOPED_TRACE(shards);
    Begin(shards);
    SimClient& client = cluster_->AddClient();
    client.Command(absl::StrCat(
        "\"connect\":{\"token\":", Quoted(Token(R"({"sub":"u","channels":["flow:s"]})")), "}"));
    client.Subscribe("flow:a");
    client.Publish("flow:s", "1");
    client.Flush();
    client.Publish("flow:s", "2");  // In the same segment …
    client.Flush();
    cluster_->Step(cluster_->now_ns() + kMillisecond);
    client.Publish("flow:s", "3");  // … and later.
    client.Flush();
    cluster_->RunFor(50 * kMillisecond);
    EXPECT_EQ(client.heard()[1].kind, Kind::kConnected);
    EXPECT_EQ(client.DataOf("flow:s"), (std::vector<std::string>{"1", "2", "3"}));
    EXPECT_EQ(client.HeardOf(Kind::kSubscribed).size(), 1);
    EXPECT_EQ(client.HeardOf(Kind::kPublished).size(), 3);
  }
}

TEST_F(ConnectingTest, ASecondConnectWaitsToo) {
  Begin(2);
  SimClient& client = cluster_->AddClient();
  const std::string member = absl::StrCat(
      "\"connect\":{\"token\":", Quoted(Token(R"({"sub":"u","channels":["flow:s"]})")), "}");
  const std::uint32_t first = client.Command(member);
  client.Command(member);
  EXPECT_EQ(CloseCodeOf(client), 3501);
  EXPECT_EQ(client.ReplyTo(first)->kind, Kind::kConnected);
}

TEST_F(ConnectingTest, WhoGoesWhileConnectingLeavesNothingBehind) {
  Begin(4);
  for (int i = 0; i < 40; ++i) {
    SimClient& client = cluster_->AddClient(static_cast<ShardId>(i % 4));
    ConnectWith(client, R"({"sub":"u","channels":["flow:a","flow:b","log:c","state:d"]})");
    cluster_->RunFor(static_cast<std::uint64_t>(i) * 20'000);
    if (i % 3 == 0) client.Reset();
    if (i % 3 == 1) client.Close();
    if (i % 3 == 2) client.SendClose(1000);
  }
  cluster_->RunFor(10 * kSecond);
  EXPECT_EQ(cluster_->Metric("tickcast_connections"), 0);
  EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 0);
  EXPECT_EQ(cluster_->Metric("tickcast_channels"), 0);
}

TEST_F(ConnectingTest, WhoMayNotConnectIsToldWhy) {
  options_.config.client.disallow_anonymous_connection_tokens = true;
  Begin();
  const struct {
    std::string members;
    std::uint32_t code;
  } cases[] = {
      {"", 3501},
      {R"("token":"")", 3501},
      {R"("token":"hello")", 3500},
      {"\"token\":" + Quoted(Token(R"({"sub":"u","channel":"flow:a"})")), 3500},
      {"\"token\":" + Quoted(Token("{}")), 3507},
  };
  for (const auto& [members, code] : cases) {
    SimClient& client = cluster_->AddClient();
    Connect(client, members);
    EXPECT_EQ(CloseCodeOf(client), code) << members;
  }
  SimClient& late = cluster_->AddClient();
  EXPECT_EQ(Reply(late, ConnectWith(late, "{\"sub\":\"u\"," + Exp(-1) + "}"))->code, 109);
  SimClient& ended = cluster_->AddClient();
  EXPECT_EQ(Reply(ended, ConnectWith(ended, R"({"sub":"u","expire_at":1})"))->code, 110);
}

// The original ignores it only where there is none: an insecure server still reads a token.
TEST_F(ConnectingTest, InsecureTakesNoWrongToken) {
  Begin();
  options_.config.client.insecure = true;
  cluster_ = std::make_unique<SimCluster>(1, options_);
  cluster_->Start();
  SimClient& client = cluster_->AddClient();
  Connect(client, R"("token":"hello")");
  EXPECT_EQ(CloseCodeOf(client), 3500);
  SimClient& none = cluster_->AddClient();
  EXPECT_EQ(Reply(none, Connect(none, ""))->kind, Kind::kConnected);
}

}  // namespace
}  // namespace tickcast::shards::sim
