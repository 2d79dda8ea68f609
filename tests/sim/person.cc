#include "tests/sim/person.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace tickcast::shards::sim {
namespace {

constexpr std::uint64_t kRecoveryLimit = 300;  // client.recovery_max_publication_limit.

}  // namespace

void Person::Connect(ShardId id) {
  client_ = &cluster_.AddClient(id);
  may_be_closed_ = leaves_ = false;
  Expect(client_->Connect(), {.kind = Pending::Kind::kConnect});
  for (auto& [channel, follow] : follows_) {
    if (follow.wanted) Subscribe(channel);
  }
  Flush();
}

void Person::Abandon() {
  client_ = nullptr;
  pending_.clear();
  answered_at_once_.clear();
  sources_.clear();
  for (auto& [channel, follow] : follows_) {
    follow.live = false;
    follow.ops.clear();
  }
}

bool Person::wants(const std::string& channel) const {
  const auto found = follows_.find(channel);
  return found != follows_.end() && found->second.wanted;
}

void Person::Want(const std::string& channel) {
  follows_[channel].wanted = true;
  Subscribe(channel);
}

void Person::Subscribe(const std::string& channel) {
  const std::uint32_t id = AskFor(channel, Pending::Kind::kSubscribe);
  follows_[channel].ops.push_back(id);
}

void Person::SubscribeTwice(const std::string& channel) {
  const std::uint32_t id = AskFor(channel, Pending::Kind::kSecondSubscribe);
  pending_[id].error = 105;
}

std::uint32_t Person::AskFor(const std::string& channel, Pending::Kind kind) {
  const Follow& follow = follows_[channel];
  SubscribeOptions options;
  const bool log = audit_.channel(channel).type == ChannelType::kLog;
  options.recoverable = log;
  options.data = follow.options;
  // An SDK recovers where it has a position, whatever has happened since.
  options.recover = log && follow.next_offset != 0;
  if (options.recover) {
    options.offset = follow.next_offset - 1;
    options.epoch = follow.epoch;
  }
  const std::uint32_t id = client_->Subscribe(channel, options);
  Expect(id, {.kind = kind,
              .channel = channel,
              .since = options.offset,
              .recover = options.recover,
              .options = !options.data.empty()});
  return id;
}

void Person::SetOptions(const std::string& channel, const std::string& options) {
  follows_[channel].options = options;
}

void Person::ChangeOptions(const std::string& channel, const std::string& members) {
  Follow& follow = follows_[channel];
  follow.options = "{" + members + "}";
  // It may not be subscribed when this is read, or not yet; else it has to work.
  const bool certain = follow.live && follow.ops.empty();
  const std::uint32_t id =
      client_->Rpc("tickcast.options", R"({"channel":")" + channel + "\"," + members + "}");
  Expect(id, {.kind = Pending::Kind::kOptions,
              .channel = channel,
              .error = certain ? 0u : 107u,
              .drops = follow.drops});
}

void Person::Unwant(const std::string& channel) {
  Follow& follow = follows_[channel];
  follow.wanted = false;
  const std::uint32_t id = client_->Unsubscribe(channel);
  follow.ops.push_back(id);
  Expect(id, {.kind = Pending::Kind::kUnsubscribe, .channel = channel});
}

void Person::Publish(const std::string& channel, std::size_t padding_bytes) {
  auto [found, is_new] = sources_.try_emplace(channel, 0);
  if (is_new) found->second = audit_.AddSource(channel);
  const Payload payload = audit_.Next(found->second);
  audit_.Sent(found->second);
  Expect(client_->Publish(channel, WritePayload(payload, padding_bytes)),
         {.kind = Pending::Kind::kPublish, .channel = channel, .payload = payload});
}

void Person::ReadHistory(const std::string& channel) {
  const bool log = audit_.channel(channel).type == ChannelType::kLog;
  Expect(client_->History(channel, -1),
         {.kind = Pending::Kind::kHistory, .channel = channel, .error = log ? 0u : 108u});
}

void Person::AskNonsense() {
  const std::uint32_t rpc = client_->Rpc();
  Expect(rpc, {.kind = Pending::Kind::kNonsense, .error = 108});
  const std::uint32_t unknown = client_->Subscribe("nowhere:x");
  Expect(unknown, {.kind = Pending::Kind::kNonsense, .error = 102});
  answered_at_once_.insert(answered_at_once_.end(), {rpc, unknown});
}

void Person::OnHeard(const Heard& heard) {
  switch (heard.kind) {
    case Heard::Kind::kUpgraded:
    case Heard::Kind::kPing:
    case Heard::Kind::kPong:
    case Heard::Kind::kFramePing:
    case Heard::Kind::kMessage:
    case Heard::Kind::kJoin:
    case Heard::Kind::kLeave:
    case Heard::Kind::kRefreshed:
    case Heard::Kind::kGiven:
      return;
    case Heard::Kind::kPresence:
    case Heard::Kind::kPresenceStats:
      ADD_FAILURE() << "nobody asked for the presence";
      return;
    case Heard::Kind::kProlonged:
      ADD_FAILURE() << "nobody has a token";
      return;
    case Heard::Kind::kRpc:
      EXPECT_NE(heard.text.find("interval_ms"), std::string::npos) << heard.text;
      Take(heard, Pending::Kind::kOptions);
      return;
    case Heard::Kind::kRefused:
      ADD_FAILURE() << "no upgrade: " << heard.code;
      return;
    case Heard::Kind::kError:
      return OnError(heard);
    case Heard::Kind::kConnected:
      Take(heard, Pending::Kind::kConnect);
      return;
    case Heard::Kind::kSubscribed:
      return OnSubscribed(heard);
    case Heard::Kind::kUnsubscribed:
      return OnUnsubscribed(heard);
    case Heard::Kind::kPublished: {
      const Payload payload = Take(heard, Pending::Kind::kPublish).payload;
      return audit_.Acknowledged(payload.source, payload.number);
    }
    case Heard::Kind::kHistory:
      return OnHistory(heard);
    case Heard::Kind::kPublication:
      ++pushes_;
      return OnPublication(heard.channel, heard.publications.front());
    case Heard::Kind::kDropped:
      return OnDropped(heard);
    case Heard::Kind::kClosed:
      EXPECT_TRUE(may_be_closed_) << "closed with " << heard.code;
      return;
  }
}

void Person::CheckEnd() {
  if (client_ == nullptr || (client_->close_code() == 0 && !client_->peer().closed())) return;
  EXPECT_TRUE(may_be_closed_) << "the connection has ended";
  Abandon();
}

Person::Pending Person::Take(const Heard& heard, Pending::Kind kind) {
  const auto found = pending_.find(heard.id);
  if (found == pending_.end()) {
    ADD_FAILURE() << "nothing waits for a reply to " << heard.id;
    return {};
  }
  Pending pending = std::move(found->second);
  pending_.erase(found);
  EXPECT_EQ(static_cast<int>(pending.kind), static_cast<int>(kind)) << pending.channel;
  return pending;
}

void Person::OnError(const Heard& heard) {
  const auto found = pending_.find(heard.id);
  ASSERT_NE(found, pending_.end()) << "nothing waits for a reply to " << heard.id;
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  if (pending.kind == Pending::Kind::kSubscribe && heard.code == 105) {
    // Only because a second subscribe was there first, after the subscription had been dropped.
    Follow& follow = follows_[pending.channel];
    const bool waits = std::any_of(pending_.begin(), pending_.end(), [&](const auto& other) {
      return other.second.kind == Pending::Kind::kSecondSubscribe &&
             other.second.channel == pending.channel;
    });
    EXPECT_TRUE(waits || (follow.live && follow.second)) << pending.channel;
    return InOrder(follow, heard.id);
  }
  if (pending.kind == Pending::Kind::kOptions && follows_[pending.channel].drops > pending.drops) {
    EXPECT_EQ(heard.code, 107u) << "the server had ended it";
    return;
  }
  EXPECT_EQ(heard.code, pending.error)
      << pending.channel << ", command of kind " << static_cast<int>(pending.kind);
  if (pending.kind != Pending::Kind::kNonsense) return;
  ASSERT_FALSE(answered_at_once_.empty());
  EXPECT_EQ(answered_at_once_.front(), heard.id) << "answered out of order";
  answered_at_once_.pop_front();
}

void Person::InOrder(Follow& follow, std::uint32_t id) {
  ASSERT_FALSE(follow.ops.empty());
  EXPECT_EQ(follow.ops.front(), id) << "one channel's replies come in the order of the commands";
  std::erase(follow.ops, id);
}

void Person::OnSubscribed(const Heard& heard) {
  // The second subscribe succeeds where the first subscription was dropped between the two.
  const auto found = pending_.find(heard.id);
  const bool second =
      found != pending_.end() && found->second.kind == Pending::Kind::kSecondSubscribe;
  const Pending asked =
      Take(heard, second ? Pending::Kind::kSecondSubscribe : Pending::Kind::kSubscribe);
  const std::string& channel = asked.channel;
  Follow& follow = follows_[channel];
  if (!second) InOrder(follow, heard.id);
  if (follow.live && (second || follow.second)) {
    // It was there, and asked for other options.
    EXPECT_TRUE(heard.publications.empty() && !heard.positioned) << channel;
    EXPECT_NE(heard.text, "") << channel;
    return;
  }
  EXPECT_FALSE(follow.live) << channel << " is subscribed already";
  EXPECT_EQ(heard.text.empty(), !asked.options) << channel;
  follow.live = true;
  follow.second = second;
  follow.next.clear();
  for (const Audit::SourceId source : audit_.channel(channel).sources) {
    follow.sent_before[source] = audit_.sent(source);
  }
  EXPECT_EQ(heard.was_recovering, asked.recover);
  if (audit_.channel(channel).type == ChannelType::kLog) return OnPosition(channel, asked, heard);

  EXPECT_FALSE(heard.recoverable || heard.positioned || heard.recovered);
  EXPECT_EQ(heard.offset, 0u);
  EXPECT_EQ(heard.epoch, "");
  if (audit_.channel(channel).type == ChannelType::kFlow) {
    EXPECT_TRUE(heard.publications.empty());
    return;
  }
  ASSERT_LE(heard.publications.size(), 1u);
  if (heard.publications.empty()) {
    EXPECT_TRUE(follow.last.empty()) << channel << " had a value before";
    return;
  }
  follow.value = audit_.Saw(channel, heard.publications.front());
  // Nothing new may have come since the last subscribing.
  std::uint64_t& last = follow.last[follow.value.source];
  EXPECT_GE(follow.value.number, last) << channel << " went back";
  last = follow.value.number;
}

void Person::OnPosition(const std::string& channel, const Pending& asked, const Heard& heard) {
  Follow& follow = follows_[channel];
  audit_.SawEpoch(channel, heard.epoch);
  follow.epoch = heard.epoch;
  if (!heard.recovered) {
    EXPECT_TRUE(heard.publications.empty());
    if (asked.recover) {
      // All or nothing: it must have been too much.
      const std::uint64_t most = std::min(audit_.channel(channel).history_size, kRecoveryLimit);
      EXPECT_GT(heard.offset - asked.since, most) << channel << " could have been recovered";
    }
    follow.next_offset = heard.offset + 1;
    return;
  }
  EXPECT_TRUE(asked.recover);
  EXPECT_EQ(heard.offset, asked.since);
  // Between asking and answer an earlier subscription may have brought some of it.
  if (asked.since + 1 < follow.next_offset) follow.last.clear();
  follow.next_offset = asked.since + 1;
  for (const HeardPublication& publication : heard.publications) {
    OnPublication(channel, publication);
  }
}

void Person::OnUnsubscribed(const Heard& heard) {
  const Pending pending = Take(heard, Pending::Kind::kUnsubscribe);
  Follow& follow = follows_[pending.channel];
  InOrder(follow, heard.id);
  follow.live = false;
}

void Person::OnHistory(const Heard& heard) {
  const Pending pending = Take(heard, Pending::Kind::kHistory);
  audit_.SawEpoch(pending.channel, heard.epoch);
  std::uint64_t last = 0;
  for (const HeardPublication& publication : heard.publications) {
    audit_.Saw(pending.channel, publication);
    if (last != 0) {
      EXPECT_EQ(publication.offset, last + 1) << pending.channel;
    }
    last = publication.offset;
  }
  EXPECT_LE(last, heard.offset);
}

void Person::OnPublication(const std::string& channel, const HeardPublication& publication) {
  Follow& follow = follows_[channel];
  ASSERT_TRUE(follow.live) << channel << " is not subscribed";
  const Payload payload = audit_.Saw(channel, publication);
  std::uint64_t& last = follow.last[payload.source];
  ASSERT_GT(payload.number, last) << channel << ", source " << payload.source << " went back";
  last = payload.number;
  switch (audit_.channel(channel).type) {
    case ChannelType::kState:
      follow.value = payload;
      return;
    case ChannelType::kFlow: {
      const auto [next, is_first] = follow.next.emplace(payload.source, payload.number);
      if (is_first) {
        // The cut lies where the home shard had come to before the reply was read.
        EXPECT_LE(payload.number, follow.sent_before[payload.source] + 1) << channel;
      } else {
        EXPECT_EQ(payload.number, next->second) << channel << ", source " << payload.source;
      }
      next->second = payload.number + 1;
      return;
    }
    case ChannelType::kLog:
      EXPECT_EQ(publication.offset, follow.next_offset) << channel;
      follow.next_offset = publication.offset + 1;
      return;
  }
}

void Person::OnDropped(const Heard& heard) {
  EXPECT_EQ(heard.code, 2500u);
  EXPECT_NE(static_cast<int>(audit_.channel(heard.channel).type),
            static_cast<int>(ChannelType::kState))
      << "a state channel has no gaps";
  Follow& follow = follows_[heard.channel];
  EXPECT_TRUE(follow.live) << heard.channel;
  follow.live = false;
  ++follow.drops;
  // An SDK subscribes again by itself, unless its user has left meanwhile.
  if (!follow.wanted || !client_->may_send() || !follow.ops.empty()) return;
  Subscribe(heard.channel);
  Flush();
}

void Person::CheckContent(const Person& auditor) const {
  EXPECT_TRUE(pending_.empty()) << "no reply to command " << pending_.begin()->first << " about "
                                << pending_.begin()->second.channel;
  for (const auto& [channel, follow] : follows_) {
    EXPECT_EQ(follow.live, follow.wanted) << channel;
    if (!follow.live) continue;
    const Follow& truth = auditor.follows_.at(channel);
    const Audit::ChannelFacts& facts = audit_.channel(channel);
    if (facts.type == ChannelType::kLog) {
      EXPECT_EQ(follow.next_offset, truth.next_offset) << channel;
    } else if (facts.type == ChannelType::kState) {
      EXPECT_EQ(follow.value.source, truth.value.source) << channel;
      EXPECT_EQ(follow.value.number, truth.value.number) << channel;
    } else {
      for (const auto& [source, newest] : facts.newest) {
        const auto before = follow.sent_before.find(source);
        // Published after it had subscribed, so it must have got it.
        if (before != follow.sent_before.end() && newest <= before->second) continue;
        const auto last = follow.last.find(source);
        EXPECT_EQ(last == follow.last.end() ? 0 : last->second, newest)
            << channel << ", source " << source;
      }
    }
  }
}

}  // namespace tickcast::shards::sim
