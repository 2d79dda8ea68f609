#include "shards/outbox.h"

#include <gtest/gtest.h>

#include <string>

namespace tickcast::shards {
namespace {

TEST(OutboxTest, LinesAreJoinedByNewlinesWithNoneAtTheEnd) {
  Outbox outbox;
  outbox.NewLine(protocol::Encoding::kJson) += "one";
  EXPECT_EQ(outbox.lines, "one");
  outbox.NewLine(protocol::Encoding::kJson) += "two";
  outbox.NewLine(protocol::Encoding::kJson) += "three";
  EXPECT_EQ(outbox.lines, "one\ntwo\nthree");
  outbox.raw = "raw";
  EXPECT_EQ(outbox.size_bytes(), 16u);
}

TEST(OutboxTest, ProtobufIsConcatenated) {
  Outbox outbox;
  outbox.NewLine(protocol::Encoding::kProtobuf) += "one";
  outbox.NewLine(protocol::Encoding::kProtobuf) += "two";
  EXPECT_EQ(outbox.lines, "onetwo");
}

TEST(OutboxPoolTest, GivesOutEachOutboxOnceUntilItComesBack) {
  OutboxPool pool;
  const std::uint32_t first = pool.Take();
  const std::uint32_t second = pool.Take();
  EXPECT_NE(first, second);
  pool[first].raw = "first";
  pool[second].raw = "second";
  pool.Return(first);
  const std::uint32_t again = pool.Take();
  EXPECT_EQ(again, first);
  EXPECT_EQ(pool[again].size_bytes(), 0u);
  EXPECT_EQ(pool[second].raw, "second");
  EXPECT_NE(pool.Take(), second);
}

TEST(OutboxPoolTest, AddressesLast) {
  OutboxPool pool;
  Outbox* const first = &pool[pool.Take()];
  for (int i = 0; i < 1000; ++i) pool.Take();
  EXPECT_EQ(&pool[0], first);
}

TEST(OutboxPoolTest, AReturnedOutboxKeepsSmallMemoryAndGivesBackLarge) {
  OutboxPool pool;
  const std::uint32_t index = pool.Take();
  pool[index].raw.reserve(1024);
  pool[index].lines.reserve(1025);
  pool[index].lines = "owed";
  ASSERT_EQ(pool[index].raw.capacity(), 1024u);
  ASSERT_EQ(pool[index].lines.capacity(), 1025u);
  pool.Return(index);
  ASSERT_EQ(pool.Take(), index);
  EXPECT_EQ(pool[index].raw.capacity(), 1024u);
  EXPECT_EQ(pool[index].lines.capacity(), std::string().capacity());
  EXPECT_EQ(pool[index].lines, "");
}

}  // namespace
}  // namespace tickcast::shards
