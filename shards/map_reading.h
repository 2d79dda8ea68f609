// MapReading: a client's way into a map, page by page, until it is let in with the last one.
//
// Between two pages neither the home nor the fan-out knows of it: all that the next page needs is
// here. What the first page was granted holds for all. Threading: a value, owned by one shard.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "shards/subscription_details.h"
#include "shards/terms.h"
#include "shards/view.h"

namespace tickcast::shards {

struct MapReading {
  std::string channel;
  View view;  // Holds a reference to its filter.
  Terms terms;
  bool wants_terms = false;                    // As in the Request.
  std::optional<SubscriptionDetails> details;  // Where they are not the namespace's.
  std::string reply_data;                      // As in the Request.
  std::uint64_t began_ns = 0;                  // With the first page.
  std::uint32_t asking = 0;  // Id of the command whose page is asked for; 0: none.

  // What the first page was of.
  bool has_cut = false;
  std::uint64_t cut = 0;
  std::string epoch;
  std::uint64_t goal = 0;  // As in MapRequest.

  // Over a feed: the map, which stays here until it is read, and where its page under way begins.
  ChannelIndex holds = kNoChannel;
  std::string cursor;
};

}  // namespace tickcast::shards
