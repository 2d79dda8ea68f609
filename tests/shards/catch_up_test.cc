#include "shards/catch_up.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

CatchUp CatchUpOf(std::uint64_t first, std::uint64_t last) {
  CatchUp catch_up;
  for (std::uint64_t i = first; i <= last; ++i) catch_up.Append(SealedOf("room:1", "1", i), i);
  return catch_up;
}

// All publications of these tests cost the same.
std::size_t CostBytes() { return SealedOf("room:1", "1", 1)->footprint_bytes(); }

TEST(CatchUpTest, FindsWhatItHoldsAndNothingElse) {
  const CatchUp catch_up = CatchUpOf(5, 9);
  EXPECT_EQ(catch_up.first_sequence(), 5u);
  EXPECT_EQ(catch_up.size(), 5u);
  for (std::uint64_t i = 5; i <= 9; ++i) {
    ASSERT_NE(catch_up.Find(i), nullptr) << i;
    EXPECT_EQ(catch_up.Find(i)->sequence(), i);
  }
  for (const std::uint64_t absent :
       {std::uint64_t{0}, std::uint64_t{4}, std::uint64_t{10}, ~std::uint64_t{0}}) {
    EXPECT_EQ(catch_up.Find(absent), nullptr) << absent;
  }
}

TEST(CatchUpTest, AnEmptyOneFindsNothing) {
  const CatchUp catch_up;
  EXPECT_EQ(catch_up.first_sequence(), 0u);
  EXPECT_EQ(catch_up.Find(0), nullptr);
  EXPECT_EQ(catch_up.Find(1), nullptr);
  EXPECT_EQ(catch_up.footprint_bytes(), 0u);
}

TEST(CatchUpTest, TrimKeepsWhatFitsExactly) {
  CatchUp catch_up = CatchUpOf(1, 10);
  ASSERT_EQ(catch_up.footprint_bytes(), 10 * CostBytes());
  catch_up.Trim(10 * CostBytes(), 10);
  EXPECT_EQ(catch_up.size(), 10u);
  catch_up.Trim(10 * CostBytes() - 1, 10);
  EXPECT_EQ(catch_up.size(), 9u);
  EXPECT_EQ(catch_up.first_sequence(), 2u);
  EXPECT_EQ(catch_up.Find(1), nullptr);
  catch_up.Trim(3 * CostBytes(), 10);
  EXPECT_EQ(catch_up.first_sequence(), 8u);
  EXPECT_EQ(catch_up.footprint_bytes(), 3 * CostBytes());
}

TEST(CatchUpTest, TrimNeverDropsWhatWasNotFlushed) {
  CatchUp catch_up = CatchUpOf(1, 10);
  catch_up.Trim(0, 0);
  EXPECT_EQ(catch_up.size(), 10u);
  catch_up.Trim(0, 6);
  EXPECT_EQ(catch_up.first_sequence(), 7u);
  EXPECT_EQ(catch_up.size(), 4u);
  catch_up.Trim(0, 6);
  EXPECT_EQ(catch_up.size(), 4u);
  catch_up.Trim(0, 10);
  EXPECT_EQ(catch_up.size(), 0u);
  EXPECT_EQ(catch_up.first_sequence(), 0u);
  EXPECT_EQ(catch_up.footprint_bytes(), 0u);
}

TEST(CatchUpTest, GoesOnAfterItWasEmptied) {
  CatchUp catch_up = CatchUpOf(1, 3);
  catch_up.Trim(0, 3);
  catch_up.Append(SealedOf("room:1", "1", 9), 9);  // The channel lived on without subscribers here.
  EXPECT_EQ(catch_up.first_sequence(), 9u);
  ASSERT_NE(catch_up.Find(9), nullptr);
  EXPECT_EQ(catch_up.Find(3), nullptr);
}

// The memory behind it is moved down now and then; nothing may be lost or found twice by that.
TEST(CatchUpTest, SlidesForALongTime) {
  constexpr std::uint64_t kKept = 7;
  CatchUp catch_up;
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    catch_up.Append(SealedOf("room:1", "1", i), i);
    catch_up.Trim(kKept * CostBytes(), i);
    const std::uint64_t first = i < kKept ? 1 : i - kKept + 1;
    ASSERT_EQ(catch_up.first_sequence(), first);
    ASSERT_EQ(catch_up.size(), i - first + 1);
    ASSERT_EQ(catch_up.footprint_bytes(), catch_up.size() * CostBytes());
    for (std::uint64_t each = first; each <= i; ++each) {
      ASSERT_EQ(catch_up.Find(each)->sequence(), each);
    }
    ASSERT_EQ(catch_up.Find(first - 1), nullptr);
  }
}

// A state channel's publications may be replaced on their way here.
TEST(CatchUpTest, AHoleEndsWhatWasBeforeIt) {
  CatchUp catch_up = CatchUpOf(1, 3);
  catch_up.Append(SealedOf("room:1", "1", 5), 5);
  EXPECT_EQ(catch_up.first_sequence(), 5u);
  EXPECT_EQ(catch_up.size(), 1u);
  EXPECT_EQ(catch_up.footprint_bytes(), CostBytes());
  for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_EQ(catch_up.Find(i), nullptr) << i;
  EXPECT_NE(catch_up.Find(5), nullptr);
}

// With a filter a channel counts by itself.
TEST(CatchUpTest, TheCountIsTheChannelsOwn) {
  CatchUp catch_up;
  catch_up.Append(SealedOf("room:1", "1", 70), 1);
  catch_up.Append(SealedOf("room:1", "1", 90), 2);
  EXPECT_EQ(catch_up.first_sequence(), 1u);
  EXPECT_EQ(catch_up.Find(2)->sequence(), 90u);
  EXPECT_EQ(catch_up.Find(90), nullptr);
}

}  // namespace
}  // namespace tickcast::shards
