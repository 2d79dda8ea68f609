// JwtKey: one key that tokens may be signed with, and the algorithms it may be used for.
//
// The key says which algorithms it takes and the token only picks one of them: a secret takes HS,
// an RSA key RS, a point of a curve the ES algorithm of that curve, an Ed25519 key EdDSA. So a
// public key can never be taken for a secret, whatever a token's header claims. libcrypto does all
// arithmetic. Sources: RFC 7518 sections 3 and 6, RFC 8037.
// Threading: a value that is not changed once it is in a KeySet; then every thread may verify with
// it (each call has its own context, and OpenSSL's EVP_PKEY is shared for reading).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "protocol/jwt/algorithm.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY.

namespace tickcast::protocol {

// Sizes of RSA keys in bits: at least what RFC 7518 section 3.3 demands, and not so large that one
// token costs a shard milliseconds.
inline constexpr int kMinRsaBits = 2048;
inline constexpr int kMaxRsaBits = 8192;

class JwtKey {
 public:
  // A shared secret as the operator wrote it: HS256, HS384, HS512. An empty one is refused, as
  // anybody could sign with it.
  static absl::StatusOr<JwtKey> FromSecret(std::string_view secret);

  // A PEM text of a public key or a certificate with one: RS256, RS384, RS512; or, by its curve,
  // ES256, ES384 or ES512. Messages name what is wrong and never show the text.
  static absl::StatusOr<JwtKey> FromRsaPem(std::string_view pem);
  static absl::StatusOr<JwtKey> FromEcdsaPem(std::string_view pem);

  // The numbers of a JWK, big-endian bytes.
  static absl::StatusOr<JwtKey> FromRsaNumbers(std::string_view modulus, std::string_view exponent);
  // `curve` is P-256, P-384 or P-521; the coordinates are at most as long as the field.
  static absl::StatusOr<JwtKey> FromPoint(std::string_view curve, std::string_view x,
                                          std::string_view y);
  static absl::StatusOr<JwtKey> FromEd25519(std::string_view public_key);

  // Which tokens it is for: those with this `kid`. Empty, as at first: any.
  void set_id(std::string_view id) { id_ = id; }
  const std::string& id() const { return id_; }

  // Unix seconds from which on it is no longer taken; 0, as at first: never.
  void set_valid_until_s(std::int64_t seconds) { valid_until_s_ = seconds; }
  bool IsValidAt(std::int64_t now_s) const {
    return valid_until_s_ == 0 || now_s <= valid_until_s_;
  }

  bool Takes(JwtAlgorithm algorithm) const {
    return (algorithms_ >> static_cast<int>(algorithm) & 1) != 0;
  }
  // Keeps only `algorithm` of those it takes; false when it does not take that.
  bool RestrictTo(JwtAlgorithm algorithm);

  // Whether `signature` (bytes, no longer base64) is this key's of `text`.
  // REQUIRES: Takes(algorithm).
  bool HasSigned(JwtAlgorithm algorithm, std::string_view text, std::string_view signature) const;

 private:
  using PublicKey = std::shared_ptr<evp_pkey_st>;

  explicit JwtKey(std::uint32_t algorithms) : algorithms_(algorithms) {}
  static absl::StatusOr<JwtKey> FromRsa(PublicKey key);
  static absl::StatusOr<JwtKey> FromEc(PublicKey key);

  bool HasMac(JwtAlgorithm algorithm, std::string_view text, std::string_view mac) const;
  bool HasPublicSignature(JwtAlgorithm algorithm, std::string_view text,
                          std::string_view signature) const;

  std::uint32_t algorithms_ = 0;  // Bit i: the algorithm of number i.
  std::string id_;
  std::int64_t valid_until_s_ = 0;
  std::string secret_;    // One of these two.
  PublicKey public_key_;  // Frees itself with EVP_PKEY_free().
};

}  // namespace tickcast::protocol
