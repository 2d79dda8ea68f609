#include "protocol/centrifuge/map_cursor.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tickcast::protocol {
namespace {

std::string Cursor(std::string_view channel, std::string_view last_key) {
  std::string out;
  AppendMapCursor(channel, last_key, out);
  return out;
}

// In a block of exactly its size, so that the address sanitizer sees a byte read too far.
std::optional<std::string> Read(std::string_view channel, std::string_view cursor) {
  const auto block = std::make_unique<char[]>(cursor.size());
  cursor.copy(block.get(), cursor.size());
  const auto key = ReadMapCursor(channel, {block.get(), cursor.size()});
  return key ? std::optional<std::string>(*key) : std::nullopt;
}

TEST(MapCursorTest, SaysBehindWhichKeyThePageBegins) {
  for (const std::string& key : {std::string("BTC-USDT"), std::string("x"), std::string(255, 'k'),
                                 std::string("0123456789abcdef"), std::string("a\0b", 3),
                                 std::string("\xd1\x84\xf0\x9f\x8d\xb2")}) {
    EXPECT_EQ(Read("tickers:kucoin", Cursor("tickers:kucoin", key)), key);
  }
}

// Another process has to understand it, so it is the same everywhere: the digest's published value
// for "foobar".
TEST(MapCursorTest, IsTheSameInEveryProcess) {
  EXPECT_EQ(Cursor("foobar", "k"), "bf9cf968k");
  EXPECT_EQ(Cursor("", "k"), "811c9dc5k");
}

TEST(MapCursorTest, OfAnotherChannelIsRefused) {
  const std::string cursor = Cursor("tickers:kucoin", "BTC-USDT");
  for (const char* other : {"tickers:binance", "tickers:kucoi", "tickers:kucoin2", "", "watch:x"}) {
    EXPECT_EQ(Read(other, cursor), std::nullopt) << other;
  }
}

TEST(MapCursorTest, CutAtEveryByteItIsRefusedOrNamesAShorterKey) {
  const std::string cursor = Cursor("map:a", "key");
  for (std::size_t size = 0; size <= 8; ++size) {
    EXPECT_EQ(Read("map:a", std::string_view(cursor).substr(0, size)), std::nullopt) << size;
  }
  EXPECT_EQ(Read("map:a", std::string_view(cursor).substr(0, 9)), "k");
  EXPECT_EQ(Read("map:a", std::string_view(cursor).substr(0, 10)), "ke");
  EXPECT_EQ(Read("map:a", cursor), "key");
}

// A bare key, which is Centrifugo's cursor, is none of ours, and digits are lower case.
TEST(MapCursorTest, OtherShapesAreRefused) {
  for (const char* cursor : {"BTC-USDT", "0", "BF9CF968k", "bf9cf96 k", "\"bf9cf968k"}) {
    EXPECT_EQ(Read("foobar", cursor), std::nullopt) << cursor;
  }
}

}  // namespace
}  // namespace tickcast::protocol
