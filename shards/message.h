// Message: what crosses from one shard to another, by value, through a lane.
// Threading: moved from the sender's thread to the receiver's.
#pragma once

#include <cstdint>
#include <memory>

#include "shards/publication.h"
#include "shards/request.h"

namespace tickcast::shards {

struct Message {
  enum class Kind : std::uint8_t {
    kTick,     // Source -> home: `publication` is a draft of a feed, wanted by nobody's reply.
    kAsk,      // Any -> home: `request`.
    kAnswer,   // Home -> asker: `request`, answered.
    kDeliver,  // Home -> subscribers' shard: sealed `publication` of its channel `local`.
    kSlot,     // Home -> mirrors' shard: a slot has its first value, `publication`; see mirror.h.
    kReset,    // Home -> subscribers' shard: what its channel `local` was is no more; begin anew.
    kMembers,  // Home -> subscribers' shard: who came to and left its channel `local`; `request`.
    kPart,     // Subscribers' shard -> home: a client has left; `request` names it and the channel.
    kLeave,    // Subscribers' shard -> home: nobody here is left; `request` names the channel.
  };

  Kind kind = Kind::kTick;
  // The newest one of a channel may replace an older one that waits (kTick, kDeliver of state).
  bool conflatable = false;
  ChannelIndex local = kNoChannel;
  std::uint32_t generation = 0;
  PublicationRef publication;
  PublicationRef replaced;  // kDeliver of a map: what its key had before; null: nothing.
  std::unique_ptr<Request> request;
};

}  // namespace tickcast::shards
