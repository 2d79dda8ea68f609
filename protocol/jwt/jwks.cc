#include "protocol/jwt/jwks.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "protocol/json/object_reader.h"
#include "protocol/jwt/base64url.h"

namespace tickcast::protocol {
namespace {

// The members of a JWK that we look at.
enum Member : std::size_t { kKty, kUse, kAlg, kKid, kCrv, kN, kE, kX, kY, kMembers };
constexpr std::array<std::string_view, kMembers> kNames = {"kty", "use", "alg", "kid", "crv",
                                                           "n",   "e",   "x",   "y"};

struct Members {
  std::array<std::string_view, kMembers> text;
  std::uint32_t seen = 0;

  std::string_view operator[](Member member) const { return text[member]; }

  // False for one that is there twice (which one counts would be anybody's guess), or that is
  // something else than a string.
  bool Note(std::string_view name, JsonValue& value) {
    for (std::size_t i = 0; i < kMembers; ++i) {
      if (kNames[i] != name) continue;
      const std::uint32_t bit = 1u << i;
      return (std::exchange(seen, seen | bit) & bit) == 0 && value.Read(text[i]);
    }
    return true;
  }
};

// Nothing when it is not base64url.
std::optional<std::string> Bytes(std::string_view text) {
  std::string out(text.size(), '\0');
  const std::optional<std::size_t> size_bytes = DecodeBase64Url(text, out.data());
  if (!size_bytes) return std::nullopt;
  out.resize(*size_bytes);
  return out;
}

absl::StatusOr<JwtKey> KeyOf(const Members& jwk) {
  const absl::Status broken = absl::InvalidArgumentError("a value that is not base64url");
  if (jwk[kKty] == "RSA") {
    const std::optional<std::string> n = Bytes(jwk[kN]);
    const std::optional<std::string> e = Bytes(jwk[kE]);
    return n && e ? JwtKey::FromRsaNumbers(*n, *e) : broken;
  }
  if (jwk[kKty] == "EC") {
    const std::optional<std::string> x = Bytes(jwk[kX]);
    const std::optional<std::string> y = Bytes(jwk[kY]);
    return x && y ? JwtKey::FromPoint(jwk[kCrv], *x, *y) : broken;
  }
  if (jwk[kKty] == "OKP" && jwk[kCrv] == "Ed25519") {
    const std::optional<std::string> x = Bytes(jwk[kX]);
    return x ? JwtKey::FromEd25519(*x) : broken;
  }
  return absl::InvalidArgumentError("a kind of key that is not supported");
}

// Adds the key to `jwks`, or counts it as passed over.
void Take(const Members& jwk, Jwks& jwks) {
  const auto add = [&] {
    if (jwk[kKid].empty() || (!jwk[kUse].empty() && jwk[kUse] != "sig")) return false;
    absl::StatusOr<JwtKey> key = KeyOf(jwk);
    if (!key.ok()) return false;
    if (!jwk[kAlg].empty()) {
      const std::optional<JwtAlgorithm> algorithm = ParseJwtAlgorithm(jwk[kAlg]);
      if (!algorithm || !key->RestrictTo(*algorithm)) return false;
    }
    key->set_id(jwk[kKid]);
    return jwks.keys.Add(*std::move(key));
  };
  if (!add()) ++jwks.passed_over;
}

bool ReadKey(JsonValue& value, Jwks& jwks) {
  Members jwk;
  bool usable = true;
  const bool object = value.ReadObject([&](std::string_view name, JsonValue& member) {
    usable &= jwk.Note(name, member);
    return true;
  });
  if (!object) return false;
  if (usable) {
    Take(jwk, jwks);
  } else {
    ++jwks.passed_over;
  }
  return true;
}

}  // namespace

absl::StatusOr<Jwks> ParseJwks(std::string_view text) {
  if (text.size() > kMaxJwksBytes) {
    return absl::InvalidArgumentError("a JWKS document of more than 256 KiB");
  }
  std::string padded(text);
  padded.resize(text.size() + kJsonPaddingBytes);
  std::string line(padded.size(), '\0');
  JsonObjectReader reader(text.size());
  Jwks jwks;
  jwks.keys.set_by_id(true);
  int lists = 0;
  const std::size_t read = reader.Read(
      {padded.data(), text.size()}, line.data(), [&](std::string_view name, JsonValue& value) {
        if (name != "keys") return true;
        return ++lists == 1 && value.ReadArray([&](JsonValue& key) { return ReadKey(key, jwks); });
      });
  if (read == 0 || lists == 0) {
    return absl::InvalidArgumentError(
        "no JWKS document: an object with an array `keys` of objects");
  }
  return jwks;
}

}  // namespace tickcast::protocol
