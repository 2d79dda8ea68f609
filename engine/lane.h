// Lane: the bounded queue from one shard to another: one writer, one reader, no lock.
//
// Each side keeps a copy of the other's index and looks at the real one only when the copy says
// full or empty, so the line that holds an index changes cores once per batch, not once per item.
// Pushes are staged and become visible together in Publish(), one release for all of them. Whether
// the reader must be woken is the Doorbell's business (engine/doorbell.h).
// Threading: TryPush(), Publish() and free_slots() on the writer's thread, Front(), Pop() and
// Drain() on the reader's, depth() and capacity() on any.
// Source: E. Rigtorp, SPSCQueue (cached indexes).
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "engine/invariant.h"

namespace tickcast::engine {

template <class T>
class Lane {
  static_assert(std::is_nothrow_move_constructible_v<T>);

 public:
  // Holds up to `capacity` items, staged ones included. REQUIRES: a power of two.
  explicit Lane(std::size_t capacity)
      : mask_(capacity - 1), cells_(std::make_unique<Cell[]>(capacity)) {
    INVARIANT(std::has_single_bit(capacity), "a lane's capacity is a power of two");
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  // REQUIRES: neither side uses the lane any more. What was not read is destroyed.
  ~Lane() {
    for (std::size_t i = head_.load(std::memory_order_relaxed); i != staged_; ++i) at(i).~T();
  }

  // Writer: stages one item. False when the lane is full, and `item` is then untouched.
  bool TryPush(T&& item) {
    if (staged_ - cached_head_ > mask_) {
      cached_head_ = head_.load(std::memory_order_acquire);
      if (staged_ - cached_head_ > mask_) return false;
    }
    ::new (static_cast<void*>(cells_[staged_ & mask_].storage)) T(std::move(item));
    ++staged_;
    return true;
  }

  // Writer: makes what was staged visible to the reader. False when nothing was.
  bool Publish() {
    if (tail_.load(std::memory_order_relaxed) == staged_) return false;
    tail_.store(staged_, std::memory_order_release);
    return true;
  }

  // Writer: how many pushes will succeed at least.
  std::size_t free_slots() {
    cached_head_ = head_.load(std::memory_order_acquire);
    return capacity() - (staged_ - cached_head_);
  }

  // Reader: the oldest published item, or null. Lasts until Pop().
  T* Front() {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    return head == PublishedTail(head) ? nullptr : &at(head);
  }

  // Reader: destroys the front item. REQUIRES: Front() != nullptr.
  void Pop() {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    DEBUG_INVARIANT(head != PublishedTail(head), "an empty lane has nothing to pop");
    at(head).~T();
    head_.store(head + 1, std::memory_order_release);
  }

  // Reader: calls take(T&&) for up to `limit` published items, oldest first, and returns how many.
  // The writer gets their room back together, at the end. REQUIRES: `take` does not read the lane.
  template <class Take>
  std::size_t Drain(Take&& take, std::size_t limit) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    const std::size_t count = std::min(PublishedTail(head) - head, limit);
    for (std::size_t i = head; i != head + count; ++i) {
      take(std::move(at(i)));
      at(i).~T();
    }
    if (count > 0) head_.store(head + count, std::memory_order_release);
    return count;
  }

  // Published items not yet read: approximate while either side is at work.
  std::size_t depth() const {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    // The two are read at different times, so the head may seem to have passed the tail.
    const auto depth = static_cast<std::ptrdiff_t>(tail - head);
    return depth < 0 ? 0 : std::min(static_cast<std::size_t>(depth), capacity());
  }
  std::size_t capacity() const { return mask_ + 1; }

 private:
  struct Cell {
    alignas(T) std::byte storage[sizeof(T)];
  };

  T& at(std::size_t index) {
    return *std::launder(reinterpret_cast<T*>(cells_[index & mask_].storage));
  }

  // The tail as far as the reader knows it; looks again only when it knows of nothing.
  std::size_t PublishedTail(std::size_t head) {
    if (cached_tail_ == head) cached_tail_ = tail_.load(std::memory_order_acquire);
    return cached_tail_;
  }

  // Indexes count up for ever and are masked at use, so full and empty need no spare cell.
  const std::size_t mask_;
  const std::unique_ptr<Cell[]> cells_;
  // The writer's line.
  alignas(64) std::atomic<std::size_t> tail_ = 0;  // Published up to here.
  std::size_t staged_ = 0;                         // Written up to here.
  std::size_t cached_head_ = 0;
  // The reader's line.
  alignas(64) std::atomic<std::size_t> head_ = 0;
  std::size_t cached_tail_ = 0;
};

}  // namespace tickcast::engine
