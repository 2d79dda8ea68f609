#include "tools/loadgen/topology.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <vector>

namespace tickcast::loadgen {
namespace {

std::vector<std::uint32_t> ChannelsOf(const Topology& topology, std::uint32_t connection) {
  const std::uint32_t* channels = topology.channels(connection);
  return {channels, channels + topology.subscriptions()};
}

TEST(TopologyTest, NamesAreNumberedWithEqualWidth) {
  const Topology small({.connections = 1, .channels = 10, .channel_prefix = "room:"});
  EXPECT_EQ(small.name(0), "room:0000");
  EXPECT_EQ(small.name(9), "room:0009");
  const Topology large({.connections = 1, .channels = 100'001});
  EXPECT_EQ(large.name(7), "bench:000007");
  EXPECT_EQ(large.name(100'000), "bench:100000");
}

TEST(TopologyTest, ChannelsMayHaveNamesAlready) {
  const Topology topology({.connections = 4, .channels = 99, .subscriptions = 2}, {"a", "b", "c"});
  EXPECT_EQ(topology.channel_count(), 3U);
  EXPECT_EQ(topology.connection_count(), 4U);
  EXPECT_EQ(topology.name(2), "c");
  std::uint32_t subscriptions = 0;
  for (std::uint32_t channel = 0; channel < 3; ++channel) {
    subscriptions += topology.subscribers(channel);
  }
  EXPECT_EQ(subscriptions, 8U);
}

TEST(TopologyTest, RoundRobinFillsChannelsEvenlyAndKeepsNeighboursApart) {
  const Topology topology({.connections = 1000, .channels = 100, .subscriptions = 10});
  for (std::uint32_t channel = 0; channel < 100; ++channel) {
    EXPECT_EQ(topology.subscribers(channel), 100U);
  }
  EXPECT_EQ(ChannelsOf(topology, 3),
            (std::vector<std::uint32_t>{3, 13, 23, 33, 43, 53, 63, 73, 83, 93}));
}

TEST(TopologyTest, RoundRobinMayGiveEveryChannelToEveryConnection) {
  const Topology topology({.connections = 3, .channels = 7, .subscriptions = 7});
  for (std::uint32_t connection = 0; connection < 3; ++connection) {
    const std::vector<std::uint32_t> channels = ChannelsOf(topology, connection);
    EXPECT_EQ(std::set(channels.begin(), channels.end()).size(), 7U);
  }
}

TEST(TopologyTest, DrawnChannelsDifferAndAreTheSameForOneSeed) {
  for (const Spread spread : {Spread::kUniform, Spread::kZipf}) {
    const TopologyOptions options{
        .connections = 500, .channels = 50, .subscriptions = 20, .spread = spread, .seed = 3};
    const Topology topology(options);
    const Topology again(options);
    TopologyOptions other_seed = options;
    other_seed.seed = 4;
    const Topology other(other_seed);
    bool all_equal = true;
    for (std::uint32_t connection = 0; connection < 500; ++connection) {
      const std::vector<std::uint32_t> channels = ChannelsOf(topology, connection);
      EXPECT_EQ(std::set(channels.begin(), channels.end()).size(), 20U);
      EXPECT_EQ(channels, ChannelsOf(again, connection));
      all_equal = all_equal && channels == ChannelsOf(other, connection);
    }
    EXPECT_FALSE(all_equal);
  }
}

TEST(TopologyTest, SubscribersAddUpToAllSubscriptions) {
  for (const Spread spread : {Spread::kRoundRobin, Spread::kUniform, Spread::kZipf}) {
    const Topology topology(
        {.connections = 300, .channels = 40, .subscriptions = 7, .spread = spread});
    std::uint32_t sum = 0;
    for (std::uint32_t channel = 0; channel < 40; ++channel) sum += topology.subscribers(channel);
    EXPECT_EQ(sum, 300U * 7);
  }
}

TEST(TopologyTest, ZipfPrefersTheFirstChannelsAndUniformNone) {
  TopologyOptions options{
      .connections = 20'000, .channels = 100, .subscriptions = 1, .spread = Spread::kZipf};
  const Topology zipf(options);
  // Rank 1 has twice the weight of rank 2 and ten times that of rank 10; 20 % is far beyond chance.
  EXPECT_NEAR(zipf.subscribers(0), 2.0 * zipf.subscribers(1), 0.2 * zipf.subscribers(0));
  EXPECT_NEAR(zipf.subscribers(0), 10.0 * zipf.subscribers(9), 0.2 * zipf.subscribers(0));
  options.spread = Spread::kUniform;
  const Topology uniform(options);
  for (std::uint32_t channel = 0; channel < 100; ++channel) {
    EXPECT_NEAR(uniform.subscribers(channel), 200, 80);
  }
}

TEST(TopologyTest, WithoutSubscriptionsNobodyListens) {
  const Topology topology({.connections = 5, .channels = 2, .subscriptions = 0});
  EXPECT_EQ(topology.subscribers(0), 0U);
  EXPECT_EQ(topology.subscriptions(), 0U);
}

}  // namespace
}  // namespace tickcast::loadgen
