#include "tools/loadgen/market_ledger.h"

namespace tickcast::loadgen {

Ledger::Arrival MarketLedger::Record(std::size_t subscription, std::uint64_t seq,
                                     Ledger::Tally& tally) {
  std::uint64_t& last = last_[subscription];
  if (last != 0 && seq == last) {
    ++tally.duplicate;
    return Ledger::Arrival::kDuplicate;
  }
  ++tally.delivered;
  if (seq < last) {
    ++tally.reordered;
    return Ledger::Arrival::kReordered;
  }
  const std::uint64_t hole = last == 0 ? 0 : seq - last - 1;
  tally.missing += hole;
  last = seq;
  return hole == 0 ? Ledger::Arrival::kInOrder : Ledger::Arrival::kAfterGap;
}

}  // namespace tickcast::loadgen
