#include "shards/session_key.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

namespace tickcast::shards {
namespace {

TEST(SessionKeyTest, SaysWhereItsConnectionIs) {
  for (const SessionAddress address :
       {SessionAddress{}, SessionAddress{.shard = 3, .slot = 99'999, .generation = 0xffffff},
        SessionAddress{.shard = std::numeric_limits<ShardId>::max(),
        .slot = 0xffff'ffff,
        .generation = 0xffff'ffff}}) {
    const std::string key = NewSessionKey(address);
    EXPECT_EQ(key.size(), 56u);
    EXPECT_EQ(AddressOf(key), address);
  }
}

TEST(SessionKeyTest, NoTwoAreTheSame) {
  std::set<std::string> keys;
  for (int i = 0; i < 1000; ++i) keys.insert(NewSessionKey({.shard = 1, .slot = 2}));
  EXPECT_EQ(keys.size(), 1000u);
}

// Where a key is cut, or a digit is none, it is nobody's.
TEST(SessionKeyTest, WhatIsNoKeyHasNoAddress) {
  const std::string key = NewSessionKey({.shard = 1, .slot = 2, .generation = 3});
  for (std::size_t size = 0; size < key.size(); ++size) {
    EXPECT_FALSE(AddressOf(std::string_view(key).substr(0, size))) << size;
  }
  EXPECT_FALSE(AddressOf(key + "0"));
  for (std::size_t i = 0; i < 24; ++i) {
    for (const char wrong : {'g', '-', ' ', '+', '\0'}) {
      std::string bad = key;
      bad[i] = wrong;
      EXPECT_FALSE(AddressOf(bad)) << i << wrong;
    }
  }
  std::string far = key;
  far.replace(0, 8, "00010000");  // One more than a shard can be.
  EXPECT_FALSE(AddressOf(far));
}

TEST(SessionKeyTest, ComparesEveryByte) {
  const std::string key = NewSessionKey({});
  EXPECT_TRUE(SameKey(key, key));
  EXPECT_TRUE(SameKey("", ""));
  EXPECT_FALSE(SameKey(key, ""));
  EXPECT_FALSE(SameKey(key, key + "0"));
  for (std::size_t i = 0; i < key.size(); ++i) {
    std::string other = key;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(SameKey(key, other)) << i;
  }
}

}  // namespace
}  // namespace tickcast::shards
