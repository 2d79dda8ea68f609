// KeyedChannel: channels followed as the keys of one keyed channel (docs/keyed.md), and what a
// client says and hears then.
//
//   ticker:sim.BTC-USDT is key BTC-USDT of the watch list watch:sim and of the map tickers:sim
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

// How the values of state channels are followed.
enum class Address : std::uint8_t {
  kStream,  // Each channel by its own name.
  kTrack,   // As keys of a watch list.
  kMap,     // All of them, as a map.
};

// InvalidArgument unless `name` is NAMESPACE:NAME.KEY, none of them empty.
absl::Status CheckKeyed(std::string_view name);

// Where a client is that reads a map. Made, it stands before the first page.
struct MapPage {
  std::int32_t phase = 2;  // What is asked for next: 2 keys, 1 changes, 0 to be let in.
  bool live = false;       // Nothing: the map has been read.
  std::string cursor;
  std::string epoch;
  std::uint64_t offset = 0;
};
// What the reply to a request with `limit` means for the next one. Relies on data without arrays.
MapPage ReadMapPage(std::string_view reply, std::uint32_t limit);

class KeyedChannel {
 public:
  // REQUIRES: CheckKeyed() of all names, which differ in their keys only; `address` is not kStream.
  // `topology` outlives it.
  KeyedChannel(const Topology& topology, Address address);

  // The keyed channel.
  const std::string& channel() const { return channel_; }
  // By the number of a channel in the topology.
  std::string_view key(std::uint32_t channel) const {
    return topology_.name(channel).substr(prefix_bytes_);
  }

  Address address() const { return address_; }

  // Commands, each one line without a newline, appended to `out`. `data`: a JSON object, or empty.
  // Of a watch list.
  void AppendSubscribe(std::uint32_t id, std::string_view data, std::string& out) const;
  // Of a map: for the next page, of up to `limit` keys.
  void AppendPage(std::uint32_t id, std::string_view data, const MapPage& page, std::uint32_t limit,
                  std::string& out) const;
  // Follows `gained` and leaves `lost`, which may be empty. Without a signature.
  void AppendTrack(std::uint32_t id, std::span<const std::uint32_t> gained,
                   std::span<const std::uint32_t> lost, std::string& out) const;

 private:
  const Topology& topology_;
  const Address address_;
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

// A value in the answer to a track, or in a page of a map.
struct KeyedItem {
  KeyedEnd end;
  std::string_view text;  // Of the answer, up to the key: the data is in it.
  std::uint64_t seq = 0;  // Of a feed's value; 0: it is none.
};
// All of an answer's, in its order.
std::vector<KeyedItem> ReadKeyedItems(std::string_view answer);

}  // namespace tickcast::loadgen
