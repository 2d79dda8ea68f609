// What the server API is asked besides publications, and in which order.
#include "shards/server_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/metrics_text.h"
#include "shards/version.h"
#include "tests/shards/server_api_world.h"

namespace tickcast::shards {
namespace {

using protocol::ApiEndpoint;
using protocol::ApiForm;
using protocol::ApiMethod;
using testing::HasSubstr;

// --- Other commands ------------------------------------------------------------------------------

constexpr ApiEndpoint Of(ApiMethod method) { return {ApiForm::kSingle, method}; }

TEST_F(ServerApiTest, HistoryAnswersWithPublicationsAndPosition) {
  Call(kPublish, R"({"channel":"room:1","data":1})");
  Call(kPublish, R"({"channel":"room:1","data":{"a":2}})");
  const std::string epoch = EpochOf("room:1");
  const std::string end = R"(],"epoch":")" + epoch + R"(","offset":2}})";
  EXPECT_EQ(
      Call(Of(ApiMethod::kHistory), R"({"channel":"room:1","limit":-1})").body,
      R"({"result":{"publications":[{"data":1,"offset":1},{"data":{"a":2},"offset":2})" + end);
  EXPECT_EQ(Call(Of(ApiMethod::kHistory), R"({"channel":"room:1"})").body,
            R"({"result":{"publications":[)" + end);
  EXPECT_EQ(
      Call(Of(ApiMethod::kHistory),
           R"({"channel":"room:1","limit":1,"since":{"offset":1,"epoch":")" + epoch + R"("}})")
          .body,
      R"({"result":{"publications":[{"data":{"a":2},"offset":2})" + end);
  EXPECT_THAT(
      Call(Of(ApiMethod::kHistory), R"({"channel":"room:1","since":{"offset":1,"epoch":"x"}})")
          .body,
      HasSubstr(R"({"error":{"code":112)"));
  EXPECT_THAT(Call(Of(ApiMethod::kHistory), R"({"channel":"trade:1"})").body,
              HasSubstr(R"({"error":{"code":108)"));
}

TEST_F(ServerApiTest, HistoryRemoveKeepsThePosition) {
  Call(kPublish, R"({"channel":"room:1","data":1})");
  EXPECT_EQ(Call(Of(ApiMethod::kHistoryRemove), R"({"channel":"room:1"})").body,
            R"({"result":{}})");
  EXPECT_EQ(Call(Of(ApiMethod::kHistory), R"({"channel":"room:1","limit":-1})").body,
            R"({"result":{"publications":[],"epoch":")" + EpochOf("room:1") + R"(","offset":1}})");
  EXPECT_THAT(Call(Of(ApiMethod::kHistoryRemove), R"({"channel":"trade:1"})").body,
              HasSubstr(R"("code":108)"));
}

TEST_F(ServerApiTest, PresenceIsThatOfTheHome) {
  EXPECT_THAT(Call(Of(ApiMethod::kPresence), R"({"channel":"room:1"})").body,
              HasSubstr(R"("code":108)"));
  EXPECT_THAT(Call(Of(ApiMethod::kPresenceStats), R"({"channel":"room:1"})").body,
              HasSubstr(R"("code":108)"));
  config_.channel.namespaces[0].presence = true;
  EXPECT_EQ(Call(Of(ApiMethod::kPresence), R"({"channel":"room:2"})").body,
            R"({"result":{"presence":{}}})");
  Enter("room:2", {.user = "u", .client = "c2", .conn_info = R"({"a":1})", .chan_info = {}});
  Enter("room:2", {.user = "u", .client = "c1", .conn_info = {}, .chan_info = "2"});
  EXPECT_EQ(Call(Of(ApiMethod::kPresence), R"({"channel":"room:2"})").body,
            R"({"result":{"presence":{"c1":{"user":"u","client":"c1","chan_info":2},)"
            R"("c2":{"user":"u","client":"c2","conn_info":{"a":1}}}}})");
  EXPECT_EQ(Call(Of(ApiMethod::kPresenceStats), R"({"channel":"room:2"})").body,
            R"({"result":{"num_clients":2,"num_users":1}})");
}

TEST_F(ServerApiTest, WhatConcernsAUserIsAskedWithAllThatWasSaid) {
  EXPECT_EQ(Call(Of(ApiMethod::kDisconnect),
                 R"({"user":"u","client":"c","session":"s","whitelist":["w"],)"
                 R"("disconnect":{"code":4000,"reason":"r"}})")
                .body,
            R"({"result":{}})");
  EXPECT_THAT(asked_, testing::ElementsAre(Request::Kind::kDisconnectUser));
  EXPECT_EQ(user_request_->user, "u");
  EXPECT_EQ(user_request_->client, "c");
  EXPECT_EQ(user_request_->session, "s");
  EXPECT_EQ(user_request_->disconnect_code, 4000);
  EXPECT_EQ(user_request_->disconnect_reason, "r");
  EXPECT_THAT(user_request_->whitelist, testing::ElementsAre("w"));
  Call(Of(ApiMethod::kRefresh), R"({"user":"v","expired":true,"expire_at":7,"info":[1]})");
  EXPECT_EQ(asked_.back(), Request::Kind::kRefreshUser);
  EXPECT_TRUE(user_request_->expired);
  EXPECT_EQ(user_request_->expire_at_s, 7);
  EXPECT_EQ(user_request_->info, "[1]");
  Call(Of(ApiMethod::kUnsubscribe), R"({"user":"v","channel":"trade:1"})");
  EXPECT_EQ(asked_.back(), Request::Kind::kUnsubscribeUser);
}

TEST_F(ServerApiTest, SubscribeIsAskedWithAllThatWasSaid) {
  EXPECT_EQ(
      Call(Of(ApiMethod::kSubscribe),
           R"({"user":"u","channel":"trade:1","client":"c","session":"s","expire_at":7,)"
           R"("b64data":"eyAiYSI6IDEgfQ==","info":[2],"recover_since":{"offset":3,"epoch":"e"},)"
           R"("override":{"presence":{"value":true}}})")
          .body,
      R"({"result":{}})");
  EXPECT_THAT(asked_, testing::ElementsAre(Request::Kind::kSubscribeUser));
  EXPECT_EQ(user_request_->user, "u");
  EXPECT_EQ(user_request_->client, "c");
  EXPECT_EQ(user_request_->session, "s");
  EXPECT_EQ(user_request_->expire_at_s, 7);
  EXPECT_EQ(user_request_->data, R"({"a":1})");
  EXPECT_EQ(user_request_->raw, R"({ "a": 1 })");
  EXPECT_EQ(user_request_->info, "[2]");
  EXPECT_TRUE(user_request_->has_since);
  EXPECT_EQ(user_request_->since_offset, 3u);
  EXPECT_EQ(user_request_->since_epoch, "e");
  EXPECT_EQ(user_request_->override_options.presence, true);
  EXPECT_EQ(user_request_->override_options.join_leave, std::nullopt);
}

TEST_F(ServerApiTest, RevocationsAreAskedOfAllShards) {
  using Revocation = UserRequest::Revocation;
  Call(Of(ApiMethod::kBlockUser), R"({"user":"u","expire_at":7})");
  EXPECT_EQ(user_request_->revocation, Revocation::kBlock);
  EXPECT_EQ(user_request_->user, "u");
  EXPECT_EQ(user_request_->expire_at_s, 7);
  Call(Of(ApiMethod::kUnblockUser), R"({"user":"u"})");
  EXPECT_EQ(user_request_->revocation, Revocation::kUnblock);
  Call(Of(ApiMethod::kRevokeToken), R"({"uid":"j"})");
  EXPECT_EQ(user_request_->revocation, Revocation::kToken);
  EXPECT_EQ(user_request_->token_id, "j");
  Call(Of(ApiMethod::kInvalidateUserTokens), R"({"user":"u","issued_before":9})");
  EXPECT_EQ(user_request_->revocation, Revocation::kTokensOfUser);
  EXPECT_EQ(user_request_->issued_before_s, 9);
  EXPECT_THAT(asked_, testing::Each(Request::Kind::kRevoke));
  EXPECT_EQ(asked_.size(), 4u);
}

TEST_F(ServerApiTest, UnsubscribeFromNothingIsDone) {
  EXPECT_EQ(Call(Of(ApiMethod::kUnsubscribe), R"({"user":"v"})").body, R"({"result":{}})");
  EXPECT_TRUE(asked_.empty());
}

TEST_F(ServerApiTest, InfoCountsUsersAndChannelsOnce) {
  survey_.clients = 5;
  survey_.subscriptions = 7;
  survey_.users = {1, 2, 2, 1, 3};
  survey_.channels = {9, 9};
  survey_.last_minute = {.publications = 11, .refused = 2};
  EXPECT_EQ(
      Call(Of(ApiMethod::kInfo), "{}").body,
      R"({"result":{"nodes":[{"uid":"u-1","name":"n_1","version":")" + std::string(kVersion) +
          R"(","num_clients":5,"num_users":3,"num_channels":1,"uptime":1,"metrics":{"interval":60,"items":{)"
          R"("centrifugo.node.client_connection_limit":2,)"
          R"("centrifugo.node.messages_received_count.type.publication":11,)"
          R"("centrifugo.node.messages_sent_count.type.publication":11,)"
          R"("centrifugo.node.num_channels":1,"centrifugo.node.num_clients":5,)"
          R"("centrifugo.node.num_nodes":1,"centrifugo.node.num_subscriptions":7,)"
          R"("centrifugo.node.num_users":3}},"num_subs":7}]}})");
}

TEST_F(ServerApiTest, ChannelsAreSortedByName) {
  survey_.subscribers = {{"b", 2}, {"a", 1}};
  EXPECT_EQ(Call(Of(ApiMethod::kChannels), R"({"pattern":"*"})").body,
            R"({"result":{"channels":{"a":{"num_clients":1},"b":{"num_clients":2}}}})");
  EXPECT_THAT(Call(Of(ApiMethod::kChannels), R"({"pattern":"[a"})").body,
              HasSubstr(R"("code":107)"));
}

// No channel is a map here, and the original answers so where one is none.
TEST_F(ServerApiTest, MapsAreABadRequest) {
  for (const ApiMethod method :
       {ApiMethod::kMapPublish, ApiMethod::kMapRemove, ApiMethod::kMapReadState,
        ApiMethod::kMapReadStream, ApiMethod::kMapStats, ApiMethod::kMapClear,
        ApiMethod::kSharedPollPublish}) {
    SCOPED_TRACE(NameOf(method));
    EXPECT_THAT(Call(Of(method), R"({"channel":"room:1","key":"k","data":1,"version":1})").body,
                HasSubstr(R"({"error":{"code":107)"));
    EXPECT_THAT(Call(Of(method), R"({"channel":"none:1","key":"k","data":1,"version":1})").body,
                HasSubstr(R"({"error":{"code":102)"));
  }
}

TEST_F(ServerApiTest, RpcIsNotFound) {
  EXPECT_THAT(Call(Of(ApiMethod::kRpc), R"({"method":"m"})").body, HasSubstr(R"("code":104)"));
}

TEST_F(ServerApiTest, APublicationMustHaveTheFormatOfItsNamespace) {
  config_.channel.publication_data_format = engine::DataFormat::kJsonObject;
  EXPECT_THAT(Call(kPublish, R"({"channel":"room:1","data":[1]})").body,
              HasSubstr(R"("code":107)"));
  EXPECT_THAT(Call(kPublish, R"({"channel":"room:1","data":{}})").body, HasSubstr("result"));
  config_.channel.namespaces[0].publication_data_format = engine::DataFormat::kJson;
  EXPECT_THAT(Call(kPublish, R"({"channel":"room:1","data":[1]})").body, HasSubstr("result"));
}

TEST_F(ServerApiTest, ErrorsAreTheStatusWhereThatIsWanted) {
  error_status_ = true;
  const TestResponse unknown = Call(kPublish, R"({"channel":"none:1","data":1})");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body, R"({"code":102,"message":"unknown channel"})");
  EXPECT_EQ(unknown.headers.at("Content-Type"), "application/json");
  EXPECT_EQ(Call(kPublish, R"({"channel":"","data":1})").status, 400);
  EXPECT_EQ(Call(Of(ApiMethod::kHistory), R"({"channel":"room:1","since":{"epoch":"x"}})").status,
            416);
  EXPECT_EQ(Call(kPublish, R"({"channel":"room:1","data":1})").status, 200);
  // Those that hold several answers have no status of one.
  EXPECT_EQ(Call(kBroadcast, R"({"channels":["none:1"],"data":1})").status, 200);
  EXPECT_EQ(Call(kBatch, R"({"commands":[{"publish":{"channel":"none:1","data":1}}]})").status,
            200);
  EXPECT_EQ(Call(kLegacy, R"({"method":"publish","params":{"channel":"none:1","data":1}})").status,
            200);
}

TEST_F(ServerApiTest, TheHeaderOrTheConfigurationWantsErrorsAsTheStatus) {
  const TestHead plain("/api/publish");
  const TestHead transport("/api/publish", {{"x-centrifugo-error-mode", "transport"}});
  const TestHead other("/api/publish", {{"X-Centrifugo-Error-Mode", "body"}});
  EXPECT_FALSE(api_.WantsErrorStatus(plain));
  EXPECT_TRUE(api_.WantsErrorStatus(transport));
  EXPECT_FALSE(api_.WantsErrorStatus(other));
  config_.http_api.error_mode = "transport";
  EXPECT_TRUE(api_.WantsErrorStatus(plain));
}

TEST_F(ServerApiTest, LegacyRepliesNameTheirCommands) {
  EXPECT_EQ(Call(kLegacy, R"({"id":1,"method":"info","params":{}}{"id":2,"method":"rpc","params":)"
                          R"({"method":"m"}} {"method":"unsubscribe","params":{"user":"u"}})")
                .body.substr(0, 37),
            R"({"id":1,"result":{"nodes":[{"uid":"u-)");
  EXPECT_EQ(Call(kLegacy, R"({"id":2,"method":"rpc","params":{"method":"m"}})"
                          R"({"method":"unsubscribe","params":{"user":"u"}})")
                .body,
            "{\"id\":2,\"error\":{\"code\":104,\"message\":\"not found\"}}\n{\"result\":{}}");
}

TEST_F(ServerApiTest, CommandsAndErrorsAreCounted) {
  Call(kBatch, R"({"commands":[{"publish":{"channel":"none:1","data":1}},{"info":{}},{},)"
               R"({"broadcast":{"channels":["none:1","room:1"],"data":1}}]})");
  const std::string text = engine::MetricsText(world_.registry_);
  EXPECT_THAT(text, HasSubstr(R"(tickcast_api_commands_total{shard="0",method="publish"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(tickcast_api_commands_total{shard="0",method="unknown"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(tickcast_api_errors_total{shard="0",code="102"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(tickcast_api_errors_total{shard="0",code="104"} 1)"));
}

// --- The order of a batch ------------------------------------------------------------------------

TEST_F(ServerApiTest, WhatReachesConnectionsIsFinishedBeforeTheNextIsAsked) {
  const HttpAsker asker = world_.Client();
  Run(asker, kBatch,
      R"({"commands":[{"publish":{"channel":"trade:1","data":1}},)"
      R"({"publish":{"channel":"trade:1","data":2}},{"unsubscribe":{"user":"u","channel":"room:1"}},)"
      R"({"publish":{"channel":"trade:1","data":3}}]})");
  Turn();
  EXPECT_EQ(home_.published(), 2u);
  EXPECT_TRUE(asked_.empty());
  Turn();  // Both are answered: the unsubscribe is asked.
  Turn();
  EXPECT_EQ(asked_.size(), 1u);
  EXPECT_EQ(home_.published(), 2u);
  Turn();
  Turn();
  EXPECT_EQ(home_.published(), 3u);
  Turn();
  EXPECT_TRUE(world_.answered(asker));
}

TEST_F(ServerApiTest, AParallelBatchWaitsForNothing) {
  const HttpAsker asker = world_.Client();
  Run(asker, kBatch,
      R"({"parallel":true,"commands":[{"disconnect":{"user":"u"}},)"
      R"({"publish":{"channel":"trade:1","data":1}},{"refresh":{"user":"u"}}]})");
  Turn();
  EXPECT_EQ(asked_.size(), 2u);
  EXPECT_EQ(home_.published(), 1u);
  Turn();
  EXPECT_TRUE(world_.answered(asker));
}

TEST_F(ServerApiTest, AtMostSoManyQuestionsAreUnderWay) {
  std::string body = R"({"data":1,"channels":[)";
  for (int i = 0; i < 3000; ++i) body += (i == 0 ? "" : ",") + std::string(R"("trade:1")");
  body += "]}";
  const HttpAsker asker = world_.Client();
  Run(asker, kBroadcast, body);
  std::size_t most = 0;
  for (int turn = 0; turn < 20 && !world_.answered(asker); ++turn) {
    const std::uint64_t before = home_.published();
    Turn();
    most = std::max<std::size_t>(most, home_.published() - before);
  }
  ASSERT_TRUE(world_.answered(asker));
  EXPECT_EQ(home_.published(), 3000u);
  EXPECT_LE(most, 1024u);
}
}  // namespace
}  // namespace tickcast::shards
