// TokenAuthority: whose tokens the server believes, for connections and for subscriptions.
// TokenChecker: one shard's view of it.
//
// Subscription tokens have keys and rules of their own where client.subscription_token.enabled,
// and otherwise those of connections. Where a JWKS is set, its keys are the only ones, as in the
// original: a secret that was left in the configuration signs nothing any more. Where a JWKS's URL
// depends on the token, each of its URLs is a realm with keys of its own, and a key of one is none
// in another, whatever its id.
// Threading: the authority is made before the shards run and outlives them; Poll() and OnAnswer()
// on shard 0's thread. A checker belongs to one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/config.h"
#include "engine/metrics.h"
#include "protocol/jwt/jwt.h"
#include "protocol/jwt/key_endpoint.h"
#include "shards/key_source.h"
#include "shards/shared_keys.h"

namespace tickcast::shards {

class TokenAuthority {
 public:
  enum class Use : std::uint8_t { kConnection, kSubscription };

  // What one kind of token is checked with.
  struct Realm {
    SharedKeys keys;
    std::unique_ptr<KeySource> source;  // Null: the keys stay as they are.
  };
  struct Trust {
    std::shared_ptr<const protocol::ClaimRules> rules;
    std::optional<protocol::KeyEndpoint> endpoint;  // Which realm a token is of; without: the one.
    std::vector<Realm> realms = std::vector<Realm>(1);
    bool skip_signature = false;
  };

  // Fails where a key or a rule is wrong, or a key file cannot be read; the message names the key
  // of the configuration. `registry` outlives it.
  static absl::StatusOr<std::unique_ptr<TokenAuthority>> Make(const engine::ClientConfig& config,
                                                              engine::Registry& registry);

  const Trust& trust(Use use) const {
    return use == Use::kSubscription && subscription_ != nullptr ? *subscription_ : *connection_;
  }

  // Lets sources do what is due; `http` may be null.
  void Poll(std::uint64_t now_ns, engine::HttpPort* http);
  void OnAnswer(const engine::HttpCall& call, std::uint64_t now_ns);

 private:
  TokenAuthority() = default;

  std::unique_ptr<Trust> connection_;
  std::unique_ptr<Trust> subscription_;  // Null: the same.
};

class TokenChecker {
 public:
  explicit TokenChecker(const TokenAuthority::Trust& trust);

  // As JwtVerifier::Verify(), with the keys as they are now.
  protocol::JwtResult Verify(std::string_view token, std::int64_t now_s,
                             protocol::JwtClaims& claims);

  // After kUnknownKey: whether it is worth while to check again when tries(realm()) is above
  // tries_before().
  bool LooksForKeys(std::uint64_t now_ns) const;
  std::size_t realm() const { return realm_; }
  std::uint64_t tries(std::size_t realm) const;
  std::uint64_t tries_before() const { return tries_before_; }
  // The source of that token's realm has never had any.
  bool has_no_keys() const;

 private:
  // A realm's keys as this shard has them.
  struct Known {
    std::uint64_t version = 0;
    std::shared_ptr<const protocol::KeySet> keys;
  };

  void UseKeysOf(std::size_t realm);

  const TokenAuthority::Trust& trust_;
  protocol::JwtVerifier verifier_;
  std::vector<Known> known_;
  std::size_t realm_ = 0;  // Of the last token.
  std::uint64_t tries_before_ = 0;
};

}  // namespace tickcast::shards
