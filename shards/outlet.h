// Outlet: the sending end of the way to another shard: its lane, and what waits when that is full.
//
// No shard ever waits for another. While the lane is full, state publications conflate here (the
// newest per channel keeps the oldest's place), everything else queues in order behind; a source
// asks `congested()` before it takes a stream publication or a client's question, so that the queue
// is bounded by kMaxWaiting plus what is already on its way through the source shard.
// Threading: owned by the sending shard.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "engine/lane.h"
#include "shards/message.h"

namespace tickcast::shards {

class Outlet {
 public:
  // Publications that wait before their sources are told to come back later (111, 503).
  static constexpr std::size_t kMaxWaiting = 4096;

  explicit Outlet(engine::Lane<Message>& lane) : lane_(lane) {}

  // Sends `message`, or keeps it in order. Returns how many older publications it replaced.
  std::uint64_t Send(Message&& message);

  // Moves what waits into the lane as far as it goes, and makes all that was sent visible to the
  // receiver. Returns true when the receiver has something it did not have: ring it.
  bool Publish();

  bool congested() const { return waiting_.size() >= kMaxWaiting; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  // A waiting conflatable message is found by what it is about.
  struct Key {
    Message::Kind kind;
    ChannelIndex local;
    std::uint32_t generation;
    std::string channel;
    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H hash, const Key& key) {
      return H::combine(std::move(hash), key.kind, key.local, key.generation, key.channel);
    }
  };
  static Key KeyOf(const Message& message);
  std::uint64_t Keep(Message&& message);

  engine::Lane<Message>& lane_;
  std::deque<Message> waiting_;
  std::uint64_t first_waiting_ = 0;  // Number of waiting_.front(); numbers only grow.
  absl::flat_hash_map<Key, std::uint64_t> conflatable_;  // Number of the waiting message.
};

}  // namespace tickcast::shards
