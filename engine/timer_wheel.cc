#include "engine/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace tickcast::engine {
namespace {

constexpr std::uint32_t kBitsPerWord = 64;

}  // namespace

TimerWheel::TimerWheel(std::uint64_t tick_ns, std::uint32_t slot_count, std::uint64_t start_ns)
    : tick_ns_(tick_ns),
      start_ns_(start_ns),
      slot_mask_(slot_count - 1),
      due_head_(slot_count),
      list_heads_(slot_count + 1),
      occupied_((slot_count + kBitsPerWord - 1) / kBitsPerWord) {
  INVARIANT(tick_ns > 0, "a tick takes time");
  INVARIANT(std::has_single_bit(slot_count), "the number of slots is a power of two");
  // A fresh slab counts up from 0, so slot s has its head at index s.
  for (std::uint32_t head = 0; head < list_heads_; ++head) {
    timers_.Allocate(Timer{.due_tick = 0, .payload = 0, .next = head, .previous = head});
  }
}

TimerId TimerWheel::Add(std::uint64_t deadline_ns, std::uint64_t payload) {
  const std::uint64_t wait_ns = deadline_ns > start_ns_ ? deadline_ns - start_ns_ : 0;
  // Rounded up, so that the tick's beginning is never before the deadline.
  const std::uint64_t tick = wait_ns / tick_ns_ + (wait_ns % tick_ns_ != 0 ? 1 : 0);
  // A tick that has been fired is passed only a revolution later.
  const std::uint64_t due_tick = std::max(tick, tick_ + 1);
  const Handle timer =
      timers_.Allocate(Timer{.due_tick = due_tick, .payload = payload, .next = 0, .previous = 0});
  const std::uint32_t slot = slot_of(due_tick);
  Append(slot, timer.index);
  occupied_[slot / kBitsPerWord] |= std::uint64_t{1} << (slot % kBitsPerWord);
  return TimerId{std::uint64_t{timer.generation} << 32 | timer.index};
}

void TimerWheel::Cancel(TimerId id) {
  const auto packed = static_cast<std::uint64_t>(id);
  const Handle timer{.index = static_cast<std::uint32_t>(packed),
                     .generation = static_cast<std::uint32_t>(packed >> 32)};
  if (timers_.Find(timer) == nullptr) return;
  Leave(timer.index);
  timers_.Free(timer.index);
}

std::uint64_t TimerWheel::NextDeadline() const {
  const std::uint32_t slots = slot_mask_ + 1;
  const std::uint32_t first = slot_of(tick_ + 1);
  // Word by word once around, and the first word again for the bits below `first`.
  std::uint32_t slot = first;
  for (std::uint32_t passed = 0; passed < slots + kBitsPerWord;) {
    const std::uint64_t bits = occupied_[slot / kBitsPerWord] >> (slot % kBitsPerWord);
    if (bits != 0) {
      const auto found = slot + static_cast<std::uint32_t>(std::countr_zero(bits));
      const std::uint64_t tick = tick_ + 1 + ((found - first) & slot_mask_);
      return start_ns_ + tick * tick_ns_;
    }
    const std::uint32_t step = kBitsPerWord - slot % kBitsPerWord;
    passed += step;
    slot = (slot + step) & ~(kBitsPerWord - 1);
    if (slot >= slots) slot = 0;
  }
  return kNever;
}

void TimerWheel::Append(std::uint32_t head, std::uint32_t timer) {
  const std::uint32_t last = timers_[head].previous;
  timers_[timer].next = head;
  timers_[timer].previous = last;
  timers_[last].next = timer;
  timers_[head].previous = timer;
}

void TimerWheel::Leave(std::uint32_t timer) {
  const Timer& leaving = timers_[timer];
  timers_[leaving.previous].next = leaving.next;
  timers_[leaving.next].previous = leaving.previous;
  // Also right for a timer in the due list: the bit tells whether its slot is empty.
  const std::uint32_t slot = slot_of(leaving.due_tick);
  if (timers_[slot].next == slot) {
    occupied_[slot / kBitsPerWord] &= ~(std::uint64_t{1} << (slot % kBitsPerWord));
  }
}

void TimerWheel::Collect(std::uint64_t now_ns) {
  const std::uint64_t now_tick = now_ns > start_ns_ ? (now_ns - start_ns_) / tick_ns_ : 0;
  if (now_tick <= tick_) return;
  // After a jump longer than a revolution every slot is visited once, and holds all that is due.
  const std::uint64_t passed = std::min<std::uint64_t>(now_tick - tick_, slot_mask_ + 1);
  const std::uint64_t first = tick_ + 1;
  // Set before anything is fired: what is added from there on lies in the future.
  tick_ = now_tick;
  for (std::uint64_t tick = first; tick < first + passed; ++tick) CollectSlot(slot_of(tick));
}

void TimerWheel::CollectSlot(std::uint32_t slot) {
  std::uint32_t timer = timers_[slot].next;
  while (timer != slot) {
    const std::uint32_t next = timers_[timer].next;
    if (timers_[timer].due_tick <= tick_) {
      Leave(timer);
      Append(due_head_, timer);
    }
    timer = next;
  }
}

}  // namespace tickcast::engine
