// Tracking: a client's subscription to a keyed channel, of which it follows the keys that it names.
// Threading: a value, owned by one shard.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "shards/request.h"
#include "shards/view.h"

namespace tickcast::shards {

struct Tracking {
  ChannelIndex channel = kNoChannel;  // The keyed channel's own, its primary.
  View view;                          // Of all its keys' slots.
  std::string slot_prefix;            // What stands before a key in its slot's name.
  // Of keys whose signature ends, by their slot's channel of `view`: when, in Unix seconds.
  absl::flat_hash_map<ChannelIndex, std::int64_t> expires_s;

  // Until when the key may be followed; 0: for ever.
  void SetExpiry(ChannelIndex key, std::int64_t at_s) {
    if (at_s != 0) {
      expires_s[key] = at_s;
    } else {
      expires_s.erase(key);
    }
  }
};

}  // namespace tickcast::shards
