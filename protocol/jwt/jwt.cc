#include "protocol/jwt/jwt.h"

#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "protocol/json/object_reader.h"
#include "protocol/jwt/base64url.h"

namespace tickcast::protocol {
namespace {

// `header.payload.signature`, each in base64url. Source: RFC 7515 section 7.1.
struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  // Header and payload with the dot between them.
};

std::optional<Parts> Split(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  // A third dot is a foreign character for the signature's decoder.
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1), token.substr(0, second)};
}

// The hash of an accepted `alg`, else nullptr. Source: RFC 7518 section 3.2.
const EVP_MD* HashOf(std::string_view alg) {
  if (alg == "HS256") return EVP_sha256();
  if (alg == "HS384") return EVP_sha384();
  if (alg == "HS512") return EVP_sha512();
  return nullptr;
}

// A NumericDate (RFC 7519 section 2) in whole seconds. A fraction is cut off, and what a double
// cannot hold exactly is no date.
bool ReadSeconds(JsonValue& value, bool& has, std::int64_t& seconds) {
  constexpr double kExactLimit = 9007199254740992.0;  // 2^53.
  if (value.is_null()) return true;
  double number = 0;
  if (!value.Read(number) || std::abs(number) >= kExactLimit) return false;
  has = true;
  seconds = static_cast<std::int64_t>(number);
  return true;
}

bool ReadClaim(std::string_view name, JsonValue& value, JwtClaims& claims) {
  if (name == "sub") return value.Read(claims.sub);
  if (name == "exp") return ReadSeconds(value, claims.has_exp, claims.exp_s);
  if (name == "nbf") return ReadSeconds(value, claims.has_nbf, claims.nbf_s);
  if (name == "iat") return ReadSeconds(value, claims.has_iat, claims.iat_s);
  if (name == "expire_at") return ReadSeconds(value, claims.has_expire_at, claims.expire_at_s);
  if (name == "info") return value.ReadJson(claims.info);
  if (name == "channel") return value.Read(claims.channel);
  if (name == "client") return value.Read(claims.client);
  if (name == "jti") return value.Read(claims.jti);
  if (name == "iss") return value.Read(claims.iss);
  if (name == "b64info") return value.Read(claims.b64info);
  if (name == "data") return value.ReadJson(claims.data);
  if (name == "b64data") return value.Read(claims.b64data);
  if (name == "meta") return value.ReadJson(claims.meta);
  if (name == "aud") return value.ReadJson(claims.aud);
  if (name == "channels") return value.ReadArrayJson(claims.channels);
  if (name == "subs") return value.ReadObjectJson(claims.subs);
  if (name == "override") return value.ReadObjectJson(claims.override_options);
  return true;
}

bool IsWithin(const JwtClaims& claims, std::int64_t now_s) {
  return (!claims.has_exp || now_s < claims.exp_s) && (!claims.has_nbf || claims.nbf_s <= now_s);
}

}  // namespace

struct JwtVerifier::Impl {
  explicit Impl(std::string_view secret_text)
      : secret(secret_text), reader(kMaxTokenBytes), decoded(kBufferBytes), line(kBufferBytes) {}

  // Decoding shrinks to three quarters and minifying never grows.
  static constexpr std::size_t kBufferBytes = kMaxTokenBytes + kJsonPaddingBytes;

  std::string secret;
  JsonObjectReader reader;
  std::vector<char> decoded;
  std::vector<char> line;  // The claims' text: what their views point into.

  // Decodes one part of the token and gives its members to `member`.
  template <typename Member>
  bool ReadPart(std::string_view part, Member&& member) {
    const std::optional<std::size_t> size_bytes = DecodeBase64Url(part, decoded.data());
    return size_bytes && reader.Read({decoded.data(), *size_bytes}, line.data(), member) != 0;
  }

  // The hash that the header asks for, or nullptr when the token cannot be accepted.
  const EVP_MD* ReadHeader(std::string_view header) {
    const EVP_MD* hash = nullptr;
    const bool readable = ReadPart(header, [&](std::string_view name, JsonValue& value) {
      // An extension that must be understood, and we understand none (RFC 7515 section 4.1.11).
      if (name == "crit") return false;
      if (name != "alg") return true;
      std::string_view alg;
      if (!value.Read(alg)) return false;
      hash = HashOf(alg);
      return hash != nullptr;
    });
    return readable ? hash : nullptr;
  }

  bool IsSignedBySecret(const Parts& parts, const EVP_MD* hash) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> expected;
    unsigned int expected_bytes = 0;
    if (HMAC(hash, secret.data(), static_cast<int>(secret.size()),
             reinterpret_cast<const unsigned char*>(parts.signed_text.data()),
             parts.signed_text.size(), expected.data(), &expected_bytes) == nullptr) {
      return false;
    }
    const std::optional<std::size_t> given_bytes = DecodeBase64Url(parts.signature, decoded.data());
    return given_bytes == expected_bytes &&
           CRYPTO_memcmp(expected.data(), decoded.data(), expected_bytes) == 0;
  }
};

JwtVerifier::JwtVerifier(std::string_view secret) : impl_(std::make_unique<Impl>(secret)) {}
JwtVerifier::JwtVerifier(JwtVerifier&&) noexcept = default;
JwtVerifier& JwtVerifier::operator=(JwtVerifier&&) noexcept = default;
JwtVerifier::~JwtVerifier() = default;

JwtResult JwtVerifier::Verify(std::string_view token, std::int64_t now_s, JwtClaims& claims) {
  claims = {};
  if (impl_->secret.empty() || token.size() > kMaxTokenBytes) return JwtResult::kInvalid;
  const std::optional<Parts> parts = Split(token);
  if (!parts) return JwtResult::kInvalid;
  const EVP_MD* hash = impl_->ReadHeader(parts->header);
  if (hash == nullptr) return JwtResult::kInvalid;
  // The signature comes before the claims: what nobody signed is not worth parsing.
  if (!impl_->IsSignedBySecret(*parts, hash)) return JwtResult::kInvalid;
  const bool readable = impl_->ReadPart(
      parts->payload,
      [&](std::string_view name, JsonValue& value) { return ReadClaim(name, value, claims); });
  if (!readable) {
    claims = {};
    return JwtResult::kInvalid;
  }
  return IsWithin(claims, now_s) ? JwtResult::kOk : JwtResult::kExpired;
}

}  // namespace tickcast::protocol
