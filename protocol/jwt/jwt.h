// JSON Web Tokens signed with a shared secret: who a client is, and what it may subscribe to.
//
// libcrypto does the HMAC and the comparison in constant time, simdjson reads the claims. Debian's
// libjwt 1.10 was turned down: it hands out parsed claims through jansson, so `info` would lose its
// numbers' spelling on the way to every subscriber, and it allocates per token. The algorithm is
// chosen by the token's header but only among HS256, HS384 and HS512, whose key is the same secret,
// so `none` and a public key taken for a secret are refused by construction.
// Sources: RFC 7515, RFC 7518 section 3.2, RFC 7519; which claims count and what is "expired":
// internal/jwtverify of github.com/centrifugal/centrifugo.
// Threading: a JwtVerifier belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tickcast::protocol {

// Longest token looked at; a longer one is invalid.
inline constexpr std::size_t kMaxTokenBytes = 16 * 1024;

// What a token says. Strings are empty and numbers absent (`has_…`) where a claim was absent or
// null. Views live until the verifier's next Verify().
struct JwtClaims {
  std::string_view sub;  // The user; may be absent: an anonymous user.
  std::string_view channel;
  std::string_view client;
  std::string_view jti;
  std::string_view iss;
  std::string_view info;              // One-line JSON.
  std::string_view b64info;           // Still encoded.
  std::string_view data;              // One-line JSON (subscription tokens).
  std::string_view b64data;           // Still encoded.
  std::string_view meta;              // One-line JSON.
  std::string_view aud;               // One-line JSON: a string or an array of strings.
  std::string_view channels;          // One-line JSON array.
  std::string_view subs;              // One-line JSON object.
  std::string_view override_options;  // One-line JSON object: the claim `override`.
  bool has_exp = false;
  std::int64_t exp_s = 0;  // Unix seconds, like all times here; a fraction is cut off.
  bool has_nbf = false;
  std::int64_t nbf_s = 0;
  bool has_iat = false;
  std::int64_t iat_s = 0;
  bool has_expire_at = false;
  std::int64_t expire_at_s = 0;  // When the connection ends, if not with `exp`; 0: never.
};

enum class JwtResult : std::uint8_t {
  kOk,
  kInvalid,  // Malformed, of another algorithm or wrongly signed: close 3500.
  kExpired,  // Rightly signed, but past `exp` or before `nbf`: error 109.
};

class JwtVerifier {
 public:
  // `secret` as the operator wrote it. An empty one accepts no token at all: HMAC would take it,
  // and anybody could sign.
  explicit JwtVerifier(std::string_view secret);
  JwtVerifier(JwtVerifier&&) noexcept;
  JwtVerifier& operator=(JwtVerifier&&) noexcept;
  ~JwtVerifier();

  // Checks `token` at `now_s`. A token is good until its `exp` and from its `nbf` on: valid means
  // nbf <= now_s < exp. `claims` is set in full for kOk and kExpired, and reset for kInvalid.
  // The caller refuses connection tokens with a `channel`, and subscription tokens without one or
  // with another than asked for.
  JwtResult Verify(std::string_view token, std::int64_t now_s, JwtClaims& claims);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tickcast::protocol
