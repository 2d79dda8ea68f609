#include "shards/slow_clients.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/shards/fake_ring.h"
#include "tests/shards/http_test_world.h"

namespace tickcast::shards {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kNowNs = 100 * kSecondNs;

// Connections of one shard that are no sockets.
class SlowTable {
 public:
  // A connection that is slow, by these figures at `kNowNs`.
  Connection& Add(PressureLevel level, double share = 0, std::size_t unsent_bytes = 0) {
    const engine::Slot slot = next_++;
    Connection& connection = connections_.Open(slot);
    connection.level = level;
    connection.trouble = std::make_unique<Trouble>(Trouble{.pressure = PressureOf(share)});
    connection.session = std::make_unique<Session>();
    connection.session->client = "client-" + std::to_string(slot);
    if (unsent_bytes > 0) {
      const std::string tail(unsent_bytes, 'x');
      connections_.KeepUnsent(slot, std::as_bytes(std::span(tail)));
    }
    return connection;
  }
  Connection& AddHealthy() { return connections_.Open(next_++); }
  engine::Slot last() const { return next_ - 1; }

  std::vector<SlowClient> Worst(std::size_t limit, ShardId shard = 0) {
    return WorstOf(connections_, limit, shard, kNowNs, config_);
  }

  ConnectionTable connections_{64};

 private:
  // Blocked for so long, and not reviewed since, that the share is the one asked for by now.
  ConnectionPressure PressureOf(double share) const {
    const double blocked_ns = -std::log1p(-share) * static_cast<double>(config_.window_ns);
    const std::uint64_t began_ns = kNowNs - static_cast<std::uint64_t>(blocked_ns);
    ConnectionPressure pressure(began_ns);
    pressure.SetBlocked(true, began_ns, config_);
    return pressure;
  }

  const engine::PressureConfig config_{};
  engine::Slot next_ = 0;
};

std::vector<std::string> ClientsOf(const std::vector<SlowClient>& slow) {
  std::vector<std::string> clients;
  for (const SlowClient& one : slow) clients.push_back(one.client.value_or("none"));
  return clients;
}

TEST(WorstOfTest, OrdersByLevelThenShareThenUnsentBytes) {
  SlowTable table;
  table.Add(PressureLevel::kNormal, 0.9, 9000);  // 0
  table.Add(PressureLevel::kEmergency, 0.1);     // 1
  table.Add(PressureLevel::kDegraded, 0.5, 10);  // 2
  table.Add(PressureLevel::kDegraded, 0.6);      // 3
  table.Add(PressureLevel::kCritical, 0.2, 1);   // 4
  table.Add(PressureLevel::kDegraded, 0.5, 20);  // 5
  const std::vector<SlowClient> worst = table.Worst(10);
  EXPECT_THAT(ClientsOf(worst),
              ElementsAre("client-1", "client-4", "client-3", "client-5", "client-2", "client-0"));
  EXPECT_NEAR(worst[2].slowness.blocked_share, 0.6, 1e-6);
}

TEST(WorstOfTest, GivesTheWorstUpToTheLimit) {
  SlowTable table;
  for (const double share : {0.1, 0.5, 0.3, 0.4, 0.2}) table.Add(PressureLevel::kNormal, share);
  EXPECT_THAT(ClientsOf(table.Worst(2)), ElementsAre("client-1", "client-3"));
  EXPECT_EQ(table.Worst(5).size(), 5u);
  EXPECT_EQ(table.Worst(1000).size(), 5u);
}

TEST(WorstOfTest, WhoWasNeverBlockedOrIsGoneIsNotThere) {
  SlowTable table;
  table.AddHealthy();
  table.Add(PressureLevel::kCritical);
  table.connections_.Close(table.last());
  // The shard's floor lifts the level of the healthy, too.
  table.AddHealthy().level = PressureLevel::kEmergency;
  EXPECT_THAT(table.Worst(10), IsEmpty());
}

TEST(WorstOfTest, TellsAllThatIsKnownOfAConnection) {
  SlowTable table;
  Connection& connection = table.Add(PressureLevel::kCritical, 0.25, 300);
  connection.session->user = "42";
  connection.unsent->sent = 100;
  connection.blocked_since_ns = kNowNs - 1'234'567'890;
  connection.rtt_us = 12'345;
  connection.trouble->peer = {
      .ip = {192, 0, 2, 7}, .port = 443, .family = engine::PeerAddress::Family::kIpv4};
  table.connections_.OutboxOf(table.last()).lines = "reply";
  connection.subscriptions.resize(3);
  connection.subscriptions[0].conflated = 4;
  connection.subscriptions[2].conflated = 5;
  const std::vector<SlowClient> worst = table.Worst(1, /*shard=*/3);
  ASSERT_EQ(worst.size(), 1u);
  std::string json;
  worst[0].AppendJson(json);
  EXPECT_EQ(json,
            R"({"address":"192.0.2.7:443","user":"42","client":"client-0","shard":3,)"
            R"("level":"critical","blocked_share":0.250,"blocked_ms":1234,"unsent_bytes":200,)"
            R"("reply_bytes":5,"conflated":9,"rtt_ms":12.345,"subscriptions":3})");
}

TEST(WorstOfTest, WhatIsNotKnownIsNull) {
  SlowTable table;
  table.Add(PressureLevel::kNormal).session.reset();
  std::string json;
  table.Worst(1).at(0).AppendJson(json);
  EXPECT_EQ(json, R"({"address":null,"user":null,"client":null,"shard":0,"level":"normal",)"
                  R"("blocked_share":0.000,"blocked_ms":0,"unsent_bytes":0,"reply_bytes":0,)"
                  R"("conflated":0,"rtt_ms":null,"subscriptions":0})");
}

TEST(SlowClientTest, WritesTextAsJsonAndFractionsWithThreeDigits) {
  SlowClient slow;
  slow.user = "a\"b\\\n";
  slow.slowness.blocked_share = 1;
  slow.rtt_us = 1;
  std::string json;
  slow.AppendJson(json);
  EXPECT_THAT(json, HasSubstr(R"("user":"a\"b\\\n")"));
  EXPECT_THAT(json, HasSubstr(R"("blocked_share":1.000,)"));
  EXPECT_THAT(json, HasSubstr(R"("rtt_ms":0.001,)"));
}

// The page on shard 0 of three.
class SlowClientsTest : public testing::Test {
 protected:
  static constexpr ShardId kShards = 3;

  SlowClientsTest() {
    for (ShardId shard = 0; shard < kShards; ++shard) {
      exchanges_.push_back(std::make_unique<Exchange>(mesh_, shard));
    }
    page_ = std::make_unique<SlowClients>(*exchanges_[0], world_.responder_);
  }

  HttpAsker Run(std::string_view target) {
    const HttpAsker asker = world_.Client();
    const TestHead head(target);
    EXPECT_TRUE(head.ok());
    page_->Run(asker, head);
    return asker;
  }
  // One turn of `shard`, as Shard::OnMessage() does it.
  void Turn(ShardId shard) {
    exchanges_[shard]->Drain(1000, [&](ShardId, Message&& message) {
      if (message.kind == Message::Kind::kAnswer) return page_->OnAnswer(*message.request);
      ASSERT_EQ(message.kind, Message::Kind::kAsk);
      Request& request = *message.request;
      ASSERT_EQ(request.kind, Request::Kind::kSlowClients);
      request.slow_clients = tables_[shard].Worst(static_cast<std::size_t>(request.limit), shard);
      crossed_ += request.slow_clients.size();
      exchanges_[shard]->Send(
          request.origin, {.kind = Message::Kind::kAnswer, .request = std::move(message.request)});
    });
    exchanges_[shard]->Publish(ring_);
  }
  void AllTurns() {
    for (int round = 0; round < 3; ++round) {
      for (ShardId shard = 0; shard < kShards; ++shard) Turn(shard);
    }
  }
  TestResponse Get(std::string_view target) {
    const HttpAsker asker = Run(target);
    AllTurns();
    EXPECT_TRUE(world_.answered(asker)) << target;
    return world_.ResponseTo(asker);
  }
  // The shares of the connections in a body, in their order.
  static std::vector<std::string> SharesOf(const std::string& body) {
    constexpr std::string_view kKey = R"("blocked_share":)";
    std::vector<std::string> shares;
    for (std::size_t at = body.find(kKey); at != std::string::npos; at = body.find(kKey, at + 1)) {
      shares.push_back(body.substr(at + kKey.size(), 5));
    }
    return shares;
  }

  Mesh mesh_{kShards, 16};
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  SlowTable tables_[kShards];
  HttpTestWorld world_;
  std::unique_ptr<SlowClients> page_;
  FakeRing ring_;
  std::size_t crossed_ = 0;
};

TEST_F(SlowClientsTest, WithoutSlowOnesTheListIsEmpty) {
  tables_[1].AddHealthy();
  const TestResponse response = Get("/api/slow_clients");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "{\"slow_clients\":[]}\n");
  EXPECT_EQ(response.headers.at("Content-Type"), "application/json");
  EXPECT_EQ(response.headers.at("Cache-Control"), "no-store");
}

TEST_F(SlowClientsTest, MergesTheShardsListsWorstFirst) {
  tables_[0].Add(PressureLevel::kNormal, 0.4);
  tables_[0].Add(PressureLevel::kNormal, 0.1);
  tables_[1].Add(PressureLevel::kNormal, 0.2);
  tables_[2].Add(PressureLevel::kNormal, 0.3);
  tables_[2].Add(PressureLevel::kCritical, 0.05);
  const TestResponse response = Get("/api/slow_clients");
  EXPECT_THAT(SharesOf(response.body), ElementsAre("0.050", "0.400", "0.300", "0.200", "0.100"));
  EXPECT_TRUE(response.body.starts_with(
      R"({"slow_clients":[{"address":null,"user":"","client":"client-1","shard":2,)"))
      << response.body;
  EXPECT_TRUE(response.body.ends_with("}]}\n")) << response.body;
}

TEST_F(SlowClientsTest, TheLimitIsOfTheWholeAndOfWhatCrosses) {
  for (int i = 1; i <= 10; ++i) {
    for (SlowTable& table : tables_) table.Add(PressureLevel::kNormal, i / 20.0);
  }
  tables_[1].Add(PressureLevel::kNormal, 0.9);
  EXPECT_THAT(SharesOf(Get("/api/slow_clients?limit=2").body), ElementsAre("0.900", "0.500"));
  EXPECT_EQ(crossed_, 2u * kShards);
  EXPECT_EQ(SharesOf(Get("/api/slow_clients").body).size(), SlowClients::kDefaultLimit);
  EXPECT_EQ(SharesOf(Get("/api/slow_clients?limit=1000").body).size(), 31u);
  EXPECT_EQ(SharesOf(Get("/api/slow_clients?limit=1").body).size(), 1u);
}

TEST_F(SlowClientsTest, ALimitThatIsNoneIsABadRequest) {
  for (const char* const limit :
       {"0", "1001", "-1", "+5", " 5", "5 ", "", "x", "1e2", "2.5", "0x10", "5,6",
        "18446744073709551617", "99999999999999999999999"}) {
    std::string target = "/api/slow_clients?limit=";
    for (const char c : std::string_view(limit)) target += c == ' ' ? "%20" : std::string(1, c);
    const HttpAsker asker = Run(target);
    ASSERT_TRUE(world_.answered(asker)) << target << ": refused at once";
    EXPECT_EQ(world_.ResponseTo(asker).status, 400) << target;
    EXPECT_EQ(world_.ResponseTo(asker).body, "limit is a number from 1 to 1000\n");
  }
  AllTurns();
  EXPECT_EQ(crossed_, 0u) << "nobody was asked";
}

TEST_F(SlowClientsTest, AnswersWhenTheLastShardHas) {
  tables_[2].Add(PressureLevel::kNormal, 0.5);
  const HttpAsker asker = Run("/api/slow_clients");
  Turn(0);
  Turn(1);
  Turn(0);
  EXPECT_FALSE(world_.answered(asker));
  Turn(2);
  Turn(0);
  ASSERT_TRUE(world_.answered(asker));
  EXPECT_THAT(SharesOf(world_.ResponseTo(asker).body), ElementsAre("0.500"));
}

TEST_F(SlowClientsTest, EachOfSeveralWhoAskGetsItsOwnLimit) {
  for (SlowTable& table : tables_) table.Add(PressureLevel::kNormal, 0.5);
  const HttpAsker one = Run("/api/slow_clients?limit=1");
  const HttpAsker gone = Run("/api/slow_clients?limit=2");
  const HttpAsker all = Run("/api/slow_clients");
  world_.connections_.Close(gone.slot);
  AllTurns();
  EXPECT_FALSE(world_.answered(gone));
  EXPECT_EQ(SharesOf(world_.ResponseTo(one).body).size(), 1u);
  EXPECT_EQ(SharesOf(world_.ResponseTo(all).body).size(), 3u);
}

}  // namespace
}  // namespace tickcast::shards
