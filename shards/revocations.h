// Revocations: whom the server does not believe any more, though the signature is right.
//
// Three kinds, each until a time at which it forgets itself: a user who is blocked, a token by its
// `jti`, and all tokens of a user that were issued before a moment. They hold for connecting,
// refreshing and subscribing; who is connected already is ended by whoever revokes (the server
// API's `disconnect`). Each shard has a copy and is told by a message, so looking is a look into a
// table of its own.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "protocol/jwt/claims.h"
#include "shards/string_map.h"

namespace tickcast::shards {

class Revocations {
 public:
  // Most entries of each kind; one more is refused. A revocation that was silently forgotten for
  // another would be a hole.
  static constexpr std::size_t kMost = 100'000;

  // All times are Unix seconds; `until_s` 0: for good. A second call replaces the first. False when
  // there are too many.
  bool BlockUser(std::string_view user, std::int64_t until_s);
  void UnblockUser(std::string_view user);
  bool RevokeToken(std::string_view token_id, std::int64_t until_s);
  bool RevokeTokensOf(std::string_view user, std::int64_t issued_before_s, std::int64_t until_s);

  bool IsBlocked(std::string_view user, std::int64_t now_s) const;
  // By its id, or for its user: without `iat` a token counts as issued long ago.
  bool IsRevoked(const protocol::JwtClaims& claims, std::int64_t now_s) const;

  // Forgets what is over. Now and then.
  void Expire(std::int64_t now_s);

  std::size_t size() const { return blocked_.size() + tokens_.size() + users_.size(); }

 private:
  struct Before {
    std::int64_t issued_s;
    std::int64_t until_s;
  };

  StringMap<std::int64_t> blocked_;  // User to until.
  StringMap<std::int64_t> tokens_;   // Token's id to until.
  StringMap<Before> users_;
};

}  // namespace tickcast::shards
