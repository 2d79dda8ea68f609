#include "shards/revocations.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "protocol/abseil.h"

namespace tickcast::shards {
namespace {

// How often Expire() looks: entries that are over are believed no longer anyway.
constexpr std::int64_t kExpireEveryS = 60;

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

// No two pairs have one key, whatever is in the names.
std::string KeyOf(std::string_view user, std::string_view channel) {
  return absl::StrCat(user.size(), ":", protocol::Abseil(user), protocol::Abseil(channel));
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

bool Revocations::RevokeTokensOf(std::string_view user, std::string_view channel,
                                 std::int64_t issued_before_s, std::int64_t until_s) {
  const Before before{issued_before_s, until_s};
  return channel.empty() ? Put(connections_of_, user, before)
                         : Put(subscriptions_of_, KeyOf(user, channel), before);
}

bool Revocations::IsBlocked(std::string_view user, std::int64_t now_s) const {
  if (blocked_.empty()) return false;
  const auto known = blocked_.find(user);
  return known != blocked_.end() && Holds(known->second, now_s);
}

bool Revocations::IsRevoked(std::string_view user, std::string_view channel,
                            const TokenStamp& token, std::int64_t now_s) const {
  if (!tokens_.empty() && !token.id.empty()) {
    const auto known = tokens_.find(token.id);
    if (known != tokens_.end() && Holds(known->second, now_s)) return true;
  }
  const StringMap<Before>& before = channel.empty() ? connections_of_ : subscriptions_of_;
  if (before.empty()) return false;
  const auto known = channel.empty() ? before.find(user) : before.find(KeyOf(user, channel));
  return known != before.end() && Holds(known->second.until_s, now_s) &&
         token.issued_s < known->second.issued_s;
}

bool Revocations::IsRevoked(const protocol::JwtClaims& claims, std::int64_t now_s) const {
  return size() != 0 && IsRevoked(claims.user, claims.channel, StampOf(claims), now_s);
}

void Revocations::Expire(std::int64_t now_s) {
  if (now_s < expire_next_s_) return;
  expire_next_s_ = now_s + kExpireEveryS;
  const auto is_over = [now_s](const auto& entry) { return !Holds(entry.second, now_s); };
  const auto are_over = [now_s](const auto& entry) { return !Holds(entry.second.until_s, now_s); };
  absl::erase_if(blocked_, is_over);
  absl::erase_if(tokens_, is_over);
  absl::erase_if(connections_of_, are_over);
  absl::erase_if(subscriptions_of_, are_over);
}

}  // namespace tickcast::shards
