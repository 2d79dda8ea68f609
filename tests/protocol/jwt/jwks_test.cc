#include "protocol/jwt/jwks.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/protocol/jwt/test_tokens.h"

namespace tickcast::protocol {
namespace {

std::string Document(std::string_view keys) { return "{\"keys\":[" + std::string(keys) + "]}"; }

// Whether a document with this key has one that can be used.
bool Usable(const std::string& jwk) {
  const absl::StatusOr<Jwks> jwks = ParseJwks(Document(jwk));
  EXPECT_TRUE(jwks.ok()) << jwk;
  EXPECT_EQ(jwks->keys.keys().size() + jwks->passed_over, 1) << jwk;
  return !jwks->keys.empty();
}

TEST(JwksTest, TakesEveryKindOfKeyUnderItsOwnAlgorithmsOnly) {
  const TestKey rsa = TestKey::Rsa();
  const TestKey p256 = TestKey::Ec("P-256");
  const TestKey p384 = TestKey::Ec("P-384");
  const TestKey p521 = TestKey::Ec("P-521");
  const TestKey ed = TestKey::Ed25519();
  const absl::StatusOr<Jwks> jwks =
      ParseJwks(Document(rsa.Jwk("rsa") + "," + p256.Jwk("p256") + "," + p384.Jwk("p384") + "," +
                         p521.Jwk("p521") + "," + ed.Jwk("ed")));
  ASSERT_TRUE(jwks.ok());
  EXPECT_EQ(jwks->passed_over, 0);
  const struct {
    const TestKey& key;
    std::string_view kid;
    std::string_view algorithms;
  } rows[] = {{rsa, "rsa", "RS256 RS384 RS512"},
              {p256, "p256", "ES256"},
              {p384, "p384", "ES384"},
              {p521, "p521", "ES512"},
              {ed, "ed", "EdDSA"}};
  for (const auto& row : rows) {
    for (const JwtAlgorithmName& algorithm : kJwtAlgorithms) {
      const bool own = row.algorithms.find(algorithm.name) != std::string_view::npos;
      const std::string signature = own ? row.key.Sign(algorithm.name, "text") : "signature";
      EXPECT_EQ(jwks->keys.Check(algorithm.algorithm, row.kid, "text", signature, 0),
                own ? KeyMatch::kSigned : KeyMatch::kWrongAlgorithm)
          << row.kid << " " << algorithm.name;
    }
    EXPECT_EQ(jwks->keys.Check(JwtAlgorithm::kRs256, "", "text", "signature", 0),
              KeyMatch::kUnknownKey);
    EXPECT_EQ(jwks->keys.Check(JwtAlgorithm::kRs256, "other", "text", "signature", 0),
              KeyMatch::kUnknownKey);
  }
}

TEST(JwksTest, AlgIsTheOnlyAlgorithmOfAKeyThatNamesIt) {
  const TestKey rsa = TestKey::Rsa();
  const KeySet keys = ParseJwks(Document(rsa.Jwk("k", R"(,"alg":"RS384")")))->keys;
  EXPECT_EQ(keys.Check(JwtAlgorithm::kRs384, "k", "text", rsa.Sign("RS384", "text"), 0),
            KeyMatch::kSigned);
  EXPECT_EQ(keys.Check(JwtAlgorithm::kRs256, "k", "text", rsa.Sign("RS256", "text"), 0),
            KeyMatch::kWrongAlgorithm);
}

TEST(JwksTest, KeysOfOneIdAreAlternatives) {
  const TestKey one = TestKey::Ec("P-256");
  const TestKey two = TestKey::Ec("P-256");
  const KeySet keys = ParseJwks(Document(one.Jwk("k") + "," + two.Jwk("k")))->keys;
  EXPECT_EQ(keys.Check(JwtAlgorithm::kEs256, "k", "t", one.Sign("ES256", "t"), 0),
            KeyMatch::kSigned);
  EXPECT_EQ(keys.Check(JwtAlgorithm::kEs256, "k", "t", two.Sign("ES256", "t"), 0),
            KeyMatch::kSigned);
}

TEST(JwksTest, PassesOverWhatIsNotForUs) {
  const TestKey ec = TestKey::Ec("P-256");
  EXPECT_TRUE(Usable(ec.Jwk("k")));
  EXPECT_TRUE(Usable(ec.Jwk("k", R"(,"use":"sig","alg":"ES256","key_ops":["verify"],"x5c":[1])")));
  EXPECT_TRUE(Usable(ec.Jwk("k", R"(,"use":null,"alg":null,"exp":1e400)")));
  EXPECT_FALSE(Usable(ec.Jwk("")));
  EXPECT_FALSE(Usable(ec.Jwk("k", R"(,"use":"enc")")));
  EXPECT_FALSE(Usable(ec.Jwk("k", R"(,"alg":"ES384")"))) << "the algorithm of another curve";
  EXPECT_FALSE(Usable(ec.Jwk("k", R"(,"alg":"HS256")"))) << "a public key is no secret";
  EXPECT_FALSE(Usable(ec.Jwk("k", R"(,"alg":"none")")));
  EXPECT_FALSE(Usable(ec.Jwk("k", R"(,"kid":"k")"))) << "twice";
  EXPECT_FALSE(Usable(ec.Jwk("k", R"(,"alg":1)")));
  EXPECT_FALSE(Usable(R"({"kty":"oct","kid":"k","k":"c2VjcmV0"})"));
  EXPECT_FALSE(Usable(R"({"kty":"OKP","crv":"X25519","kid":"k","x":"AA"})"));
  EXPECT_FALSE(Usable(R"({"kty":"PQC","kid":"k"})"));
  EXPECT_FALSE(Usable("{}"));
}

TEST(JwksTest, PassesOverWeakAndBrokenValues) {
  EXPECT_FALSE(Usable(TestKey::Rsa(1024).Jwk("k"))) << "too short";
  const std::string n = Base64Url(TestKey::Rsa().Number("n"));
  const auto rsa = [&n](std::string_view e) {
    return R"({"kty":"RSA","kid":"k","n":")" + n + R"(","e":")" + std::string(e) + "\"}";
  };
  EXPECT_TRUE(Usable(rsa("AQAB")));
  EXPECT_TRUE(Usable(rsa("Aw")));
  for (const std::string_view e : {"", "AA", "AQ", "Ag", "AQAA", "AQAB=", "AQ AB", "/+"}) {
    EXPECT_FALSE(Usable(rsa(e))) << e;
  }
  EXPECT_FALSE(
      Usable(R"({"kty":"RSA","kid":"k","n":")" + std::string(1400, 'f') + R"(","e":"AQAB"})"))
      << "8400 bits";

  const TestKey ec = TestKey::Ec("P-256");
  const std::string x = Base64Url(ec.Number("qx", 32));
  const std::string y = Base64Url(ec.Number("qy", 32));
  const auto point = [](std::string_view crv, std::string_view px, std::string_view py) {
    return R"({"kty":"EC","kid":"k","crv":")" + std::string(crv) + R"(","x":")" + std::string(px) +
           R"(","y":")" + std::string(py) + "\"}";
  };
  EXPECT_TRUE(Usable(point("P-256", x, y)));
  EXPECT_FALSE(Usable(point("P-256", y, x))) << "not on the curve";
  EXPECT_FALSE(Usable(point("P-384", x, y)));
  EXPECT_FALSE(Usable(point("secp256k1", x, y)));
  EXPECT_FALSE(Usable(point("P-256", "", ""))) << "the point (0, 0)";
  EXPECT_FALSE(Usable(point("P-256", "AAAA" + x, y)));
  EXPECT_FALSE(Usable(R"({"kty":"OKP","crv":"Ed25519","kid":"k","x":"AAAA"})"));
}

// So that a gateway's error page never replaces keys that are good.
TEST(JwksTest, RefusesWhatIsNoDocument) {
  for (const std::string_view text :
       {"", " ", "null", "[]", "\"keys\"", "{}", R"({"keys":null})", R"({"keys":{}})",
        R"({"keys":[1]})", R"({"keys":[[]]})", R"({"keys":[{}])", R"({"keys":[],"keys":[]})",
        "<html>502 Bad Gateway</html>", "{\"keys\":[{\"kid\":\"\xff\"}]}"}) {
    EXPECT_FALSE(ParseJwks(text).ok()) << text;
  }
  EXPECT_TRUE(ParseJwks(R"({"keys":[]})").ok()) << "an issuer that has no keys now";
  EXPECT_FALSE(ParseJwks(Document("") + std::string(kMaxJwksBytes, ' ')).ok());
}

TEST(JwksTest, NumberOfKeysIsLimited) {
  const std::string jwk = TestKey::Ed25519().Jwk("k");
  std::string keys;
  for (std::size_t i = 0; i < kMaxKeys + 3; ++i) keys += (i == 0 ? "" : ",") + jwk;
  const absl::StatusOr<Jwks> jwks = ParseJwks(Document(keys));
  ASSERT_TRUE(jwks.ok());
  EXPECT_EQ(jwks->keys.keys().size(), kMaxKeys);
  EXPECT_EQ(jwks->passed_over, 3);
}

TEST(JwksTest, IsTheSameWhereverItIsCut) {
  const std::string text = Document(TestKey::Ec("P-256").Jwk("k", R"(,"use":"sig")"));
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(ParseJwks(std::string_view(text).substr(0, size)).ok()) << size;
  }
  EXPECT_TRUE(ParseJwks(text).ok());
}

TEST(JwtKeyTest, ReadsPem) {
  const TestKey rsa = TestKey::Rsa();
  const TestKey ec = TestKey::Ec("P-384");
  const absl::StatusOr<JwtKey> rsa_key = JwtKey::FromRsaPem(rsa.PublicPem());
  const absl::StatusOr<JwtKey> ec_key = JwtKey::FromEcdsaPem(ec.PublicPem());
  ASSERT_TRUE(rsa_key.ok() && ec_key.ok());
  EXPECT_TRUE(rsa_key->HasSigned(JwtAlgorithm::kRs512, "t", rsa.Sign("RS512", "t")));
  EXPECT_TRUE(ec_key->HasSigned(JwtAlgorithm::kEs384, "t", ec.Sign("ES384", "t")));
  EXPECT_FALSE(JwtKey::FromRsaPem(ec.PublicPem()).ok());
  EXPECT_FALSE(JwtKey::FromEcdsaPem(rsa.PublicPem()).ok());
  EXPECT_FALSE(JwtKey::FromRsaPem("").ok());
  EXPECT_FALSE(JwtKey::FromRsaPem("secret").ok());
  EXPECT_FALSE(JwtKey::FromEcdsaPem(TestKey::Ec("secp256k1").PublicPem()).ok());
  EXPECT_EQ(JwtKey::FromRsaPem(rsa.PrivatePem()).status().message(),
            "a private key; the public key belongs here");
  EXPECT_EQ(JwtKey::FromEcdsaPem(ec.PrivatePem()).status().message(),
            "a private key; the public key belongs here");
  EXPECT_EQ(JwtKey::FromRsaPem(TestKey::Rsa(1024).PublicPem()).status().message(),
            "an RSA key of less than 2048 bits");
}

TEST(JwtKeyTest, IsTakenUntilItsTime) {
  JwtKey key = JwtKey::FromSecret("s").value();
  EXPECT_TRUE(key.IsValidAt(1));
  key.set_valid_until_s(10);
  EXPECT_TRUE(key.IsValidAt(10));
  EXPECT_FALSE(key.IsValidAt(11));
  EXPECT_FALSE(JwtKey::FromSecret("").ok());
}

}  // namespace
}  // namespace tickcast::protocol
