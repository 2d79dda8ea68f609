// MarketLedger: the sequence of a feed at every subscription, in 8 bytes each.
//
// Values conflate, so a hole is no loss but a count: what the server says it conflated has to
// cover it. A value that came before (duplicate) or that is older than the last one (reordered)
// must not be.
// Threading: a plain value of one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tools/loadgen/ledger.h"

namespace tickcast::loadgen {

class MarketLedger {
 public:
  explicit MarketLedger(std::size_t subscriptions) : last_(subscriptions) {}

  // A subscription begins, its newest value so far being `seq` (0: unknown, the first one to come
  // is the beginning).
  void Begin(std::size_t subscription, std::uint64_t seq) { last_[subscription] = seq; }

  // `tally.missing` counts the holes. REQUIRES: subscription < size.
  Ledger::Arrival Record(std::size_t subscription, std::uint64_t seq, Ledger::Tally& tally);

 private:
  std::vector<std::uint64_t> last_;  // 0 = none yet.
};

}  // namespace tickcast::loadgen
