// KindRecord: all that is counted and measured of the clients of one kind.
// Threading: a plain value of one thread.
#pragma once

#include <cstdint>
#include <string>

#include "tools/loadgen/expectation.h"
#include "tools/loadgen/histogram.h"
#include "tools/loadgen/ledger.h"
#include "tools/loadgen/mix.h"

namespace tickcast::loadgen {

// Counts since the beginning: a phase is the difference of two.
struct KindCounts {
  std::uint64_t deliveries = 0;
  Ledger::Tally tally;
  std::uint64_t closed = 0;    // By the server, or lost.
  std::uint64_t reopened = 0;  // Ready again, whatever ended the life before.
  std::uint64_t refused = 0;   // Lives that ended before they were ready.
  std::uint64_t told = 0;      // Messages of the server about pressure and conflation.

  void Add(const KindCounts& other);
  KindCounts Since(const KindCounts& earlier) const;
};

struct KindRecord {
  KindCounts counts;
  // Of the measured time, in nanoseconds.
  Histogram latency;  // From publication to arrival; of a feed the age of each value.
  Histogram stall;    // Each connection's longest time without a delivery while connected.
  Histogram join;     // From opening to having every reply; of those that come back.
  Histogram scroll;   // From when it was due to the answer of a track that scrolls.
  Histogram life;     // From ready to closed, of those that the server closed.

  void Add(const KindRecord& other);
  void ClearTimes();
};

// The figures of one kind, their names beginning with its own.
void AddKindFigures(const Kind& kind, const KindRecord& record, const KindCounts& since_start,
                    const KindCounts& since_begin, double seconds, Figures& figures);

}  // namespace tickcast::loadgen
