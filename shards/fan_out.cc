#include "shards/fan_out.h"

#include <algorithm>
#include <cstring>

#include "engine/invariant.h"
#include "protocol/websocket/frame_writer.h"

namespace tickcast::shards {

FanOut::FanOut(engine::Ring& ring, ConnectionTable& connections, ChannelTable& channels,
               ShardMetrics& metrics, Events& events, const FanOutOptions& options)
    : ring_(ring),
      connections_(connections),
      channels_(channels),
      metrics_(metrics),
      events_(events),
      options_(options),
      sender_(ring, options.batch) {}

void FanOut::Apply(ChannelIndex index, Channel& channel, PublicationRef publication) {
  // Before the home's answer there is no group, and the answer covers what comes before it.
  if (!channel.live || publication->sequence() <= channel.sequence) return;
  if (channel.changed_turn != turn_) {
    channel.changed_turn = turn_;
    channel.turn_begin = channel.sequence;
    dirty_.push_back(index);
  }
  metrics_.publications_in.Add();
  metrics_.owed.Add((publication->sequence() - channel.sequence) * channel.group.size());
  channel.sequence = publication->sequence();
  if (channel.kind == engine::ChannelKind::kState) {
    channel.newest = std::move(publication);
  } else {
    channel.newest = publication;
    channel.catch_up.Append(std::move(publication));
  }
}

void FanOut::Join(engine::Slot slot, std::uint32_t subscription, std::uint64_t seen) {
  Subscription& joined = connections_[slot].subscriptions[subscription];
  Channel& channel = channels_[joined.channel];
  joined.member = static_cast<std::uint32_t>(channel.group.size());
  joined.seen = seen;
  channel.group.push_back({slot, subscription});
  // The channel has already changed in this turn, and its frame may hold what the answer covers:
  // a pull tells the two apart.
  if (channel.changed_turn == turn_ && !connections_.hot(slot).Is(Hot::kBehind)) ListOwed(slot);
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
    channel.group[left.member] = channel.group.back();
    const Member moved = channel.group[left.member];
    channel.group.pop_back();
    if (left.member < channel.group.size()) {
      connections_[moved.slot].subscriptions[moved.subscription].member = left.member;
    }
  }
  const auto last = static_cast<std::uint32_t>(connection.subscriptions.size() - 1);
  if (subscription != last) {
    const Subscription moved = connection.subscriptions[last];
    connection.subscriptions[subscription] = moved;
    if (moved.live()) channels_[moved.channel].group[moved.member].subscription = subscription;
  }
  connection.subscriptions.pop_back();
}

void FanOut::Forget(ChannelIndex index) {
  INVARIANT(channels_[index].group.empty(), "a channel with subscribers is not removed");
  std::erase(dirty_, index);
}

void FanOut::OwesReplies(engine::Slot slot) {
  Hot& hot = connections_.hot(slot);
  if (hot.Is(Hot::kReplying) || hot.Is(Hot::kBlocked)) return;
  hot.Set(Hot::kReplying);
  replying_.push_back(slot);
}

void FanOut::OnPollOut(engine::Slot slot) {
  Hot& hot = connections_.hot(slot);
  if (!hot.Is(Hot::kBlocked)) return;
  hot.Clear(Hot::kBlocked);
  connections_[slot].blocked_since_ns = 0;
  events_.OnUnblocked(slot);
  ListOwed(slot);
}

void FanOut::ListOwed(engine::Slot slot) {
  Hot& hot = connections_.hot(slot);
  if (hot.owed == Hot::kNothing) owed_.push_back(slot);
  hot.owed = Hot::kMany;
}

std::uint64_t FanOut::CutOf(const Hot& hot, const Subscription& subscription,
                            const Channel& channel) const {
  if (hot.Is(Hot::kBehind)) return subscription.seen;
  const bool pending = channel.changed_turn == turn_ && hot.served_turn != turn_;
  return std::max(subscription.seen, pending ? channel.turn_begin : channel.sequence);
}

// Turns the marked channels into a list of connections. A connection that two channels reach is
// marked for a pull.
void FanOut::Mark() {
  for (const ChannelIndex index : dirty_) {
    Channel& channel = channels_[index];
    if (channel.group.empty()) continue;
    metrics_.ingest_to_send.Record(now_ns_ - std::min(now_ns_, channel.newest->ingest_ns()));
    MarkChannel(index, channel);
  }
}

void FanOut::MarkChannel(ChannelIndex index, Channel& channel) {
  MakeTurnFrame(channel);
  const ChannelIndex owed = channel.turn_frame.empty() ? Hot::kMany : index;
  for (const Member& member : channel.group) {
    Hot& hot = connections_.hot(member.slot);
    if (hot.owed != Hot::kNothing) {
      hot.owed = Hot::kMany;
    } else if (!hot.Is(Hot::kBehind)) {
      hot.owed = owed;
      owed_.push_back(member.slot);
    }
  }
}

void FanOut::MakeTurnFrame(Channel& channel) {
  if (channel.kind == engine::ChannelKind::kState || channel.sequence == channel.turn_begin + 1) {
    channel.turn_frame = channel.newest->frame();
  } else {
    JoinFrames(channel);
  }
}

// Several publications of one stream: joined once for the whole group, not once per member.
void FanOut::JoinFrames(Channel& channel) {
  std::size_t bytes = 0;
  for (std::uint64_t i = channel.turn_begin + 1; i <= channel.sequence; ++i) {
    bytes += channel.catch_up.Find(i)->line().size() + 1;
  }
  --bytes;
  channel.turn_frame = {};
  if (bytes > options_.message_bytes) return;  // More than one message: pulled in pieces.
  std::string& frame = joined_.emplace_back();
  frame.resize(protocol::kMaxServerHeaderBytes);
  frame.reserve(protocol::kMaxServerHeaderBytes + bytes);
  for (std::uint64_t i = channel.turn_begin + 1; i <= channel.sequence; ++i) {
    if (i > channel.turn_begin + 1) frame += '\n';
    frame += channel.catch_up.Find(i)->line();
  }
  std::byte* const payload =
      reinterpret_cast<std::byte*>(frame.data()) + protocol::kMaxServerHeaderBytes;
  const std::size_t header = protocol::WriteServerTextHeader(bytes, payload);
  channel.turn_frame = {payload - header, header + bytes};
}

void FanOut::EndTurn() {
  for (const ChannelIndex index : dirty_) {
    Channel& channel = channels_[index];
    channel.turn_frame = {};
    channel.catch_up.Trim(options_.catch_up_bytes, channel.sequence);
  }
  dirty_.clear();
  owed_.clear();
  replying_.clear();
  next_owed_ = 0;
  next_replying_ = 0;
  joined_.clear();
  ++turn_;
}

void FanOut::Serve(engine::Slot slot) {
  Hot& hot = connections_.hot(slot);
  // Closed or blocked since it was listed, or already served along with its replies.
  if (!hot.Is(Hot::kOpen) || hot.Is(Hot::kBlocked)) return;
  const bool replying = hot.Is(Hot::kReplying);
  if (hot.owed == Hot::kNothing && !replying) return;
  if (hot.owed >= Hot::kMany || replying || hot.Is(Hot::kBehind)) return Gather(slot);

  const Channel& channel = channels_[hot.owed];
  const bool state = channel.kind == engine::ChannelKind::kState;
  const auto changes = static_cast<std::uint32_t>(channel.sequence - channel.turn_begin);
  const InFlight push{.slot = slot,
                      .generation = hot.generation,
                      .bytes = channel.turn_frame,
                      .publications = state ? 1 : changes,
                      .conflated = state ? changes - 1 : 0,
                      .channel = hot.owed,
                      .serves = true};
  hot.owed = Hot::kNothing;
  hot.served_turn = turn_;
  sender_.Queue(push);
}

void FanOut::SendTail(engine::Slot slot) {
  QueueMessage(
      slot, {.bytes = connections_[slot].unsent->left(), .channel = kNoChannel, .is_tail = true});
}

void FanOut::QueueMessage(engine::Slot slot, const InFlight& message) {
  InFlight queued = message;
  queued.slot = slot;
  queued.generation = connections_.generation(slot);
  sender_.Queue(queued);
}

// One message with all that the connection is owed: replies first, then publications.
void FanOut::Gather(engine::Slot slot) {
  Hot& hot = connections_.hot(slot);
  InFlight message{.taken_begin = static_cast<std::uint32_t>(taken_.size()),
                   .channel = kNoChannel,
                   .serves = hot.owed != Hot::kNothing || hot.Is(Hot::kBehind)};
  hot.owed = Hot::kNothing;
  hot.Clear(Hot::kReplying);
  if (connections_[slot].unsent != nullptr) return SendTail(slot);

  lines_.clear();
  lines_bytes_ = 0;
  if (message.serves) {
    if (!hot.Is(Hot::kBehind) && !PullTurn(slot, message)) BecomeBehind(slot);
    if (hot.Is(Hot::kBehind)) {
      DropGaps(slot);
      message.whole = PullBehind(slot, message);
    }
    hot.served_turn = turn_;
  }
  message.taken_end = static_cast<std::uint32_t>(taken_.size());
  message.has_outbox = connections_[slot].outbox != OutboxPool::kNone;
  Compose(slot, message);
  if (!message.bytes.empty()) return QueueMessage(slot, message);
  // It was blocked, and nothing happened meanwhile.
  hot.Clear(Hot::kBehind);
  events_.OnFlushed(slot);
}

// Collects the lines of this turn for a connection that keeps up. False, and nothing collected,
// when they are too many for one message.
bool FanOut::PullTurn(engine::Slot slot, InFlight& message) {
  const Hot& hot = connections_.hot(slot);
  for (const Subscription& subscription : connections_[slot].subscriptions) {
    if (!subscription.live()) continue;
    const Channel& channel = channels_[subscription.channel];
    if (channel.changed_turn != turn_) continue;
    const std::uint64_t cut = CutOf(hot, subscription, channel);
    if (cut == channel.sequence) continue;
    if (CollectLines(channel, cut, message) != channel.sequence) {
      message.publications = 0;
      message.conflated = 0;
      lines_.clear();
      lines_bytes_ = 0;
      return false;
    }
  }
  return true;
}

// Collects the lines of what a connection has missed, as far as one message goes, and notes in
// `seen` how far that was. False when some are left.
bool FanOut::PullBehind(engine::Slot slot, InFlight& message) {
  std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  for (std::uint32_t i = 0; i < subscriptions.size(); ++i) {
    Subscription& subscription = subscriptions[i];
    if (!subscription.live()) continue;
    const Channel& channel = channels_[subscription.channel];
    if (subscription.seen == channel.sequence) continue;
    taken_.push_back({i, subscription.seen});
    subscription.seen = CollectLines(channel, subscription.seen, message);
    if (subscription.seen != channel.sequence) return false;
  }
  return true;
}

// Adds the lines after `cut` while they fit: a state channel's newest, a stream's one by one.
// Returns the sequence of the last one added. A message holds at least one line.
std::uint64_t FanOut::CollectLines(const Channel& channel, std::uint64_t cut, InFlight& message) {
  const bool state = channel.kind == engine::ChannelKind::kState;
  for (std::uint64_t next = state ? channel.sequence : cut + 1; next <= channel.sequence; ++next) {
    const Publication* publication = state ? channel.newest.get() : channel.catch_up.Find(next);
    INVARIANT(publication != nullptr, "what a turn added stays until its flush has ended");
    const std::string_view line = publication->line();
    if (!lines_.empty() && lines_bytes_ + line.size() > options_.message_bytes) return cut;
    lines_.push_back(line);
    lines_bytes_ += line.size() + 1;
    ++message.publications;
    message.conflated += static_cast<std::uint32_t>(next - cut - 1);
    cut = next;
  }
  return cut;
}

// Ends the subscriptions whose channel no longer has what they miss.
void FanOut::DropGaps(engine::Slot slot) {
  std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  for (std::size_t i = subscriptions.size(); i-- > 0;) {
    Subscription& subscription = subscriptions[i];
    if (!subscription.live()) continue;
    const Channel& channel = channels_[subscription.channel];
    if (channel.kind == engine::ChannelKind::kState || channel.sequence == subscription.seen ||
        channel.catch_up.Find(subscription.seen + 1) != nullptr) {
      continue;
    }
    const std::uint64_t lost = channel.sequence - subscription.seen;
    const ChannelIndex index = subscription.channel;
    subscription.seen = channel.sequence;  // Counted here, not again on leaving.
    metrics_.skipped_gap.Add(lost);
    Leave(slot, static_cast<std::uint32_t>(i));
    events_.OnGap(slot, index, lost);
  }
}

// Writes the message: the outbox's finished bytes, then one text frame of its lines and ours.
void FanOut::Compose(engine::Slot slot, InFlight& message) {
  const Connection& connection = connections_[slot];
  std::string_view raw;
  if (message.has_outbox) {
    const Outbox& outbox = connections_.outboxes()[connection.outbox];
    raw = outbox.raw;
    if (!outbox.lines.empty()) {
      lines_.insert(lines_.begin(), outbox.lines);
      lines_bytes_ += outbox.lines.size() + 1;
    }
  }
  if (raw.empty() && lines_.empty()) return;
  const std::size_t payload_bytes = lines_.empty() ? 0 : lines_bytes_ - 1;
  const std::span<std::byte> memory =
      sender_.Scratch(raw.size() + protocol::kMaxServerHeaderBytes + payload_bytes);
  std::byte* const payload = memory.data() + raw.size() + protocol::kMaxServerHeaderBytes;
  std::byte* at = payload;
  for (const std::string_view line : lines_) {
    if (at != payload) *at++ = std::byte{'\n'};
    std::memcpy(at, line.data(), line.size());
    at += line.size();
  }
  std::byte* begin = payload;
  if (!lines_.empty()) begin -= protocol::WriteServerTextHeader(payload_bytes, payload);
  begin -= raw.size();
  if (!raw.empty()) std::memcpy(begin, raw.data(), raw.size());
  message.bytes = {begin, at};
}

}  // namespace tickcast::shards
