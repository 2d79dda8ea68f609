// client.user_id_http_header: a proxy before the server says who the user is.
#include <gtest/gtest.h>

#include <string>

#include "tests/sim/token_world.h"

namespace tickcast::shards::sim {
namespace {

class HeaderUserTest : public TokenTest {
 protected:
  HeaderUserTest() {
    engine::ClientConfig& client = options_.config.client;
    client.user_id_http_header = "X-User-Id";
    client.subscribe_to_user_personal_channel = {
        .enabled = true, .personal_channel_namespace = "user", .single_connection = true};
    options_.config.channel.namespaces.push_back({.name = "user"});
    options_.config.channel.namespaces.push_back(
        {.name = "own", .allow_user_limited_channels = true});
    options_.config.channel.namespaces.push_back(
        {.name = "all", .allow_subscribe_for_client = true});
  }
  SimClient& With(std::string headers) {
    return cluster_->AddClient(0, {.query = "", .headers = std::move(headers)});
  }
  bool IsUser(SimClient& client, std::string_view user) {
    const Heard* reply = Ask(
        client, absl::StrCat(R"("subscribe":{"channel":"own:#)", protocol::Abseil(user), "\"}"));
    return reply != nullptr && reply->kind == Kind::kSubscribed;
  }
};

TEST_F(HeaderUserTest, WhoHasNoTokenIsWhomTheHeaderNames) {
  Begin();
  SimClient& client = With("x-user-ID: 42\r\nX-User-Id: 43\r\n");
  const Heard* connected = Reply(client, Connect(client, R"("subs":{"all:1":{}})"));
  ASSERT_NE(connected, nullptr);
  EXPECT_EQ(connected->kind, Kind::kConnected);
  EXPECT_EQ(connected->text.find("\"subs\""), std::string::npos) << connected->text;
  EXPECT_TRUE(IsUser(client, "42")) << "the first header counts";
  EXPECT_FALSE(IsUser(client, "43"));
  EXPECT_EQ(Ask(client, R"("subscribe":{"channel":"all:1"})")->kind, Kind::kSubscribed);
  // It is not one that its personal channel could be found by.
  SimClient& second = With("X-User-Id: 42\r\n");
  EXPECT_EQ(Reply(second, Connect(second, ""))->kind, Kind::kConnected);
  cluster_->RunFor(50 * kMillisecond);
  EXPECT_EQ(client.close_code(), 0u);
}

TEST_F(HeaderUserTest, ATokenComesBeforeIt) {
  Begin();
  SimClient& client = With("X-User-Id: 42\r\n");
  EXPECT_EQ(Reply(client, ConnectWith(client, R"({"sub":"7"})"))->kind, Kind::kConnected);
  EXPECT_TRUE(IsUser(client, "7"));
  SimClient& liar = With("X-User-Id: 42\r\n");
  Reply(liar, Connect(liar, R"("token":"x")"));
  EXPECT_EQ(liar.close_code(), 3500u);
}

TEST_F(HeaderUserTest, WithoutItOrWithNoTextNobodyConnects) {
  Begin();
  for (const char* headers : {"", "X-User-Id: \r\n", "X-User-Id: a\xff\r\n", "X-User: 42\r\n"}) {
    SimClient& client = With(headers);
    Reply(client, Connect(client, ""));
    EXPECT_EQ(client.close_code(), 3501u) << headers;
  }
}

TEST_F(HeaderUserTest, WhereEverybodyMayConnectItSaysNothing) {
  options_.config.client.allow_anonymous_connect_without_token = true;
  Begin();
  SimClient& client = With("X-User-Id: 42\r\n");
  EXPECT_EQ(Reply(client, Connect(client, ""))->kind, Kind::kConnected);
  EXPECT_FALSE(IsUser(client, "42"));
}

// Only where the configuration names it.
TEST_F(HeaderUserTest, UnaskedItSaysNothing) {
  options_.config.client.user_id_http_header = "";
  Begin();
  SimClient& client = With("X-User-Id: 42\r\n");
  Reply(client, Connect(client, ""));
  EXPECT_EQ(client.close_code(), 3501u);
}

}  // namespace
}  // namespace tickcast::shards::sim
