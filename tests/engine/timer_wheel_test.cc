#include "engine/timer_wheel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace tickcast::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kTick = 100;
constexpr std::uint64_t kStart = 1'000'000;
constexpr std::uint32_t kSlots = 8;

std::vector<std::uint64_t> Advance(TimerWheel& wheel, std::uint64_t now_ns) {
  std::vector<std::uint64_t> fired;
  wheel.Advance(now_ns, [&](std::uint64_t payload) { fired.push_back(payload); });
  return fired;
}

TEST(TimerWheelTest, FiresAtItsDeadlineAndNeverBefore) {
  TimerWheel wheel(kTick, kSlots, kStart);
  wheel.Add(kStart + 3 * kTick, 7);
  EXPECT_THAT(Advance(wheel, kStart + 3 * kTick - 1), IsEmpty());
  EXPECT_THAT(Advance(wheel, kStart + 3 * kTick), ElementsAre(7));
  EXPECT_THAT(Advance(wheel, kStart + 100 * kTick), IsEmpty());
  EXPECT_EQ(wheel.size(), 0u);
}

TEST(TimerWheelTest, ADeadlineWithinATickWaitsForTheNextOne) {
  TimerWheel wheel(kTick, kSlots, kStart);
  wheel.Add(kStart + 1, 1);
  wheel.Add(kStart + kTick + 1, 2);
  EXPECT_THAT(Advance(wheel, kStart + kTick - 1), IsEmpty());
  EXPECT_THAT(Advance(wheel, kStart + kTick), ElementsAre(1));
  EXPECT_THAT(Advance(wheel, kStart + 2 * kTick - 1), IsEmpty());
  EXPECT_THAT(Advance(wheel, kStart + 2 * kTick), ElementsAre(2));
}

TEST(TimerWheelTest, APassedDeadlineFiresAtTheNextTick) {
  TimerWheel wheel(kTick, kSlots, kStart);
  Advance(wheel, kStart + 5 * kTick + 50);
  wheel.Add(0, 1);
  EXPECT_EQ(wheel.NextDeadline(), kStart + 6 * kTick);
  EXPECT_THAT(Advance(wheel, kStart + 5 * kTick + 99), IsEmpty());
  EXPECT_THAT(Advance(wheel, kStart + 6 * kTick), ElementsAre(1));
}

TEST(TimerWheelTest, LaterRoundsOfASlotAreToldApart) {
  TimerWheel wheel(kTick, kSlots, kStart);
  wheel.Add(kStart + (2 + 3 * kSlots) * kTick, 3);
  wheel.Add(kStart + 2 * kTick, 1);
  wheel.Add(kStart + (2 + kSlots) * kTick, 2);
  std::map<std::uint64_t, std::uint64_t> fired_at;
  for (std::uint64_t tick = 1; tick <= 40; ++tick) {
    for (const std::uint64_t payload : Advance(wheel, kStart + tick * kTick)) {
      fired_at[payload] = tick;
    }
  }
  EXPECT_THAT(fired_at,
              ElementsAre(std::pair(1, 2), std::pair(2, 2 + kSlots), std::pair(3, 2 + 3 * kSlots)));
}

TEST(TimerWheelTest, FiresByTickAndThenInTheOrderOfAdding) {
  TimerWheel wheel(kTick, kSlots, kStart);
  wheel.Add(kStart + 3 * kTick, 30);
  wheel.Add(kStart + 1 * kTick, 10);
  wheel.Add(kStart + 3 * kTick, 31);
  wheel.Add(kStart + 2 * kTick, 20);
  EXPECT_THAT(Advance(wheel, kStart + 7 * kTick), ElementsAre(10, 20, 30, 31));
}

TEST(TimerWheelTest, AJumpBeyondARevolutionFiresAllThatIsDueOnce) {
  TimerWheel wheel(kTick, kSlots, kStart);
  for (std::uint64_t tick = 1; tick <= 5 * kSlots; ++tick) wheel.Add(kStart + tick * kTick, tick);
  const std::vector<std::uint64_t> fired = Advance(wheel, kStart + 30 * kTick + 5);
  EXPECT_EQ(fired.size(), 30u);
  EXPECT_EQ(*std::max_element(fired.begin(), fired.end()), 30u);
  EXPECT_THAT(Advance(wheel, kStart + 31 * kTick), ElementsAre(31));
  EXPECT_EQ(Advance(wheel, kStart + 1'000'000 * kTick).size(), 5 * kSlots - 31);
}

TEST(TimerWheelTest, AClockThatGoesBackChangesNothing) {
  TimerWheel wheel(kTick, kSlots, kStart);
  Advance(wheel, kStart + 4 * kTick);
  wheel.Add(kStart + 5 * kTick, 1);
  EXPECT_THAT(Advance(wheel, kStart), IsEmpty());
  EXPECT_THAT(Advance(wheel, 0), IsEmpty());
  EXPECT_THAT(Advance(wheel, kStart + 5 * kTick), ElementsAre(1));
}

TEST(TimerWheelTest, ACancelledTimerDoesNotFire) {
  TimerWheel wheel(kTick, kSlots, kStart);
  const TimerId first = wheel.Add(kStart + 2 * kTick, 1);
  wheel.Add(kStart + 2 * kTick, 2);
  const TimerId last = wheel.Add(kStart + 2 * kTick, 3);
  wheel.Cancel(first);
  wheel.Cancel(last);
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_THAT(Advance(wheel, kStart + 2 * kTick), ElementsAre(2));
}

TEST(TimerWheelTest, CancellingWhatIsOverDoesNotTouchTheNextTimer) {
  TimerWheel wheel(kTick, kSlots, kStart);
  const TimerId former = wheel.Add(kStart + kTick, 1);
  Advance(wheel, kStart + kTick);
  const TimerId next = wheel.Add(kStart + 2 * kTick, 2);
  EXPECT_NE(former, next);
  wheel.Cancel(former);
  wheel.Cancel(TimerId::kNone);
  EXPECT_THAT(Advance(wheel, kStart + 2 * kTick), ElementsAre(2));
}

TEST(TimerWheelTest, FiringMayCancelATimerThatIsDueToo) {
  TimerWheel wheel(kTick, kSlots, kStart);
  std::vector<TimerId> ids;
  for (std::uint64_t i = 0; i < 4; ++i) ids.push_back(wheel.Add(kStart + kTick, i));
  std::vector<std::uint64_t> fired;
  wheel.Advance(kStart + kTick, [&](std::uint64_t payload) {
    fired.push_back(payload);
    if (payload == 0) wheel.Cancel(ids[1]);
    if (payload == 2) wheel.Cancel(ids[2]);  // Itself: over already.
  });
  EXPECT_THAT(fired, ElementsAre(0, 2, 3));
  EXPECT_EQ(wheel.NextDeadline(), TimerWheel::kNever);
}

// Otherwise a timer that adds itself without delay would keep Advance() from returning.
TEST(TimerWheelTest, WhatFiringAddsWaitsForALaterAdvance) {
  TimerWheel wheel(kTick, kSlots, kStart);
  int fired = 0;
  const auto again = [&](std::uint64_t payload) {
    ++fired;
    wheel.Add(kStart, payload);
  };
  wheel.Add(kStart, 1);
  wheel.Advance(kStart + 100 * kTick, again);
  EXPECT_EQ(fired, 1);
  wheel.Advance(kStart + 100 * kTick + 99, again);
  EXPECT_EQ(fired, 1);
  wheel.Advance(kStart + 101 * kTick, again);
  EXPECT_EQ(fired, 2);
  EXPECT_EQ(wheel.size(), 1u);
}

TEST(TimerWheelTest, TheNextDeadlineIsThatOfTheNearestSlotInUse) {
  for (const std::uint32_t slots : {1u, 2u, 64u, 128u, 1024u}) {
    SCOPED_TRACE(slots);
    TimerWheel wheel(kTick, slots, kStart);
    EXPECT_EQ(wheel.NextDeadline(), TimerWheel::kNever);
    for (std::uint64_t now = 0; now < 3 * slots; now += 1 + slots / 7) {
      Advance(wheel, kStart + now * kTick);
      for (std::uint64_t wait = 1; wait <= slots; wait += 1 + slots / 5) {
        const TimerId id = wheel.Add(kStart + (now + wait) * kTick, 0);
        EXPECT_EQ(wheel.NextDeadline(), kStart + (now + wait) * kTick);
        wheel.Cancel(id);
        EXPECT_EQ(wheel.NextDeadline(), TimerWheel::kNever);
      }
    }
  }
}

TEST(TimerWheelTest, AFarTimerIsLookedAtOnceARevolution) {
  TimerWheel wheel(kTick, kSlots, kStart);
  wheel.Add(kStart + (3 + 2 * kSlots) * kTick, 1);
  std::vector<std::uint64_t> woken_at;
  while (wheel.NextDeadline() != TimerWheel::kNever) {
    woken_at.push_back((wheel.NextDeadline() - kStart) / kTick);
    Advance(wheel, wheel.NextDeadline());
  }
  EXPECT_THAT(woken_at, ElementsAre(3, 3 + kSlots, 3 + 2 * kSlots));
}

TEST(TimerWheelTest, ADeadlineBeyondAllTimeIsHeldAndCancelled) {
  TimerWheel wheel(kTick, kSlots, kStart);
  const TimerId id = wheel.Add(TimerWheel::kNever, 1);
  EXPECT_THAT(Advance(wheel, kStart + 1'000'000 * kTick), IsEmpty());
  wheel.Cancel(id);
  EXPECT_EQ(wheel.size(), 0u);
}

// Against a sorted map: whatever the mix of adds, cancels and jumps, a timer fires exactly once,
// not before its deadline and in the first Advance() at or after the tick that follows it.
TEST(TimerWheelTest, AgreesWithASortedMapOverRandomHistories) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    TimerWheel wheel(kTick, 16, kStart);
    std::map<std::uint64_t, std::pair<std::uint64_t, TimerId>> waiting;  // By payload.
    std::uint64_t now = kStart;
    std::uint64_t advanced_tick = 0;
    for (std::uint64_t step = 0; step < 2000; ++step) {
      const std::uint64_t choice = random() % 10;
      if (choice < 5) {
        // Due at the first tick at or after the deadline, and after the last tick fired.
        const std::uint64_t deadline = now + random() % (60 * kTick);
        const std::uint64_t tick = (deadline - kStart + kTick - 1) / kTick;
        waiting[step] = {std::max(tick, advanced_tick + 1), wheel.Add(deadline, step)};
      } else if (choice < 7 && !waiting.empty()) {
        const auto victim =
            std::next(waiting.begin(), static_cast<std::ptrdiff_t>(random() % waiting.size()));
        wheel.Cancel(victim->second.second);
        waiting.erase(victim);
      } else {
        now += random() % (choice == 9 ? 50 * kTick : 2 * kTick);
        advanced_tick = std::max(advanced_tick, (now - kStart) / kTick);
        std::vector<std::uint64_t> due;
        for (const auto& [payload, timer] : waiting) {
          if (timer.first <= advanced_tick) due.push_back(payload);
        }
        EXPECT_THAT(Advance(wheel, now), testing::UnorderedElementsAreArray(due));
        for (const std::uint64_t payload : due) waiting.erase(payload);
      }
      ASSERT_EQ(wheel.size(), waiting.size());
      for (const auto& [payload, timer] : waiting) {
        ASSERT_LE(wheel.NextDeadline(), kStart + timer.first * kTick);
      }
    }
  }
}

// One per connection: memory follows the number alive, not the number ever made.
TEST(TimerWheelTest, AHundredThousandTimersComeAndGo) {
  TimerWheel wheel(1000, 1024, 0);
  std::vector<TimerId> ids(100'000);
  std::size_t fired = 0;
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (std::uint64_t i = 0; i < ids.size(); ++i) {
      ids[i] = wheel.Add((round * 4 + 1) * 1'000'000 + i * 7, i);
    }
    EXPECT_EQ(wheel.size(), ids.size());
    for (std::size_t i = 0; i < ids.size(); i += 2) wheel.Cancel(ids[i]);
    wheel.Advance((round + 1) * 4 * 1'000'000, [&](std::uint64_t) { ++fired; });
    EXPECT_EQ(wheel.size(), 0u);
  }
  EXPECT_EQ(fired, 150'000u);
}

TEST(TimerWheelDeathTest, TheWheelIsNotTurnedFromWithin) {
  TimerWheel wheel(kTick, kSlots, kStart);
  wheel.Add(kStart, 1);
  EXPECT_DEATH(wheel.Advance(kStart + kTick, [&](std::uint64_t) { Advance(wheel, kStart); }),
               "a timer cannot turn the wheel");
  EXPECT_DEATH(TimerWheel(kTick, 6, kStart), "a power of two");
}

}  // namespace
}  // namespace tickcast::engine
