// Blocking users and revoking tokens, through real shards: who is connected is ended, and who comes
// is refused, on every shard.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/api_world.h"

namespace tickcast::shards::sim {
namespace {

using testing::HasSubstr;
using Kind = Heard::Kind;

constexpr char kDone[] = R"({"result":{}})";

class RevokingTest : public ApiWorldTest {
 protected:
  // What becomes of a client that connects with these claims: 0, or the code that it is closed
  // with.
  std::uint32_t Try(ShardId shard, std::string_view claims) {
    SimClient& client = Begin(shard, claims);
    client.Flush();
    cluster_.RunUntil(
        [&] { return client.close_code() != 0 || !client.HeardOf(Kind::kConnected).empty(); });
    return client.close_code();
  }
  // Subscribes `client` with a token of these claims.
  const Heard* Enter(SimClient& client, std::string_view channel, std::string_view claims) {
    const std::uint32_t id =
        client.Command(absl::StrCat(R"("subscribe":{"channel":")", protocol::Abseil(channel),
                                    R"(","token":")", Token(claims), "\"}"));
    client.Flush();
    Settle();
    return client.ReplyTo(id);
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, RevokingTest, testing::Range<std::uint64_t>(0, 4));

TEST_P(RevokingTest, ABlockedUserIsEndedAndRefusedEverywhereUntilUnblocked) {
  std::vector<SimClient*> hers;
  for (const ShardId shard : {0, 1, 2}) hers.push_back(&Connect(shard, "ada"));
  SimClient& bob = Connect(1, "bob");
  EXPECT_EQ(Call("/api/block_user", R"({"user":"ada"})"), kDone);
  Settle();
  for (SimClient* client : hers) EXPECT_EQ(client->close_code(), 3507u);
  EXPECT_EQ(bob.close_code(), 0u);
  EXPECT_EQ(cluster_.Metric("tickcast_closes_total", "3507 permission denied"), 3);
  for (const ShardId shard : {0, 1, 2}) EXPECT_EQ(Try(shard, R"({"sub":"ada"})"), 3507u);
  EXPECT_EQ(Try(0, R"({"sub":"bob"})"), 0u);
  EXPECT_EQ(Call("/api/unblock_user", R"({"user":"ada"})", 2), kDone);
  for (const ShardId shard : {0, 1, 2}) EXPECT_EQ(Try(shard, R"({"sub":"ada"})"), 0u);
  EXPECT_EQ(Call("/api/unblock_user", R"({"user":"never"})"), kDone);
}

TEST_P(RevokingTest, ABlockThatIsOverBlocksNobody) {
  SimClient& client = Connect(1, "ada");
  EXPECT_EQ(Call("/api/block_user", R"({"user":"ada","expire_at":1000})"), kDone);
  Settle();
  EXPECT_EQ(client.close_code(), 0u);
  EXPECT_EQ(Try(0, R"({"sub":"ada"})"), 0u);
  Call("/api/block_user", absl::StrCat(R"({"user":"ada","expire_at":)", time(nullptr) + 1000, "}"));
  EXPECT_EQ(Try(0, R"({"sub":"ada"})"), 3507u);
}

// It is not among the user's connections yet, and has passed the check already.
TEST_P(RevokingTest, WhoIsConnectingMeanwhileIsRefusedToo) {
  const std::string channel = RemoteChannel(1);
  for (const auto& [path, body, code] :
       {std::tuple("/api/block_user", R"({"user":"ada"})", 3507u),
        std::tuple("/api/revoke_token", R"({"uid":"j"})", 3500u)}) {
    SCOPED_TRACE(path);
    const ShardId home = cluster_.mesh().HomeOf(channel);
    cluster_.Stall(home, cluster_.now_ns() + 200 * kMillisecond);
    SimClient& client =
        Begin(1, absl::StrCat(R"({"sub":"ada","jti":"j","channels":[")", channel, R"("]})"));
    client.Flush();
    cluster_.RunFor(20 * kMillisecond);
    ASSERT_TRUE(client.HeardOf(Kind::kConnected).empty());
    SimHttpPeer peer(cluster_.world(), cluster_.ring(1));
    peer.Post(path, body);
    ASSERT_TRUE(cluster_.RunUntil([&] { return !peer.Responses().empty(); }));
    Settle();
    EXPECT_EQ(client.close_code(), code);
    Call("/api/unblock_user", R"({"user":"ada"})");
  }
}

TEST_P(RevokingTest, ATokenIsRevokedByItsId) {
  SimClient& revoked = ConnectWith(2, R"({"sub":"ada","jti":"a"})");
  SimClient& other = ConnectWith(1, R"({"sub":"ada","jti":"b"})");
  SimClient& nameless = ConnectWith(0, R"({"sub":"ada"})");
  EXPECT_EQ(Call("/api/revoke_token", R"({"uid":"a"})"), kDone);
  Settle();
  EXPECT_EQ(revoked.close_code(), 3500u);
  EXPECT_EQ(other.close_code(), 0u);
  EXPECT_EQ(nameless.close_code(), 0u);
  for (const ShardId shard : {0, 1, 2}) {
    EXPECT_EQ(Try(shard, R"({"sub":"ada","jti":"a"})"), 3500u);
    EXPECT_EQ(Try(shard, R"({"sub":"ada","jti":"c"})"), 0u);
  }
  // Nor can a connection be prolonged with it.
  other.Command(
      absl::StrCat(R"("refresh":{"token":")", Token(R"({"sub":"ada","jti":"a"})"), "\"}"));
  other.Flush();
  Settle();
  EXPECT_EQ(other.close_code(), 3500u);
}

TEST_P(RevokingTest, TokensOfAUserThatWereIssuedBefore) {
  SimClient& old = ConnectWith(0, R"({"sub":"ada","iat":1000})");
  SimClient& unknown = ConnectWith(1, R"({"sub":"ada"})");
  SimClient& fresh = ConnectWith(2, R"({"sub":"ada","iat":2000})");
  SimClient& bob = ConnectWith(2, R"({"sub":"bob","iat":1000})");
  EXPECT_EQ(Call("/api/invalidate_user_tokens", R"({"user":"ada","issued_before":2000})"), kDone);
  Settle();
  EXPECT_EQ(old.close_code(), 3500u);
  EXPECT_EQ(unknown.close_code(), 3500u) << "nobody knows when";
  EXPECT_EQ(fresh.close_code(), 0u);
  EXPECT_EQ(bob.close_code(), 0u);
  EXPECT_EQ(Try(1, R"({"sub":"ada","iat":1999})"), 3500u);
  EXPECT_EQ(Try(1, R"({"sub":"ada","iat":2000})"), 0u);
  // Without a time: all until now.
  Call("/api/invalidate_user_tokens", R"({"user":"ada"})");
  Settle();
  EXPECT_EQ(fresh.close_code(), 3500u);
  EXPECT_EQ(Try(1, absl::StrCat(R"({"sub":"ada","iat":)", time(nullptr) + 1, "}")), 0u);
}

TEST_P(RevokingTest, ThoseWithoutATokenAreNotMeant) {
  SimClient& anonymous = Connect(1, "");
  Call("/api/invalidate_user_tokens", R"({"user":"ada"})");
  Call("/api/revoke_token", R"({"uid":"a"})");
  Settle();
  EXPECT_EQ(anonymous.close_code(), 0u);
}

TEST_P(RevokingTest, SubscriptionTokensOfAChannel) {
  SimClient& client = ConnectWith(0, R"({"sub":"ada","iat":1000})");
  for (const char* const channel : {"flow:a", "flow:b"}) {
    const Heard* reply = Enter(
        client, channel, absl::StrCat(R"({"sub":"ada","iat":1000,"channel":")", channel, "\"}"));
    ASSERT_TRUE(reply != nullptr && reply->kind == Kind::kSubscribed);
  }
  EXPECT_EQ(Call("/api/invalidate_user_tokens",
                 R"({"user":"ada","channel":"flow:a","issued_before":2000})"),
            kDone);
  Settle();
  EXPECT_EQ(client.close_code(), 0u) << "its connection's token is another matter";
  const std::vector<Heard> dropped = client.HeardOf(Kind::kDropped);
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].channel, "flow:a");
  EXPECT_EQ(dropped[0].code, 2000u);
  const Heard* reply = Enter(client, "flow:a", R"({"sub":"ada","iat":1999,"channel":"flow:a"})");
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->code, 103u);
  reply = Enter(client, "flow:a", R"({"sub":"ada","iat":2000,"channel":"flow:a","jti":"s"})");
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->kind, Kind::kSubscribed);
  // By its id a subscription's token is revoked like any other.
  Call("/api/revoke_token", R"({"uid":"s"})");
  Settle();
  EXPECT_EQ(client.HeardOf(Kind::kDropped, "flow:a").size(), 2u);
  EXPECT_EQ(client.close_code(), 0u);
  EXPECT_EQ(Try(1, R"({"sub":"ada","iat":1})"), 0u);
}

TEST_P(RevokingTest, WhatIsMissingIsABadRequest) {
  for (const char* const path : {"/api/block_user", "/api/unblock_user", "/api/revoke_token",
                                 "/api/invalidate_user_tokens"}) {
    EXPECT_THAT(Call(path, "{}"), HasSubstr(R"("code":107)")) << path;
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
