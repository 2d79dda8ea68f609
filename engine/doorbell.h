// Doorbell: how the writers of a shard's lanes know whether the shard sleeps and must be woken.
//
// A wake-up costs its sender as much as one to three sends, so it is paid only when the reader
// sleeps, and by one writer only. Nothing is lost: the reader says that it will sleep and then
// looks into its lanes once more; a writer publishes and then looks whether the reader sleeps. The
// fences forbid that both look before either has spoken.
//
//   reader: PrepareSleep(); if (lanes empty) ring.Wait(deadline); Awake(); drain the lanes
//   writer: if (lane.Publish() && bell.ShouldRing()) ring.Wake(reader)
//
// Threading: one reader; any thread may call ShouldRing(). Design: docs/architecture.md.
#pragma once

#include <atomic>

namespace tickcast::engine {

class alignas(64) Doorbell {
 public:
  // Reader: from here on a writer rings. REQUIRES: the lanes are looked at once more before
  // sleeping.
  void PrepareSleep() {
    asleep_.store(true, std::memory_order_relaxed);
    FullFence();
  }

  // Reader: no writer need ring from here on. A wake-up already sent may still arrive.
  void Awake() { asleep_.store(false, std::memory_order_relaxed); }

  // Writer, after Lane::Publish(): true for exactly one writer per sleep, who then must wake the
  // reader. Otherwise the reader is awake, or being woken, and will see what was published.
  bool ShouldRing() {
    FullFence();
    // Read first: an exchange would take the line from its reader at every publish.
    return asleep_.load(std::memory_order_relaxed) &&
           asleep_.exchange(false, std::memory_order_relaxed);
  }

 private:
  // gcc warns that ThreadSanitizer does not model fences. None of its verdicts depends on this
  // one: it orders two atomics, and the data behind them is ordered by the lane's own indexes.
  static void FullFence() {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
    std::atomic_thread_fence(std::memory_order_seq_cst);
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
  }

  std::atomic<bool> asleep_ = false;
};

}  // namespace tickcast::engine
