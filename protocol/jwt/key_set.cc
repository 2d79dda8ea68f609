#include "protocol/jwt/key_set.h"

#include <utility>

namespace tickcast::protocol {

bool KeySet::Add(JwtKey key) {
  if (keys_.size() >= kMaxKeys) return false;
  keys_.push_back(std::move(key));
  return true;
}

KeyMatch KeySet::Check(JwtAlgorithm algorithm, std::string_view key_id, std::string_view text,
                       std::string_view signature, std::int64_t now_s) const {
  KeyMatch worst = by_id_ ? KeyMatch::kUnknownKey : KeyMatch::kWrongAlgorithm;
  for (const JwtKey& key : keys_) {
    if (by_id_ && (key_id.empty() || key.id() != key_id)) continue;
    if (!key.IsValidAt(now_s)) continue;
    if (!key.Takes(algorithm)) {
      if (worst == KeyMatch::kUnknownKey) worst = KeyMatch::kWrongAlgorithm;
      continue;
    }
    if (key.HasSigned(algorithm, text, signature)) return KeyMatch::kSigned;
    worst = KeyMatch::kNotSigned;
  }
  return worst;
}

}  // namespace tickcast::protocol
