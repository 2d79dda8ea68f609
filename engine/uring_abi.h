// Kernel constants that are newer than Debian 12's liburing 2.3 headers, each guarded, with the
// kernel that brought it. Source: include/uapi/linux/io_uring.h.
#pragma once

#include <liburing.h>

#ifndef IORING_ENTER_NO_IOWAIT
#define IORING_ENTER_NO_IOWAIT (1U << 7)  // 6.15: a parked shard is idle, not waiting for a disk.
#endif
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17)
#endif
#ifndef IORING_ASYNC_CANCEL_FD_FIXED
#define IORING_ASYNC_CANCEL_FD_FIXED (1U << 3)  // 6.0
#endif
