// Tracking: a client's subscription to a keyed channel, of which it follows the keys that it names.
// Threading: a value, owned by one shard.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "shards/request.h"
#include "shards/view.h"

namespace tickcast::shards {

struct Tracking {
  // A key whose signature ends.
  struct Expiry {
    ChannelIndex view;  // Of the key's slot.
    std::int64_t at_s;  // Unix seconds.
  };

  ChannelIndex channel = kNoChannel;  // The keyed channel's own, its primary.
  View view;                          // Of all its keys' slots.
  std::string slot_prefix;            // What stands before a key in its slot's name.
  std::vector<Expiry> expiries;       // In no order, each view once.

  // Until when the key may be followed; 0: for ever.
  void SetExpiry(ChannelIndex key, std::int64_t at_s) {
    const auto known = std::find_if(expiries.begin(), expiries.end(),
                                    [key](const Expiry& each) { return each.view == key; });
    if (known == expiries.end()) {
      if (at_s != 0) expiries.push_back({key, at_s});
    } else if (at_s != 0) {
      known->at_s = at_s;
    } else {
      *known = expiries.back();
      expiries.pop_back();
    }
  }
};

}  // namespace tickcast::shards
