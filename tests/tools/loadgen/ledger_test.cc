#include "tools/loadgen/ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace tickcast::loadgen {
namespace {

using Arrival = Ledger::Arrival;

// A ledger with one tally.
class Tallied {
 public:
  explicit Tallied(std::size_t subscriptions) : ledger_(subscriptions) {}
  void Begin(std::size_t subscription, std::uint32_t next) { ledger_.Begin(subscription, next); }
  Arrival Record(std::size_t subscription, std::uint32_t number) {
    return ledger_.Record(subscription, number, tally_);
  }
  void Settle(std::size_t subscription, std::uint32_t published) {
    ledger_.Settle(subscription, published, tally_);
  }
  const Ledger::Tally& tally() const { return tally_; }

 private:
  Ledger ledger_;
  Ledger::Tally tally_;
};

void ExpectTally(const Tallied& ledger, std::uint64_t delivered, std::uint64_t missing,
                 std::uint64_t reordered, std::uint64_t duplicate) {
  EXPECT_EQ(ledger.tally().delivered, delivered);
  EXPECT_EQ(ledger.tally().missing, missing);
  EXPECT_EQ(ledger.tally().reordered, reordered);
  EXPECT_EQ(ledger.tally().duplicate, duplicate);
}

TEST(LedgerTest, NumbersInOrderAreDeliveriesAndNothingElse) {
  Tallied ledger(2);
  for (std::uint32_t number = 0; number < 200; ++number) {
    EXPECT_EQ(ledger.Record(0, number), Arrival::kInOrder);
    EXPECT_EQ(ledger.Record(1, number), Arrival::kInOrder);
  }
  ledger.Settle(0, 200);
  ledger.Settle(1, 200);
  ExpectTally(ledger, 400, 0, 0, 0);
}

TEST(LedgerTest, AGapIsMissingUntilItIsFilled) {
  Tallied ledger(1);
  ledger.Record(0, 0);
  EXPECT_EQ(ledger.Record(0, 3), Arrival::kAfterGap);
  ExpectTally(ledger, 2, 2, 0, 0);
  EXPECT_EQ(ledger.Record(0, 2), Arrival::kReordered);
  ExpectTally(ledger, 3, 1, 1, 0);
  EXPECT_EQ(ledger.Record(0, 1), Arrival::kReordered);
  ExpectTally(ledger, 4, 0, 2, 0);
  EXPECT_EQ(ledger.Record(0, 4), Arrival::kInOrder);
}

TEST(LedgerTest, ASecondTimeIsADuplicateAlsoOfAReorderedOne) {
  Tallied ledger(1);
  ledger.Record(0, 0);
  EXPECT_EQ(ledger.Record(0, 0), Arrival::kDuplicate);
  ledger.Record(0, 2);
  ledger.Record(0, 1);
  EXPECT_EQ(ledger.Record(0, 1), Arrival::kDuplicate);
  EXPECT_EQ(ledger.Record(0, 2), Arrival::kDuplicate);
  ExpectTally(ledger, 3, 0, 1, 3);
}

TEST(LedgerTest, TheFirstNumberMayAlreadyFollowAGap) {
  Tallied ledger(1);
  EXPECT_EQ(ledger.Record(0, 5), Arrival::kAfterGap);
  ExpectTally(ledger, 1, 5, 0, 0);
  EXPECT_EQ(ledger.Record(0, 0), Arrival::kReordered);
  ExpectTally(ledger, 2, 4, 1, 0);
}

TEST(LedgerTest, ReorderingIsRecognisedAsFarBackAsTheMemoryGoes) {
  for (const std::uint32_t age : {Ledger::kMemory - 1, Ledger::kMemory}) {
    Tallied ledger(1);
    ledger.Record(0, 999);
    ledger.Record(0, 1000 + age);
    const Arrival arrival = ledger.Record(0, 1000);
    EXPECT_EQ(arrival, age < Ledger::kMemory ? Arrival::kReordered : Arrival::kDuplicate) << age;
  }
}

// A shift by the width of the word is no shift at all on x86; both sides of it are tried.
TEST(LedgerTest, GapsAroundTheMemoryForgetWhatCameBefore) {
  for (const std::uint32_t gap : {Ledger::kMemory - 2, Ledger::kMemory - 1, Ledger::kMemory,
                                  Ledger::kMemory + 1, 3 * Ledger::kMemory}) {
    SCOPED_TRACE(gap);
    Tallied ledger(1);
    ledger.Record(0, 0);
    EXPECT_EQ(ledger.Record(0, gap + 1), Arrival::kAfterGap);
    ExpectTally(ledger, 2, gap, 0, 0);
    EXPECT_EQ(ledger.Record(0, gap), Arrival::kReordered);
    EXPECT_EQ(ledger.Record(0, 0), Arrival::kDuplicate);
  }
}

TEST(LedgerTest, SettlingCountsTheMissingTailOnceAndLateArrivalsStillFillIt) {
  Tallied ledger(1);
  ledger.Record(0, 0);
  ledger.Settle(0, 4);
  ledger.Settle(0, 4);
  ExpectTally(ledger, 1, 3, 0, 0);
  EXPECT_EQ(ledger.Record(0, 2), Arrival::kReordered);
  ExpectTally(ledger, 2, 2, 1, 0);
  EXPECT_EQ(ledger.Record(0, 4), Arrival::kInOrder);
}

TEST(LedgerTest, ANewBeginningExpectsItsOwnNumber) {
  Tallied ledger(1);
  ledger.Record(0, 0);
  ledger.Begin(0, 100);
  EXPECT_EQ(ledger.Record(0, 100), Arrival::kInOrder);
  EXPECT_EQ(ledger.Record(0, 99), Arrival::kDuplicate) << "it was not due to this subscription";
  ExpectTally(ledger, 2, 0, 0, 1);
}

// The books of a faulty channel, kept by hand beside the ledger: they agree, and
// published = delivered + missing.
TEST(LedgerTest, AgreesWithABookKeptByHandOverRandomFaults) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    constexpr std::uint32_t kPublished = 500;
    std::vector<std::uint32_t> arrivals;
    for (std::uint32_t number = 0; number < kPublished; ++number) {
      const std::uint32_t fate = random() % 20;
      if (fate == 0) continue;  // Lost.
      arrivals.push_back(number);
      if (fate == 1) arrivals.push_back(number);
    }
    for (std::size_t i = 0; i + 8 < arrivals.size(); i += 8) {
      if (random() % 4 == 0) std::swap(arrivals[i], arrivals[i + random() % 8]);
    }
    Tallied ledger(1);
    std::map<std::uint32_t, std::uint32_t> book;
    for (const std::uint32_t number : arrivals) {
      ledger.Record(0, number);
      ++book[number];
    }
    ledger.Settle(0, kPublished);
    EXPECT_EQ(ledger.tally().delivered, book.size());
    EXPECT_EQ(ledger.tally().missing, kPublished - book.size());
    EXPECT_EQ(ledger.tally().duplicate, arrivals.size() - book.size());
  }
}

TEST(LedgerTest, AnUnknownBeginningIsWhateverComesFirst) {
  Tallied ledger(1);
  ledger.Begin(0, Ledger::kUnknown);
  ledger.Settle(0, 50);  // Not subscribed yet, as far as anybody knows: nothing was owed.
  ExpectTally(ledger, 0, 0, 0, 0);
  EXPECT_EQ(ledger.Record(0, 70), Arrival::kInOrder);
  EXPECT_EQ(ledger.Record(0, 72), Arrival::kAfterGap);
  EXPECT_EQ(ledger.Record(0, 70), Arrival::kDuplicate);
  ExpectTally(ledger, 2, 1, 0, 1);
}

}  // namespace
}  // namespace tickcast::loadgen
