#include "shards/exchange.h"

#include "shards/keyed_address.h"

namespace tickcast::shards {

Mesh::Mesh(ShardId shards, std::size_t lane_capacity) : shards_(shards), doors_(new Door[shards]) {
  lanes_.reserve(std::size_t{shards} * shards);
  for (ShardId from = 0; from < shards; ++from) {
    for (ShardId to = 0; to < shards; ++to) {
      // Nobody uses the way from a shard to itself.
      lanes_.push_back(
          std::make_unique<engine::Lane<Message>>(from == to ? std::size_t{2} : lane_capacity));
    }
  }
}

ShardId Mesh::HomeOf(std::string_view channel) const {
  // Not absl::Hash: that one differs from run to run, and simulations have to repeat.
  // The slots of a keyed channel are where it is itself: who tracks what is known in one place.
  const std::string_view name = SplitSlot(channel).channel;
  return static_cast<ShardId>(std::hash<std::string_view>{}(name) % shards_);
}

Exchange::Exchange(Mesh& mesh, ShardId self) : mesh_(mesh), self_(self) {
  for (ShardId to = 0; to < mesh.shards(); ++to) outlets_.emplace_back(mesh.lane(self, to));
}

void Exchange::Send(ShardId to, Message&& message) {
  if (to == self_) {
    own_.push_back(std::move(message));
    return;
  }
  lane_conflated_ += outlets_[to].Send(std::move(message));
}

void Exchange::Publish(engine::Ring& ring) {
  bool any_full = false;
  for (ShardId to = 0; to < mesh_.shards(); ++to) {
    if (to == self_) continue;
    if (outlets_[to].Publish() && mesh_.doorbell(to).ShouldRing()) ring.Wake(mesh_.handle(to));
    any_full |= outlets_[to].congested();
    engine::probes::LaneFull(self_, to, outlets_[to].waiting());
  }
  if (any_full != told_congested_) mesh_.SetCongested(self_, told_congested_ = any_full);
}

bool Exchange::PrepareSleep() {
  if (!own_.empty() || waiting() != 0) return false;
  mesh_.doorbell(self_).PrepareSleep();
  if (inbound_depth() == 0) return true;
  Awake();
  return false;
}

std::size_t Exchange::waiting() const {
  std::size_t messages = 0;
  for (const Outlet& outlet : outlets_) messages += outlet.waiting();
  return messages;
}

std::size_t Exchange::inbound_depth() const {
  std::size_t messages = 0;
  for (ShardId from = 0; from < mesh_.shards(); ++from) {
    if (from != self_) messages += mesh_.lane(from, self_).depth();
  }
  return messages;
}

}  // namespace tickcast::shards
