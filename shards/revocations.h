// Revocations: whom the server does not believe any more, though the signature is right.
//
// Four kinds, each until a time at which it forgets itself: a user who is blocked, a token by its
// `jti`, and of a user's tokens those that were issued before a moment: its connection tokens, or
// its subscription tokens for one channel. They hold for connecting, refreshing and subscribing;
// what holds such a token already is ended by UserRequests, which is told to revoke. Each shard has
// a copy and is told by a message, so looking is a look into a table of its own.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "protocol/jwt/claims.h"
#include "shards/string_map.h"
#include "shards/token_stamp.h"

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
  // `channel` "": connection tokens, else the subscription tokens for it.
  bool RevokeTokensOf(std::string_view user, std::string_view channel, std::int64_t issued_before_s,
                      std::int64_t until_s);

  bool IsBlocked(std::string_view user, std::int64_t now_s) const;
  // By its id, or for its user and channel ("": a connection token). Without `iat` a token counts
  // as issued long ago.
  bool IsRevoked(std::string_view user, std::string_view channel, const TokenStamp& token,
                 std::int64_t now_s) const;
  bool IsRevoked(const protocol::JwtClaims& claims, std::int64_t now_s) const;

  // Forgets what is over. May be called often: it looks once a minute.
  void Expire(std::int64_t now_s);

  std::size_t size() const {
    return blocked_.size() + tokens_.size() + connections_of_.size() + subscriptions_of_.size();
  }

 private:
  struct Before {
    std::int64_t issued_s;
    std::int64_t until_s;
  };

  StringMap<std::int64_t> blocked_;     // User to until.
  StringMap<std::int64_t> tokens_;      // Token's id to until.
  StringMap<Before> connections_of_;    // By user.
  StringMap<Before> subscriptions_of_;  // By user and channel.
  std::int64_t expire_next_s_ = 0;
};

}  // namespace tickcast::shards
