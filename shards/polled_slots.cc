#include "shards/polled_slots.h"

#include <utility>

namespace tickcast::shards {

PolledSlots::PolledSlots(const engine::Config& config, Home& home, Proxies& proxies,
                         engine::Registry& registry, ShardId shard, std::string epoch)
    : config_(config),
      home_(home),
      poller_(config, proxies, registry, shard, *this, std::move(epoch)) {
  home_.Watch(*this);
}

void PolledSlots::Run(std::uint64_t now_ns) {
  if (poller_.next_due_ns() > now_ns) return;
  now_ns_ = now_ns;
  poller_.Run(now_ns);
}

void PolledSlots::OnProxyAnswer(const Proxies::Question& question,
                                const protocol::ProxyAnswer* answer, std::uint64_t now_ns) {
  now_ns_ = now_ns;
  poller_.OnAnswer(question, answer, now_ns);
}

void PolledSlots::OnSlotWanted(const engine::Namespace& ns, std::string_view slot,
                               std::uint64_t now_ns) {
  const SlotName name = SplitSlot(slot);
  poller_.Watch(ns, name.channel, name.key, now_ns);
}

void PolledSlots::OnSlotUnwanted(std::string_view slot, std::uint64_t now_ns) {
  const SlotName name = SplitSlot(slot);
  poller_.Unwatch(name.channel, name.key, now_ns);
}

bool PolledSlots::OnSlotPublished(std::string_view slot, std::uint64_t version,
                                  std::string_view epoch, std::uint64_t now_ns) {
  now_ns_ = now_ns;
  const SlotName name = SplitSlot(slot);
  return poller_.Publish(name.channel, name.key, version, epoch);
}

std::string_view PolledSlots::EpochOf(const engine::Namespace& ns, std::string_view channel) {
  return poller_.EpochOf(ns, channel);
}

void PolledSlots::OnPolledValue(std::string_view channel, std::string_view key,
                                std::string_view data, std::uint64_t version) {
  Deliver(channel, key, data, version, /*removed=*/false);
}

void PolledSlots::OnPolledRemoval(std::string_view channel, std::string_view key) {
  Deliver(channel, key, {}, 0, /*removed=*/true);
  home_.ForgetValue(JoinSlot(channel, key));
}

// Whoever tracks keys of the channel subscribes anew, and is told them from the start.
void PolledSlots::OnPolledEpoch(std::string_view channel, std::string_view) {
  home_.Reset(channel);
}

void PolledSlots::Deliver(std::string_view channel, std::string_view key, std::string_view data,
                          std::uint64_t version, bool removed) {
  const engine::Namespace* const ns = config_.FindNamespace(channel);
  const std::string slot = JoinSlot(channel, key);
  const std::string prefix = Publication::PushPrefix(channel);
  home_.Offer(Publication::Draft({.channel = slot,
                                  .push_prefix = prefix,
                                  .data = data,
                                  .key = key,
                                  .removed = removed,
                                  .version = version,
                                  .delta = ns->delta_publish,
                                  .ingest_ns = now_ns_}),
              now_ns_);
}

}  // namespace tickcast::shards
