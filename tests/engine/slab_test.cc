#include "engine/slab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace tickcast::engine {
namespace {

struct Pair {
  int left;
  std::unique_ptr<int> right;
};

TEST(SlabTest, AHandleFindsItsObjectUntilItIsFreed) {
  Slab<std::string> slab;
  const Handle handle = slab.Allocate("first");
  ASSERT_NE(slab.Find(handle), nullptr);
  EXPECT_EQ(*slab.Find(handle), "first");
  EXPECT_EQ(slab.handle(handle.index), handle);
  slab.Free(handle);
  EXPECT_EQ(slab.Find(handle), nullptr);
  EXPECT_EQ(slab.size(), 0u);
}

TEST(SlabTest, TheNextTenantOfAnIndexIsNotFoundByTheFormerHandle) {
  Slab<int> slab;
  const Handle former = slab.Allocate(1);
  slab.Free(former);
  const Handle next = slab.Allocate(2);
  EXPECT_EQ(next.index, former.index);
  EXPECT_NE(next.generation, former.generation);
  EXPECT_EQ(slab.Find(former), nullptr);
  EXPECT_EQ(*slab.Find(next), 2);
}

TEST(SlabTest, ADefaultHandleFindsNothing) {
  Slab<int> slab;
  EXPECT_EQ(slab.Find(Handle{}), nullptr);
  slab.Allocate(1);
  EXPECT_EQ(slab.Find(Handle{}), nullptr);
}

TEST(SlabTest, TheIndexFreedLastIsUsedFirstAndNewOnesAreDense) {
  Slab<int> slab;
  std::vector<Handle> handles;
  for (int i = 0; i < 5; ++i) handles.push_back(slab.Allocate(i));
  EXPECT_EQ(handles[4].index, 4u);
  slab.Free(handles[1].index);
  slab.Free(handles[3].index);
  EXPECT_EQ(slab.Allocate(10).index, 3u);
  EXPECT_EQ(slab.Allocate(11).index, 1u);
  EXPECT_EQ(slab.Allocate(12).index, 5u);
}

TEST(SlabTest, AddressesStayWhileTheSlabGrows) {
  Slab<Pair> slab;
  const Handle first = slab.Allocate(1, std::make_unique<int>(7));
  const Pair* const address = slab.Find(first);
  for (int i = 0; i < 10'000; ++i) slab.Allocate(i, nullptr);
  EXPECT_EQ(slab.Find(first), address);
  EXPECT_EQ(*slab[first.index].right, 7);
  EXPECT_EQ(slab.size(), 10'001u);
  EXPECT_GE(slab.capacity(), slab.size());
}

TEST(SlabTest, FreedRoomIsUsedAgainInsteadOfGrowing) {
  Slab<int> slab;
  std::vector<Handle> handles;
  for (int i = 0; i < 1000; ++i) handles.push_back(slab.Allocate(i));
  const std::uint32_t capacity = slab.capacity();
  for (int round = 0; round < 10; ++round) {
    for (Handle& handle : handles) slab.Free(handle);
    for (Handle& handle : handles) handle = slab.Allocate(round);
  }
  EXPECT_EQ(slab.capacity(), capacity);
}

TEST(SlabTest, WhatIsLeftIsDestroyedWithTheSlab) {
  const auto witness = std::make_shared<int>(1);
  {
    Slab<std::shared_ptr<int>> slab;
    const Handle freed = slab.Allocate(witness);
    slab.Allocate(witness);
    slab.Allocate(witness);
    slab.Free(freed);
    EXPECT_EQ(witness.use_count(), 3);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(SlabDeathTest, AStaleHandleCannotFree) {
  Slab<int> slab;
  const Handle handle = slab.Allocate(1);
  slab.Free(handle);
  EXPECT_DEATH(slab.Free(handle), "a stale handle frees nothing");
  EXPECT_DEATH(slab.Free(handle.index), "only what lives can be erased");
}

TEST(SlotTableTest, ASlotKeepsCountOfItsTenants) {
  SlotTable<int> table;
  EXPECT_EQ(table.generation(700), 1u);
  EXPECT_EQ(table.capacity(), 0u);
  EXPECT_EQ(table.Emplace(700, 5), 5);
  EXPECT_EQ(table.generation(700), 1u);
  EXPECT_EQ(*table.Find(700), 5);
  EXPECT_EQ(*table.Find(700, 1), 5);
  EXPECT_EQ(table.Find(700, 2), nullptr);
  table.Erase(700);
  EXPECT_EQ(table.Find(700), nullptr);
  EXPECT_EQ(table.Find(700, 1), nullptr);
  EXPECT_EQ(table.generation(700), 2u);
  table.Emplace(700, 6);
  EXPECT_EQ(table.Find(700, 1), nullptr);
  EXPECT_EQ(*table.Find(700, 2), 6);
}

TEST(SlotTableTest, MemoryIsHeldOnlyForChunksInUse) {
  SlotTable<int> table;
  table.Emplace(19'999, 1);
  EXPECT_EQ(table.capacity(), 256u);
  EXPECT_EQ(table.Find(0), nullptr);
  EXPECT_EQ(table.Find(20'000'000), nullptr);
  EXPECT_EQ(table.generation(20'000'000), 1u);
}

// The generation travels in 24 bits of a token, and 0 stands for nobody.
TEST(SlotTableTest, GenerationsWrapIn24BitsPastZero) {
  SlotTable<char> table;
  for (std::uint32_t i = 1; i < Token::kGenerationMask; ++i) {
    table.Emplace(0, 'x');
    table.Erase(0);
  }
  EXPECT_EQ(table.generation(0), Token::kGenerationMask);
  table.Emplace(0, 'y');
  EXPECT_EQ(*table.Find(0, Token::kGenerationMask), 'y');
  table.Erase(0);
  EXPECT_EQ(table.generation(0), 1u);
}

TEST(SlotTableTest, ForEachVisitsByRisingIndexAndMayErase) {
  SlotTable<int> table;
  for (const std::uint32_t slot : {900u, 3u, 255u, 256u}) {
    table.Emplace(slot, static_cast<int>(slot));
  }
  std::vector<std::uint32_t> seen;
  table.ForEach([&](std::uint32_t slot, int& value) {
    EXPECT_EQ(static_cast<int>(slot), value);
    seen.push_back(slot);
    if (slot == 3) table.Erase(255);
  });
  EXPECT_THAT(seen, testing::ElementsAre(3, 256, 900));
}

struct LooksItselfUp {
  ~LooksItselfUp() { *found = table->Find(9) != nullptr; }
  SlotTable<LooksItselfUp>* table;
  bool* found;
};

TEST(SlotTableTest, AnObjectIsNotFoundWhileItIsDestroyed) {
  SlotTable<LooksItselfUp> table;
  bool found = true;
  table.Emplace(9, &table, &found);
  table.Erase(9);
  EXPECT_FALSE(found);
}

TEST(SlotTableDeathTest, ASlotHasOneTenant) {
  SlotTable<int> table;
  table.Emplace(1, 1);
  EXPECT_DEATH(table.Emplace(1, 2), "one tenant at a time");
}

}  // namespace
}  // namespace tickcast::engine
