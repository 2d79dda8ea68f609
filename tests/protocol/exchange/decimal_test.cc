#include "protocol/exchange/decimal.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>

namespace tickcast::protocol {
namespace {

std::string Rewritten(std::string_view text) {
  const std::optional<Decimal> value = Decimal::Parse(text);
  if (!value) return "refused";
  std::string out;
  value->AppendTo(out);
  return out;
}

// As a value with mantissa and decimals, or as the text that was kept, each comes back as it was.
TEST(DecimalTest, EveryTextComesBackCharacterForCharacter) {
  for (const std::string_view text :
       {"0",
        "1",
        "-1",
        "0.1",
        "0.10",
        "0.00",
        "61837.63000000",
        "61837.6",
        "0.0000000001117",
        "9223372036854775807",
        "-9223372036854775808",
        "-0.5",
        "0.000000000000000000001",
        "10",
        "9223372036854775808",
        "-9223372036854775809",
        "4035.7326718967590488",
        "315.20000000000000000000",
        "-1.0e-5",
        "1E+5",
        "1e5",
        "-0",
        "-0.00",
        "007",
        "00",
        "+1",
        ".5",
        "1.",
        "-.5",
        "99999999999999999999999999999999999999999999999999999999.99"}) {
    EXPECT_EQ(Rewritten(text), text);
  }
}

TEST(DecimalTest, KeepsTextOnlyWhereMantissaAndDecimalsCannotReproduceIt) {
  for (const std::string_view text : {"0", "0.10", "-0.5", "9223372036854775807",
                                      "-9223372036854775808", "92233720368547.75807"}) {
    EXPECT_FALSE(Decimal::Parse(text)->is_text()) << text;
  }
  for (const std::string_view text : {"9223372036854775808", "-9223372036854775809", "-0", "-0.0",
                                      "007", "+1", "1e5", ".5", "1.", "00"}) {
    EXPECT_TRUE(Decimal::Parse(text)->is_text()) << text;
  }
}

TEST(DecimalTest, TellsMantissaAndDecimals) {
  const Decimal price = *Decimal::Parse("61837.63000000");
  EXPECT_EQ(price.mantissa(), 6'183'763'000'000);
  EXPECT_EQ(price.decimals(), 8);
  EXPECT_EQ(Decimal::Parse("-0.5")->mantissa(), -5);
  EXPECT_EQ(Decimal::Parse("-9223372036854775808")->mantissa(),
            std::numeric_limits<std::int64_t>::min());
}

TEST(DecimalTest, WritesWhatWasCalculated) {
  std::string out;
  Decimal(-5, 0).AppendTo(out);
  out += ' ';
  Decimal(5, 3).AppendTo(out);
  out += ' ';
  Decimal(-12345, 4).AppendTo(out);
  out += ' ';
  Decimal().AppendTo(out);
  out += ' ';
  Decimal(0, 2).AppendTo(out);
  EXPECT_EQ(out, "-5 0.005 -1.2345 0 0.00");
}

TEST(DecimalTest, RefusesWhatIsNoNumber) {
  for (const std::string_view text :
       {"", "-", "+", ".", "-.", "e5", "1e", "1e+", "1.2.3", "1,5", " 1", "1 ", "0x10", "nan",
        "inf", "--1", "1e1234567890", "1e5.0", "12a"}) {
    EXPECT_EQ(Rewritten(text), "refused") << text;
    EXPECT_FALSE(IsDecimalText(text)) << text;
  }
}

TEST(DecimalTest, TakesTextsUpToTheLimit) {
  EXPECT_TRUE(IsDecimalText(std::string(kMaxDecimalBytes, '9')));
  EXPECT_FALSE(IsDecimalText(std::string(kMaxDecimalBytes + 1, '9')));
  EXPECT_EQ(Rewritten("0." + std::string(kMaxDecimalBytes - 2, '0')),
            "0." + std::string(kMaxDecimalBytes - 2, '0'));
}

TEST(DecimalTest, ComparesByValueAcrossForms) {
  const auto parse = [](std::string_view text) { return *Decimal::Parse(text); };
  EXPECT_EQ(parse("0.10"), parse("0.1"));
  EXPECT_EQ(parse("1e2"), parse("100"));
  EXPECT_EQ(parse("-0"), parse("0.000"));
  EXPECT_EQ(parse("0e99"), parse("0"));
  EXPECT_EQ(parse("007"), parse("+7.0"));
  EXPECT_EQ(parse("100000000000000000000"), parse("1e20"));
  EXPECT_NE(parse("9223372036854775807"), parse("9223372036854775808"));
}

TEST(DecimalTest, OrdersByValue) {
  const std::string_view ascending[] = {"-1e30",
                                        "-9223372036854775809",
                                        "-9223372036854775808",
                                        "-10",
                                        "-9.99",
                                        "-0.001",
                                        "0",
                                        "1e-999999999",
                                        "0.0000000000000000000001",
                                        "0.001",
                                        "0.0010000000000000000001",
                                        "0.9",
                                        "1",
                                        "1.05",
                                        "1.5",
                                        "9223372036854775807",
                                        "9223372036854775807.5",
                                        "9223372036854775808",
                                        "1e999999999"};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    for (std::size_t j = 0; j < std::size(ascending); ++j) {
      EXPECT_EQ(*Decimal::Parse(ascending[i]) <=> *Decimal::Parse(ascending[j]), i <=> j)
          << ascending[i] << " and " << ascending[j];
    }
  }
}

TEST(DecimalTest, KnowsZeroInEveryForm) {
  for (const std::string_view text : {"0", "0.00000000", "-0", "00", ".0", "0e7"}) {
    EXPECT_TRUE(IsZeroDecimalText(text)) << text;
  }
  for (const std::string_view text : {"", "0.00000001", "1", "1e-9", "zero"}) {
    EXPECT_FALSE(IsZeroDecimalText(text)) << text;
  }
}

}  // namespace
}  // namespace tickcast::protocol
