#include "shards/channel.h"

#include <algorithm>
#include <utility>

#include "engine/invariant.h"

namespace tickcast::shards {

ChannelIndex ChannelTable::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? kNoChannel : found->second;
}

ChannelIndex ChannelTable::Allocate(const View& view, const engine::Namespace* ns, ShardId home) {
  const ChannelIndex index = channels_.Allocate().index;
  Channel& channel = channels_[index];
  channel.ns = ns;
  channel.kind = ns->kind;
  channel.home = home;
  channel.view = view;
  if (index >= latest_.size()) {
    latest_.resize(index + 1);
    primaries_.resize(index + 1);
  }
  latest_[index] = {};
  return index;
}

ChannelIndex ChannelTable::Add(std::string_view name, const engine::Namespace* ns, ShardId home) {
  const ChannelIndex index = Allocate({}, ns, home);
  Channel& channel = channels_[index];
  channel.name = name;
  channel.primary = index;
  primaries_[index] = index;
  by_name_.emplace(channel.name, index);
  return index;
}

ChannelIndex ChannelTable::FindView(ChannelIndex primary, const View& view) {
  if (channels_[primary].view == view) return primary;
  for (const ChannelIndex known : channels_[primary].views) {
    if (channels_[known].view == view) return known;
  }
  return kNoChannel;
}

ChannelIndex ChannelTable::FindOrAddView(ChannelIndex primary, const View& view) {
  if (const ChannelIndex known = FindView(primary, view); known != kNoChannel) return known;
  const ChannelIndex index = Allocate(view, channels_[primary].ns, channels_[primary].home);
  Channel& channel = channels_[index];
  Channel& shown = channels_[primary];
  channel.primary = primary;
  primaries_[index] = primary;
  shown.views.push_back(index);
  if (shown.live) {
    // What a filter let through before nobody knows any more.
    const PublicationRef newest = view.filter == 0 ? shown.newest : PublicationRef();
    SetNewest(index, channel, shown.sequence, newest);
    SetLive(channel);
  }
  return index;
}

void ChannelTable::SetLive(Channel& channel) {
  channel.live = true;
  if (!channel.ns->is_map()) return;
  const Channel& primary = channels_[channel.primary];
  // A filter makes a count of its own; all others have the same changes.
  channel.map = &channel == &primary || channel.view.filter != 0
                    ? std::make_unique<MapLog>(channel.ns->map.tombstones(), channel.sequence)
                    : std::make_unique<MapLog>(primary.map->keys(), channel.sequence);
}

void ChannelTable::SetNewest(ChannelIndex index, Channel& channel, std::uint64_t sequence,
                             PublicationRef publication) {
  channel.sequence = sequence;
  channel.newest = std::move(publication);
  Latest& latest = latest_[index];
  latest.sequence = sequence;
  // Of a map no one line says it all.
  const bool has_line = channel.newest && channel.map == nullptr && channel.view.plain();
  latest.line = has_line ? channel.newest->line() : std::string_view();
}

void ChannelTable::Remove(ChannelIndex index) {
  Channel& channel = channels_[index];
  INVARIANT(channel.unused(), "a channel with subscribers or views is not removed");
  if (channel.primary == index) {
    by_name_.erase(channel.name);
  } else {
    std::erase(channels_[channel.primary].views, index);
  }
  channels_.Free(index);
}

}  // namespace tickcast::shards
