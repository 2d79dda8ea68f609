// UserRequest: what the server API asks of a user's connections, on every shard; and Survey: what a
// shard answers that is asked about itself.
// Threading: a UserRequest is shared by all shards and never changed; a Survey moves through lanes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

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

  // kRefreshUser.
  bool expired = false;
  std::int64_t expire_at_s = 0;  // Unix time; 0 = never.
  std::string info;              // One-line JSON; "" = as it was.
};

struct Survey {
  // kInfo. What may be on several shards is told by hashes of its name, to be counted once.
  std::uint32_t clients = 0;
  std::uint32_t subscriptions = 0;
  std::vector<std::uint64_t> users;
  std::vector<std::uint64_t> channels;

  // kChannels: names with their subscribers on the shard, of whom there is at least one.
  std::vector<std::pair<std::string, std::uint32_t>> subscribers;
};

}  // namespace tickcast::shards
