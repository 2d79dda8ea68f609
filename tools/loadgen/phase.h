// Phase: a stretch of time that is measured by itself.
// Threading: a plain value.
#pragma once

#include <cstdint>

namespace tickcast::loadgen {

struct Phase {
  std::uint64_t warmup_ns = 0;
  std::uint64_t duration_ns = 0;  // 0: until stopped.
  double rate = 0;                // 0: closed loop.
  std::int64_t storm_at_ns = -1;  // Into the measured time; negative: no storm.
  double storm_rate = 0;          // Connections per second; 0: as fast as they are accepted.
  bool until_back = false;        // Ends when all that the storm cut are back.
};

}  // namespace tickcast::loadgen
