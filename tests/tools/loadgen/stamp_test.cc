#include "tools/loadgen/stamp.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace tickcast::loadgen {
namespace {

constexpr Stamp kStamp = {.run = 0xdeadbeef,
                          .channel = 7,
                          .number = 0x01234567,
                          .publication = 0x89abcdef,
                          .time_ns = 0xfedcba9876543210};

std::string Stamped(const Stamp& stamp, std::size_t bytes) {
  std::string payload;
  AppendStamped(stamp, bytes, payload);
  return payload;
}

TEST(StampTest, APayloadHasExactlyTheSizeAskedFor) {
  for (const std::size_t bytes :
       {kMinPayloadBytes, kMinPayloadBytes + 1, std::size_t{128}, std::size_t{4096}}) {
    EXPECT_EQ(Stamped(kStamp, bytes).size(), bytes);
  }
  EXPECT_EQ(Stamped(kStamp, 62),
            R"({"stamp":"deadbeef000000070123456789abcdeffedcba9876543210.."})");
}

TEST(StampTest, WhatWasWrittenIsFoundInAPush) {
  for (const Stamp& stamp :
       {kStamp, Stamp{},
        Stamp{.run = ~0U, .channel = ~0U, .number = ~0U, .publication = ~0U, .time_ns = ~0ULL}}) {
    StampFinder finder;
    Stamp found;
    const std::string line =
        R"({"push":{"channel":"bench:0007","pub":{"data":)" + Stamped(stamp, 128) + "}}}";
    ASSERT_TRUE(finder.Find(line, found));
    EXPECT_EQ(found, stamp);
  }
}

// The finder looks where the last stamp was; lines of another shape must not confuse it.
TEST(StampTest, TheStampIsFoundWhereverItMoves) {
  StampFinder finder;
  Stamp found;
  for (const std::size_t before : {40U, 40U, 3U, 500U, 0U, 40U}) {
    const Stamp stamp{.run = 1, .number = static_cast<std::uint32_t>(before)};
    ASSERT_TRUE(finder.Find(std::string(before, 'x') + Stamped(stamp, 80), found)) << before;
    EXPECT_EQ(found, stamp);
  }
}

TEST(StampTest, ALineWithoutAStampHasNone) {
  StampFinder finder;
  Stamp found;
  EXPECT_FALSE(finder.Find("", found));
  EXPECT_FALSE(finder.Find("{}", found));
  EXPECT_FALSE(finder.Find(R"({"push":{"channel":"c","pub":{"data":{"stamp":1}}}})", found));
  const std::string whole = Stamped(kStamp, kMinPayloadBytes);
  for (std::size_t cut = 0; cut + 2 < whole.size(); ++cut) {
    EXPECT_FALSE(finder.Find(std::string_view(whole).substr(0, cut), found)) << cut;
  }
}

}  // namespace
}  // namespace tickcast::loadgen
