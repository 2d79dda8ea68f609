// Clients that are no WebSocket with commands: HTTP streams, server-sent events and emulation,
// unidirectional transports.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_http_peer.h"
#include "tests/sim/sim_stream_peer.h"

namespace tickcast::shards::sim {
namespace {

constexpr char kNode[] = "node-1";

engine::Config StreamsConfig() {
  engine::Config config = SimConfig();
  config.http_stream.enabled = true;
  config.sse.enabled = true;
  config.uni_http_stream.enabled = true;
  config.uni_sse.enabled = true;
  config.uni_websocket.enabled = true;
  return config;
}

ClusterOptions Options(ShardId shards, bool hostile = false) {
  return {.shards = shards,
          .faults = hostile ? engine::SimFaults::Hostile() : engine::SimFaults{},
          .config = StreamsConfig()};
}

std::string Quoted(std::string_view text) {
  std::string quoted;
  protocol::AppendQuoted(text, quoted);
  return quoted;
}

std::string EmulationBody(std::string_view session, std::string_view node,
                          std::string_view commands) {
  return absl::StrCat(R"({"session":")", std::string(session), R"(","node":")", std::string(node),
                      R"(","data":)", Quoted(commands), "}");
}

// A client of an HTTP stream with what connect told it.
struct StreamClient {
  StreamClient(SimCluster& cluster, ShardId shard, std::string_view more_commands = {})
      : peer(cluster.world(), cluster.ring(shard)) {
    peer.Post("/connection/http_stream", R"({"id":1,"connect":{}})" + std::string(more_commands));
    EXPECT_TRUE(cluster.RunUntil([&] { return !peer.Lines().empty(); }));
    session = MemberOf(peer.Lines().front(), "session");
    node = MemberOf(peer.Lines().front(), "node");
  }

  std::size_t CountOf(std::string_view text) {
    std::size_t count = 0;
    for (const std::string& line : peer.Lines()) count += line.find(text) != std::string::npos;
    return count;
  }

  SimStreamPeer peer;
  std::string session;
  std::string node;
};

// Sends one request and returns its status.
int StatusOf(SimCluster& cluster, ShardId shard, std::string_view target, std::string_view body) {
  SimHttpPeer peer(cluster.world(), cluster.ring(shard));
  peer.Post(target, body);
  if (!cluster.RunUntil([&] { return !peer.Responses().empty(); })) return 0;
  return peer.Responses().front().status;
}

class StreamsTest : public testing::Test {
 protected:
  void StartIn(SimCluster& cluster) {
    cluster.server().node.uid = kNode;
    cluster.Start();
  }
};

TEST_F(StreamsTest, TheFirstCommandsComeWithTheRequestAndPublicationsFollow) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    SimCluster cluster(seed, Options(3, seed % 2 == 1));
    StartIn(cluster);
    StreamClient client(cluster, 1, "\n{\"id\":2,\"subscribe\":{\"channel\":\"log:a\"}}");
    EXPECT_EQ(client.node, kNode);
    ASSERT_TRUE(cluster.RunUntil([&] { return client.CountOf("\"subscribe\"") == 1; }));
    SimClient& publisher = cluster.AddConnected(2);
    for (int i = 0; i < 20; ++i) {
      publisher.Publish("log:a", absl::StrCat(R"({"number":)", i, "}"));
      publisher.Flush();
      if (i % 4 == 0) cluster.RunFor(5 * kMillisecond);
    }
    ASSERT_TRUE(cluster.RunUntil([&] { return client.CountOf("\"pub\"") == 20; }));
    int next = 0;
    for (const std::string& line : client.peer.Lines()) {
      if (line.find("\"pub\"") == std::string::npos) continue;
      EXPECT_NE(line.find(absl::StrCat(R"({"number":)", next, "}")), std::string::npos) << line;
      ++next;
    }
    EXPECT_FALSE(client.peer.ended());
  }
}

TEST_F(StreamsTest, CommandsComeOverAnyShardInTheOrderInWhichTheyWereSent) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    SimCluster cluster(seed, Options(3, seed % 2 == 1));
    StartIn(cluster);
    StreamClient client(cluster, 0);
    for (int i = 0; i < 12; ++i) {
      const std::string command =
          absl::StrCat(R"({"id":)", i + 2, R"(,"publish":{"channel":"log:a","data":)", i, "}}");
      const auto shard = static_cast<ShardId>(i % 3);
      EXPECT_EQ(StatusOf(cluster, shard, "/emulation",
                         EmulationBody(client.session, client.node, command)),
                204);
    }
    ASSERT_TRUE(cluster.RunUntil([&] { return client.CountOf("\"publish\":{}") == 12; }));
    const std::vector<std::string> lines = client.peer.Lines();
    for (int i = 0; i < 12; ++i) {
      EXPECT_EQ(lines[static_cast<std::size_t>(i) + 1],
                absl::StrCat(R"({"id":)", i + 2, R"(,"publish":{}})"));
    }
    EXPECT_EQ(cluster.Metric("tickcast_emulation_refused_total"), 0);
  }
}

// Whoever has not been told a session key runs no command, and does not learn that there is one.
TEST_F(StreamsTest, ForeignSessionsAreRefused) {
  SimCluster cluster(7, Options(2));
  StartIn(cluster);
  StreamClient client(cluster, 1);
  const std::string command = R"({"id":2,"publish":{"channel":"log:a","data":1}})";
  EXPECT_EQ(
      StatusOf(cluster, 0, "/emulation", EmulationBody(client.session, "another node", command)),
      404);
  std::vector<std::string> foreign = {"", "x", client.session + "0"};
  for (const std::size_t digit : {7u, 15u, 23u, 24u, 40u, 55u}) {
    std::string key = client.session;
    key[digit] = key[digit] == '9' ? '8' : '9';
    foreign.push_back(key);
  }
  std::string far = client.session;
  far.replace(8, 8, "ffffffff");  // A slot that no shard has.
  foreign.push_back(far);
  for (const std::string& key : foreign) {
    EXPECT_EQ(StatusOf(cluster, 0, "/emulation", EmulationBody(key, client.node, command)), 204)
        << key;
  }
  cluster.RunFor(100 * kMillisecond);
  EXPECT_EQ(client.CountOf("\"publish\""), 0u);
  EXPECT_EQ(cluster.Metric("tickcast_emulation_refused_total"),
            static_cast<std::int64_t>(foreign.size()) + 1);
  // The right one still works.
  EXPECT_EQ(StatusOf(cluster, 0, "/emulation", EmulationBody(client.session, client.node, command)),
            204);
  EXPECT_TRUE(cluster.RunUntil([&] { return client.CountOf("\"publish\":{}") == 1; }));
}

TEST_F(StreamsTest, AKeyEndsWithItsConnection) {
  SimCluster cluster(8, Options(2));
  StartIn(cluster);
  StreamClient client(cluster, 0);
  client.peer.peer().Close();
  cluster.RunFor(50 * kMillisecond);
  StreamClient next(cluster, 0);  // In the slot of the first one.
  EXPECT_EQ(next.session.substr(0, 16), client.session.substr(0, 16));
  const std::string command = R"({"id":2,"publish":{"channel":"log:a","data":1}})";
  EXPECT_EQ(StatusOf(cluster, 1, "/emulation", EmulationBody(client.session, client.node, command)),
            204);
  cluster.RunFor(100 * kMillisecond);
  EXPECT_EQ(next.CountOf("\"publish\""), 0u);
  EXPECT_EQ(cluster.Metric("tickcast_emulation_refused_total"), 1);
}

TEST_F(StreamsTest, AbusedEmulationIsToldWhatIsWrong) {
  SimCluster cluster(9, Options(1));
  StartIn(cluster);
  EXPECT_EQ(StatusOf(cluster, 0, "/emulation", "no json"), 400);
  EXPECT_EQ(StatusOf(cluster, 0, "/emulation", ""), 400);
  EXPECT_EQ(StatusOf(cluster, 0, "/emulation", std::string(65536, ' ')), 400);
  EXPECT_EQ(StatusOf(cluster, 0, "/emulation", std::string(65537, ' ')), 413);
  SimHttpPeer get(cluster.world(), cluster.ring(0));
  get.Get("/emulation");
  cluster.RunFor(50 * kMillisecond);
  EXPECT_EQ(get.Responses().front().status, 405);
}

TEST_F(StreamsTest, ABadCommandEndsTheResponseWithItsCode) {
  SimCluster cluster(10, Options(2));
  StartIn(cluster);
  StreamClient client(cluster, 0);
  EXPECT_EQ(StatusOf(cluster, 1, "/emulation", EmulationBody(client.session, client.node, "{}")),
            204);
  ASSERT_TRUE(cluster.RunUntil([&] { return client.peer.peer().closed(); }));
  EXPECT_TRUE(client.peer.ended());
  EXPECT_EQ(client.peer.Lines().back(),
            R"({"push":{"disconnect":{"code":3501,"reason":"bad request"}}})");
  for (const char* first : {"", "x", R"({"id":1,"subscribe":{"channel":"log:a"}})"}) {
    SimStreamPeer peer(cluster.world(), cluster.ring(0));
    peer.Post("/connection/http_stream", first);
    ASSERT_TRUE(cluster.RunUntil([&] { return peer.peer().closed(); }));
    EXPECT_EQ(peer.Body(),
              "{\"push\":{\"disconnect\":{\"code\":3501,\"reason\":\"bad request\"}}}\n");
    EXPECT_FALSE(peer.peer().was_reset());
  }
}

TEST_F(StreamsTest, ThePongComesAsACommand) {
  SimCluster cluster(11, Options(2));
  StartIn(cluster);
  StreamClient answering(cluster, 0);
  StreamClient silent(cluster, 1);
  std::size_t answered = 0;
  const std::uint64_t until = cluster.now_ns() + 70 * kSecond;
  while (cluster.now_ns() < until) {
    cluster.RunFor(kSecond);
    std::size_t pings = 0;
    for (const std::string& line : answering.peer.Lines()) pings += line == "{}";
    for (; answered < pings; ++answered) {
      EXPECT_EQ(StatusOf(cluster, 1, "/emulation",
                         EmulationBody(answering.session, answering.node, "{}")),
                204);
    }
  }
  EXPECT_GE(answered, 2u);
  EXPECT_FALSE(answering.peer.peer().closed());
  EXPECT_TRUE(silent.peer.peer().closed());
  EXPECT_EQ(silent.peer.Lines().back(),
            R"({"push":{"disconnect":{"code":3012,"reason":"no pong"}}})");
}

// A slow reader is no other for its transport: nothing is queued, and it gets the newest value.
TEST_F(StreamsTest, WhoDoesNotReadGetsTheNewestValueLater) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(seed);
    ClusterOptions options = Options(2, seed % 2 == 1);
    SimCluster cluster(seed, options);
    StartIn(cluster);
    StreamClient client(cluster, 0, "\n{\"id\":2,\"subscribe\":{\"channel\":\"state:a\"}}");
    ASSERT_TRUE(cluster.RunUntil([&] { return client.CountOf("\"subscribe\"") == 1; }));
    SimClient& publisher = cluster.AddConnected(1);
    client.peer.peer().SetReading(false);
    const std::string padding(2000, 'x');
    for (int i = 0; i < 300; ++i) {
      publisher.Publish("state:a",
                        absl::StrCat(R"({"number":)", i, R"(,"padding":")", padding, "\"}"));
      publisher.Flush();
      cluster.RunFor(2 * kMillisecond);
    }
    client.peer.peer().SetReading(true);
    ASSERT_TRUE(cluster.RunUntil([&] { return client.CountOf("\"number\":299,") == 1; }));
    const Ledger ledger = cluster.ledger();
    EXPECT_GT(ledger.conflated, 0u);
    EXPECT_EQ(ledger.owed, ledger.delivered + ledger.conflated + ledger.skipped_gap +
                               ledger.skipped_left + ledger.outstanding);
  }
}

TEST_F(StreamsTest, WhatIsSentBehindTheRequestIsNobodys) {
  SimCluster cluster(12, Options(1));
  StartIn(cluster);
  StreamClient client(cluster, 0);
  client.peer.peer().Send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
  client.peer.peer().Send(std::string(100'000, 'x'));
  cluster.RunFor(100 * kMillisecond);
  EXPECT_EQ(client.peer.Lines().size(), 1u);
  EXPECT_FALSE(client.peer.peer().closed());
}

TEST_F(StreamsTest, AServerThatDrainsSaysSo) {
  SimCluster cluster(13, Options(2));
  StartIn(cluster);
  StreamClient stream(cluster, 0);
  SimStreamPeer uni(cluster.world(), cluster.ring(1));
  uni.Get("/connection/uni_sse");
  cluster.RunFor(50 * kMillisecond);
  cluster.server().draining = true;
  ASSERT_TRUE(cluster.RunUntil([&] { return stream.peer.peer().closed() && uni.peer().closed(); },
                               10 * kSecond));
  EXPECT_EQ(stream.peer.Lines().back(),
            R"({"push":{"disconnect":{"code":3001,"reason":"shutdown"}}})");
  EXPECT_EQ(uni.Events().back(), R"({"disconnect":{"code":3001,"reason":"shutdown"}})");
  EXPECT_TRUE(stream.peer.ended());
  EXPECT_TRUE(uni.ended());
}

TEST_F(StreamsTest, ServerSentEvents) {
  SimCluster cluster(14, Options(2));
  StartIn(cluster);
  SimStreamPeer peer(cluster.world(), cluster.ring(0));
  peer.Get("/connection/sse?cf_connect=%7B%22id%22%3A1%2C%22connect%22%3A%7B%7D%7D");
  ASSERT_TRUE(cluster.RunUntil([&] { return !peer.Events().empty(); }));
  EXPECT_NE(peer.head().find("Content-Type: text/event-stream"), std::string::npos);
  const std::string session = MemberOf(peer.Events().front(), "session");
  EXPECT_EQ(StatusOf(cluster, 1, "/emulation",
                     EmulationBody(session, kNode,
                                   "{\"id\":2,\"subscribe\":{\"channel\":\"log:a\"}}\n"
                                   "{\"id\":3,\"publish\":{\"channel\":\"log:a\",\"data\":1}}")),
            204);
  ASSERT_TRUE(cluster.RunUntil([&] { return peer.Events().size() == 4; }));
  EXPECT_TRUE(peer.Events()[1].starts_with(R"({"id":2,"subscribe":)"));
  // A POST may begin it as well, and a GET must say who connects.
  SimStreamPeer post(cluster.world(), cluster.ring(1));
  post.Post("/connection/sse", R"({"id":1,"connect":{}})");
  EXPECT_TRUE(cluster.RunUntil([&] { return post.Events().size() == 1; }));
  SimHttpPeer nobody(cluster.world(), cluster.ring(1));
  nobody.Get("/connection/sse");
  cluster.RunFor(50 * kMillisecond);
  EXPECT_EQ(nobody.Responses().front().status, 400);
}

TEST_F(StreamsTest, UnidirectionalClientsGetPushesAndNeedNotAnswerPings) {
  SimCluster cluster(15, Options(2));
  StartIn(cluster);
  SimStreamPeer lines(cluster.world(), cluster.ring(0));
  lines.Post("/connection/uni_http_stream", "{\n}");
  SimStreamPeer events(cluster.world(), cluster.ring(1));
  events.Get("/connection/uni_sse");
  cluster.RunFor(120 * kSecond);
  for (const std::vector<std::string>& got : {lines.Lines(), events.Events()}) {
    ASSERT_GE(got.size(), 4u);
    EXPECT_TRUE(got.front().starts_with(R"({"connect":{"client":")")) << got.front();
    EXPECT_EQ(got.front().find("pong"), std::string::npos);
    for (std::size_t i = 1; i < got.size(); ++i) EXPECT_EQ(got[i], "{}");
  }
  EXPECT_FALSE(lines.peer().closed());
  // Its session is no key to the emulation: there are no commands.
  const std::string session = MemberOf(lines.Lines().front(), "session");
  ASSERT_FALSE(session.empty());
  EXPECT_EQ(StatusOf(cluster, 0, "/emulation", EmulationBody(session, kNode, "{}")), 204);
  EXPECT_EQ(cluster.Metric("tickcast_emulation_refused_total"), 1);
  EXPECT_EQ(StatusOf(cluster, 0, "/connection/uni_http_stream", "[]"), 400);
  EXPECT_EQ(StatusOf(cluster, 0, "/connection/uni_http_stream", ""), 400);
  EXPECT_EQ(StatusOf(cluster, 0, "/connection/uni_sse", R"({"token":5})"), 400);
}

TEST_F(StreamsTest, LimitsAndMethods) {
  engine::Config config = StreamsConfig();
  config.http_stream.max_request_body_size = 1024;
  SimCluster cluster(16, {.shards = 1, .config = config});
  StartIn(cluster);
  EXPECT_EQ(StatusOf(cluster, 0, "/connection/http_stream", std::string(1025, ' ')), 413);
  SimHttpPeer get(cluster.world(), cluster.ring(0));
  get.Get("/connection/http_stream");
  get.SendRaw("OPTIONS /connection/http_stream HTTP/1.1\r\nHost: a\r\n\r\n");
  get.SendRaw("POST /connection/http_stream HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}");
  cluster.RunFor(50 * kMillisecond);
  ASSERT_EQ(get.Responses().size(), 3u);
  EXPECT_EQ(get.Responses()[0].status, 405);
  EXPECT_EQ(get.Responses()[1].status, 204);
  EXPECT_EQ(get.Responses()[2].status, 505);
}

TEST_F(StreamsTest, WhatIsNotEnabledIsNotThere) {
  SimCluster cluster(17, {.shards = 1});
  StartIn(cluster);
  for (const char* path : {"/connection/http_stream", "/connection/sse", "/emulation",
                           "/connection/uni_http_stream", "/connection/uni_sse"}) {
    EXPECT_EQ(StatusOf(cluster, 0, path, "{}"), 404) << path;
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
