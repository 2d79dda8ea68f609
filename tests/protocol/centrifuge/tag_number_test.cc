#include "protocol/centrifuge/tag_number.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tickcast::protocol {
namespace {

bool IsNumber(std::string_view text) {
  TagNumber number;
  return ReadTagNumber(text, number);
}

std::string Shortest(std::string_view text) {
  TagNumber number;
  if (!ReadTagNumber(text, number)) return "no number";
  std::string out;
  AppendTagNumber(number, out);
  return out;
}

int Compare(std::string_view one, std::string_view other) {
  TagNumber first, second;
  EXPECT_TRUE(ReadTagNumber(one, first)) << one;
  EXPECT_TRUE(ReadTagNumber(other, second)) << other;
  return CompareTagNumbers(first, second);
}

TEST(TagNumberTest, IsASignDigitsAndPlaces) {
  for (const std::string_view text : {"0", "7", "-7", "+7", "007", "1.5", "-0.0", "+12.340"}) {
    EXPECT_TRUE(IsNumber(text)) << text;
  }
  for (const std::string_view text :
       {"",   "+",   "-",    ".",   ".5",  "-.5", "5.",  "-5.", "1.2.3", "1e5",   "1E5", " 1",
        "1 ", "1,5", "0x1f", "--1", "+-1", "-+1", "NaN", "Inf", "1.+5",  "1_000", "½"}) {
    EXPECT_FALSE(IsNumber(text)) << text;
  }
}

TEST(TagNumberTest, HasAtMost19Places) {
  EXPECT_TRUE(IsNumber("0.1234567890123456789"));
  EXPECT_FALSE(IsNumber("0.12345678901234567890"));
}

TEST(TagNumberTest, HasAtMost200Characters) {
  EXPECT_TRUE(IsNumber(std::string(200, '9')));
  EXPECT_FALSE(IsNumber(std::string(201, '9')));
  EXPECT_TRUE(IsNumber("-" + std::string(199, '9')));
  EXPECT_FALSE(IsNumber("-" + std::string(200, '9')));
}

TEST(TagNumberTest, IsComparedByWhatItIsWorth) {
  // Each is less than the one behind it.
  constexpr std::string_view kAscending[] = {
      "-1000000000000000000000000000000000000001",
      "-1000000000000000000000000000000000000000",
      "-10.5",
      "-10.49",
      "-9",
      "-0.0000000000000000001",
      "0",
      "0.0000000000000000001",
      "0.09",
      "0.1",
      "0.11",
      "9",
      "10",
      "10.1",
      "9007199254740992",
      "9007199254740993",
      "1000000000000000000000000000000000000000",
  };
  for (std::size_t one = 0; one < std::size(kAscending); ++one) {
    for (std::size_t other = 0; other < std::size(kAscending); ++other) {
      const int order = Compare(kAscending[one], kAscending[other]);
      EXPECT_EQ(order < 0, one < other) << kAscending[one] << " and " << kAscending[other];
      EXPECT_EQ(order > 0, one > other) << kAscending[one] << " and " << kAscending[other];
    }
  }
}

TEST(TagNumberTest, HowItIsSpelledDoesNotMatter) {
  EXPECT_EQ(Compare("1", "01.000"), 0);
  EXPECT_EQ(Compare("-0", "+0.0"), 0);
  EXPECT_EQ(Compare("+5", "5"), 0);
  EXPECT_EQ(Shortest("0001.2300"), "1.23");
  EXPECT_EQ(Shortest("+0.50"), "0.5");
  EXPECT_EQ(Shortest("-000"), "0");
  EXPECT_EQ(Shortest("-10.0"), "-10");
}

}  // namespace
}  // namespace tickcast::protocol
