#include "shards/home.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/shards/home_test_world.h"

namespace tickcast::shards {
namespace {

using protocol::ErrorCode;
using testing::ElementsAre;
using testing::IsEmpty;

// --- Publishing ----------------------------------------------------------------------------------

TEST_F(HomeTest, OffsetsRiseFromOneInAnEpochOfTheChannel) {
  const auto first = Publish("room:1", "1");
  const auto second = Publish("room:1", "2");
  const auto other = Publish("room:2", "1");
  EXPECT_FALSE(first->failed);
  EXPECT_EQ(first->offset, 1u);
  EXPECT_EQ(second->offset, 2u);
  EXPECT_EQ(other->offset, 1u);
  EXPECT_FALSE(first->epoch.empty());
  EXPECT_EQ(second->epoch, first->epoch);
  EXPECT_NE(other->epoch, first->epoch);
  EXPECT_EQ(home_.published(), 3u);
  EXPECT_EQ(home_.channel_count(), 2u);
}

TEST_F(HomeTest, AnotherHomeMakesOtherEpochs) {
  Home other(config_, exchange_, 2);
  const std::string epoch = EpochOf("room:1");
  other.Ask(New(Request::Kind::kHistory, "room:1"), now_ns_);
  Pump();
  EXPECT_NE(answer_->epoch, epoch);
}

TEST_F(HomeTest, ChannelsWithoutHistoryHaveNeitherOffsetNorEpoch) {
  for (const char* const name : {"ticker:a", "trade:a", "plain"}) {
    SCOPED_TRACE(name);
    const auto answer = Publish(name, "1");
    EXPECT_FALSE(answer->failed);
    EXPECT_EQ(answer->offset, 0u);
    EXPECT_EQ(answer->epoch, "");
  }
}

TEST_F(HomeTest, SkippingTheHistoryLeavesNoHoleInIt) {
  Subscribe("room:1");
  Publish("room:1", "1");
  EXPECT_EQ(Publish("room:1", "aside", /*skip_history=*/true)->offset, 0u);
  EXPECT_EQ(Publish("room:1", "2")->offset, 2u);
  EXPECT_THAT(DataOf(HistoryOf("room:1", -1)->publications), ElementsAre("1", "2"));
  // Its subscribers got it all the same.
  EXPECT_THAT(deliveries_, ElementsAre(Delivery{0, 1, 1, "1", 1}, Delivery{0, 1, 1, "aside", 2},
                                       Delivery{0, 1, 1, "2", 3}));
}

TEST_F(HomeTest, AnUnknownNamespaceIsAnUnknownChannel) {
  for (const Request::Kind kind : {Request::Kind::kSubscribe, Request::Kind::kHistory}) {
    const auto answer = Ask(New(kind, "nowhere:1"));
    EXPECT_TRUE(answer->failed);
    EXPECT_EQ(answer->error, ErrorCode::kUnknownChannel);
  }
  const auto answer = Publish("nowhere:1", "1");
  EXPECT_TRUE(answer->failed);
  EXPECT_EQ(answer->error, ErrorCode::kUnknownChannel);
  EXPECT_EQ(home_.channel_count(), 0u);
  EXPECT_EQ(home_.published(), 0u);
}

TEST_F(HomeTest, DeliversToEachShardThatSubscribedOnce) {
  Subscribe("trade:a", 0, 3, 1);
  Subscribe("trade:a", 1, 9, 2);
  Subscribe("trade:a", 1, 9, 2);  // A second subscriber there: the shard is told once all the same.
  Publish("trade:a", "1");
  Publish("trade:b", "2");
  EXPECT_THAT(deliveries_, ElementsAre(Delivery{0, 3, 1, "1", 1}, Delivery{1, 9, 2, "1", 1}));
}

TEST_F(HomeTest, FeedsPublishHereAndFromAfar) {
  Subscribe("trade:a");
  EXPECT_TRUE(home_.Offer(DraftOf("trade:a", "here"), now_ns_));
  home_.Take(DraftOf("trade:a", "afar"), now_ns_);
  Pump();
  EXPECT_THAT(deliveries_, ElementsAre(Delivery{0, 1, 1, "here", 1}, Delivery{0, 1, 1, "afar", 2}));
}

// A way that is full refuses at the source what must all arrive; state conflates on it.
TEST_F(HomeTest, AFullWayRefusesStreamsAndTakesState) {
  Subscribe("trade:a", 1, 1, 1);
  Subscribe("room:1", 1, 2, 1);
  Subscribe("ticker:a", 1, 3, 1);
  Subscribe("trade:here", 0, 4, 1);
  while (!exchange_.full(1)) exchange_.Send(1, {.kind = Message::Kind::kDeliver});

  const PublicationRef refused = DraftOf("trade:a", "1");
  EXPECT_FALSE(home_.Offer(refused, now_ns_));
  EXPECT_TRUE(home_.Offer(DraftOf("ticker:a", "1"), now_ns_));
  EXPECT_TRUE(home_.Offer(DraftOf("trade:here", "1"), now_ns_));
  auto publish = New(Request::Kind::kPublish, "room:1");
  publish->draft = DraftOf("room:1", "1");
  home_.Ask(std::move(publish), now_ns_);
  std::unique_ptr<Request> answer;
  exchange_.Drain(1000, [&](ShardId, Message&& message) {
    if (message.kind == Message::Kind::kAnswer) answer = std::move(message.request);
  });
  ASSERT_NE(answer, nullptr);
  EXPECT_TRUE(answer->failed);
  EXPECT_EQ(answer->error, ErrorCode::kTooManyRequests);
  EXPECT_EQ(home_.published(), 2u);

  // Nothing was taken: the same draft goes out when there is room.
  EXPECT_EQ(refused->sequence(), 0u);
  exchange_.Publish(ring_);
  peer_.Drain(1000, [](ShardId, Message&&) {});
  exchange_.Publish(ring_);
  EXPECT_FALSE(exchange_.full(1));
  EXPECT_TRUE(home_.Offer(refused, now_ns_));
  EXPECT_EQ(refused->sequence(), 1u);
}

// --- Subscribing ---------------------------------------------------------------------------------

TEST_F(HomeTest, AStateChannelAnswersWithItsLastValue) {
  EXPECT_THAT(Subscribe("ticker:a")->publications, IsEmpty());
  Publish("ticker:a", "1");
  Publish("ticker:a", "2");
  const auto answer = Subscribe("ticker:a", 1);
  EXPECT_FALSE(answer->failed);
  EXPECT_THAT(DataOf(answer->publications), ElementsAre("2"));
  EXPECT_EQ(answer->sequence, 2u);
  EXPECT_EQ(answer->offset, 0u);
  EXPECT_EQ(answer->epoch, "");
}

TEST_F(HomeTest, AStreamAnswersWithItsPosition) {
  const auto empty = Subscribe("room:1");
  EXPECT_EQ(empty->offset, 0u);
  EXPECT_FALSE(empty->epoch.empty());
  PublishRoom(2);
  const auto answer = Subscribe("room:1");
  EXPECT_EQ(answer->offset, 2u);
  EXPECT_EQ(answer->sequence, 2u);
  EXPECT_EQ(answer->epoch, empty->epoch);
  EXPECT_THAT(answer->publications, IsEmpty());
  EXPECT_FALSE(answer->recovered);

  Publish("trade:a", "1");
  const auto plain = Subscribe("trade:a");
  EXPECT_EQ(plain->sequence, 1u);  // The cut counts all, in history or not.
  EXPECT_EQ(plain->offset, 0u);
  EXPECT_EQ(plain->epoch, "");
}

// The answer goes the same way as what is published later, so the cut between them is exact.
TEST_F(HomeTest, WhatFollowsAnAnswerIsExactlyWhatItDoesNotCover) {
  PublishRoom(2);
  const auto answer = Subscribe("room:1", 1, 7, 1);
  PublishRoom(1);
  ASSERT_THAT(deliveries_, ElementsAre(Delivery{1, 7, 1, "3", 3}));
  EXPECT_EQ(deliveries_.front().sequence, answer->sequence + 1);
}

TEST_F(HomeTest, RecoversAllThatWasMissed) {
  PublishRoom(5);
  const std::string epoch = EpochOf("room:1");
  const auto answer = Recover(2, epoch);
  EXPECT_TRUE(answer->recovered);
  EXPECT_THAT(OffsetsOf(answer->publications), ElementsAre(3u, 4u, 5u));
  EXPECT_EQ(answer->offset, 2u);  // What is recovered counts on from here.
  EXPECT_EQ(answer->epoch, epoch);

  const auto current = Recover(5, epoch);
  EXPECT_TRUE(current->recovered);
  EXPECT_THAT(current->publications, IsEmpty());

  // A client that never saw an epoch has only an offset to go by.
  EXPECT_TRUE(Recover(4, "")->recovered);
}

TEST_F(HomeTest, RecoversNothingRatherThanAPart) {
  PublishRoom(8);  // 4 to 8 are left, 3 may be recovered at once.
  const std::string epoch = EpochOf("room:1");
  struct Case {
    const char* why;
    std::uint64_t offset;
    std::string epoch;
  };
  const Case cases[] = {{"another epoch", 7, "another"},
                        {"one more than the limit", 4, epoch},
                        {"too old", 1, epoch},
                        {"never reached", 9, epoch},
                        {"from the beginning", 0, epoch}};
  for (const Case& each : cases) {
    SCOPED_TRACE(each.why);
    const auto answer = Recover(each.offset, each.epoch);
    EXPECT_FALSE(answer->failed);
    EXPECT_FALSE(answer->recovered);
    EXPECT_THAT(answer->publications, IsEmpty());
    EXPECT_EQ(answer->offset, 8u);
    EXPECT_EQ(answer->epoch, epoch);

    const auto rejected = Recover(each.offset, each.epoch, /*reject_unrecovered=*/true);
    EXPECT_TRUE(rejected->failed);
    EXPECT_EQ(rejected->error, ErrorCode::kUnrecoverablePosition);
  }
  EXPECT_TRUE(Recover(5, epoch)->recovered);
}

TEST_F(HomeTest, RecoveryEndsWithTheHistorysTime) {
  PublishRoom(2);
  const std::string epoch = EpochOf("room:1");
  now_ns_ += kTtlNs - 1;
  EXPECT_TRUE(Recover(1, epoch)->recovered);
  now_ns_ += 1;
  EXPECT_FALSE(Recover(1, epoch)->recovered);
  EXPECT_TRUE(Recover(2, epoch)->recovered);  // Nothing was missed.
}

TEST_F(HomeTest, ARejectedSubscriberIsSentNothing) {
  PublishRoom(1);
  Recover(9, EpochOf("room:1"), /*reject_unrecovered=*/true);
  PublishRoom(1);
  EXPECT_THAT(deliveries_, IsEmpty());
}

// --- History -------------------------------------------------------------------------------------

TEST_F(HomeTest, HistoryGivesPositionPagesAndBothDirections) {
  PublishRoom(7);  // 3 to 7 are left; 4 at most are given.
  const std::string epoch = EpochOf("room:1");
  const auto offsets = [](std::unique_ptr<Request> answer) {
    EXPECT_FALSE(answer->failed);
    EXPECT_EQ(answer->offset, 7u);
    return OffsetsOf(answer->publications);
  };
  EXPECT_THAT(offsets(HistoryOf("room:1", 0)), IsEmpty());
  EXPECT_THAT(offsets(HistoryOf("room:1", 2)), ElementsAre(3u, 4u));
  EXPECT_THAT(offsets(HistoryOf("room:1", 5)), ElementsAre(3u, 4u, 5u, 6u));
  EXPECT_THAT(offsets(HistoryOf("room:1", -1)), ElementsAre(3u, 4u, 5u, 6u));
  EXPECT_THAT(offsets(HistoryOf("room:1", 2, true)), ElementsAre(7u, 6u));
  EXPECT_THAT(offsets(HistoryOf("room:1", -1, true)), ElementsAre(7u, 6u, 5u, 4u));
  EXPECT_THAT(offsets(HistorySince(5, epoch, -1)), ElementsAre(6u, 7u));
  EXPECT_THAT(offsets(HistorySince(5, "", 1)), ElementsAre(6u));
  EXPECT_THAT(offsets(HistorySince(7, epoch, -1)), IsEmpty());
  EXPECT_THAT(offsets(HistorySince(0, epoch, 2)), ElementsAre(3u, 4u));
  EXPECT_THAT(offsets(HistorySince(5, epoch, -1, true)), ElementsAre(4u, 3u));
  EXPECT_THAT(offsets(HistorySince(8, epoch, -1, true)), ElementsAre(7u, 6u, 5u, 4u));
  // The one before is not there (any more).
  EXPECT_THAT(offsets(HistorySince(9, epoch, -1, true)), IsEmpty());
  EXPECT_THAT(offsets(HistorySince(3, epoch, -1, true)), IsEmpty());
  EXPECT_THAT(offsets(HistorySince(1, epoch, -1, true)), IsEmpty());
}

TEST_F(HomeTest, HistorySinceAnotherEpochIsUnrecoverable) {
  PublishRoom(1);
  for (const std::int32_t limit : {-1, 0, 1}) {
    const auto answer = HistorySince(0, "another", limit);
    EXPECT_TRUE(answer->failed);
    EXPECT_EQ(answer->error, ErrorCode::kUnrecoverablePosition);
    EXPECT_THAT(answer->publications, IsEmpty());
  }
}

TEST_F(HomeTest, HistoryIsNotAvailableWhereNoneIsKept) {
  for (const char* const name : {"ticker:a", "trade:a", "plain"}) {
    const auto answer = HistoryOf(name, -1);
    EXPECT_TRUE(answer->failed) << name;
    EXPECT_EQ(answer->error, ErrorCode::kNotAvailable) << name;
  }
}

TEST_F(HomeTest, HistoryExpiresAndKeepsItsPosition) {
  PublishRoom(2);
  now_ns_ += kTtlNs;
  const auto answer = HistoryOf("room:1", -1);
  EXPECT_THAT(answer->publications, IsEmpty());
  EXPECT_EQ(answer->offset, 2u);
  EXPECT_EQ(Publish("room:1", "3")->offset, 3u);
}

// --- Tickers -------------------------------------------------------------------------------------

TEST_F(HomeTest, TickersAreTheLastValuesUnderAPrefix) {
  Publish("ticker:a", "1");
  Publish("ticker:a", "2");
  Publish("ticker:b", "3");
  Publish("trade:a", "4");
  Subscribe("ticker:silent");
  const auto answer = Ask(New(Request::Kind::kTickers, "ticker:"));
  EXPECT_THAT(DataOf(answer->publications), testing::UnorderedElementsAre("2", "3"));
}

// --- Leaving and sweeping ------------------------------------------------------------------------

TEST_F(HomeTest, LeavingEndsTheDeliveriesOfThatInterestOnly) {
  Subscribe("trade:a", 0, 1, 1);
  Subscribe("trade:a", 1, 2, 1);
  Request leave;
  leave.channel = "trade:a";
  leave.local = 1;
  leave.local_generation = 1;
  home_.Leave(1, leave, now_ns_);  // Shard 1 has another index.
  home_.Leave(0, leave, now_ns_);
  Publish("trade:a", "1");
  EXPECT_THAT(deliveries_, ElementsAre(Delivery{1, 2, 1, "1", 1}));
  leave.channel = "trade:unknown";
  home_.Leave(0, leave, now_ns_);
}

// A shard may leave a channel and ask for it again before the first news has come.
TEST_F(HomeTest, AStaleLeaveDoesNotEndANewerInterest) {
  Subscribe("trade:a", 0, 1, 1);
  Subscribe("trade:a", 0, 1, 2);
  Request leave;
  leave.channel = "trade:a";
  leave.local = 1;
  leave.local_generation = 1;
  home_.Leave(0, leave, now_ns_);
  Publish("trade:a", "1");
  EXPECT_THAT(deliveries_, ElementsAre(Delivery{0, 1, 2, "1", 1}));
}

TEST_F(HomeTest, SweepForgetsChannelsNobodyUsesAnyMore) {
  Publish("trade:a", "1");
  Publish("ticker:a", "1");
  Subscribe("trade:b");
  now_ns_ += 60 * kSecondNs - 1;
  SweepAll();
  EXPECT_EQ(home_.channel_count(), 3u);
  now_ns_ += 1;
  SweepAll();
  EXPECT_EQ(home_.channel_count(), 2u);  // A last value and a subscriber keep the others.
}

TEST_F(HomeTest, SweepExpiresHistories) {
  config_.channel.history_meta_ttl_ns = 3600 * kSecondNs;
  PublishRoom(1);
  const std::string epoch = EpochOf("room:1");
  now_ns_ += kTtlNs;
  SweepAll();
  EXPECT_EQ(home_.channel_count(), 1u);
  EXPECT_EQ(EpochOf("room:1"), epoch);
  now_ns_ += 3600 * kSecondNs - 1;
  SweepAll();
  EXPECT_EQ(home_.channel_count(), 1u);
  now_ns_ += 1;
  SweepAll();
  EXPECT_EQ(home_.channel_count(), 0u);
  EXPECT_NE(EpochOf("room:1"), epoch);
}

// However long it was subscribed before, a client that comes back soon finds its epoch.
TEST_F(HomeTest, AnIdleChannelsTimeBeginsWhenItsLastSubscriberLeaves) {
  const std::string epoch = Subscribe("room:1", 0, 1, 1)->epoch;
  now_ns_ += 3600 * kSecondNs;
  SweepAll();
  Request leave;
  leave.channel = "room:1";
  leave.local = 1;
  leave.local_generation = 1;
  home_.Leave(0, leave, now_ns_);
  now_ns_ += kSecondNs;
  SweepAll();
  EXPECT_EQ(Subscribe("room:1")->epoch, epoch);
}

TEST_F(HomeTest, SweepReachesEveryChannelInTheEnd) {
  for (int i = 0; i < 1000; ++i) Publish("trade:" + std::to_string(i), "1");
  now_ns_ += 301 * kSecondNs;
  home_.Sweep(now_ns_);
  EXPECT_EQ(home_.channel_count(), 1000u - 256u);
  SweepAll();
  EXPECT_EQ(home_.channel_count(), 0u);
  // Their places are used again.
  EXPECT_FALSE(Publish("trade:new", "1")->failed);
  EXPECT_EQ(home_.channel_count(), 1u);
}

// --- Suppressed publications ---------------------------------------------------------------------

TEST_F(HomeTest, ARepeatedIdempotencyKeyGetsTheFirstAnswerAndReachesNobody) {
  Subscribe("room:1");
  const auto publish = [this](std::string_view channel, std::string_view key) {
    auto request = New(Request::Kind::kPublish, channel);
    request->draft = DraftOf(channel, "1");
    request->idempotency_key = key;
    return Ask(std::move(request));
  };
  const auto first = publish("room:1", "k");
  EXPECT_FALSE(first->suppressed);
  EXPECT_EQ(first->offset, 1u);
  Publish("room:1", "2");
  deliveries_.clear();
  const auto again = publish("room:1", "k");
  EXPECT_TRUE(again->suppressed);
  EXPECT_FALSE(again->failed);
  EXPECT_EQ(again->offset, 1u);
  EXPECT_EQ(again->epoch, first->epoch);
  EXPECT_THAT(deliveries_, IsEmpty());
  // Another key, and the same key of another channel, are others.
  EXPECT_EQ(publish("room:1", "k2")->offset, 3u);
  EXPECT_EQ(publish("room:2", "k")->offset, 1u);
  // Also where there is no position to answer with.
  EXPECT_FALSE(publish("trade:a", "k")->suppressed);
  EXPECT_TRUE(publish("trade:a", "k")->suppressed);
  now_ns_ += IdempotentResults::kKeptNs - 1;
  EXPECT_TRUE(publish("room:1", "k")->suppressed);
  now_ns_ += 1;
  EXPECT_FALSE(publish("room:1", "k")->suppressed);
}

TEST_F(HomeTest, OnlyANewerVersionOfTheSameEpochGoesOut) {
  const auto publish = [this](std::uint64_t version, std::string_view epoch,
                              bool skip_history = false) {
    auto request = New(Request::Kind::kPublish, "room:1");
    request->draft = DraftOf("room:1", "1");
    request->version = version;
    request->version_epoch = epoch;
    request->skip_history = skip_history;
    return Ask(std::move(request));
  };
  EXPECT_EQ(publish(5, "a")->offset, 1u);
  for (const auto& [version, epoch] :
       {std::pair(5, "a"), std::pair(4, "a"), std::pair(5, ""), std::pair(1, "")}) {
    const auto old = publish(static_cast<std::uint64_t>(version), epoch);
    EXPECT_TRUE(old->suppressed) << version << epoch;
    EXPECT_EQ(old->offset, 1u);
    EXPECT_EQ(old->epoch, EpochOf("room:1"));
  }
  EXPECT_EQ(publish(6, "a")->offset, 2u);
  EXPECT_EQ(publish(1, "b")->offset, 3u);  // A new count.
  EXPECT_EQ(publish(2, "")->offset, 4u);   // Compared with the last one, whose epoch it drops.
  EXPECT_EQ(publish(1, "b")->offset, 5u);
  EXPECT_EQ(publish(0, "b")->offset, 6u);  // Without a version: all that comes is newer.
  EXPECT_EQ(publish(1, "b")->offset, 7u);
  // Versions are the history's: who passes it by is not compared.
  EXPECT_FALSE(publish(1, "b", /*skip_history=*/true)->suppressed);
}

}  // namespace
}  // namespace tickcast::shards
