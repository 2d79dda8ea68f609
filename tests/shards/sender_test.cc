#include "shards/sender.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "tests/shards/fake_ring.h"

namespace tickcast::shards {
namespace {

std::span<const std::byte> BytesOf(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

engine::Completion Done(engine::Slot slot, std::uint32_t generation, std::int32_t result) {
  return {.token = {engine::Operation::kSend, generation, slot}, .result = result};
}

class SenderTest : public testing::Test {
 protected:
  void Queue(engine::Slot slot, std::uint32_t generation) {
    sender_.Queue({.slot = slot, .generation = generation, .bytes = BytesOf("hello")});
  }

  FakeRing ring_;
  Sender sender_{ring_, 4};
};

TEST_F(SenderTest, IsFullAtItsBatch) {
  EXPECT_TRUE(sender_.empty());
  for (engine::Slot slot = 0; slot < 4; ++slot) {
    EXPECT_FALSE(sender_.full());
    Queue(slot, 1);
    EXPECT_FALSE(sender_.empty());
  }
  EXPECT_TRUE(sender_.full());
  ASSERT_EQ(ring_.sent.size(), 4u);
  EXPECT_EQ(ring_.sent[3].slot, 3u);
  EXPECT_EQ(ring_.sent[3].generation, 1u);
  EXPECT_EQ(ring_.sent[3].bytes, "hello");
  sender_.Clear();
  EXPECT_TRUE(sender_.empty());
  EXPECT_FALSE(sender_.full());
}

TEST_F(SenderTest, EachSendHasItsOwnFate) {
  for (engine::Slot slot = 0; slot < 4; ++slot) Queue(slot, 7);
  sender_.OnSend(Done(3, 7, -ECONNRESET));
  sender_.OnSend(Done(1, 7, 2));
  sender_.OnSend(Done(2, 7, -EAGAIN));
  const std::span<InFlight> batch = sender_.batch();
  ASSERT_EQ(batch.size(), 4u);
  EXPECT_EQ(batch[0].fate, InFlight::Fate::kTaken);  // What completes not at all was taken whole.
  EXPECT_EQ(batch[1].fate, InFlight::Fate::kPart);
  EXPECT_EQ(batch[1].sent_bytes, 2u);
  EXPECT_EQ(batch[2].fate, InFlight::Fate::kRefused);
  EXPECT_EQ(batch[3].fate, InFlight::Fate::kBroken);
}

TEST_F(SenderTest, TellsAConnectionFromItsSlotsNextTenant) {
  Queue(5, 1);
  Queue(5, 2);
  sender_.OnSend(Done(5, 2, -EAGAIN));
  EXPECT_EQ(sender_.batch()[0].fate, InFlight::Fate::kTaken);
  EXPECT_EQ(sender_.batch()[1].fate, InFlight::Fate::kRefused);
}

using SenderDeathTest = SenderTest;

TEST_F(SenderDeathTest, ASendCompletesInItsBatch) {
  Queue(5, 1);
  EXPECT_DEATH(sender_.OnSend(Done(5, 2, -EAGAIN)), "in the batch it was queued in");
  sender_.Clear();
  EXPECT_DEATH(sender_.OnSend(Done(5, 1, 3)), "in the batch it was queued in");
}

// Each piece of scratch memory is its message's alone until the batch is settled, however many and
// however large they are.
TEST_F(SenderTest, ScratchMemoryStaysUntilTheBatchIsCleared) {
  constexpr std::size_t kKiB = 1024;
  // Around a block of 256 KiB and the quarter of it from which a piece has memory of its own.
  std::vector<std::size_t> sizes = {1,          16 * kKiB, 64 * kKiB - 1, 64 * kKiB, 64 * kKiB + 1,
                                    300 * kKiB, 3};
  for (int i = 0; i < 64; ++i) sizes.push_back(16 * kKiB);
  for (int batch = 0; batch < 3; ++batch) {
    std::vector<std::span<std::byte>> pieces;
    for (const std::size_t size : sizes) {
      pieces.push_back(sender_.Scratch(size));
      ASSERT_EQ(pieces.back().size(), size);
      std::memset(pieces.back().data(), static_cast<int>(pieces.size()), size);
    }
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const auto mine = static_cast<std::byte>(i + 1);
      EXPECT_TRUE(std::all_of(pieces[i].begin(), pieces[i].end(),
                              [mine](std::byte byte) { return byte == mine; }))
          << "piece " << i;
    }
    sender_.Clear();
  }
}

TEST_F(SenderTest, TheNextBatchUsesTheSameMemory) {
  const std::byte* const first = sender_.Scratch(100).data();
  EXPECT_NE(sender_.Scratch(100).data(), first);
  sender_.Clear();
  EXPECT_EQ(sender_.Scratch(100).data(), first);
}

}  // namespace
}  // namespace tickcast::shards
