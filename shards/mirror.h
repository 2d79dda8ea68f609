// Mirror: all keys of a feed's market on a shard that has subscribers to the map of them.
//
// Each key is a slot, a state channel of the feed that is live on this shard as for any subscriber;
// its newest value in each turn is a change of the map, numbered here. So pages of the map are made
// on this shard, and whoever follows a symbol by whatever name is told the same publication.
// Threading: a value, owned by one shard.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "engine/completion.h"
#include "protocol/centrifuge/form.h"
#include "shards/key_log.h"
#include "shards/map_log.h"
#include "shards/request.h"

namespace tickcast::shards {

struct Mirror {
  explicit Mirror(const MapLog& map) : in_order(KeyLog::ByKey{&map.keys()}) {}

  std::string prefix;               // What the slots' names begin with, and the key follows.
  std::vector<ChannelIndex> slots;  // Primaries.
  std::uint32_t pending = 0;        // Questions on their way before the first client is let in.
  bool ready = false;               // Every key that was there has its value.
  // In the map's log, by their names.
  absl::btree_set<KeyLog::Index, KeyLog::ByKey> in_order;

  // Pages as they have been written for clients, of the present state.
  struct Page {
    protocol::Encoding encoding;
    bool as_text;  // As View::line_form().escaped.
    std::size_t limit;
    std::string cursor;  // As the client has sent it: the key before.
    std::string bytes;   // As protocol::AppendState(); "": there are no keys.
    std::string last;    // The last key of it; "": none follows.
  };
  std::vector<Page> pages;
  std::uint64_t pages_sequence = 0;  // Of the map, which they show.

  // Connections whose command waits until it is ready.
  struct Waiter {
    engine::Slot slot;
    std::uint32_t generation;
  };
  std::vector<Waiter> waiting;
};

}  // namespace tickcast::shards
