#include "shards/server_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/shards/fake_ring.h"
#include "tests/shards/server_api_world.h"
#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

using protocol::ApiEndpoint;
using testing::HasSubstr;

// --- Who may -------------------------------------------------------------------------------------

class ServerApiKeyTest : public ServerApiTest {
 protected:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  bool Authorized(std::string_view target, const Headers& headers = {}) {
    const TestHead head(target, headers);
    EXPECT_TRUE(head.ok());
    return api_.Authorized(head);
  }
};

TEST_F(ServerApiKeyTest, TheKeyIsTakenFromEitherHeaderOrTheQuery) {
  config_.http_api.key = "s3cret";
  EXPECT_TRUE(Authorized("/api", {{"X-API-Key", "s3cret"}}));
  EXPECT_TRUE(Authorized("/api", {{"x-api-key", "s3cret"}}));
  EXPECT_TRUE(Authorized("/api", {{"Authorization", "apikey s3cret"}}));
  EXPECT_TRUE(Authorized("/api", {{"Authorization", "ApiKey s3cret"}}));
  EXPECT_TRUE(Authorized("/api?api_key=s3cret"));
  EXPECT_TRUE(Authorized("/api?a=b&api_key=s3cr%65t"));
}

TEST_F(ServerApiKeyTest, AnythingElseIsRefused) {
  config_.http_api.key = "s3cret";
  EXPECT_FALSE(Authorized("/api"));
  for (const char* const wrong : {"", "s3cre", "s3cretx", "s3creT", "S3cret", "xxxxxx", "apikey"}) {
    SCOPED_TRACE(wrong);
    EXPECT_FALSE(Authorized("/api", {{"X-API-Key", wrong}}));
    EXPECT_FALSE(Authorized("/api", {{"Authorization", std::string("apikey ") + wrong}}));
    EXPECT_FALSE(Authorized("/api", {{"Authorization", wrong}}));
    EXPECT_FALSE(Authorized(std::string("/api?api_key=") + wrong));
  }
  EXPECT_FALSE(Authorized("/api", {{"Authorization", "s3cret"}}));
  EXPECT_FALSE(Authorized("/api", {{"Authorization", "apikeys3cret"}}));
  EXPECT_FALSE(Authorized("/api", {{"Authorization", "Bearer s3cret"}}));
  EXPECT_FALSE(Authorized("/api?key=s3cret"));
}

// An empty key must not be what an empty header matches.
TEST_F(ServerApiKeyTest, WithoutAConfiguredKeyNobodyPasses) {
  EXPECT_FALSE(Authorized("/api"));
  EXPECT_FALSE(Authorized("/api", {{"X-API-Key", ""}}));
  EXPECT_FALSE(Authorized("/api", {{"Authorization", "apikey "}}));
  EXPECT_FALSE(Authorized("/api?api_key="));
  config_.http_api.insecure = true;
  EXPECT_TRUE(Authorized("/api"));
}

// --- Publishing ----------------------------------------------------------------------------------

TEST_F(ServerApiTest, PublishAnswersWithThePosition) {
  const std::string epoch = EpochOf("room:1");
  const TestResponse response = Call(kPublish, R"({"channel":"room:1","data":{"a": 1}})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("Content-Type"), "application/json");
  EXPECT_EQ(response.body, R"({"result":{"offset":1,"epoch":")" + epoch + R"("}})");
  EXPECT_EQ(home_.published(), 1u);
}

TEST_F(ServerApiTest, PublishWithoutHistoryHasNoPosition) {
  EXPECT_EQ(Call(kPublish, R"({"channel":"trade:a","data":1})").body, R"({"result":{}})");
  EXPECT_EQ(Call(kPublish, R"({"channel":"room:1","data":1,"skip_history":true})").body,
            R"({"result":{}})");
}

TEST_F(ServerApiTest, RepetitionsAndOldVersionsAreAnsweredAndNotPublished) {
  const std::string_view once = R"({"channel":"room:1","data":1,"idempotency_key":"k"})";
  const std::string first = Call(kPublish, once).body;
  EXPECT_THAT(first, HasSubstr(R"("offset":1)"));
  EXPECT_EQ(Call(kPublish, once).body, first);
  const std::string_view newer = R"({"channel":"room:1","data":1,"version":3,"version_epoch":"e"})";
  const std::string second = Call(kPublish, newer).body;
  EXPECT_THAT(second, HasSubstr(R"("offset":2)"));
  EXPECT_EQ(Call(kPublish, newer).body, second);
  EXPECT_EQ(home_.published(), 2u);
}

TEST_F(ServerApiTest, NothingIsAnsweredBeforeTheHomeHas) {
  const HttpAsker asker = world_.Client();
  Run(asker, kPublish, R"({"channel":"room:1","data":1})");
  EXPECT_FALSE(world_.answered(asker));
  Turn();
  EXPECT_FALSE(world_.answered(asker));
  Turn();
  EXPECT_TRUE(world_.answered(asker));
}

TEST_F(ServerApiTest, BroadcastAnswersForEveryChannelInOrder) {
  const std::string epoch = EpochOf("room:2");
  const TestResponse response =
      Call(kBroadcast, R"({"channels":["trade:a","nowhere:1","","room:2"],"data":"x"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"result":{"responses":[{"result":{}},)"
                           R"({"error":{"code":102,"message":"unknown channel"}},)"
                           R"({"error":{"code":107,"message":"bad request"}},)"
                           R"({"result":{"offset":1,"epoch":")" +
                               epoch + R"("}}]}})");
  EXPECT_EQ(home_.published(), 2u);
}

TEST_F(ServerApiTest, ABatchRunsWhatItCan) {
  const TestResponse response =
      Call(kBatch, R"({"commands":[{"publish":{"channel":"trade:a","data":1}},)"
                   R"({"publish":{"channel":"nowhere:1","data":1}},)"
                   R"({"publish":{"channel":"trade:a"}},)"
                   R"({"broadcast":{"channels":["trade:a","trade:b"],"data":2}}]})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"replies":[{"publish":{}},)"
                           R"({"error":{"code":102,"message":"unknown channel"}},)"
                           R"({"error":{"code":107,"message":"bad request"}},)"
                           R"({"broadcast":{"responses":[{"result":{}},{"result":{}}]}}]})");
  EXPECT_EQ(home_.published(), 3u);
}

TEST_F(ServerApiTest, AnEmptyBatchIsAnsweredAtOnce) {
  const HttpAsker asker = world_.Client();
  Run(asker, kBatch, R"({"commands":[]})");
  ASSERT_TRUE(world_.answered(asker));
  EXPECT_EQ(world_.ResponseTo(asker).body, "{}");
}
TEST_F(ServerApiTest, ABodyThatIsNotItsEndpointsJsonIs400AndRunsNothing) {
  for (const char* const body :
       {"", "{", "[]", R"({"channel":1,"data":1})", R"({"channel":"room:1","data":tru})"}) {
    SCOPED_TRACE(body);
    const HttpAsker asker = world_.Client();
    Run(asker, kPublish, body);
    ASSERT_TRUE(world_.answered(asker));
    EXPECT_EQ(world_.ResponseTo(asker).status, 400);
    // The request itself was read whole: the connection can go on.
    EXPECT_EQ(world_.after(asker), HttpResponder::Host::After::kKeepAlive);
  }
  EXPECT_EQ(home_.published(), 0u);
}

TEST_F(ServerApiTest, NamesAreTakenUpToTheirLimit) {
  const std::string longest = "room:" + std::string(15, 'x');
  EXPECT_THAT(Call(kPublish, R"({"channel":")" + longest + R"(","data":1})").body,
              HasSubstr("result"));
  EXPECT_THAT(Call(kPublish, R"({"channel":")" + longest + R"(x","data":1})").body,
              HasSubstr(R"("code":107)"));
  EXPECT_EQ(world_.metrics_.publications_refused.value(), 0u);
}

TEST_F(ServerApiTest, CallsDoNotMixAndAClientThatLeftHarmsNobody) {
  const HttpAsker first = world_.Client();
  const HttpAsker gone = world_.Client();
  const HttpAsker last = world_.Client();
  Run(first, kPublish, R"({"channel":"room:1","data":1})");
  Run(gone, kPublish, R"({"channel":"room:1","data":2})");
  Run(last, kPublish, R"({"channel":"room:1","data":3})");
  world_.connections_.Close(gone.slot);
  Turn();
  Turn();
  EXPECT_THAT(world_.ResponseTo(first).body, HasSubstr(R"("offset":1)"));
  EXPECT_FALSE(world_.answered(gone));
  EXPECT_THAT(world_.ResponseTo(last).body, HasSubstr(R"("offset":3)"));
}

// An answer is for one call; the same memory may serve another by then.
TEST_F(ServerApiTest, AnAnswerToAFinishedCallIsDropped) {
  const HttpAsker first = world_.Client();
  Run(first, kPublish, R"({"channel":"room:1","data":1})");
  auto stale = std::make_unique<Request>();
  exchange_.Drain(1000, [&](ShardId, Message&& message) {
    stale->slot = message.request->slot;
    stale->generation = message.request->generation;
    stale->command_id = message.request->command_id;
    home_.Ask(std::move(message.request), kNowNs);
  });
  Turn();
  ASSERT_TRUE(world_.answered(first));
  const HttpAsker second = world_.Client();
  Run(second, kPublish, R"({"channel":"room:1","data":2})");
  api_.OnAnswer(std::move(stale), kNowNs);
  EXPECT_FALSE(world_.answered(second));
  Turn();
  Turn();
  EXPECT_THAT(world_.ResponseTo(second).body, HasSubstr(R"("offset":2)"));
}

// The way to the home is full: a failure that passes by itself says so with 503.
TEST(ServerApiCongestionTest, AFullWayIs503AndInABatchAnErrorOfItsOwn) {
  engine::Config config;
  config.channel.namespaces = {{.name = "room"}};
  Mesh mesh(2, 2);
  Exchange exchange(mesh, 0);
  HttpTestWorld world;
  const Node node;
  ServerApi api(config, exchange, world.responder_, world.metrics_, node);
  mesh.SetCongested(1, true);
  const std::string channel = NameAt(mesh, 1, "room:");
  const std::string publish = R"({"channel":")" + channel + R"(","data":1})";
  const auto run = [&](ApiEndpoint endpoint, std::string body) {
    const HttpAsker asker = world.Client();
    const std::size_t size = body.size();
    body.resize(size + protocol::kJsonPaddingBytes);
    api.Run(asker, endpoint, false, std::string_view(body).substr(0, size), kNowNs);
    EXPECT_TRUE(world.answered(asker));
    return world.ResponseTo(asker);
  };
  const TestResponse one = run(kPublish, publish);
  EXPECT_EQ(one.status, 503);
  EXPECT_THAT(one.body, HasSubstr(R"("code":100)"));
  const TestResponse batch = run(kBatch, R"({"commands":[{"publish":)" + publish + "}]}");
  EXPECT_EQ(batch.status, 200);
  EXPECT_THAT(batch.body, HasSubstr(R"("code":100)"));
  EXPECT_EQ(world.metrics_.publications_refused.value(), 2u);
  EXPECT_EQ(exchange.waiting(), 0u);

  // The home may find its ways full only when the question is there.
  mesh.SetCongested(1, false);
  const HttpAsker asker = world.Client();
  std::string body = publish;
  body.resize(publish.size() + protocol::kJsonPaddingBytes);
  api.Run(asker, kPublish, false, std::string_view(body).substr(0, publish.size()), kNowNs);
  ASSERT_FALSE(world.answered(asker));
  Exchange home(mesh, 1);
  FakeRing ring;
  exchange.Publish(ring);
  auto answer = std::make_unique<Request>();
  home.Drain(1000, [&](ShardId, Message&& message) {
    if (!message.request) return;
    answer->kind = message.request->kind;
    answer->slot = message.request->slot;
    answer->generation = message.request->generation;
  });
  answer->failed = true;
  answer->error = protocol::ErrorCode::kTooManyRequests;
  api.OnAnswer(std::move(answer), kNowNs);
  ASSERT_TRUE(world.answered(asker));
  EXPECT_EQ(world.ResponseTo(asker).status, 503);
}

}  // namespace
}  // namespace tickcast::shards
