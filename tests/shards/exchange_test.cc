#include "shards/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/shards/fake_ring.h"
#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kMany = 1000;

Message Numbered(std::uint32_t number) {
  return {.kind = Message::Kind::kDeliver, .generation = number};
}

struct Arrival {
  ShardId from;
  std::uint32_t number;
  friend bool operator==(const Arrival&, const Arrival&) = default;
};

std::vector<Arrival> Drain(Exchange& exchange, std::size_t max_per_lane = kMany) {
  std::vector<Arrival> arrived;
  exchange.Drain(max_per_lane, [&](ShardId from, Message&& message) {
    arrived.push_back({from, message.generation});
  });
  return arrived;
}

class ExchangeTest : public testing::Test {
 protected:
  ExchangeTest() {
    for (ShardId shard = 0; shard < 3; ++shard) mesh_.SetHandle(shard, 100 + shard);
  }
  // Fills the way from 0 to 1 until it is congested.
  void Congest() {
    for (std::size_t i = 0; i < kLaneCapacity + Outlet::kMaxWaiting; ++i) {
      zero_.Send(1, Numbered(1));
    }
  }

  static constexpr std::size_t kLaneCapacity = 4;
  Mesh mesh_{3, kLaneCapacity};
  Exchange zero_{mesh_, 0};
  Exchange one_{mesh_, 1};
  Exchange two_{mesh_, 2};
  FakeRing ring_;
};

TEST_F(ExchangeTest, WhatAShardSendsToItselfIsTakenAtTheNextDrainOnly) {
  zero_.Send(0, Numbered(1));
  std::vector<std::uint32_t> taken;
  const auto take = [&](ShardId from, Message&& message) {
    EXPECT_EQ(from, 0);
    taken.push_back(message.generation);
    if (message.generation < 3) zero_.Send(0, Numbered(message.generation + 1));
  };
  zero_.Drain(kMany, take);
  EXPECT_THAT(taken, ElementsAre(1u));
  zero_.Drain(kMany, take);
  EXPECT_THAT(taken, ElementsAre(1u, 2u));
  zero_.Drain(kMany, take);
  zero_.Drain(kMany, take);
  EXPECT_THAT(taken, ElementsAre(1u, 2u, 3u));
}

TEST_F(ExchangeTest, TheOwnQueueComesFirstAndEachWayKeepsItsOrder) {
  for (std::uint32_t i = 1; i <= 3; ++i) {
    one_.Send(0, Numbered(10 + i));
    two_.Send(0, Numbered(20 + i));
    zero_.Send(0, Numbered(i));
  }
  one_.Publish(ring_);
  two_.Publish(ring_);
  EXPECT_THAT(Drain(zero_), ElementsAre(Arrival{0, 1}, Arrival{0, 2}, Arrival{0, 3}, Arrival{1, 11},
                                        Arrival{1, 12}, Arrival{1, 13}, Arrival{2, 21},
                                        Arrival{2, 22}, Arrival{2, 23}));
}

TEST_F(ExchangeTest, ADrainTakesItsShareOfEachLane) {
  for (std::uint32_t i = 1; i <= 3; ++i) {
    one_.Send(0, Numbered(10 + i));
    two_.Send(0, Numbered(20 + i));
  }
  one_.Publish(ring_);
  two_.Publish(ring_);
  EXPECT_EQ(zero_.inbound_depth(), 6u);
  EXPECT_THAT(Drain(zero_, 2),
              ElementsAre(Arrival{1, 11}, Arrival{1, 12}, Arrival{2, 21}, Arrival{2, 22}));
  EXPECT_EQ(zero_.inbound_depth(), 2u);
  EXPECT_THAT(Drain(zero_, 2), ElementsAre(Arrival{1, 13}, Arrival{2, 23}));
}

TEST_F(ExchangeTest, NothingArrivesBeforeItIsPublished) {
  one_.Send(0, Numbered(1));
  EXPECT_THAT(Drain(zero_), IsEmpty());
  one_.Publish(ring_);
  EXPECT_THAT(Drain(zero_), ElementsAre(Arrival{1, 1}));
}

TEST_F(ExchangeTest, RingsOnlyShardsThatSleepAndHaveSomethingNew) {
  one_.Send(0, Numbered(1));
  one_.Publish(ring_);
  EXPECT_THAT(ring_.woken, IsEmpty());  // 0 is awake.
  Drain(zero_);
  ASSERT_TRUE(zero_.PrepareSleep());
  ASSERT_TRUE(two_.PrepareSleep());
  one_.Publish(ring_);
  EXPECT_THAT(ring_.woken, IsEmpty());  // Nothing is new.
  one_.Send(0, Numbered(2));
  EXPECT_THAT(ring_.woken, IsEmpty());
  one_.Publish(ring_);
  EXPECT_THAT(ring_.woken, ElementsAre(100));  // 2 sleeps on.
  one_.Send(0, Numbered(3));
  one_.Publish(ring_);
  EXPECT_THAT(ring_.woken, ElementsAre(100));  // It is being woken already.
  zero_.Awake();
  EXPECT_EQ(Drain(zero_).size(), 2u);
  one_.Send(2, Numbered(4));
  one_.Publish(ring_);
  EXPECT_THAT(ring_.woken, ElementsAre(100, 102));
}

TEST_F(ExchangeTest, RingsNobodyWhoWokeByItself) {
  ASSERT_TRUE(zero_.PrepareSleep());
  zero_.Awake();
  one_.Send(0, Numbered(1));
  one_.Publish(ring_);
  EXPECT_THAT(ring_.woken, IsEmpty());
}

TEST_F(ExchangeTest, DoesNotSleepWhileSomethingWaits) {
  zero_.Send(0, Numbered(1));
  EXPECT_FALSE(zero_.PrepareSleep());
  Drain(zero_);
  EXPECT_TRUE(zero_.PrepareSleep());
  zero_.Awake();

  one_.Send(0, Numbered(2));
  one_.Publish(ring_);
  EXPECT_FALSE(zero_.PrepareSleep());
  // Having refused, it counts as awake.
  one_.Send(0, Numbered(3));
  one_.Publish(ring_);
  EXPECT_THAT(ring_.woken, IsEmpty());
  Drain(zero_);
  EXPECT_TRUE(zero_.PrepareSleep());
  zero_.Awake();

  for (std::uint32_t i = 0; i <= kLaneCapacity; ++i) zero_.Send(1, Numbered(i));
  zero_.Publish(ring_);
  EXPECT_EQ(zero_.waiting(), 1u);
  EXPECT_FALSE(zero_.PrepareSleep());
  Drain(one_);
  zero_.Publish(ring_);
  EXPECT_TRUE(zero_.PrepareSleep());
}

TEST_F(ExchangeTest, CongestionIsSeenByItsSenderAtOnceAndByOthersAfterATurn) {
  EXPECT_FALSE(zero_.congested(1));
  Congest();
  EXPECT_TRUE(zero_.congested(1));
  EXPECT_TRUE(zero_.full(1));
  EXPECT_FALSE(zero_.full(2));
  // What 2 sends to 0 might be on its way to 1: it is told to hold back, from 0's next turn on.
  EXPECT_FALSE(two_.congested(0));
  zero_.Publish(ring_);
  EXPECT_TRUE(two_.congested(0));
  EXPECT_FALSE(two_.full(0));
  EXPECT_FALSE(two_.congested(1));
  // And it passes: one lane's worth is enough to fall below the bound.
  Drain(one_);
  zero_.Publish(ring_);
  EXPECT_FALSE(zero_.congested(1));
  EXPECT_FALSE(two_.congested(0));
}

TEST_F(ExchangeTest, TheWayToItselfIsNeverCongested) {
  Congest();
  zero_.Publish(ring_);
  EXPECT_FALSE(zero_.congested(0));
  EXPECT_FALSE(zero_.full(0));
}

TEST_F(ExchangeTest, CountsWhatConflatesOnTheWay) {
  for (std::size_t i = 0; i < kLaneCapacity + 3; ++i) {
    zero_.Send(1, {.kind = Message::Kind::kDeliver, .conflatable = true, .local = 7});
  }
  EXPECT_EQ(zero_.lane_conflated(), 2u);
  EXPECT_EQ(zero_.waiting(), 1u);
}

TEST(MeshTest, EveryShardAgreesOnAHomeAndAllAreUsed) {
  Mesh mesh(4, 2);
  Exchange first(mesh, 0);
  Exchange second(mesh, 3);
  std::set<ShardId> used;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "room:" + std::to_string(i);
    EXPECT_EQ(first.HomeOf(name), second.HomeOf(name));
    EXPECT_LT(mesh.HomeOf(name), 4);
    used.insert(mesh.HomeOf(name));
  }
  EXPECT_EQ(used.size(), 4u);
  EXPECT_EQ(Mesh(1, 2).HomeOf("room:1"), 0);
}

// Two shards at full speed through a small lane, sleeping as shards do: all arrives once and in
// order, and nobody sleeps through a message. ThreadSanitizer watches the rest.
TEST(ExchangeStressTest, TwoThreadsLoseNothingAndSleepThroughNothing) {
  // A ring whose sleep is a flag.
  struct Bell {
    std::atomic<bool> rung = false;
  };
  struct StressRing {
    FakeRing fake;
    std::uint64_t wakes = 0;
  };
  constexpr std::uint32_t kMessages = 20'000;
  constexpr std::uint32_t kBurst = 24;
  Mesh mesh(2, 16);
  Bell bells[2];
  for (ShardId shard = 0; shard < 2; ++shard) mesh.SetHandle(shard, shard);

  const auto run = [&](ShardId self) {
    Exchange exchange(mesh, self);
    StressRing ring;
    const ShardId peer = 1 - self;
    std::uint32_t sent = 0;
    std::uint32_t received = 0;
    while (sent < kMessages || received < kMessages || exchange.waiting() > 0) {
      for (std::uint32_t i = 0; i < kBurst && sent < kMessages && !exchange.congested(peer); ++i) {
        Message message = Numbered(sent++);
        message.publication = SealedOf("room:1", "1", sent);
        exchange.Send(peer, std::move(message));
      }
      exchange.Publish(ring.fake);
      for (const int handle : ring.fake.woken) bells[handle].rung.store(true);
      ring.fake.woken.clear();
      exchange.Drain(kMany, [&](ShardId, Message&& message) {
        ASSERT_EQ(message.generation, received);
        ASSERT_EQ(message.publication->sequence(), received + 1);
        ++received;
      });
      if (sent < kMessages || received == kMessages || !exchange.PrepareSleep()) continue;
      // A lost wake-up would end here for good, and the test with it.
      while (!bells[self].rung.exchange(false)) std::this_thread::yield();
      exchange.Awake();
    }
    EXPECT_EQ(received, kMessages);
  };
  std::thread other([&] { run(1); });
  run(0);
  other.join();
}

}  // namespace
}  // namespace tickcast::shards
