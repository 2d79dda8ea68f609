// Limits of connections, each on both sides, and from many threads at once.
#include "shards/connection_limits.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "shards/rate_bucket.h"

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
using Address = ConnectionLimits::Address;

engine::PeerAddress V4(std::uint8_t last, std::uint16_t port = 1) {
  return {.ip = {192, 0, 2, last}, .port = port, .family = engine::PeerAddress::Family::kIpv4};
}

engine::PeerAddress V6(std::uint8_t network, std::uint8_t host) {
  engine::PeerAddress address{.port = 1, .family = engine::PeerAddress::Family::kIpv6};
  address.ip[0] = 0x20;
  address.ip[7] = network;
  address.ip[15] = host;
  return address;
}

TEST(RateBucketTest, TheBurstPassesAtOnceAndThenTheRate) {
  std::uint64_t until_ns = 0;
  const std::uint64_t now_ns = 5 * kSecond;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(TakeFromBucket(until_ns, 10, 4, now_ns)) << i;
  EXPECT_FALSE(TakeFromBucket(until_ns, 10, 4, now_ns));
  EXPECT_FALSE(TakeFromBucket(until_ns, 10, 4, now_ns + kSecond / 10 - 1));
  EXPECT_TRUE(TakeFromBucket(until_ns, 10, 4, now_ns + kSecond / 10));
  EXPECT_FALSE(TakeFromBucket(until_ns, 10, 4, now_ns + kSecond / 10));
  // Idle time fills it up to the burst and no further.
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(TakeFromBucket(until_ns, 10, 4, 100 * kSecond)) << i;
  EXPECT_FALSE(TakeFromBucket(until_ns, 10, 4, 100 * kSecond));
}

TEST(RateBucketTest, ARefusalTakesNothing) {
  std::uint64_t until_ns = 0;
  ASSERT_TRUE(TakeFromBucket(until_ns, 1, 1, kSecond));
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(TakeFromBucket(until_ns, 1, 1, kSecond));
  EXPECT_TRUE(TakeFromBucket(until_ns, 1, 1, 2 * kSecond));
}

TEST(ConnectionLimitsTest, WithoutLimitsNothingIsRefused) {
  const engine::ClientConfig config;
  ConnectionLimits limits(config);
  EXPECT_FALSE(limits.counts_addresses());
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(limits.TakeConnection(kSecond));
    ASSERT_TRUE(limits.TakeClient());
    ASSERT_TRUE(limits.TakeUser("u"));
  }
}

TEST(ConnectionLimitsTest, NewConnectionsComeAtTheRate) {
  engine::ClientConfig config;
  config.connection_rate_limit = 3;
  ConnectionLimits limits(config);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.TakeConnection(kSecond));
  EXPECT_FALSE(limits.TakeConnection(kSecond));
  EXPECT_TRUE(limits.TakeConnection(kSecond + kSecond / 3));
  EXPECT_FALSE(limits.TakeConnection(kSecond + kSecond / 3));
}

TEST(ConnectionLimitsTest, ClientsAreCountedUntilTheyAreGivenBack) {
  engine::ClientConfig config;
  config.connection_limit = 2;
  ConnectionLimits limits(config);
  EXPECT_TRUE(limits.TakeClient());
  EXPECT_TRUE(limits.TakeClient());
  EXPECT_FALSE(limits.TakeClient());
  EXPECT_FALSE(limits.TakeClient());
  limits.GiveClient();
  EXPECT_TRUE(limits.TakeClient());
  EXPECT_FALSE(limits.TakeClient());
}

TEST(ConnectionLimitsTest, AUserHasItsOwnCountAndNobodyHasNone) {
  engine::ClientConfig config;
  config.user_connection_limit = 2;
  ConnectionLimits limits(config);
  EXPECT_TRUE(limits.TakeUser("ann"));
  EXPECT_TRUE(limits.TakeUser("ann"));
  EXPECT_FALSE(limits.TakeUser("ann"));
  EXPECT_TRUE(limits.TakeUser("bob"));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(limits.TakeUser(""));
  limits.GiveUser("ann");
  limits.GiveUser("");
  EXPECT_TRUE(limits.TakeUser("ann"));
  EXPECT_FALSE(limits.TakeUser("ann"));
}

TEST(ConnectionLimitsTest, AddressesAreTheirsWhateverThePort) {
  engine::ClientConfig config;
  config.address_connection_limit = 2;
  ConnectionLimits limits(config);
  ASSERT_TRUE(limits.counts_addresses());
  EXPECT_EQ(limits.TakeAddress(V4(1, 1000), kSecond), Address::kTaken);
  EXPECT_EQ(limits.TakeAddress(V4(1, 1001), kSecond), Address::kTaken);
  EXPECT_EQ(limits.TakeAddress(V4(1, 1002), kSecond), Address::kTooMany);
  EXPECT_EQ(limits.TakeAddress(V4(2), kSecond), Address::kTaken);
  limits.GiveAddress(V4(1, 1001));
  EXPECT_EQ(limits.TakeAddress(V4(1, 1003), kSecond), Address::kTaken);
  EXPECT_EQ(limits.TakeAddress(V4(1, 1004), kSecond), Address::kTooMany);
}

// Whoever has one address of IPv6 has 2^64 of them.
TEST(ConnectionLimitsTest, AddressesOfIpv6AreToldApartByTheirNetwork) {
  engine::ClientConfig config;
  config.address_connection_limit = 1;
  ConnectionLimits limits(config);
  EXPECT_EQ(limits.TakeAddress(V6(1, 1), kSecond), Address::kTaken);
  EXPECT_EQ(limits.TakeAddress(V6(1, 2), kSecond), Address::kTooMany);
  EXPECT_EQ(limits.TakeAddress(V6(2, 1), kSecond), Address::kTaken);
}

TEST(ConnectionLimitsTest, AnAddressKeepsItsRateWhenItsConnectionsAreGone) {
  engine::ClientConfig config;
  config.address_connection_rate = 2;
  ConnectionLimits limits(config);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(limits.TakeAddress(V4(1), kSecond), Address::kTaken);
    limits.GiveAddress(V4(1));
  }
  EXPECT_EQ(limits.TakeAddress(V4(1), kSecond), Address::kTooFast);
  EXPECT_EQ(limits.TakeAddress(V4(2), kSecond), Address::kTaken);
  EXPECT_EQ(limits.TakeAddress(V4(1), kSecond + kSecond / 2), Address::kTaken);
  EXPECT_EQ(limits.TakeAddress(V4(1), kSecond + kSecond / 2), Address::kTooFast);
}

// More addresses than are kept: those without connections and past their rate are forgotten, the
// others are not.
TEST(ConnectionLimitsTest, AddressesThatAreGoneAreForgotten) {
  engine::ClientConfig config;
  config.address_connection_limit = 1;
  config.address_connection_rate = 1;
  ConnectionLimits limits(config);
  ASSERT_EQ(limits.TakeAddress(V4(9), kSecond), Address::kTaken);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    engine::PeerAddress address{.family = engine::PeerAddress::Family::kIpv4};
    address.ip = {10, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                  static_cast<std::uint8_t>(i)};
    ASSERT_EQ(limits.TakeAddress(address, kSecond + i * kSecond / 10), Address::kTaken);
    limits.GiveAddress(address);
  }
  EXPECT_EQ(limits.TakeAddress(V4(9), 100'000 * kSecond), Address::kTooMany);
  EXPECT_LT(limits.known_addresses(), 40'000u);
}

TEST(ConnectionLimitsTest, ManyThreadsTogetherNeverHaveMoreThanTheLimit) {
  engine::ClientConfig config;
  config.connection_limit = 3;
  config.user_connection_limit = 2;
  config.address_connection_limit = 2;
  config.connection_rate_limit = 1'000;
  ConnectionLimits limits(config);
  std::atomic<int> clients{0};
  std::atomic<int> users{0};
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5'000; ++i) {
        if (limits.TakeConnection(kSecond)) ++passed;
        if (limits.TakeClient()) {
          EXPECT_LE(++clients, 3);
          --clients;
          limits.GiveClient();
        }
        if (limits.TakeUser("ann")) {
          EXPECT_LE(++users, 2);
          --users;
          limits.GiveUser("ann");
        }
        if (limits.TakeAddress(V4(1), kSecond) == Address::kTaken) limits.GiveAddress(V4(1));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(passed, 1'000);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(limits.TakeUser("ann"));
    EXPECT_EQ(limits.TakeAddress(V4(1), kSecond), Address::kTaken);
  }
  EXPECT_FALSE(limits.TakeUser("ann"));
}

TEST(ConnectionLimitsDeathTest, WhatWasNotTakenIsNotGivenBack) {
  engine::ClientConfig config;
  config.user_connection_limit = 1;
  config.address_connection_limit = 1;
  ConnectionLimits limits(config);
  EXPECT_DEATH(limits.GiveUser("ann"), "not taken");
  EXPECT_DEATH(limits.GiveAddress(V4(1)), "not taken");
}

}  // namespace
}  // namespace tickcast::shards
