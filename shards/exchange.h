// Mesh and Exchange: every way between shards, and one shard's ends of them.
//
// Each ordered pair of shards has a lane of its own (one writer, one reader), so what a shard sends
// to another arrives in the order it was sent: that order alone makes the cut between a snapshot
// and what follows exact. What a shard sends to itself waits in a plain queue and is taken at the
// next turn like everything else, so that nothing is applied in the middle of a flush. Threading:
// Mesh is built before the shards' threads start; an Exchange belongs to its shard.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/doorbell.h"
#include "engine/lane.h"
#include "engine/probes.h"
#include "engine/ring.h"
#include "shards/message.h"
#include "shards/outlet.h"

namespace tickcast::shards {

class Mesh {
 public:
  // Lanes hold `lane_capacity` messages each (a power of two).
  Mesh(ShardId shards, std::size_t lane_capacity);

  ShardId shards() const { return shards_; }
  engine::Lane<Message>& lane(ShardId from, ShardId to) { return *lanes_[from * shards_ + to]; }
  engine::Doorbell& doorbell(ShardId shard) { return doors_[shard].bell; }

  // The ring that wakes `shard`. Set by its thread before any shard runs (the server's latch orders
  // this).
  void SetHandle(ShardId shard, int ring_handle) { doors_[shard].ring_handle = ring_handle; }
  int handle(ShardId shard) const { return doors_[shard].ring_handle; }

  // Whether some way out of `shard` is full. A hint that its owner renews once a turn, by which
  // sources on other shards hold back before they send what that shard could not pass on.
  bool congested(ShardId shard) const {
    return doors_[shard].congested.load(std::memory_order_relaxed);
  }
  void SetCongested(ShardId shard, bool congested) {
    doors_[shard].congested.store(congested, std::memory_order_relaxed);
  }

  // The home shard of a channel: the same in the whole process, whoever asks.
  ShardId HomeOf(std::string_view channel) const;

 private:
  struct alignas(64) Door {
    engine::Doorbell bell;
    int ring_handle = -1;
    std::atomic<bool> congested{false};
  };
  const ShardId shards_;
  std::vector<std::unique_ptr<engine::Lane<Message>>> lanes_;
  std::unique_ptr<Door[]> doors_;
};

class Exchange {
 public:
  Exchange(Mesh& mesh, ShardId self);

  ShardId self() const { return self_; }
  ShardId shards() const { return mesh_.shards(); }
  ShardId HomeOf(std::string_view channel) const { return mesh_.HomeOf(channel); }

  void Send(ShardId to, Message&& message);

  // True while stream publications and questions for `to` should be refused at their source.
  bool congested(ShardId to) const {
    return to != self_ && (outlets_[to].congested() || mesh_.congested(to));
  }

  // True when the way from here to `to` itself is full.
  bool full(ShardId to) const { return to != self_ && outlets_[to].congested(); }

  // Takes what has arrived, the own queue first, at most `max_per_lane` of each lane, so that no
  // sender can keep a shard from its flush. `take(ShardId from, Message&&)`.
  template <typename Take>
  void Drain(std::size_t max_per_lane, Take&& take);

  // Whether something was sent to ourselves since the last Drain().
  bool has_own() const { return !own_.empty(); }

  // Makes what was sent visible, and rings the shards that sleep. Once a turn.
  void Publish(engine::Ring& ring);

  // False when something waits to be drained or to go out: do not sleep. True: the doorbell is set,
  // and whoever sends next will ring; call Awake() after the sleep.
  bool PrepareSleep();
  void Awake() { mesh_.doorbell(self_).Awake(); }

  // Publications replaced by newer ones of their channel because a lane was full.
  std::uint64_t lane_conflated() const { return lane_conflated_; }
  // Messages that wait for room in a lane, and that lie in the lanes to this shard.
  std::size_t waiting() const;
  std::size_t inbound_depth() const;

 private:
  Mesh& mesh_;
  const ShardId self_;
  std::deque<Outlet> outlets_;  // By target; the own one stays unused.
  std::vector<Message> own_;    // Sent to ourselves, for the next Drain().
  std::vector<Message> draining_;
  std::uint64_t lane_conflated_ = 0;
  bool told_congested_ = false;
};

template <typename Take>
void Exchange::Drain(std::size_t max_per_lane, Take&& take) {
  draining_.swap(own_);
  for (Message& message : draining_) take(self_, std::move(message));
  draining_.clear();
  for (ShardId from = 0; from < mesh_.shards(); ++from) {
    if (from == self_) continue;
    const std::size_t drained =
        mesh_.lane(from, self_)
            .Drain([&](Message&& message) { take(from, std::move(message)); }, max_per_lane);
    engine::probes::LaneDrained(from, self_, drained);
  }
}

}  // namespace tickcast::shards
