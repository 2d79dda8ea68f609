// BusyRing: a simulated ring whose shard is busy: its submits take time, and in the middle of its
// flushes the rest of the world goes on.
//
// The simulated kernel does all its work in no time and runs one shard after the other. That is
// exact, but it hides what only happens while a shard works: a turn that is too long, an answer of
// another shard that comes in the middle of a broadcast.
// Threading: as SimWorld.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "engine/sim_ring.h"
#include "engine/sim_world.h"

namespace tickcast::shards::sim {

class BusyRing final : public engine::Ring {
 public:
  BusyRing(engine::SimWorld& world, engine::SimRing& ring) : world_(world), ring_(ring) {}

  engine::SimRing& sim() { return ring_; }

  // What every submit takes of the shard's time from now on.
  void set_submit_cost(std::uint64_t cost_ns) { submit_cost_ns_ = cost_ns; }
  // Until when the shard is busy with what it has submitted: it gets no turn before.
  std::uint64_t busy_until_ns() const { return busy_until_ns_; }
  // Submits ever.
  std::uint64_t submits() const { return submits_; }
  // Called with every send as it is queued.
  void set_on_send(std::function<void(engine::Slot, std::span<const std::byte>)> on_send) {
    on_send_ = std::move(on_send);
  }
  // Called before each wait, as what may go on meanwhile.
  void set_meanwhile(std::function<void()> meanwhile) { meanwhile_ = std::move(meanwhile); }

  std::uint64_t now_ns() override { return std::max(world_.now_ns(), busy_until_ns_); }
  int handle() const override { return ring_.handle(); }
  std::uint32_t slot_count() const override { return ring_.slot_count(); }
  void ArmAccept() override { ring_.ArmAccept(); }
  void StopAccept() override { ring_.StopAccept(); }
  void ArmReceive(engine::Slot slot, std::uint32_t generation) override {
    ring_.ArmReceive(slot, generation);
  }
  void CancelReceive(engine::Slot slot, std::uint32_t generation) override {
    ring_.CancelReceive(slot, generation);
  }
  void Send(engine::Slot slot, std::uint32_t generation,
            std::span<const std::byte> bytes) override {
    if (on_send_) on_send_(slot, bytes);
    ring_.Send(slot, generation, bytes);
  }
  void ArmPollOut(engine::Slot slot, std::uint32_t generation) override {
    ring_.ArmPollOut(slot, generation);
  }
  void AskPeerName(engine::Slot slot, std::uint32_t generation) override {
    ring_.AskPeerName(slot, generation);
  }
  void CancelAndClose(engine::Slot slot) override { ring_.CancelAndClose(slot); }
  void Wake(int handle) override { ring_.Wake(handle); }
  void Submit() override {
    ++submits_;
    if (submit_cost_ns_ != 0) busy_until_ns_ = now_ns() + submit_cost_ns_;
    ring_.Submit();
  }
  void Wait(std::uint64_t deadline_ns) override {
    if (meanwhile_) meanwhile_();
    ring_.Wait(deadline_ns);
  }
  std::size_t Reap(std::span<engine::Completion> completions) override {
    return ring_.Reap(completions);
  }
  std::span<std::byte> Received(const engine::Completion& done) override {
    return ring_.Received(done);
  }
  void Recycle(std::uint16_t buffer_id) override { ring_.Recycle(buffer_id); }
  engine::PeerAddress TakePeerName(const engine::Completion& done) override {
    return ring_.TakePeerName(done);
  }

 private:
  engine::SimWorld& world_;
  engine::SimRing& ring_;
  std::uint64_t submit_cost_ns_ = 0;
  std::uint64_t busy_until_ns_ = 0;
  std::uint64_t submits_ = 0;
  std::function<void(engine::Slot, std::span<const std::byte>)> on_send_;
  std::function<void()> meanwhile_;
};

}  // namespace tickcast::shards::sim
