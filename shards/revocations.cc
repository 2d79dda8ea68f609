#include "shards/revocations.h"

#include <string>

namespace tickcast::shards {
namespace {

bool Holds(std::int64_t until_s, std::int64_t now_s) { return until_s == 0 || now_s < until_s; }

template <typename Map, typename Value>
bool Put(Map& map, std::string_view key, Value value) {
  const auto known = map.find(key);
  if (known != map.end()) {
    known->second = value;
    return true;
  }
  if (map.size() >= Revocations::kMost) return false;
  map.emplace(std::string(key), value);
  return true;
}

}  // namespace

bool Revocations::BlockUser(std::string_view user, std::int64_t until_s) {
  return Put(blocked_, user, until_s);
}

void Revocations::UnblockUser(std::string_view user) {
  const auto known = blocked_.find(user);
  if (known != blocked_.end()) blocked_.erase(known);
}

bool Revocations::RevokeToken(std::string_view token_id, std::int64_t until_s) {
  return Put(tokens_, token_id, until_s);
}

bool Revocations::RevokeTokensOf(std::string_view user, std::int64_t issued_before_s,
                                 std::int64_t until_s) {
  return Put(users_, user, Before{issued_before_s, until_s});
}

bool Revocations::IsBlocked(std::string_view user, std::int64_t now_s) const {
  if (blocked_.empty()) return false;
  const auto known = blocked_.find(user);
  return known != blocked_.end() && Holds(known->second, now_s);
}

bool Revocations::IsRevoked(const protocol::JwtClaims& claims, std::int64_t now_s) const {
  if (!tokens_.empty() && !claims.jti.empty()) {
    const auto known = tokens_.find(claims.jti);
    if (known != tokens_.end() && Holds(known->second, now_s)) return true;
  }
  if (users_.empty()) return false;
  const auto known = users_.find(claims.user);
  return known != users_.end() && Holds(known->second.until_s, now_s) &&
         claims.iat_s.value_or(0) < known->second.issued_s;
}

void Revocations::Expire(std::int64_t now_s) {
  absl::erase_if(blocked_, [now_s](const auto& entry) { return !Holds(entry.second, now_s); });
  absl::erase_if(tokens_, [now_s](const auto& entry) { return !Holds(entry.second, now_s); });
  absl::erase_if(users_,
                 [now_s](const auto& entry) { return !Holds(entry.second.until_s, now_s); });
}

}  // namespace tickcast::shards
