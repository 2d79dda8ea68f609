#include "shards/idempotent_results.h"

#include <gtest/gtest.h>

namespace tickcast::shards {
namespace {

TEST(IdempotentResultsTest, AResultIsFoundUntilItExpires) {
  IdempotentResults results;
  EXPECT_EQ(results.Find("c", "k", 10), nullptr);
  results.Keep("c", "k", {7, "epoch"}, 10);
  const auto* found = results.Find("c", "k", 10 + IdempotentResults::kKeptNs - 1);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->offset, 7u);
  EXPECT_EQ(found->epoch, "epoch");
  EXPECT_EQ(results.Find("c", "k", 10 + IdempotentResults::kKeptNs), nullptr);
  EXPECT_EQ(results.size(), 0u);
  EXPECT_EQ(results.size_bytes(), 0u);
  EXPECT_EQ(results.forgotten(), 0u);
}

TEST(IdempotentResultsTest, NoChannelMeetsTheKeysOfAnother) {
  IdempotentResults results;
  results.Keep("ab", "c", {1, ""}, 0);
  EXPECT_EQ(results.Find("a", "bc", 0), nullptr);
  EXPECT_EQ(results.Find("a", "b:c", 0), nullptr);
  EXPECT_EQ(results.Find("", "abc", 0), nullptr);
  EXPECT_NE(results.Find("ab", "c", 0), nullptr);
}

TEST(IdempotentResultsTest, ExpireTakesTheOldOnesOnly) {
  IdempotentResults results;
  results.Keep("c", "1", {}, 0);
  results.Keep("c", "2", {}, 5);
  results.Expire(IdempotentResults::kKeptNs + 4);
  EXPECT_EQ(results.size(), 1u);
  EXPECT_NE(results.Find("c", "2", IdempotentResults::kKeptNs + 4), nullptr);
}

TEST(IdempotentResultsTest, ItsMemoryIsBounded) {
  IdempotentResults results(4096);
  for (int i = 0; i < 1000; ++i) {
    results.Keep("c", std::to_string(i), {}, 0);
    EXPECT_LE(results.size_bytes(), 4096u);
  }
  EXPECT_GT(results.size(), 10u);
  EXPECT_EQ(results.forgotten() + results.size(), 1000u);
  EXPECT_NE(results.Find("c", "999", 0), nullptr);
  EXPECT_EQ(results.Find("c", "0", 0), nullptr);
  results.Keep("c", std::string(5000, 'x'), {}, 0);
  EXPECT_EQ(results.size(), 0u);
}

}  // namespace
}  // namespace tickcast::shards
