// Ring: all that a shard asks of the kernel: submit a batch, reap completions, tell the time.
//
// The shard is written against this interface, so that the same shard runs on io_uring
// (engine/uring_ring.h) and on a simulated kernel with a virtual clock (engine/sim_ring.h). A
// virtual call costs about 2 ns beside the 4 us of a send, and nothing here is called per byte.
//
// Queueing calls never fail: when the submission queue is full they submit first. Errors come back
// as completions.
// Threading: a ring belongs to the thread that built it; only handle() may be read by others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/completion.h"
#include "engine/peer_address.h"

namespace tickcast::engine {

class Ring {
 public:
  virtual ~Ring() = default;

  // Monotonic time in nanoseconds (CLOCK_MONOTONIC; virtual in simulation).
  virtual std::uint64_t now_ns() = 0;

  // Time that the ring's thread has had a core, in nanoseconds (CLOCK_THREAD_CPUTIME_ID, a system
  // call). Where there are no threads, all of it.
  virtual std::uint64_t cpu_ns() { return now_ns(); }

  // How other rings address this one in Wake(). Constant for the ring's life.
  virtual int handle() const = 0;

  // Slots [0, slot_count()) can hold connections.
  virtual std::uint32_t slot_count() const = 0;

  // Accepts connections into free slots until StopAccept(), each a kAccept completion whose token
  // has slot 0 and whose result is the slot, or -ENFILE when no slot is free (which ends the
  // multishot: arm again when one is). REQUIRES: not armed.
  virtual void ArmAccept() = 0;

  // Ends accepting for good and closes the listener; connections not yet accepted are refused.
  virtual void StopAccept() = 0;

  // Receives into the ring's buffers until a completion without `more` says it ended: result 0 or
  // an error ends it, so does -ENOBUFS (no buffer was free: arm again after recycling), and the
  // kernel may end it at any time.
  virtual void ArmReceive(Slot slot, std::uint32_t generation) = 0;

  // Ends an armed receive early; its last completion is -ECANCELED. Bytes that came before it are
  // still delivered.
  virtual void CancelReceive(Slot slot, std::uint32_t generation) = 0;

  // Queues one send: all of `bytes` taken gives no completion; part of it a kSend completion with
  // the byte count; none -EAGAIN; else -errno. Every result can be reaped as soon as the Submit()
  // that took the send has returned, and until then `bytes` must stay. Nothing refers to it after.
  // REQUIRES: at most one send per slot between two Submit() calls: a second one would overtake
  // what a short first one left (docs/decisions.md).
  // Source: io_uring_prep_send(3) with MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL.
  virtual void Send(Slot slot, std::uint32_t generation, std::span<const std::byte> bytes) = 0;

  // One kPollOut completion when the socket takes bytes again, or has failed.
  virtual void ArmPollOut(Slot slot, std::uint32_t generation) = 0;

  // Asks who is at the far end of an accepted connection: one kPeerName completion, to be taken by
  // TakePeerName(). Its result is an error when the kernel does not tell (-EOPNOTSUPP before 6.7)
  // or the connection is gone. REQUIRES: not asked before, or that completion was taken.
  // Source: io_uring_prep_cmd_sock(3) with SOCKET_URING_OP_GETSOCKOPT, SO_PEERNAME.
  virtual void AskPeerName(Slot slot, std::uint32_t generation) = 0;

  // Cancels whatever is armed on the slot, then closes it: the order matters, because an armed
  // receive holds the socket open. The slot may be accepted into again at once, so the caller
  // gives it a new generation first; late completions carry the old one.
  virtual void CancelAndClose(Slot slot) = 0;

  // Makes the ring that has `handle` return from Wait() with a kWake completion.
  virtual void Wake(int handle) = 0;

  // Hands everything queued to the kernel. Returns when all of it was taken.
  virtual void Submit() = 0;

  // Submit(), then runs what the kernel has deferred, and sleeps until a completion is there or
  // `deadline_ns` has come (0 = do not sleep). May return early.
  virtual void Wait(std::uint64_t deadline_ns) = 0;

  // Moves up to completions.size() completions out, oldest first, and returns how many.
  virtual std::size_t Reap(std::span<Completion> completions) = 0;

  // The bytes a kReceive completion lends, writable (unmasking happens in place), valid until
  // Recycle(). REQUIRES: done.has_buffer && done.result > 0.
  virtual std::span<std::byte> Received(const Completion& done) = 0;

  // Gives a lent buffer back. Every completion with has_buffer must be recycled exactly once,
  // also one of an old generation.
  virtual void Recycle(std::uint16_t buffer_id) = 0;

  // The address that a kPeerName completion brought, unknown when it failed. Every such completion
  // must be taken exactly once, also one of an old generation.
  virtual PeerAddress TakePeerName(const Completion& done) = 0;
};

}  // namespace tickcast::engine
