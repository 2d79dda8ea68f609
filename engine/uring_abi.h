// Kernel constants that are newer than Debian 12's liburing 2.3 headers, each guarded, with the
// kernel that brought it. Source: include/uapi/linux/io_uring.h.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <cstring>

#ifndef IORING_ENTER_NO_IOWAIT
#define IORING_ENTER_NO_IOWAIT (1U << 7)  // 6.15: a parked shard is idle, not waiting for a disk.
#endif
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17)
#endif
#ifndef IORING_ASYNC_CANCEL_FD_FIXED
#define IORING_ASYNC_CANCEL_FD_FIXED (1U << 3)  // 6.0
#endif

namespace tickcast::engine {

// SOCKET_URING_OP_GETSOCKOPT (6.7): an enumerator, which no guard sees.
inline constexpr std::uint32_t kSocketCommandGetSockOpt = 2;

// What io_uring_prep_cmd_sock(3) of liburing 2.5 writes, by offsets where 2.3's io_uring_sqe has
// no name for a member. `value` has to stay until the completion, whose result is its size.
inline void PrepareGetSockOpt(io_uring_sqe* entry, int fd, int level, int name, void* value,
                              std::uint32_t value_bytes) {
  io_uring_prep_rw(IORING_OP_URING_CMD, entry, fd, nullptr, 0, 0);
  entry->cmd_op = kSocketCommandGetSockOpt;
  const std::int32_t option[] = {level, name};  // sqe->level, sqe->optname
  static_assert(sizeof(option) == sizeof(entry->addr));
  std::memcpy(&entry->addr, option, sizeof(option));
  entry->file_index = value_bytes;                        // sqe->optlen
  entry->addr3 = reinterpret_cast<std::uint64_t>(value);  // sqe->optval
}

}  // namespace tickcast::engine
