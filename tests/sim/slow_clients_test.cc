// The list of slow clients, as an operator sees it while sockets fill and drain on several shards.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "simdjson.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_http_peer.h"

namespace tickcast::shards::sim {
namespace {

constexpr std::size_t kSocketBytes = 512;

// What is looked at of an entry; a member that is null is "null" or -1.
struct Listed {
  std::string address;
  std::string client;
  std::string level;
  std::uint64_t shard = 0;
  double blocked_share = 0;
  std::uint64_t blocked_ms = 0;
  std::uint64_t unsent_bytes = 0;
  std::uint64_t conflated = 0;
  double rtt_ms = -1;
  std::uint64_t subscriptions = 0;
};

std::string TextOf(simdjson::dom::element element) {
  return element.is_null() ? "null" : std::string(element.get_string().value());
}

Listed ListedOf(simdjson::dom::element entry) {
  return {.address = TextOf(entry["address"]),
          .client = TextOf(entry["client"]),
          .level = TextOf(entry["level"]),
          .shard = entry["shard"].get_uint64(),
          .blocked_share = entry["blocked_share"].get_double(),
          .blocked_ms = entry["blocked_ms"].get_uint64(),
          .unsent_bytes = entry["unsent_bytes"].get_uint64(),
          .conflated = entry["conflated"].get_uint64(),
          .rtt_ms = entry["rtt_ms"].is_null() ? -1 : entry["rtt_ms"].get_double().value(),
          .subscriptions = entry["subscriptions"].get_uint64()};
}

// Two shards, a publisher on the first; who is slow is up to the test.
class SlowClientsTest : public testing::Test {
 protected:
  void Begin(engine::SimFaults faults) {
    ClusterOptions options{.shards = 2, .faults = faults};
    options.faults.min_socket_buffer_bytes = options.faults.max_socket_buffer_bytes = kSocketBytes;
    options.config.client.slow_client_timeout_ns = 60 * kSecond;
    cluster_ = std::make_unique<SimCluster>(1, options);
    cluster_->Start();
    publisher_ = &cluster_->AddConnected(0);
  }

  SimClient& AddSubscriber(ShardId shard) {
    SimClient& client = cluster_->AddConnected(shard);
    client.Subscribe("state:a");
    client.Subscribe("flow:a");
    client.Flush();
    cluster_->RunFor(200 * kMillisecond);
    return client;
  }

  // Publishes to both channels every 10 ms for so long.
  void PublishFor(std::uint64_t duration_ns) {
    const std::uint64_t end_ns = cluster_->now_ns() + duration_ns;
    while (cluster_->now_ns() < end_ns) {
      publisher_->Publish("state:a", WritePayload({0, ++published_}, 100));
      publisher_->Publish("flow:a", WritePayload({1, published_}, 10));
      publisher_->Flush();
      cluster_->RunFor(10 * kMillisecond);
    }
  }

  std::vector<Listed> List(std::string_view query = {}) {
    // A connection of its own each time: an answer that fills its socket would be listed next.
    SimHttpPeer backend(cluster_->world(), cluster_->ring(0));
    backend.Get(absl::StrCat("/api/slow_clients", std::string(query)));
    std::vector<Listed> listed;
    if (!cluster_->RunUntil([&] { return !backend.Responses().empty(); })) {
      ADD_FAILURE() << "no answer";
      return listed;
    }
    backend.peer().Close();
    const HttpResponse& response = backend.Responses().front();
    EXPECT_EQ(response.status, 200) << response.body;
    const simdjson::dom::element page = json_.parse(response.body);
    for (const simdjson::dom::element entry : page["slow_clients"].get_array()) {
      listed.push_back(ListedOf(entry));
    }
    return listed;
  }

  std::unique_ptr<SimCluster> cluster_;
  SimClient* publisher_ = nullptr;
  std::uint64_t published_ = 0;
  simdjson::dom::parser json_;
};

TEST_F(SlowClientsTest, WhoStopsReadingAppearsRisesAndWhenItReadsIsForgottenAgain) {
  Begin({});
  SimClient& slow = AddSubscriber(1);
  AddSubscriber(1);
  EXPECT_TRUE(List().empty());

  slow.peer().SetReading(false);
  PublishFor(200 * kMillisecond);
  std::vector<Listed> listed = List();
  ASSERT_EQ(listed.size(), 1u) << "and not its neighbour";
  EXPECT_EQ(listed[0].address, slow.peer().address().Text());
  EXPECT_EQ(listed[0].level, "normal");
  EXPECT_EQ(listed[0].shard, 1u);
  EXPECT_GT(listed[0].blocked_ms, 100u);
  EXPECT_LT(listed[0].blocked_ms, 300u);
  EXPECT_EQ(listed[0].subscriptions, 2u);
  const std::string client = listed[0].client;
  EXPECT_EQ(client.size(), 36u);

  PublishFor(2 * kSecond);
  listed = List();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].level, "emergency");
  EXPECT_EQ(listed[0].client, client);
  EXPECT_GT(listed[0].blocked_share, 0.8);
  EXPECT_GT(listed[0].blocked_ms, 1900u);

  slow.peer().SetReading(true);
  cluster_->RunFor(100 * kMillisecond);
  listed = List();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].blocked_ms, 0u);
  EXPECT_EQ(listed[0].unsent_bytes, 0u);
  EXPECT_EQ(listed[0].level, "emergency");

  // It falls level by level, and what it was not sent is conflated when it is sent again.
  cluster_->RunFor(3 * kSecond);
  listed = List();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_NE(listed[0].level, "emergency");
  EXPECT_LT(listed[0].blocked_share, 0.1);
  EXPECT_GT(listed[0].conflated, 100u);
  cluster_->RunFor(8 * kSecond);
  EXPECT_TRUE(List().empty()) << "it has long been calm";
}

TEST_F(SlowClientsTest, TheWorstOfAllShardsComesFirst) {
  Begin({});
  std::vector<SimClient*> slow;
  for (int i = 0; i < 4; ++i) slow.push_back(&AddSubscriber(static_cast<ShardId>(i % 2)));
  for (SimClient* client : slow) {
    client->peer().SetReading(false);
    PublishFor(400 * kMillisecond);
  }
  PublishFor(kSecond);
  const std::vector<Listed> listed = List();
  ASSERT_EQ(listed.size(), 4u);
  for (std::size_t i = 0; i < slow.size(); ++i) {
    EXPECT_EQ(listed[i].address, slow[i]->peer().address().Text()) << i;
    EXPECT_EQ(listed[i].shard, i % 2);
    if (i > 0) {
      EXPECT_LE(listed[i].blocked_share, listed[i - 1].blocked_share);
    }
  }
  const std::vector<Listed> worst = List("?limit=1");
  ASSERT_EQ(worst.size(), 1u);
  EXPECT_EQ(worst[0].client, listed[0].client);
}

TEST_F(SlowClientsTest, WhoIsGoneIsNotListedAndItsSuccessorHasNothingOfIt) {
  Begin({});
  SimClient& slow = AddSubscriber(1);
  slow.peer().SetReading(false);
  PublishFor(200 * kMillisecond);
  ASSERT_EQ(List().size(), 1u);
  slow.Reset();
  cluster_->RunFor(10 * kMillisecond);
  SimClient& next = AddSubscriber(1);  // In the same slot: the lowest that is free.
  EXPECT_TRUE(List().empty());
  next.peer().SetReading(false);
  PublishFor(200 * kMillisecond);
  const std::vector<Listed> listed = List();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].address, next.peer().address().Text());
  EXPECT_NE(listed[0].address, slow.peer().address().Text());
}

TEST_F(SlowClientsTest, AnAddressThatTheKernelDoesNotTellIsNull) {
  Begin({.unknown_peer = 1});
  SimClient& slow = AddSubscriber(1);
  slow.peer().SetReading(false);
  PublishFor(200 * kMillisecond);
  const std::vector<Listed> listed = List();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].address, "null");
}

// Sockets stall, recover and are reset at random, and the kernel answers late or not at all.
TEST(SlowClientsSeedsTest, EveryAddressListedIsThatOfAConnectionThatIsThere) {
  std::size_t listed = 0;
  std::size_t unknown = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    SimCluster cluster(seed, {.shards = 2, .faults = engine::SimFaults::Hostile()});
    cluster.Start();
    SimClient& publisher = cluster.AddConnected(0);
    std::vector<SimClient*> open;
    simdjson::dom::parser json;
    for (int round = 0; round < 40; ++round) {
      if (open.size() < 8) {
        open.push_back(&cluster.AddConnected(static_cast<ShardId>(round % 2)));
        open.back()->Subscribe("state:a");
        open.back()->Flush();
      }
      SimClient& victim = *open[cluster.world().Between(0, open.size() - 1)];
      victim.peer().SetReading(cluster.world().Chance(0.3));
      for (int i = 0; i < 5; ++i) {
        publisher.Publish("state:a", WritePayload({0, 1}, 500));
        publisher.Flush();
        cluster.RunFor(10 * kMillisecond);
      }
      if (cluster.world().Chance(0.3)) {
        victim.Reset();
        std::erase(open, &victim);
        cluster.RunFor(10 * kMillisecond);
      }
      SimHttpPeer backend(cluster.world(), cluster.ring(0));
      backend.Get("/api/slow_clients");
      ASSERT_TRUE(cluster.RunUntil([&] { return !backend.Responses().empty(); }));
      backend.peer().Close();
      std::set<std::string> addresses;
      const simdjson::dom::element page = json.parse(backend.Responses().front().body);
      for (const simdjson::dom::element entry : page["slow_clients"].get_array()) {
        // Whose answer filled its socket, that is backends of earlier rounds, has no client.
        if (entry["client"].is_null()) continue;
        ++listed;
        const Listed one = ListedOf(entry);
        if (one.address == "null") {
          ++unknown;
          continue;
        }
        EXPECT_TRUE(addresses.insert(one.address).second) << one.address << " is listed twice";
        EXPECT_TRUE(one.address == publisher.peer().address().Text() ||
                    std::any_of(open.begin(), open.end(),
                                [&](const SimClient* client) {
                                  return client->peer().address().Text() == one.address;
                                }))
            << one.address << " is gone";
      }
    }
    for (SimClient* client : open) client->Reset();
    cluster.RunFor(kSecond);
    for (ShardId id = 0; id < cluster.shards(); ++id) {
      EXPECT_EQ(cluster.ring(id).untaken_peer_names(), 0u) << "shard " << id;
    }
    if (testing::Test::HasFailure()) return;
  }
  // Both did occur, or the test proves nothing.
  EXPECT_GT(listed, 1000u);
  EXPECT_GT(unknown, 10u);
}

// Pings leave every 4 s here, and every way takes 20 ms.
TEST_F(SlowClientsTest, TheRoundTripIsThatOfTheLastPingThatDidNotWait) {
  Begin({.min_latency_ns = 20 * kMillisecond, .max_latency_ns = 20 * kMillisecond});
  SimClient& slow = AddSubscriber(1);
  slow.peer().SetReading(false);
  PublishFor(200 * kMillisecond);
  std::vector<Listed> listed = List();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].rtt_ms, -1) << "no ping was answered yet";

  slow.peer().SetReading(true);
  cluster_->RunFor(4500 * kMillisecond);
  slow.peer().SetReading(false);
  PublishFor(200 * kMillisecond);
  listed = List();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_GE(listed[0].rtt_ms, 40);
  EXPECT_LE(listed[0].rtt_ms, 42);
  const double measured = listed[0].rtt_ms;

  // The next ping waits for the socket, for nobody knows how much of the way.
  const std::int64_t pings = cluster_->Metric("tickcast_pings_total");
  PublishFor(4500 * kMillisecond);
  EXPECT_GT(cluster_->Metric("tickcast_pings_total"), pings);
  slow.peer().SetReading(true);
  cluster_->RunFor(500 * kMillisecond);
  listed = List();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].rtt_ms, measured);
}

}  // namespace
}  // namespace tickcast::shards::sim
