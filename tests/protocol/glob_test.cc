#include "protocol/glob.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace tickcast::protocol {
namespace {

void ExpectMatches(std::string_view pattern, std::initializer_list<std::string_view> names,
                   std::initializer_list<std::string_view> others) {
  SCOPED_TRACE(pattern);
  auto compiled = Glob::Compile(pattern);
  ASSERT_TRUE(compiled.has_value());
  for (const std::string_view name : names) EXPECT_TRUE(compiled->Matches(name)) << name;
  for (const std::string_view name : others) EXPECT_FALSE(compiled->Matches(name)) << name;
}

// Seen to hold for github.com/gobwas/glob too, but where it errs: characters beyond ASCII, and
// `[!a-c]`, which it finds in an empty name.
TEST(GlobTest, Patterns) {
  ExpectMatches("", {""}, {"a"});
  ExpectMatches("abc", {"abc"}, {"", "ab", "abcd", "xabc"});
  ExpectMatches("*", {"", "a", "a:b.c/d#1,2"}, {});
  ExpectMatches("ticker:*", {"ticker:", "ticker:a"}, {"ticker", "tickers:a", "xticker:a"});
  ExpectMatches("*:a*z", {":az", "x:abz", "x:y:az"}, {"x:a", "az", "x:azy"});
  ExpectMatches("**a", {"a", "bba"}, {"", "ab"});
  ExpectMatches("a?c",
                {"abc",
                 "a\xc3\xa9"
                 "c",
                 "a\xf0\x9f\x98\x80"
                 "c"},
                {"ac", "abbc"});
  ExpectMatches("[abc]1", {"a1", "c1"}, {"d1", "1", "ab1"});
  ExpectMatches("[!abc]1", {"d1", "-1"}, {"a1", "1"});
  ExpectMatches("[a-c]1", {"a1", "b1", "c1"}, {"d1", "-1"});
  ExpectMatches("[!a-c]", {"d", "-"}, {"a", "b", ""});
  ExpectMatches("[ab-]", {"a", "b", "-"}, {"c"});
  ExpectMatches("[a\\]b]", {"a", "]", "b"}, {"\\"});
  ExpectMatches("{ab,c*}d", {"abd", "cd", "cxyd"}, {"ab", "d", "abcd", "abdd"});
  ExpectMatches("{,a}{b,{c,d}e}", {"b", "ab", "ce", "ade"}, {"", "a", "c", "abe"});
  ExpectMatches("{a,b", {"a", "b"}, {"{a", "ab"});
  ExpectMatches("a,b}", {"a,b}"}, {"a", "b"});
  ExpectMatches("\\*\\a\\\\", {"*a\\"}, {"xa\\", "a"});
  ExpectMatches("a\\", {"a"}, {"a\\"});
  ExpectMatches("\xd0\xb0[\xd0\xb1-\xd0\xb3]", {"\xd0\xb0\xd0\xb2"}, {"\xd0\xb0\xd0\xb0"});
}

TEST(GlobTest, WhatIsNoPattern) {
  for (const char* const pattern : {"[", "[a", "[]", "[!", "[!]", "[b-a]", "[a-", "[a-b",
                                    "[a-zA-Z]", "[a\\", "\xff", "a\xc3"}) {
    EXPECT_FALSE(Glob::Compile(pattern).has_value()) << pattern;
  }
}

TEST(GlobTest, ItsLengthIsLimited) {
  EXPECT_TRUE(Glob::Compile(std::string(Glob::kMaxBytes, '*')).has_value());
  EXPECT_FALSE(Glob::Compile(std::string(Glob::kMaxBytes + 1, '*')).has_value());
}

// A matcher that tries one way after the other needs longer than the universe for these.
TEST(GlobTest, NoPatternNeedsMoreThanItsLengthTimesThatOfTheName) {
  std::string stars, alternatives;
  for (int i = 0; i < 100; ++i) stars += "*a";
  for (int i = 0; i < 40; ++i) alternatives += "{a*,*a,aa}";
  const std::string name(255, 'a');
  for (const std::string& pattern : {stars + "b", alternatives + "b"}) {
    auto compiled = Glob::Compile(pattern);
    ASSERT_TRUE(compiled.has_value());
    EXPECT_FALSE(compiled->Matches(name));
    EXPECT_TRUE(compiled->Matches(name + "b"));
  }
}

TEST(GlobTest, OnePatternServesManyNames) {
  auto compiled = Glob::Compile("{a,b}*");
  ASSERT_TRUE(compiled.has_value());
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(compiled->Matches("a" + std::to_string(i)));
    EXPECT_FALSE(compiled->Matches("c" + std::to_string(i)));
  }
}

}  // namespace
}  // namespace tickcast::protocol
