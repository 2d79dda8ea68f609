// Channel: a channel as a shard with subscribers to it sees it, and ChannelTable: all of them.
//
// It holds the newest publication (state) or the recent ones (stream), and the group: the
// subscribers on this shard that get identical bytes. Offsets and history are the home shard's.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/completion.h"
#include "engine/config.h"
#include "engine/slab.h"
#include "shards/catch_up.h"
#include "shards/request.h"
#include "shards/string_map.h"

namespace tickcast::shards {

// One subscriber of a group: the connection, and which of its subscriptions this is.
struct Member {
  engine::Slot slot;
  std::uint32_t subscription : 31;
  std::uint32_t priority : 1;  // The client wants it before others.
};

// What a pull at an interval reads of a state channel, dense for all channels of the shard: twenty
// of them cost twenty loads from a small array when nothing has changed.
struct Latest {
  std::uint64_t sequence = 0;
  const Publication* newest = nullptr;  // Channel::newest holds it.
};

struct Channel {
  // What a pull reads, in the first cache line.
  std::uint64_t sequence = 0;    // Newest publication applied here.
  std::uint64_t turn_begin = 0;  // Sequence before the first one of turn `changed_turn`.
  std::uint64_t changed_turn = 0;
  engine::ChannelKind kind = engine::ChannelKind::kStream;
  bool live = false;  // The home has answered: publications come without a hole from here on.
  PublicationRef newest;
  CatchUp catch_up;  // Stream channels only.

  // What one flush sends to every member that is owed nothing else.
  std::span<const std::byte> turn_frame;

  std::vector<Member> group;
  std::uint32_t paced = 0;  // Subscribers beside the group, each pulled at its own interval.
  // The number in `newest` that min_change compares; read when somebody asks first.
  std::uint64_t value_sequence = 0;
  float value = 0;
  std::uint32_t asking = 0;  // Subscribe questions on their way; the channel stays until answered.
  ShardId home = 0;
  const engine::Namespace* ns = nullptr;
  std::string name;
};

class ChannelTable {
 public:
  // The channel's index, or kNoChannel.
  ChannelIndex Find(std::string_view name) const;

  // Adds a channel that is not there yet.
  ChannelIndex Add(std::string_view name, const engine::Namespace* ns, ShardId home);

  void Remove(ChannelIndex index);

  Channel& operator[](ChannelIndex index) { return channels_[index]; }
  // Of a state channel. Kept by SetNewest().
  const Latest& latest(ChannelIndex index) const { return latest_[index]; }

  // Makes `publication` (null: none yet) the newest one, `sequence` the number of the channel.
  void SetNewest(ChannelIndex index, Channel& channel, std::uint64_t sequence,
                 PublicationRef publication);
  // Null when the channel of that generation was removed.
  Channel* Find(ChannelIndex index, std::uint32_t generation) {
    return channels_.Find({index, generation});
  }
  std::uint32_t generation(ChannelIndex index) const { return channels_.handle(index).generation; }
  template <typename Visit>
  void ForEach(Visit&& visit) {
    channels_.ForEach([&](std::uint32_t, Channel& channel) { visit(channel); });
  }
  std::size_t size() const { return by_name_.size(); }

 private:
  engine::Slab<Channel> channels_;
  std::vector<Latest> latest_;  // By index.
  StringMap<ChannelIndex> by_name_;
};

}  // namespace tickcast::shards
