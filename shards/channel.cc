#include "shards/channel.h"

#include <utility>

namespace tickcast::shards {

ChannelIndex ChannelTable::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? kNoChannel : found->second;
}

ChannelIndex ChannelTable::Add(std::string_view name, const engine::Namespace* ns, ShardId home) {
  const engine::Handle handle = channels_.Allocate();
  Channel& channel = channels_[handle.index];
  channel.name = name;
  channel.ns = ns;
  channel.kind = ns->kind;
  channel.home = home;
  by_name_.emplace(channel.name, handle.index);
  if (handle.index >= latest_.size()) latest_.resize(handle.index + 1);
  latest_[handle.index] = {};
  return handle.index;
}

void ChannelTable::SetNewest(ChannelIndex index, Channel& channel, std::uint64_t sequence,
                             PublicationRef publication) {
  channel.sequence = sequence;
  channel.newest = std::move(publication);
  latest_[index] = {.sequence = sequence, .newest = channel.newest.get()};
}

void ChannelTable::Remove(ChannelIndex index) {
  by_name_.erase(channels_[index].name);
  channels_.Free(index);
}

}  // namespace tickcast::shards
