#include "shards/home.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/invariant.h"
#include "shards/rate_bucket.h"

namespace tickcast::shards {
namespace {

constexpr std::uint32_t kChannelsPerSweep = 256;

// A channel that never had a position is remembered this long after its last use: long enough that
// clients which come and go do not make it anew each time.
constexpr std::uint64_t kIdleChannelNs = 60'000'000'000;

constexpr std::size_t kEpochCharacters = 8;

// Of what is announced before a publication: what waits has a bound of its own.
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

}  // namespace

Home::Home(const engine::Config& config, Exchange& exchange, std::uint64_t seed)
    : config_(config), exchange_(exchange), random_(seed), next_id_(exchange.self() + 1) {}

bool Home::KeepsHistory(const Channel& channel) { return channel.ns->keeps_history(); }

std::size_t Home::HistorySize(const Channel& channel) const {
  const double size = channel.ns->history_size * history_share_;
  return std::max<std::size_t>(static_cast<std::size_t>(size), 1);
}

std::string Home::NewEpoch() {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string epoch;
  for (std::size_t i = 0; i < kEpochCharacters; ++i)
    epoch += kAlphabet[random_() % kAlphabet.size()];
  return epoch;
}

Home::Channel* Home::Find(std::string_view name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &channels_[found->second];
}

Home::Channel* Home::FindOrAdd(std::string_view name, std::uint64_t now_ns) {
  if (Channel* known = Find(name); known != nullptr) {
    Renew(*known, now_ns);
    return known;
  }
  const engine::Namespace* ns = config_.FindNamespace(name);
  if (ns == nullptr) return nullptr;
  std::uint32_t index = static_cast<std::uint32_t>(channels_.size());
  if (free_.empty()) {
    channels_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Channel& channel = channels_[index];
  channel.name = name;
  channel.ns = ns;
  channel.id = std::exchange(next_id_, next_id_ + exchange_.shards());
  channel.touched_ns = now_ns;
  channel.index = index;
  channel.in_use = true;
  if (KeepsHistory(channel)) channel.epoch = NewEpoch();
  if (ns->has_own_map()) channel.map = std::make_unique<MapState>(ns->map, NewEpoch(), 0);
  by_name_.emplace(channel.name, index);
  return &channel;
}

void Home::Remove(std::uint32_t index) {
  by_name_.erase(channels_[index].name);
  if (channels_[index].map != nullptr) history_bytes_ -= channels_[index].map->footprint_bytes();
  channels_[index] = Channel{};
  free_.push_back(index);
}

bool Home::Unused(const Channel& channel) const {
  return channel.interests.empty() && channel.presence == nullptr;
}

std::uint64_t Home::MetaTtl(const Channel& channel) const {
  if (channel.map != nullptr) return MapTtl(channel);
  if (!KeepsHistory(channel)) return kIdleChannelNs;
  return channel.ns->history_meta_ttl_ns != 0 ? channel.ns->history_meta_ttl_ns
                                              : config_.channel.history_meta_ttl_ns;
}

// A sweep may not have come by yet. A position that outlived its time would be recovered from, or
// not, by chance.
void Home::Renew(Channel& channel, std::uint64_t now_ns) {
  if ((!KeepsHistory(channel) && channel.map == nullptr) || !Unused(channel)) return;
  if (now_ns - channel.touched_ns < MetaTtl(channel)) return;
  if (channel.map != nullptr) return ClearMap(channel, now_ns);
  ChangeHistory(channel, [](History& history) { history.Clear(); });
  channel.epoch = NewEpoch();
  channel.offset = 0;
  channel.version = nullptr;
  channel.touched_ns = now_ns;
}

bool Home::Congested(const Channel& channel) const {
  // State conflates on the way; only what must all arrive can be refused.
  if (channel.ns->kind == engine::ChannelKind::kState) return false;
  return std::any_of(channel.interests.begin(), channel.interests.end(),
                     [this](const Interest& to) { return exchange_.full(to.shard); });
}

void Home::Deliver(const Channel& channel, const PublicationRef& publication, bool conflatable,
                   const PublicationRef& replaced) {
  for (const Interest& to : channel.interests) {
    exchange_.Send(to.shard, {.kind = Message::Kind::kDeliver,
                              .conflatable = conflatable,
                              .local = to.local,
                              .generation = to.generation,
                              .publication = publication,
                              .replaced = replaced});
  }
}

std::uint64_t Home::PublishTo(Channel& channel, PublicationRef draft, bool skip_history,
                              std::uint64_t now_ns) {
  // Who has come is told before what was said then.
  if (channel.presence != nullptr && channel.presence->has_events()) SendEvents(channel, kNoLimit);
  const bool keeps = KeepsHistory(channel) && !skip_history;
  const std::uint64_t offset = keeps ? ++channel.offset : 0;
  const bool state = channel.ns->kind == engine::ChannelKind::kState;
  draft->Seal(++channel.sequence, offset, channel.id);
  ++published_;
  if (keeps || !KeepsHistory(channel)) channel.touched_ns = now_ns;
  Deliver(channel, draft, /*conflatable=*/state);
  if (state) {
    const bool is_first = !channel.last;
    channel.last = std::move(draft);
    if (is_first && !followers_.empty()) TellOfSlot(channel);
  } else if (keeps) {
    ChangeHistory(channel, [&](History& history) {
      history.Append(std::move(draft), HistorySize(channel), now_ns, channel.ns->history_ttl_ns);
    });
  }
  return offset;
}

bool Home::Offer(const PublicationRef& draft, std::uint64_t now_ns) {
  Channel* channel = FindOrAdd(draft->channel(), now_ns);
  // A feed's namespaces exist (the configuration sees to it), so null is nobody's loss.
  if (channel != nullptr && Congested(*channel)) return false;
  if (channel != nullptr) PublishTo(*channel, draft, /*skip_history=*/false, now_ns);
  return true;
}

void Home::Take(PublicationRef draft, std::uint64_t now_ns) {
  Channel* channel = FindOrAdd(draft->channel(), now_ns);
  if (channel != nullptr) PublishTo(*channel, std::move(draft), /*skip_history=*/false, now_ns);
}

void Home::Ask(std::unique_ptr<Request> request, std::uint64_t now_ns) {
  switch (request->kind) {
    case Request::Kind::kSubscribe:
      AnswerSubscribe(*request, now_ns);
      break;
    case Request::Kind::kPublish:
      AnswerPublish(*request, now_ns);
      break;
    case Request::Kind::kHistory:
      AnswerHistory(*request, now_ns);
      break;
    case Request::Kind::kHistoryRemove:
      AnswerHistoryRemove(*request, now_ns);
      break;
    case Request::Kind::kPresence:
    case Request::Kind::kPresenceStats:
      AnswerPresence(*request);
      break;
    case Request::Kind::kPollPublish:
      AnswerPollPublish(*request, now_ns);
      break;
    case Request::Kind::kMapPublish:
    case Request::Kind::kMapRemove:
    case Request::Kind::kMapReadState:
    case Request::Kind::kMapReadStream:
    case Request::Kind::kMapStats:
    case Request::Kind::kMapClear:
      AnswerMap(*request, now_ns);
      break;
    case Request::Kind::kTickers:
      AnswerTickers(*request);
      break;
    case Request::Kind::kMirror:
      AnswerMirror(*request);
      break;
    case Request::Kind::kSlowClients:
    case Request::Kind::kDisconnectUser:
    case Request::Kind::kUnsubscribeUser:
    case Request::Kind::kRefreshUser:
    case Request::Kind::kSubscribeUser:
    case Request::Kind::kRevoke:
    case Request::Kind::kInfo:
    case Request::Kind::kChannels:
    case Request::Kind::kEmulation:
      INVARIANT(false, "a home knows no connections");
  }
  if (request->asker == Request::Asker::kNobody) {
    if (request->failed) ++unasked_refused_;
    return;
  }
  const ShardId origin = request->origin;
  exchange_.Send(origin, {.kind = Message::Kind::kAnswer, .request = std::move(request)});
}

bool Home::Suppress(Channel& channel, Request& request, std::uint64_t now_ns) {
  if (!request.idempotency_key.empty()) {
    const IdempotentResults::Position* const known =
        results_.Find(request.channel, request.idempotency_key, now_ns);
    if (known != nullptr) {
      request.offset = known->offset;
      request.epoch = known->epoch;
      return true;
    }
  }
  if (request.version == 0 || request.skip_history || !KeepsHistory(channel)) return false;
  const bool old =
      channel.version != nullptr && request.version <= channel.version->version &&
      (request.version_epoch.empty() || request.version_epoch == channel.version->epoch);
  if (old) {
    request.offset = channel.offset;
    request.epoch = channel.epoch;
    // It is a sign of life of its source: the history lives on, as in the original.
    channel.touched_ns = now_ns;
    ChangeHistory(channel, [&](History& history) {
      history.Expire(now_ns);
      history.Prolong(now_ns, channel.ns->history_ttl_ns);
    });
  }
  return old;
}

// The application may publish as fast as it likes.
bool Home::OverRate(Channel& channel, Request& request, std::uint64_t now_ns) {
  const std::uint32_t rate = channel.ns->publish_rate;
  if (rate == 0 || request.asker != Request::Asker::kSession ||
      TakeFromBucket(channel.published_until_ns, rate, rate, now_ns)) {
    return false;
  }
  request.over_rate = true;
  request.Fail(protocol::ErrorCode::kTooManyRequests);
  return true;
}

void Home::AnswerPublish(Request& request, std::uint64_t now_ns) {
  Channel* channel = FindOrAdd(request.channel, now_ns);
  if (channel == nullptr) return request.Fail(protocol::ErrorCode::kUnknownChannel);
  // Its changes have keys.
  if (channel->ns->is_map()) return request.Fail(protocol::ErrorCode::kBadRequest);
  request.suppressed = Suppress(*channel, request, now_ns);
  if (request.suppressed) return;
  if (OverRate(*channel, request, now_ns)) return;
  if (Congested(*channel)) return request.Fail(protocol::ErrorCode::kTooManyRequests);
  request.offset = PublishTo(*channel, std::move(request.draft), request.skip_history, now_ns);
  if (request.offset != 0) {
    request.epoch = channel->epoch;
    // One without a version makes whatever comes next newer.
    channel->version =
        request.version == 0
            ? nullptr
            : std::make_unique<Version>(Version{request.version, request.version_epoch});
  }
  if (!request.idempotency_key.empty()) {
    results_.Keep(request.channel, request.idempotency_key, {request.offset, request.epoch},
                  now_ns);
  }
}

void Home::AnswerSubscribe(Request& request, std::uint64_t now_ns) {
  Channel* channel = FindOrAdd(request.channel, now_ns);
  if (channel == nullptr) return request.Fail(protocol::ErrorCode::kUnknownChannel);
  const std::uint32_t limit = request.tracked ? 0 : channel->ns->subscriber_limit;
  if (limit != 0 && channel->subscribers >= limit) {
    return request.Fail(protocol::ErrorCode::kLimitExceeded);
  }
  channel->touched_ns = now_ns;
  if (channel->ns->is_map() != (request.map != nullptr)) {
    return request.Fail(protocol::ErrorCode::kBadRequest);
  }
  if (channel->map != nullptr) return AnswerMapSubscribe(*channel, request, now_ns);
  // Over a feed: what is in it the asker's shard knows.
  if (request.map != nullptr) request.map->live = true;
  ChangeHistory(*channel, [now_ns](History& history) { history.Expire(now_ns); });
  if (channel->ns->kind == engine::ChannelKind::kState) {
    if (channel->last) request.publications.push_back(channel->last);
  } else if (KeepsHistory(*channel)) {
    Recover(*channel, request);
    if (request.failed) return;
    request.epoch = channel->epoch;
    request.offset = request.recovered ? request.since_offset : channel->offset;
  }
  if (watcher_ != nullptr && channel->ns->is_polled()) {
    if (request.tracked) {
      watcher_->OnSlotWanted(*channel->ns, request.channel, now_ns);
    } else {
      request.epoch = watcher_->EpochOf(*channel->ns, request.channel);
    }
  }
  LetIn(*channel, request);
}

// What nobody tracks is kept nowhere: who tracks it later is told what the backend says then.
void Home::AnswerPollPublish(Request& request, std::uint64_t now_ns) {
  if (watcher_ == nullptr) return request.Fail(protocol::ErrorCode::kNotAvailable);
  const std::string slot(request.draft->channel());
  request.suppressed =
      !watcher_->OnSlotPublished(slot, request.version, request.version_epoch, now_ns);
  if (request.suppressed) return;
  Channel* const channel = FindOrAdd(slot, now_ns);
  PublishTo(*channel, std::move(request.draft), /*skip_history=*/true, now_ns);
}

void Home::Reset(std::string_view name) {
  const Channel* const channel = Find(name);
  if (channel == nullptr) return;
  for (const Interest& to : channel->interests) {
    exchange_.Send(to.shard,
                   {.kind = Message::Kind::kReset, .local = to.local, .generation = to.generation});
  }
}

void Home::ForgetValue(std::string_view name) {
  if (Channel* channel = Find(name); channel != nullptr) channel->last = {};
}

void Home::LetIn(Channel& channel, Request& request) {
  request.sequence = channel.sequence;
  request.channel_id = channel.id;
  const auto same_shard = [&](const Interest& known) { return known.shard == request.origin; };
  const auto known = std::find_if(channel.interests.begin(), channel.interests.end(), same_shard);
  const Interest interest{request.origin, request.local, request.local_generation};
  if (known == channel.interests.end()) {
    channel.interests.push_back(interest);
  } else {
    *known = interest;
  }
  if (channel.ns->subscriber_limit != 0 && !request.tracked) ++channel.subscribers;
  if (!request.member.empty()) AddMember(channel, request);
}

void Home::Part(const Request& part, std::uint64_t now_ns) {
  Channel* channel = Find(part.channel);
  if (channel == nullptr) return;
  if (part.counted && channel->ns->subscriber_limit != 0) {
    INVARIANT(channel->subscribers > 0, "only who was let in leaves");
    --channel->subscribers;
  }
  if (channel->presence != nullptr && !part.client.empty()) RemoveMember(*channel, part, now_ns);
}

void Home::AnswerTickers(Request& request) const {
  for (const Channel& channel : channels_) {
    if (channel.last && std::string_view(channel.name).starts_with(request.channel)) {
      request.publications.push_back(channel.last);
    }
  }
}

void Home::AnswerMirror(Request& request) {
  followers_.push_back({request.origin, request.local, request.local_generation, request.channel});
  AnswerTickers(request);
}

void Home::TellOfSlot(const Channel& channel) {
  for (const Follower& to : followers_) {
    if (!std::string_view(channel.name).starts_with(to.prefix)) continue;
    exchange_.Send(to.shard, {.kind = Message::Kind::kSlot,
                              .local = to.local,
                              .generation = to.generation,
                              .publication = channel.last});
  }
}

void Home::Leave(ShardId shard, const Request& leave, std::uint64_t now_ns) {
  if (leave.kind == Request::Kind::kMirror) {
    std::erase_if(followers_, [&](const Follower& known) {
      return known.shard == shard && known.local == leave.local &&
             known.generation == leave.local_generation;
    });
    return;
  }
  Channel* channel = Find(leave.channel);
  if (channel == nullptr) return;
  channel->touched_ns = now_ns;
  std::erase_if(channel->interests, [&](const Interest& known) {
    return known.shard == shard && known.local == leave.local &&
           known.generation == leave.local_generation;
  });
  if (watcher_ == nullptr || !channel->interests.empty() || !channel->ns->is_polled()) return;
  // A backend is not asked any more, so nobody knows how long its value holds.
  channel->last = {};
  watcher_->OnSlotUnwanted(leave.channel, now_ns);
}

void Home::Sweep(std::uint64_t now_ns) {
  results_.Expire(now_ns);
  ExpireLost(now_ns);
  ExpireKeys(now_ns);
  const auto count = static_cast<std::uint32_t>(channels_.size());
  for (std::uint32_t i = 0; i < std::min(kChannelsPerSweep, count); ++i) {
    if (sweep_at_ >= count) sweep_at_ = 0;
    const std::uint32_t index = sweep_at_++;
    Channel& channel = channels_[index];
    if (!channel.in_use) continue;
    ChangeHistory(channel, [&](History& history) {
      history.Expire(now_ns);
      if (history_share_ < 1) history.Trim(HistorySize(channel));
    });
    if (channel.map != nullptr) SweepMap(channel, now_ns);
    if (!Unused(channel)) {
      // Its time counts from when the last subscriber went, not from when it came.
      channel.touched_ns = now_ns;
    } else if (channel.history.empty() && !channel.last &&
               (channel.map == nullptr || channel.map->size() == 0) &&
               now_ns - channel.touched_ns >= MetaTtl(channel)) {
      Remove(index);
    }
  }
}

}  // namespace tickcast::shards
