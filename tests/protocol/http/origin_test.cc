// Patterns of origins, against themselves and against a plain recursive reference.
#include "protocol/http/origin.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>

namespace tickcast::protocol {
namespace {

TEST(OriginTest, PatternsMatchTheWholeOrigin) {
  EXPECT_TRUE(OriginMatches("*", "https://a.example"));
  EXPECT_TRUE(OriginMatches("https://a.example", "https://A.example"));
  EXPECT_TRUE(OriginMatches("https://*.example.com", "https://two.Example.com"));
  EXPECT_TRUE(OriginMatches("*.example.com", "https://two.example.com"));
  EXPECT_TRUE(OriginMatches("http://localhost:300?", "http://localhost:3001"));
  EXPECT_TRUE(OriginMatches("http://localhost:*", "http://localhost:"));
  EXPECT_FALSE(OriginMatches("http://localhost:300?", "http://localhost:300"));
  EXPECT_FALSE(OriginMatches("https://*.example.com", "https://example.com"));
  EXPECT_FALSE(OriginMatches("https://*.example.com", "https://a.example.com.evil.org"));
  EXPECT_FALSE(OriginMatches("https://a.example", "https://a.example:8443"));
  EXPECT_FALSE(OriginMatches("https://a.example", ""));
  EXPECT_FALSE(OriginMatches("", "null"));
  EXPECT_TRUE(OriginMatches("", ""));
}

bool Reference(std::string_view pattern, std::string_view origin) {
  if (pattern.empty()) return origin.empty();
  if (pattern[0] == '*') {
    return Reference(pattern.substr(1), origin) ||
           (!origin.empty() && Reference(pattern, origin.substr(1)));
  }
  return !origin.empty() && (pattern[0] == '?' || pattern[0] == origin[0]) &&
         Reference(pattern.substr(1), origin.substr(1));
}

TEST(OriginTest, MatchesWhatTheReferenceMatches) {
  std::mt19937 random(7);
  int matched = 0;
  const auto draw = [&](std::string_view letters) {
    std::string text(random() % 9, ' ');
    for (char& c : text) c = letters[random() % letters.size()];
    return text;
  };
  for (int i = 0; i < 100'000; ++i) {
    const std::string pattern = draw("ab*?");
    const std::string origin = draw("ab");
    const bool expected = Reference(pattern, origin);
    matched += expected;
    ASSERT_EQ(OriginMatches(pattern, origin), expected) << pattern << " " << origin;
  }
  EXPECT_GT(matched, 5'000);
}

// A pattern of stars alone must not take exponential time: this would never end.
TEST(OriginTest, ManyStarsAreNotSlow) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "*a";
  EXPECT_FALSE(OriginMatches(pattern + "b", std::string(8'000, 'a')));
}

}  // namespace
}  // namespace tickcast::protocol
