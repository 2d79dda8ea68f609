// Tokens and keys that others made: the examples of the RFCs.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "protocol/jwt/algorithm.h"
#include "tests/protocol/jwt/test_tokens.h"

namespace tickcast::protocol {
namespace {

constexpr std::string_view kJoe =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";

// The payload of RFC 7520 section 4 is prose and no JSON, so its signatures are tried without it.
constexpr std::string_view kBilbo =
    "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250by"
    "B0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUg"
    "eW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";

constexpr std::string_view kBilbosRsaKey =
    R"({"keys":[{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":")"
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCp"
    "MaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd"
    "1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKn"
    R"(S2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw","e":"AQAB"}]})";

constexpr std::string_view kBilbosEcKey =
    R"({"keys":[{"kty":"EC","kid":"bilbo.baggins@hobbiton.example","use":"sig","crv":"P-521",)"
    R"("x":"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",)"
    R"("y":"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"}]})";

// Whether `keys` hold the key of a token (RFC 7515's compact form) whose payload may be anything.
KeyMatch Check(std::string_view token, const KeySet& keys) {
  const std::size_t last = token.rfind('.');
  const std::string header = FromBase64Url(token.substr(0, token.find('.')));
  const std::size_t alg = header.find(R"("alg":")") + 7;
  const std::string_view alg_name =
      std::string_view(header).substr(alg, header.find('"', alg) - alg);
  const std::size_t kid = header.find(R"("kid":")");
  const std::string_view kid_text =
      kid == std::string::npos
          ? std::string_view()
          : std::string_view(header).substr(kid + 7, header.find('"', kid + 7) - kid - 7);
  const auto algorithm = ParseJwtAlgorithm(alg_name);
  if (!algorithm) return KeyMatch::kWrongAlgorithm;
  return keys.Check(*algorithm, kid_text, token.substr(0, last),
                    FromBase64Url(token.substr(last + 1)), 0);
}

// The token, and one that differs in one bit of its payload or its signature.
void ExpectSigned(const std::string& token, const KeySet& keys) {
  EXPECT_EQ(Check(token, keys), KeyMatch::kSigned);
  for (const std::size_t at : {token.find('.') + 2, token.rfind('.') + 2}) {
    std::string changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(Check(changed, keys), KeyMatch::kNotSigned) << at;
  }
}

void ExpectJoe(const std::string& token, std::shared_ptr<const KeySet> keys) {
  ExpectSigned(token, *keys);
  JwtVerifier verifier(Rules());
  verifier.SetKeys(keys);
  JwtClaims claims;
  EXPECT_EQ(verifier.Verify(token, 1300819379, claims), JwtResult::kOk);
  EXPECT_EQ(claims.iss, "joe");
  EXPECT_EQ(verifier.Verify(token, 1300819380, claims), JwtResult::kExpired);
}

TEST(JwtVectorsTest, Rfc7515A1Hs256) {
  ExpectJoe("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + std::string(kJoe) +
                ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            Keys(JwtKey::FromSecret(FromBase64Url("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS"
                                                  "0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"))));
}

TEST(JwtVectorsTest, Rfc7515A2Rs256) {
  ExpectJoe(
      "eyJhbGciOiJSUzI1NiJ9." + std::string(kJoe) +
          ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8"
          "W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvk"
          "SjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCn"
          "vWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
      Keys(JwtKey::FromRsaNumbers(
          FromBase64Url("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJ"
                        "rcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo"
                        "9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapH"
                        "g665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_"
                        "h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"),
          FromBase64Url("AQAB"))));
}

TEST(JwtVectorsTest, Rfc7515A3Es256) {
  ExpectJoe(
      "eyJhbGciOiJFUzI1NiJ9." + std::string(kJoe) +
          ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
      Keys(JwtKey::FromPoint("P-256", FromBase64Url("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
                             FromBase64Url("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"))));
}

TEST(JwtVectorsTest, Rfc7515A4Es512) {
  ExpectSigned(
      "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-"
      "mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNr"
      "mxYbSW9ERBXukOXolLzeO_Jn",
      *Keys(JwtKey::FromPoint(
          "P-521",
          FromBase64Url("AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9ts"
                        "z4qUxcWceqwQGk"),
          FromBase64Url("ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh"
                        "9ubmf63e3kyMj2"))));
}

// An unsecured JWS is refused, whoever publishes it.
TEST(JwtVectorsTest, Rfc7515A5None) {
  JwtVerifier verifier(Rules());
  verifier.SetKeys(Keys(JwtKey::FromSecret("s")));
  JwtClaims claims;
  EXPECT_EQ(verifier.Verify("eyJhbGciOiJub25lIn0." + std::string(kJoe) + ".", 0, claims),
            JwtResult::kWrongAlgorithm);
}

TEST(JwtVectorsTest, Rfc7520Section41Rs256) {
  ExpectSigned(
      "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." +
          std::string(kBilbo) +
          ".MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp8"
          "3xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCT"
          "JDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U1"
          "2podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
      *KeysOfJwks(kBilbosRsaKey));
}

// RSASSA-PSS is another algorithm of the same key, which Centrifuge tokens do not have.
TEST(JwtVectorsTest, Rfc7520Section42Ps384IsNotOurs) {
  EXPECT_EQ(
      Check("eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." +
                std::string(kBilbo) +
                ".cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGq"
                "DqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyP"
                "EgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5aw"
                "DzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4"
                "ifKo8DYM-X72Eaw",
            *KeysOfJwks(kBilbosRsaKey)),
      KeyMatch::kWrongAlgorithm);
}

TEST(JwtVectorsTest, Rfc7520Section43Es512) {
  ExpectSigned(
      "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." +
          std::string(kBilbo) +
          ".AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT"
          "4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sF"
          "Y8OcGDqoRuBomu9xQ2",
      *KeysOfJwks(kBilbosEcKey));
}

TEST(JwtVectorsTest, Rfc7520Section44Hs256) {
  ExpectSigned(
      "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9." +
          std::string(kBilbo) + ".s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0",
      *Keys(JwtKey::FromSecret(FromBase64Url("hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"))));
}

TEST(JwtVectorsTest, Rfc8037A4EdDsa) {
  ExpectSigned(
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
      *Keys(JwtKey::FromEd25519(FromBase64Url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))));
}

}  // namespace
}  // namespace tickcast::protocol
