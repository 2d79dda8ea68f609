// FanOut: one connection's message: what it is owed of its channels, its replies, and its tail.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/invariant.h"
#include "shards/fan_out.h"
#include "shards/framing.h"

namespace tickcast::shards {

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
  InFlight message{
      .taken_begin = static_cast<std::uint32_t>(taken_.size()),
      .channel = kNoChannel,
      // Served in this turn already, and owed no more: a refusal takes nothing back.
      .serves = hot.Is(Hot::kBehind) || (hot.owed != Hot::kNothing && hot.served_turn != turn_)};
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
  if (std::exchange(inappropriate_, false)) {
    TakeBack(connections_[slot], message);
    taken_.resize(message.taken_begin);
    // Nothing of this turn has gone to it.
    if (message.serves) hot.served_turn = turn_ - 1;
    return events_.OnInappropriate(slot);
  }
  message.has_outbox = connections_[slot].outbox != OutboxPool::kNone;
  Compose(slot, message);
  if (!message.bytes.empty()) return QueueMessage(slot, message);
  // Nothing has happened since it was blocked, or since its interval began.
  hot.Clear(Hot::kBehind);
  ClearDue(connections_[slot]);
  events_.OnFlushed(slot);
}

// Calls take(subscription) for the live subscriptions of a connection, in the order of service;
// ends and returns false when one does not fit any more.
template <typename Take>
bool FanOut::InOrder(Connection& connection, Take&& take) {
  const bool mixed = connection.priority_subscriptions != 0 || connection.streams != 0;
  const auto order_of = [this](const Subscription& subscription) {
    if (subscription.priority != 0) return kPriority;
    const bool state = channels_[subscription.channel].kind == engine::ChannelKind::kState;
    return state ? kStates : kStreams;
  };
  for (int order = mixed ? kPriority : kStates; order <= kStates; ++order) {
    for (Subscription& subscription : connection.subscriptions) {
      if (!subscription.live()) continue;
      if (mixed && order_of(subscription) != order) continue;
      if (!take(subscription)) return false;
    }
  }
  return true;
}

// Collects the lines of this turn for a connection that keeps up, and of what is due. False, and
// nothing collected, when they are too many for one message.
bool FanOut::PullTurn(engine::Slot slot, InFlight& message) {
  const Hot& hot = connections_.hot(slot);
  Connection& connection = connections_[slot];
  const bool whole = InOrder(connection, [&](Subscription& subscription) {
    return subscription.paced() ? TakePaced(connection, subscription, message)
                                : TakeTurn(connection, hot, subscription, message);
  });
  if (whole) return true;
  message.taken_end = static_cast<std::uint32_t>(taken_.size());
  TakeBack(connection, message);
  taken_.resize(message.taken_begin);
  message.publications = 0;
  message.conflated = 0;
  lines_.clear();
  lines_bytes_ = 0;
  return false;
}

bool FanOut::TakeTurn(Connection& connection, const Hot& hot, Subscription& subscription,
                      InFlight& message) {
  const Channel& channel = channels_[subscription.channel];
  if (channel.changed_turn != turn_) return true;
  const std::uint64_t cut = CutOf(hot, subscription, channel);
  if (cut == channel.sequence) return true;
  const bool based = subscription.based != 0;
  if (CollectLines(channel, cut, based, message) != channel.sequence) return false;
  if (!based && channel.view.delta) {
    Remember(connection, subscription);
    SetBased(subscription, true);
  }
  return true;
}

// Collects the lines of what a connection has missed, as far as one message goes, and notes in
// `seen` how far that was. False when some are left.
bool FanOut::PullBehind(engine::Slot slot, InFlight& message) {
  Connection& connection = connections_[slot];
  return InOrder(connection, [&](Subscription& subscription) {
    return subscription.paced() ? TakePaced(connection, subscription, message)
                                : TakeBehind(connection, subscription, message);
  });
}

bool FanOut::TakeBehind(Connection& connection, Subscription& subscription, InFlight& message) {
  const Channel& channel = channels_[subscription.channel];
  if (subscription.seen == channel.sequence) return true;
  // Changes of this turn a reader who keeps up is told one by one, however many they are.
  const bool of_turn = channel.changed_turn == turn_ && subscription.seen >= channel.turn_begin;
  if (channel.map != nullptr && !of_turn) return TakeKeys(connection, subscription, message);
  Remember(connection, subscription);
  const std::uint32_t conflated_before = message.conflated;
  const std::uint64_t seen_before = subscription.seen;
  subscription.seen = CollectLines(channel, seen_before, subscription.based != 0, message);
  // Of a map's other keys it may have older versions than its number says.
  const bool told = channel.map == nullptr ? subscription.seen != seen_before
                                           : subscription.seen == channel.sequence;
  if (channel.view.delta && told) SetBased(subscription, true);
  subscription.conflated += message.conflated - conflated_before;
  return subscription.seen == channel.sequence;
}

// The newest value of a channel whose interval has passed, if it is news.
bool FanOut::TakePaced(Connection& connection, Subscription& subscription, InFlight& message) {
  const bool some = connection.due_ms == Connection::kSomeDue;
  if (some ? subscription.due == 0 : connection.due_ms != subscription.pace_ms) return true;
  const Latest& latest = channels_.latest(subscription.channel);
  if (latest.sequence == subscription.seen) return true;
  if (latest.line.empty() && channels_[subscription.channel].map != nullptr) {
    return TakeKeys(connection, subscription, message);
  }
  const float value_before = subscription.last_value;
  if (HeldBack(connection.level, subscription)) return true;
  const bool has_line = !latest.line.empty();
  const bool fits = has_line ? AddLine(latest.line) : AddNewestLine(subscription);
  if (!fits) {
    subscription.last_value = value_before;
    return false;
  }
  const auto conflated = static_cast<std::uint32_t>(latest.sequence - subscription.seen - 1);
  Remember(connection, subscription);
  taken_.back().last_value_before = value_before;
  subscription.seen = latest.sequence;
  if (!has_line) SetBased(subscription, true);
  subscription.conflated += conflated;
  ++message.publications;
  message.conflated += conflated;
  return true;
}

// Whether the newest value is too small a change for this client at this level. If not, it is what
// the next one is measured against.
bool FanOut::HeldBack(PressureLevel level, Subscription& subscription) {
  double least = static_cast<double>(subscription.min_change) * Subscription::kChangeUnit;
  if (subscription.priority == 0) {
    if (level == PressureLevel::kEmergency) return true;
    if (level == PressureLevel::kCritical)
      least = std::max(least, options_.pressure.critical_change);
  }
  if (least == 0) {
    // Sent without a look: what it is, the next comparison does not know.
    subscription.last_value = std::numeric_limits<float>::quiet_NaN();
    return false;
  }
  const float value = ValueOf(subscription.channel);
  const double change = std::abs(double{value} - double{subscription.last_value});
  // A comparison with NaN is false: what has no number is always news.
  if (change < least * std::abs(double{subscription.last_value})) return true;
  subscription.last_value = value;
  return false;
}

float FanOut::ValueOf(ChannelIndex index) {
  Channel& channel = channels_[index];
  if (!channel.newest) return std::numeric_limits<float>::quiet_NaN();
  if (channel.value_sequence != channel.sequence) {
    channel.value_sequence = channel.sequence;
    channel.value = values_.Read(channel.newest->data(), channel.ns->value_fields);
  }
  return channel.value;
}

// Notes what the subscription had, in case the message is refused.
void FanOut::Remember(const Connection& connection, const Subscription& subscription) {
  const auto index = static_cast<std::uint32_t>(&subscription - connection.subscriptions.data());
  taken_.push_back({.subscription = index,
                    .conflated_before = subscription.conflated,
                    .seen_before = subscription.seen,
                    .last_value_before = subscription.last_value,
                    .based_before = subscription.based != 0});
}

// The newest value of a view that is not plain, against what the client has.
bool FanOut::AddNewestLine(const Subscription& subscription) {
  const Channel& channel = channels_[subscription.channel];
  const Publication* base =
      subscription.based != 0 ? channel.catch_up.Find(subscription.seen) : nullptr;
  const std::string_view line = line_maker_.Line(channel.view, *channel.newest, base);
  if (!channel.view.delta) channels_.KeepLine(subscription.channel, line);
  return AddLine(line);
}

void FanOut::SetBased(Subscription& subscription, bool based) {
  subscription.based = based ? 1 : 0;
  if (!subscription.live() || subscription.paced()) return;
  channels_[subscription.channel].group[subscription.member].baseless = based ? 0 : 1;
}

// False when the message is full. A message holds at least one line.
bool FanOut::AddLine(std::string_view line) {
  if (line.empty()) {
    inappropriate_ = true;
    return true;
  }

  if (!lines_.empty() && lines_bytes_ + line.size() > options_.message_bytes) return false;
  lines_.push_back(line);
  lines_bytes_ += line.size();
  return true;
}

// Adds the lines after `cut` while they fit: a state channel's newest, a stream's one by one.
// Returns the sequence of the last one added.
// `based`: the client has the payload of `cut`.
std::uint64_t FanOut::CollectLines(const Channel& channel, std::uint64_t cut, bool based,
                                   InFlight& message) {
  const bool state = channel.kind == engine::ChannelKind::kState;
  for (std::uint64_t next = state ? channel.sequence : cut + 1; next <= channel.sequence; ++next) {
    const Publication* publication = state ? channel.newest.get() : channel.Find(next);
    INVARIANT(publication != nullptr, "what a turn added stays until its flush has ended");
    const Publication* base = based ? BaseOf(channel, next, cut) : nullptr;
    if (!AddLine(line_maker_.Line(channel.view, *publication, base))) return cut;
    // The client has what it was told, unless others of a map's keys were left out before.
    based = based || channel.map == nullptr;
    ++message.publications;
    message.conflated += static_cast<std::uint32_t>(next - cut - 1);
    cut = next;
  }
  return cut;
}

// REQUIRES: something came after.
bool FanOut::HasAllAfter(const Channel& channel, std::uint64_t seen) {
  return channel.map == nullptr ? channel.catch_up.Find(seen + 1) != nullptr
                                : channel.map->keys().complete_after(seen);
}

// Ends the subscriptions whose channel no longer has what they miss.
void FanOut::DropGaps(engine::Slot slot) {
  std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  for (std::size_t i = subscriptions.size(); i-- > 0;) {
    Subscription& subscription = subscriptions[i];
    if (!subscription.live()) continue;
    const Channel& channel = channels_[subscription.channel];
    if (channel.kind == engine::ChannelKind::kState || channel.sequence == subscription.seen ||
        HasAllAfter(channel, subscription.seen)) {
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

// Writes the message: the outbox's finished bytes, then its lines and those collected, framed as
// the connection's transport wants them.
void FanOut::Compose(engine::Slot slot, InFlight& message) {
  const Connection& connection = connections_[slot];
  const protocol::Encoding encoding = connection.form.encoding;
  std::string_view raw;
  if (message.has_outbox) {
    const Outbox& outbox = connections_.outboxes()[connection.outbox];
    raw = outbox.raw;
    if (!outbox.lines.empty()) PrependReplies(connection.transport, encoding, outbox.lines);
  }
  if (raw.empty() && lines_.empty()) return;
  std::size_t bound = raw.size();
  if (!lines_.empty()) bound += FramedBytesBound(connection.transport, lines_.size(), lines_bytes_);
  const std::span<std::byte> memory = sender_.Scratch(bound);
  if (lines_.empty()) {
    std::memcpy(memory.data(), raw.data(), raw.size());
    message.bytes = memory.first(raw.size());
    return;
  }
  const std::span<std::byte> framed =
      FrameLines(connection.transport, encoding, lines_, memory.subspan(raw.size()));
  std::byte* const begin = framed.data() - raw.size();
  if (!raw.empty()) std::memcpy(begin, raw.data(), raw.size());
  message.bytes = {begin, framed.size() + raw.size()};
}

void FanOut::PrependReplies(Transport transport, protocol::Encoding encoding,
                            std::string_view replies) {
  replies_.clear();
  // One text where they are only joined; where each is wrapped, one by one.
  if (transport == Transport::kWebSocket || transport == Transport::kHttpStream) {
    replies_.push_back(replies);
  } else {
    SplitLines(encoding, replies, replies_);
  }
  lines_.insert(lines_.begin(), replies_.begin(), replies_.end());
  lines_bytes_ += replies.size();
}

}  // namespace tickcast::shards
