#include "shards/polled_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tickcast::shards {
namespace {

using engine::SharedPollMode;
using protocol::ProxyPolledValue;
using testing::ElementsAre;
using testing::IsEmpty;
using News = PolledKeys::News;

class PolledKeysTest : public testing::Test {
 protected:
  News Take(PolledKeys& keys, ProxyPolledValue value) {
    version_ = 0;
    return keys.Take(value, counter_, version_);
  }

  std::uint64_t counter_ = 100;
  std::uint64_t version_ = 0;
};

TEST_F(PolledKeysTest, KeysAreThereOnce) {
  PolledKeys keys(SharedPollMode::kVersionless);
  EXPECT_TRUE(keys.empty());
  EXPECT_TRUE(keys.Add("a"));
  EXPECT_FALSE(keys.Add("a"));
  EXPECT_TRUE(keys.Add("b"));
  EXPECT_EQ(keys.size(), 2u);
  EXPECT_TRUE(keys.Remove("a"));
  EXPECT_FALSE(keys.Remove("a"));
  EXPECT_FALSE(keys.Has("a"));
  EXPECT_TRUE(keys.Has("b"));
}

TEST_F(PolledKeysTest, WithoutVersionsWhatDiffersIsNews) {
  PolledKeys keys(SharedPollMode::kVersionless);
  keys.Add("a");
  keys.Add("b");
  EXPECT_EQ(Take(keys, {.key = "a", .data = "1"}), News::kValue);
  EXPECT_EQ(version_, 101u);
  EXPECT_EQ(Take(keys, {.key = "a", .data = "1"}), News::kUnchanged);
  EXPECT_EQ(Take(keys, {.key = "b", .data = "1"}), News::kValue);
  EXPECT_EQ(version_, 102u);
  EXPECT_EQ(Take(keys, {.key = "a", .data = "2"}), News::kValue);
  EXPECT_EQ(version_, 103u);
  EXPECT_EQ(Take(keys, {.key = "a", .data = "1"}), News::kValue) << "back to what it was";
  EXPECT_EQ(version_, 104u);
  EXPECT_EQ(Take(keys, {.key = "a"}), News::kValue) << "nothing is a value too";
  EXPECT_EQ(Take(keys, {.key = "a"}), News::kUnchanged);
  EXPECT_EQ(keys.Asked("a").version, 0u) << "the backend knows of none";
  EXPECT_EQ(Take(keys, {.key = "c", .data = "1"}), News::kUnknown);
}

TEST_F(PolledKeysTest, AKeyThatComesBackIsNewsWithAHigherVersion) {
  PolledKeys keys(SharedPollMode::kVersionless);
  keys.Add("a");
  EXPECT_EQ(Take(keys, {.key = "a", .data = "1"}), News::kValue);
  keys.Remove("a");
  keys.Add("a");
  EXPECT_EQ(Take(keys, {.key = "a", .data = "1"}), News::kValue);
  EXPECT_EQ(version_, 102u);
}

TEST_F(PolledKeysTest, WithVersionsOnlyANewerOneIsNews) {
  PolledKeys keys(SharedPollMode::kVersioned);
  keys.Add("a");
  EXPECT_EQ(keys.Asked("a").version, 0u);
  EXPECT_EQ(Take(keys, {.key = "a", .data = "1"}), News::kUnchanged) << "0 is no version";
  EXPECT_EQ(Take(keys, {.key = "a", .data = "1", .version = 7}), News::kValue);
  EXPECT_EQ(version_, 7u);
  EXPECT_EQ(keys.Asked("a").version, 7u);
  EXPECT_EQ(Take(keys, {.key = "a", .data = "2", .version = 7}), News::kUnchanged);
  EXPECT_EQ(Take(keys, {.key = "a", .data = "2", .version = 6}), News::kUnchanged);
  EXPECT_EQ(Take(keys, {.key = "a", .data = "1", .version = 8}), News::kValue);
  EXPECT_EQ(counter_, 100u);
}

TEST_F(PolledKeysTest, AnotherEpochForgetsTheVersions) {
  PolledKeys keys(SharedPollMode::kVersioned);
  keys.Add("a");
  EXPECT_FALSE(keys.Flip(""));
  Take(keys, {.key = "a", .data = "1", .version = 7});
  EXPECT_TRUE(keys.Flip("e1"));
  EXPECT_FALSE(keys.Flip("e1"));
  EXPECT_EQ(keys.epoch(), "e1");
  EXPECT_EQ(keys.Asked("a").version, 0u);
  EXPECT_EQ(Take(keys, {.key = "a", .data = "1", .version = 2}), News::kValue);

  PolledKeys versionless(SharedPollMode::kVersionless);
  EXPECT_FALSE(versionless.Flip("e1"));
  EXPECT_EQ(versionless.epoch(), "");
}

TEST_F(PolledKeysTest, WhatIsRemovedIsForgotten) {
  PolledKeys keys(SharedPollMode::kVersioned);
  keys.Add("a");
  EXPECT_EQ(Take(keys, {.key = "b", .removed = true}), News::kUnknown);
  EXPECT_EQ(Take(keys, {.key = "a", .data = "1", .version = 7, .removed = true}), News::kRemoved);
  EXPECT_TRUE(keys.empty());
  EXPECT_EQ(Take(keys, {.key = "a", .removed = true}), News::kUnknown);
}

TEST_F(PolledKeysTest, ARoundHasAllKeysButThosePublishedSinceTheLast) {
  PolledKeys keys(SharedPollMode::kVersioned);
  for (const char* key : {"c", "a", "b"}) keys.Add(key);
  EXPECT_THAT(keys.TakeRound(), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(keys.TakePublished("b", 5));
  EXPECT_FALSE(keys.TakePublished("b", 5));
  EXPECT_FALSE(keys.TakePublished("b", 4));
  EXPECT_FALSE(keys.TakePublished("d", 5));
  EXPECT_THAT(keys.TakeRound(), ElementsAre("a", "c"));
  EXPECT_THAT(keys.TakeRound(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(Take(keys, {.key = "b", .data = "old", .version = 4}), News::kUnchanged);
  EXPECT_EQ(Take(keys, {.key = "b", .data = "new", .version = 6}), News::kValue);
  EXPECT_THAT(PolledKeys(SharedPollMode::kVersioned).TakeRound(), IsEmpty());
}

}  // namespace
}  // namespace tickcast::shards
