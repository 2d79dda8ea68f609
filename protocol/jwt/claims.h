// JwtClaims: what a token says, once it is known who signed it.
// Sources: RFC 7519 section 4; the claims of Centrifuge tokens: internal/jwtverify of
// github.com/centrifugal/centrifugo.
// Threading: a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/subscription_override.h"

namespace tickcast::protocol {

// A member of the claim `subs`: a subscription that the server makes when the client connects.
struct TokenSubscription {
  std::string_view channel;
  std::string_view info;  // One-line JSON or empty; from `b64info` where that is given.
  std::string_view data;  // One-line JSON or empty; from `b64data` where that is given.
  SubscriptionOverride override_options;
};

// Strings and lists are empty and numbers absent where a claim was absent or null. Views live until
// the verifier's next Verify().
struct JwtClaims {
  std::string_view user;     // `sub`, or the claim that the operator chose; empty: anonymous.
  std::string_view channel;  // Subscription tokens only.
  std::string_view client;
  std::string_view jti;
  std::string_view iss;
  std::string_view info;  // One-line JSON, from `b64info` where that is given.
  std::string_view data;  // One-line JSON, from `b64data` where that is given.
  std::string_view meta;  // One-line JSON: for the application's backend, never for clients.
  std::vector<std::string_view> aud;
  std::vector<std::string_view> channels;
  std::vector<TokenSubscription> subs;
  SubscriptionOverride override_options;  // Of a subscription token.
  std::optional<std::int64_t> exp_s;      // Unix seconds, like all times here; a fraction is
  std::optional<std::int64_t> nbf_s;      // cut off.
  std::optional<std::int64_t> iat_s;
  std::optional<std::int64_t> expire_at_s;

  // When what the token grants ends, in Unix seconds; 0: never.
  std::int64_t ends_s() const {
    const std::int64_t end_s = expire_at_s ? *expire_at_s : exp_s.value_or(0);
    return end_s > 0 ? end_s : 0;
  }
};

}  // namespace tickcast::protocol
