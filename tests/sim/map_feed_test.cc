// Maps over a feed: a market that moves while it is read, and what it costs when nobody reads it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/sim/map_world.h"

namespace tickcast::shards::sim {
namespace {

using testing::IsEmpty;

class MapFeedTest : public MapTest {
 protected:
  void TickAll(std::uint32_t symbols) {
    for (std::uint32_t symbol = 0; symbol < symbols; ++symbol) Tick(symbol);
    Settle();
  }
};

TEST_F(MapFeedTest, AMarketIsMirroredWhereItsReadersAre) {
  for (const ShardId shards : {1, 2, 3}) {
    for (const bool delta : {false, true}) {
      SCOPED_TRACE(absl::StrCat(shards, " ", delta));
      newest_.clear();
      padding_bytes_ = 100;
      Begin(shards);
      TickAll(7);
      MapMirror& first = Live({.channel = kTickers, .limit = 3, .delta = delta}, 0);
      MapMirror& second = Live({.channel = kTickers, .delta = delta}, shards - 1);
      EXPECT_EQ(first.keys(), Source(kTickers));
      EXPECT_EQ(first.keys().size(), 7u);
      EXPECT_EQ(second.keys(), Source(kTickers));
      for (int round = 0; round < 3; ++round) TickAll(7);
      Tick(20);  // Was not there before.
      Settle();
      EXPECT_EQ(first.keys(), Source(kTickers));
      EXPECT_EQ(second.keys(), Source(kTickers));
      EXPECT_EQ(second.keys().size(), 8u);
      EXPECT_EQ(first.deltas() != 0, delta);
    }
  }
}

TEST_F(MapFeedTest, AMirrorEndsWithItsLastReaderAndBeginsAnewWithTheNext) {
  Begin(3);
  TickAll(5);
  for (int round = 0; round < 3; ++round) {
    MapMirror& first = Live({.channel = kTickers}, 2);
    MapMirror& second = Live({.channel = kTickers, .limit = 2}, 2);
    Settle(150);
    // The map, and each of its slots.
    EXPECT_EQ(cluster_->Metric("tickcast_channels"), 6 + round);
    ClientOf(first).Reset();
    Tick(1);
    Settle();
    EXPECT_EQ(second.keys(), Source(kTickers));
    ClientOf(second).Unsubscribe(kTickers);
    ClientOf(second).Flush();
    Settle();
    ExpectNothingLeft();
    // Nobody is told of it, and nobody wants to know.
    const std::uint64_t owed = cluster_->ledger().owed;
    Tick(static_cast<std::uint32_t>(10 + round));
    Tick(1);
    Settle();
    EXPECT_EQ(cluster_->ledger().owed, owed);
    ExpectNothingLeft();
  }
}

TEST_F(MapFeedTest, AMarketThatMovesWhileItIsReadIsNotMissed) {
  for (const ShardId shards : {1, 3}) {
    for (const char* const tf : {"", R"({"key":"g","cmp":"nex"})"}) {
      SCOPED_TRACE(absl::StrCat(shards, tf));
      newest_.clear();
      Begin(shards);
      TickAll(8);
      MapMirror& mirror = NewMirror({.channel = kTickers, .limit = 2, .delta = true, .tf = tf}, 0);
      mirror.set_stops_between_pages(true);
      BeginMirror(mirror);
      for (std::uint32_t page = 0; page < 20 && !mirror.live(); ++page) {
        cluster_->RunUntil([&] { return mirror.waits() || mirror.live(); });
        if (mirror.live()) break;
        Tick(0);
        Tick(7);
        Tick(10 + page);
        Settle(2);
        mirror.Continue();
      }
      Settle();
      EXPECT_TRUE(mirror.live());
      EXPECT_EQ(mirror.keys(), Source(kTickers));
      TickAll(8);
      EXPECT_EQ(mirror.keys(), Source(kTickers));
    }
  }
}

// The slots' homes are asked when the first reader comes; it leaves, or is lost, before they have
// answered, at any moment.
TEST_F(MapFeedTest, WhoLeavesWhileTheMirrorIsBeingMadeLeavesNothing) {
  Begin(3);
  TickAll(6);
  for (int steps = 0; steps < 40; ++steps) {
    for (const bool lost : {false, true}) {
      SimClient& client = cluster_->AddConnected(1);
      SendMap(client, kTickers, R"(,"phase":2,"limit":2)");
      for (int i = 0; i < steps; ++i) cluster_->Step(cluster_->now_ns() + 20'000);
      if (lost) {
        client.Reset();
      } else {
        const std::uint32_t left = client.Unsubscribe(kTickers);
        client.Flush();
        EXPECT_EQ(Answer(client, left).kind, Kind::kUnsubscribed);
      }
      Tick(1);
      Settle();
      ExpectNothingLeft();
      EXPECT_THAT(client.HeardOf(Kind::kPublication), IsEmpty());
      client.Reset();
    }
  }
  EXPECT_EQ(Live({.channel = kTickers}, 1).keys(), Source(kTickers));
}

// A map, a second one under another name, a watch list and a plain subscription.
TEST_F(MapFeedTest, AllAddressesOfASlotShowTheSame) {
  engine::Namespace second = NamespaceOf("tickers");
  second.name = "board";
  options_.config.channel.namespaces.push_back(second);
  for (const ShardId shards : {1, 2, 3}) {
    SCOPED_TRACE(shards);
    newest_.clear();
    Begin(shards);
    TickAll(3);
    const auto last = static_cast<ShardId>(shards - 1);
    MapMirror& tickers = Live({.channel = kTickers}, last);
    MapMirror& board = Live({.channel = "board:kucoin", .limit = 1, .delta = true}, last);
    SimClient& watcher = Subscribed(last);
    Answer(watcher, SendTrack(watcher, {"S1"}));
    SimClient& plain = cluster_->AddConnected(last);
    plain.Subscribe("ticker:kucoin.S1");
    plain.Flush();
    Settle();
    for (int round = 0; round < 5; ++round) TickAll(4);
    EXPECT_EQ(tickers.keys(), Source(kTickers));
    EXPECT_EQ(board.keys(), Source(kTickers));
    EXPECT_EQ(board.keys().at("S1"), plain.DataOf("ticker:kucoin.S1").back());
    EXPECT_EQ(plain.DataOf("ticker:kucoin.S1").size(), 5u);
    EXPECT_EQ(Pushed(watcher).back(), "S1=6");
    // One of them ends, and the others stay.
    ClientOf(tickers).Reset();
    Settle();
    TickAll(5);
    EXPECT_EQ(board.keys(), Source(kTickers));
    EXPECT_EQ(plain.DataOf("ticker:kucoin.S1").size(), 6u);
    EXPECT_EQ(Pushed(watcher).back(), "S1=7");
  }
}

// Feeds tag nothing, but whoever may use the server API can publish to a symbol's channel.
TEST_F(MapFeedTest, ASymbolLeavesAFilterByARemoval) {
  Begin(2);
  TickAll(3);
  const auto publish = [this](std::string_view symbol, std::string_view tags) {
    const std::string answer =
        Call("publish", absl::StrCat(R"({"channel":"ticker:kucoin.)", protocol::Abseil(symbol),
                                     R"(","data":{"n":1})", protocol::Abseil(tags), "}"));
    EXPECT_NE(answer.find("result"), answer.npos) << answer;
    Settle();
  };
  for (const char* const symbol : {"S0", "S1", "S2"}) publish(symbol, R"(,"tags":{"g":"1"})");
  for (const bool delta : {false, true}) {
    SCOPED_TRACE(delta);
    const Wants wants{.channel = kTickers,
                      .limit = 1,
                      .delta = delta,
                      .tf = R"({"key":"g","cmp":"eq","val":"1"})"};
    MapMirror& live = Live(wants);
    EXPECT_EQ(live.keys().size(), 3u);
    MapMirror& reading = NewMirror(wants, 1);
    reading.set_stops_between_pages(true);
    BeginMirror(reading);
    ASSERT_TRUE(cluster_->RunUntil([&] { return reading.waits(); }));
    publish("S0", "");
    reading.set_stops_between_pages(false);
    reading.Continue();
    ASSERT_TRUE(cluster_->RunUntil([&] { return reading.live(); }));
    for (MapMirror* mirror : {&live, &reading}) {
      EXPECT_EQ(mirror->keys().size(), 2u);
      EXPECT_FALSE(mirror->keys().contains("S0"));
    }
    publish("S1", "");
    publish("S1", R"(,"tags":{"g":"1"})");
    publish("S0", R"(,"tags":{"g":"1"})");
    for (MapMirror* mirror : {&live, &reading}) EXPECT_EQ(mirror->keys().size(), 3u);
  }
}

TEST_F(MapFeedTest, ASlowReaderOfAMarketEndsWithItsNewestValues) {
  options_.faults = {.min_socket_buffer_bytes = 600, .max_socket_buffer_bytes = 600};
  padding_bytes_ = 150;
  for (const char* const data : {"", R"({"interval_ms":50})"}) {
    newest_.clear();
    Begin(2);
    TickAll(5);
    MapMirror& mirror = Live({.channel = kTickers, .delta = true, .data = data}, 1);
    ClientOf(mirror).peer().SetReading(false);
    for (int round = 0; round < 12; ++round) TickAll(5);
    ClientOf(mirror).peer().SetReading(true);
    Settle(300);
    EXPECT_EQ(mirror.keys(), Source(kTickers));
    EXPECT_LT(mirror.pushes(), 25);
    EXPECT_GT(cluster_->ledger().conflated, 30u);
    TickAll(5);
    Settle(100);
    EXPECT_EQ(mirror.keys(), Source(kTickers));
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
