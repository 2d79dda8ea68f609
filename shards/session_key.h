// Session keys: by what an emulated client's commands, which come on connections of their own, are
// brought to the connection that it listens on.
//
// A key says where that connection is, so that any shard can pass commands on without a table, and
// ends in 128 random bits, which are what makes it a secret: who knows them speaks for the client.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/completion.h"
#include "shards/shard_id.h"

namespace tickcast::shards {

// Where a connection is, and which of those that had its slot.
struct SessionAddress {
  ShardId shard = 0;
  engine::Slot slot = 0;
  std::uint32_t generation = 0;

  bool operator==(const SessionAddress&) const = default;
};

// A new key, of hexadecimal digits. The secret comes from getrandom(2).
std::string NewSessionKey(const SessionAddress& address);

// Where the connection is that `key` claims to be for; nothing where it is no key at all.
std::optional<SessionAddress> AddressOf(std::string_view key);

// Whether two keys are the same, in a time that does not tell how much of them is.
bool SameKey(std::string_view a, std::string_view b);

}  // namespace tickcast::shards
