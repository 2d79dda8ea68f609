#include "protocol/jwt/jwt.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/protocol/jwt/test_tokens.h"

namespace tickcast::protocol {
namespace {

constexpr std::string_view kSecret = "bbe7d157-a253-4094-9759-06a8236543f9";
constexpr std::int64_t kNow_s = 1700000000;

std::string Token(std::string_view payload, std::string_view header = R"({"alg":"HS256"})",
                  std::string_view alg = "HS256", std::string_view secret = kSecret) {
  return HmacToken(header, payload, alg, secret);
}

class JwtVerifierTest : public testing::Test {
 protected:
  JwtVerifierTest() { verifier_.SetKeys(Keys(JwtKey::FromSecret(kSecret))); }

  // From now on these rules hold.
  void Ask(const TokenRules& rules) {
    verifier_ = JwtVerifier(Rules(rules));
    verifier_.SetKeys(Keys(JwtKey::FromSecret(kSecret)));
  }
  JwtResult Verify(std::string_view token) { return verifier_.Verify(token, kNow_s, claims_); }
  JwtResult VerifyPayload(std::string_view payload) { return Verify(Token(payload)); }

  JwtVerifier verifier_{Rules()};
  JwtClaims claims_;
};

TEST_F(JwtVerifierTest, ReadsConnectionClaims) {
  ASSERT_EQ(VerifyPayload(
                R"({"sub":"42","exp":1700000060,"nbf":1700000000,"iat":1699999999.75,"jti":"j",)"
                R"("iss":"i","aud":["a","b"],"info": {"name": "\u00c9va", "n": 1.50},)"
                R"("channels":["a","b"],"subs":{"c":{}},"meta":{"m":1},)"
                R"("expire_at":0,"else":[1]})"),
            JwtResult::kOk);
  EXPECT_EQ(claims_.user, "42");
  EXPECT_EQ(claims_.exp_s, 1700000060);
  EXPECT_EQ(claims_.nbf_s, 1700000000);
  EXPECT_EQ(claims_.iat_s, 1699999999);
  EXPECT_EQ(claims_.jti, "j");
  EXPECT_EQ(claims_.iss, "i");
  EXPECT_EQ(claims_.aud, (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(claims_.info, R"({"name":"\u00c9va","n":1.50})") << "every token as it was signed";
  EXPECT_EQ(claims_.channels, (std::vector<std::string_view>{"a", "b"}));
  ASSERT_EQ(claims_.subs.size(), 1);
  EXPECT_EQ(claims_.subs[0].channel, "c");
  EXPECT_EQ(claims_.meta, R"({"m":1})");
  EXPECT_EQ(claims_.expire_at_s, 0);
  EXPECT_EQ(claims_.ends_s(), 0) << "expire_at takes the place of exp";
}

TEST_F(JwtVerifierTest, ReadsSubscriptionClaims) {
  ASSERT_EQ(VerifyPayload(
                R"({"sub":"u\u0031","channel":"$room:1","client":"c-1","data":[1.0],)"
                R"("override":{"presence":{"value":true},"join_leave":{},"force_recovery":null}})"),
            JwtResult::kOk);
  EXPECT_EQ(claims_.user, "u1");
  EXPECT_EQ(claims_.channel, "$room:1");
  EXPECT_EQ(claims_.client, "c-1");
  EXPECT_EQ(claims_.data, "[1.0]");
  EXPECT_EQ(claims_.override_options,
            (SubscriptionOverride{.presence = true, .join_leave = false}));
}

TEST_F(JwtVerifierTest, ReadsSubscriptionsWithTheirOptions) {
  ASSERT_EQ(VerifyPayload(
                R"({"subs":{"a":{"info":{"i":1},"data":2,"override":{"presence":{"value":true},)"
                R"("join_leave":{"value":false},"force_push_join_leave":{"value":true},)"
                R"("force_positioning":{"value":true},"force_recovery":{"value":false},)"
                R"("else":1}},"b\u0031":null,"c":{"b64info":"eyJ4IjogMX0=","info":3}}})"),
            JwtResult::kOk);
  ASSERT_EQ(claims_.subs.size(), 3);
  EXPECT_EQ(claims_.subs[0].channel, "a");
  EXPECT_EQ(claims_.subs[0].info, R"({"i":1})");
  EXPECT_EQ(claims_.subs[0].data, "2");
  EXPECT_EQ(claims_.subs[0].override_options,
            (SubscriptionOverride{true, false, true, true, false}));
  EXPECT_EQ(claims_.subs[1].channel, "b1");
  EXPECT_EQ(claims_.subs[1].override_options, SubscriptionOverride());
  EXPECT_EQ(claims_.subs[2].info, R"({"x":1})") << "base64 before the plain one, as one line";
}

TEST_F(JwtVerifierTest, DecodesInfoAndDataFromBase64) {
  ASSERT_EQ(VerifyPayload(R"({"b64info":"WzEsIDJd","info":0,"b64data":"IngiIA=="})"),
            JwtResult::kOk);
  EXPECT_EQ(claims_.info, "[1,2]");
  EXPECT_EQ(claims_.data, "\"x\"");
  EXPECT_EQ(VerifyPayload(R"({"b64info":"AAEC"})"), JwtResult::kWrongClaims) << "not JSON";
  EXPECT_EQ(VerifyPayload(R"({"b64info":"!"})"), JwtResult::kWrongClaims);
  EXPECT_EQ(VerifyPayload(R"({"subs":{"a":{"b64data":"AAEC"}}})"), JwtResult::kWrongClaims);
}

TEST_F(JwtVerifierTest, ATokenMayBeAnonymousAndEndless) {
  ASSERT_EQ(VerifyPayload("{}"), JwtResult::kOk);
  EXPECT_TRUE(claims_.user.empty());
  EXPECT_FALSE(claims_.exp_s);
  EXPECT_EQ(claims_.ends_s(), 0);
  ASSERT_EQ(VerifyPayload(R"({"sub":null,"exp":null,"subs":null,"aud":null})"), JwtResult::kOk);
  EXPECT_FALSE(claims_.exp_s);
}

TEST_F(JwtVerifierTest, IsGoodFromNbfOnAndUntilExp) {
  EXPECT_EQ(VerifyPayload(R"({"exp":1700000001})"), JwtResult::kOk);
  EXPECT_EQ(claims_.ends_s(), 1700000001);
  EXPECT_EQ(VerifyPayload(R"({"exp":1700000000,"sub":"u"})"), JwtResult::kExpired);
  EXPECT_EQ(claims_.user, "u") << "who came too late is still known";
  EXPECT_EQ(VerifyPayload(R"({"exp":0})"), JwtResult::kExpired);
  EXPECT_EQ(VerifyPayload(R"({"nbf":1700000000})"), JwtResult::kOk);
  EXPECT_EQ(VerifyPayload(R"({"nbf":1700000001})"), JwtResult::kNotYet);
  EXPECT_TRUE(IsExpired(JwtResult::kNotYet) && IsExpired(JwtResult::kExpired));
  EXPECT_EQ(VerifyPayload(R"({"exp":1800000000,"expire_at":1750000000})"), JwtResult::kOk);
  EXPECT_EQ(claims_.ends_s(), 1750000000);
}

TEST_F(JwtVerifierTest, TakesEveryHmacAlgorithmUnderItsOwnNameOnly) {
  for (const std::string_view named : {"HS256", "HS384", "HS512"}) {
    for (const std::string_view used : {"HS256", "HS384", "HS512"}) {
      const std::string header = R"({"typ":"JWT","kid":"1","alg":")" + std::string(named) + "\"}";
      EXPECT_EQ(Verify(Token("{}", header, used)),
                named == used ? JwtResult::kOk : JwtResult::kWrongSignature);
    }
  }
}

// What several keys of the configuration are: tried each, whatever `kid` a token has.
TEST_F(JwtVerifierTest, SeveralKeysEachTakeTheirOwnAlgorithms) {
  const TestKey rsa = TestKey::Rsa();
  const TestKey ec = TestKey::Ec("P-256");
  auto keys = std::make_shared<KeySet>();
  keys->Add(JwtKey::FromSecret(kSecret).value());
  keys->Add(JwtKey::FromRsaPem(rsa.PublicPem()).value());
  keys->Add(JwtKey::FromEcdsaPem(ec.PublicPem()).value());
  JwtKey previous = JwtKey::FromSecret("previous").value();
  previous.set_valid_until_s(kNow_s + 5);
  keys->Add(previous);
  verifier_.SetKeys(keys);
  EXPECT_EQ(Verify(Token("{}")), JwtResult::kOk);
  EXPECT_EQ(Verify(SignedToken(rsa, "RS384", R"({"alg":"RS384"})", "{}")), JwtResult::kOk);
  EXPECT_EQ(Verify(SignedToken(ec, "ES256", R"({"alg":"ES256","kid":"x"})", "{}")), JwtResult::kOk);
  EXPECT_EQ(Verify(SignedToken(ec, "ES384", R"({"alg":"ES384"})", "{}")),
            JwtResult::kWrongAlgorithm);
  const std::string old = Token("{}", R"({"alg":"HS512"})", "HS512", "previous");
  EXPECT_EQ(verifier_.Verify(old, kNow_s + 5, claims_), JwtResult::kOk);
  EXPECT_EQ(verifier_.Verify(old, kNow_s + 6, claims_), JwtResult::kWrongSignature);
}

TEST_F(JwtVerifierTest, KeysAreReplacedAtOnce) {
  const TestKey one = TestKey::Ed25519();
  const TestKey two = TestKey::Ed25519();
  const std::string of_two = SignedToken(two, "EdDSA", R"({"alg":"EdDSA","kid":"2"})", "{}");
  verifier_.SetKeys(KeysOfJwks("{\"keys\":[" + one.Jwk("1") + "]}"));
  EXPECT_EQ(Verify(of_two), JwtResult::kUnknownKey);
  EXPECT_EQ(Verify(Token("{}")), JwtResult::kUnknownKey) << "the secret is gone";
  verifier_.SetKeys(KeysOfJwks("{\"keys\":[" + two.Jwk("2") + "]}"));
  EXPECT_EQ(Verify(of_two), JwtResult::kOk);
}

TEST_F(JwtVerifierTest, AudienceAndIssuerExactly) {
  Ask({.audience = "us", .issuer = "them"});
  EXPECT_EQ(VerifyPayload(R"({"aud":"us","iss":"them"})"), JwtResult::kOk);
  EXPECT_EQ(VerifyPayload(R"({"aud":["x","us"],"iss":"them"})"), JwtResult::kOk);
  EXPECT_EQ(VerifyPayload(R"({"aud":"US","iss":"them"})"), JwtResult::kWrongAudience);
  EXPECT_EQ(VerifyPayload(R"({"aud":[],"iss":"them"})"), JwtResult::kWrongAudience);
  EXPECT_EQ(VerifyPayload(R"({"iss":"them"})"), JwtResult::kWrongAudience);
  EXPECT_EQ(VerifyPayload(R"({"aud":"us"})"), JwtResult::kWrongIssuer);
  EXPECT_EQ(VerifyPayload(R"({"aud":"us","iss":"them "})"), JwtResult::kWrongIssuer);
}

TEST_F(JwtVerifierTest, AudienceAndIssuerByExpression) {
  Ask({.audience_regex = "^(a|b)$", .issuer_regex = "^https://[a-z]+\\.example\\.com$"});
  EXPECT_EQ(VerifyPayload(R"({"aud":["c","b"],"iss":"https://x.example.com"})"), JwtResult::kOk);
  EXPECT_EQ(VerifyPayload(R"({"aud":"c","iss":"https://x.example.com"})"),
            JwtResult::kWrongAudience);
  EXPECT_EQ(VerifyPayload(R"({"aud":"a","iss":"https://x.example.com.evil.com"})"),
            JwtResult::kWrongIssuer);
  EXPECT_EQ(VerifyPayload(R"({"aud":"a"})"), JwtResult::kWrongIssuer);
}

TEST_F(JwtVerifierTest, TheUserMayStandInAnotherClaim) {
  Ask({.user_id_claim = "user_id"});
  ASSERT_EQ(VerifyPayload(R"({"sub":"s","user_id":"u"})"), JwtResult::kOk);
  EXPECT_EQ(claims_.user, "u");
  ASSERT_EQ(VerifyPayload(R"({"user_id":42})"), JwtResult::kOk);
  EXPECT_EQ(claims_.user, "42");
  ASSERT_EQ(VerifyPayload(R"({"sub":"s"})"), JwtResult::kOk);
  EXPECT_EQ(claims_.user, "") << "absent is anonymous, not sub";
  for (const std::string_view payload :
       {R"({"user_id":1.5})", R"({"user_id":1e3})", R"({"user_id":true})", R"({"user_id":[]})",
        R"({"user_id":{}})", R"({"user_id":"a","user_id":"b"})"}) {
    EXPECT_EQ(VerifyPayload(payload), JwtResult::kWrongClaims) << payload;
  }
}

TEST(ClaimRulesTest, RefusesWrongRules) {
  EXPECT_FALSE(ClaimRules::Make({.audience = "a", .audience_regex = "a"}).ok());
  EXPECT_FALSE(ClaimRules::Make({.issuer = "a", .issuer_regex = "a"}).ok());
  EXPECT_FALSE(ClaimRules::Make({.audience_regex = "("}).ok());
  EXPECT_FALSE(ClaimRules::Make({.issuer_regex = "(?=x)"}).ok()) << "RE2 looks nowhere ahead";
  EXPECT_FALSE(ClaimRules::Make({.user_id_claim = "a.b"}).ok());
  EXPECT_FALSE(ClaimRules::Make({.user_id_claim = "exp"}).ok()) << "it would never expire";
  EXPECT_TRUE(ClaimRules::Make({.user_id_claim = "sub"}).ok());
}

TEST_F(JwtVerifierTest, WithoutSignaturesEverythingElseIsStillChecked) {
  verifier_ = JwtVerifier(Rules({.audience = "us"}), /*skip_signature=*/true);
  const std::string forged = Joined(R"({"alg":"none"})", R"({"aud":"us","sub":"u"})") + ".";
  EXPECT_EQ(Verify(forged), JwtResult::kOk);
  EXPECT_EQ(claims_.user, "u");
  EXPECT_EQ(Verify(Token("{}")), JwtResult::kWrongAudience);
  EXPECT_EQ(Verify(Token(R"({"aud":"us","exp":1})")), JwtResult::kExpired);
  EXPECT_EQ(Verify("x"), JwtResult::kMalformed);
}

TEST_F(JwtVerifierTest, EveryResultHasAName) {
  for (int i = 0; i <= static_cast<int>(JwtResult::kWrongIssuer); ++i) {
    EXPECT_FALSE(NameOf(static_cast<JwtResult>(i)).empty()) << i;
  }
}

// Whichever byte is changed or lost, the signature no longer fits.
TEST_F(JwtVerifierTest, EveryByteOfATokenCounts) {
  const std::string token = Token(R"({"sub":"42","exp":1700000060})");
  ASSERT_EQ(Verify(token), JwtResult::kOk);
  for (std::size_t at = 0; at < token.size(); ++at) {
    EXPECT_TRUE(IsInvalid(Verify(std::string_view(token).substr(0, at)))) << at;
    for (const char other : {'A', 'B', '_', '.', '=', ' ', '\0', '\xff'}) {
      if (token[at] == other) continue;
      std::string changed = token;
      changed[at] = other;
      EXPECT_TRUE(IsInvalid(Verify(changed))) << at;
      std::string longer = token;
      longer.insert(at, 1, other);
      EXPECT_TRUE(IsInvalid(Verify(longer))) << at;
    }
  }
  for (const std::string_view more : {".", "=", "A", "AA", "AAAA", ".e30", "\n", " "}) {
    EXPECT_TRUE(IsInvalid(Verify(token + std::string(more)))) << more;
  }
  EXPECT_EQ(Verify(token), JwtResult::kOk);
}

TEST_F(JwtVerifierTest, LengthIsLimited) {
  const auto token_of = [](std::size_t filler) {
    return Token(R"({"info":")" + std::string(filler, 'x') + "\"}");
  };
  // Header, dots and signature take 65 bytes, and payload bytes 4/3 each.
  const std::size_t most = (kMaxTokenBytes - 65) * 3 / 4 - 11;
  EXPECT_LE(token_of(most).size(), kMaxTokenBytes);
  EXPECT_EQ(Verify(token_of(most)), JwtResult::kOk);
  EXPECT_EQ(claims_.info.size(), most + 2);
  EXPECT_GT(token_of(most + 2).size(), kMaxTokenBytes);
  EXPECT_EQ(Verify(token_of(most + 2)), JwtResult::kTooLong);
}

}  // namespace
}  // namespace tickcast::protocol
