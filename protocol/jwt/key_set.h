// KeySet: the keys that tokens may be signed with at one moment.
//
// A set is built once and then only read: rotation replaces it as a whole. A key without an id is
// tried for every token whose algorithm it takes; one with an id (from a JWKS document) only for
// tokens that name it in `kid`, which is looked up as the exact string and nothing else: no file,
// no query, no URL.
// Threading: filled by one thread, then read by any.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/jwt/jwt_key.h"

namespace tickcast::protocol {

// Most keys of a set. A token costs one verification per key that could be meant.
inline constexpr std::size_t kMaxKeys = 64;

enum class KeyMatch : std::uint8_t {
  kSigned,
  kNotSigned,       // A key was meant, and the signature is not its.
  kWrongAlgorithm,  // Keys that could be meant do not take the algorithm.
  kUnknownKey,      // No key of the token's id; a newer set may have it.
};

class KeySet {
 public:
  // Returns false when the set is full.
  bool Add(JwtKey key);

  // Keys are looked up by id: a token without one matches none.
  void set_by_id(bool by_id) { by_id_ = by_id; }

  bool empty() const { return keys_.empty(); }
  const std::vector<JwtKey>& keys() const { return keys_; }

  // `key_id` is the token's `kid`, or empty. `signature` is bytes, no longer base64.
  KeyMatch Check(JwtAlgorithm algorithm, std::string_view key_id, std::string_view text,
                 std::string_view signature, std::int64_t now_s) const;

 private:
  bool by_id_ = false;
  std::vector<JwtKey> keys_;
};

}  // namespace tickcast::protocol
