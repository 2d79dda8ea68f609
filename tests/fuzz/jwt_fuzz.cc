// Tokens and JWKS documents: whatever stands in them, nothing is read beyond them, what is refused
// leaves no claim behind, and what is accepted holds what its types promise.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/json/payload.h"
#include "protocol/jwt/jwks.h"
#include "protocol/jwt/jwt.h"
#include "tests/fuzz/require.h"

namespace {

using tickcast::fuzz::Require;
using namespace tickcast::protocol;

void RequireJson(std::string_view text) {
  static JsonValidator validator;
  if (text.empty()) return;
  const std::string padded = std::string(text) + std::string(kJsonPaddingBytes, ' ');
  Require(validator.IsValid(std::string_view(padded).substr(0, text.size())));
  Require(text.find('\n') == std::string_view::npos);
}

void RequireName(std::string_view text) { Require(text.find('\0') == std::string_view::npos); }

void RequirePromises(JwtResult result, const JwtClaims& claims) {
  if (IsInvalid(result)) {
    Require(claims.user.empty() && claims.channel.empty() && claims.info.empty() &&
            claims.subs.empty() && claims.channels.empty() && !claims.exp_s);
    return;
  }
  for (const std::string_view name : {claims.user, claims.channel, claims.client, claims.jti}) {
    RequireName(name);
  }
  for (const std::string_view json : {claims.info, claims.data, claims.meta}) RequireJson(json);
  for (const std::string_view channel : claims.channels) RequireName(channel);
  for (const TokenSubscription& subscription : claims.subs) {
    RequireName(subscription.channel);
    RequireJson(subscription.info);
    RequireJson(subscription.data);
  }
  Require(claims.ends_s() >= 0);
}

std::string Base64Url(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6) out += kAlphabet[bits >> (held - 6) & 63];
  }
  if (held > 0) out += kAlphabet[bits << (6 - held) & 63];
  return out;
}

void Try(JwtVerifier& verifier, std::string_view token, bool may_pass) {
  JwtClaims claims;
  const JwtResult result = verifier.Verify(token, 1700000000, claims);
  RequirePromises(result, claims);
  Require(may_pass || IsInvalid(result));
  // Whoever has signed it: what may be verified has claims that could be read before.
  const bool readable = verifier.ReadUnverified(token, claims) == JwtResult::kOk;
  Require(readable || IsInvalid(result));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const ClaimRules> rules = ClaimRules::Make({}).value();
  static JwtVerifier trusting(rules, /*skip_signature=*/true);
  static JwtVerifier strict = [] {
    JwtVerifier verifier(rules);
    auto keys = std::make_shared<KeySet>();
    keys->Add(JwtKey::FromSecret("a secret that no input knows").value());
    verifier.SetKeys(keys);
    return verifier;
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  // As a whole token, as a header, and as a payload.
  Try(strict, text, /*may_pass=*/false);
  Try(trusting, text, /*may_pass=*/true);
  Try(strict, Base64Url(text) + ".e30.AAAA", /*may_pass=*/false);
  Try(trusting, Base64Url(text) + ".e30.AAAA", /*may_pass=*/true);
  Try(trusting, "e30." + Base64Url(text) + ".", /*may_pass=*/true);

  if (const absl::StatusOr<Jwks> jwks = ParseJwks(text); jwks.ok()) {
    Require(jwks->keys.keys().size() <= kMaxKeys);
    for (const JwtKey& key : jwks->keys.keys()) Require(!key.id().empty());
    for (const JwtAlgorithmName& row : kJwtAlgorithms) {
      Require(jwks->keys.Check(row.algorithm, "k", text, text, 0) != KeyMatch::kSigned);
    }
  }
  return 0;
}
