#include "engine/lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/doorbell.h"

namespace tickcast::engine {
namespace {

using testing::ElementsAre;

template <class T>
std::vector<T> DrainAll(Lane<T>& lane, std::size_t limit = 1000) {
  std::vector<T> taken;
  lane.Drain([&](T&& item) { taken.push_back(std::move(item)); }, limit);
  return taken;
}

TEST(LaneTest, WhatIsStagedIsInvisibleUntilPublished) {
  Lane<int> lane(4);
  EXPECT_FALSE(lane.Publish());
  EXPECT_TRUE(lane.TryPush(1));
  EXPECT_TRUE(lane.TryPush(2));
  EXPECT_EQ(lane.Front(), nullptr);
  EXPECT_EQ(lane.depth(), 0u);
  EXPECT_TRUE(lane.Publish());
  EXPECT_FALSE(lane.Publish());
  EXPECT_EQ(lane.depth(), 2u);
  ASSERT_NE(lane.Front(), nullptr);
  EXPECT_EQ(*lane.Front(), 1);
  lane.Pop();
  EXPECT_THAT(DrainAll(lane), ElementsAre(2));
  EXPECT_EQ(lane.Front(), nullptr);
}

TEST(LaneTest, HoldsExactlyItsCapacityStagedOnesIncluded) {
  for (const std::size_t capacity : {1u, 2u, 8u}) {
    SCOPED_TRACE(capacity);
    Lane<std::size_t> lane(capacity);
    for (std::size_t round = 0; round < 5; ++round) {
      for (std::size_t i = 0; i < capacity; ++i) {
        EXPECT_EQ(lane.free_slots(), capacity - i);
        EXPECT_TRUE(lane.TryPush(std::size_t{i}));
      }
      EXPECT_EQ(lane.free_slots(), 0u);
      EXPECT_FALSE(lane.TryPush(99));
      lane.Publish();
      EXPECT_FALSE(lane.TryPush(99));
      EXPECT_EQ(DrainAll(lane).size(), capacity);
      EXPECT_EQ(lane.free_slots(), capacity);
    }
  }
}

TEST(LaneTest, DrainTakesAtMostItsLimit) {
  Lane<int> lane(8);
  for (int i = 0; i < 6; ++i) lane.TryPush(int{i});
  lane.Publish();
  EXPECT_THAT(DrainAll(lane, 4), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(DrainAll(lane, 0), testing::IsEmpty());
  EXPECT_THAT(DrainAll(lane, 4), ElementsAre(4, 5));
}

TEST(LaneTest, AnItemThatFindsNoRoomStaysWithItsOwner) {
  Lane<std::unique_ptr<int>> lane(1);
  EXPECT_TRUE(lane.TryPush(std::make_unique<int>(1)));
  auto refused = std::make_unique<int>(2);
  EXPECT_FALSE(lane.TryPush(std::move(refused)));
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(*refused, 2);
}

TEST(LaneTest, WhatWasNotReadIsDestroyedWithTheLane) {
  const auto witness = std::make_shared<int>(1);
  {
    Lane<std::shared_ptr<int>> lane(4);
    for (int i = 0; i < 3; ++i) lane.TryPush(std::shared_ptr<int>(witness));
    lane.Publish();
    lane.TryPush(std::shared_ptr<int>(witness));
    lane.Pop();
    EXPECT_EQ(witness.use_count(), 4);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(LaneDeathTest, ACapacityIsAPowerOfTwo) {
  EXPECT_DEATH(Lane<int>(0), "power of two");
  EXPECT_DEATH(Lane<int>(12), "power of two");
}

TEST(DoorbellTest, RingsOncePerSleep) {
  Doorbell bell;
  EXPECT_FALSE(bell.ShouldRing());
  bell.PrepareSleep();
  EXPECT_TRUE(bell.ShouldRing());
  EXPECT_FALSE(bell.ShouldRing());
  bell.Awake();
  EXPECT_FALSE(bell.ShouldRing());
  bell.PrepareSleep();
  bell.Awake();
  EXPECT_FALSE(bell.ShouldRing());
}

// Stands in for a sleeping ring: a wake-up that comes before the sleep is not lost (MSG_RING's
// completion waits in the queue), and a sleep without one never ends.
class Sleeper {
 public:
  void Wake() {
    const std::lock_guard lock(mutex_);
    ++wakes_;
    woken_.notify_one();
  }
  void Sleep() {
    std::unique_lock lock(mutex_);
    woken_.wait(lock, [this] { return wakes_ > 0; });
    --wakes_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  int wakes_ = 0;
};

struct Item {
  std::uint64_t number;
  std::unique_ptr<std::uint64_t> payload;  // Makes a race on the item itself visible.
};

// A lost wake-up leaves the reader asleep with items published, which ends in the test's timeout.
TEST(LaneTest, AMillionItemsArriveInOrderThoughTheReaderKeepsFallingAsleep) {
  constexpr std::uint64_t kItems = 1'000'000;
  Lane<Item> lane(256);
  Doorbell bell;
  Sleeper sleeper;
  std::uint64_t wakes_sent = 0;

  std::thread writer([&] {
    std::uint64_t next = 0;
    while (next < kItems) {
      // Batches of 1 to 64, so that the lane is found empty, full and in between.
      const std::uint64_t batch_end = std::min(kItems, next + 1 + next * 31 % 64);
      while (
          next < batch_end &&
          lane.TryPush({next, next % 8 == 0 ? std::make_unique<std::uint64_t>(next) : nullptr})) {
        ++next;
      }
      if (lane.Publish()) {
        if (bell.ShouldRing()) {
          sleeper.Wake();
          ++wakes_sent;
        }
      } else {
        std::this_thread::yield();
      }
    }
  });

  std::uint64_t expected = 0;
  std::uint64_t sleeps = 0;
  bool in_order = true;
  const auto take = [&](Item&& item) {
    in_order &= item.number == expected;
    in_order &= item.number % 8 != 0 || *item.payload == item.number;
    ++expected;
  };
  while (expected < kItems) {
    if (lane.Drain(take, 32) > 0) continue;
    bell.PrepareSleep();
    if (lane.Front() == nullptr) {
      sleeper.Sleep();
      ++sleeps;
    }
    bell.Awake();
  }
  writer.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(expected, kItems);
  EXPECT_EQ(lane.depth(), 0u);
  // A wake-up may outlive its sleep, when the reader saw the item first; none is sent without one.
  EXPECT_GE(wakes_sent, sleeps);
}

// Each publication is answered before the next, so that nearly every one meets a sleeping reader.
TEST(LaneTest, NoWakeUpIsLostBetweenTwoThatSleepInTurns) {
  constexpr std::uint64_t kRounds = 20'000;
  struct End {
    Lane<std::uint64_t> inbox{16};
    Doorbell bell;
    Sleeper sleeper;

    std::uint64_t Take() {
      while (true) {
        if (const std::uint64_t* front = inbox.Front()) {
          const std::uint64_t taken = *front;
          inbox.Pop();
          return taken;
        }
        bell.PrepareSleep();
        if (inbox.Front() == nullptr) sleeper.Sleep();
        bell.Awake();
      }
    }
    void Give(std::uint64_t value) {
      inbox.TryPush(std::move(value));
      inbox.Publish();
      if (bell.ShouldRing()) sleeper.Wake();
    }
  };
  End ping;
  End pong;
  std::thread other([&] {
    for (std::uint64_t i = 0; i < kRounds; ++i) ping.Give(pong.Take() + 1);
  });
  bool right = true;
  for (std::uint64_t i = 0; i < kRounds; ++i) {
    pong.Give(std::uint64_t{i});
    right &= ping.Take() == i + 1;
  }
  other.join();
  EXPECT_TRUE(right);
}

}  // namespace
}  // namespace tickcast::engine
