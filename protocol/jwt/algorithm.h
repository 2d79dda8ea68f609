// JwtAlgorithm: how a token may be signed.
//
// Only what is named here exists: there is no `none`, and an `alg` of any other spelling is no
// algorithm. Source: RFC 7518 section 3.1, RFC 8037 section 3.1.
// Threading: constants.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tickcast::protocol {

enum class JwtAlgorithm : std::uint8_t {
  kHs256,
  kHs384,
  kHs512,
  kRs256,
  kRs384,
  kRs512,
  kEs256,
  kEs384,
  kEs512,
  kEdDsa,  // Of RFC 8037's two curves Ed25519 only, as in the original.
};

struct JwtAlgorithmName {
  JwtAlgorithm algorithm;
  std::string_view name;
};

// In the order of the enumerators.
inline constexpr JwtAlgorithmName kJwtAlgorithms[] = {
    {JwtAlgorithm::kHs256, "HS256"}, {JwtAlgorithm::kHs384, "HS384"},
    {JwtAlgorithm::kHs512, "HS512"}, {JwtAlgorithm::kRs256, "RS256"},
    {JwtAlgorithm::kRs384, "RS384"}, {JwtAlgorithm::kRs512, "RS512"},
    {JwtAlgorithm::kEs256, "ES256"}, {JwtAlgorithm::kEs384, "ES384"},
    {JwtAlgorithm::kEs512, "ES512"}, {JwtAlgorithm::kEdDsa, "EdDSA"},
};

// Names are case-sensitive (RFC 7515 section 4.1.1).
constexpr std::optional<JwtAlgorithm> ParseJwtAlgorithm(std::string_view name) {
  for (const JwtAlgorithmName& row : kJwtAlgorithms) {
    if (row.name == name) return row.algorithm;
  }
  return std::nullopt;
}

}  // namespace tickcast::protocol
