// Maps that clients mirror: pages, what changes between them, and every way in which that ends.
#include "tests/sim/map_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tickcast::shards::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kAllMaps[] = {"live:m", "rec:m", "keep:m"};

std::vector<std::string> KeysOf(const std::vector<HeardPublication>& publications) {
  std::vector<std::string> keys;
  for (const HeardPublication& each : publications) {
    keys.push_back(each.removed ? absl::StrCat("-", each.key) : each.key);
  }
  return keys;
}

TEST_F(MapTest, PagesGoThroughTheKeysAndTheLastOneIsLive) {
  for (const ShardId shards : {1, 2, 3}) {
    Begin(shards);
    PublishAll("rec:m", 5);
    SimClient& client = cluster_->AddConnected(shards - 1);
    const Heard first = AskMap(client, "rec:m", R"(,"phase":2,"limit":2)");
    ASSERT_EQ(first.kind, Kind::kSubscribed);
    EXPECT_EQ(first.phase, 2);
    EXPECT_EQ(first.offset, 5u);
    EXPECT_FALSE(first.recoverable);
    EXPECT_THAT(KeysOf(first.state), ElementsAre("k0", "k1"));
    const auto next = [&](const std::string& cursor) {
      return AskMap(client, "rec:m",
                    absl::StrCat(R"(,"phase":2,"limit":2,"offset":5,"epoch":")", first.epoch,
                                 R"(","cursor":")", cursor, "\""));
    };
    const Heard second = next(first.cursor);
    EXPECT_EQ(second.phase, 2);
    EXPECT_THAT(KeysOf(second.state), ElementsAre("k2", "k3"));
    EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 0);
    const Heard last = next(second.cursor);
    EXPECT_EQ(last.phase, 0);
    EXPECT_EQ(last.cursor, "");
    EXPECT_TRUE(last.recoverable);
    EXPECT_EQ(last.epoch, first.epoch);
    EXPECT_THAT(KeysOf(last.state), ElementsAre("k4"));
    EXPECT_THAT(last.publications, IsEmpty());
    EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 1);
    Publish("rec:m", "k2", 7);
    Remove("rec:m", "k4");
    Settle();
    const std::vector<Heard> pushed = client.HeardOf(Kind::kPublication, "rec:m");
    ASSERT_EQ(pushed.size(), 2u);
    EXPECT_EQ(pushed[0].publications[0].offset, 6u);
    EXPECT_THAT(KeysOf(pushed[1].publications), ElementsAre("-k4"));
  }
}

TEST_F(MapTest, AnEmptyMapIsLiveAtOnceAndOfOnePage) {
  Begin(2);
  for (const char* const channel : kAllMaps) {
    MapMirror& mirror = Live({.channel = channel}, 1);
    EXPECT_EQ(mirror.pages(), 1);
    Publish(channel, "a", 1);
    Settle();
    EXPECT_EQ(mirror.keys(), Source(channel)) << channel;
    EXPECT_EQ(mirror.keys().size(), 1u);
  }
}

// Few changes come with the last page; many are pages of their own. Once everything that was read
// is gone before the next page is asked for.
TEST_F(MapTest, WhatChangesBetweenPagesIsToldBeforeItIsLive) {
  for (const ShardId shards : {1, 3}) {
    for (const char* const channel : kAllMaps) {
      for (const int changes : {1, 3, 40}) {
        SCOPED_TRACE(absl::StrCat(channel, " ", changes, " ", shards));
        Begin(shards);
        PublishAll(channel, 9);
        MapMirror& mirror = NewMirror({.channel = channel, .limit = 3}, shards - 1);
        mirror.set_stops_between_pages(true);
        BeginMirror(mirror);
        int written = 1000;
        while (!mirror.live() && mirror.pages() < 100) {
          cluster_->RunUntil([&] { return mirror.waits() || mirror.live(); });
          if (mirror.live()) break;
          if (mirror.pages() < 4) {
            for (int i = 0; i < changes; ++i) {
              Publish(channel, absl::StrCat("k", written % 13), written);
              ++written;
            }
            Remove(channel, absl::StrCat("k", mirror.pages()));
            Publish(channel, "a", written);  // Before all pages.
            Publish(channel, "z", written);
          }
          mirror.Continue();
        }
        Settle();
        EXPECT_TRUE(mirror.live());
        EXPECT_EQ(mirror.keys(), Source(channel));
        Publish(channel, "k1", 1);
        Settle();
        EXPECT_EQ(mirror.keys(), Source(channel));
        EXPECT_EQ(mirror.syncs(), 1);
      }
    }
  }
}

TEST_F(MapTest, AClientComesBackByItsPosition) {
  Begin(2);
  PublishAll("rec:m", 4);
  MapMirror& mirror = Live({.channel = "rec:m"}, 1);
  for (const int changes : {0, 1, 30}) {
    Reconnect(mirror, changes % 2 == 0 ? 0 : 1);
    for (int i = 0; i < changes; ++i) Publish("rec:m", absl::StrCat("k", i % 3), i);
    if (changes != 0) Remove("rec:m", "k3");
    BeginMirror(mirror);
    RunUntilLive(mirror);
    EXPECT_EQ(mirror.keys(), Source("rec:m"));
    Publish("rec:m", "k3", 1);
    Settle();
    EXPECT_EQ(mirror.keys(), Source("rec:m"));
  }
  EXPECT_EQ(mirror.recoveries(), 3);
  EXPECT_EQ(mirror.syncs(), 1);
}

// More was removed than is remembered.
TEST_F(MapTest, ALostPositionIsToldAndTheMirrorBeginsAnew) {
  NamespaceOf("rec").map.stream_size = 3;
  Begin(2);
  PublishAll("rec:m", 9);
  MapMirror& mirror = Live({.channel = "rec:m", .limit = 2}, 1);
  Reconnect(mirror, 1);
  for (int i = 0; i < 5; ++i) Remove("rec:m", absl::StrCat("k", i));
  BeginMirror(mirror);
  ASSERT_TRUE(cluster_->RunUntil([&] { return mirror.ended(); }));
  EXPECT_EQ(mirror.end_code(), 112u);
  RunUntilLive(mirror);
  EXPECT_EQ(mirror.keys(), Source("rec:m"));
  EXPECT_EQ(mirror.keys().size(), 4u);
  EXPECT_EQ(mirror.syncs(), 2);
}

TEST_F(MapTest, AClearedMapEndsItsSubscriptionsAndWhoReadsBeginsAnew) {
  for (const char* const channel : kAllMaps) {
    SCOPED_TRACE(channel);
    Begin(3);
    PublishAll(channel, 6);
    MapMirror& first = Live({.channel = channel}, 1);
    MapMirror& second = Live({.channel = channel, .data = R"({"interval_ms":100})"}, 2);
    MapMirror& reader = NewMirror({.channel = channel, .limit = 2}, 0);
    reader.set_stops_between_pages(true);
    BeginMirror(reader);
    cluster_->RunUntil([&] { return reader.waits(); });
    Clear(channel);
    Publish(channel, "new", 1);
    Settle();
    EXPECT_EQ(first.end_code(), 2500u);
    EXPECT_EQ(second.end_code(), 2500u);
    reader.Continue();
    ASSERT_TRUE(cluster_->RunUntil([&] { return reader.ended(); }));
    EXPECT_EQ(reader.end_code(), 112u);
    EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 0);
    reader.set_stops_between_pages(false);
    for (MapMirror* each : {&first, &second, &reader}) {
      RunUntilLive(*each);
      EXPECT_EQ(each->keys(), Source(channel));
    }
  }
}

TEST_F(MapTest, WhoTakesTooLongOverItsPagesIsClosed) {
  Begin();
  PublishAll("rec:m", 5);
  for (const bool late : {false, true}) {
    MapMirror& mirror = NewMirror({.channel = "rec:m", .limit = 2});
    mirror.set_stops_between_pages(true);
    BeginMirror(mirror);
    cluster_->RunUntil([&] { return mirror.waits(); });
    cluster_->RunFor(late ? 5100 * kMillisecond : 4800 * kMillisecond);
    mirror.Continue();
    Settle();
    EXPECT_EQ(ClientOf(mirror).close_code(), late ? 3008u : 0u);
    EXPECT_EQ(mirror.pages(), late ? 1 : 2);
    ClientOf(mirror).Reset();
    Settle();
  }
  ExpectNothingLeft();
}

// The order in which they are refused is Centrifugo's, too.
TEST_F(MapTest, WhatIsOutOfOrderIsRefusedAndChangesNothing) {
  Begin(2);
  PublishAll("rec:m", 5);
  PublishAll("live:m", 5);
  const auto fresh = [&](std::string_view channel, std::string_view members) {
    SimClient& client = cluster_->AddConnected(1);
    const Heard answer = AskMap(client, channel, members);
    client.Reset();
    return answer.code;
  };
  EXPECT_EQ(fresh("rec:m", R"(,"phase":3)"), 107u);
  EXPECT_EQ(fresh("rec:m", R"(,"phase":-1)"), 107u);
  EXPECT_EQ(fresh("live:m", R"(,"phase":1)"), 107u) << "no stream";
  EXPECT_EQ(fresh("live:m", R"(,"phase":1,"recover":true)"), 107u);
  EXPECT_EQ(fresh("rec:m", R"(,"phase":1)"), 103u) << "without pages";
  EXPECT_EQ(fresh("rec:m", R"(,"phase":2,"cursor":"x")"), 103u);
  EXPECT_EQ(fresh("rec:m", R"(,"phase":1,"recover":true,"offset":3,"epoch":"x")"), 112u);
  EXPECT_EQ(fresh("rec:m", ""), 112u);
  EXPECT_EQ(fresh("rec:m", R"(,"phase":2,"tf":{"key":"g","cmp":"is"})"), 107u);
  Settle();
  ExpectNothingLeft();

  SimClient& client = cluster_->AddConnected(1);
  const Heard first = AskMap(client, "rec:m", R"(,"phase":2,"limit":2)");
  const std::string page = absl::StrCat(R"(,"phase":2,"limit":2,"cursor":")", first.cursor, "\"");
  EXPECT_EQ(AskMap(client, "rec:m", R"(,"phase":2,"limit":2)").code, 105u);
  // Each of two at once; the first one goes on.
  const std::uint32_t one = SendMap(client, "rec:m", page);
  const std::uint32_t two = SendMap(client, "rec:m", page);
  EXPECT_EQ(Answer(client, two).code, 113u);
  EXPECT_EQ(Answer(client, one).kind, Kind::kSubscribed);
  // The cursor of another channel ends what it was for.
  const Heard other = AskMap(client, "live:m", R"(,"phase":2,"limit":2)");
  EXPECT_EQ(
      AskMap(client, "rec:m", absl::StrCat(R"(,"phase":2,"cursor":")", other.cursor, "\"")).code,
      103u);
  EXPECT_EQ(AskMap(client, "rec:m", page).code, 103u);
  // Whoever is live has nothing to read.
  EXPECT_EQ(AskMap(client, "rec:m", R"(,"phase":2,"limit":100)").phase, 0);
  EXPECT_EQ(AskMap(client, "rec:m", R"(,"phase":2)").code, 105u);
  client.Reset();
  Settle();
  ExpectNothingLeft();
}

TEST_F(MapTest, UnsubscribingWhileAPageIsAskedForLeavesNothing) {
  for (const char* const channel : {"rec:m", "live:m", kTickers}) {
    for (const int limit : {2, 100}) {  // One more page, or live with it.
      SCOPED_TRACE(absl::StrCat(channel, " ", limit));
      Begin(3);
      if (channel != kTickers) PublishAll(channel, 5);
      for (std::uint32_t symbol = 0; symbol < 5; ++symbol) Tick(symbol);
      Settle();
      SimClient& client = cluster_->AddConnected(2);
      const std::string members = absl::StrCat(R"(,"phase":2,"limit":)", limit,
                                               R"(,"delta":"fossil","tf":)", std::string(kOnlyA));
      const std::uint32_t page = SendMap(client, channel, members);
      const std::uint32_t left = client.Unsubscribe(channel);
      client.Flush();
      const std::uint32_t again = SendMap(client, channel, members);
      const std::uint32_t left_again = client.Unsubscribe(channel);
      client.Flush();
      EXPECT_EQ(Answer(client, left).kind, Kind::kUnsubscribed);
      EXPECT_EQ(Answer(client, left_again).kind, Kind::kUnsubscribed);
      EXPECT_NE(client.ReplyTo(page), nullptr);
      EXPECT_NE(client.ReplyTo(again), nullptr);
      Settle();
      ExpectNothingLeft();
      EXPECT_THAT(client.HeardOf(Kind::kPublication), IsEmpty());
      EXPECT_EQ(client.close_code(), 0u);
    }
  }
}

TEST_F(MapTest, TheServerUnsubscribesWhoIsReading) {
  for (const bool asked : {false, true}) {
    for (const char* const channel : {"rec:m", kTickers}) {
      SCOPED_TRACE(absl::StrCat(channel, " ", asked));
      Begin(3);
      if (channel != kTickers) PublishAll(channel, 5);
      for (std::uint32_t symbol = 0; symbol < 5; ++symbol) Tick(symbol);
      Settle();
      MapMirror& mirror = NewMirror({.channel = channel, .limit = 2, .tf = std::string(kOnlyA)}, 2);
      mirror.set_stops_between_pages(true);
      BeginMirror(mirror);
      cluster_->RunUntil([&] { return mirror.waits(); });
      // The question is under way while the server's wish arrives.
      if (asked) mirror.Continue();
      SimHttpPeer peer(cluster_->world(), cluster_->ring(2));
      peer.Post("/api/unsubscribe", absl::StrCat(R"({"user":"","client":")", ClientOf(mirror).id(),
                                                 R"(","channel":")", channel, "\"}"));
      ASSERT_TRUE(cluster_->RunUntil([&] { return mirror.end_code() != 0; }));
      EXPECT_EQ(mirror.end_code(), 2000u);
      Settle();
      ExpectNothingLeft();
    }
  }
}

TEST_F(MapTest, AConnectionThatIsLostBetweenPagesLeavesNothing) {
  NamespaceOf("rec").presence = true;
  NamespaceOf("rec").subscriber_limit = 1;
  Begin(3);
  PublishAll("rec:m", 5);
  for (std::uint32_t symbol = 0; symbol < 5; ++symbol) Tick(symbol);
  Settle();
  for (const bool asked : {false, true}) {
    for (const char* const channel : {"rec:m", kTickers}) {
      for (const int limit : {2, 100}) {
        MapMirror& mirror = NewMirror(
            {.channel = channel, .limit = limit, .delta = true, .tf = std::string(kOnlyA)}, 2);
        BeginMirror(mirror);
        if (!asked) Settle();
        ClientOf(mirror).Reset();
        Settle();
        ExpectNothingLeft();
      }
    }
  }
  EXPECT_THAT(Call("presence_stats", R"({"channel":"rec:m"})"), HasSubstr(R"("num_clients":0)"));
  // Its only place is free.
  EXPECT_TRUE(Live({.channel = "rec:m"}).live());
}

TEST_F(MapTest, AMapThatIsBeingReadIsOneOfTheClientsChannels) {
  options_.config.client.channel_limit = 2;
  Begin(2);
  PublishAll("rec:m", 5);
  SimClient& client = cluster_->AddConnected(1);
  const Heard first = AskMap(client, "rec:m", R"(,"phase":2,"limit":4)");
  EXPECT_EQ(AskMap(client, "rec:n", R"(,"phase":2)").kind, Kind::kSubscribed);
  EXPECT_EQ(AskMap(client, "rec:o", R"(,"phase":2)").code, 106u);
  // The map itself is let in.
  EXPECT_EQ(AskMap(client, "rec:m",
                   absl::StrCat(R"(,"phase":2,"limit":4,"cursor":")", first.cursor, "\""))
                .phase,
            0);
  EXPECT_EQ(AskMap(client, "rec:o", R"(,"phase":2)").code, 106u);
  EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 2);
}

TEST_F(MapTest, WhoMirrorsAMapIsPresentOnceItIsLive) {
  NamespaceOf("rec").presence = true;
  NamespaceOf("rec").join_leave = true;
  Begin(2);
  PublishAll("rec:m", 5);
  MapMirror& mirror = NewMirror({.channel = "rec:m", .limit = 3}, 1);
  mirror.set_stops_between_pages(true);
  BeginMirror(mirror);
  cluster_->RunUntil([&] { return mirror.waits(); });
  const auto present = [&] { return Call("presence_stats", R"({"channel":"rec:m"})"); };
  EXPECT_THAT(present(), HasSubstr(R"("num_clients":0)"));
  mirror.Continue();
  Settle();
  EXPECT_TRUE(mirror.live());
  EXPECT_THAT(present(), HasSubstr(R"("num_clients":1)"));
  ClientOf(mirror).Unsubscribe("rec:m");
  ClientOf(mirror).Flush();
  Settle();
  EXPECT_THAT(present(), HasSubstr(R"("num_clients":0)"));
}

// A map has pages, which nobody asks for where the server subscribes.
TEST_F(MapTest, TheServerSubscribesNobodyToAMap) {
  Begin(2);
  PublishAll("rec:m", 3);
  for (const char* const channel : {"rec:m", kTickers}) {
    SimClient& client = cluster_->AddConnected(1);
    EXPECT_THAT(Call("subscribe", absl::StrCat(R"({"user":"","client":")", client.id(),
                                               R"(","channel":")", channel, "\"}")),
                HasSubstr(R"("error":{"code":107)"))
        << channel;
    Settle();
    EXPECT_THAT(client.HeardOf(Kind::kGiven), IsEmpty());
    EXPECT_EQ(client.close_code(), 0u);
    client.Reset();
  }
  Settle();
  ExpectNothingLeft();
}

}  // namespace
}  // namespace tickcast::shards::sim
