// WatchList: channels followed as the keys of one keyed channel (docs/keyed.md), and what a client
// says and hears then.
//
//   ticker:sim.BTC-USDT is key BTC-USDT of watch:sim
//   {"push":{"channel":"watch:sim","pub":{"data":{...},"key":"BTC-USDT","version":5}}}
//
// Read without parsing, as everything here: members come in the order in which they are written.
// Threading: immutable after construction; the functions are plain.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tools/loadgen/topology.h"

namespace tickcast::loadgen {

// InvalidArgument unless `name` is NAMESPACE:NAME.KEY, none of them empty.
absl::Status CheckKeyed(std::string_view name);

class WatchList {
 public:
  // REQUIRES: CheckKeyed() of all names, which differ in their keys only. `topology` outlives it.
  explicit WatchList(const Topology& topology);

  // The keyed channel.
  const std::string& channel() const { return channel_; }
  // By the number of a channel in the topology.
  std::string_view key(std::uint32_t channel) const {
    return topology_.name(channel).substr(prefix_bytes_);
  }

  // Commands, each one line without a newline, appended to `out`. `data`: a JSON object, or empty.
  void AppendSubscribe(std::uint32_t id, std::string_view data, std::string& out) const;
  // Follows `gained` and leaves `lost`, which may be empty. Without a signature.
  void AppendTrack(std::uint32_t id, std::span<const std::uint32_t> gained,
                   std::span<const std::uint32_t> lost, std::string& out) const;

 private:
  const Topology& topology_;
  std::string channel_;
  std::size_t prefix_bytes_ = 0;
};

// What stands behind the data of a keyed publication.
struct KeyedEnd {
  std::string_view key;
  std::uint64_t version = 0;
};
// Of a push. False when it names no key.
bool ReadKeyedEnd(std::string_view line, KeyedEnd& end);

// A value in the answer to a track.
struct KeyedItem {
  KeyedEnd end;
  std::uint64_t seq = 0;  // Of a feed's value; 0: it is none.
};
// All of an answer's, in its order.
std::vector<KeyedItem> ReadKeyedItems(std::string_view answer);

}  // namespace tickcast::loadgen
