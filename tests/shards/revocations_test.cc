#include "shards/revocations.h"

#include <string>

#include <gtest/gtest.h>

namespace tickcast::shards {
namespace {

using protocol::JwtClaims;

TEST(RevocationsTest, AUserIsBlockedUntilItsTime) {
  Revocations revocations;
  EXPECT_FALSE(revocations.IsBlocked("u", 0));
  EXPECT_TRUE(revocations.BlockUser("u", 100));
  EXPECT_TRUE(revocations.IsBlocked("u", 99));
  EXPECT_FALSE(revocations.IsBlocked("u", 100));
  EXPECT_FALSE(revocations.IsBlocked("v", 0));
  EXPECT_TRUE(revocations.BlockUser("u", 0));
  EXPECT_TRUE(revocations.IsBlocked("u", 1'000'000)) << "for good";
  revocations.UnblockUser("u");
  EXPECT_FALSE(revocations.IsBlocked("u", 0));
}

TEST(RevocationsTest, ATokenIsRevokedByItsId) {
  Revocations revocations;
  revocations.RevokeToken("j", 100);
  EXPECT_TRUE(revocations.IsRevoked({.jti = "j"}, 99));
  EXPECT_FALSE(revocations.IsRevoked({.jti = "j"}, 100));
  EXPECT_FALSE(revocations.IsRevoked({.jti = "k"}, 0));
  EXPECT_FALSE(revocations.IsRevoked({}, 0)) << "a token without an id is not the empty id";
}

TEST(RevocationsTest, TokensOfAUserByWhenTheyWereIssued) {
  Revocations revocations;
  revocations.RevokeTokensOf("u", "", 50, 100);
  EXPECT_TRUE(revocations.IsRevoked({.user = "u", .iat_s = 49}, 99));
  EXPECT_FALSE(revocations.IsRevoked({.user = "u", .iat_s = 50}, 99));
  EXPECT_TRUE(revocations.IsRevoked({.user = "u"}, 99)) << "nobody knows when";
  EXPECT_FALSE(revocations.IsRevoked({.user = "v", .iat_s = 1}, 99));
  EXPECT_FALSE(revocations.IsRevoked({.user = "u", .iat_s = 1}, 100));
}

TEST(RevocationsTest, TokensForAChannelAndForTheConnectionAreTwoThings) {
  Revocations revocations;
  revocations.RevokeTokensOf("u", "c", 50, 0);
  EXPECT_TRUE(revocations.IsRevoked({.user = "u", .channel = "c", .iat_s = 49}, 0));
  EXPECT_FALSE(revocations.IsRevoked({.user = "u", .channel = "c", .iat_s = 50}, 0));
  EXPECT_FALSE(revocations.IsRevoked({.user = "u", .channel = "d", .iat_s = 49}, 0));
  EXPECT_FALSE(revocations.IsRevoked({.user = "v", .channel = "c", .iat_s = 49}, 0));
  EXPECT_FALSE(revocations.IsRevoked({.user = "u", .iat_s = 49}, 0)) << "of its connection";
  revocations.RevokeTokensOf("ab", "", 50, 0);
  EXPECT_TRUE(revocations.IsRevoked({.user = "ab"}, 0));
  EXPECT_FALSE(revocations.IsRevoked({.user = "ab", .channel = "c"}, 0));
  // What user and channel are is not a matter of where one begins.
  revocations.RevokeTokensOf("x", "yz", 50, 0);
  EXPECT_FALSE(revocations.IsRevoked({.user = "xy", .channel = "z"}, 0));
}

TEST(RevocationsTest, ForgetsWhatIsOverAndNothingElse) {
  Revocations revocations;
  revocations.BlockUser("a", 10);
  revocations.BlockUser("b", 0);
  revocations.RevokeToken("c", 10);
  revocations.RevokeTokensOf("d", "", 1, 11);
  revocations.RevokeTokensOf("e", "c", 1, 10);
  revocations.RevokeTokensOf("f", "c", 1, 0);
  revocations.Expire(10);
  EXPECT_EQ(revocations.size(), 3u);
  revocations.Expire(69);
  EXPECT_EQ(revocations.size(), 3u) << "it has looked a minute ago";
  revocations.Expire(70);
  EXPECT_EQ(revocations.size(), 2u);
  EXPECT_TRUE(revocations.IsBlocked("b", 10));
}

TEST(RevocationsTest, ARevocationIsRefusedRatherThanAnotherForgotten) {
  Revocations revocations;
  for (std::size_t i = 0; i < Revocations::kMost; ++i) {
    ASSERT_TRUE(revocations.RevokeToken(std::to_string(i), 0));
  }
  EXPECT_FALSE(revocations.RevokeToken("one more", 0));
  EXPECT_TRUE(revocations.RevokeToken("0", 5)) << "a known one may change";
  EXPECT_TRUE(revocations.IsRevoked({.jti = "1"}, 0));
}

}  // namespace
}  // namespace tickcast::shards
