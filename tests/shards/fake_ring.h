// FakeRing: a ring that remembers what it was asked and does nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/ring.h"

namespace tickcast::shards {

class FakeRing final : public engine::Ring {
 public:
  struct Sent {
    engine::Slot slot;
    std::uint32_t generation;
    std::string bytes;
  };

  std::uint64_t now_ns() override { return 0; }
  int handle() const override { return -1; }
  std::uint32_t slot_count() const override { return 0; }
  void ArmAccept() override {}
  void StopAccept() override {}
  void ArmReceive(engine::Slot, std::uint32_t) override {}
  void CancelReceive(engine::Slot, std::uint32_t) override {}
  void Send(engine::Slot slot, std::uint32_t generation,
            std::span<const std::byte> bytes) override {
    sent.push_back(
        {slot, generation, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())});
  }
  void ArmPollOut(engine::Slot, std::uint32_t) override {}
  void AskPeerName(engine::Slot, std::uint32_t) override {}
  void CancelAndClose(engine::Slot) override {}
  void Wake(int handle) override { woken.push_back(handle); }
  void Submit() override {}
  void Wait(std::uint64_t) override {}
  std::size_t Reap(std::span<engine::Completion>) override { return 0; }
  std::span<std::byte> Received(const engine::Completion&) override { return {}; }
  void Recycle(std::uint16_t) override {}
  engine::PeerAddress TakePeerName(const engine::Completion&) override { return {}; }

  std::vector<Sent> sent;
  std::vector<int> woken;
};

}  // namespace tickcast::shards
