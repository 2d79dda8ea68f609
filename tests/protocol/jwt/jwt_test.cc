#include "protocol/jwt/jwt.h"

#include <string>
#include <string_view>

#include <absl/strings/escaping.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace tickcast::protocol {
namespace {

constexpr std::string_view kSecret = "bbe7d157-a253-4094-9759-06a8236543f9";
constexpr std::int64_t kNow_s = 1700000000;

std::string Encoded(std::string_view bytes) {
  std::string out;
  absl::WebSafeBase64Escape({bytes.data(), bytes.size()}, &out);
  while (out.ends_with('=')) out.pop_back();
  return out;
}

// `text` (header and payload) with its signature, made by libcrypto and not by what is tested.
std::string Signed(std::string_view text, const EVP_MD* hash, std::string_view secret) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int mac_bytes = 0;
  HMAC(hash, secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &mac_bytes);
  return std::string(text) + "." + Encoded({reinterpret_cast<const char*>(mac), mac_bytes});
}

std::string Token(std::string_view payload, std::string_view header = R"({"alg":"HS256"})",
                  const EVP_MD* hash = EVP_sha256(), std::string_view secret = kSecret) {
  return Signed(Encoded(header) + "." + Encoded(payload), hash, secret);
}

class JwtVerifierTest : public testing::Test {
 protected:
  JwtResult Verify(std::string_view token) { return verifier_.Verify(token, kNow_s, claims_); }
  JwtResult VerifyPayload(std::string_view payload) { return Verify(Token(payload)); }

  JwtVerifier verifier_{kSecret};
  JwtClaims claims_;
};

// Source: RFC 7515 appendix A.1, whose key and token are given there (with white space and CRLF in
// header and payload, which the signature covers).
TEST_F(JwtVerifierTest, TakesTheExampleOfTheRfc) {
  std::string key;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
      &key));
  constexpr std::string_view kExample =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ."
      "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  JwtVerifier verifier(key);
  EXPECT_EQ(verifier.Verify(kExample, 1300819379, claims_), JwtResult::kOk);
  EXPECT_EQ(claims_.iss, "joe");
  EXPECT_EQ(claims_.exp_s, 1300819380);
  EXPECT_EQ(verifier.Verify(kExample, 1300819380, claims_), JwtResult::kExpired);
}

TEST_F(JwtVerifierTest, ReadsConnectionClaims) {
  ASSERT_EQ(VerifyPayload(
                R"({"sub":"42","exp":1700000060,"nbf":1700000000,"iat":1699999999.75,"jti":"j",)"
                R"("iss":"i","aud":["a","b"],"info": {"name": "\u00c9va", "n": 1.50},)"
                R"("b64info":"e30=","channels":["a","b"],"subs":{"c":{}},"meta":{"m":1},)"
                R"("expire_at":0,"else":[1]})"),
            JwtResult::kOk);
  EXPECT_EQ(claims_.sub, "42");
  EXPECT_TRUE(claims_.has_exp);
  EXPECT_EQ(claims_.exp_s, 1700000060);
  EXPECT_EQ(claims_.nbf_s, 1700000000);
  EXPECT_EQ(claims_.iat_s, 1699999999);
  EXPECT_EQ(claims_.jti, "j");
  EXPECT_EQ(claims_.iss, "i");
  EXPECT_EQ(claims_.aud, R"(["a","b"])");
  EXPECT_EQ(claims_.info, R"({"name":"\u00c9va","n":1.50})") << "every token as it was signed";
  EXPECT_EQ(claims_.b64info, "e30=");
  EXPECT_EQ(claims_.channels, R"(["a","b"])");
  EXPECT_EQ(claims_.subs, R"({"c":{}})");
  EXPECT_EQ(claims_.meta, R"({"m":1})");
  EXPECT_TRUE(claims_.has_expire_at);
  EXPECT_EQ(claims_.expire_at_s, 0);
}

TEST_F(JwtVerifierTest, ReadsSubscriptionClaims) {
  ASSERT_EQ(VerifyPayload(R"({"sub":"u\u0031","channel":"$room:1","client":"c-1","data":[1.0],)"
                          R"("b64data":"eA==","override":{"presence":{"value":true}}})"),
            JwtResult::kOk);
  EXPECT_EQ(claims_.sub, "u1");
  EXPECT_EQ(claims_.channel, "$room:1");
  EXPECT_EQ(claims_.client, "c-1");
  EXPECT_EQ(claims_.data, "[1.0]");
  EXPECT_EQ(claims_.b64data, "eA==");
  EXPECT_EQ(claims_.override_options, R"({"presence":{"value":true}})");
}

TEST_F(JwtVerifierTest, ATokenMayBeAnonymousAndEndless) {
  ASSERT_EQ(VerifyPayload("{}"), JwtResult::kOk);
  EXPECT_TRUE(claims_.sub.empty());
  EXPECT_FALSE(claims_.has_exp);
  ASSERT_EQ(VerifyPayload(R"({"sub":null,"exp":null})"), JwtResult::kOk);
  EXPECT_FALSE(claims_.has_exp);
}

TEST_F(JwtVerifierTest, IsGoodFromNbfOnAndUntilExp) {
  EXPECT_EQ(VerifyPayload(R"({"exp":1700000001})"), JwtResult::kOk);
  EXPECT_EQ(VerifyPayload(R"({"exp":1700000000,"sub":"u"})"), JwtResult::kExpired);
  EXPECT_EQ(claims_.sub, "u") << "who came too late is still known";
  EXPECT_EQ(VerifyPayload(R"({"exp":0})"), JwtResult::kExpired);
  EXPECT_EQ(VerifyPayload(R"({"nbf":1700000000})"), JwtResult::kOk);
  EXPECT_EQ(VerifyPayload(R"({"nbf":1700000001})"), JwtResult::kExpired);
}

TEST_F(JwtVerifierTest, TakesEveryHmacAlgorithmUnderItsOwnNameOnly) {
  const struct {
    std::string_view header;
    const EVP_MD* hash;
  } algorithms[] = {{R"({"alg":"HS256","typ":"JWT"})", EVP_sha256()},
                    {R"({"typ":"JWT","alg":"HS384"})", EVP_sha384()},
                    {R"({"alg":"HS512","kid":"1"})", EVP_sha512()}};
  for (const auto& named : algorithms) {
    for (const auto& used : algorithms) {
      EXPECT_EQ(Verify(Token("{}", named.header, used.hash)),
                named.hash == used.hash ? JwtResult::kOk : JwtResult::kInvalid);
    }
  }
}

TEST_F(JwtVerifierTest, RefusesEveryOtherAlgorithm) {
  for (const std::string_view header :
       {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"hs256"})", R"({"alg":"RS256"})",
        R"({"alg":"ES256"})", R"({"alg":"HS1"})", R"({"alg":""})", R"({"alg":null})",
        R"({"alg":256})", R"({})", R"([])", R"("HS256")", R"({"alg":"HS256")",
        R"({"alg":"HS256","alg":"none"})", R"({"alg":"HS256","crit":["exp"]})"}) {
    EXPECT_EQ(Verify(Token("{}", header)), JwtResult::kInvalid) << header;
  }
  EXPECT_EQ(Verify(Encoded(R"({"alg":"none"})") + "." + Encoded("{}") + "."), JwtResult::kInvalid);
}

TEST_F(JwtVerifierTest, RefusesAnotherSecretAndAnEmptyOne) {
  EXPECT_EQ(Verify(Token("{}", R"({"alg":"HS256"})", EVP_sha256(), "other")), JwtResult::kInvalid);
  JwtVerifier open("");
  EXPECT_EQ(open.Verify(Token("{}", R"({"alg":"HS256"})", EVP_sha256(), ""), kNow_s, claims_),
            JwtResult::kInvalid);
}

TEST_F(JwtVerifierTest, RefusesClaimsOfWrongTypes) {
  for (const std::string_view payload :
       {"[]", "null", "1", "", "{\"sub\":tru}", R"({"sub":42})", R"({"exp":"1700000060"})",
        R"({"exp":true})", R"({"exp":1e400})", R"({"exp":9007199254740992})", R"({"channel":[]})",
        R"({"channels":"a"})", R"({"subs":[]})", R"({"override":1})", R"({"iss":1})"}) {
    EXPECT_EQ(VerifyPayload(payload), JwtResult::kInvalid) << payload;
    EXPECT_TRUE(claims_.sub.empty());
    EXPECT_FALSE(claims_.has_exp);
  }
}

// Whichever byte is changed or lost, the signature no longer fits.
TEST_F(JwtVerifierTest, EveryByteOfATokenCounts) {
  const std::string token = Token(R"({"sub":"42","exp":1700000060})");
  ASSERT_EQ(Verify(token), JwtResult::kOk);
  for (std::size_t at = 0; at < token.size(); ++at) {
    EXPECT_EQ(Verify(std::string_view(token).substr(0, at)), JwtResult::kInvalid) << at;
    for (const char other : {'A', 'B', '_', '.', '=', ' ', '\0', '\xff'}) {
      if (token[at] == other) continue;
      std::string changed = token;
      changed[at] = other;
      EXPECT_EQ(Verify(changed), JwtResult::kInvalid) << at;
      std::string longer = token;
      longer.insert(at, 1, other);
      EXPECT_EQ(Verify(longer), JwtResult::kInvalid) << at;
    }
  }
  for (const std::string_view more : {".", "=", "A", "AA", "AAAA", ".e30", "\n", " "}) {
    EXPECT_EQ(Verify(token + std::string(more)), JwtResult::kInvalid) << more;
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
  EXPECT_EQ(Verify(token_of(most + 2)), JwtResult::kInvalid);
}

}  // namespace
}  // namespace tickcast::protocol
