#include "tools/loadgen/ledger.h"

namespace tickcast::loadgen {

void Ledger::Tally::Add(const Tally& other) {
  delivered += other.delivered;
  missing += other.missing;
  reordered += other.reordered;
  duplicate += other.duplicate;
}

// A late arrival takes back what was missing in an earlier phase: the difference wraps, and adds
// up.
Ledger::Tally Ledger::Tally::Since(const Tally& earlier) const {
  return {.delivered = delivered - earlier.delivered,
          .missing = missing - earlier.missing,
          .reordered = reordered - earlier.reordered,
          .duplicate = duplicate - earlier.duplicate};
}

Ledger::Ledger(std::size_t subscriptions) : entries_(subscriptions) {}

// Two halves keep an entry at 12 bytes: a run of 100,000 connections has two million of them.
std::uint64_t Ledger::Seen(const Entry& entry) {
  return static_cast<std::uint64_t>(entry.seen_high) << 32 | entry.seen_low;
}

void Ledger::SetSeen(Entry& entry, std::uint64_t seen) {
  entry.seen_low = static_cast<std::uint32_t>(seen);
  entry.seen_high = static_cast<std::uint32_t>(seen >> 32);
}

void Ledger::Begin(std::size_t subscription, std::uint32_t next) {
  entries_[subscription] = Entry{.next = next};
}

Ledger::Arrival Ledger::Record(std::size_t subscription, std::uint32_t number, Tally& tally) {
  Entry& entry = entries_[subscription];
  if (entry.next == kUnknown) entry.next = number;
  if (number >= entry.next) {
    const std::uint32_t skipped = number - entry.next;
    const std::uint64_t seen = skipped + 1 < kMemory ? Seen(entry) << (skipped + 1) : 0;
    SetSeen(entry, seen | 1);
    entry.next = number + 1;
    ++tally.delivered;
    tally.missing += skipped;
    return skipped == 0 ? Arrival::kInOrder : Arrival::kAfterGap;
  }
  const std::uint32_t age = entry.next - 1 - number;
  const std::uint64_t bit = age < kMemory ? std::uint64_t{1} << age : 0;
  const std::uint64_t seen = Seen(entry);
  if (bit == 0 || (seen & bit) != 0) {
    ++tally.duplicate;
    return Arrival::kDuplicate;
  }
  SetSeen(entry, seen | bit);
  ++tally.delivered;
  ++tally.reordered;
  --tally.missing;
  return Arrival::kReordered;
}

void Ledger::Settle(std::size_t subscription, std::uint32_t published, Tally& tally) {
  Entry& entry = entries_[subscription];
  if (entry.next == kUnknown || published <= entry.next) return;
  const std::uint32_t absent = published - entry.next;
  tally.missing += absent;
  SetSeen(entry, absent < kMemory ? Seen(entry) << absent : 0);
  entry.next = published;
}

}  // namespace tickcast::loadgen
