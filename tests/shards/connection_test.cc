#include "shards/connection.h"

#include <gtest/gtest.h>

namespace tickcast::shards {
namespace {

TEST(ConnectionTableTest, ASlotsNextTenantIsNotItsLast) {
  ConnectionTable table(8);
  EXPECT_EQ(table.slots(), 8u);
  Connection& first = table.Open(7);
  const std::uint32_t old_generation = table.generation(7);
  EXPECT_NE(old_generation, 0u);
  EXPECT_EQ(table.Find(7, old_generation), &first);
  EXPECT_EQ(table.open_count(), 1u);

  table.Close(7);
  EXPECT_EQ(table.Find(7, old_generation), nullptr);
  EXPECT_EQ(table.open_count(), 0u);

  table.Open(7);
  EXPECT_EQ(table.Find(7, old_generation), nullptr);
  EXPECT_NE(table.generation(7), old_generation);
  EXPECT_NE(table.Find(7, table.generation(7)), nullptr);
}

TEST(ConnectionTableTest, VacantSlotsAreFoundByNoGeneration) {
  ConnectionTable table(8);
  table.Open(1);
  EXPECT_EQ(table.Find(0, 0), nullptr);
  EXPECT_EQ(table.Find(0, 1), nullptr);
  EXPECT_EQ(table.Find(1, 0), nullptr);
  EXPECT_EQ(table.generation(0), 0u);
}

TEST(ConnectionTableTest, ATenantFindsNothingOfTheOneBefore) {
  ConnectionTable table(8);
  Connection& first = table.Open(3);
  first.state = Connection::State::kClosing;
  first.subscriptions.push_back({.channel = 9});
  first.session = std::make_unique<Session>();
  table.hot(3).Set(Hot::kBlocked);
  table.hot(3).owed = Hot::kMany;
  table.hot(3).served_turn = 5;
  table.OutboxOf(3).raw = "owed";
  table.Close(3);
  EXPECT_FALSE(table.hot(3).Is(Hot::kOpen));

  const Connection& second = table.Open(3);
  EXPECT_EQ(second.state, Connection::State::kHttp);
  EXPECT_TRUE(second.subscriptions.empty());
  EXPECT_EQ(second.session, nullptr);
  EXPECT_EQ(second.outbox, OutboxPool::kNone);
  EXPECT_TRUE(table.hot(3).Is(Hot::kOpen));
  EXPECT_FALSE(table.hot(3).Is(Hot::kBlocked));
  EXPECT_EQ(table.hot(3).owed, Hot::kNothing);
  EXPECT_EQ(table.hot(3).served_turn, 0u);
  EXPECT_EQ(table.OutboxOf(3).size_bytes(), 0u);
}

TEST(ConnectionTableTest, AnOutboxIsTakenOnceAndGivenBack) {
  ConnectionTable table(8);
  table.Open(0);
  table.Open(1);
  table.OutboxOf(0).raw = "zero";
  table.OutboxOf(1).raw = "one";
  EXPECT_EQ(table.OutboxOf(0).raw, "zero");
  const std::uint32_t outbox = table[0].outbox;
  table.ReturnOutbox(0);
  EXPECT_EQ(table[0].outbox, OutboxPool::kNone);
  table.ReturnOutbox(0);  // It has none: nothing is given back twice.
  EXPECT_EQ(table.OutboxOf(0).size_bytes(), 0u);
  EXPECT_EQ(table[0].outbox, outbox);
  EXPECT_EQ(table.OutboxOf(1).raw, "one");
}

TEST(HotTest, FlagsStandBesideAGenerationOf24Bits) {
  Hot hot{.generation = 0xff'ffff};
  for (const std::uint8_t flag : {Hot::kOpen, Hot::kBlocked, Hot::kBehind, Hot::kReplying}) {
    EXPECT_FALSE(hot.Is(flag));
    hot.Set(flag);
    EXPECT_TRUE(hot.Is(flag));
    EXPECT_EQ(hot.generation, 0xff'ffffu);
  }
  hot.Clear(Hot::kBehind);
  EXPECT_FALSE(hot.Is(Hot::kBehind));
  EXPECT_TRUE(hot.Is(Hot::kOpen));
  EXPECT_TRUE(hot.Is(Hot::kBlocked));
  EXPECT_TRUE(hot.Is(Hot::kReplying));
  EXPECT_EQ(hot.generation, 0xff'ffffu);
}

TEST(SubscriptionTest, IsLiveOnceItHasAPlaceInTheGroup) {
  Subscription subscription;
  EXPECT_FALSE(subscription.live());
  subscription.member = Subscription::kLeaving;
  EXPECT_FALSE(subscription.live());
  subscription.member = 0;
  EXPECT_TRUE(subscription.live());
  subscription.member = Subscription::kLeaving - 1;
  EXPECT_TRUE(subscription.live());
}

TEST(ConnectionTableDeathTest, AVacantSlotIsNeitherUsedNorClosed) {
  ConnectionTable table(8);
  table.Open(1);
  EXPECT_DEATH(table.Close(2), "invariant");
  EXPECT_DEATH(table.Open(1), "invariant");
}

}  // namespace
}  // namespace tickcast::shards
