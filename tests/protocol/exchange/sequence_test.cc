#include "protocol/exchange/sequence.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>

namespace tickcast::protocol {
namespace {

using Verdict = SequenceVerdict;

BookEvent Delta(std::uint64_t first, std::uint64_t last,
                std::optional<std::uint64_t> previous = std::nullopt) {
  BookEvent event;
  event.first_sequence = first;
  event.last_sequence = last;
  event.previous_sequence = previous;
  return event;
}

TradeEvent Trade(std::optional<std::uint64_t> id) {
  TradeEvent event;
  event.id_number = id;
  return event;
}

TEST(SequenceTrackerTest, KucoinDeltasMayOverlapButNotSkip) {
  SequenceTracker tracker(SequenceRule::kOverlapping);
  EXPECT_EQ(tracker.Check(Delta(10, 12)), Verdict::kContiguous);
  EXPECT_EQ(tracker.Check(Delta(13, 13)), Verdict::kContiguous);
  EXPECT_EQ(tracker.Check(Delta(12, 15)), Verdict::kContiguous);
  EXPECT_EQ(tracker.Check(Delta(14, 15)), Verdict::kStale);
  EXPECT_EQ(tracker.Check(Delta(17, 18)), Verdict::kGap);
  EXPECT_EQ(tracker.missing(), 1U);
  EXPECT_EQ(tracker.Check(Delta(19, 19)), Verdict::kContiguous) << "one loss is told once";
  EXPECT_EQ(tracker.missing(), 0U);
}

TEST(SequenceTrackerTest, BinanceSpotFollowsExactly) {
  SequenceTracker tracker(SequenceRule::kFirstFollows);
  EXPECT_EQ(tracker.Check(Delta(10, 12)), Verdict::kContiguous);
  EXPECT_EQ(tracker.Check(Delta(13, 20)), Verdict::kContiguous);
  EXPECT_EQ(tracker.Check(Delta(20, 22)), Verdict::kGap) << "an overlap is no continuation";
  EXPECT_EQ(tracker.Check(Delta(24, 25)), Verdict::kGap);
  EXPECT_EQ(tracker.missing(), 1U);
  EXPECT_EQ(tracker.Check(Delta(24, 25)), Verdict::kStale);
}

// docs: drop u <= lastUpdateId; the first kept has U <= lastUpdateId + 1 <= u.
TEST(SequenceTrackerTest, AfterASnapshotTheFirstDeltaMayOverlapIt) {
  SequenceTracker tracker(SequenceRule::kFirstFollows);
  tracker.StartFrom(100);
  EXPECT_EQ(tracker.Check(Delta(90, 100)), Verdict::kStale);
  EXPECT_EQ(tracker.Check(Delta(95, 105)), Verdict::kContiguous);
  EXPECT_EQ(tracker.Check(Delta(104, 107)), Verdict::kGap);
  tracker.StartFrom(200);
  EXPECT_EQ(tracker.Check(Delta(201, 203)), Verdict::kContiguous);
  tracker.StartFrom(300);
  EXPECT_EQ(tracker.Check(Delta(302, 303)), Verdict::kGap);
}

TEST(SequenceTrackerTest, BinanceUsdmNamesThePreviousUpdate) {
  SequenceTracker tracker(SequenceRule::kPreviousNamed);
  EXPECT_EQ(tracker.Check(Delta(10, 50, 9)), Verdict::kContiguous);
  EXPECT_EQ(tracker.Check(Delta(70, 90, 50)), Verdict::kContiguous) << "ids jump there";
  EXPECT_EQ(tracker.Check(Delta(95, 99, 94)), Verdict::kGap);
  EXPECT_EQ(tracker.missing(), 0U);
  EXPECT_EQ(tracker.Check(Delta(100, 110)), Verdict::kGap) << "pu is missing";
  tracker.StartFrom(200);
  EXPECT_EQ(tracker.Check(Delta(190, 210, 180)), Verdict::kContiguous);
  EXPECT_EQ(tracker.Check(Delta(212, 220, 211)), Verdict::kGap);
}

TEST(SequenceTrackerTest, TradesCountByOne) {
  SequenceTracker tracker(SequenceRule::kTradeIds);
  EXPECT_EQ(tracker.Check(Trade(881'613)), Verdict::kContiguous);
  EXPECT_EQ(tracker.Check(Trade(881'613)), Verdict::kStale);
  EXPECT_EQ(tracker.Check(Trade(881'614)), Verdict::kContiguous);
  EXPECT_EQ(tracker.Check(Trade(881'617)), Verdict::kGap);
  EXPECT_EQ(tracker.missing(), 2U);
  EXPECT_EQ(tracker.Check(Trade(std::nullopt)), Verdict::kStale);
  EXPECT_EQ(tracker.last(), 881'617U);
}

TEST(SequenceTrackerTest, WithoutNumbersThereIsNothingToFollow) {
  SequenceTracker tracker(SequenceRule::kOverlapping);
  EXPECT_EQ(tracker.Check(BookEvent{}), Verdict::kStale);
  EXPECT_FALSE(tracker.last());
}

TEST(SequenceTrackerTest, AfterResetTheNextEventIsAFirstOne) {
  SequenceTracker tracker(SequenceRule::kFirstFollows);
  tracker.Check(Delta(10, 12));
  tracker.Reset();
  EXPECT_EQ(tracker.Check(Delta(3, 4)), Verdict::kContiguous);
}

TEST(SequenceTrackerTest, TheHighestNumberDoesNotWrap) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  SequenceTracker tracker(SequenceRule::kOverlapping);
  EXPECT_EQ(tracker.Check(Delta(kMax, kMax)), Verdict::kContiguous);
  EXPECT_EQ(tracker.Check(Delta(0, 0)), Verdict::kStale);
}

}  // namespace
}  // namespace tickcast::protocol
