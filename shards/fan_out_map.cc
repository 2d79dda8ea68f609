// FanOut: changes of maps, and what of them a connection is told that is behind or has an interval.
//
// A view with a filter shows the keys whose tags it wants. A key may leave it by a change of its
// tags: its readers are told of a removal then, or they would keep it for ever.
#include <utility>

#include "engine/invariant.h"
#include "shards/fan_out.h"

namespace tickcast::shards {

void FanOut::ApplyKey(ChannelIndex index, Channel& channel, const PublicationRef& newest,
                      const PublicationRef& replaced) {
  const std::uint64_t skipped = replaced ? newest->sequence() - replaced->sequence() - 1 : 0;
  if (skipped != 0) {
    std::uint64_t subscribers = 0;
    for (const ChannelIndex view : channel.views) {
      subscribers += channels_[view].group.size() + channels_[view].paced;
    }
    metrics_.owed.Add(skipped * subscribers);
    metrics_.conflated.Add(skipped * subscribers);
  }
  ApplyChange(index, channel, channel.sequence + 1, newest, replaced);
}

void FanOut::ApplyChange(ChannelIndex index, Channel& channel, std::uint64_t sequence,
                         const PublicationRef& publication, const PublicationRef& replaced) {
  tags_of_ = nullptr;
  for (const ChannelIndex view : channel.views) {
    if (!channels_[view].live) continue;
    if (channels_[view].view.filter == FilterTable::kNone) {
      AdvanceMap(view, sequence, publication, replaced);
    } else {
      ShowChange(view, publication, replaced);
    }
  }
  AdvanceMap(index, sequence, publication, replaced);
}

// A change as a view with a filter sees it.
void FanOut::ShowChange(ChannelIndex index, const PublicationRef& publication,
                        const PublicationRef& replaced) {
  Channel& channel = channels_[index];
  const std::uint16_t filter = channel.view.filter;
  const bool was_shown = replaced && Shows(filter, *replaced);
  // Whatever its own tags say: of what was shown the end is told.
  const bool shown = publication->removed() ? was_shown : Shows(filter, *publication);
  const PublicationRef base = was_shown ? replaced : PublicationRef();
  if (shown) return AdvanceMap(index, channel.sequence + 1, publication, base);
  if (was_shown) {
    PublicationRef removal =
        Publication::Draft({.channel = publication->channel(),
                            .push_prefix = Publication::PushPrefix(publication->channel()),
                            // A slot has its key in its name; a block has to have something else.
                            .data = publication->key().empty() ? "null" : "",
                            .tags = replaced->tags(),
                            .key = publication->key(),
                            .removed = true,
                            .ingest_ns = publication->ingest_ns()});
    removal->Seal(publication->sequence(), publication->offset(), publication->channel_id());
    return AdvanceMap(index, channel.sequence + 1, removal, base);
  }
  const std::uint64_t subscribers = channel.group.size() + channel.paced;
  metrics_.owed.Add(subscribers);
  metrics_.skipped_filtered.Add(subscribers);
}

bool FanOut::Shows(std::uint16_t filter, const Publication& publication) {
  if (tags_of_ != &publication) {
    filters_.Read(publication.tags());
    tags_of_ = &publication;
  }
  return filters_.Matches(filter);
}

void FanOut::AdvanceMap(ChannelIndex index, std::uint64_t sequence,
                        const PublicationRef& publication, const PublicationRef& replaced) {
  Channel& channel = channels_[index];
  catch_up_bytes_ -= channel.catch_up_bytes();
  // Older versions are for deltas alone.
  channel.map->Append(publication, channel.view.delta ? replaced : PublicationRef(), sequence);
  catch_up_bytes_ += channel.catch_up_bytes();
  Advance(index, channel, sequence, publication);
}

// What changed in a map since the connection was told last.
bool FanOut::TakeKeys(Connection& connection, Subscription& subscription, InFlight& message) {
  const bool held = connection.level == PressureLevel::kEmergency && subscription.priority == 0;
  if (held && subscription.paced()) return true;
  const Channel& channel = channels_[subscription.channel];
  // Too much has been removed since: DropGaps() tells so, once the connection counts as behind.
  if (!channel.map->keys().complete_after(subscription.seen)) return false;
  Remember(connection, subscription);
  return CollectKeys(channel, subscription, message);
}

// Adds the newest line of each key that changed, the oldest change first, while they fit, and notes
// in `seen` how far that was. False when some are left.
bool FanOut::CollectKeys(const Channel& channel, Subscription& subscription, InFlight& message) {
  const std::uint64_t begin = subscription.seen;
  const bool based = subscription.based != 0;
  std::uint64_t seen = begin;
  channel.map->keys().ForEachAfter(begin, [&](const PublicationRef& newest, std::uint64_t number) {
    const Publication* const base = based ? BaseOf(channel, number, begin) : nullptr;
    if (!AddLine(line_maker_.Line(channel.view, *newest, base))) return false;
    ++message.publications;
    const auto conflated = static_cast<std::uint32_t>(number - seen - 1);
    message.conflated += conflated;
    subscription.conflated += conflated;
    seen = number;
    return true;
  });
  subscription.seen = seen;
  const bool whole = seen == channel.sequence;
  // Of the keys that are left it has older versions than its number says.
  if (channel.view.delta) SetBased(subscription, whole);
  return whole;
}

}  // namespace tickcast::shards
