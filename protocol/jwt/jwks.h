// JWKS documents: the public keys of whoever issues tokens, as a JSON Web Key Set.
//
// Keys that cannot be meant for us are passed over, as RFC 7517 section 5 asks: of another `use`
// than signing, without an id (a token could not name them), of a kind, curve or algorithm that we
// do not know, secrets (`oct`: a public document is no place for one), and those with a broken or
// weak value. A document that is no JWKS at all is refused whole, so that a proxy's error page
// never replaces good keys. Sources: RFC 7517, RFC 7518 section 6, RFC 8037 section 2.
// Threading: a pure function.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/statusor.h"
#include "protocol/jwt/key_set.h"

namespace tickcast::protocol {

// A longer document is refused.
inline constexpr std::size_t kMaxJwksBytes = 256 * 1024;

struct Jwks {
  KeySet keys;                  // Looked up by id.
  std::size_t passed_over = 0;  // Keys that are in the document and not in the set.
};

// `text` needs no padding behind it.
absl::StatusOr<Jwks> ParseJwks(std::string_view text);

}  // namespace tickcast::protocol
