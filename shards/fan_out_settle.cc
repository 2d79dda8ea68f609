// FanOut: what became of a batch of sends.
#include <cstring>

#include "engine/invariant.h"
#include "shards/fan_out.h"

namespace tickcast::shards {

void FanOut::Settle() {
  for (const InFlight& sent : sender_.batch()) {
    switch (sent.fate) {
      case InFlight::Fate::kTaken:
        SettleTaken(sent);
        break;
      case InFlight::Fate::kPart:
        SettlePart(sent);
        break;
      case InFlight::Fate::kRefused:
        SettleRefused(sent);
        break;
      case InFlight::Fate::kBroken:
        SettleBroken(sent);
        break;
    }
  }
  sender_.Clear();
  taken_.clear();
}

void FanOut::CountDelivered(const InFlight& sent) {
  metrics_.delivered.Add(sent.publications);
  metrics_.conflated.Add(sent.conflated);
}

void FanOut::SettleTaken(const InFlight& sent) {
  metrics_.sends.Add();
  metrics_.bytes_sent.Add(sent.bytes.size());
  CountDelivered(sent);
  // A push to a connection that keeps up ends here, having read nothing of it but its Hot.
  if (sent.channel != kNoChannel) return;

  Hot& hot = connections_.hot(sent.slot);
  if (sent.has_outbox) connections_.ReturnOutbox(sent.slot);
  if (sent.is_tail) connections_.DropUnsent(sent.slot);
  const bool caught_up = !sent.is_tail && sent.whole;
  if (sent.serves && caught_up) {
    hot.Clear(Hot::kBehind);
    ClearDue(connections_[sent.slot]);
  }
  if (hot.Is(Hot::kBehind)) {
    ListOwed(sent.slot);
  } else {
    events_.OnFlushed(sent.slot);
  }
}

// The peer will have the whole message, so what it carries is delivered; the rest of it is kept.
void FanOut::SettlePart(const InFlight& sent) {
  metrics_.sends.Add();
  metrics_.short_sends.Add();
  engine::probes::SendShort(sent.slot, sent.sent_bytes, sent.bytes.size());
  metrics_.bytes_sent.Add(sent.sent_bytes);
  CountDelivered(sent);
  if (sent.has_outbox) connections_.ReturnOutbox(sent.slot);
  if (sent.is_tail) {
    connections_[sent.slot].unsent->sent += sent.sent_bytes;
  } else {
    connections_.KeepUnsent(sent.slot, sent.bytes.subspan(sent.sent_bytes));
    // What was due is in it.
    if (sent.serves && sent.whole) ClearDue(connections_[sent.slot]);
  }
  Block(sent.slot);
}

void FanOut::SettleRefused(const InFlight& sent) {
  metrics_.refused_sends.Add();
  engine::probes::SendRefused(sent.slot, sent.bytes.size());
  Undo(sent);
  Block(sent.slot);
}

void FanOut::SettleBroken(const InFlight& sent) {
  Undo(sent);
  events_.OnSendFailed(sent.slot);
}

// Nothing of the message was taken: its connection is owed again what it would have brought.
void FanOut::Undo(const InFlight& sent) {
  TakeBack(connections_[sent.slot], sent);
  if (sent.serves) connections_.hot(sent.slot).served_turn = turn_ - 1;
}

void FanOut::TakeBack(Connection& connection, const InFlight& message) {
  for (std::uint32_t i = message.taken_end; i-- > message.taken_begin;) {
    const Taken& taken = taken_[i];
    Subscription& subscription = connection.subscriptions[taken.subscription];
    subscription.seen = taken.seen_before;
    subscription.conflated = taken.conflated_before;
    subscription.last_value = taken.last_value_before;
    if (subscription.based != 0 && !taken.based_before) SetBased(subscription, false);
  }
}

// From here on each subscription's `seen` says exactly what the connection has.
void FanOut::BecomeBehind(engine::Slot slot) {
  Hot& hot = connections_.hot(slot);
  if (hot.Is(Hot::kBehind)) return;
  for (Subscription& subscription : connections_[slot].subscriptions) {
    if (!subscription.live() || subscription.paced()) continue;
    subscription.seen = CutOf(hot, subscription, channels_[subscription.channel]);
  }
  hot.Set(Hot::kBehind);
}

void FanOut::Block(engine::Slot slot) {
  BecomeBehind(slot);
  Hot& hot = connections_.hot(slot);
  hot.Set(Hot::kBlocked);
  hot.owed = Hot::kNothing;
  Connection& connection = connections_[slot];
  if (connection.blocked_since_ns == 0) {
    connection.blocked_since_ns = now_ns_;
    metrics_.blocked.Add();
    engine::probes::BlockedBegin(slot);
    events_.OnBlocked(slot);
  }
  ring_.ArmPollOut(slot, hot.generation);
}

std::uint64_t FanOut::CountOutstanding() {
  std::uint64_t outstanding = 0;
  for (engine::Slot slot = 0; slot < connections_.slots(); ++slot) {
    const Hot& hot = connections_.hot(slot);
    if (!hot.Is(Hot::kOpen)) continue;
    for (const Subscription& subscription : connections_[slot].subscriptions) {
      if (!subscription.live()) continue;
      const Channel& channel = channels_[subscription.channel];
      outstanding += channel.sequence - CutOf(hot, subscription, channel);
    }
  }
  return outstanding;
}

}  // namespace tickcast::shards
