#include "shards/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kTtlNs = 1000;
constexpr std::size_t kMany = 1000;

// Offsets `first` to `last`, appended at time 0 with room for `size`.
History HistoryOf(std::uint64_t first, std::uint64_t last, std::size_t size = kMany) {
  History history;
  for (std::uint64_t i = first; i <= last; ++i) {
    history.Append(SealedOf("room:1", "1", i, i), size, 0, kTtlNs);
  }
  return history;
}

std::vector<std::uint64_t> After(const History& history, std::uint64_t offset, std::size_t limit) {
  std::vector<PublicationRef> out;
  history.After(offset, limit, out);
  return OffsetsOf(out);
}

std::vector<std::uint64_t> Before(const History& history, std::uint64_t offset, std::size_t limit) {
  std::vector<PublicationRef> out;
  history.Before(offset, limit, out);
  return OffsetsOf(out);
}

TEST(HistoryTest, KeepsTheNewestUpToItsSize) {
  EXPECT_EQ(HistoryOf(1, 3, 3).size(), 3u);
  const History full = HistoryOf(1, 4, 3);
  EXPECT_THAT(After(full, 0, kMany), ElementsAre(2, 3, 4));
  EXPECT_TRUE(HistoryOf(1, 4, 0).empty());
}

TEST(HistoryTest, SmallerSizeShedsAllThatIsTooMuch) {
  History history = HistoryOf(1, 10);
  history.Append(SealedOf("room:1", "1", 11, 11), 2, 0, kTtlNs);
  EXPECT_THAT(After(history, 0, kMany), ElementsAre(10, 11));
}

TEST(HistoryTest, ExpiresWholeAfterItsNewest) {
  History history = HistoryOf(1, 2);
  history.Append(SealedOf("room:1", "1", 3, 3), kMany, 500, kTtlNs);
  history.Expire(1000);  // The first two are as old as the bound; the newest is not.
  EXPECT_EQ(history.size(), 3u);
  history.Expire(1499);
  EXPECT_EQ(history.size(), 3u);
  history.Expire(1500);
  EXPECT_TRUE(history.empty());
  history.Expire(1501);
  EXPECT_TRUE(history.empty());
}

// Whoever looks in between expires what is too old; whether somebody did may not matter.
TEST(HistoryTest, APublicationDoesNotReviveWhatHasExpired) {
  History history = HistoryOf(1, 2);
  history.Append(SealedOf("room:1", "1", 3, 3), kMany, kTtlNs, kTtlNs);
  EXPECT_THAT(After(history, 0, kMany), ElementsAre(3));
}

TEST(HistoryTest, StartsAnewAfterItExpired) {
  History history = HistoryOf(1, 2);
  history.Expire(kTtlNs);
  history.Append(SealedOf("room:1", "1", 3, 3), kMany, kTtlNs, kTtlNs);
  EXPECT_THAT(After(history, 0, kMany), ElementsAre(3));
  history.Expire(2 * kTtlNs - 1);
  EXPECT_EQ(history.size(), 1u);
}

TEST(HistoryTest, AllAfterGivesAllOrNothing) {
  const History history = HistoryOf(5, 9);
  struct Case {
    std::uint64_t offset;
    std::uint64_t top;
    std::size_t limit;
    bool all;
    std::vector<std::uint64_t> offsets;
  };
  const Case cases[] = {
      {4, 9, kMany, true, {5, 6, 7, 8, 9}},
      {3, 9, kMany, false, {}},  // 4 is gone.
      {0, 9, kMany, false, {}},
      {8, 9, kMany, true, {9}},
      {9, 9, kMany, true, {}},
      {9, 9, 0, true, {}},        // Nothing was missed, so no limit is passed.
      {10, 9, kMany, false, {}},  // A position that was never given.
      {~std::uint64_t{0}, 9, kMany, false, {}},
      {6, 9, 3, true, {7, 8, 9}},
      {6, 9, 2, false, {}},
      {8, 10, kMany, false, {}},  // 10 was published, and is not here.
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(testing::Message() << each.offset << " of " << each.top << " by " << each.limit);
    std::vector<PublicationRef> out;
    EXPECT_EQ(history.AllAfter(each.offset, each.top, each.limit, out), each.all);
    EXPECT_EQ(OffsetsOf(out), each.offsets);
  }
}

TEST(HistoryTest, AllAfterAppends) {
  const History history = HistoryOf(1, 2);
  std::vector<PublicationRef> out = {SealedOf("room:1", "1", 9, 9)};
  EXPECT_TRUE(history.AllAfter(0, 2, kMany, out));
  EXPECT_THAT(OffsetsOf(out), ElementsAre(9, 1, 2));
}

TEST(HistoryTest, AnEmptyOneCanGiveOnlyNothing) {
  const History history;
  std::vector<PublicationRef> out;
  EXPECT_TRUE(history.AllAfter(0, 0, kMany, out));
  EXPECT_TRUE(history.AllAfter(7, 7, kMany, out));
  EXPECT_FALSE(history.AllAfter(6, 7, kMany, out));
  EXPECT_THAT(After(history, 0, kMany), IsEmpty());
  EXPECT_THAT(Before(history, 10, kMany), IsEmpty());
  EXPECT_THAT(out, IsEmpty());
}

TEST(HistoryTest, AfterGivesTheOldestFirstFromAnyOffset) {
  const History history = HistoryOf(5, 9);
  EXPECT_THAT(After(history, 0, kMany), ElementsAre(5, 6, 7, 8, 9));
  EXPECT_THAT(After(history, 0, 2), ElementsAre(5, 6));
  EXPECT_THAT(After(history, 0, 0), IsEmpty());
  EXPECT_THAT(After(history, 4, kMany), ElementsAre(5, 6, 7, 8, 9));
  EXPECT_THAT(After(history, 5, kMany), ElementsAre(6, 7, 8, 9));
  EXPECT_THAT(After(history, 8, kMany), ElementsAre(9));
  EXPECT_THAT(After(history, 9, kMany), IsEmpty());
  EXPECT_THAT(After(history, ~std::uint64_t{0}, kMany), IsEmpty());
}

TEST(HistoryTest, BeforeGivesTheNewestFirstFromAnOffsetThatIsThere) {
  const History history = HistoryOf(5, 9);
  EXPECT_THAT(Before(history, 10, kMany), ElementsAre(9, 8, 7, 6, 5));
  EXPECT_THAT(Before(history, 10, 2), ElementsAre(9, 8));
  // The one right before is not there (yet).
  EXPECT_THAT(Before(history, 11, kMany), IsEmpty());
  EXPECT_THAT(Before(history, ~std::uint64_t{0}, kMany), IsEmpty());
  EXPECT_THAT(Before(history, 9, kMany), ElementsAre(8, 7, 6, 5));
  EXPECT_THAT(Before(history, 6, kMany), ElementsAre(5));
  EXPECT_THAT(Before(history, 5, kMany), IsEmpty());
  EXPECT_THAT(Before(history, 1, kMany), IsEmpty());
  EXPECT_THAT(Before(history, 0, kMany), IsEmpty());
  EXPECT_THAT(Before(history, 10, 0), IsEmpty());
}

#ifndef NDEBUG
TEST(HistoryDeathTest, OffsetsHaveNoHole) {
  History history = HistoryOf(1, 2);
  EXPECT_DEATH(history.Append(SealedOf("room:1", "1", 4, 4), kMany, 0, kTtlNs), "no holes");
}
#endif

}  // namespace
}  // namespace tickcast::shards
