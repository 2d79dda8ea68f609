// JoinLeave: brings joins and leaves to those subscribers of a shard that asked for them.
//
// A publication never meets this: who is told is listed here, beside the groups. What comes in one
// turn is written once per form and appended to the replies of each subscriber, so it goes out with
// the message that the connection gets anyway, before the turn's publications: a member's join is
// seen before anything it says. Leaves alone wait for the end of the turn's flush, so that a
// member's last words are seen before it goes.
//
// Joins and leaves are hints, and presence is the truth: a connection whose socket takes nothing
// has a bounded part of them kept, and the rest dropped and counted, rather than memory without an
// end or the loss of its subscription.
// Threading: owned by one shard.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/completion.h"
#include "protocol/centrifuge/form.h"
#include "protocol/centrifuge/push.h"
#include "shards/channel.h"
#include "shards/connection.h"
#include "shards/fan_out.h"
#include "shards/member.h"
#include "shards/shard_metrics.h"

namespace tickcast::shards {

class JoinLeave {
 public:
  // What a blocked connection may be owed before joins and leaves are dropped.
  static constexpr std::size_t kMaxWaitingBytes = 16 * 1024;

  JoinLeave(ConnectionTable& connections, ChannelTable& channels, FanOut& fan_out,
            ShardMetrics& metrics)
      : connections_(connections), channels_(channels), fan_out_(fan_out), metrics_(metrics) {}

  // The connection is told of the channel's events from the number `first_event` on. `channel` is
  // the one that its home delivers to; `id`, where it is not 0, stands for its name.
  // REQUIRES: it is not told yet.
  void Watch(ChannelIndex channel, engine::Slot slot, std::uint64_t first_event, std::int64_t id);
  // Ignored where it is not told.
  void Unwatch(ChannelIndex channel, engine::Slot slot);

  // What the channel's home announces.
  void Take(ChannelIndex channel, std::shared_ptr<const MemberEvents> events);

  // Sends the leaves that waited. Once a turn, after the flush.
  void SendLeaves();

 private:
  struct Watcher {
    engine::Slot slot;
    std::uint64_t first_event;
    std::int64_t id;
  };
  // In the order of watching, so that the same history is served in the same order again.
  struct Watchers {
    std::vector<Watcher> list;
    absl::flat_hash_map<engine::Slot, std::uint32_t> places;
  };
  struct Waiting {
    ChannelIndex channel;
    std::uint32_t generation;
    std::shared_ptr<const MemberEvents> events;
  };
  // Events as they go out in one form.
  struct Lines {
    std::string text;
    std::vector<std::size_t> begins;  // Of each event.
  };

  void Send(ChannelIndex channel, const MemberEvents& events);
  void SendTo(const Watcher& watcher, ChannelIndex channel, const MemberEvents& events);
  const Lines& LinesOf(protocol::Form form, const protocol::PushTarget& target,
                       const MemberEvents& events);

  ConnectionTable& connections_;
  ChannelTable& channels_;
  FanOut& fan_out_;
  ShardMetrics& metrics_;
  absl::flat_hash_map<ChannelIndex, std::unique_ptr<Watchers>> watchers_;
  std::vector<Waiting> leaves_;
  std::array<Lines, 8> lines_;  // Scratch, by encoding, bareness and whether an id is told.
};

}  // namespace tickcast::shards
