// UserRequest: what the server API asks of a user's connections, on every shard; and Survey: what a
// shard answers that is asked about itself.
// Threading: a UserRequest is shared by all shards and never changed; a Survey moves through lanes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "protocol/jwt/claims.h"
#include "shards/minute_counts.h"

namespace tickcast::shards {

struct UserRequest {
  // The connections of `user` ("" = of all who are anonymous), of them only the one with this
  // client id or session, if they are not empty.
  std::string user;
  std::string client;
  std::string session;

  // Request::Kind::kDisconnectUser.
  std::uint16_t disconnect_code = 0;
  std::string disconnect_reason;
  std::vector<std::string> whitelist;  // Client ids that stay.
  // Those that were numbered before this one (Session::number); 0 = all.
  std::uint64_t before = 0;

  // kSubscribeUser: what the client is told, as JSON and as it came, which may be any bytes.
  std::string data;
  std::string raw;
  protocol::SubscriptionOverride override_options;
  bool has_since = false;  // The position to recover from.
  std::uint64_t since_offset = 0;
  std::string since_epoch;

  // kRevoke.
  enum class Revocation : std::uint8_t { kBlock, kUnblock, kToken, kTokensOfUser };
  Revocation revocation = Revocation::kBlock;
  std::string token_id;              // kToken: `jti`.
  std::int64_t issued_before_s = 0;  // kTokensOfUser: Unix time; 0 = now.

  // kRefreshUser.
  bool expired = false;
  // kRefreshUser, kSubscribeUser: when it ends, kRevoke: until when it is remembered.
  std::int64_t expire_at_s = 0;  // Unix time; 0 = never.
  std::string info;              // One-line JSON; "" = as it was, or none.
};

struct Survey {
  // kInfo. What may be on several shards is told by hashes of its name, to be counted once.
  std::uint32_t clients = 0;
  std::uint32_t subscriptions = 0;
  std::vector<std::uint64_t> users;
  std::vector<std::uint64_t> channels;
  ShardCounts last_minute;

  // kChannels: names with their subscribers on the shard, of whom there is at least one.
  std::vector<std::pair<std::string, std::uint32_t>> subscribers;
};

}  // namespace tickcast::shards
