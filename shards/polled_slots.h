// PolledSlots: brings what backends say of tracked keys to the keys' slots, and tells the poller
// which of them somebody tracks.
//
// A keyed channel without a feed and all its slots have one home, so the home knows who tracks
// what, and its shard asks. From there on a value is a publication of its slot like any other.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/config.h"
#include "engine/metrics.h"
#include "shards/home.h"
#include "shards/keyed_address.h"
#include "shards/proxies.h"
#include "shards/shared_poll_poller.h"

namespace tickcast::shards {

class PolledSlots final : public Home::SlotWatcher, public SharedPollPoller::Sink {
 public:
  // All outlive it. `epoch` is that of versions which are made up here.
  PolledSlots(const engine::Config& config, Home& home, Proxies& proxies,
              engine::Registry& registry, ShardId shard, std::string epoch);

  void Run(std::uint64_t now_ns);
  // When Run() has something to do; ~0: never.
  std::uint64_t NextDeadline() const { return poller_.next_due_ns(); }
  void OnProxyAnswer(const Proxies::Question& question, const protocol::ProxyAnswer* answer,
                     std::uint64_t now_ns);

 private:
  // Home::SlotWatcher.
  void OnSlotWanted(const engine::Namespace& ns, std::string_view slot,
                    std::uint64_t now_ns) override;
  void OnSlotUnwanted(std::string_view slot, std::uint64_t now_ns) override;
  bool OnSlotPublished(std::string_view slot, std::uint64_t version, std::string_view epoch,
                       std::uint64_t now_ns) override;
  std::string_view EpochOf(const engine::Namespace& ns, std::string_view channel) override;

  // SharedPollPoller::Sink.
  void OnPolledValue(std::string_view channel, std::string_view key, std::string_view data,
                     std::uint64_t version) override;
  void OnPolledRemoval(std::string_view channel, std::string_view key) override;
  void OnPolledEpoch(std::string_view channel, std::string_view epoch) override;

  void Deliver(std::string_view channel, std::string_view key, std::string_view data,
               std::uint64_t version, bool removed);

  const engine::Config& config_;
  Home& home_;
  SharedPollPoller poller_;
  std::uint64_t now_ns_ = 0;
};

}  // namespace tickcast::shards
