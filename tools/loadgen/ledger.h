// Ledger: what of every numbered publication reached every subscription.
//
// Publications of a channel are numbered from 0, so each subscription has to see 0, 1, 2 and so on.
// A number that is skipped counts as missing; if it still comes it counts as reordered and is
// missing no more; a number that came before counts as a duplicate. In the end, per subscription,
//   published = delivered + missing,
// and what is missing when nothing more can come is lost.
// Threading: a plain value of one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tickcast::loadgen {

class Ledger {
 public:
  // How far back a late number is told from a duplicate. One that is older counts as a duplicate,
  // and as missing for good: too much loss is reported then, never too little.
  static constexpr std::uint32_t kMemory = 64;

  enum class Arrival : std::uint8_t { kInOrder, kAfterGap, kReordered, kDuplicate };

  struct Tally {
    std::uint64_t delivered = 0;  // Different publications, each counted once.
    std::uint64_t missing = 0;
    std::uint64_t reordered = 0;
    std::uint64_t duplicate = 0;

    void Add(const Tally& other);
    Tally Since(const Tally& earlier) const;
  };

  // Subscriptions [0, subscriptions), each waiting for number 0.
  explicit Ledger(std::size_t subscriptions);

  // A subscription begins anew, and waits for `next`; kUnknown: for whatever comes first.
  static constexpr std::uint32_t kUnknown = ~0U;
  void Begin(std::size_t subscription, std::uint32_t next);

  // REQUIRES: subscription < size.
  Arrival Record(std::size_t subscription, std::uint32_t number, Tally& tally);

  // Everything before `published` should have come by now: what did not is missing.
  void Settle(std::size_t subscription, std::uint32_t published, Tally& tally);

 private:
  struct Entry {
    std::uint32_t next = 0;
    std::uint32_t seen_low = ~0U;  // Bit i of the 64: number next - 1 - i has come.
    std::uint32_t seen_high = ~0U;
  };
  static std::uint64_t Seen(const Entry& entry);
  static void SetSeen(Entry& entry, std::uint64_t seen);

  std::vector<Entry> entries_;
};

}  // namespace tickcast::loadgen
