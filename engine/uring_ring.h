// UringRing: the ring on io_uring.
//
// One ring per shard, built on the shard's own thread (SINGLE_ISSUER). Sockets are direct
// descriptors, which do not count against RLIMIT_NOFILE beyond the size of each ring's table;
// received bytes land in one provided-buffer ring, so an idle connection holds no read buffer;
// DEFER_TASKRUN keeps the kernel's completion work inside our own Wait().
// Threading: as Ring. Kernel: 6.1 or newer; uring_probe.h says what is missing.
#pragma once

#include <liburing.h>
#include <netinet/in.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/ring.h"

namespace tickcast::engine {

struct UringOptions {
  std::uint32_t submission_entries = 1024;
  // Sized for the worst turn: every send of a batch refused, and a multishot for every connection
  // that speaks. Overflow is survived (Submit() spills) but costs.
  std::uint32_t completion_entries = 32768;
  std::uint32_t slots = 0;            // Table size; 0 = RLIMIT_NOFILE, which is also the maximum.
  std::uint32_t buffers = 2048;       // Receive buffers; a power of two, at most 32768.
  std::uint32_t buffer_bytes = 2048;  // Size of each.
};

class UringRing : public Ring {
 public:
  // Bytes readable behind every received span, so that a parser may read whole vectors.
  static constexpr std::size_t kReadSlackBytes = 64;

  // `listen_fd`: a listening socket to accept from, owned from here on; -1 for a ring that only
  // connects. Fails with the missing feature's name, or with the limit that was hit.
  static absl::StatusOr<std::unique_ptr<UringRing>> Create(const UringOptions& options,
                                                           int listen_fd);
  ~UringRing() override;
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;

  std::uint64_t now_ns() override;
  std::uint64_t cpu_ns() override;
  int handle() const override { return ring_.ring_fd; }
  std::uint32_t slot_count() const override { return slot_count_; }
  void ArmAccept() override;
  void StopAccept() override;
  void ArmReceive(Slot slot, std::uint32_t generation) override;
  void CancelReceive(Slot slot, std::uint32_t generation) override;
  void Send(Slot slot, std::uint32_t generation, std::span<const std::byte> bytes) override;
  void ArmPollOut(Slot slot, std::uint32_t generation) override;
  void AskPeerName(Slot slot, std::uint32_t generation) override;
  void CancelAndClose(Slot slot) override;
  void Wake(int handle) override;
  void Submit() override;
  void Wait(std::uint64_t deadline_ns) override;
  std::size_t Reap(std::span<Completion> completions) override;
  std::span<std::byte> Received(const Completion& done) override;
  void Recycle(std::uint16_t buffer_id) override;
  PeerAddress TakePeerName(const Completion& done) override;

 protected:
  UringRing() = default;

  // A cleared submission entry; submits first when the queue is full. Never null.
  io_uring_sqe* NextEntry();
  // Marks an entry whose success nobody waits for, owned by nobody.
  static void Forget(io_uring_sqe* entry);

 private:
  absl::Status Init(const UringOptions& options, int listen_fd);
  absl::Status RegisterBuffers(const UringOptions& options);
  // Moves the kernel's completions aside: a full completion queue refuses submissions (-EBUSY).
  void Spill();
  void PublishBuffers();
  void GetEvents();
  void Park(std::uint64_t deadline_ns);

  io_uring ring_{};
  bool ring_ready_ = false;
  bool no_iowait_ = false;
  int listen_fd_ = -1;
  std::uint32_t slot_count_ = 0;

  io_uring_buf_ring* buffer_ring_ = nullptr;
  std::size_t buffer_ring_bytes_ = 0;
  std::byte* buffers_ = nullptr;
  std::size_t buffers_bytes_ = 0;
  std::uint32_t buffer_bytes_ = 0;
  std::uint32_t buffer_count_ = 0;
  // What was ever armed on a slot since it was opened, and by which generation.
  struct Armed {
    std::uint32_t generation : 24 = 0;
    std::uint32_t receive : 1 = 0;
    std::uint32_t poll_out : 1 = 0;
  };
  std::vector<Armed> armed_;  // By slot.

  int buffers_recycled_ = 0;  // Added to the ring, not yet visible to the kernel.

  // The kernel writes an address of just this size, or refuses: that of the listener's family.
  std::uint32_t peer_name_bytes_ = sizeof(sockaddr_in);
  // By token, from AskPeerName() to TakePeerName(): the kernel may write there until it completes.
  std::unordered_map<std::uint64_t, sockaddr_in6> peer_names_;

  std::vector<Completion> spilled_;  // Oldest first from spilled_next_.
  std::size_t spilled_next_ = 0;
};

}  // namespace tickcast::engine
