#include "protocol/json/payload.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tickcast::protocol {
namespace {

// `text` with hostile padding: what stands behind a text must not matter.
class Padded {
 public:
  explicit Padded(std::string_view text, char padding = '"')
      : bytes_(std::string(text) + std::string(kJsonPaddingBytes, padding)),
        size_bytes_(text.size()) {}
  std::string_view view() const { return std::string_view(bytes_).substr(0, size_bytes_); }

 private:
  std::string bytes_;
  std::size_t size_bytes_;
};

constexpr std::string_view kValid[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-12.50e+3",
    "\"\"",
    "\"\\u00e9\\n\"",
    "{}",
    "[]",
    " { \"a\" : [ 1 , 2.0 ] } ",
    "[[[[]]]]",
    "\"\xc3\xa9\"",
    "{\"a\":{\"b\":{}}}",
};

constexpr std::string_view kInvalid[] = {
    "",
    " ",
    "{\"a\":tru}",
    "{\"a\":\"line\nbreak\"}",
    "1 2",
    "{} {}",
    "{}x",
    "01",
    "1.",
    ".5",
    "+1",
    "1e",
    "--1",
    "{\"a\" 1}",
    "{\"a\":1,}",
    "[1,]",
    "[1",
    "{a:1}",
    "'a'",
    "\"\\x\"",
    "\"\\ud800\"",
    "\"open",
    "\"\xff\"",
    "\"\xc0\xaf\"",
    "\"\xed\xa0\x80\"",
    "NaN",
    "tr ue",
    "\"tab\there\"",
};

TEST(JsonValidatorTest, TakesExactlyOneJsonValue) {
  JsonValidator validator;
  for (const std::string_view text : kValid) {
    EXPECT_TRUE(validator.IsValid(Padded(text).view())) << text;
  }
  for (const std::string_view text : kInvalid) {
    EXPECT_FALSE(validator.IsValid(Padded(text).view())) << text;
    EXPECT_FALSE(validator.Minify(Padded(text).view())) << text;
  }
}

// A publication about wei or with 40 decimals is as valid as any other.
TEST(JsonValidatorTest, NumbersOfAnySizeKeepEveryCharacter) {
  JsonValidator validator;
  for (const std::string_view number :
       {"0.10", "1.0", "-0.0", "1e400", "-1E-400", "18446744073709551616",
        "123456789012345678901234567890", "0.1000000000000000055511151231257827",
        "9223372036854775808", "61837.63000", "1E5"}) {
    EXPECT_EQ(validator.Minify(Padded(number, '1').view()), number);
    const std::string object = R"({"a":[)" + std::string(number) + "]}";
    EXPECT_EQ(validator.Minify(Padded(object).view()), object);
  }
}

// The second look that big numbers get must not be laxer than the first.
TEST(JsonValidatorTest, OneBigNumberExcusesNothingElse) {
  JsonValidator validator;
  constexpr std::string_view kBig = "123456789012345678901234567890";
  for (const std::string_view text : kInvalid) {
    if (text.empty() || text == " ") continue;
    const std::string array = "[" + std::string(kBig) + "," + std::string(text) + "]";
    // These two are parts of an array that are right where one value was wanted.
    if (text == "\"open") continue;
    EXPECT_FALSE(validator.IsValid(Padded(array).view())) << array;
  }
  for (const std::string_view broken :
       {"0123456789012345678901234567890", "1234567890123456789012345.6.7",
        "12345678901234567890123e", "-", "12345678901234567890123-1", "1e400e1", "1e4001e+",
        "123456789012345678901234567890x", "tru123456789012345678901234567890"}) {
    EXPECT_FALSE(validator.IsValid(Padded(broken).view())) << broken;
  }
}

TEST(JsonValidatorTest, MinifiesToOneLineAndLeavesStringsAlone) {
  JsonValidator validator;
  EXPECT_EQ(validator.Minify(Padded("{ \"a b\" :\r\n\t[ 1.50 , \"x \\n y\" ] }\n").view()),
            "{\"a b\":[1.50,\"x \\n y\"]}");
}

TEST(JsonValidatorTest, ATextCutAnywhereIsRefused) {
  JsonValidator validator;
  constexpr std::string_view kText = R"({"a":[1,true,null,"x\u0041"],"b":{"c":-1.5e3}})";
  for (std::size_t cut = 0; cut < kText.size(); ++cut) {
    EXPECT_FALSE(validator.IsValid(Padded(kText.substr(0, cut), ' ').view())) << "cut at " << cut;
  }
  EXPECT_TRUE(validator.IsValid(Padded(kText).view()));
}

TEST(JsonValidatorTest, NestingIsTakenUpToItsLimit) {
  JsonValidator validator;
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(validator.IsValid(Padded(nested(kMaxJsonDepth - 1)).view()));
  EXPECT_FALSE(validator.IsValid(Padded(nested(kMaxJsonDepth + 1)).view()));
}

TEST(JsonValidatorTest, TextsMayBeLongerThanExpected) {
  JsonValidator validator(16);
  for (const std::size_t size : {1U, 15U, 16U, 17U, 1000U, 100000U}) {
    const std::string text = '"' + std::string(size, 'x') + '"';
    EXPECT_EQ(validator.Minify(Padded(text).view()), text);
  }
}

TEST(AppendQuotedTest, EscapesWhatJsonDemandsAndNothingElse) {
  std::string out = "=";
  AppendQuoted("a\"b\\c\n\r\t\b\f\x01\x1f/<\xc3\xa9\x7f", out);
  EXPECT_EQ(out, "=\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u001f/<\xc3\xa9\x7f\"");
  out.clear();
  AppendQuoted("", out);
  EXPECT_EQ(out, "\"\"");
}

TEST(AppendQuotedTest, EveryByteBelow0x80GivesAValidString) {
  JsonValidator validator;
  for (char c = 0; c < 0x7f; ++c) {
    std::string out;
    AppendQuoted(std::string_view(&c, 1), out);
    EXPECT_TRUE(validator.IsValid(Padded(out).view())) << int{c};
  }
}

}  // namespace
}  // namespace tickcast::protocol
