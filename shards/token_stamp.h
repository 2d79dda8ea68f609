// TokenStamp: what is kept of a token that was believed, so that it can be revoked later.
// Threading: a value.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/jwt/claims.h"

namespace tickcast::shards {

struct TokenStamp {
  std::string id;             // `jti`, or "".
  std::int64_t issued_s = 0;  // `iat`, Unix time; 0 = not known, so long ago.

  bool operator==(const TokenStamp&) const = default;
};

inline TokenStamp StampOf(const protocol::JwtClaims& claims) {
  return {.id = std::string(claims.jti), .issued_s = claims.iat_s.value_or(0)};
}

}  // namespace tickcast::shards
