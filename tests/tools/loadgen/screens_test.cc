#include "tools/loadgen/screens.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace tickcast::loadgen {
namespace {

std::vector<std::uint32_t> Screen(const Screens& screens, const Topology& topology,
                                  std::uint32_t connection) {
  const std::uint32_t* const channels = screens.channels(connection);
  return {channels, channels + topology.subscriptions()};
}

TEST(ScreensTest, WithoutScrollingItIsTheTopology) {
  const Topology topology({.connections = 7, .channels = 12, .subscriptions = 3});
  const Screens screens(topology, 1, 3, 2, false);
  EXPECT_EQ(screens.channels(0), topology.channels(1));
  EXPECT_EQ(screens.channels(1), topology.channels(4));
}

TEST(ScreensTest, NothingChangesBeforeTheAnswer) {
  const Topology topology({.connections = 7, .channels = 12, .subscriptions = 3});
  Screens screens(topology, 0, 1, 7, true);
  const std::vector<std::uint32_t> before = Screen(screens, topology, 2);
  const Screens::Change change = screens.Next(2, 2);
  EXPECT_EQ(Screen(screens, topology, 2), before);
  EXPECT_EQ(change.lost, (std::vector<std::uint32_t>{before[0], before[1]}));
  screens.Apply(2, change);
  EXPECT_EQ(Screen(screens, topology, 2),
            (std::vector<std::uint32_t>{change.gained[0], change.gained[1], before[2]}));
  // The oldest is next, behind the last place comes the first.
  const Screens::Change next = screens.Next(2, 2);
  EXPECT_EQ(next.lost, (std::vector<std::uint32_t>{before[2], change.gained[0]}));
}

// However they are drawn, and with hardly any channel to spare.
TEST(ScreensTest, WhatComesIsNeverThereAlready) {
  for (const Spread spread : {Spread::kRoundRobin, Spread::kUniform, Spread::kZipf}) {
    for (const std::uint32_t count : {1U, 3U, 5U}) {
      const Topology topology({.connections = 9,
                               .channels = 5 + count,
                               .subscriptions = 5,
                               .spread = spread,
                               .zipf_exponent = 2});
      Screens screens(topology, 1, 2, 4, true);
      for (int step = 0; step < 200; ++step) {
        const std::uint32_t connection = step % 4;
        const std::vector<std::uint32_t> before = Screen(screens, topology, connection);
        const Screens::Change change = screens.Next(connection, count);
        ASSERT_EQ(change.lost.size(), count);
        ASSERT_EQ(change.gained.size(), count);
        std::set<std::uint32_t> all(before.begin(), before.end());
        ASSERT_EQ(all.size(), 5U);
        all.insert(change.gained.begin(), change.gained.end());
        ASSERT_EQ(all.size(), 5 + count);
        screens.Apply(connection, change);
      }
    }
  }
}

TEST(ScreensTest, AllOfAScreenMayGoAtOnce) {
  const Topology topology({.connections = 100, .channels = 1000, .subscriptions = 30});
  Screens screens(topology, 0, 1, 100, true);
  const std::vector<std::uint32_t> before = Screen(screens, topology, 0);
  const Screens::Change change = screens.Next(0, 30);
  EXPECT_EQ(change.lost, before);
  // Round robin: the neighbour's, as that one began.
  EXPECT_EQ(change.gained, Screen(screens, topology, 1));
}

}  // namespace
}  // namespace tickcast::loadgen
