#include "shards/fan_out.h"

#include <algorithm>
#include <utility>

#include "engine/invariant.h"
#include "shards/framing.h"

namespace tickcast::shards {

FanOut::FanOut(engine::Ring& ring, ConnectionTable& connections, ChannelTable& channels,
               FilterTable& filters, const KeyedAddresses& addresses, ShardMetrics& metrics,
               Events& events, const FanOutOptions& options)
    : ring_(ring),
      connections_(connections),
      channels_(channels),
      filters_(filters),
      metrics_(metrics),
      events_(events),
      options_(options),
      sender_(ring, options.batch),
      pacer_(ring.now_ns()),
      line_maker_(addresses),
      catch_up_limit_(options.catch_up_bytes) {}

void FanOut::Apply(ChannelIndex index, Channel& channel, PublicationRef publication,
                   PublicationRef replaced) {
  // Before the home's answer there is no group, and the answer covers what comes before it.
  if (!channel.live || publication->sequence() <= channel.sequence) return;
  metrics_.publications_in.Add();
  if (channel.map != nullptr) {
    return ApplyChange(index, channel, publication->sequence(), publication, replaced);
  }
  const std::uint64_t sequence = publication->sequence();
  bool tags_read = false;
  for (const ChannelIndex view : channel.views) {
    const bool filtered = channels_[view].view.filter != FilterTable::kNone;
    if (filtered && !std::exchange(tags_read, true)) filters_.Read(publication->tags());
    ApplyToView(view, sequence, publication);
  }
  Advance(index, channel, sequence, std::move(publication));
}

void FanOut::ApplyToView(ChannelIndex index, std::uint64_t sequence,
                         const PublicationRef& publication) {
  Channel& channel = channels_[index];
  if (!channel.live) return;
  if (channel.view.filter == FilterTable::kNone) {
    return Advance(index, channel, sequence, publication);
  }
  if (filters_.Matches(channel.view.filter)) {
    return Advance(index, channel, channel.sequence + 1, publication);
  }
  const std::uint64_t subscribers = channel.group.size() + channel.paced;
  metrics_.owed.Add(subscribers);
  metrics_.skipped_filtered.Add(subscribers);
}

void FanOut::Advance(ChannelIndex index, Channel& channel, std::uint64_t sequence,
                     PublicationRef publication) {
  DEBUG_INVARIANT(channel.kind == engine::ChannelKind::kState || sequence == channel.sequence + 1,
                  "a lane keeps order and drops no stream publication");
  if (channel.changed_turn != turn_) {
    channel.changed_turn = turn_;
    channel.turn_begin = channel.sequence;
    dirty_.push_back(index);
  }
  metrics_.owed.Add((sequence - channel.sequence) * (channel.group.size() + channel.paced));
  if (channel.keeps_versions()) {
    catch_up_bytes_ -= channel.catch_up.footprint_bytes();
    channel.catch_up.Append(publication, sequence);
    catch_up_bytes_ += channel.catch_up.footprint_bytes();
  }
  channels_.SetNewest(index, channel, sequence, std::move(publication));
}

void FanOut::Join(engine::Slot slot, std::uint32_t subscription, std::uint64_t seen, bool based) {
  Connection& connection = connections_[slot];
  Subscription& joined = connection.subscriptions[subscription];
  Channel& channel = channels_[joined.channel];
  const bool changed = channel.changed_turn == turn_;
  Hot& hot = connections_.hot(slot);
  // Who is pushed to is taken to have all but this turn's: what is older has to be pulled.
  const std::uint64_t before_turn = changed ? channel.turn_begin : channel.sequence;
  const bool owed = seen < before_turn && PaceOf(connection, joined) == 0 && !hot.Is(Hot::kBehind);
  if (owed) BecomeBehind(slot);
  joined.seen = seen;
  joined.based = based ? 1 : 0;
  if (based) KeepBase(channel, seen);
  Place(slot, subscription);
  CountTerms(connection, joined, channel, +1);
  // What came with the reply is what the next change is measured against.
  if (joined.min_change != 0) joined.last_value = ValueOf(joined.channel);
  // The channel has already changed in this turn, and its frame may hold what the answer covers:
  // a pull tells the two apart.
  if (owed || (!joined.paced() && changed && !hot.Is(Hot::kBehind))) ListOwed(slot);
}

// What came with an answer is what the first change is told against, though it came before the view
// did.
void FanOut::KeepBase(Channel& channel, std::uint64_t seen) {
  const bool kept = channel.kind != engine::ChannelKind::kState || !channel.view.delta;
  if (kept || !channel.newest || seen != channel.sequence) return;
  if (channel.catch_up.Find(seen) != nullptr) return;
  catch_up_bytes_ -= channel.catch_up.footprint_bytes();
  channel.catch_up.Append(channel.newest, seen);
  catch_up_bytes_ += channel.catch_up.footprint_bytes();
}

void FanOut::Leave(engine::Slot slot, std::uint32_t subscription) {
  Connection& connection = connections_[slot];
  Hot& hot = connections_.hot(slot);
  const Subscription left = connection.subscriptions[subscription];
  if (left.live()) {
    Channel& channel = channels_[left.channel];
    metrics_.skipped_left.Add(channel.sequence - CutOf(hot, left, channel));
    // A pull finds what this connection is still owed without this channel.
    if (hot.owed == left.channel) hot.owed = Hot::kMany;
    Unplace(slot, subscription);
    CountTerms(connection, left, channel, -1);
  }
  const auto last = static_cast<std::uint32_t>(connection.subscriptions.size() - 1);
  if (subscription != last) {
    const Subscription moved = connection.subscriptions[last];
    connection.subscriptions[subscription] = moved;
    if (moved.live() && !moved.paced()) {
      channels_[moved.channel].group[moved.member].subscription = subscription & 0x3fff'ffffu;
    }
  }
  connection.subscriptions.pop_back();
}

void FanOut::Forget(ChannelIndex index) {
  INVARIANT(channels_[index].unused(), "a channel with subscribers is not removed");
  filters_.Release(channels_[index].view.filter);
  catch_up_bytes_ -= channels_[index].catch_up_bytes();
  std::erase(dirty_, index);
}

void FanOut::OwesReplies(engine::Slot slot) {
  Hot& hot = connections_.hot(slot);
  if (hot.Is(Hot::kReplying) || hot.Is(Hot::kBlocked)) return;
  hot.Set(Hot::kReplying);
  queues_[kReplies].slots.push_back(slot);
}

void FanOut::OnPollOut(engine::Slot slot) {
  Hot& hot = connections_.hot(slot);
  if (!hot.Is(Hot::kBlocked)) return;
  if (connections_[slot].blocked_since_ns == 0) return;  // Held, and not by its socket.
  hot.Clear(Hot::kBlocked);
  engine::probes::BlockedEnd(slot, 1);
  connections_[slot].blocked_since_ns = 0;
  events_.OnUnblocked(slot);
  if (hot.Is(Hot::kHeld)) return hot.Set(Hot::kBlocked);
  ListOwed(slot);
}

void FanOut::Hold(engine::Slot slot) {
  BecomeBehind(slot);
  Hot& hot = connections_.hot(slot);
  hot.Set(Hot::kHeld);
  hot.Set(Hot::kBlocked);
  hot.owed = Hot::kNothing;
}

void FanOut::Release(engine::Slot slot) {
  Hot& hot = connections_.hot(slot);
  if (!hot.Is(Hot::kHeld)) return;
  hot.Clear(Hot::kHeld);
  if (connections_[slot].blocked_since_ns != 0) return;
  hot.Clear(Hot::kBlocked);
  hot.owed = Hot::kNothing;
  ListOwed(slot);
}

void FanOut::ListOwed(engine::Slot slot) {
  Hot& hot = connections_.hot(slot);
  if (hot.owed == Hot::kNothing) {
    const Connection& connection = connections_[slot];
    const Order order = connection.priority_subscriptions != 0 ? kPriority
                        : connection.streams != 0              ? kStreams
                                                               : kStates;
    queues_[order].slots.push_back(slot);
  }
  hot.owed = Hot::kMany;
}

bool FanOut::AnyLeft(Order from) const {
  for (std::size_t order = from; order < kOrders; ++order) {
    if (queues_[order].next < queues_[order].slots.size()) return true;
  }
  return false;
}

std::uint64_t FanOut::Listed() const {
  std::uint64_t listed = 0;
  for (const Queue& queue : queues_) listed += queue.slots.size();
  return listed;
}

void FanOut::RunPacer(std::uint64_t now_ns) {
  pacer_.Advance(now_ns, [this](engine::Slot slot, std::uint32_t interval_ms) {
    SetDue(connections_[slot], static_cast<std::uint16_t>(interval_ms));
    // Who is blocked is due when it drains.
    if (!connections_.hot(slot).Is(Hot::kBlocked)) ListOwed(slot);
  });
}

std::uint64_t FanOut::CutOf(const Hot& hot, const Subscription& subscription,
                            const Channel& channel) const {
  if (subscription.paced() || hot.Is(Hot::kBehind)) return subscription.seen;
  const bool pending = channel.changed_turn == turn_ && hot.served_turn != turn_;
  return std::max(subscription.seen, pending ? channel.turn_begin : channel.sequence);
}

// Turns the marked channels into queues of connections, streams before states. A connection that
// two channels reach is marked for a pull.
void FanOut::Mark() {
  MarkKind(engine::ChannelKind::kStream);
  MarkKind(engine::ChannelKind::kState);
}

void FanOut::MarkKind(engine::ChannelKind kind) {
  for (const ChannelIndex index : dirty_) {
    Channel& channel = channels_[index];
    if (channel.kind != kind || channel.group.empty()) continue;
    metrics_.ingest_to_send.Record(now_ns_ - std::min(now_ns_, channel.newest->ingest_ns()));
    MarkChannel(index, channel);
  }
}

void FanOut::MarkChannel(ChannelIndex index, Channel& channel) {
  MakeTurnFrame(channel);
  const ChannelIndex owed = channel.turn_frame.empty() ? Hot::kMany : index;
  const Order order = channel.kind == engine::ChannelKind::kStream ? kStreams : kStates;
  for (const Member& member : channel.group) {
    Hot& hot = connections_.hot(member.slot);
    if (hot.owed != Hot::kNothing) {
      hot.owed = Hot::kMany;
      if (member.priority != 0) queues_[kPriority].slots.push_back(member.slot);
    } else if (!hot.Is(Hot::kBehind)) {
      hot.owed = member.baseless != 0 ? Hot::kMany : owed;
      queues_[member.priority != 0 ? kPriority : order].slots.push_back(member.slot);
    }
  }
}

// Stays empty where the members cannot get one frame for all, and are pulled instead.
void FanOut::MakeTurnFrame(Channel& channel) {
  channel.turn_frame = {};
  if (channel.view.framed) return;
  const bool state = channel.kind == engine::ChannelKind::kState;
  if (!state && channel.sequence != channel.turn_begin + 1) return JoinFrames(channel);
  // Null where it is no longer known, or where nobody may need it.
  const Publication* base = BaseOf(channel, channel.sequence, channel.turn_begin);
  channel.turn_frame = line_maker_.Frame(channel.view, *channel.newest, base);
}

// What a reader who has seen the publications up to `seen` can be told the later one `sequence`
// against. Null: nothing, or the view is not of deltas.
const Publication* FanOut::BaseOf(const Channel& channel, std::uint64_t sequence,
                                  std::uint64_t seen) {
  if (!channel.view.delta) return nullptr;
  return channel.map == nullptr ? channel.catch_up.Find(seen) : channel.map->BaseOf(sequence, seen);
}

// Several publications of one stream: joined once for the whole group, not once per member.
void FanOut::JoinFrames(Channel& channel) {
  const bool json = channel.view.form.encoding == protocol::Encoding::kJson;
  lines_.clear();
  std::size_t bytes = 0;
  for (std::uint64_t i = channel.turn_begin + 1; i <= channel.sequence; ++i) {
    const Publication* publication = channel.Find(i);
    lines_.push_back(line_maker_.Line(channel.view, *publication, BaseOf(channel, i, i - 1)));
    if (lines_.back().empty()) return;  // Not JSON.
    bytes += lines_.back().size() + (json ? 1 : 0);
  }
  if (bytes > options_.message_bytes) return;  // More than one message: pulled in pieces.
  std::string& frame = joined_.emplace_back();
  frame.resize(FramedBytesBound(Transport::kWebSocket, lines_.size(), bytes));
  channel.turn_frame = FrameLines(Transport::kWebSocket, channel.view.form.encoding, lines_,
                                  std::as_writable_bytes(std::span(frame)));
}

void FanOut::EndTurn() {
  for (const ChannelIndex index : dirty_) {
    Channel& channel = channels_[index];
    channel.turn_frame = {};
    catch_up_bytes_ -= channel.catch_up_bytes();
    if (channel.map == nullptr) {
      channel.catch_up.Trim(catch_up_limit_, channel.sequence);
    } else {
      // Who is behind is told the newest of each key.
      channel.map->Trim(channel.view.delta ? catch_up_limit_ : 0, channel.sequence);
    }
    catch_up_bytes_ += channel.catch_up_bytes();
  }
  dirty_.clear();
  for (Queue& queue : queues_) {
    queue.slots.clear();
    queue.next = 0;
  }
  joined_.clear();
  ++turn_;
}

}  // namespace tickcast::shards
