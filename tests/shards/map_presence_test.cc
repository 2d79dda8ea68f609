#include "shards/map_presence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace tickcast::shards {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kSweepNs = kSecond / 10;

engine::Config WithTtl(std::uint64_t clients_ns, std::uint64_t users_ns = 0) {
  engine::Config config;
  auto& namespaces = config.channel.namespaces;
  namespaces.resize(3);
  namespaces[0].name = "who";
  namespaces[0].map.key_ttl_ns = clients_ns;
  namespaces[1].name = "people";
  namespaces[1].map.key_ttl_ns = users_ns;
  namespaces[2].name = "room";
  namespaces[2].map_clients_presence_channel_prefix = "who:";
  if (users_ns != 0) namespaces[2].map_users_presence_channel_prefix = "people:";
  return config;
}

std::vector<std::pair<engine::Slot, ChannelIndex>> Swept(MapPresence& present, std::uint64_t at) {
  std::vector<std::pair<engine::Slot, ChannelIndex>> told;
  present.Sweep(at,
                [&](engine::Slot slot, ChannelIndex channel) { told.emplace_back(slot, channel); });
  return told;
}

TEST(MapPresenceTest, TheShortestTimeSaysHowOften) {
  EXPECT_EQ(MapPresence(WithTtl(60 * kSecond)).interval_ns(), 20 * kSecond);
  EXPECT_EQ(MapPresence(WithTtl(60 * kSecond, 30 * kSecond)).interval_ns(), 10 * kSecond);
  EXPECT_EQ(MapPresence(WithTtl(30 * kSecond, 60 * kSecond)).interval_ns(), 10 * kSecond);
  EXPECT_EQ(MapPresence(WithTtl(3600 * kSecond)).interval_ns(), MapPresence::kLongestIntervalNs);
  EXPECT_EQ(MapPresence(engine::Config()).interval_ns(), MapPresence::kLongestIntervalNs);
}

TEST(MapPresenceTest, EachIsToldAfterAnInterval) {
  MapPresence present(WithTtl(30 * kSecond));
  present.Add(1, 7, 100 * kSecond);
  present.Add(1, 8, 103 * kSecond);
  present.Add(2, 7, 106 * kSecond);
  EXPECT_EQ(present.size(), 3u);
  EXPECT_THAT(Swept(present, 110 * kSecond - 1), IsEmpty());
  EXPECT_THAT(Swept(present, 110 * kSecond), ElementsAre(Pair(1, 7)));
  EXPECT_THAT(Swept(present, 112 * kSecond), IsEmpty());
  EXPECT_THAT(Swept(present, 116 * kSecond), ElementsAre(Pair(1, 8), Pair(2, 7)));
  EXPECT_THAT(Swept(present, 120 * kSecond), ElementsAre(Pair(1, 7)));
}

TEST(MapPresenceTest, WhoHasGoneIsNotTold) {
  MapPresence present(WithTtl(30 * kSecond));
  present.Add(1, 7, 0);
  present.Add(2, 7, 0);
  EXPECT_TRUE(present.Remove(1, 7));
  EXPECT_FALSE(present.Remove(1, 7));
  EXPECT_FALSE(present.Remove(2, 8));
  EXPECT_THAT(Swept(present, 10 * kSecond), ElementsAre(Pair(2, 7)));
  present.Add(1, 7, 12 * kSecond);
  EXPECT_THAT(Swept(present, 20 * kSecond), ElementsAre(Pair(2, 7)));
  EXPECT_THAT(Swept(present, 22 * kSecond), ElementsAre(Pair(1, 7)));
}

// Sweeps of ten a second, after many have come at the same moment.
TEST(MapPresenceTest, WhoCameTogetherSpreads) {
  constexpr engine::Slot kClients = 1000;
  MapPresence present(WithTtl(30 * kSecond));
  std::uint64_t now_ns = 5 * kSecond;
  for (engine::Slot slot = 0; slot < kClients; ++slot) present.Add(slot, 7, now_ns);
  std::map<engine::Slot, std::uint64_t> told_ns;
  std::size_t most = 0;
  for (int sweep = 0; sweep < 600; ++sweep) {
    now_ns += kSweepNs;
    const auto told = Swept(present, now_ns);
    most = std::max(most, told.size());
    for (const auto& [slot, channel] : told) {
      const std::uint64_t before_ns = told_ns.count(slot) == 0 ? 5 * kSecond : told_ns[slot];
      EXPECT_LE(now_ns - before_ns, 15 * kSecond + kSweepNs) << "half of its time at most";
      told_ns[slot] = now_ns;
    }
  }
  EXPECT_EQ(told_ns.size(), kClients);
  EXPECT_LE(most, kClients / 50 + 1) << "twice the mean";
}

}  // namespace
}  // namespace tickcast::shards
