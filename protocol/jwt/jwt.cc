#include "protocol/jwt/jwt.h"

#include <optional>
#include <utility>
#include <vector>

#include "protocol/json/object_reader.h"
#include "protocol/jwt/base64url.h"
#include "protocol/jwt/claims_reader.h"

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

JwtResult ResultOf(KeyMatch match) {
  switch (match) {
    case KeyMatch::kSigned:
      return JwtResult::kOk;
    case KeyMatch::kNotSigned:
      return JwtResult::kWrongSignature;
    case KeyMatch::kWrongAlgorithm:
      return JwtResult::kWrongAlgorithm;
    case KeyMatch::kUnknownKey:
      return JwtResult::kUnknownKey;
  }
  return JwtResult::kMalformed;
}

JwtResult CheckTimes(const JwtClaims& claims, std::int64_t now_s) {
  if (claims.exp_s && now_s >= *claims.exp_s) return JwtResult::kExpired;
  if (claims.nbf_s && now_s < *claims.nbf_s) return JwtResult::kNotYet;
  return JwtResult::kOk;
}

}  // namespace

std::string_view NameOf(JwtResult result) {
  switch (result) {
    case JwtResult::kOk:
      return "ok";
    case JwtResult::kExpired:
      return "expired";
    case JwtResult::kNotYet:
      return "not_yet";
    case JwtResult::kUnknownKey:
      return "unknown_key";
    case JwtResult::kTooLong:
      return "too_long";
    case JwtResult::kMalformed:
      return "malformed";
    case JwtResult::kWrongAlgorithm:
      return "wrong_algorithm";
    case JwtResult::kWrongSignature:
      return "wrong_signature";
    case JwtResult::kWrongClaims:
      return "wrong_claims";
    case JwtResult::kWrongAudience:
      return "wrong_audience";
    case JwtResult::kWrongIssuer:
      return "wrong_issuer";
  }
  return "";
}

struct JwtVerifier::Impl {
  Impl(std::shared_ptr<const ClaimRules> claim_rules, bool skip)
      : rules(std::move(claim_rules)),
        skip_signature(skip),
        keys(std::make_shared<KeySet>()),
        claims_reader(rules->user_id_claim()),
        reader(kMaxTokenBytes),
        decoded(kBufferBytes),
        line(kBufferBytes) {}

  // Decoding shrinks to three quarters and minifying never grows.
  static constexpr std::size_t kBufferBytes = kMaxTokenBytes + kJsonPaddingBytes;

  struct Header {
    std::string_view alg;
    std::string_view kid;
  };

  std::shared_ptr<const ClaimRules> rules;
  bool skip_signature;
  std::shared_ptr<const KeySet> keys;
  ClaimsReader claims_reader;
  JsonObjectReader reader;
  std::vector<char> decoded;
  std::vector<char> line;  // A part's text: what views of it point into.

  // Decodes one part of the token and gives its members to `member`.
  template <typename Member>
  bool ReadPart(std::string_view part, Member&& member) {
    const std::optional<std::size_t> size_bytes = DecodeBase64Url(part, decoded.data());
    return size_bytes && reader.Read({decoded.data(), *size_bytes}, line.data(), member) != 0;
  }

  bool ReadHeader(std::string_view part, Header& header) {
    bool has_alg = false;
    bool has_kid = false;
    return ReadPart(part, [&](std::string_view name, JsonValue& value) {
      // An extension that must be understood, and we understand none (RFC 7515 section 4.1.11).
      // `b64` changes what is signed and may only come with `crit` (RFC 7797 section 3).
      if (name == "crit" || name == "b64") return false;
      if (name == "alg") return !std::exchange(has_alg, true) && value.Read(header.alg);
      if (name == "kid") return !std::exchange(has_kid, true) && value.Read(header.kid);
      return true;
    });
  }

  JwtResult CheckSignature(const Parts& parts, const Header& header, std::int64_t now_s) {
    const std::optional<JwtAlgorithm> algorithm = ParseJwtAlgorithm(header.alg);
    if (!algorithm) return JwtResult::kWrongAlgorithm;
    // The header's text is in `line`, so `decoded` is free again.
    const std::optional<std::size_t> size_bytes = DecodeBase64Url(parts.signature, decoded.data());
    if (!size_bytes) return JwtResult::kMalformed;
    const std::string_view signature(decoded.data(), *size_bytes);
    return ResultOf(keys->Check(*algorithm, header.kid, parts.signed_text, signature, now_s));
  }

  bool ReadClaims(std::string_view payload, JwtClaims& claims) {
    claims_reader.Begin();
    return ReadPart(payload,
                    [&](std::string_view name, JsonValue& value) {
                      return claims_reader.Read(name, value, claims);
                    }) &&
           claims_reader.Finish(claims);
  }

  JwtResult Check(std::string_view token, std::int64_t now_s, JwtClaims& claims) {
    if (token.size() > kMaxTokenBytes) return JwtResult::kTooLong;
    const std::optional<Parts> parts = Split(token);
    if (!parts) return JwtResult::kMalformed;
    Header header;
    if (!ReadHeader(parts->header, header)) return JwtResult::kMalformed;
    // The signature comes before the claims: what nobody signed is not worth parsing.
    if (!skip_signature) {
      const JwtResult result = CheckSignature(*parts, header, now_s);
      if (result != JwtResult::kOk) return result;
    }
    if (!ReadClaims(parts->payload, claims)) return JwtResult::kWrongClaims;
    if (!rules->AcceptIssuer(claims)) return JwtResult::kWrongIssuer;
    if (!rules->AcceptAudience(claims)) return JwtResult::kWrongAudience;
    return CheckTimes(claims, now_s);
  }
};

JwtVerifier::JwtVerifier(std::shared_ptr<const ClaimRules> rules, bool skip_signature)
    : impl_(std::make_unique<Impl>(std::move(rules), skip_signature)) {}
JwtVerifier::JwtVerifier(JwtVerifier&&) noexcept = default;
JwtVerifier& JwtVerifier::operator=(JwtVerifier&&) noexcept = default;
JwtVerifier::~JwtVerifier() = default;

void JwtVerifier::SetKeys(std::shared_ptr<const KeySet> keys) { impl_->keys = std::move(keys); }

JwtResult JwtVerifier::Verify(std::string_view token, std::int64_t now_s, JwtClaims& claims) {
  claims = {};
  const JwtResult result = impl_->Check(token, now_s, claims);
  if (IsInvalid(result)) claims = {};
  return result;
}

JwtResult JwtVerifier::ReadUnverified(std::string_view token, JwtClaims& claims) {
  claims = {};
  if (token.size() > kMaxTokenBytes) return JwtResult::kTooLong;
  const std::optional<Parts> parts = Split(token);
  if (!parts) return JwtResult::kMalformed;
  if (impl_->ReadClaims(parts->payload, claims)) return JwtResult::kOk;
  claims = {};
  return JwtResult::kWrongClaims;
}

}  // namespace tickcast::protocol
