// Home: map channels.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/shards/home_test_world.h"

namespace tickcast::shards {
namespace {

using protocol::ErrorCode;
using Lines = std::vector<std::string>;
using Kind = Request::Kind;

constexpr std::string_view kMap = "map:1";
constexpr std::string_view kEphemeral = "eph:1";

class HomeMapTest : public HomeTest {
 protected:
  HomeMapTest() {
    const engine::MapConfig recoverable{.mode = engine::MapMode::kRecoverable,
                                        .key_ttl_ns = 10 * kSecondNs,
                                        .stream_size = 6,
                                        .stream_ttl_ns = 60 * kSecondNs,
                                        .live_transition_max_publication_limit = 4};
    const engine::MapConfig ephemeral{.mode = engine::MapMode::kEphemeral,
                                      .key_ttl_ns = 10 * kSecondNs};
    const engine::MapConfig persistent{.mode = engine::MapMode::kPersistent};
    const auto type = engine::SubscriptionType::kMap;
    config_.channel.namespaces = {
        {.name = "room", .history_size = 5, .history_ttl_ns = kTtlNs},
        {.name = "map", .subscription_type = type, .map = recoverable},
        {.name = "eph", .subscription_type = type, .map = ephemeral},
        {.name = "kept", .subscription_type = type, .map = persistent},
        {.name = "tickers", .subscription_type = type, .source = "feed:kucoin"},
        {.name = "few", .subscription_type = type, .map = recoverable, .subscriber_limit = 1},
        {.name = "slow", .subscription_type = type, .map = recoverable, .publish_rate = 1},
    };
  }

  static std::unique_ptr<Request> Of(Kind kind, std::string_view channel, std::string_view key) {
    auto request = New(kind, channel);
    request->asker = Request::Asker::kApiCall;
    request->map = std::make_unique<MapRequest>();
    request->map->key = key;
    return request;
  }
  static std::unique_ptr<Request> NewPut(std::string_view channel, std::string_view key,
                                         std::string_view data, std::string_view tags = {}) {
    auto request = Of(Kind::kMapPublish, channel, key);
    request->draft = Publication::Draft({.channel = channel,
                                         .push_prefix = Publication::PushPrefix(channel),
                                         .data = data,
                                         .tags = tags,
                                         .key = key});
    return request;
  }
  std::unique_ptr<Request> Put(std::string_view channel, std::string_view key,
                               std::string_view data = "1") {
    return Ask(NewPut(channel, key, data));
  }
  std::unique_ptr<Request> Remove(std::string_view channel, std::string_view key) {
    return Ask(Of(Kind::kMapRemove, channel, key));
  }
  void PutAll(std::string_view channel, const Lines& keys) {
    for (const std::string& key : keys) Put(channel, key);
  }
  static std::unique_ptr<Request> NewPhase(std::string_view channel, MapPhase phase) {
    auto request = Of(Kind::kSubscribe, channel, "");
    request->map->phase = phase;
    request->map->page_size = 2;
    request->local = 1;
    request->local_generation = 1;
    return request;
  }
  // The next page behind what `page` answered.
  std::unique_ptr<Request> Next(const Request& page) {
    auto request = NewPhase(page.channel, MapPhase::kState);
    request->map->cursor = page.map->cursor;
    request->map->has_cut = true;
    request->map->cut = page.sequence;
    request->since_epoch = page.epoch;
    return Ask(std::move(request));
  }
  std::unique_ptr<Request> From(std::string_view channel, MapPhase phase, std::uint64_t offset,
                                std::string_view epoch) {
    auto request = NewPhase(channel, phase);
    request->since_offset = offset;
    request->since_epoch = epoch;
    request->recover = true;
    return Ask(std::move(request));
  }

  static Lines Told(const std::vector<PublicationRef>& publications) {
    Lines told;
    for (const PublicationRef& each : publications) {
      told.push_back((each->removed() ? "-" : "") + std::string(each->key()));
    }
    return told;
  }
};

TEST_F(HomeMapTest, AWriteHasAPositionAndIsReadBack) {
  const auto first = Put(kMap, "b", "1");
  EXPECT_FALSE(first->failed);
  EXPECT_FALSE(first->suppressed);
  EXPECT_EQ(first->offset, 1u);
  EXPECT_EQ(first->epoch.size(), 8u);
  EXPECT_EQ(Put(kMap, "a", "2")->offset, 2u);
  EXPECT_EQ(Remove(kMap, "b")->offset, 3u);

  auto read = Of(Kind::kMapReadState, kMap, "");
  read->limit = -1;
  read = Ask(std::move(read));
  EXPECT_EQ(Told(read->publications), (Lines{"a"}));
  EXPECT_EQ(read->offset, 3u);
  EXPECT_EQ(read->epoch, first->epoch);
  EXPECT_EQ(read->map->cursor, "");
  read = Of(Kind::kMapReadStream, kMap, "");
  read->limit = -1;
  read = Ask(std::move(read));
  EXPECT_EQ(Told(read->publications), (Lines{"b", "a", "-b"}));
  EXPECT_EQ(OffsetsOf(read->publications), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(Ask(Of(Kind::kMapStats, kMap, ""))->map->keys, 1u);
}

TEST_F(HomeMapTest, WhatChangesNothingSaysWhyAndWhereTheMapIs) {
  const auto absent = Remove(kMap, "a");
  EXPECT_TRUE(absent->suppressed);
  EXPECT_EQ(absent->map->suppression, MapSuppression::kKeyNotFound);
  EXPECT_EQ(absent->epoch, "");  // Nothing was made of it.
  EXPECT_EQ(home_.channel_count(), 0u);

  const auto put = [this](KeyMode mode, std::uint64_t version, std::string_view idempotency_key) {
    auto request = NewPut(kMap, "a", "1");
    request->map->mode = mode;
    request->version = version;
    request->idempotency_key = idempotency_key;
    return Ask(std::move(request));
  };
  EXPECT_EQ(put(KeyMode::kIfExists, 0, "")->map->suppression, MapSuppression::kKeyNotFound);
  EXPECT_EQ(put(KeyMode::kIfNew, 3, "i")->offset, 1u);
  Put(kMap, "b");
  const auto again = put(KeyMode::kIfNew, 3, "i");
  EXPECT_EQ(again->map->suppression, MapSuppression::kIdempotency);
  EXPECT_TRUE(again->suppressed);
  EXPECT_EQ(again->offset, 1u);
  const auto old = put(KeyMode::kIfNew, 3, "");
  EXPECT_EQ(old->map->suppression, MapSuppression::kVersion);
  EXPECT_EQ(old->offset, 2u);
  EXPECT_EQ(old->epoch, again->epoch);
  EXPECT_EQ(put(KeyMode::kIfNew, 4, "")->map->suppression, MapSuppression::kKeyExists);
  EXPECT_EQ(put(KeyMode::kReplace, 4, "")->map->suppression, MapSuppression::kNone);
  EXPECT_EQ(Remove(kMap, "zz")->offset, 3u);
  EXPECT_EQ(home_.published(), 3u);
}

TEST_F(HomeMapTest, AVersionNeedsPositions) {
  auto request = NewPut(kEphemeral, "a", "1");
  request->version = 1;
  request = Ask(std::move(request));
  EXPECT_TRUE(request->failed);
  EXPECT_EQ(request->error, ErrorCode::kInternal);
}

TEST_F(HomeMapTest, OtherChannelsAreNoMaps) {
  for (const Kind kind : {Kind::kMapPublish, Kind::kMapRemove, Kind::kMapReadState,
                          Kind::kMapReadStream, Kind::kMapStats, Kind::kMapClear}) {
    for (const std::string_view channel : {"room:1", "tickers:kucoin"}) {
      const auto answer = Ask(Of(kind, channel, "a"));
      EXPECT_TRUE(answer->failed);
      EXPECT_EQ(answer->error, ErrorCode::kBadRequest);
    }
    EXPECT_EQ(Ask(Of(kind, "nowhere:1", "a"))->error, ErrorCode::kUnknownChannel);
  }
  EXPECT_EQ(Publish(kMap, "1")->error, ErrorCode::kBadRequest);
  EXPECT_EQ(Subscribe(kMap)->error, ErrorCode::kBadRequest);
  EXPECT_EQ(Ask(NewPhase("room:1", MapPhase::kState))->error, ErrorCode::kBadRequest);
}

TEST_F(HomeMapTest, TheLastPageLetsInWithWhatChangedSinceTheFirst) {
  PutAll(kMap, {"a", "b", "c", "d", "e"});
  const auto first = Ask(NewPhase(kMap, MapPhase::kState));
  EXPECT_FALSE(first->map->live);
  EXPECT_EQ(Told(first->map->state), (Lines{"a", "b"}));
  EXPECT_EQ(first->map->cursor, "b");
  EXPECT_EQ(first->offset, 5u);
  Put(kMap, "d");
  const auto second = Next(*first);
  EXPECT_EQ(Told(second->map->state), (Lines{"c"}));
  EXPECT_EQ(second->offset, 5u);
  EXPECT_EQ(second->sequence, first->sequence);
  Remove(kMap, "a");
  const auto last = Next(*second);
  EXPECT_TRUE(last->map->live);
  EXPECT_EQ(Told(last->map->state), (Lines{"e"}));
  EXPECT_EQ(Told(last->publications), (Lines{"d", "-a"}));
  EXPECT_EQ(last->offset, 7u);
  EXPECT_EQ(last->sequence, 7u);
  EXPECT_FALSE(last->recovered);
  EXPECT_TRUE(deliveries_.empty());
  Put(kMap, "f", "9");
  EXPECT_EQ(deliveries_, (std::vector<Delivery>{{0, 1, 1, "9", 8}}));
}

TEST_F(HomeMapTest, WhoIsFarBehindReadsTheStreamFirst) {
  PutAll(kMap, {"a", "b", "c"});
  const auto first = Ask(NewPhase(kMap, MapPhase::kState));
  PutAll(kMap, {"aa", "aa", "ab", "ac"});
  const auto last = Next(*first);
  EXPECT_FALSE(last->failed);
  EXPECT_FALSE(last->map->live);
  EXPECT_EQ(last->map->cursor, "");
  EXPECT_EQ(Told(last->map->state), (Lines{"c"}));
  EXPECT_EQ(last->offset, 3u);
  const auto page = From(kMap, MapPhase::kStream, 3, last->epoch);
  EXPECT_FALSE(page->map->live);
  EXPECT_EQ(Told(page->publications), (Lines{"aa", "aa"}));
  EXPECT_EQ(page->offset, 5u);
  EXPECT_EQ(page->map->goal, 7u);
  // What comes now is no reason for another page.
  PutAll(kMap, {"p", "q"});
  auto next = NewPhase(kMap, MapPhase::kStream);
  next->since_offset = page->offset;
  next->since_epoch = page->epoch;
  next->map->goal = page->map->goal;
  next = Ask(std::move(next));
  EXPECT_TRUE(next->map->live);
  EXPECT_EQ(Told(next->publications), (Lines{"ab", "ac", "p", "q"}));
  EXPECT_EQ(next->offset, 9u);
  EXPECT_EQ(next->sequence, 9u);
}

TEST_F(HomeMapTest, APositionIsRecoveredFromWhileEnoughIsKnown) {
  PutAll(kMap, {"a", "b", "a", "a", "a", "a", "c", "c"});
  const std::string epoch = Put(kMap, "d")->epoch;
  const auto all = From(kMap, MapPhase::kLive, 6, epoch);
  EXPECT_TRUE(all->map->live);
  EXPECT_TRUE(all->recovered);
  EXPECT_EQ(Told(all->publications), (Lines{"c", "c", "d"}));
  // More than may be told at once, and more than the stream has: each key once.
  EXPECT_EQ(Told(From(kMap, MapPhase::kLive, 4, epoch)->publications), (Lines{"a", "c", "d"}));
  const auto each = From(kMap, MapPhase::kLive, 1, epoch);
  EXPECT_EQ(Told(each->publications), (Lines{"b", "a", "c", "d"}));
  Put(kMap, "e");
  EXPECT_EQ(From(kMap, MapPhase::kLive, 10, epoch)->publications.size(), 0u);
  for (const auto& [offset, of] : {std::pair<std::uint64_t, std::string>{11, epoch},
                                   {1, epoch},  // Five keys, and four may be told.
                                   {9, "another"},
                                   {9, ""}}) {
    SCOPED_TRACE(offset);
    const auto lost = From(kMap, MapPhase::kLive, offset, of);
    EXPECT_TRUE(lost->failed);
    EXPECT_EQ(lost->error, ErrorCode::kUnrecoverablePosition);
    EXPECT_FALSE(lost->map->live);
    EXPECT_FALSE(lost->recovered);
    EXPECT_TRUE(lost->publications.empty());
  }
}

TEST_F(HomeMapTest, AnEphemeralMapLetsInWithTheLastPageWhateverChanged) {
  PutAll(kEphemeral, {"a", "b", "c"});
  const auto first = Ask(NewPhase(kEphemeral, MapPhase::kState));
  EXPECT_EQ(first->offset, 0u);
  PutAll(kEphemeral, {"aa", "ab", "ac", "a"});
  Remove(kEphemeral, "b");
  const auto last = Next(*first);
  EXPECT_TRUE(last->map->live);
  EXPECT_EQ(Told(last->map->state), (Lines{"c"}));
  EXPECT_EQ(Told(last->publications), (Lines{"aa", "ab", "ac", "a", "-b"}));
  EXPECT_EQ(last->offset, 0u);
  EXPECT_EQ(From(kEphemeral, MapPhase::kStream, 0, last->epoch)->error, ErrorCode::kBadRequest);
  const auto live = From(kEphemeral, MapPhase::kLive, 0, "");
  EXPECT_TRUE(live->map->live);
  EXPECT_TRUE(live->publications.empty());
}

TEST_F(HomeMapTest, APageOfAnotherLifeIsNotReadOn) {
  PutAll(kMap, {"a", "b", "c"});
  const auto first = Ask(NewPhase(kMap, MapPhase::kState));
  Ask(Of(Kind::kMapClear, kMap, ""));
  PutAll(kMap, {"c", "d"});
  EXPECT_EQ(Next(*first)->error, ErrorCode::kUnrecoverablePosition);
  auto blind = NewPhase(kMap, MapPhase::kState);
  blind->map->has_cut = true;
  blind->map->cut = 2;
  EXPECT_EQ(Ask(std::move(blind))->error, ErrorCode::kUnrecoverablePosition);
}

TEST_F(HomeMapTest, AClearBeginsAnewForEverybody) {
  auto put = NewPut(kMap, "a", "1");
  put->idempotency_key = "i";
  const auto before = Ask(std::move(put));
  auto other = NewPhase(kMap, MapPhase::kState);
  other->origin = 1;
  other->local = 7;
  other->local_generation = 3;
  EXPECT_TRUE(Ask(std::move(other))->map->live);
  EXPECT_FALSE(Ask(Of(Kind::kMapClear, kMap, ""))->failed);
  EXPECT_EQ(resets_, (std::vector<std::pair<ShardId, ChannelIndex>>{{1, 7}}));
  EXPECT_EQ(Ask(Of(Kind::kMapStats, kMap, ""))->map->keys, 0u);
  put = NewPut(kMap, "a", "1");
  put->idempotency_key = "i";
  const auto after = Ask(std::move(put));
  EXPECT_FALSE(after->suppressed);
  EXPECT_EQ(after->offset, 1u);
  EXPECT_NE(after->epoch, before->epoch);
  EXPECT_FALSE(Ask(Of(Kind::kMapClear, "map:never", ""))->failed);
}

TEST_F(HomeMapTest, AKeyWhoseTimeIsUpIsToldAsRemoved) {
  EXPECT_TRUE(Ask(NewPhase(kMap, MapPhase::kState))->map->live);
  Ask(NewPut(kMap, "a", "1", R"({"t":"x"})"));
  now_ns_ += 5 * kSecondNs;
  Put(kMap, "b");
  Put(kMap, "a", "2");
  now_ns_ += 10 * kSecondNs - 1;
  SweepAll();
  Pump();
  EXPECT_EQ(home_.keys_expired(), 0u);
  ++now_ns_;
  SweepAll();
  Pump();
  EXPECT_EQ(home_.keys_expired(), 2u);
  ASSERT_EQ(deliveries_.size(), 5u);
  EXPECT_EQ(deliveries_[3].sequence, 4u);
  EXPECT_EQ(deliveries_[4].sequence, 5u);
  EXPECT_EQ(lines_of_deliveries_[3],
            R"({"push":{"channel":"map:1","pub":{"offset":4,"key":"b","removed":true}}})");
  EXPECT_EQ(Ask(Of(Kind::kMapStats, kMap, ""))->map->keys, 0u);
}

TEST_F(HomeMapTest, ARemovalHasTheTagsOfTheKey) {
  EXPECT_TRUE(Ask(NewPhase(kMap, MapPhase::kState))->map->live);
  Ask(NewPut(kMap, "a", "1", R"({"t":"x"})"));
  Remove(kMap, "a");
  EXPECT_EQ(
      lines_of_deliveries_.back(),
      R"({"push":{"channel":"map:1","pub":{"offset":2,"tags":{"t":"x"},"key":"a","removed":true}}})");
  Ask(NewPut(kMap, "a", "1", R"({"t":"x"})"));
  auto other = Of(Kind::kMapRemove, kMap, "a");
  other->map->tags = R"({"t":"y"})";
  Ask(std::move(other));
  EXPECT_EQ(
      lines_of_deliveries_.back(),
      R"({"push":{"channel":"map:1","pub":{"offset":4,"tags":{"t":"y"},"key":"a","removed":true}}})");
}

TEST_F(HomeMapTest, WhoIsPresentIsKeptAliveWithoutAWord) {
  const auto here = [this] {
    auto request = NewPut(kEphemeral, "c1", "1");
    request->map->mode = KeyMode::kIfNew;
    request->map->keep_alive = true;
    return Ask(std::move(request));
  };
  EXPECT_FALSE(here()->suppressed);
  for (int i = 0; i < 4; ++i) {
    now_ns_ += 6 * kSecondNs;
    SweepAll();
    EXPECT_EQ(here()->map->suppression, MapSuppression::kKeyExists);
  }
  EXPECT_EQ(home_.published(), 1u);
  now_ns_ += 10 * kSecondNs;
  SweepAll();
  EXPECT_EQ(home_.keys_expired(), 1u);
}

TEST_F(HomeMapTest, ManyKeysExpireOverSomeSweeps) {
  for (int i = 0; i < 3000; ++i) Put(kEphemeral, "k" + std::to_string(i));
  now_ns_ += 10 * kSecondNs;
  home_.Sweep(now_ns_);
  EXPECT_EQ(home_.keys_expired(), 1024u);
  home_.Sweep(now_ns_);
  home_.Sweep(now_ns_);
  EXPECT_EQ(home_.keys_expired(), 3000u);
}

TEST_F(HomeMapTest, MapsAreForgottenWhenTheirTimeIsUp) {
  Put(kMap, "a");
  Put("kept:1", "a");
  Remove("kept:1", "a");
  Put(kEphemeral, "a");
  EXPECT_GT(home_.history_bytes(), 0u);
  now_ns_ += 11 * kSecondNs;
  SweepAll();  // Their keys go, which is the last that happens.
  now_ns_ += 60 * kSecondNs;
  SweepAll();
  EXPECT_EQ(Ask(Of(Kind::kMapStats, kMap, ""))->map->keys, 0u);
  // The ephemeral one is nobody's business now; the recoverable one's position is.
  EXPECT_EQ(home_.channel_count(), 2u);
  EXPECT_EQ(Put(kMap, "a")->offset, 3u);
  now_ns_ += 11 * kSecondNs;
  SweepAll();
  now_ns_ += 600 * kSecondNs;
  SweepAll();
  EXPECT_EQ(home_.channel_count(), 1u);
  now_ns_ += 1'000'000 * kSecondNs;
  SweepAll();
  EXPECT_EQ(Put("kept:1", "a")->offset, 3u);
}

TEST_F(HomeMapTest, AStreamThatIsOverGivesItsMemoryBack) {
  for (int i = 0; i < 6; ++i) Put("kept:1", "a");
  const std::size_t with_stream = home_.history_bytes();
  now_ns_ += 60 * kSecondNs;
  SweepAll();
  EXPECT_LT(home_.history_bytes(), with_stream);
  EXPECT_GT(home_.history_bytes(), 0u);
  Ask(Of(Kind::kMapClear, "kept:1", ""));
  EXPECT_EQ(home_.history_bytes(), 0u);
}

TEST_F(HomeMapTest, ShortOfMemoryTheStreamIsShortened) {
  for (int i = 0; i < 20; ++i) Put("kept:1", "a");
  home_.LimitHistory(0.05);  // Of a hundred.
  SweepAll();
  auto read = Of(Kind::kMapReadStream, "kept:1", "");
  read->limit = -1;
  EXPECT_EQ(Ask(std::move(read))->publications.size(), 5u);
}

TEST_F(HomeMapTest, ARoomForOneAndARateHoldForMapsToo) {
  EXPECT_TRUE(Ask(NewPhase("few:1", MapPhase::kState))->map->live);
  EXPECT_EQ(Ask(NewPhase("few:1", MapPhase::kState))->error, ErrorCode::kLimitExceeded);
  const auto put = [this](Request::Asker asker) {
    auto request = NewPut("slow:1", "a", "1");
    request->asker = asker;
    return Ask(std::move(request));
  };
  EXPECT_FALSE(put(Request::Asker::kSession)->failed);
  const auto over = put(Request::Asker::kSession);
  EXPECT_TRUE(over->over_rate);
  EXPECT_EQ(over->error, ErrorCode::kTooManyRequests);
  EXPECT_FALSE(put(Request::Asker::kApiCall)->failed);
}

TEST_F(HomeMapTest, NobodyIsAnswered) {
  auto request = NewPut(kMap, "a", "1");
  request->asker = Request::Asker::kNobody;
  home_.Ask(std::move(request), now_ns_);
  Pump();
  EXPECT_EQ(answer_, nullptr);
  EXPECT_EQ(Ask(Of(Kind::kMapStats, kMap, ""))->map->keys, 1u);
}

TEST_F(HomeMapTest, ReadsAreByKeyPageAndPosition) {
  PutAll(kMap, {"a", "b", "c"});
  const auto read = [this](std::string_view key, std::int32_t limit, std::string_view cursor = {}) {
    auto request = Of(Kind::kMapReadState, kMap, key);
    request->limit = limit;
    request->map->cursor = cursor;
    return Ask(std::move(request));
  };
  EXPECT_EQ(Told(read("b", 0)->publications), (Lines{"b"}));
  EXPECT_EQ(Told(read("zz", 5)->publications), Lines{});
  EXPECT_EQ(Told(read("", 0)->publications), Lines{});
  EXPECT_EQ(read("", 2)->map->cursor, "b");
  EXPECT_EQ(Told(read("", 2, "b")->publications), (Lines{"c"}));
  auto of_another_life = Of(Kind::kMapReadState, kMap, "");
  of_another_life->has_since = true;
  of_another_life->since_epoch = "another";
  EXPECT_EQ(Ask(std::move(of_another_life))->error, ErrorCode::kUnrecoverablePosition);

  const auto stream = [this](std::int32_t limit, bool reverse, std::uint64_t since) {
    auto request = Of(Kind::kMapReadStream, kMap, "");
    request->limit = limit;
    request->reverse = reverse;
    request->has_since = since != 0;
    request->since_offset = since;
    return Told(Ask(std::move(request))->publications);
  };
  EXPECT_EQ(stream(0, false, 0), Lines{});
  EXPECT_EQ(stream(2, false, 0), (Lines{"a", "b"}));
  EXPECT_EQ(stream(-1, false, 1), (Lines{"b", "c"}));
  EXPECT_EQ(stream(2, true, 0), (Lines{"c", "b"}));
  EXPECT_EQ(stream(-1, true, 3), (Lines{"b", "a"}));
}

}  // namespace
}  // namespace tickcast::shards
