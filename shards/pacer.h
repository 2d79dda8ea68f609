// Pacer: when the connections that asked for an interval are due.
//
// An interval is a beat: a ring of buckets, one per step of time, that is gone through once per
// interval. A connection lies in one bucket of each beat it has subscriptions with, chosen by its
// slot, so that neighbours are spread evenly over the interval: a core's load is flat, and all
// subscriptions of a connection with one interval fall due together and leave in one message.
// Nothing is allocated or looked up when a connection falls due.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "engine/completion.h"

namespace tickcast::shards {

class Pacer {
 public:
  static constexpr std::uint32_t kLeastMs = 10;
  static constexpr std::uint32_t kMostMs = 60'000;
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  explicit Pacer(std::uint64_t now_ns) : now_ns_(now_ns) {}

  // The interval that a wish gets: 0 stays 0 (each turn); others are rounded up to 10 ms, above a
  // second to 100 ms, so that a server has a bounded number of beats however clients wish.
  static std::uint32_t Grant(std::uint32_t wanted_ms);

  // The connection has subscriptions with this interval from now on, or none any more.
  // REQUIRES: granted and not 0; Add: it is not there, Remove: it is.
  void Add(engine::Slot slot, std::uint32_t interval_ms);
  void Remove(engine::Slot slot, std::uint32_t interval_ms);

  // Calls visit(slot, interval_ms) for whoever fell due since the last time, each at most once per
  // beat however late this comes. `visit` adds and removes nothing.
  template <typename Visit>
  void Advance(std::uint64_t now_ns, Visit&& visit);

  // When Advance() next has something to visit, kNever when nobody is here.
  std::uint64_t NextDeadline() const { return next_ns_; }

  // Connections, each counted once per interval it has.
  std::uint64_t size() const { return size_; }

 private:
  struct Beat {
    std::uint32_t interval_ms = 0;
    std::uint64_t step_ns = 0;
    std::uint64_t tick = 0;       // Steps up to this one have been visited.
    std::uint64_t next_tick = 0;  // The next whose bucket is not empty.
    std::uint32_t connections = 0;
    std::vector<std::vector<engine::Slot>> buckets;
  };

  Beat& BeatOf(std::uint32_t interval_ms);
  static std::vector<engine::Slot>& BucketOf(Beat& beat, engine::Slot slot);
  static void FindNext(Beat& beat);
  void FindDeadline();

  std::uint64_t now_ns_;
  std::uint64_t next_ns_ = kNever;
  std::uint64_t size_ = 0;
  std::deque<Beat> beats_;  // Of every interval that was ever granted here.
};

template <typename Visit>
void Pacer::Advance(std::uint64_t now_ns, Visit&& visit) {
  now_ns_ = now_ns;
  if (now_ns < next_ns_) return;
  for (Beat& beat : beats_) {
    const std::uint64_t tick = now_ns / beat.step_ns;
    if (beat.connections == 0 || tick < beat.next_tick) continue;
    const std::uint64_t count = beat.buckets.size();
    // After a stall longer than the interval nobody is due twice.
    std::uint64_t from = beat.next_tick;
    if (tick - from >= count) from = tick - count + 1;
    for (std::uint64_t at = from; at <= tick; ++at) {
      for (const engine::Slot slot : beat.buckets[at % count]) visit(slot, beat.interval_ms);
    }
    beat.tick = tick;
    FindNext(beat);
  }
  FindDeadline();
}

}  // namespace tickcast::shards
