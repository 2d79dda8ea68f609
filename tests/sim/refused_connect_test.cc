// How a connect that fails is told where there are no replies: on unidirectional transports.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "tests/sim/sim_http_peer.h"
#include "tests/sim/sim_stream_peer.h"
#include "tests/sim/token_world.h"

namespace tickcast::shards::sim {
namespace {

constexpr char kHttpStream[] = "/connection/uni_http_stream";
constexpr char kSse[] = "/connection/uni_sse";

class RefusedConnectTest : public TokenTest {
 protected:
  RefusedConnectTest() {
    engine::Config& config = options_.config;
    config.uni_http_stream.enabled = true;
    config.uni_sse.enabled = true;
    config.uni_websocket.enabled = true;
    config.http_stream.enabled = true;
    config.client.allowed_origins = {"https://a.b"};
  }
  static std::string Expired() {
    return absl::StrCat(R"({"token":")", Token(R"({"sub":"a","exp":1})"), R"("})");
  }
  static std::string Good() {
    return absl::StrCat(R"({"token":")", Token(R"({"sub":"a","channels":["log:a"]})"), R"("})");
  }
  HttpResponse Post(std::string_view path, std::string_view body) {
    SimHttpPeer peer(cluster_->world(), cluster_->ring(0));
    peer.Post(path, body);
    cluster_->RunUntil([&] { return !peer.Responses().empty() || peer.peer().closed(); });
    cluster_->RunFor(10 * kMillisecond);
    EXPECT_TRUE(peer.peer().closed());
    return peer.Responses().empty() ? HttpResponse() : peer.Responses().front();
  }
};

TEST_F(RefusedConnectTest, AStatusSaysWhatBecameOfIt) {
  const engine::ResponseTransforms transforms{
      .enabled = true,
      .transforms = {{.code = 109, .to_status_code = 401},
                     {.code = 3501, .to_status_code = 418, .to_body = "no tea"}}};
  options_.config.uni_http_stream.connect_code_to_http_response = transforms;
  options_.config.uni_sse.connect_code_to_http_response = transforms;
  for (const ShardId shards : {1, 2}) {
    Begin(shards);
    for (const char* path : {kHttpStream, kSse}) {
      SCOPED_TRACE(path);
      const HttpResponse expired = Post(path, Expired());
      EXPECT_EQ(expired.status, 401);
      EXPECT_EQ(expired.body, "token expired");
      const HttpResponse nobody = Post(path, "{}");
      EXPECT_EQ(nobody.status, 418);
      EXPECT_EQ(nobody.body, "no tea");
      // What no transform names.
      const HttpResponse invalid = Post(path, R"({"token":"x"})");
      EXPECT_EQ(invalid.status, 500);
      EXPECT_EQ(invalid.body, "Internal Server Error");
      EXPECT_EQ(cluster_->Metric("tickcast_closes_total", "3500 invalid token"),
                path == kSse ? 2 : 1);
    }
    // Who connects gets a response without end, though its channels' homes had to be asked first.
    SimStreamPeer good(cluster_->world(), cluster_->ring(shards - 1));
    good.Post(kHttpStream, Good(), "Origin: https://a.b\r\n");
    ASSERT_TRUE(cluster_->RunUntil([&] { return !good.Lines().empty(); }));
    EXPECT_TRUE(absl::StrContains(good.head(), "HTTP/1.1 200 ")) << good.head();
    EXPECT_TRUE(absl::StrContains(good.head(), "Access-Control-Allow-Origin: https://a.b\r\n"));
    EXPECT_TRUE(absl::StrContains(good.Lines().front(), R"({"connect":{"client":)"));
    SimStreamPeer events(cluster_->world(), cluster_->ring(0));
    events.Post(kSse, Good());
    ASSERT_TRUE(cluster_->RunUntil([&] { return !events.Events().empty(); }));
    EXPECT_TRUE(absl::StrContains(events.Events().front(), R"({"connect":{"client":)"));
    EXPECT_FALSE(good.ended());
  }
}

// A page may read why it was refused.
TEST_F(RefusedConnectTest, ARefusalHasTheHeadersOfItsOrigin) {
  options_.config.uni_sse.connect_code_to_http_response = {
      .enabled = true, .transforms = {{.code = 3501, .to_status_code = 401}}};
  Begin();
  for (const bool listed : {true, false}) {
    SimHttpPeer peer(cluster_->world(), cluster_->ring(0));
    peer.Get(kSse, listed ? "Origin: https://a.b\r\n" : "Origin: https://evil\r\n");
    ASSERT_TRUE(cluster_->RunUntil([&] { return !peer.Responses().empty(); }));
    EXPECT_EQ(peer.Responses().front().status, 401);
    EXPECT_EQ(absl::StrContains(peer.Responses().front().head, "Access-Control-Allow-Origin"),
              listed);
  }
}

// A client that goes while it waits takes what waits along: the next one on its slot begins anew.
TEST_F(RefusedConnectTest, WhoGoesMeanwhileLeavesNothingBehind) {
  options_.config.uni_http_stream.connect_code_to_http_response = {.enabled = true,
                                                                   .transforms = {}};
  Begin(2);
  for (int i = 0; i < 20; ++i) {
    SimStreamPeer peer(cluster_->world(), cluster_->ring(0));
    peer.Post(kHttpStream, Good());
    cluster_->RunFor(static_cast<std::uint64_t>(i) * kMillisecond / 20);
    peer.peer().Reset();
    cluster_->RunFor(5 * kMillisecond);
    SimStreamPeer plain(cluster_->world(), cluster_->ring(0));
    plain.Post("/connection/http_stream", R"({"id":1,"connect":{"token":"x"}})");
    ASSERT_TRUE(cluster_->RunUntil([&] { return plain.ended(); }));
    EXPECT_TRUE(absl::StrContains(plain.head(), "HTTP/1.1 200 "));
  }
}

TEST_F(RefusedConnectTest, AnErrorIsTheDisconnectThatTheConfigurationNames) {
  options_.config.client.connect_code_to_unidirectional_disconnect = {
      .enabled = true, .transforms = {{.code = 109, .to_code = 4501, .to_reason = "log in"}}};
  Begin();
  SimStreamPeer expired(cluster_->world(), cluster_->ring(0));
  expired.Post(kHttpStream, Expired());
  ASSERT_TRUE(cluster_->RunUntil([&] { return expired.ended(); }));
  EXPECT_EQ(expired.Lines().front(), R"({"disconnect":{"code":4501,"reason":"log in"}})");
  // A disconnect is no error, and stays what it is.
  SimStreamPeer invalid(cluster_->world(), cluster_->ring(0));
  invalid.Post(kHttpStream, R"({"token":"x"})");
  ASSERT_TRUE(cluster_->RunUntil([&] { return invalid.ended(); }));
  EXPECT_EQ(invalid.Lines().front(), R"({"disconnect":{"code":3500,"reason":"invalid token"}})");
  // Who takes replies gets the error.
  SimClient& client = cluster_->AddClient();
  EXPECT_EQ(Reply(client, ConnectWith(client, R"({"sub":"a","exp":1})"))->code, 109u);
}

TEST_F(RefusedConnectTest, AWebSocketMayEndWithoutACloseFrame) {
  for (const bool disabled : {false, true}) {
    SCOPED_TRACE(disabled);
    options_.config.uni_websocket.disable_closing_handshake = disabled;
    Begin();
    engine::SimPeer& peer = cluster_->world().Connect(cluster_->ring(0));
    const std::string upgrade =
        "GET /connection/uni_websocket?cf_connect=%7B%22token%22%3A%22x%22%7D HTTP/1.1\r\n"
        "Host: sim\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    peer.Send(upgrade);
    cluster_->RunFor(100 * kMillisecond);
    std::string got;
    for (const std::byte byte : peer.TakeReceived()) got += static_cast<char>(byte);
    const std::string push = R"({"disconnect":{"code":3500,"reason":"invalid token"}})";
    ASSERT_TRUE(absl::StrContains(got, push)) << got;
    const std::string behind = got.substr(got.find(push) + push.size());
    EXPECT_EQ(behind, disabled ? "" : "\x88\x0f\x0d\xacinvalid token");
    // With one it is the peer's turn; without, the server has gone.
    EXPECT_EQ(peer.closed(), disabled);
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
