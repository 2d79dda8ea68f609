// URLs of keys that depend on a token: all are known from the start.
#include "protocol/jwt/key_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace tickcast::protocol {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string UrlFor(const KeyEndpoint& endpoint, std::string_view iss,
                   std::vector<std::string_view> aud = {}) {
  JwtClaims claims;
  claims.iss = iss;
  claims.aud = std::move(aud);
  const auto index = endpoint.Find(claims);
  return index ? endpoint.urls().at(*index) : "none";
}

TEST(KeyEndpointTest, AGroupOfTheIssuerChoosesTheUrl) {
  auto endpoint = KeyEndpoint::Make("https://a.b/{{tenant}}/jwks.json",
                                    {.issuer_regex = R"(^https://(?P<tenant>one|two\.x|3)\.c$)"});
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_THAT(endpoint->urls(),
              ElementsAre("https://a.b/one/jwks.json", "https://a.b/two.x/jwks.json",
                          "https://a.b/3/jwks.json"));
  EXPECT_EQ(UrlFor(*endpoint, "https://one.c"), "https://a.b/one/jwks.json");
  EXPECT_EQ(UrlFor(*endpoint, "https://two.x.c"), "https://a.b/two.x/jwks.json");
  for (const char* iss : {"", "https://four.c", "https://one.c.evil", "https://twoyx.c", "one"}) {
    EXPECT_EQ(UrlFor(*endpoint, iss), "none") << iss;
  }
}

TEST(KeyEndpointTest, GroupsOfBothMayTakePartAndANameMayStandTwice) {
  auto endpoint = KeyEndpoint::Make(
      "https://{{r}}.b/{{t}}/{{r}}",
      {.audience_regex = "^aud:(?P<t>x|y|z)$", .issuer_regex = "^iss:(?P<r>eu|us):"});
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_EQ(endpoint->urls().size(), 6u);
  for (const char* r : {"eu", "us"}) {
    for (const char* t : {"x", "y", "z"}) {
      const std::string iss = std::string("iss:") + r + ":1";
      const std::string aud = std::string("aud:") + t;
      EXPECT_EQ(UrlFor(*endpoint, iss, {"other", aud, "aud:x"}),
                std::string("https://") + r + ".b/" + t + "/" + r);
    }
  }
  EXPECT_EQ(UrlFor(*endpoint, "iss:eu:1"), "none") << "no audience";
  EXPECT_EQ(UrlFor(*endpoint, "iss:eu:1", {"aud:q"}), "none");
  EXPECT_EQ(UrlFor(*endpoint, "x", {"aud:x"}), "none");
}

// A pattern that ignores case, or a group that may be left out, matches more than it lists.
TEST(KeyEndpointTest, OnlyAListedValueChooses) {
  auto folded = KeyEndpoint::Make("http://a/{{t}}", {.issuer_regex = "(?i)^(?P<t>one|two)$"});
  ASSERT_TRUE(folded.ok());
  EXPECT_EQ(UrlFor(*folded, "one"), "http://a/one");
  EXPECT_EQ(UrlFor(*folded, "ONE"), "none");
  auto optional = KeyEndpoint::Make("http://a/{{t}}", {.issuer_regex = "^x(?P<t>one|two)?$"});
  ASSERT_TRUE(optional.ok());
  EXPECT_EQ(UrlFor(*optional, "xtwo"), "http://a/two");
  EXPECT_EQ(UrlFor(*optional, "x"), "none");
}

TEST(KeyEndpointTest, WhatListsNoValuesIsNoGroupForIt) {
  for (const char* regex : {"",
                            "one|two",
                            "(one|two)",
                            "(?P<other>one|two)",
                            "(?P<t>.*)",
                            "(?P<t>one|)",
                            "(?P<t>|one)",
                            "(?P<t>)",
                            "(?P<t>a.b)",
                            "(?P<t>[ab])",
                            "(?P<t>\\w)",
                            "(?P<t>a+)",
                            "(?P<t>a?)",
                            "(?P<t>(?:a|b))",
                            "(?P<t>a{2})",
                            "(?P<t>a/b)",
                            "(?P<t>a@b)",
                            "(?P<t>a%2f)",
                            "(?P<t>a:1)",
                            "(?P<t>\\.\\.)",
                            "(?P<t>a|\\.)",
                            "(?P<t>a\\|b)",
                            "(?P<t>^a)",
                            "(?P<t>a b)",
                            "(?P<t>a#|b)"}) {
    const auto endpoint = KeyEndpoint::Make("http://a/{{t}}", {.issuer_regex = regex});
    EXPECT_FALSE(endpoint.ok()) << regex;
    EXPECT_THAT(std::string(endpoint.status().message()), HasSubstr("{{t}}")) << regex;
  }
  // In both, nobody could say which one is meant.
  EXPECT_FALSE(KeyEndpoint::Make("http://a/{{t}}",
                                 {.audience_regex = "(?P<t>a)", .issuer_regex = "(?P<t>a)"})
                   .ok());
  EXPECT_FALSE(KeyEndpoint::Make("http://a/{{t", {.issuer_regex = "(?P<t>a)"}).ok());
  EXPECT_FALSE(KeyEndpoint::Make("http://a/{{}}", {.issuer_regex = "(?P<t>a)"}).ok());
}

TEST(KeyEndpointTest, TheNumberOfUrlsIsLimited) {
  std::string values = "v0";
  for (std::size_t i = 1; i < KeyEndpoint::kMaxUrls; ++i) values += "|v" + std::to_string(i);
  auto fits = KeyEndpoint::Make("http://{{t}}", {.issuer_regex = "^(?P<t>" + values + ")$"});
  ASSERT_TRUE(fits.ok());
  EXPECT_EQ(fits->urls().size(), KeyEndpoint::kMaxUrls);
  EXPECT_EQ(UrlFor(*fits, "v63"), "http://v63");
  EXPECT_FALSE(KeyEndpoint::Make("http://{{t}}", {.issuer_regex = "(?P<t>" + values + "|v)"}).ok());
  EXPECT_FALSE(KeyEndpoint::Make("http://{{t}}/{{s}}", {.audience_regex = "(?P<s>a|b)",
                                                        .issuer_regex = "(?P<t>" + values + ")"})
                   .ok());
}

// Whatever stands in them, nothing but a URL of the list comes out.
TEST(KeyEndpointTest, AnyPatternsAndClaimsAreDecided) {
  std::mt19937 random(3);
  const auto draw = [&](std::string_view letters, std::size_t most) {
    std::string text(random() % (most + 1), ' ');
    for (char& c : text) c = letters[random() % letters.size()];
    return text;
  };
  int made = 0;
  for (int i = 0; i < 20'000; ++i) {
    TokenRules rules{.issuer_regex = "(?P<t>" + draw("ab|\\.)", 6) + ")" + draw("ab|()", 3)};
    if (!ClaimRules::Make(rules).ok()) continue;
    auto endpoint = KeyEndpoint::Make(draw("x{}", 3) + "{{t}}" + draw("x{t}", 6), rules);
    if (!endpoint.ok()) continue;
    ++made;
    JwtClaims claims;
    const std::string iss = draw("ab|.", 4);
    claims.iss = iss;
    if (const auto index = endpoint->Find(claims)) {
      ASSERT_LT(*index, endpoint->urls().size());
    }
  }
  EXPECT_GT(made, 500);
}

}  // namespace
}  // namespace tickcast::protocol
