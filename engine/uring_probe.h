// What tickcast needs of io_uring, checked at start, so that a kernel that lacks something says
// which feature and which kernel brought it instead of failing later.
// Threading: any thread, before the shards start.
#pragma once

#include <liburing.h>

#include "absl/status/status.h"

namespace tickcast::engine {

// SINGLE_ISSUER (6.0) and DEFER_TASKRUN (6.1): completions run only inside our own Wait().
// TASKRUN_FLAG (5.19): a spinning shard sees deferred work without a system call. SUBMIT_ALL
// (5.18): one bad entry does not hold back the rest of its batch.
inline constexpr unsigned kRingSetupFlags = IORING_SETUP_SINGLE_ISSUER |
                                            IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                                            IORING_SETUP_SUBMIT_ALL;

// OK, or: Unavailable = io_uring is disabled on this machine (the message names the remedy; the
// server exits with 78), FailedPrecondition = the kernel lacks a named feature.
absl::Status ProbeKernel();

// The same distinction for a failed io_uring_queue_init_params(3) with kRingSetupFlags.
absl::Status RingSetupError(int error);

}  // namespace tickcast::engine
