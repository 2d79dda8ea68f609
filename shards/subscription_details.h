// SubscriptionDetails: what is granted to a subscription, and until when.
// Threading: a value, owned by one shard.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "shards/request.h"
#include "shards/token_stamp.h"

namespace tickcast::shards {

// What is known of a subscription beside what its fan-out needs. Only those that differ from a
// plain one have it.
struct SubscriptionDetails {
  ChannelIndex channel = kNoChannel;
  bool server_side = false;         // The server made it; it cannot be lost without the connection.
  bool from_token = false;          // … because the connection's token names it.
  bool client_refreshes = true;     // By sub_refresh; else a backend is asked, or nobody.
  bool renewing = false;            // The backend is asked just now.
  std::uint64_t expires_ns = 0;     // Monotonic; 0 = never.
  std::string info;                 // `chan_info` of what this client publishes or is: a payload.
  std::optional<TokenStamp> token;  // The subscription token that it was made with.

  // As the namespace says, unless a token says otherwise.
  bool presence = false;
  bool join_leave = false;
  bool force_push_join_leave = false;
  bool force_positioning = false;
  bool force_recovery = false;

  bool operator==(const SubscriptionDetails&) const = default;
};

}  // namespace tickcast::shards
