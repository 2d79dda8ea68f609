// ServerCounters: what the server itself counted, from its GET /metrics, so that every value a
// client did not get can be told from one that was lost.
// Threading: plain values.
#pragma once

#include <cstdint>
#include <string_view>

#include "tools/loadgen/expectation.h"

namespace tickcast::loadgen {

struct ServerCounters {
  std::uint64_t owed = 0;
  std::uint64_t delivered = 0;
  std::uint64_t conflated = 0;
  std::uint64_t skipped = 0;         // All reasons.
  std::uint64_t lane_conflated = 0;  // Between shards, before anybody was owed.

  ServerCounters Since(const ServerCounters& earlier) const;
};

// Sums over all shards and labels. False when the text (Prometheus' format 0.0.4) has no
// tickcast_publications_owed_total: another server.
bool ReadServerCounters(std::string_view metrics, ServerCounters& counters);

// server_owed, server_delivered and so on.
void AddServerFigures(const ServerCounters& counters, Figures& figures);

}  // namespace tickcast::loadgen
