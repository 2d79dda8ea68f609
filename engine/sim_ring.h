// SimRing: the ring on a simulated kernel.
//
// Keeps every promise of engine/ring.h and nothing better: what io_uring may do at its worst moment
// happens here often, as SimFaults says. Submission runs everything queued, in order; what the
// kernel would defer (DEFER_TASKRUN: accepts, arrivals, cancels, wakes) is run by Wait(), in an
// order that the seed picks, though in order for each socket. Breaking the contract of the
// interface ends in an INVARIANT.
// Threading: as SimWorld.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "engine/ring.h"

namespace tickcast::engine {

class SimPeer;
class SimWorld;

struct SimRingOptions {
  std::uint32_t slots = 64;
  std::uint32_t buffers = 16;
  std::uint32_t buffer_bytes = 512;
  std::uint32_t submission_entries = 128;  // A full queue is submitted before the next entry.
};

class SimRing final : public Ring {
 public:
  // Readable behind every received span, as UringRing promises.
  static constexpr std::size_t kReadSlackBytes = 64;

  // Made by SimWorld::AddRing().
  SimRing(SimWorld& world, int handle, const SimRingOptions& options);
  SimRing(const SimRing&) = delete;
  SimRing& operator=(const SimRing&) = delete;

  std::uint64_t now_ns() override;
  int handle() const override { return handle_; }
  std::uint32_t slot_count() const override { return options_.slots; }
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
  // Never blocks: notes the deadline for the world to drive by, and returns.
  void Wait(std::uint64_t deadline_ns) override;
  std::size_t Reap(std::span<Completion> completions) override;
  std::span<std::byte> Received(const Completion& done) override;
  void Recycle(std::uint16_t buffer_id) override;
  PeerAddress TakePeerName(const Completion& done) override;

  // For the test that drives the world.
  // Until when the last Wait() would have slept: 0 if not at all, ~0 if without an end.
  std::uint64_t parked_until_ns() const { return parked_until_ns_; }
  // The next Wait() or Reap() has something to give.
  bool has_work() const { return !completions_.empty() || !deferred_.empty(); }
  // Lent by completions, reaped or not, and not recycled yet: 0 at a world's end, or it leaks.
  std::uint32_t lent_buffers() const { return lent_count_; }
  std::uint32_t open_slots() const { return open_slots_; }
  // Asked for and not taken yet: also 0 at a world's end.
  std::size_t untaken_peer_names() const { return peer_names_.size(); }

 private:
  friend class SimPeer;
  friend class SimWorld;

  // One entry of the submission queue.
  struct Submission {
    enum class Kind { kAccept, kReceive, kCancel, kSend, kPollOut, kPeerName, kClose, kWake };
    Kind kind;
    Slot slot = 0;
    std::uint32_t generation = 0;
    std::span<const std::byte> bytes = {};
    std::size_t checksum = 0;  // Of the bytes as they were queued.
    int handle = 0;
  };
  // Work that waits for Wait(): look at the listener or at a slot, or post what is decided.
  struct Deferred {
    enum class Kind { kListener, kSlot, kPost };
    Kind kind;
    Slot slot = 0;
    Completion done = {};
  };
  struct Descriptor {
    SimPeer* peer = nullptr;               // Null while the slot is free.
    std::optional<std::uint32_t> receive;  // Generation of what is armed.
    std::optional<std::uint32_t> poll_out;
    std::uint64_t last_send_batch = 0;
    // Generations by which the tenants of the slot were called; 0 is before the first operation.
    std::uint32_t generation = 0;
    std::uint32_t former_generation = 0;
    bool deferred = false;  // A kSlot entry is waiting.
  };

  // A connection attempt arrives; false when nobody listens.
  bool OnConnect(SimPeer& peer);
  void OnChange(Slot slot);

  void Queue(const Submission& submission);
  void Flush();
  void Execute(const Submission& submission);
  void ExecuteReceive(const Submission& submission);
  void ExecuteCancel(const Submission& submission);
  void ExecuteSend(const Submission& submission);
  void ExecutePeerName(const Submission& submission);
  void ExecuteClose(Slot slot);

  void RunDeferred();
  // Each does one step and tells whether there may be another one.
  bool Step(const Deferred& work);
  bool StepListener();
  bool StepSlot(Slot slot);
  bool StepReceive(Slot slot);

  // The slot's descriptor, checked to be open and called by the generation of its tenant.
  Descriptor& Open(Slot slot, std::uint32_t generation);
  void Install(Slot slot, SimPeer& peer);
  void Post(Operation operation, std::uint32_t generation, Slot slot, std::int32_t result,
            bool more = false);
  void Lend(Completion& done);
  void PublishBuffers();

  SimWorld& world_;
  const int handle_;
  const SimRingOptions options_;

  std::vector<Submission> submissions_;
  std::uint64_t batch_ = 1;  // Counts the caller's submits.
  std::deque<Deferred> deferred_;
  std::deque<Completion> completions_;
  std::uint64_t parked_until_ns_ = 0;

  bool listening_ = true;
  bool accept_armed_ = false;
  bool listener_deferred_ = false;
  std::deque<SimPeer*> backlog_;
  std::vector<Descriptor> descriptors_;
  std::uint32_t open_slots_ = 0;

  std::vector<std::byte> buffer_bytes_;
  std::deque<std::uint16_t> free_buffers_;       // In the order of the kernel's ring.
  std::vector<std::uint16_t> recycled_buffers_;  // The kernel sees them at the next submit.
  std::vector<bool> lent_;
  std::uint32_t lent_count_ = 0;
  std::map<std::uint64_t, PeerAddress> peer_names_;  // By token, as soon as they are asked for.
  std::uint64_t wake_ns_ = 0;  // When the last wake sent to this ring arrives.
};

}  // namespace tickcast::engine
