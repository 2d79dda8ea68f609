// Plain HTTP beside the WebSockets: order, limits and ends.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_http_peer.h"

namespace tickcast::shards::sim {
namespace {

std::vector<int> StatusesOf(SimHttpPeer& peer) {
  std::vector<int> statuses;
  for (const HttpResponse& response : peer.Responses()) statuses.push_back(response.status);
  return statuses;
}

std::string PublishBody(std::string_view channel, int number) {
  return absl::StrCat(R"({"channel":")", std::string(channel), R"(","data":{"number":)", number,
                      "}}");
}

// A publish waits for other shards; the requests behind it, which could be answered at once, wait
// for it.
TEST(HttpTest, PipelinedRequestsAreAnsweredInOrderWhileAnApiCallIsPending) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    SimCluster cluster(
        seed,
        {.shards = 4, .faults = seed < 10 ? engine::SimFaults{} : engine::SimFaults::Hostile()});
    cluster.Start();
    SimHttpPeer peer(cluster.world(), cluster.ring(0));
    for (int i = 0; i < 8; ++i) {
      peer.Post("/api/publish", PublishBody(absl::StrCat("log:", i), i));
      peer.Get("/health");
      peer.Get("/nothing");
    }
    cluster.RunFor(300 * kMillisecond);
    const std::vector<HttpResponse>& responses = peer.Responses();
    ASSERT_EQ(responses.size(), 24u);
    for (std::size_t i = 0; i < responses.size(); ++i) {
      EXPECT_EQ(responses[i].status, i % 3 == 2 ? 404 : 200) << i;
      if (i % 3 == 0) {
        EXPECT_NE(responses[i].body.find(R"("offset":1)"), std::string::npos) << responses[i].body;
      }
    }
    EXPECT_FALSE(peer.peer().closed()) << "HTTP/1.1 keeps the connection";
  }
}

TEST(HttpTest, WhatTheApiHasAcceptedSubscribersGetInTheOrderOfTheRequests) {
  SimCluster cluster(3, {.shards = 3, .faults = engine::SimFaults::Hostile()});
  cluster.Start();
  SimClient& client = cluster.AddConnected(1);
  client.Subscribe("log:a");
  client.Flush();
  cluster.RunFor(50 * kMillisecond);
  SimHttpPeer peer(cluster.world(), cluster.ring(0));
  for (int i = 1; i <= 30; ++i) peer.Post("/api/publish", PublishBody("log:a", i));
  cluster.RunFor(500 * kMillisecond);
  EXPECT_EQ(StatusesOf(peer), std::vector<int>(30, 200));
  const std::vector<std::string> data = client.DataOf("log:a");
  ASSERT_EQ(data.size(), 30u);
  for (int i = 1; i <= 30; ++i) {
    EXPECT_EQ(data[static_cast<std::size_t>(i - 1)], absl::StrCat(R"({"number":)", i, "}"));
  }
}

TEST(HttpTest, ARequestHeadThatDoesNotComeInTimeEndsTheConnection) {
  SimCluster cluster(1, {});
  cluster.Start();
  SimHttpPeer silent(cluster.world(), cluster.ring(0));
  SimHttpPeer slow(cluster.world(), cluster.ring(0));
  SimHttpPeer dripping(cluster.world(), cluster.ring(0));
  slow.SendRaw("GET /health HTTP/1.1\r\n");
  for (int i = 0; i < 9; ++i) {
    cluster.RunFor(100 * kMillisecond);
    dripping.SendRaw(i == 0 ? "GET /" : "x");
  }
  EXPECT_FALSE(silent.peer().closed());
  EXPECT_FALSE(slow.peer().closed());
  cluster.RunFor(150 * kMillisecond);  // client.head_timeout is 1 s.
  EXPECT_TRUE(silent.peer().closed());
  EXPECT_TRUE(slow.peer().closed());
  dripping.SendRaw("x");
  // The time of a head begins with its first byte; each further one buys none.
  cluster.RunFor(100 * kMillisecond);
  EXPECT_TRUE(dripping.peer().closed());
  EXPECT_EQ(cluster.Metric("tickcast_closes_total", "head timeout"), 3);
  EXPECT_EQ(cluster.ring(0).open_slots(), 0u);
}

TEST(HttpTest, BeyondItsReserveAFullTableSays503AndGoesOnWhenThereIsRoom) {
  constexpr std::uint32_t kSlots = 64;
  constexpr std::uint32_t kReserve = kSlots / 16;
  SimCluster cluster(1, {.ring = {.slots = kSlots}});
  cluster.Start();
  std::vector<SimClient*> clients;
  for (std::uint32_t i = 0; i < kSlots - kReserve; ++i) clients.push_back(&cluster.AddConnected());
  {
    SimHttpPeer refused(cluster.world(), cluster.ring(0));
    cluster.RunFor(10 * kMillisecond);
    EXPECT_EQ(StatusesOf(refused), std::vector<int>{503});
    // Before its request has come; that it comes now disturbs nobody.
    refused.Get("/health");
    cluster.RunFor(10 * kMillisecond);
    refused.peer().CloseWrite();
    cluster.RunFor(10 * kMillisecond);
    EXPECT_TRUE(refused.peer().closed());
    EXPECT_FALSE(refused.peer().was_reset()) << "a reset would lose the answer";
  }
  EXPECT_EQ(cluster.Metric("tickcast_closes_total", "no room"), 1);
  EXPECT_EQ(cluster.Metric("tickcast_closes_total"), 1) << "one connection, one reason";
  for (SimClient* client : clients) EXPECT_FALSE(client->peer().closed());
  clients.back()->SendClose(1000);
  cluster.RunFor(10 * kMillisecond);
  SimHttpPeer welcome(cluster.world(), cluster.ring(0));
  welcome.Get("/health");
  cluster.RunFor(10 * kMillisecond);
  EXPECT_EQ(StatusesOf(welcome), std::vector<int>{200});
}

// More than the reserve at once: those beyond the table are reset, nothing breaks, and accepting
// goes on afterwards.
TEST(HttpTest, AStormOnAFullTableLeavesTheServerAsItWas) {
  SimCluster cluster(5, {.ring = {.slots = 32}});
  cluster.Start();
  {
    std::vector<std::unique_ptr<SimHttpPeer>> storm;
    for (int i = 0; i < 100; ++i) {
      storm.push_back(std::make_unique<SimHttpPeer>(cluster.world(), cluster.ring(0)));
    }
    cluster.RunFor(100 * kMillisecond);
    for (const auto& peer : storm) peer->peer().Close();
    cluster.RunFor(3 * kSecond);
  }
  EXPECT_EQ(cluster.ring(0).open_slots(), 0u);
  SimHttpPeer after(cluster.world(), cluster.ring(0));
  after.Get("/health");
  cluster.RunFor(100 * kMillisecond);
  EXPECT_EQ(StatusesOf(after), std::vector<int>{200});
}

TEST(HttpTest, ARefusedRequestIsAnsweredBeforeItsConnectionEnds) {
  SimCluster cluster(1, {});
  cluster.Start();
  SimHttpPeer peer(cluster.world(), cluster.ring(0));
  peer.SendRaw("BAD\r\n\r\nand more that nobody will read");
  cluster.RunFor(3 * kSecond);
  EXPECT_EQ(StatusesOf(peer), std::vector<int>{400});
  EXPECT_TRUE(peer.peer().closed());
  EXPECT_FALSE(peer.peer().was_reset());
  EXPECT_EQ(cluster.ring(0).lent_buffers(), 0u);
}

// Its response stops in the middle; nothing but the rest of it may ever follow.
TEST(HttpTest, AClientThatDoesNotTakeItsResponseIsSlowAndGetsNoCloseFrame) {
  SimCluster cluster(1,
                     {.faults = {.min_socket_buffer_bytes = 300, .max_socket_buffer_bytes = 300}});
  cluster.Start();
  SimHttpPeer peer(cluster.world(), cluster.ring(0));
  peer.peer().SetReading(false);
  peer.Get("/metrics");
  cluster.RunFor(2900 * kMillisecond);
  EXPECT_EQ(cluster.Metric("tickcast_closes_total"), 0);
  cluster.RunFor(400 * kMillisecond);  // client.slow_client_timeout is 3 s.
  EXPECT_EQ(cluster.Metric("tickcast_closes_total", "3008 slow"), 1);
  peer.peer().SetReading(true);
  cluster.RunFor(100 * kMillisecond);
  EXPECT_EQ(StatusesOf(peer), std::vector<int>{200});
  EXPECT_TRUE(peer.rest().empty()) << peer.rest();
  EXPECT_TRUE(peer.peer().closed());
}

TEST(HttpTest, AClientThatOnlyEndsItsOwnSideStillGetsItsAnswer) {
  SimCluster cluster(1, {.shards = 2});
  cluster.Start();
  for (const char* target : {"/health", "/v1/tickers"}) {
    SimHttpPeer peer(cluster.world(), cluster.ring(0));
    peer.Get(target);
    peer.peer().CloseWrite();
    cluster.RunFor(100 * kMillisecond);
    EXPECT_EQ(StatusesOf(peer), std::vector<int>{200}) << target;
    EXPECT_TRUE(peer.peer().closed());
  }
  EXPECT_EQ(cluster.ring(0).open_slots(), 0u);
}

}  // namespace
}  // namespace tickcast::shards::sim
