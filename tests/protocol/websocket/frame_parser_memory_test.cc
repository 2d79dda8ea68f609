// What a FrameParser holds: an idle one nothing, a message that comes in parts its bytes, and a
// peer that promises or splinters no more than that.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include "protocol/websocket/frame_parser.h"
#include "tests/protocol/websocket/frames.h"

namespace {

// Bytes that are allocated, the most there ever were, and how many allocations there have been.
std::size_t held_bytes = 0;
std::size_t peak_bytes = 0;
std::size_t allocations = 0;

constexpr std::size_t kTagBytes = alignof(std::max_align_t);

}  // namespace

void* operator new(std::size_t size) {
  auto* const tag = static_cast<std::size_t*>(std::malloc(size + kTagBytes));
  if (tag == nullptr) std::abort();
  *tag = size;
  held_bytes += size;
  peak_bytes = std::max(peak_bytes, held_bytes);
  ++allocations;
  return reinterpret_cast<std::byte*>(tag) + kTagBytes;
}
void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  void* const tag = static_cast<std::byte*>(memory) - kTagBytes;
  held_bytes -= *static_cast<std::size_t*>(tag);
  std::free(tag);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

namespace tickcast::protocol {
namespace {

// Room for what is open beside its bytes: a header, a frame's state, a control frame.
constexpr std::size_t kStateBytes = 512;

// Measures from its construction on.
class Memory {
 public:
  Memory() : begin_bytes_(held_bytes), begin_allocations_(allocations) { peak_bytes = held_bytes; }
  std::size_t held() const { return held_bytes - begin_bytes_; }
  std::size_t peak() const { return peak_bytes - begin_bytes_; }
  std::size_t allocated() const { return allocations - begin_allocations_; }

 private:
  const std::size_t begin_bytes_;
  const std::size_t begin_allocations_;
};

// Gives all of `wire`, `piece_bytes` at a time, unmasking it; returns the number of events.
std::size_t Feed(FrameParser& parser, std::string& wire, std::size_t piece_bytes) {
  std::size_t events = 0;
  std::span<std::byte> left = std::as_writable_bytes(std::span(wire));
  while (!left.empty()) {
    std::span<std::byte> piece = left.first(std::min(piece_bytes, left.size()));
    left = left.subspan(piece.size());
    FrameEvent event;
    while (parser.Next(piece, event) == FrameParser::Verdict::kEvent) ++events;
  }
  return events;
}

TEST(FrameParserMemoryTest, WholeMessagesAllocateNothing) {
  std::string wire = Masked(0x81, std::string(1000, 'x')) + Masked(0x89, "ping") + Masked(0x81, "");
  FrameParser parser;
  std::string first = Masked(0x81, "a");
  Feed(parser, first, first.size());  // simdjson chooses its implementation once per process.
  const Memory memory;
  EXPECT_EQ(Feed(parser, wire, wire.size()), 3u);
  EXPECT_EQ(memory.allocated(), 0u);
}

TEST(FrameParserMemoryTest, AnIdleParserHoldsNothing) {
  static_assert(sizeof(FrameParser) <= 32);
  for (const std::size_t piece_bytes : {1u, 5u, 4096u, 100000u}) {
    std::string wire = Masked(0x01, std::string(40000, 'x')) + Masked(0x89, "ping") +
                       Masked(0x80, std::string(20000, 'x')) + Masked(0x82, "abc");
    FrameParser parser;
    const Memory memory;
    EXPECT_EQ(Feed(parser, wire, piece_bytes), 3u);
    EXPECT_EQ(memory.held(), 0u) << piece_bytes;
  }
}

TEST(FrameParserMemoryTest, AFailedParserHoldsNothing) {
  std::string wire = Masked(0x01, std::string(40000, 'x')) + Masked(0x83, "");
  FrameParser parser;
  const Memory memory;
  EXPECT_EQ(Feed(parser, wire, 1000), 0u);
  EXPECT_EQ(parser.close_code(), 1002);
  EXPECT_EQ(memory.held(), 0u);
}

TEST(FrameParserMemoryTest, APromiseIsNotAllocated) {
  constexpr std::uint32_t kLimit = 64 << 20;
  std::string wire = MaskedHeader(0x82, kLimit) + "x";
  FrameParser parser(Role::kServer, kLimit);
  const Memory memory;
  EXPECT_EQ(Feed(parser, wire, wire.size()), 0u);
  EXPECT_LT(memory.peak(), kStateBytes);
}

TEST(FrameParserMemoryTest, AMessageOverTheLimitKeepsNothingOfItsLastFrame) {
  std::string wire = Masked(0x02, "abc") + Masked(0x80, std::string(100000, 'x'));
  FrameParser parser;
  const Memory memory;
  EXPECT_EQ(Feed(parser, wire, 5000), 0u);
  EXPECT_EQ(parser.close_code(), 1009);
  EXPECT_LT(memory.peak(), kStateBytes);
}

// What it grows from is held until it has been copied, so twice the limit at the worst moment.
TEST(FrameParserMemoryTest, AMessageInPartsHoldsItsLimitAndWhatItGrewFrom) {
  constexpr std::uint32_t kLimit = 65536;
  for (const std::size_t piece_bytes : {1u, 100u, 1460u, 60000u}) {
    std::string wire = Masked(0x82, std::string(kLimit, 'x'));
    FrameParser parser(Role::kServer, kLimit);
    const Memory memory;
    EXPECT_EQ(Feed(parser, wire, piece_bytes), 1u);
    EXPECT_LE(memory.peak(), kLimit * 2 + kStateBytes) << piece_bytes;
    // Grown by doubling: not once per piece, which would copy the message over and over.
    EXPECT_LE(memory.allocated(), 16u) << piece_bytes;
  }
}

TEST(FrameParserMemoryTest, AFloodOfEmptyFragmentsHoldsNothingMore) {
  std::string wire = Masked(0x01, "");
  for (int i = 0; i < 10000; ++i) wire += Masked(0x00, "") + Masked(0x89, "p");
  FrameParser parser;
  const Memory memory;
  EXPECT_EQ(Feed(parser, wire, 7), 10000u);
  EXPECT_LT(memory.peak(), kStateBytes);
}

TEST(FrameParserMemoryTest, AFloodOfTinyFragmentsHoldsItsBytes) {
  std::string wire = Masked(0x02, "");
  for (int i = 0; i < 65536; ++i) wire += Masked(0x00, "x");
  FrameParser parser;
  const Memory memory;
  EXPECT_EQ(Feed(parser, wire, 4096), 0u);
  EXPECT_LE(memory.peak(), 65536 * 2 + kStateBytes);
  EXPECT_LE(memory.held(), 65536 + kStateBytes);
  std::string last = Masked(0x80, "x");
  EXPECT_EQ(Feed(parser, last, last.size()), 0u);
  EXPECT_EQ(parser.close_code(), 1009);
}

}  // namespace
}  // namespace tickcast::protocol
