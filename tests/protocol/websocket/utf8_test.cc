#include "protocol/websocket/utf8.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace tickcast::protocol {
namespace {

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

bool IsValid(std::string_view text) {
  Utf8Checker checker;
  return checker.Feed(Bytes(text)) && checker.complete();
}

// Whether `text` can be the beginning of valid text.
bool CanBegin(std::string_view text) { return Utf8Checker().Feed(Bytes(text)); }

std::string Encode(std::uint32_t c) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F))};
  if (c < 0x10000) {
    return {byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F))};
  }
  return {byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F)),
          byte(0x80 | (c & 0x3F))};
}

TEST(Utf8Test, TakesBothEndsOfEveryLength) {
  for (const std::uint32_t c :
       {0x0u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xFFFu, 0x1000u, 0xCFFFu, 0xD000u, 0xD7FFu, 0xE000u,
        0xFFFDu, 0xFFFFu, 0x10000u, 0x3FFFFu, 0x40000u, 0xFFFFFu, 0x100000u, 0x10FFFFu}) {
    EXPECT_TRUE(IsValid(Encode(c))) << std::hex << c;
  }
}

TEST(Utf8Test, RefusesWhatEncodesNoCharacter) {
  for (const std::string_view text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFE", "\xFF", "\xC3\x28", "\xE2\x82\x28",
        "\xF0\x9F\x98\x28"}) {
    EXPECT_FALSE(CanBegin(text)) << testing::PrintToString(text);
  }
}

// All that two bytes decide: every lead with every second byte, against the ranges of RFC 3629.
TEST(Utf8Test, EverySecondByteIsJudgedAtOnce) {
  for (unsigned lead = 0x80; lead <= 0xFF; ++lead) {
    for (unsigned second = 0; second <= 0xFF; ++second) {
      const std::string text = {static_cast<char>(lead), static_cast<char>(second)};
      const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
      const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
      const bool good = lead >= 0xC2 && lead <= 0xF4 && second >= low && second <= high;
      ASSERT_EQ(CanBegin(text), good) << std::hex << lead << ' ' << second;
    }
  }
}

TEST(Utf8Test, FailsAtTheFirstByteThatCannotBeContinued) {
  const std::string valid = "a\xC2\xA2\xE2\x82\xAC\xF0\x9F\x98\x80";
  const std::string text = valid + "\xF4\x90" + "rest";
  Utf8Checker checker;
  for (std::size_t i = 0; i <= valid.size(); ++i) {
    ASSERT_TRUE(checker.Feed(Bytes(text).subspan(i, 1))) << i;
  }
  EXPECT_FALSE(checker.Feed(Bytes(text).subspan(valid.size() + 1, 1)));
}

TEST(Utf8Test, IsCompleteOnlyBetweenCharacters) {
  for (const std::uint32_t c : {0x24u, 0xA2u, 0x20ACu, 0x1F600u}) {
    const std::string text = Encode(c);
    Utf8Checker checker;
    EXPECT_TRUE(checker.complete());
    for (std::size_t i = 0; i < text.size(); ++i) {
      ASSERT_TRUE(checker.Feed(Bytes(text).subspan(i, 1)));
      EXPECT_EQ(checker.complete(), i + 1 == text.size());
    }
  }
}

// Around the size from which vectors are used, with an open sequence at either end of a piece.
TEST(Utf8Test, LongPiecesMayBeginAndEndWithinACharacter) {
  for (const std::uint32_t c : {0xA2u, 0x20ACu, 0x1F600u}) {
    std::string text;
    while (text.size() < 300) text += Encode(c) + "x";
    for (std::size_t begin = 0; begin < 8; ++begin) {
      for (std::size_t end = begin + 56; end < 200; ++end) {
        Utf8Checker checker;
        ASSERT_TRUE(checker.Feed(Bytes(text).first(begin)));
        ASSERT_TRUE(checker.Feed(Bytes(text).subspan(begin, end - begin)));
        ASSERT_TRUE(checker.Feed(Bytes(text).subspan(end)));
        ASSERT_TRUE(checker.complete());
      }
    }
  }
}

// A valid text of random characters; half of them with random bytes changed.
std::string RandomText(std::mt19937& random) {
  std::string text;
  const std::size_t characters = random() % 150;
  for (std::size_t i = 0; i < characters; ++i) {
    static constexpr std::uint32_t kTop[] = {0x80, 0x800, 0x10000, 0x110000};
    std::uint32_t c = random() % kTop[random() % 4];
    if (c >= 0xD800 && c < 0xE000) c -= 0x800;
    text += Encode(c);
  }
  if (random() % 2 == 0) return text;
  const std::size_t changes = 1 + random() % 2;
  for (std::size_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = random() % text.size();
    switch (random() % 3) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, 1);
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

TEST(Utf8Test, AgreesWithSimdjsonForAnySplit) {
  std::mt19937 random(6455);
  int valid = 0;
  constexpr int kTexts = 20000;
  for (int i = 0; i < kTexts; ++i) {
    const std::string text = RandomText(random);
    const bool expected = simdjson::validate_utf8(text.data(), text.size());
    valid += expected ? 1 : 0;
    ASSERT_EQ(IsValid(text), expected) << testing::PrintToString(text);

    Utf8Checker checker;
    bool good = true;
    std::span<const std::byte> left = Bytes(text);
    while (good && !left.empty()) {
      const std::size_t longest = random() % 2 == 0 ? 5 : 200;
      const auto piece = left.first(std::min<std::size_t>(left.size(), 1 + random() % longest));
      good = checker.Feed(piece);
      left = left.subspan(piece.size());
    }
    ASSERT_EQ(good && checker.complete(), expected) << testing::PrintToString(text);
  }
  // Both sides were tried.
  EXPECT_GT(valid, kTexts / 4);
  EXPECT_LT(valid, kTexts * 3 / 4);
}

// The verdict comes with the same byte, whether that comes alone or in a long piece.
TEST(Utf8Test, ALongPieceFailsExactlyWhereShortOnesDo) {
  std::mt19937 random(3629);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomText(random);
    Utf8Checker checker;
    for (std::size_t size = 1; size <= text.size(); ++size) {
      const bool good = checker.Feed(Bytes(text).subspan(size - 1, 1));
      ASSERT_EQ(CanBegin(text.substr(0, size)), good) << testing::PrintToString(text);
      if (!good) break;
    }
  }
}

}  // namespace
}  // namespace tickcast::protocol
