#include "shards/publish_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "protocol/json/payload.h"
#include "shards/home.h"
#include "tests/shards/fake_ring.h"
#include "tests/shards/http_test_world.h"
#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

using protocol::ApiEndpoint;
using testing::HasSubstr;

constexpr std::uint64_t kNowNs = 1'000'000'000;

// An API on a shard that is the home of every channel, or of none where `shards` is more.
class PublishApiTest : public testing::Test {
 protected:
  PublishApiTest() {
    config_.channel.namespaces = {
        {.name = "room", .history_size = 10, .history_ttl_ns = 60 * kNowNs}, {.name = "trade"}};
    config_.channel.max_length = 20;
  }

  void Run(const HttpAsker& asker, ApiEndpoint endpoint, std::string_view body) {
    std::string padded(body);
    padded.resize(body.size() + protocol::kJsonPaddingBytes);
    api_.Run(asker, endpoint, std::string_view(padded).substr(0, body.size()), kNowNs);
  }
  // The turns of a shard that answers itself.
  void Turn() {
    exchange_.Drain(1000, [this](ShardId, Message&& message) {
      if (message.kind == Message::Kind::kAsk) home_.Ask(std::move(message.request), kNowNs);
      if (message.kind == Message::Kind::kAnswer) api_.OnAnswer(*message.request);
    });
  }
  TestResponse Call(ApiEndpoint endpoint, std::string_view body) {
    const HttpAsker asker = world_.Client();
    Run(asker, endpoint, body);
    Turn();
    Turn();
    EXPECT_TRUE(world_.answered(asker)) << body;
    return world_.ResponseTo(asker);
  }
  std::string EpochOf(std::string_view channel) {
    auto question = std::make_unique<Request>();
    question->kind = Request::Kind::kHistory;
    question->channel = channel;
    home_.Ask(std::move(question), kNowNs);
    std::string epoch;
    exchange_.Drain(1000, [&](ShardId, Message&& message) { epoch = message.request->epoch; });
    return epoch;
  }

  engine::Config config_;
  Mesh mesh_{1, 4};
  Exchange exchange_{mesh_, 0};
  Home home_{config_, exchange_, 1};
  HttpTestWorld world_;
  PublishApi api_{config_, exchange_, world_.responder_, world_.metrics_};
};

// --- Who may -------------------------------------------------------------------------------------

class PublishApiKeyTest : public PublishApiTest {
 protected:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  bool Authorized(std::string_view target, const Headers& headers = {}) {
    const TestHead head(target, headers);
    EXPECT_TRUE(head.ok());
    return api_.Authorized(head);
  }
};

TEST_F(PublishApiKeyTest, TheKeyIsTakenFromEitherHeaderOrTheQuery) {
  config_.http_api.key = "s3cret";
  EXPECT_TRUE(Authorized("/api", {{"X-API-Key", "s3cret"}}));
  EXPECT_TRUE(Authorized("/api", {{"x-api-key", "s3cret"}}));
  EXPECT_TRUE(Authorized("/api", {{"Authorization", "apikey s3cret"}}));
  EXPECT_TRUE(Authorized("/api", {{"Authorization", "ApiKey s3cret"}}));
  EXPECT_TRUE(Authorized("/api?api_key=s3cret"));
  EXPECT_TRUE(Authorized("/api?a=b&api_key=s3cr%65t"));
}

TEST_F(PublishApiKeyTest, AnythingElseIsRefused) {
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
TEST_F(PublishApiKeyTest, WithoutAConfiguredKeyNobodyPasses) {
  EXPECT_FALSE(Authorized("/api"));
  EXPECT_FALSE(Authorized("/api", {{"X-API-Key", ""}}));
  EXPECT_FALSE(Authorized("/api", {{"Authorization", "apikey "}}));
  EXPECT_FALSE(Authorized("/api?api_key="));
  config_.http_api.insecure = true;
  EXPECT_TRUE(Authorized("/api"));
}

// --- Publishing ----------------------------------------------------------------------------------

TEST_F(PublishApiTest, PublishAnswersWithThePosition) {
  const std::string epoch = EpochOf("room:1");
  const TestResponse response =
      Call(ApiEndpoint::kPublish, R"({"channel":"room:1","data":{"a": 1}})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("Content-Type"), "application/json");
  EXPECT_EQ(response.body, R"({"result":{"offset":1,"epoch":")" + epoch + R"("}})");
  EXPECT_EQ(home_.published(), 1u);
}

TEST_F(PublishApiTest, PublishWithoutHistoryHasNoPosition) {
  EXPECT_EQ(Call(ApiEndpoint::kPublish, R"({"channel":"trade:a","data":1})").body,
            R"({"result":{}})");
  EXPECT_EQ(
      Call(ApiEndpoint::kPublish, R"({"channel":"room:1","data":1,"skip_history":true})").body,
      R"({"result":{}})");
}

TEST_F(PublishApiTest, RepetitionsAndOldVersionsAreAnsweredAndNotPublished) {
  const std::string_view once = R"({"channel":"room:1","data":1,"idempotency_key":"k"})";
  const std::string first = Call(ApiEndpoint::kPublish, once).body;
  EXPECT_THAT(first, HasSubstr(R"("offset":1)"));
  EXPECT_EQ(Call(ApiEndpoint::kPublish, once).body, first);
  const std::string_view newer = R"({"channel":"room:1","data":1,"version":3,"version_epoch":"e"})";
  const std::string second = Call(ApiEndpoint::kPublish, newer).body;
  EXPECT_THAT(second, HasSubstr(R"("offset":2)"));
  EXPECT_EQ(Call(ApiEndpoint::kPublish, newer).body, second);
  EXPECT_EQ(home_.published(), 2u);
}

TEST_F(PublishApiTest, NothingIsAnsweredBeforeTheHomeHas) {
  const HttpAsker asker = world_.Client();
  Run(asker, ApiEndpoint::kPublish, R"({"channel":"room:1","data":1})");
  EXPECT_FALSE(world_.answered(asker));
  Turn();
  EXPECT_FALSE(world_.answered(asker));
  Turn();
  EXPECT_TRUE(world_.answered(asker));
}

TEST_F(PublishApiTest, BroadcastAnswersForEveryChannelInOrder) {
  const std::string epoch = EpochOf("room:2");
  const TestResponse response = Call(
      ApiEndpoint::kBroadcast, R"({"channels":["trade:a","nowhere:1","","room:2"],"data":"x"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"result":{"responses":[{"result":{}},)"
                           R"({"error":{"code":102,"message":"unknown channel"}},)"
                           R"({"error":{"code":107,"message":"bad request"}},)"
                           R"({"result":{"offset":1,"epoch":")" +
                               epoch + R"("}}]}})");
  EXPECT_EQ(home_.published(), 2u);
}

TEST_F(PublishApiTest, ABatchRunsWhatItCan) {
  const TestResponse response =
      Call(ApiEndpoint::kBatch, R"({"commands":[{"publish":{"channel":"trade:a","data":1}},)"
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

TEST_F(PublishApiTest, AnEmptyBatchIsAnsweredAtOnce) {
  const HttpAsker asker = world_.Client();
  Run(asker, ApiEndpoint::kBatch, R"({"commands":[]})");
  ASSERT_TRUE(world_.answered(asker));
  EXPECT_EQ(world_.ResponseTo(asker).body, "{}");
}

TEST_F(PublishApiTest, ABodyThatIsNotItsEndpointsJsonIs400AndRunsNothing) {
  for (const char* const body :
       {"", "{", "[]", R"({"channel":1,"data":1})", R"({"channel":"room:1","data":tru})"}) {
    SCOPED_TRACE(body);
    const HttpAsker asker = world_.Client();
    Run(asker, ApiEndpoint::kPublish, body);
    ASSERT_TRUE(world_.answered(asker));
    EXPECT_EQ(world_.ResponseTo(asker).status, 400);
    // The request itself was read whole: the connection can go on.
    EXPECT_EQ(world_.after(asker), HttpResponder::Host::After::kKeepAlive);
  }
  EXPECT_EQ(home_.published(), 0u);
}

TEST_F(PublishApiTest, NamesAreTakenUpToTheirLimit) {
  const std::string longest = "room:" + std::string(15, 'x');
  EXPECT_THAT(Call(ApiEndpoint::kPublish, R"({"channel":")" + longest + R"(","data":1})").body,
              HasSubstr("result"));
  EXPECT_THAT(Call(ApiEndpoint::kPublish, R"({"channel":")" + longest + R"(x","data":1})").body,
              HasSubstr(R"("code":107)"));
  EXPECT_EQ(world_.metrics_.publications_refused.value(), 0u);
}

TEST_F(PublishApiTest, CallsDoNotMixAndAClientThatLeftHarmsNobody) {
  const HttpAsker first = world_.Client();
  const HttpAsker gone = world_.Client();
  const HttpAsker last = world_.Client();
  Run(first, ApiEndpoint::kPublish, R"({"channel":"room:1","data":1})");
  Run(gone, ApiEndpoint::kPublish, R"({"channel":"room:1","data":2})");
  Run(last, ApiEndpoint::kPublish, R"({"channel":"room:1","data":3})");
  world_.connections_.Close(gone.slot);
  Turn();
  Turn();
  EXPECT_THAT(world_.ResponseTo(first).body, HasSubstr(R"("offset":1)"));
  EXPECT_FALSE(world_.answered(gone));
  EXPECT_THAT(world_.ResponseTo(last).body, HasSubstr(R"("offset":3)"));
}

// An answer is for one call; the same memory may serve another by then.
TEST_F(PublishApiTest, AnAnswerToAFinishedCallIsDropped) {
  const HttpAsker first = world_.Client();
  Run(first, ApiEndpoint::kPublish, R"({"channel":"room:1","data":1})");
  Request stale;
  exchange_.Drain(1000, [&](ShardId, Message&& message) {
    stale.slot = message.request->slot;
    stale.generation = message.request->generation;
    stale.command_id = message.request->command_id;
    home_.Ask(std::move(message.request), kNowNs);
  });
  Turn();
  ASSERT_TRUE(world_.answered(first));
  const HttpAsker second = world_.Client();
  Run(second, ApiEndpoint::kPublish, R"({"channel":"room:1","data":2})");
  api_.OnAnswer(stale);
  EXPECT_FALSE(world_.answered(second));
  Turn();
  Turn();
  EXPECT_THAT(world_.ResponseTo(second).body, HasSubstr(R"("offset":2)"));
}

// The way to the home is full: a failure that passes by itself says so with 503.
TEST(PublishApiCongestionTest, AFullWayIs503AndInABatchAnErrorOfItsOwn) {
  engine::Config config;
  config.channel.namespaces = {{.name = "room"}};
  Mesh mesh(2, 2);
  Exchange exchange(mesh, 0);
  HttpTestWorld world;
  PublishApi api(config, exchange, world.responder_, world.metrics_);
  mesh.SetCongested(1, true);
  const std::string channel = NameAt(mesh, 1, "room:");
  const std::string publish = R"({"channel":")" + channel + R"(","data":1})";
  const auto run = [&](ApiEndpoint endpoint, std::string body) {
    const HttpAsker asker = world.Client();
    const std::size_t size = body.size();
    body.resize(size + protocol::kJsonPaddingBytes);
    api.Run(asker, endpoint, std::string_view(body).substr(0, size), kNowNs);
    EXPECT_TRUE(world.answered(asker));
    return world.ResponseTo(asker);
  };
  const TestResponse one = run(ApiEndpoint::kPublish, publish);
  EXPECT_EQ(one.status, 503);
  EXPECT_THAT(one.body, HasSubstr(R"("code":100)"));
  const TestResponse batch =
      run(ApiEndpoint::kBatch, R"({"commands":[{"publish":)" + publish + "}]}");
  EXPECT_EQ(batch.status, 200);
  EXPECT_THAT(batch.body, HasSubstr(R"("code":100)"));
  EXPECT_EQ(world.metrics_.publications_refused.value(), 2u);
  EXPECT_EQ(exchange.waiting(), 0u);

  // The home may find its ways full only when the question is there.
  mesh.SetCongested(1, false);
  const HttpAsker asker = world.Client();
  std::string body = publish;
  body.resize(publish.size() + protocol::kJsonPaddingBytes);
  api.Run(asker, ApiEndpoint::kPublish, std::string_view(body).substr(0, publish.size()), kNowNs);
  ASSERT_FALSE(world.answered(asker));
  Exchange home(mesh, 1);
  FakeRing ring;
  exchange.Publish(ring);
  Request answer;
  home.Drain(1000, [&](ShardId, Message&& message) {
    if (!message.request) return;
    answer.slot = message.request->slot;
    answer.generation = message.request->generation;
  });
  answer.failed = true;
  answer.error = protocol::ErrorCode::kTooManyRequests;
  api.OnAnswer(answer);
  ASSERT_TRUE(world.answered(asker));
  EXPECT_EQ(world.ResponseTo(asker).status, 503);
}

}  // namespace
}  // namespace tickcast::shards
