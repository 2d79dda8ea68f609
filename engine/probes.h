// Probes: places in a running server that a tracer can watch, by name, with their numbers.
//
// Each is one nop in the code and a note in the binary that says where the arguments lie (USDT).
// While nobody watches, the nop is all there is, and every argument must be at hand anyway; that is
// why none has a semaphore ("is anybody watching?"), which would cost a load and a branch in its
// stead. While somebody does, the nop is a trap into the kernel.
//
// They tell of one thread, and only the turn names its shard: a tracer notes it by thread id
// (perf/bpftrace/ does). List them: `readelf -n tickcast`. Where sys/sdt.h is missing (Debian:
// systemtap-sdt-dev) they are nothing, and the binary has no notes.
//
// Threading: each is called on the thread that it tells of.
// Source: https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation
#pragma once

#include <cstdint>

#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define TICKCAST_PROBE1(name, a) DTRACE_PROBE1(tickcast, name, a)
#define TICKCAST_PROBE2(name, a, b) DTRACE_PROBE2(tickcast, name, a, b)
#define TICKCAST_PROBE3(name, a, b, c) DTRACE_PROBE3(tickcast, name, a, b, c)
#else
#define TICKCAST_PROBE1(name, a) static_cast<void>(a)
#define TICKCAST_PROBE2(name, a, b) (static_cast<void>(a), static_cast<void>(b))
#define TICKCAST_PROBE3(name, a, b, c) \
  (static_cast<void>(a), static_cast<void>(b), static_cast<void>(c))
#endif

namespace tickcast::engine::probes {

// One pass of a shard's loop, without the sleep behind it. `turn` counts the shard's turns.
[[gnu::always_inline]] inline void TurnBegin(std::uint32_t shard, std::uint64_t turn) {
  TICKCAST_PROBE2(turn_begin, shard, turn);
}
[[gnu::always_inline]] inline void TurnEnd(std::uint32_t shard, std::uint64_t turn) {
  TICKCAST_PROBE2(turn_end, shard, turn);
}

// The flush within a turn that has something to send. `connections`: entries of all its queues when
// it begins; a connection may stand in several.
[[gnu::always_inline]] inline void FlushBegin(std::uint64_t connections) {
  TICKCAST_PROBE1(flush_begin, connections);
}
// `sends`: messages handed to the kernel, refused ones too. `connections` as above, at the end: a
// long flush handles what its batches' completions bring, so the queues grow meanwhile.
[[gnu::always_inline]] inline void FlushEnd(std::uint64_t sends, std::uint64_t connections) {
  TICKCAST_PROBE2(flush_end, sends, connections);
}

// A batch of `sends` messages was handed to the kernel, which has taken or refused each.
[[gnu::always_inline]] inline void SendBatch(std::uint64_t sends) {
  TICKCAST_PROBE1(send_batch, sends);
}
// The kernel took nothing of a message to `slot`, of `bytes` in all (-EAGAIN).
[[gnu::always_inline]] inline void SendRefused(std::uint32_t slot, std::uint64_t bytes) {
  TICKCAST_PROBE2(send_refused, slot, bytes);
}
// The kernel took `sent_bytes` of a message of `bytes` to `slot`.
[[gnu::always_inline]] inline void SendShort(std::uint32_t slot, std::uint64_t sent_bytes,
                                             std::uint64_t bytes) {
  TICKCAST_PROBE3(send_short, slot, sent_bytes, bytes);
}

// The connection in `slot` is blocked: its socket refused bytes for the first time since …
[[gnu::always_inline]] inline void BlockedBegin(std::uint32_t slot) {
  TICKCAST_PROBE1(blocked_begin, slot);
}
// … and no longer: `writable` 1 when the socket takes bytes again, 0 when it was closed blocked.
[[gnu::always_inline]] inline void BlockedEnd(std::uint32_t slot, std::uint32_t writable) {
  TICKCAST_PROBE2(blocked_end, slot, writable);
}

// The receiving shard `to` took `messages` out of the lane from shard `from`, at least one: the
// depth that the lane had, unless it is the most that is taken at a time.
[[gnu::always_inline]] inline void LaneDrained(std::uint32_t from, std::uint32_t to,
                                               std::uint64_t messages) {
  if (messages != 0) TICKCAST_PROBE3(lane_drained, from, to, messages);
}
// The lane from shard `from` to `to` is full at the end of a turn of `from`: `waiting` messages,
// at least one, found no room in it.
[[gnu::always_inline]] inline void LaneFull(std::uint32_t from, std::uint32_t to,
                                            std::uint64_t waiting) {
  if (waiting != 0) TICKCAST_PROBE3(lane_full, from, to, waiting);
}

}  // namespace tickcast::engine::probes

#undef TICKCAST_PROBE1
#undef TICKCAST_PROBE2
#undef TICKCAST_PROBE3
