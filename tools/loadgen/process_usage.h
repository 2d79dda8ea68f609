// What a process has cost so far, as /proc tells it.
// Threading: any thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"

namespace tickcast::loadgen {

// CPU time of all living threads in nanoseconds, kernel work done in their name included: the sum
// of the first fields of /proc/PID/task/*/schedstat. A thread that runs right now is counted up to
// its last tick (4 ms), so samples are best taken while the process sleeps. pid 0 = this process.
// NotFound when there is no such process.
absl::StatusOr<std::uint64_t> ProcessCpuNs(std::int32_t pid);

// Resident memory of a process in bytes: the second field of /proc/PID/statm. NotFound as above.
absl::StatusOr<std::uint64_t> ProcessRssBytes(std::int32_t pid);

}  // namespace tickcast::loadgen
