#include "shards/pressure.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace tickcast::shards {
namespace {

using Level = PressureLevel;

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kHold = 5 * kSecond;
constexpr std::uint64_t kBegin = 100 * kSecond;

constexpr Level kLevels[] = {Level::kNormal, Level::kDegraded, Level::kCritical, Level::kEmergency};

TEST(PressureTest, LevelsHaveTheNamesThatClientsSee) {
  std::vector<std::string> names;
  for (const Level level : kLevels) names.emplace_back(NameOf(level));
  EXPECT_EQ(names, (std::vector<std::string>{"normal", "degraded", "critical", "emergency"}));
}

// --- Hysteresis ----------------------------------------------------------------------------------

TEST(HysteresisTest, ALevelRisesAtOnceFromAnywhereToAnywhere) {
  for (const Level from : kLevels) {
    for (const Level to : kLevels) {
      Hysteresis hysteresis;
      hysteresis.Update(from, from, kBegin, kHold);
      ASSERT_EQ(hysteresis.level(), from);
      EXPECT_EQ(hysteresis.Update(to, to, kBegin + 1, kHold), to > from);
      EXPECT_EQ(hysteresis.level(), std::max(from, to));
    }
  }
}

TEST(HysteresisTest, ALevelFallsOneByOneEachAfterTheHold) {
  Hysteresis hysteresis;
  hysteresis.Update(Level::kEmergency, Level::kEmergency, kBegin, kHold);
  std::uint64_t now_ns = kBegin + 3 * kSecond;
  hysteresis.Update(Level::kNormal, Level::kNormal, now_ns, kHold);
  for (const Level level : {Level::kCritical, Level::kDegraded, Level::kNormal}) {
    EXPECT_FALSE(hysteresis.Update(Level::kNormal, Level::kNormal, now_ns + kHold - 1, kHold));
    EXPECT_GT(hysteresis.level(), level);
    now_ns += kHold;
    EXPECT_TRUE(hysteresis.Update(Level::kNormal, Level::kNormal, now_ns, kHold));
    EXPECT_EQ(hysteresis.level(), level);
  }
  EXPECT_FALSE(hysteresis.Update(Level::kNormal, Level::kNormal, now_ns + 100 * kHold, kHold));
}

TEST(HysteresisTest, WhatStillHoldsALevelUpBeginsTheHoldAnew) {
  Hysteresis hysteresis;
  hysteresis.Update(Level::kCritical, Level::kCritical, kBegin, kHold);
  hysteresis.Update(Level::kNormal, Level::kNormal, kBegin + 1 * kSecond, kHold);
  // Not enough to rise to, but enough to stay.
  hysteresis.Update(Level::kNormal, Level::kCritical, kBegin + 5 * kSecond, kHold);
  EXPECT_FALSE(hysteresis.Update(Level::kNormal, Level::kNormal, kBegin + 6 * kSecond, kHold));
  EXPECT_FALSE(hysteresis.Update(Level::kNormal, Level::kNormal, kBegin + 11 * kSecond - 1, kHold));
  EXPECT_TRUE(hysteresis.Update(Level::kNormal, Level::kNormal, kBegin + 11 * kSecond, kHold));
  EXPECT_EQ(hysteresis.level(), Level::kDegraded);
}

TEST(HysteresisTest, AFallStopsAtTheLevelThatIsHeldUp) {
  Hysteresis hysteresis;
  hysteresis.Update(Level::kEmergency, Level::kEmergency, kBegin, kHold);
  for (std::uint64_t second = 1; second < 60; ++second) {
    hysteresis.Update(Level::kNormal, Level::kDegraded, kBegin + second * kSecond, kHold);
  }
  EXPECT_EQ(hysteresis.level(), Level::kDegraded);
}

TEST(HysteresisTest, WithoutAHoldEveryCalmLookTakesALevel) {
  Hysteresis hysteresis;
  hysteresis.Update(Level::kEmergency, Level::kEmergency, kBegin, 0);
  EXPECT_TRUE(hysteresis.Update(Level::kNormal, Level::kNormal, kBegin, 0));
  EXPECT_EQ(hysteresis.level(), Level::kCritical);
}

// --- Of a connection -----------------------------------------------------------------------------

TEST(ConnectionPressureTest, TheShareFollowsTheTimeThatItsSocketRefuses) {
  const engine::PressureConfig config;
  ConnectionPressure pressure(kBegin);
  EXPECT_EQ(pressure.blocked_share(), 0);
  pressure.SetBlocked(true, kBegin, config);
  EXPECT_TRUE(pressure.blocked());
  EXPECT_EQ(pressure.blocked_share(), 0) << "no time has passed yet";
  pressure.Review(kBegin + 5 * kSecond, config);
  EXPECT_NEAR(pressure.blocked_share(), 1 - std::exp(-1.0), 1e-9) << "one window";
  pressure.SetBlocked(false, kBegin + 10 * kSecond, config);
  EXPECT_NEAR(pressure.blocked_share(), 1 - std::exp(-2.0), 1e-9);
  pressure.Review(kBegin + 15 * kSecond, config);
  EXPECT_NEAR(pressure.blocked_share(), (1 - std::exp(-2.0)) * std::exp(-1.0), 1e-9);
}

// How often somebody looks changes nothing.
TEST(ConnectionPressureTest, TheShareDoesNotDependOnTheLooks) {
  const engine::PressureConfig config;
  ConnectionPressure once(kBegin);
  ConnectionPressure often(kBegin);
  once.SetBlocked(true, kBegin, config);
  often.SetBlocked(true, kBegin, config);
  for (std::uint64_t ms = 1; ms < 4000; ms += 7) often.Review(kBegin + ms * kMillisecond, config);
  once.Review(kBegin + 4 * kSecond, config);
  often.Review(kBegin + 4 * kSecond, config);
  EXPECT_NEAR(once.blocked_share(), often.blocked_share(), 1e-9);
  // Time that seems to go back counts nothing.
  const double share = often.blocked_share();
  often.Review(kBegin + 3 * kSecond, config);
  EXPECT_EQ(often.blocked_share(), share);
}

// Half of the time, in pieces of any length.
TEST(ConnectionPressureTest, TheShareOfABlinkingSocketIsItsShareOfTheTime) {
  const engine::PressureConfig config;
  for (const std::uint64_t piece_ms : {1, 10, 100}) {
    ConnectionPressure pressure(kBegin);
    std::uint64_t now_ns = kBegin;
    for (std::uint64_t i = 0; i < 60'000 / piece_ms; ++i) {
      pressure.SetBlocked(i % 2 == 0, now_ns, config);
      now_ns += piece_ms * kMillisecond;
    }
    pressure.Review(now_ns, config);
    EXPECT_NEAR(pressure.blocked_share(), 0.5, 0.01) << piece_ms;
  }
}

// Blocked for t, the share is 1 - exp(-t / window): each threshold is met at a time that can be
// told beforehand, and from there on the level holds.
TEST(ConnectionPressureTest, EachLevelIsReachedAtItsShare) {
  const engine::PressureConfig config;
  const std::pair<double, Level> thresholds[] = {{config.degraded_share, Level::kDegraded},
                                                 {config.critical_share, Level::kCritical},
                                                 {config.emergency_share, Level::kEmergency}};
  ConnectionPressure pressure(kBegin);
  pressure.SetBlocked(true, kBegin, config);
  Level before = Level::kNormal;
  for (const auto& [share, level] : thresholds) {
    const auto at_ns = kBegin + static_cast<std::uint64_t>(-std::log(1 - share) * 5e9);
    EXPECT_FALSE(pressure.Review(at_ns - kMillisecond, config));
    EXPECT_EQ(pressure.level(), before);
    EXPECT_TRUE(pressure.Review(at_ns + kMillisecond, config));
    EXPECT_EQ(pressure.level(), level);
    EXPECT_FALSE(pressure.Review(at_ns + 2 * kMillisecond, config)) << "told once";
    before = level;
  }
}

// Each is left below its share times `release`, and only after the hold.
TEST(ConnectionPressureTest, EachLevelIsLeftBelowItsReleaseAfterTheHold) {
  engine::PressureConfig config;
  config.hold_ns = 1 * kSecond;
  ConnectionPressure pressure(kBegin);
  pressure.SetBlocked(true, kBegin, config);
  pressure.SetBlocked(false, kBegin + 60 * kSecond, config);
  ASSERT_EQ(pressure.level(), Level::kEmergency);
  std::map<Level, double> left_at;  // The share when it was left.
  std::map<Level, std::uint64_t> left_ns;
  for (std::uint64_t ms = 1; ms < 60'000; ++ms) {
    const Level before = pressure.level();
    const std::uint64_t now_ns = kBegin + 60 * kSecond + ms * kMillisecond;
    if (!pressure.Review(now_ns, config)) continue;
    ASSERT_EQ(static_cast<int>(pressure.level()), static_cast<int>(before) - 1);
    left_at[before] = pressure.blocked_share();
    left_ns[before] = now_ns;
  }
  ASSERT_EQ(left_at.size(), 3u);
  // After the hold the share has sunk by exp(-1 s / 5 s) below the mark of leaving.
  const double sunk = std::exp(-0.2);
  EXPECT_NEAR(left_at[Level::kEmergency], config.emergency_share * 0.5 * sunk, 0.001);
  EXPECT_NEAR(left_at[Level::kCritical], config.critical_share * 0.5 * sunk, 0.001);
  EXPECT_NEAR(left_at[Level::kDegraded], config.degraded_share * 0.5 * sunk, 0.001);
}

TEST(ConnectionPressureTest, BetweenTheMarksALevelNeitherRisesNorFalls) {
  engine::PressureConfig config;
  config.hold_ns = kSecond;
  // A third of the time: above degraded (0.25) and, by the release, above half of critical (0.5).
  const auto blink = [&config](ConnectionPressure& pressure, std::uint64_t from_ns) {
    for (std::uint64_t i = 0; i < 30'000; ++i) {
      pressure.SetBlocked(i % 3 == 0, from_ns + i * kMillisecond, config);
    }
  };
  ConnectionPressure rising(kBegin);
  blink(rising, kBegin);
  EXPECT_EQ(rising.level(), Level::kDegraded);

  ConnectionPressure falling(kBegin);
  falling.SetBlocked(true, kBegin, config);
  falling.SetBlocked(false, kBegin + 4 * kSecond, config);
  ASSERT_EQ(falling.level(), Level::kCritical);
  blink(falling, kBegin + 4 * kSecond);
  EXPECT_EQ(falling.level(), Level::kCritical);
}

TEST(ConnectionPressureTest, SwitchedOffItStaysNormalAndStillKnowsTheShare) {
  engine::PressureConfig config;
  config.enabled = false;
  ConnectionPressure pressure(kBegin);
  pressure.SetBlocked(true, kBegin, config);
  EXPECT_FALSE(pressure.Review(kBegin + 60 * kSecond, config));
  EXPECT_EQ(pressure.level(), Level::kNormal);
  EXPECT_GT(pressure.blocked_share(), 0.99) << "the slowest are found by it";
}

TEST(ConnectionPressureTest, ItIsCalmWhenNothingIsLeftToRemember) {
  const engine::PressureConfig config;
  ConnectionPressure pressure(kBegin);
  EXPECT_TRUE(pressure.calm());
  pressure.SetBlocked(true, kBegin, config);
  EXPECT_FALSE(pressure.calm()) << "blocked";
  pressure.SetBlocked(false, kBegin + kSecond, config);
  EXPECT_FALSE(pressure.calm()) << "the share is 18 %";
  pressure.Review(kBegin + 20 * kSecond, config);
  EXPECT_FALSE(pressure.calm());
  pressure.Review(kBegin + 30 * kSecond, config);
  EXPECT_LT(pressure.blocked_share(), 0.001);
  EXPECT_TRUE(pressure.calm());
}

// --- Of a shard ----------------------------------------------------------------------------------

// Turns of `busy_ms` and then sleeps of `idle_ms`, for `seconds`; the levels on the way.
std::vector<Level> RunShard(ShardPressure& pressure, std::uint64_t& now_ns, std::uint64_t busy_ms,
                            std::uint64_t idle_ms, std::uint64_t seconds,
                            const engine::PressureConfig& config) {
  std::vector<Level> levels;
  const std::uint64_t end_ns = now_ns + seconds * kSecond;
  while (now_ns < end_ns) {
    const std::uint64_t begin_ns = now_ns;
    now_ns += busy_ms * kMillisecond;
    const Level before = pressure.level();
    const bool changed = pressure.OnTurn(begin_ns, now_ns, now_ns, config);
    EXPECT_EQ(changed, pressure.level() != before);
    if (changed) levels.push_back(pressure.level());
    now_ns += idle_ms * kMillisecond;
  }
  return levels;
}

TEST(ShardPressureTest, TurnsWithinTheirBudgetAreNoPressureHoweverBusyTheShard) {
  ShardPressure pressure;
  std::uint64_t now_ns = kBegin;
  EXPECT_TRUE(RunShard(pressure, now_ns, 100, 0, 30, {}).empty());
  EXPECT_TRUE(RunShard(pressure, now_ns, 1, 0, 5, {}).empty());
}

// One level a second at most, so that each can take effect first.
TEST(ShardPressureTest, OverrunningTurnsRaiseALevelASecond) {
  ShardPressure pressure;
  std::uint64_t now_ns = kBegin;
  EXPECT_EQ(RunShard(pressure, now_ns, 125, 0, 1, {}), (std::vector<Level>{Level::kDegraded}));
  EXPECT_EQ(RunShard(pressure, now_ns, 125, 0, 1, {}), (std::vector<Level>{Level::kCritical}));
  EXPECT_EQ(RunShard(pressure, now_ns, 125, 0, 1, {}), (std::vector<Level>{Level::kEmergency}));
  EXPECT_TRUE(RunShard(pressure, now_ns, 125, 0, 10, {}).empty()) << "there is none above";
}

TEST(ShardPressureTest, ABroadcastNowAndThenIsNoPressure) {
  ShardPressure pressure;
  std::uint64_t now_ns = kBegin;
  EXPECT_TRUE(RunShard(pressure, now_ns, 200, 800, 30, {}).empty()) << "a fifth of the time";
  EXPECT_TRUE(RunShard(pressure, now_ns, 240, 260, 30, {}).empty()) << "nearly a half";
  EXPECT_FALSE(RunShard(pressure, now_ns, 260, 240, 5, {}).empty()) << "more than a half";
}

TEST(ShardPressureTest, ALevelIsLeftWhenTurnsAreShortForTheHold) {
  const engine::PressureConfig config;
  ShardPressure pressure;
  std::uint64_t now_ns = kBegin;
  RunShard(pressure, now_ns, 125, 0, 3, config);
  ASSERT_EQ(pressure.level(), Level::kEmergency);
  // A third of the time in overruns holds it up.
  EXPECT_TRUE(RunShard(pressure, now_ns, 167, 333, 30, config).empty());
  // Calm: after the hold one level, and so on.
  EXPECT_TRUE(RunShard(pressure, now_ns, 10, 90, 5, config).empty());
  EXPECT_EQ(RunShard(pressure, now_ns, 10, 90, 3, config), (std::vector<Level>{Level::kCritical}));
  EXPECT_EQ(RunShard(pressure, now_ns, 10, 90, 12, config),
            (std::vector<Level>{Level::kDegraded, Level::kNormal}));
}

TEST(ShardPressureTest, SwitchedOffItStaysNormal) {
  engine::PressureConfig config;
  config.enabled = false;
  ShardPressure pressure;
  std::uint64_t now_ns = kBegin;
  EXPECT_TRUE(RunShard(pressure, now_ns, 500, 0, 20, config).empty());
  EXPECT_EQ(pressure.level(), Level::kNormal);
}

// A turn that is a long time alone, and a sleep of one: no division of them goes wrong.
TEST(ShardPressureTest, OneTurnOfSecondsIsOneLevel) {
  ShardPressure pressure;
  EXPECT_TRUE(pressure.OnTurn(kBegin, kBegin + 10 * kSecond, kBegin + 10 * kSecond, {}));
  EXPECT_EQ(pressure.level(), Level::kDegraded);
  EXPECT_FALSE(pressure.OnTurn(kBegin + 10 * kSecond, kBegin + 10 * kSecond + 1,
                               kBegin + 10 * kSecond + 1, {}));
}

// Long turns of a thread that others keep from its core are not its connections' fault.
TEST(ShardPressureTest, WhoHadNoCoreIsNotUnderPressure) {
  for (const std::uint64_t core_percent : {40, 60}) {
    ShardPressure pressure;
    std::uint64_t now_ns = kBegin;
    for (int turn = 0; turn < 20; ++turn) {
      const std::uint64_t begin_ns = now_ns;
      now_ns += 200 * kMillisecond;
      const std::uint64_t cpu_ns = (now_ns - kBegin) * core_percent / 100;
      EXPECT_EQ(pressure.WantsCpu(now_ns), turn == 0 || turn % 5 == 4);
      pressure.OnTurn(begin_ns, now_ns, cpu_ns, {});
    }
    EXPECT_EQ(pressure.level() != Level::kNormal, core_percent == 60) << core_percent;
  }
}

}  // namespace
}  // namespace tickcast::shards
