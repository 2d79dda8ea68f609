// Channel: a channel as a shard with subscribers to it sees it, and ChannelTable: all of them.
//
// It holds the newest publication (state), the recent ones (stream) or those of each key (map), and
// the group: the
// subscribers on this shard that get identical bytes. Offsets and history are the home shard's.
//
// Subscribers with another view (shards/view.h) have a Channel of their own beside the one that the
// home shard delivers to, the primary; it gets what the primary gets, filtered where its view says
// so, and then counts by itself.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/completion.h"
#include "engine/config.h"
#include "engine/slab.h"
#include "shards/catch_up.h"
#include "shards/map_log.h"
#include "shards/request.h"
#include "shards/string_map.h"
#include "shards/view.h"

namespace tickcast::shards {

// One subscriber of a group: the connection, and which of its subscriptions this is.
struct Member {
  engine::Slot slot;
  std::uint32_t subscription : 30;
  std::uint32_t priority : 1;  // The client wants it before others.
  std::uint32_t baseless : 1;  // Has nothing yet that a delta could be told against.
};

// What a pull at an interval reads of a state channel, dense for all channels of the shard: twenty
// of them cost twenty loads from a small array when nothing has changed.
struct Latest {
  std::uint64_t sequence = 0;
  // Of the newest publication, in the bytes of the view; empty where the channel has to be asked:
  // nobody has made it yet, or it is a delta, which depends on what the reader has.
  std::string_view line;
};

struct Channel {
  // What a pull reads, in the first cache line.
  // Of the newest publication applied here: the home's count, or with a filter our own.
  std::uint64_t sequence = 0;
  std::uint64_t turn_begin = 0;  // Sequence before the first one of turn `changed_turn`.
  std::uint64_t changed_turn = 0;
  engine::ChannelKind kind = engine::ChannelKind::kStream;
  bool live = false;  // The home has answered: publications come without a hole from here on.
  PublicationRef newest;
  std::unique_ptr<MapLog> map;  // Of a map that is live: in place of the next one.
  CatchUp catch_up;             // Stream channels, and state channels whose view is of deltas.

  // What one flush sends to every member that is owed nothing else.
  std::span<const std::byte> turn_frame;

  View view;
  ChannelIndex primary = kNoChannel;  // Itself, where the home delivers to it.
  std::vector<ChannelIndex> views;    // Of a primary: the others.

  std::vector<Member> group;
  std::uint32_t paced = 0;  // Subscribers beside the group, each pulled at its own interval.
  // The number in `newest` that min_change compares; read when somebody asks first.
  std::uint64_t value_sequence = 0;
  float value = 0;
  // Of a slot: the maps that mirror it, and whether they have not taken its newest value yet.
  std::vector<ChannelIndex> mirrors;
  bool mirror_due = false;
  // Of a primary: who is let in with its next publication, see Commands::AdmitWaiting().
  std::uint32_t waiting = 0;
  std::uint32_t asking = 0;  // Subscribe questions on their way; the channel stays until answered.
  ShardId home = 0;
  const engine::Namespace* ns = nullptr;
  std::string name;  // Of a primary; ChannelTable::name() knows all.

  bool keeps_versions() const {
    return map == nullptr && (kind == engine::ChannelKind::kStream || view.delta);
  }
  // What it holds for those who have not seen everything.
  std::size_t catch_up_bytes() const {
    return map == nullptr ? catch_up.footprint_bytes() : map->footprint_bytes();
  }
  // What a group is told one by one: of a stream, or a map.
  const Publication* Find(std::uint64_t number) const {
    return map == nullptr ? catch_up.Find(number) : map->Find(number);
  }
  // Nobody has or wants it: neither a subscriber nor, of a primary, another view.
  bool unused() const {
    return group.empty() && paced == 0 && asking == 0 && views.empty() && mirrors.empty();
  }
};

class ChannelTable {
 public:
  // The channel's index, or kNoChannel.
  ChannelIndex Find(std::string_view name) const;

  // Adds a channel that is not there yet: its primary.
  ChannelIndex Add(std::string_view name, const engine::Namespace* ns, ShardId home);

  // The Channel of a view, which is added where it is missing, as if it had seen what the primary
  // has: its newest publication, unless the view has a filter.
  ChannelIndex FindOrAddView(ChannelIndex primary, const View& view);

  // The Channel of a view, or kNoChannel where nobody has it.
  ChannelIndex FindView(ChannelIndex primary, const View& view);

  // REQUIRES: unused.
  void Remove(ChannelIndex index);

  // The primary of a view; of a primary, itself. A load from a small array.
  ChannelIndex primary(ChannelIndex index) const { return primaries_[index]; }
  const std::string& name(ChannelIndex index) { return channels_[primaries_[index]].name; }

  Channel& operator[](ChannelIndex index) { return channels_[index]; }
  // The channel is live from its present number on: of a map changes are kept from here.
  void SetLive(Channel& channel);

  // Of a state channel. Kept by SetNewest().
  const Latest& latest(ChannelIndex index) const { return latest_[index]; }
  // The line of the newest publication has been made. It lives as long as that.
  void KeepLine(ChannelIndex index, std::string_view line) { latest_[index].line = line; }

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
  // Channels, however many views they have.
  std::size_t size() const { return by_name_.size(); }

 private:
  ChannelIndex Allocate(const View& view, const engine::Namespace* ns, ShardId home);

  engine::Slab<Channel> channels_;
  std::vector<Latest> latest_;
  std::vector<ChannelIndex> primaries_;  // By index.
  StringMap<ChannelIndex> by_name_;
};

}  // namespace tickcast::shards
