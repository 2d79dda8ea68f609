#include "shards/feeds/sim_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kMillisecondNs = 1'000'000;

std::vector<std::uint64_t> DueTimes(SimSchedule schedule, std::uint64_t until_ns) {
  std::vector<std::uint64_t> due_ns;
  for (; schedule.due_ns() < until_ns; schedule.Advance()) due_ns.push_back(schedule.due_ns());
  return due_ns;
}

std::vector<std::uint32_t> CountsPerMillisecond(const std::vector<std::uint64_t>& due_ns,
                                                std::size_t milliseconds) {
  std::vector<std::uint32_t> counts(milliseconds);
  for (const std::uint64_t due : due_ns) ++counts.at(due / kMillisecondNs);
  return counts;
}

std::uint64_t Percentile(std::vector<std::uint64_t> values, std::size_t percent) {
  std::sort(values.begin(), values.end());
  return values[values.size() * percent / 100];
}

std::vector<std::uint64_t> Gaps(const std::vector<std::uint64_t>& due_ns) {
  std::vector<std::uint64_t> gaps;
  for (std::size_t i = 1; i < due_ns.size(); ++i) gaps.push_back(due_ns[i] - due_ns[i - 1]);
  return gaps;
}

// {rate, burst, seconds}: the default, a slow one, one event a second, one whose burst could not
// carry its rate, and the fast ends.
class SimScheduleRates
    : public ::testing::TestWithParam<std::tuple<std::uint32_t, std::uint32_t, std::size_t>> {};

TEST_P(SimScheduleRates, EveryMillisecondIsWithinOneBurstOfTheRate) {
  const auto [rate, burst, seconds] = GetParam();
  const SimSchedule schedule(3, rate, burst);
  const auto due_ns = DueTimes(schedule, seconds * 1000 * kMillisecondNs);
  EXPECT_TRUE(std::is_sorted(due_ns.begin(), due_ns.end()));
  const auto counts = CountsPerMillisecond(due_ns, seconds * 1000);
  EXPECT_LE(*std::max_element(counts.begin(), counts.end()), schedule.max_burst());
  std::uint64_t so_far = 0;
  for (std::size_t ms = 0; ms < counts.size(); ++ms) {
    so_far += counts[ms];
    const std::uint64_t earned = rate * (ms + 1) / 1000;
    ASSERT_LE(so_far, earned) << "after millisecond " << ms;
    ASSERT_LE(earned - so_far, schedule.max_burst()) << "after millisecond " << ms;
  }
}

INSTANTIATE_TEST_SUITE_P(Rates, SimScheduleRates,
                         ::testing::Values(std::tuple(20'000u, 80u, 20u),
                                           std::tuple(270u, 80u, 60u), std::tuple(1u, 1u, 100u),
                                           std::tuple(999u, 1u, 20u), std::tuple(20'000u, 1u, 5u),
                                           std::tuple(500'000u, 80u, 2u),
                                           std::tuple(10'000'000u, 1'000'000u, 1u)));

TEST(SimScheduleTest, BurstsReachTheirLimitAndQuietFollows) {
  const auto due_ns = DueTimes(SimSchedule(1, 20'000, 80), 20'000 * kMillisecondNs);
  const auto counts = CountsPerMillisecond(due_ns, 20'000);
  EXPECT_EQ(*std::max_element(counts.begin(), counts.end()), 80u);
  // Two states: half of the milliseconds stay below half of the mean of 20, a third is above it.
  const auto quiet = std::count_if(counts.begin(), counts.end(), [](auto n) { return n < 10; });
  const auto busy = std::count_if(counts.begin(), counts.end(), [](auto n) { return n > 20; });
  EXPECT_GT(quiet, 8'000);
  EXPECT_GT(busy, 4'000);
  EXPECT_GT(quiet + busy, 18'000);
}

// As recorded: of the busiest feed the median gap is 3.5 us and the tenth longest 11 ms, at 273
// messages a second.
TEST(SimScheduleTest, GapsAreClumpedAsInTheRecordings) {
  const auto recorded_rate = Gaps(DueTimes(SimSchedule(1, 273, 80), 600'000 * kMillisecondNs));
  EXPECT_LT(Percentile(recorded_rate, 50), 20'000u);
  EXPECT_GT(Percentile(recorded_rate, 90), 3'000'000u);
  EXPECT_LT(Percentile(recorded_rate, 90), 40'000'000u);

  const auto default_rate = Gaps(DueTimes(SimSchedule(1, 20'000, 80), 10'000 * kMillisecondNs));
  EXPECT_LT(Percentile(default_rate, 50), 30'000u);
  EXPECT_GT(Percentile(default_rate, 90), 80'000u);
}

TEST(SimScheduleTest, DependsOnTheSeedAndNothingElse) {
  const std::uint64_t until_ns = 1000 * kMillisecondNs;
  const auto once = DueTimes(SimSchedule(1, 20'000, 80), until_ns);
  EXPECT_EQ(DueTimes(SimSchedule(1, 20'000, 80), until_ns), once);
  EXPECT_NE(DueTimes(SimSchedule(2, 20'000, 80), until_ns), once);
}

TEST(SimScheduleTest, OneBurstIsToldFromTheNext) {
  SimSchedule schedule(1, 20'000, 80);
  std::uint64_t ordinal = 0;
  std::uint64_t burst_begin_ns = 0;
  for (int event = 0; event < 100'000; ++event, schedule.Advance()) {
    if (!schedule.in_burst()) continue;
    if (schedule.burst_ordinal() != ordinal) {
      EXPECT_EQ(schedule.burst_ordinal(), ordinal + 1);
      ordinal = schedule.burst_ordinal();
      burst_begin_ns = schedule.due_ns();
    }
    ASSERT_LT(schedule.due_ns() - burst_begin_ns, kMillisecondNs);
  }
  EXPECT_GT(ordinal, 1000u);
}

}  // namespace
}  // namespace tickcast::shards
