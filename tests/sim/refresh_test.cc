// How long a token's grants last, how they are prolonged, and what ends when they are not.
#include <gtest/gtest.h>

#include <string>

#include "tests/sim/token_world.h"

namespace tickcast::shards::sim {
namespace {

class RefreshTest : public TokenTest {
 protected:
  std::string Refresh(std::string_view claims) {
    return absl::StrCat("\"refresh\":{\"token\":", Quoted(Token(claims)), "}");
  }
  std::string SubRefresh(std::string_view channel, std::string_view claims) {
    return absl::StrCat("\"sub_refresh\":{\"channel\":", Quoted(channel),
                        ",\"token\":", Quoted(Token(claims)), "}");
  }
  // A client "u" that is subscribed to `channel` for so many seconds.
  SimClient& Subscribed(std::string_view channel, int seconds) {
    SimClient& client = Connected(R"({"sub":"u"})");
    const Heard* reply =
        Subscribe(client, channel,
                  absl::StrCat(R"({"sub":"u","channel":")", protocol::Abseil(channel), "\",",
                               Exp(seconds), "}"));
    EXPECT_TRUE(reply != nullptr && reply->kind == Kind::kSubscribed);
    return client;
  }
};

TEST_F(RefreshTest, TheReplySaysWhenTheConnectionEndsAndItDoesAfterAGrace) {
  Begin();
  SimClient& client = Connected("{\"sub\":\"u\"," + Exp(30) + "}");
  const std::string text = client.HeardOf(Kind::kConnected)[0].text;
  EXPECT_NE(text.find(R"("expires":true,"ttl":30)"), std::string::npos) << text;
  cluster_->RunFor(54 * kSecond);
  EXPECT_EQ(client.close_code(), 0) << "25 s of grace";
  cluster_->RunFor(2 * kSecond);
  EXPECT_EQ(client.close_code(), 3005);
}

TEST_F(RefreshTest, ARefreshedConnectionStays) {
  Begin();
  SimClient& client = Connected("{\"sub\":\"u\"," + Exp(30) + "}");
  cluster_->RunFor(20 * kSecond);
  const Heard* reply = Ask(client, Refresh("{\"sub\":\"u\"," + Exp(60) + "}"));
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->text, R"({"expires":true,"ttl":60})");
  cluster_->RunFor(80 * kSecond);
  EXPECT_EQ(client.close_code(), 0);
  EXPECT_EQ(Ask(client, Refresh(R"({"sub":"u"})"))->text, "{}") << "for good";
  cluster_->RunFor(300 * kSecond);
  EXPECT_EQ(client.close_code(), 0);
}

TEST_F(RefreshTest, AWrongTokenEndsTheConnection) {
  const struct {
    std::string member;
    std::uint32_t code;
  } cases[] = {
      {Refresh("{\"sub\":\"v\"," + Exp(60) + "}"), 3500},
      {Refresh(R"({"sub":"u","channel":"flow:a"})"), 3500},
      {R"("refresh":{"token":"hello"})", 3500},
      {R"("refresh":{"token":""})", 3501},
      {R"("refresh":{})", 3501},
      {Refresh("{\"sub\":\"u\"," + Exp(-1) + "}"), 3005},
      {Refresh(R"({"sub":"u","channels":["flow:a"]})"), 3010},
  };
  for (const auto& [member, code] : cases) {
    SCOPED_TRACE(member);
    Begin();
    SimClient& client = Connected("{\"sub\":\"u\"," + Exp(30) + "}");
    client.Command(member);
    EXPECT_EQ(CloseCodeOf(client), code);
  }
}

TEST_F(RefreshTest, ChannelsOfTheNewTokenAreThoseOfTheOldOne) {
  Begin(2);
  constexpr const char* kClaims = R"({"sub":"u","channels":["flow:a","flow:b"]})";
  SimClient& same = Connected(kClaims);
  EXPECT_EQ(Ask(same, Refresh(kClaims))->kind, Kind::kProlonged);
  EXPECT_EQ(Ask(same, Refresh(R"({"sub":"u","subs":{"flow:b":{},"flow:a":{}}})"))->kind,
            Kind::kProlonged);
  same.Command(Refresh(R"({"sub":"u","channels":["flow:a"]})"));
  EXPECT_EQ(CloseCodeOf(same), 3010);
}

TEST_F(RefreshTest, ATokenThatEndedAlreadyIsError110) {
  Begin();
  SimClient& client = Connected(R"({"sub":"u"})");
  EXPECT_EQ(Ask(client, Refresh(R"({"sub":"u","expire_at":1})"))->code, 110);
  EXPECT_EQ(client.close_code(), 0);
}

TEST_F(RefreshTest, ASubscriptionEndsAfterItsGraceAndTheConnectionGoesOn) {
  Begin(2);
  SimClient& client = Subscribed("flow:a", 30);
  EXPECT_EQ(client.HeardOf(Kind::kSubscribed)[0].ttl_s, 30);
  cluster_->RunFor(54 * kSecond);
  EXPECT_TRUE(client.HeardOf(Kind::kDropped).empty());
  cluster_->RunFor(2 * kSecond);
  ASSERT_EQ(client.HeardOf(Kind::kDropped, "flow:a").size(), 1);
  EXPECT_EQ(client.HeardOf(Kind::kDropped)[0].code, 2501);
  EXPECT_EQ(client.close_code(), 0);
  EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 0);
}

TEST_F(RefreshTest, ARefreshedSubscriptionStays) {
  Begin(2);
  SimClient& client = Subscribed("flow:a", 30);
  cluster_->RunFor(20 * kSecond);
  const Heard* reply =
      Ask(client, SubRefresh("flow:a", R"({"sub":"u","channel":"flow:a",)" + Exp(60) + "}"));
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->text, R"({"expires":true,"ttl":60})");
  cluster_->RunFor(80 * kSecond);
  EXPECT_TRUE(client.HeardOf(Kind::kDropped).empty());
  EXPECT_EQ(Ask(client, SubRefresh("flow:a", R"({"sub":"u","channel":"flow:a"})"))->text, "{}");
  cluster_->RunFor(300 * kSecond);
  EXPECT_TRUE(client.HeardOf(Kind::kDropped).empty());
}

TEST_F(RefreshTest, WhatIsWrongWithASubRefresh) {
  options_.config.channel.namespaces[1].allow_subscribe_for_client = true;
  Begin();
  SimClient& client = Subscribed("flow:a", 30);
  EXPECT_EQ(Ask(client, SubRefresh("flow:b", R"({"sub":"u","channel":"flow:b"})"))->code, 103);
  EXPECT_EQ(Ask(client, R"("sub_refresh":{"channel":"flow:a"})")->code, 107);
  EXPECT_EQ(Ask(client, R"("sub_refresh":{"channel":"flow:a","type":1})")->code, 107);
  EXPECT_EQ(
      Ask(client, SubRefresh("flow:a", R"({"sub":"u","channel":"flow:a",)" + Exp(-1) + "}"))->code,
      109);
  EXPECT_EQ(client.close_code(), 0);
  for (const char* claims :
       {R"({"sub":"v","channel":"flow:a"})", R"({"sub":"u","channel":"flow:b"})", R"({"sub":"u"})",
        R"({"sub":"u","channel":"flow:a","client":"another"})"}) {
    SimClient& other = Subscribed("flow:a", 30);
    other.Command(SubRefresh("flow:a", claims));
    EXPECT_EQ(CloseCodeOf(other), 3500) << claims;
  }
}

TEST_F(RefreshTest, SubscriptionTokens) {
  Begin();
  SimClient& client = Connected(R"({"sub":"u"})");
  EXPECT_EQ(Ask(client, R"("subscribe":{"channel":"$flow:a"})")->code, 103);
  EXPECT_EQ(Ask(client, R"("subscribe":{"channel":"$flow:a","token":"hello"})")->code, 103);
  EXPECT_EQ(Subscribe(client, "$flow:a", R"({"sub":"u"})")->code, 103) << "for no channel";
  EXPECT_EQ(
      Subscribe(client, "$flow:a", R"({"sub":"u","channel":"$flow:a",)" + Exp(-1) + "}")->code,
      109);
  EXPECT_EQ(Subscribe(client, "$flow:a", R"({"sub":"u","channel":"$flow:a","expire_at":1})")->code,
            110);
  EXPECT_EQ(Subscribe(client, "$flow:a", R"({"sub":"u","channel":"$flow:a"})")->kind,
            Kind::kSubscribed);
  const Heard* reply =
      Subscribe(client, "log:a",
                R"({"sub":"u","channel":"log:a","override":{"force_recovery":{"value":true}}})");
  ASSERT_NE(reply, nullptr);
  EXPECT_TRUE(reply->recoverable && reply->positioned);
  for (const char* claims :
       {R"({"sub":"v","channel":"flow:x"})", R"({"sub":"u","channel":"flow:y"})",
        R"({"sub":"u","channel":"flow:x","client":"another"})"}) {
    SimClient& other = Connected(R"({"sub":"u"})");
    other.Command(
        absl::StrCat(R"("subscribe":{"channel":"flow:x","token":)", Quoted(Token(claims)), "}"));
    EXPECT_EQ(CloseCodeOf(other), 3500) << claims;
  }
}

TEST_F(RefreshTest, WhoLeavesAndComesBackHasTheTimeOfTheNewToken) {
  Begin(4);
  SimClient& client = Connected(R"({"sub":"u"})");
  const auto subscribe = [&](int seconds) {
    client.Command(absl::StrCat(
        R"("subscribe":{"channel":"flow:a","token":)",
        Quoted(Token(absl::StrCat(R"({"sub":"u","channel":"flow:a",)", Exp(seconds), "}"))), "}"));
  };
  subscribe(10);
  client.Unsubscribe("flow:a");
  subscribe(100);
  client.Flush();
  cluster_->RunFor(60 * kSecond);
  EXPECT_TRUE(client.HeardOf(Kind::kDropped).empty());
  cluster_->RunFor(70 * kSecond);
  EXPECT_EQ(client.HeardOf(Kind::kDropped, "flow:a").size(), 1);
}

}  // namespace
}  // namespace tickcast::shards::sim
