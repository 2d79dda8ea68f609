// Session: who a connection is after its connect command.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shards/request.h"

namespace tickcast::shards {

struct Session {
  // The client's id as Centrifugo writes it: a version 4 UUID (RFC 9562), 36 characters.
  std::string client;
  std::string user;  // "" = anonymous.
  std::string info;  // One-line JSON of the token's `info`, or "".

  std::string meta;  // One-line JSON that only backends are told, or "".

  std::uint64_t expires_ns = 0;  // Monotonic; 0 = never. Then the connection is closed with 3005.

  // The time up to which its subscribing is spent (see Commands::MaySubscribeSoon()).
  std::uint64_t subscribed_until_ns = 0;

  // Unsubscribes that came while their subscribe was with the home shard.
  struct Unsubscribe {
    static constexpr std::uint32_t kByServer = 0;  // In `command_id`: the client did not ask.

    ChannelIndex channel;
    std::uint32_t subscribe_id;  // Of the subscribe command it waits for.
    std::uint32_t command_id;
  };
  std::vector<Unsubscribe> leaving;
};

}  // namespace tickcast::shards
