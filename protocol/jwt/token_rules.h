// TokenRules: which of the validly signed tokens are meant for this server, and who their user is.
//
// Regular expressions are RE2's, which is what the original's are: linear in the text, so no token
// can make a match take long. They match anywhere in the text unless they are anchored.
// Threading: a value; ClaimRules are not changed after they are made, and every thread may match.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "protocol/jwt/claims.h"

namespace tickcast::protocol {

// As the operator writes them; empty: not asked for.
struct TokenRules {
  std::string audience;  // One of the token's `aud`.
  std::string audience_regex;
  std::string issuer;  // The token's `iss`.
  std::string issuer_regex;
  std::string user_id_claim;  // Instead of `sub`; letters and underscores.
};

// TokenRules, checked and compiled.
class ClaimRules {
 public:
  // Fails where a rule is wrong, and where both forms of one are given; the message names it.
  static absl::StatusOr<std::shared_ptr<const ClaimRules>> Make(const TokenRules& rules);
  ~ClaimRules();

  bool AcceptAudience(const JwtClaims& claims) const;
  bool AcceptIssuer(const JwtClaims& claims) const;
  const std::string& user_id_claim() const { return rules_.user_id_claim; }

 private:
  struct Patterns;
  ClaimRules(const TokenRules& rules, std::unique_ptr<Patterns> patterns);

  const TokenRules rules_;
  std::unique_ptr<Patterns> patterns_;
};

}  // namespace tickcast::protocol
