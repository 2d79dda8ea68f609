#include "shards/memory_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace tickcast::shards {
namespace {

constexpr std::size_t kBudget = 1000;

TEST(MemoryBudgetTest, WithoutABudgetNothingIsEverShed) {
  MemoryBudget memory(0);
  EXPECT_EQ(memory.Update(~std::size_t{0} / 200), Shed::kNothing);
  EXPECT_EQ(memory.ExcessOf(1'000'000'000), 0u);
}

TEST(MemoryBudgetTest, EachStepBeginsAtItsMark) {
  struct Case {
    std::size_t used;
    Shed shed;
  };
  for (const Case& want : std::vector<Case>{{0, Shed::kNothing},
                                            {799, Shed::kNothing},
                                            {800, Shed::kHistory},
                                            {899, Shed::kHistory},
                                            {900, Shed::kConflate},
                                            {949, Shed::kConflate},
                                            {950, Shed::kRefuse},
                                            {999, Shed::kRefuse},
                                            {1000, Shed::kSlowest},
                                            {1'000'000, Shed::kSlowest}}) {
    MemoryBudget memory(kBudget);
    EXPECT_EQ(memory.Update(want.used), want.shed) << want.used;
    EXPECT_EQ(memory.shed(), want.shed);
  }
}

TEST(MemoryBudgetTest, AStepEndsFivePercentBelowItsMark) {
  MemoryBudget memory(kBudget);
  ASSERT_EQ(memory.Update(1000), Shed::kSlowest);
  EXPECT_EQ(memory.Update(950), Shed::kSlowest);
  EXPECT_EQ(memory.Update(949), Shed::kRefuse);
  EXPECT_EQ(memory.Update(950), Shed::kRefuse) << "a step begins at its mark again";
  EXPECT_EQ(memory.Update(900), Shed::kRefuse);
  EXPECT_EQ(memory.Update(899), Shed::kConflate);
  EXPECT_EQ(memory.Update(850), Shed::kConflate);
  EXPECT_EQ(memory.Update(849), Shed::kHistory);
  EXPECT_EQ(memory.Update(750), Shed::kHistory);
  EXPECT_EQ(memory.Update(749), Shed::kNothing);
  EXPECT_EQ(memory.Update(799), Shed::kNothing);
}

TEST(MemoryBudgetTest, SeveralStepsMayBeTakenOrLeftAtOnce) {
  MemoryBudget memory(kBudget);
  EXPECT_EQ(memory.Update(960), Shed::kRefuse);
  EXPECT_EQ(memory.Update(100), Shed::kNothing);
  EXPECT_EQ(memory.Update(920), Shed::kConflate);
}

// Coming and going around a mark does not turn a step on and off.
TEST(MemoryBudgetTest, NoStepFlaps) {
  for (const std::size_t mark : {800, 900, 950, 1000}) {
    MemoryBudget memory(kBudget);
    memory.Update(mark);
    const Shed shed = memory.shed();
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(memory.Update(mark - 49 + static_cast<std::size_t>(i % 2) * 48), shed) << mark;
    }
  }
}

TEST(MemoryBudgetTest, TheExcessIsWhatIsAboveTheBudget) {
  const MemoryBudget memory(kBudget);
  EXPECT_EQ(memory.ExcessOf(0), 0u);
  EXPECT_EQ(memory.ExcessOf(1000), 0u);
  EXPECT_EQ(memory.ExcessOf(1001), 1u);
  EXPECT_EQ(memory.ExcessOf(5000), 4000u);
}

TEST(MemoryBudgetTest, EveryUseCounts) {
  const MemoryUse use{.connections = 1,
                      .subscriptions = 20,
                      .unsent = 300,
                      .replies = 4000,
                      .catch_up = 50'000,
                      .history = 600'000};
  EXPECT_EQ(use.total(), 654'321u);
}

}  // namespace
}  // namespace tickcast::shards
