// Known attacks on tokens, each by its name: none is taken, and each is refused for its own reason.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/protocol/jwt/test_tokens.h"

namespace tickcast::protocol {
namespace {

constexpr std::int64_t kNow_s = 1700000000;
constexpr std::string_view kSecret = "a secret of the operator's";
constexpr std::string_view kAdmin = R"({"sub":"admin","aud":"us","iss":"them"})";
constexpr std::string_view kHs256 = R"({"alg":"HS256"})";

// The operator's keys, and somebody else's.
struct World {
  TestKey rsa = TestKey::Rsa();
  TestKey ec = TestKey::Ec("P-256");
  TestKey ed = TestKey::Ed25519();
  TestKey foreign_rsa = TestKey::Rsa();
  TestKey foreign_ec = TestKey::Ec("P-256");
  TestKey p384 = TestKey::Ec("P-384");
  std::shared_ptr<const KeySet> configured = Configured();
  std::shared_ptr<const KeySet> jwks =
      KeysOfJwks("{\"keys\":[" + rsa.Jwk("rsa", R"(,"alg":"RS256")") + "," + ec.Jwk("ec") + "," +
                 ed.Jwk("ed") + "," + p384.Jwk("encryption", R"(,"use":"enc")") + "]}");

  std::shared_ptr<const KeySet> Configured() const {
    auto keys = std::make_shared<KeySet>();
    keys->Add(JwtKey::FromSecret(kSecret).value());
    keys->Add(JwtKey::FromRsaPem(rsa.PublicPem()).value());
    keys->Add(JwtKey::FromEcdsaPem(ec.PublicPem()).value());
    return keys;
  }
};

const World& TheWorld() {
  static const World world;
  return world;
}

struct Attack {
  std::string name;
  std::function<std::string(const World&)> token;
  JwtResult refused_as;
  bool by_jwks = false;
};

std::string Unsigned(std::string_view header, std::string_view signature = "") {
  return Joined(header, kAdmin) + "." + std::string(signature);
}

// Signed by the operator's secret: what an issuer with a hole in it lets through.
std::string Issued(std::string_view payload, std::string_view header = kHs256) {
  return HmacToken(header, payload, "HS256", kSecret);
}

std::string EcToken(const World& world, const std::function<std::string(std::string)>& change) {
  const std::string text = Joined(R"({"alg":"ES256"})", kAdmin);
  return text + "." + Base64Url(change(world.ec.Sign("ES256", text)));
}

// n - s instead of s, or the like: a number as 32 bytes.
std::string OrderOfP256() {
  BIGNUM* order = nullptr;
  BN_hex2bn(&order, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
  std::string out(32, '\0');
  BN_bn2binpad(order, reinterpret_cast<unsigned char*>(out.data()), 32);
  BN_free(order);
  return out;
}

std::vector<Attack> NoneAttacks() {
  std::vector<Attack> attacks;
  for (const std::string name : {"none", "None", "NONE", "nOnE", "none ", ""}) {
    const std::string header = R"({"alg":")" + name + "\"}";
    attacks.push_back({"AlgNone" + std::to_string(attacks.size()),
                       [header](const World&) { return Unsigned(header); },
                       JwtResult::kWrongAlgorithm});
  }
  attacks.push_back({"AlgNoneWithASignature",
                     [](const World&) { return Unsigned(R"({"alg":"none"})", "AAAA"); },
                     JwtResult::kWrongAlgorithm});
  attacks.push_back(
      {"AlgIsAbsent", [](const World&) { return Unsigned("{}"); }, JwtResult::kWrongAlgorithm});
  attacks.push_back({"AlgIsNull", [](const World&) { return Issued(kAdmin, R"({"alg":null})"); },
                     JwtResult::kWrongAlgorithm});
  attacks.push_back({"AlgIsANumber", [](const World&) { return Issued(kAdmin, R"({"alg":256})"); },
                     JwtResult::kMalformed});
  attacks.push_back({"AlgInLowerCase",
                     [](const World&) { return Issued(kAdmin, R"({"alg":"hs256"})"); },
                     JwtResult::kWrongAlgorithm});
  attacks.push_back({"AlgIsWeaker", [](const World&) { return Issued(kAdmin, R"({"alg":"HS1"})"); },
                     JwtResult::kWrongAlgorithm});
  attacks.push_back({"AlgTwiceTheLastNone",
                     [](const World&) { return Issued(kAdmin, R"({"alg":"HS256","alg":"none"})"); },
                     JwtResult::kMalformed});
  attacks.push_back({"AlgWithANul",
                     [](const World&) { return Issued(kAdmin, R"({"alg":"HS256\u0000"})"); },
                     JwtResult::kWrongAlgorithm});
  attacks.push_back(
      {"PssInPlaceOfPkcs1",
       [](const World& w) { return SignedToken(w.rsa, "RS256", R"({"alg":"PS256"})", kAdmin); },
       JwtResult::kWrongAlgorithm});
  return attacks;
}

std::vector<Attack> KeyConfusionAttacks() {
  return {
      {"RsaPemAsTheSecret",
       [](const World& w) { return HmacToken(kHs256, kAdmin, "HS256", w.rsa.PublicPem()); },
       JwtResult::kWrongSignature},
      {"RsaPemWithoutItsLastNewlineAsTheSecret",
       [](const World& w) {
         std::string pem = w.rsa.PublicPem();
         pem.pop_back();
         return HmacToken(kHs256, kAdmin, "HS256", pem);
       },
       JwtResult::kWrongSignature},
      {"EcPemAsTheSecret",
       [](const World& w) { return HmacToken(kHs256, kAdmin, "HS256", w.ec.PublicPem()); },
       JwtResult::kWrongSignature},
      {"JwkAsTheSecret",
       [](const World& w) {
         return HmacToken(R"({"alg":"HS256","kid":"rsa"})", kAdmin, "HS256", w.rsa.Jwk("rsa"));
       },
       JwtResult::kWrongAlgorithm, /*by_jwks=*/true},
      {"ModulusAsTheSecret",
       [](const World& w) {
         return HmacToken(R"({"alg":"HS256","kid":"rsa"})", kAdmin, "HS256", w.rsa.Number("n"));
       },
       JwtResult::kWrongAlgorithm, /*by_jwks=*/true},
      {"EmptySecret", [](const World&) { return HmacToken(kHs256, kAdmin, "HS256", ""); },
       JwtResult::kWrongSignature},
      {"KeyUnderAnotherKeysId",
       [](const World& w) {
         return SignedToken(w.ec, "ES256", R"({"alg":"ES256","kid":"rsa"})", kAdmin);
       },
       JwtResult::kWrongAlgorithm, /*by_jwks=*/true},
      {"AlgorithmThatTheKeyDoesNotName",
       [](const World& w) {
         return SignedToken(w.rsa, "RS512", R"({"alg":"RS512","kid":"rsa"})", kAdmin);
       },
       JwtResult::kWrongAlgorithm, /*by_jwks=*/true},
      {"EncryptionKeySigns",
       [](const World& w) {
         return SignedToken(w.p384, "ES384", R"({"alg":"ES384","kid":"encryption"})", kAdmin);
       },
       JwtResult::kUnknownKey, /*by_jwks=*/true},
      {"CurveOfAnotherAlgorithm",
       [](const World& w) { return SignedToken(w.ec, "ES384", R"({"alg":"ES384"})", kAdmin); },
       JwtResult::kWrongAlgorithm},
      {"OwnKeyOfTheAttacker",
       [](const World& w) {
         return SignedToken(w.foreign_rsa, "RS256", R"({"alg":"RS256"})", kAdmin);
       },
       JwtResult::kWrongSignature},
  };
}

// A header that brings its own key along, or says where one is.
std::vector<Attack> HeaderAttacks() {
  const auto with = [](const char* members) {
    return [members](const World& w) {
      return SignedToken(w.foreign_rsa, "RS256", std::string(R"({"alg":"RS256",)") + members + "}",
                         kAdmin);
    };
  };
  std::vector<Attack> attacks = {
      {"EmbeddedJwk",
       [](const World& w) {
         return SignedToken(w.foreign_rsa, "RS256",
                            R"({"alg":"RS256","jwk":)" + w.foreign_rsa.Jwk("x") + "}", kAdmin);
       },
       JwtResult::kWrongSignature},
      {"EmbeddedJwkUnderAKnownId",
       [](const World& w) {
         return SignedToken(w.foreign_rsa, "RS256",
                            R"({"alg":"RS256","kid":"rsa","jwk":)" + w.foreign_rsa.Jwk("rsa") + "}",
                            kAdmin);
       },
       JwtResult::kWrongSignature, /*by_jwks=*/true},
      {"JkuOfTheAttacker", with(R"("jku":"http://127.0.0.1:1/jwks.json")"),
       JwtResult::kWrongSignature},
      {"X5uOfTheAttacker", with(R"("x5u":"http://127.0.0.1:1/cert.pem")"),
       JwtResult::kWrongSignature},
      {"X5cOfTheAttacker", with(R"("x5c":["MIIB"],"x5t":"AAAA")"), JwtResult::kWrongSignature},
      {"CritWithAKnownClaim", with(R"("crit":["exp"],"exp":9999999999)"), JwtResult::kMalformed},
      {"CritEmpty", with(R"("crit":[])"), JwtResult::kMalformed},
      {"UnencodedPayload", with(R"("b64":false,"crit":["b64"])"), JwtResult::kMalformed},
      {"UnencodedPayloadWithoutCrit", with(R"("b64":false)"), JwtResult::kMalformed},
      {"KidTwice", with(R"("kid":"x","kid":"rsa")"), JwtResult::kMalformed, /*by_jwks=*/true},
      {"KidIsAnArray", with(R"("kid":["rsa"])"), JwtResult::kMalformed, /*by_jwks=*/true},
      {"HeaderIsNoObject", [](const World&) { return Issued(kAdmin, R"(["HS256"])"); },
       JwtResult::kMalformed},
      {"HeaderWithInvalidUtf8",
       [](const World&) { return Issued(kAdmin, "{\"alg\":\"HS256\",\"x\":\"\xc3\x28\"}"); },
       JwtResult::kMalformed},
      {"HeaderWithGarbageBehind",
       [](const World&) { return Issued(kAdmin, R"({"alg":"HS256"}{"alg":"none"})"); },
       JwtResult::kMalformed},
  };
  // A `kid` that somebody's key store would have run.
  for (const std::string kid :
       {"../../../../dev/null", "/proc/sys/kernel/randomize_va_space", "x' UNION SELECT 'key",
        "rsa|id", "http://127.0.0.1:1/", "RSA", "rsa ", "rsa\\u0000", "", "*"}) {
    const std::string header = R"({"alg":"RS256","kid":")" + kid + "\"}";
    attacks.push_back(
        {"Kid" + std::to_string(attacks.size()),
         [header](const World& w) { return SignedToken(w.rsa, "RS256", header, kAdmin); },
         JwtResult::kUnknownKey, /*by_jwks=*/true});
  }
  return attacks;
}

std::vector<Attack> SignatureAttacks() {
  const std::string zero(32, '\0');
  return {
      {"EmptySignature", [](const World&) { return Unsigned(kHs256); }, JwtResult::kWrongSignature},
      {"NoSignaturePart", [](const World&) { return Joined(kHs256, kAdmin); },
       JwtResult::kMalformed},
      {"TruncatedMac",
       [](const World&) {
         const std::string text = Joined(kHs256, kAdmin);
         return text + "." + Base64Url(Hmac("HS256", kSecret, text).substr(0, 16));
       },
       JwtResult::kWrongSignature},
      {"MacOfZeros", [zero](const World&) { return Unsigned(kHs256, Base64Url(zero)); },
       JwtResult::kWrongSignature},
      {"SignatureInHexadecimal",
       [](const World&) { return Unsigned(kHs256, std::string(64, 'a')); },
       JwtResult::kWrongSignature},
      {"FourParts", [](const World&) { return Issued(kAdmin) + ".e30"; }, JwtResult::kMalformed},
      {"PaddedBase64", [](const World&) { return Issued(kAdmin) + "="; }, JwtResult::kMalformed},
      {"NonCanonicalBase64",
       [](const World&) {
         // A MAC of 32 bytes leaves 2 bits in its last character that carry nothing.
         std::string token = Issued(kAdmin);
         token.back() = static_cast<char>(token.back() + 1);
         return token;
       },
       JwtResult::kMalformed},
      {"WhiteSpaceAround", [](const World&) { return " " + Issued(kAdmin); },
       JwtResult::kMalformed},
      {"NewlineBehind", [](const World&) { return Issued(kAdmin) + "\n"; }, JwtResult::kMalformed},
      {"NulBehind", [](const World&) { return Issued(kAdmin) + std::string(1, '\0'); },
       JwtResult::kMalformed},
      {"PayloadSwapped",
       [](const World&) {
         const std::string token = Issued(R"({"sub":"nobody"})");
         return Joined(kHs256, kAdmin) + token.substr(token.rfind('.'));
       },
       JwtResult::kWrongSignature},
      {"EcBothZero",
       [zero](const World& w) { return EcToken(w, [zero](std::string) { return zero + zero; }); },
       JwtResult::kWrongSignature},
      {"EcRZero",
       [zero](const World& w) {
         return EcToken(w, [zero](const std::string& s) { return zero + s.substr(32); });
       },
       JwtResult::kWrongSignature},
      {"EcSZero",
       [zero](const World& w) {
         return EcToken(w, [zero](const std::string& s) { return s.substr(0, 32) + zero; });
       },
       JwtResult::kWrongSignature},
      {"EcROfTheOrder",
       [](const World& w) {
         return EcToken(w, [](const std::string& s) { return OrderOfP256() + s.substr(32); });
       },
       JwtResult::kWrongSignature},
      {"EcSOfTheOrder",
       [](const World& w) {
         return EcToken(w, [](const std::string& s) { return s.substr(0, 32) + OrderOfP256(); });
       },
       JwtResult::kWrongSignature},
      {"EcInDer",
       [](const World& w) {
         const std::string text = Joined(R"({"alg":"ES256"})", kAdmin);
         return text + "." + Base64Url(w.ec.RawSignature("ES256", text));
       },
       JwtResult::kWrongSignature},
      {"EcTruncated",
       [](const World& w) {
         return EcToken(w, [](const std::string& s) { return s.substr(0, 63); });
       },
       JwtResult::kWrongSignature},
      {"EcWithZerosBefore",
       [](const World& w) {
         return EcToken(w, [](const std::string& s) {
           return std::string(1, '\0') + s.substr(0, 32) + std::string(1, '\0') + s.substr(32);
         });
       },
       JwtResult::kWrongSignature},
      {"EcOfAnotherKey",
       [](const World& w) {
         return SignedToken(w.foreign_ec, "ES256", R"({"alg":"ES256"})", kAdmin);
       },
       JwtResult::kWrongSignature},
      {"RsaSignatureOfZeros",
       [](const World&) {
         return Unsigned(R"({"alg":"RS256"})", Base64Url(std::string(256, '\0')));
       },
       JwtResult::kWrongSignature},
      {"RsaSignatureOfOne",
       [](const World&) {
         return Unsigned(R"({"alg":"RS256"})", Base64Url(std::string(255, '\0') + '\1'));
       },
       JwtResult::kWrongSignature},
      {"RsaSignatureTooLong",
       [](const World& w) {
         const std::string text = Joined(R"({"alg":"RS256"})", kAdmin);
         return text + "." + Base64Url(std::string(1, '\0') + w.rsa.Sign("RS256", text));
       },
       JwtResult::kWrongSignature},
      {"EdSignatureOfZeros",
       [](const World&) {
         return Unsigned(R"({"alg":"EdDSA","kid":"ed"})", Base64Url(std::string(64, '\0')));
       },
       JwtResult::kWrongSignature, /*by_jwks=*/true},
      {"EdSignatureTruncated",
       [](const World& w) {
         const std::string text = Joined(R"({"alg":"EdDSA","kid":"ed"})", kAdmin);
         return text + "." + Base64Url(w.ed.Sign("EdDSA", text).substr(0, 63));
       },
       JwtResult::kWrongSignature, /*by_jwks=*/true},
  };
}

// Well signed, and still not to be taken: the issuer let somebody write into a claim.
std::vector<Attack> ClaimAttacks() {
  std::vector<Attack> attacks;
  const auto add = [&attacks](std::string name, std::string members, JwtResult result) {
    attacks.push_back(
        {std::move(name),
         [members](const World&) { return Issued(R"({"aud":"us","iss":"them",)" + members + "}"); },
         result});
  };
  add("ExpAsAString", R"("exp":"9999999999")", JwtResult::kWrongClaims);
  add("ExpAsNan", R"("exp":NaN)", JwtResult::kWrongClaims);
  add("ExpInfinite", R"("exp":1e999)", JwtResult::kWrongClaims);
  add("ExpNegative", R"("exp":-1)", JwtResult::kExpired);
  add("ExpBeyondTheExact", R"("exp":9223372036854775808)", JwtResult::kWrongClaims);
  add("ExpAsAFractionThatHasPassed", R"("exp":1699999999.999)", JwtResult::kExpired);
  add("ExpTwice", R"("exp":1,"exp":9999999999)", JwtResult::kWrongClaims);
  add("ExpAsAList", R"("exp":[9999999999])", JwtResult::kWrongClaims);
  add("ExpTrue", R"("exp":true)", JwtResult::kWrongClaims);
  add("NbfInTheFuture", R"("nbf":1700000001)", JwtResult::kNotYet);
  add("NbfAsAString", R"("nbf":"1")", JwtResult::kWrongClaims);
  add("SubTwice", R"("sub":"nobody","sub":"admin")", JwtResult::kWrongClaims);
  add("SubTwiceOnceEscaped", R"("sub":"nobody","\u0073ub":"admin")", JwtResult::kWrongClaims);
  add("SubWithANul", R"("sub":"admin\u0000nobody")", JwtResult::kWrongClaims);
  add("SubAsAnObject", R"("sub":{"$ne":""})", JwtResult::kWrongClaims);
  add("SubAsANumber", R"("sub":0)", JwtResult::kWrongClaims);
  add("SubWithALoneSurrogate", R"("sub":"\ud800")", JwtResult::kWrongClaims);
  add("SubWithInvalidUtf8", "\"sub\":\"\xff\xfe\"", JwtResult::kWrongClaims);
  add("SubWithOverlongUtf8", "\"sub\":\"\xc0\xae\"", JwtResult::kWrongClaims);
  add("SubWithARawControl", "\"sub\":\"a\nb\"", JwtResult::kWrongClaims);
  add("ChannelWithANul", R"("channel":"a\u0000b")", JwtResult::kWrongClaims);
  add("ChannelsWithSomethingElse", R"("channels":["a",{}])", JwtResult::kWrongClaims);
  add("SubsTwiceTheSameChannel", R"("subs":{"a":{},"a":{"info":1}})", JwtResult::kWrongClaims);
  add("NestedTooDeep", R"("info":)" + std::string(600, '[') + std::string(600, ']'),
      JwtResult::kWrongClaims);
  add("GarbageBehindThePayload", R"("sub":"a"}{"sub":"admin")", JwtResult::kWrongClaims);
  add("OverrideOfAWrongType", R"("override":{"presence":{"value":1}})", JwtResult::kWrongClaims);

  const auto whole = [&attacks](std::string name, std::string payload, JwtResult result) {
    attacks.push_back(
        {std::move(name), [payload](const World&) { return Issued(payload); }, result});
  };
  whole("PayloadIsAnArray", "[]", JwtResult::kWrongClaims);
  whole("PayloadIsNull", "null", JwtResult::kWrongClaims);
  whole("PayloadIsEmpty", "", JwtResult::kWrongClaims);
  whole("PayloadIsAByteOrderMark", "\xef\xbb\xbf{}", JwtResult::kWrongClaims);
  whole("AudienceOfSomebodyElse", R"({"aud":"them","iss":"them"})", JwtResult::kWrongAudience);
  whole("AudienceAbsent", R"({"iss":"them"})", JwtResult::kWrongAudience);
  whole("AudienceTwice", R"({"iss":"them","aud":"x","aud":"us"})", JwtResult::kWrongClaims);
  whole("AudienceAsAnObject", R"({"iss":"them","aud":{"us":1}})", JwtResult::kWrongClaims);
  whole("IssuerOfSomebodyElse", R"({"aud":"us","iss":"them.evil"})", JwtResult::kWrongIssuer);
  whole("IssuerAsAList", R"({"aud":"us","iss":["them"]})", JwtResult::kWrongClaims);
  whole("HugeToken", R"({"aud":"us","iss":"them","info":")" + std::string(20000, 'x') + "\"}",
        JwtResult::kTooLong);
  attacks.push_back({"HugeSignature",
                     [](const World&) { return Unsigned(kHs256, std::string(20000, 'A')); },
                     JwtResult::kTooLong});
  attacks.push_back(
      {"OnlyDots", [](const World&) { return std::string(3, '.'); }, JwtResult::kMalformed});
  attacks.push_back({"Nothing", [](const World&) { return std::string(); }, JwtResult::kMalformed});
  attacks.push_back({"NestedToken", [](const World&) { return Issued(Issued(kAdmin)); },
                     JwtResult::kWrongClaims});
  return attacks;
}

class JwtAttackTest : public testing::TestWithParam<Attack> {};

TEST_P(JwtAttackTest, IsRefused) {
  const World& world = TheWorld();
  JwtVerifier verifier(Rules({.audience = "us", .issuer = "them"}));
  verifier.SetKeys(GetParam().by_jwks ? world.jwks : world.configured);
  JwtClaims claims;
  const std::string token = GetParam().token(world);
  const JwtResult result = verifier.Verify(token, kNow_s, claims);
  EXPECT_EQ(NameOf(result), NameOf(GetParam().refused_as)) << token;
  EXPECT_NE(result, JwtResult::kOk);
  if (IsInvalid(result)) {
    EXPECT_TRUE(claims.user.empty() && claims.channel.empty() && claims.subs.empty());
  }

  // The verifier is as good as before.
  const std::string good =
      GetParam().by_jwks ? SignedToken(world.rsa, "RS256", R"({"alg":"RS256","kid":"rsa"})", kAdmin)
                         : Issued(kAdmin);
  ASSERT_EQ(verifier.Verify(good, kNow_s, claims), JwtResult::kOk);
  EXPECT_EQ(claims.user, "admin");
}

std::string NameOfAttack(const testing::TestParamInfo<Attack>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(None, JwtAttackTest, testing::ValuesIn(NoneAttacks()), NameOfAttack);
INSTANTIATE_TEST_SUITE_P(Confusion, JwtAttackTest, testing::ValuesIn(KeyConfusionAttacks()),
                         NameOfAttack);
INSTANTIATE_TEST_SUITE_P(Header, JwtAttackTest, testing::ValuesIn(HeaderAttacks()), NameOfAttack);
INSTANTIATE_TEST_SUITE_P(Signature, JwtAttackTest, testing::ValuesIn(SignatureAttacks()),
                         NameOfAttack);
INSTANTIATE_TEST_SUITE_P(Claim, JwtAttackTest, testing::ValuesIn(ClaimAttacks()), NameOfAttack);

// A signature with the greater s is as valid as the other: issuers do not normalize (RFC 7518
// section 3.4 asks for none of it), and nothing here tells tokens apart by their signature.
TEST(JwtHighSTest, IsTaken) {
  const World& world = TheWorld();
  const std::string text = Joined(R"({"alg":"ES256"})", kAdmin);
  std::string pair = world.ec.Sign("ES256", text);
  BIGNUM* s = BN_bin2bn(reinterpret_cast<const unsigned char*>(pair.data()) + 32, 32, nullptr);
  const std::string order_bytes = OrderOfP256();
  BIGNUM* order =
      BN_bin2bn(reinterpret_cast<const unsigned char*>(order_bytes.data()), 32, nullptr);
  BN_sub(s, order, s);
  std::string other = pair;
  BN_bn2binpad(s, reinterpret_cast<unsigned char*>(other.data()) + 32, 32);
  BN_free(s);
  BN_free(order);
  for (const std::string& signature : {pair, other}) {
    EXPECT_EQ(world.configured->Check(JwtAlgorithm::kEs256, "", text, signature, kNow_s),
              KeyMatch::kSigned);
  }
}

}  // namespace
}  // namespace tickcast::protocol
