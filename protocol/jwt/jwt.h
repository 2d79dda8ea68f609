// JSON Web Tokens: who a client is, and what it may subscribe to.
//
// A token is looked at from the outside in, and nothing is believed before it is checked: its
// length, its header, its signature by a key of the set (which says what algorithms it takes), and
// only then its claims. Of the header only `alg` and `kid` are read, each at most once; `jwk`,
// `jku`, `x5u` and `x5c`, by which a token would bring its own key along, are passed over, and one
// that carries `crit` is refused, as we know no extension. libcrypto does the arithmetic, simdjson
// reads the JSON. Debian's libjwt 1.10 was turned down: it hands out parsed claims, so `info` would
// lose its numbers' spelling on the way to every subscriber, and it allocates per claim.
// Sources: RFC 7515, RFC 7518, RFC 7519, RFC 8037; which claims count and what is "expired":
// internal/jwtverify of github.com/centrifugal/centrifugo.
// Threading: a JwtVerifier belongs to one thread; sets and rules are shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "protocol/jwt/claims.h"
#include "protocol/jwt/key_set.h"
#include "protocol/jwt/token_rules.h"

namespace tickcast::protocol {

// Longest token looked at; a longer one is invalid.
inline constexpr std::size_t kMaxTokenBytes = 16 * 1024;

enum class JwtResult : std::uint8_t {
  kOk,
  // Rightly signed and for us: error 109.
  kExpired,  // At or past `exp`.
  kNotYet,   // Before `nbf`.
  // Not to be told apart by the client: close 3500, or error 103 for a subscription.
  kUnknownKey,  // `kid` names no key of the set: a newer one may have it.
  kTooLong,
  kMalformed,       // Not three parts, not base64url, not JSON, a header that cannot be accepted.
  kWrongAlgorithm,  // None that we know, or that a key takes.
  kWrongSignature,
  kWrongClaims,  // A claim is there twice or has a wrong type.
  kWrongAudience,
  kWrongIssuer,
};
inline constexpr std::size_t kJwtResults = static_cast<std::size_t>(JwtResult::kWrongIssuer) + 1;

constexpr bool IsExpired(JwtResult result) {
  return result == JwtResult::kExpired || result == JwtResult::kNotYet;
}
constexpr bool IsInvalid(JwtResult result) {
  return result != JwtResult::kOk && !IsExpired(result);
}

// For counters: "wrong_signature".
std::string_view NameOf(JwtResult result);

class JwtVerifier {
 public:
  // Takes no token before SetKeys(). `rules` are not null. `skip_signature`: everything but the
  // signature is checked (client.insecure_skip_token_signature_verify).
  explicit JwtVerifier(std::shared_ptr<const ClaimRules> rules, bool skip_signature = false);
  JwtVerifier(JwtVerifier&&) noexcept;
  JwtVerifier& operator=(JwtVerifier&&) noexcept;
  ~JwtVerifier();

  // From now on these are the keys.
  void SetKeys(std::shared_ptr<const KeySet> keys);

  // Checks `token` at `now_s`. A token is good until its `exp` and from its `nbf` on: valid means
  // nbf <= now_s < exp. `claims` is set in full for kOk, kExpired and kNotYet, and reset otherwise.
  // The caller refuses connection tokens with a `channel`, and subscription tokens without one or
  // with another than asked for.
  JwtResult Verify(std::string_view token, std::int64_t now_s, JwtClaims& claims);

  // What the token claims, whoever has signed it: to find out whose keys to check it with, and for
  // nothing else. kOk, kTooLong, kMalformed or kWrongClaims.
  JwtResult ReadUnverified(std::string_view token, JwtClaims& claims);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tickcast::protocol
