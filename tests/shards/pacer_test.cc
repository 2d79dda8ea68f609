#include "shards/pacer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kBegin = 7'123'456'789;  // Between two steps of any beat.

using Visits = std::vector<std::pair<engine::Slot, std::uint32_t>>;

Visits Advance(Pacer& pacer, std::uint64_t now_ns) {
  Visits visits;
  pacer.Advance(now_ns, [&](engine::Slot slot, std::uint32_t interval_ms) {
    visits.emplace_back(slot, interval_ms);
  });
  return visits;
}

// Goes to `end_ns` as a shard does that sleeps until the next deadline; `visit(now_ns, slot, ms)`.
template <typename Visit>
void RunTo(Pacer& pacer, std::uint64_t end_ns, Visit&& visit) {
  while (pacer.NextDeadline() <= end_ns) {
    const std::uint64_t now_ns = pacer.NextDeadline();
    for (const auto& [slot, interval_ms] : Advance(pacer, now_ns)) visit(now_ns, slot, interval_ms);
    ASSERT_GT(pacer.NextDeadline(), now_ns) << "a deadline that was met is over";
  }
}

TEST(PacerTest, AnIntervalIsRoundedUpToOneOfFew) {
  const std::pair<std::uint32_t, std::uint32_t> cases[] = {
      {0, 0},       {1, 10},          {9, 10},          {10, 10},         {11, 20},
      {250, 250},   {991, 1000},      {1000, 1000},     {1001, 1100},     {1100, 1100},
      {1101, 1200}, {59'901, 60'000}, {60'000, 60'000}, {60'001, 60'000}, {4'000'000'000, 60'000}};
  for (const auto& [wanted, granted] : cases) EXPECT_EQ(Pacer::Grant(wanted), granted) << wanted;
  for (std::uint32_t wanted = 0; wanted <= Pacer::kMostMs; ++wanted) {
    const std::uint32_t granted = Pacer::Grant(wanted);
    ASSERT_GE(granted, wanted) << "never more often than was asked for";
    ASSERT_EQ(Pacer::Grant(granted), granted) << "what is granted is granted again";
    ASSERT_LT(granted - wanted, wanted <= 1000 ? 10u : 100u);
  }
}

TEST(PacerTest, NobodyIsDueWhereNobodyIs) {
  Pacer pacer(kBegin);
  EXPECT_EQ(pacer.NextDeadline(), Pacer::kNever);
  EXPECT_EQ(Advance(pacer, kBegin + 1000 * kMillisecond), Visits{});
  EXPECT_EQ(pacer.NextDeadline(), Pacer::kNever);
  EXPECT_EQ(pacer.size(), 0u);
}

// A shard's load is flat: whatever the interval, no step of it has more to do than another.
TEST(PacerTest, NeighboursAreSpreadEvenlyOverTheInterval) {
  for (const std::uint32_t interval_ms : {10, 20, 100, 250, 500, 1000, 1100, 5000}) {
    SCOPED_TRACE(interval_ms);
    constexpr engine::Slot kSlots = 20'000;
    Pacer pacer(kBegin);
    for (engine::Slot slot = 0; slot < kSlots; ++slot) pacer.Add(slot, interval_ms);
    // By the time at which they are due: a deadline is a step with somebody in it.
    std::map<std::uint64_t, std::uint64_t> due;
    const std::uint64_t first_ns = pacer.NextDeadline();
    RunTo(pacer, first_ns + interval_ms * kMillisecond - 1,
          [&](std::uint64_t now_ns, engine::Slot, std::uint32_t) { ++due[now_ns]; });
    std::uint64_t sum = 0;
    for (const auto& [time_ns, count] : due) sum += count;
    ASSERT_EQ(sum, kSlots) << "all of them in one interval";
    ASSERT_GE(due.size(), interval_ms < 100 ? interval_ms : 50u) << "a fiftieth at most at once";
    const double mean = static_cast<double>(kSlots) / static_cast<double>(due.size());
    for (const auto& [time_ns, count] : due) {
      // A tenth, or two connections where a step has so few.
      const double slack = std::max(mean * 0.1, 2.0);
      EXPECT_NEAR(static_cast<double>(count), mean, slack) << (time_ns - first_ns) / kMillisecond;
    }
  }
}

// Also few connections on neighbouring slots do not fall together.
TEST(PacerTest, AHandfulOfNeighboursIsSpreadToo) {
  Pacer pacer(kBegin);
  for (engine::Slot slot = 40; slot < 50; ++slot) pacer.Add(slot, 1000);
  std::vector<std::uint64_t> times;
  RunTo(pacer, kBegin + 2000 * kMillisecond,
        [&](std::uint64_t now_ns, engine::Slot, std::uint32_t) { times.push_back(now_ns); });
  ASSERT_GE(times.size(), 20u);
  for (std::size_t i = 1; i < times.size(); ++i) {
    EXPECT_GE(times[i] - times[i - 1], 30 * kMillisecond) << "ten in a second, ideally at 100 ms";
  }
}

TEST(PacerTest, EachIsDueOncePerIntervalAtTheSamePhase) {
  for (const std::uint32_t interval_ms : {10, 50, 70, 130, 990, 1000, 1700, 60'000}) {
    SCOPED_TRACE(interval_ms);
    Pacer pacer(kBegin);
    for (engine::Slot slot = 0; slot < 100; ++slot) pacer.Add(slot, interval_ms);
    std::map<engine::Slot, std::vector<std::uint64_t>> times;
    RunTo(pacer, kBegin + 10ull * interval_ms * kMillisecond,
          [&](std::uint64_t now_ns, engine::Slot slot, std::uint32_t of) {
            EXPECT_EQ(of, interval_ms);
            times[slot].push_back(now_ns);
          });
    ASSERT_EQ(times.size(), 100u);
    for (const auto& [slot, of_slot] : times) {
      EXPECT_TRUE(of_slot.size() == 10 || of_slot.size() == 11) << of_slot.size();
      EXPECT_LE(of_slot.front() - kBegin, interval_ms * kMillisecond);
      for (std::size_t i = 1; i < of_slot.size(); ++i) {
        ASSERT_EQ(of_slot[i] - of_slot[i - 1], interval_ms * kMillisecond);
      }
    }
  }
}

TEST(PacerTest, AfterAStallNobodyIsDueTwice) {
  for (const std::uint64_t stall_ms : {5, 99, 100, 101, 1000, 100'000}) {
    SCOPED_TRACE(stall_ms);
    Pacer pacer(kBegin);
    for (engine::Slot slot = 0; slot < 500; ++slot) pacer.Add(slot, 100);
    Visits visits = Advance(pacer, kBegin + stall_ms * kMillisecond);
    std::set<std::pair<engine::Slot, std::uint32_t>> once(visits.begin(), visits.end());
    EXPECT_EQ(once.size(), visits.size());
    if (stall_ms >= 100) {
      EXPECT_EQ(visits.size(), 500u) << "nobody is forgotten";
    } else {
      EXPECT_NEAR(static_cast<double>(visits.size()), static_cast<double>(stall_ms) * 5, 60);
    }
    // Then the beat goes on as before.
    const std::uint64_t now_ns = kBegin + stall_ms * kMillisecond;
    std::map<engine::Slot, int> times;
    RunTo(pacer, now_ns + 1000 * kMillisecond,
          [&](std::uint64_t, engine::Slot slot, std::uint32_t) { ++times[slot]; });
    ASSERT_EQ(times.size(), 500u);
    for (const auto& [slot, count] : times) EXPECT_EQ(count, 10) << slot;
  }
}

TEST(PacerTest, WhoIsRemovedIsNotDueAndWhoComesBackIs) {
  Pacer pacer(kBegin);
  for (engine::Slot slot = 0; slot < 64; ++slot) pacer.Add(slot, 50);
  for (engine::Slot slot = 0; slot < 64; slot += 2) pacer.Remove(slot, 50);
  EXPECT_EQ(pacer.size(), 32u);
  Visits visits = Advance(pacer, kBegin + 50 * kMillisecond);
  EXPECT_EQ(visits.size(), 32u);
  for (const auto& [slot, interval_ms] : visits) EXPECT_EQ(slot % 2, 1u);
  for (engine::Slot slot = 1; slot < 64; slot += 2) pacer.Remove(slot, 50);
  EXPECT_EQ(Advance(pacer, kBegin + 5000 * kMillisecond), Visits{});
  EXPECT_EQ(pacer.NextDeadline(), Pacer::kNever) << "nothing is left to wake up for";

  pacer.Add(7, 50);
  EXPECT_LE(pacer.NextDeadline(), kBegin + 5050 * kMillisecond);
  EXPECT_EQ(Advance(pacer, kBegin + 5050 * kMillisecond), (Visits{{7, 50}}));
}

// The steps between one visit and the next have gone by: who comes then waits for its own.
TEST(PacerTest, ANewcomerIsNotDueTwiceInItsFirstInterval) {
  for (engine::Slot slot = 1; slot < 200; ++slot) {
    Pacer pacer(kBegin);
    pacer.Add(0, 1000);
    // The first one's bucket is visited, and then time goes by without any.
    const std::uint64_t first_ns = pacer.NextDeadline();
    ASSERT_EQ(Advance(pacer, first_ns).size(), 1u);
    const std::uint64_t now_ns = first_ns + 700 * kMillisecond;
    ASSERT_EQ(Advance(pacer, now_ns).size(), 0u);
    pacer.Add(slot, 1000);
    std::vector<std::uint64_t> times;
    RunTo(pacer, now_ns + 3000 * kMillisecond,
          [&](std::uint64_t due_ns, engine::Slot due, std::uint32_t) {
            if (due == slot) times.push_back(std::max(due_ns, now_ns));
          });
    ASSERT_GE(times.size(), 2u);
    EXPECT_GE(times[1] - times[0], 1000 * kMillisecond) << "slot " << slot;
  }
}

TEST(PacerTest, ThePacesOfAConnectionAreIndependent) {
  Pacer pacer(kBegin);
  pacer.Add(3, 20);
  pacer.Add(3, 50);
  EXPECT_EQ(pacer.size(), 2u);
  std::map<std::uint32_t, int> times;
  RunTo(pacer, kBegin + 1000 * kMillisecond,
        [&](std::uint64_t, engine::Slot, std::uint32_t interval_ms) { ++times[interval_ms]; });
  EXPECT_EQ(times[20], 50);
  EXPECT_EQ(times[50], 20);
  pacer.Remove(3, 20);
  times.clear();
  RunTo(pacer, kBegin + 2000 * kMillisecond,
        [&](std::uint64_t, engine::Slot, std::uint32_t interval_ms) { ++times[interval_ms]; });
  EXPECT_EQ(times, (std::map<std::uint32_t, int>{{50, 20}}));
}

// Against a pacer that is looked at in every millisecond: sleeping until the deadline misses none.
TEST(PacerTest, TheDeadlineIsNeverLaterThanTheNextVisit) {
  std::mt19937_64 random(5);
  const std::vector<std::uint32_t> intervals = {10, 20, 50, 100, 250, 1000, 1500};
  Pacer pacer(kBegin);
  std::set<std::pair<engine::Slot, std::uint32_t>> there;
  std::uint64_t now_ns = kBegin;
  for (int step = 0; step < 50'000; ++step) {
    now_ns += random() % 3 * kMillisecond + random() % kMillisecond;
    const std::uint64_t deadline_ns = pacer.NextDeadline();
    const Visits visits = Advance(pacer, now_ns);
    if (!visits.empty()) {
      ASSERT_LE(deadline_ns, now_ns);
    }
    if (there.empty() && deadline_ns <= now_ns) {
      ASSERT_EQ(pacer.NextDeadline(), Pacer::kNever);
    }
    for (const auto& visit : visits) ASSERT_TRUE(there.contains(visit));
    const std::pair<engine::Slot, std::uint32_t> one = {static_cast<engine::Slot>(random() % 40),
                                                        intervals[random() % intervals.size()]};
    if (there.erase(one) != 0) {
      pacer.Remove(one.first, one.second);
    } else if (random() % 2 == 0) {
      pacer.Add(one.first, one.second);
      there.insert(one);
    }
    ASSERT_EQ(pacer.size(), there.size());
    if (!there.empty()) {
      ASSERT_NE(pacer.NextDeadline(), Pacer::kNever);
    }
  }
}

TEST(PacerDeathTest, OnlyGrantedIntervalsHaveABeat) {
  Pacer pacer(kBegin);
  EXPECT_DEATH(pacer.Add(1, 15), "granted");
  EXPECT_DEATH(pacer.Add(1, 0), "granted");
  EXPECT_DEATH(pacer.Remove(1, 20), "added");
}

}  // namespace
}  // namespace tickcast::shards
