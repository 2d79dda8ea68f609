// Who may mirror a map is asked with the first page, and holds for all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "tests/protocol/jwt/test_tokens.h"
#include "tests/sim/map_world.h"

namespace tickcast::shards::sim {
namespace {

using engine::SimHttp;

constexpr std::string_view kSecret = "a secret of these tests";

class MapAccessTest : public MapTest {
 protected:
  MapAccessTest() {
    engine::ClientConfig& client = options_.config.client;
    client.insecure = false;
    client.allow_anonymous_connect_without_token = true;
    client.token.hmac_secret_key = kSecret;
  }

  void UseBackend(std::string answer) {
    options_.config.channel.proxy.subscribe.endpoint = "http://b/subscribe";
    for (const char* const name : {"rec", "tickers"}) {
      NamespaceOf(name).subscribe_proxy_enabled = true;
    }
    options_.http = [this, answer](const engine::HttpCall&) {
      ++asked_;
      return SimHttp::Answer{.body = answer, .after_ns = 3 * kMillisecond};
    };
  }
  void Fill() {
    PublishAll("rec:m", 5);
    for (std::uint32_t symbol = 0; symbol < 5; ++symbol) Tick(symbol);
    Settle();
  }

  int asked_ = 0;
};

TEST_F(MapAccessTest, ABackendIsAskedOnceForAllPages) {
  UseBackend(R"({"result":{"data":{"granted":1}}})");
  for (const ShardId shards : {1, 3}) {
    Begin(shards);
    Fill();
    for (const char* const channel : {"rec:m", kTickers}) {
      SCOPED_TRACE(channel);
      asked_ = 0;
      MapMirror& mirror = Live({.channel = channel, .limit = 2}, static_cast<ShardId>(shards - 1));
      EXPECT_EQ(asked_, 1);
      EXPECT_GT(mirror.pages(), 2);
      EXPECT_EQ(mirror.keys(), Source(channel));
      EXPECT_EQ(ClientOf(mirror).HeardOf(Kind::kSubscribed).back().text, R"({"granted":1})");
    }
  }
}

TEST_F(MapAccessTest, WhomABackendRefusesReadsNothing) {
  UseBackend(R"({"error":{"code":1000,"message":"no"}})");
  Begin(2);
  Fill();
  for (const char* const channel : {"rec:m", kTickers}) {
    SimClient& client = cluster_->AddConnected(1);
    const Heard answer = AskMap(client, channel, R"(,"phase":2,"limit":2,"delta":"fossil")");
    EXPECT_EQ(answer.kind, Kind::kError);
    EXPECT_EQ(answer.code, 1000u);
    client.Reset();
  }
  ExpectNothingLeft();
}

TEST_F(MapAccessTest, AConnectionThatIsLostWhileABackendDecidesLeavesNothing) {
  UseBackend(R"({"result":{}})");
  Begin(2);
  Fill();
  for (int step = 0; step < 30; ++step) {
    for (const char* const channel : {"rec:m", kTickers}) {
      SimClient& client = cluster_->AddConnected(1);
      SendMap(client, channel, R"(,"phase":2,"limit":2)");
      for (int i = 0; i < step; ++i) cluster_->Step(cluster_->now_ns() + 200'000);
      client.Reset();
      Settle();
    }
  }
  ExpectNothingLeft();
}

TEST_F(MapAccessTest, ATokenIsShownWithTheFirstPageAndEndsTheSubscription) {
  NamespaceOf("rec").allow_subscribe_for_client = false;
  NamespaceOf("rec").allow_subscribe_for_anonymous = false;
  Begin(2);
  PublishAll("rec:m", 5);
  SimClient& client = cluster_->AddConnected(1);
  EXPECT_EQ(AskMap(client, "rec:m", R"(,"phase":2,"limit":3)").code, 103u);
  const std::string claims =
      absl::StrCat(R"({"sub":"","channel":"rec:m","exp":)", std::time(nullptr) + 100, "}");
  const std::string token = protocol::HmacToken(R"({"alg":"HS256"})", claims, "HS256", kSecret);
  const Heard first =
      AskMap(client, "rec:m", absl::StrCat(R"(,"phase":2,"limit":3,"token":")", token, "\""));
  ASSERT_EQ(first.kind, Kind::kSubscribed) << first.code;
  EXPECT_EQ(first.ttl_s, 0u) << "told once it is live";
  const Heard last = AskMap(client, "rec:m",
                            absl::StrCat(R"(,"phase":2,"limit":3,"cursor":")", first.cursor, "\""));
  EXPECT_EQ(last.phase, 0);
  // Tokens end by the wall clock, which a busy machine moves on meanwhile.
  EXPECT_GT(last.ttl_s, 50u);
  EXPECT_LE(last.ttl_s, 100u);
  cluster_->RunFor(60 * kSecond);
  EXPECT_THAT(client.HeardOf(Kind::kDropped), testing::IsEmpty());
  cluster_->RunFor(80 * kSecond);
  const std::vector<Heard> dropped = client.HeardOf(Kind::kDropped, "rec:m");
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].code, 2501u);
}

}  // namespace
}  // namespace tickcast::shards::sim
