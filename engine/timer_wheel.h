// TimerWheel: all the timeouts of one shard behind the one deadline that its ring sleeps to.
//
// Time is cut into ticks and tick t lies in slot t mod slot_count: adding and cancelling are O(1),
// and the clock pays only for the slots it passes. A slot also holds timers of later rounds, which
// are told apart by their tick. Coarse on purpose: a timer is never early and up to one tick late,
// beyond what the caller's turn adds.
// Timers that are pushed back all the time (idle, pong) are better left alone: let them fire, look
// at when the connection was last heard, and add the rest.
// Threading: owned by one shard, called only on its thread.
// Source: G. Varghese, A. Lauck, "Hashed and Hierarchical Timing Wheels" (1987), scheme 6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/invariant.h"
#include "engine/slab.h"

namespace tickcast::engine {

// Names one timer until it fires or is cancelled; kNone names none.
enum class TimerId : std::uint64_t { kNone = 0 };

class TimerWheel {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  // One revolution is tick_ns * slot_count; longer timeouts work and are looked at once a
  // revolution. The clock stands at start_ns. REQUIRES: tick_ns > 0, slot_count a power of two.
  TimerWheel(std::uint64_t tick_ns, std::uint32_t slot_count, std::uint64_t start_ns);

  // Fires `payload` once, in the first Advance() whose time has reached `deadline_ns` and lies in
  // a later tick than the last one: also a deadline that has passed waits for the next tick.
  TimerId Add(std::uint64_t deadline_ns, std::uint64_t payload);

  // Does nothing when the timer has fired or been cancelled before, or is kNone.
  void Cancel(TimerId id);

  // Sets the clock to `now_ns` (an earlier time than before changes nothing) and calls
  // fire(payload) for what is due: by rising tick, within a tick in the order of Add(), unless the
  // clock jumped by more than a revolution. `fire` may add and cancel; what it adds comes in a
  // later Advance(). REQUIRES: not called from `fire`.
  template <class Fire>
  void Advance(std::uint64_t now_ns, Fire&& fire);

  // When Advance() may next have something to fire: not later than the earliest timer, but earlier
  // when a slot on the way holds only timers of a later round. kNever when there are none.
  std::uint64_t NextDeadline() const;

  // Timers waiting.
  std::size_t size() const { return timers_.size() - list_heads_; }

 private:
  // A member of a circular list; the heads are members too, so leaving needs no look at the head.
  struct Timer {
    std::uint64_t due_tick;
    std::uint64_t payload;
    std::uint32_t next;
    std::uint32_t previous;
  };

  void Append(std::uint32_t head, std::uint32_t timer);
  void Leave(std::uint32_t timer);
  // Moves what is due in the slots from the last tick to now into the due list.
  void Collect(std::uint64_t now_ns);
  void CollectSlot(std::uint32_t slot);

  std::uint32_t slot_of(std::uint64_t tick) const {
    return static_cast<std::uint32_t>(tick) & slot_mask_;
  }

  const std::uint64_t tick_ns_;
  const std::uint64_t start_ns_;
  const std::uint32_t slot_mask_;
  const std::uint32_t due_head_;    // Index of the due list's head; the slots' lie below it.
  const std::uint32_t list_heads_;  // Slots and the due list.
  std::uint64_t tick_ = 0;          // Ticks up to this one have been fired.
  bool firing_ = false;
  Slab<Timer> timers_;
  std::vector<std::uint64_t> occupied_;  // One bit per slot that holds a timer.
};

template <class Fire>
void TimerWheel::Advance(std::uint64_t now_ns, Fire&& fire) {
  INVARIANT(!firing_, "a timer cannot turn the wheel");
  // Collected first, fired after: `fire` may then cancel any timer, the next due one included.
  Collect(now_ns);
  firing_ = true;
  while (timers_[due_head_].next != due_head_) {
    const std::uint32_t due = timers_[due_head_].next;
    const std::uint64_t payload = timers_[due].payload;
    Leave(due);
    timers_.Free(due);
    fire(payload);
  }
  firing_ = false;
}

}  // namespace tickcast::engine
