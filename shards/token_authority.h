// TokenAuthority: whose tokens the server believes, for connections and for subscriptions.
// TokenChecker: one shard's view of it.
//
// Subscription tokens have keys and rules of their own where client.subscription_token.enabled,
// and otherwise those of connections. Where a JWKS is set, its keys are the only ones, as in the
// original: a secret that was left in the configuration signs nothing any more.
// Threading: the authority is made before the shards run and outlives them; Poll() and OnAnswer()
// on shard 0's thread. A checker belongs to one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/config.h"
#include "engine/metrics.h"
#include "protocol/jwt/jwt.h"
#include "shards/key_source.h"
#include "shards/shared_keys.h"

namespace tickcast::shards {

class TokenAuthority {
 public:
  enum class Use : std::uint8_t { kConnection, kSubscription };

  // What one kind of token is checked with.
  struct Trust {
    std::shared_ptr<const protocol::ClaimRules> rules;
    SharedKeys keys;
    std::unique_ptr<KeySource> source;  // Null: the keys stay as they are.
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

  // After kUnknownKey: whether it is worth while to check again when tries() has grown.
  bool LooksForKeys(std::uint64_t now_ns) const;
  std::uint64_t tries() const;
  // Its source has never had any.
  bool has_no_keys() const;

 private:
  const TokenAuthority::Trust& trust_;
  std::uint64_t version_;
  protocol::JwtVerifier verifier_;
};

}  // namespace tickcast::shards
