// Commands: track subscriptions, the keys of a keyed channel that a client has on its screen.
//
// The subscription to the keyed channel itself is one like any other, with the same tokens, limits
// and ends; nothing is published to it. Each tracked key is a subscription to the key's slot beside
// it, in the view of that address, so the fan-out serves it as it serves any state channel.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "engine/invariant.h"
#include "protocol/centrifuge/reply.h"
#include "shards/commands.h"

namespace tickcast::shards {

using protocol::ErrorCode;
using protocol::TrackBatch;
using protocol::TrackItem;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

bool IsKeyName(std::string_view key) {
  return !key.empty() && key.size() <= Publication::kMaxKeyBytes &&
         key.find('\0') == std::string_view::npos;
}

}  // namespace

// What a subscribe to a keyed channel comes to, when it has been asked for.
void Commands::BeginTracking(engine::Slot slot, const Command& command, const engine::Namespace& ns,
                             ChannelIndex channel) {
  Tracking tracking{.channel = channel, .view = WholeView(slot)};
  tracking.view.address = addresses_.Of(ns);
  tracking.view.delta = !command.subscribe.delta.empty() && AllowsFossil(ns);
  tracking.slot_prefix = addresses_.SlotPrefix(ns, command.subscribe.channel);
  std::vector<Tracking>& all = connections_[slot].session->MutableExtras().tracking;
  all.push_back(std::move(tracking));
}

void Commands::SubRefreshKeys(engine::Slot slot, const Command& command) {
  const protocol::SubRefreshRequest& request = command.sub_refresh;
  if (!track_parser_.Parse(request.track, request.untrack)) {
    return host_.Disconnect(slot, protocol::DisconnectCode::kBadRequest);
  }
  const ChannelIndex channel = channels_.Find(request.channel);
  const std::uint32_t subscription =
      channel == kNoChannel ? ~std::uint32_t{0} : FindSubscription(slot, channel);
  const std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  if (subscription >= subscriptions.size() || !subscriptions[subscription].live()) {
    return ReplyError(slot, command.id, ErrorCode::kPermissionDenied);
  }
  Tracking* const tracking = connections_[slot].session->FindTracking(channel);
  if (tracking == nullptr) return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  switch (request.type) {
    case protocol::kSubRefreshTrack:
      return Track(slot, command, *tracking, fan_out_.TermsOf(slot, subscription));
    case protocol::kSubRefreshUntrack:
      return Untrack(slot, command, *tracking);
    default:
      return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  }
}

// Places of the keys that the client tracks, by the channel of their view. Those that it has left
// while the home was asked are not among them.
Commands::TrackedKeys Commands::KeysOf(engine::Slot slot, const Tracking& tracking) {
  TrackedKeys keys;
  const std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  for (std::uint32_t i = 0; i < subscriptions.size(); ++i) {
    if (IsKeyOf(slot, subscriptions[i], tracking)) keys.emplace(subscriptions[i].channel, i);
  }
  return keys;
}

// Whether the client tracks it by `tracking`, and has not left it while the home was asked.
bool Commands::IsKeyOf(engine::Slot slot, const Subscription& subscription,
                       const Tracking& tracking) {
  if (subscription.member == Subscription::kLeaving) return false;
  if (channels_[subscription.channel].view != tracking.view) return false;
  // Another channel of the same namespace has the same view.
  const bool sole = connections_[slot].session->extras().tracking.size() == 1;
  return sole || channels_.name(subscription.channel).starts_with(tracking.slot_prefix);
}

// All batches or none. Of a key that is in several, what the last one says counts.
void Commands::Track(engine::Slot slot, const Command& command, Tracking& tracking,
                     const Terms& terms) {
  const std::span<const TrackBatch> batches = track_parser_.batches();
  if (track_parser_.items().empty()) return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  absl::flat_hash_set<std::string_view> untracked;
  for (const std::string_view key : track_parser_.untrack()) untracked.insert(key);
  WantedKeys wanted;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    for (const TrackItem& item : batches[i].items) {
      if (!untracked.contains(item.key)) wanted.Add({item.key, item.version, i});
    }
  }
  std::vector<std::int64_t> expires_s;
  const std::optional<ErrorCode> refused = CheckSignatures(slot, tracking, batches, expires_s);
  if (refused) return ReplyError(slot, command.id, *refused);
  const std::span<const TrackItem> items = track_parser_.items();
  if (!std::all_of(items.begin(), items.end(),
                   [](const TrackItem& item) { return IsKeyName(item.key); })) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  }

  TrackedKeys known = KeysOf(slot, tracking);
  const std::uint32_t limit = channels_[tracking.channel].ns->shared_poll.max_keys_per_connection;
  if (CountTracked(tracking, known, wanted, untracked) > limit) {
    metrics_.CountLimited(Limit::kTrackedKeys);
    return ReplyError(slot, command.id, ErrorCode::kLimitExceeded);
  }
  if (SomeShardIsCongested()) return ReplyError(slot, command.id, ErrorCode::kTooManyRequests);
  UntrackKeys(slot, tracking, track_parser_.untrack(), known);
  line_maker_.Reset();
  views_.clear();
  std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  const std::size_t keys = wanted.list.size();
  subscriptions.reserve(subscriptions.size() + keys - std::min(keys, known.size()));
  for (const WantedKey& want : wanted.list) {
    const ChannelIndex view =
        TrackKey(slot, command, tracking, terms, want.key, want.version, known);
    tracking.SetExpiry(view, expires_s[want.batch]);
  }
  ReplyTracked(slot, command, expires_s);
}

// Distinct keys that the client will have.
std::size_t Commands::CountTracked(const Tracking& tracking, const TrackedKeys& known,
                                   const WantedKeys& wanted,
                                   const absl::flat_hash_set<std::string_view>& untracked) {
  std::size_t count = wanted.list.size();
  for (const auto& [view, subscription] : known) {
    const std::string_view key = KeyOf(tracking, view);
    if (!wanted.places.contains(key) && !untracked.contains(key)) ++count;
  }
  return count;
}

std::string_view Commands::KeyOf(const Tracking& tracking, ChannelIndex view) {
  return std::string_view(channels_.name(view)).substr(tracking.slot_prefix.size());
}

// Nothing, and when each batch ends in Unix seconds (0: never); or the error of the first wrong
// one.
std::optional<ErrorCode> Commands::CheckSignatures(engine::Slot slot, const Tracking& tracking,
                                                   std::span<const TrackBatch> batches,
                                                   std::vector<std::int64_t>& expires_s) {
  const Channel& channel = channels_[tracking.channel];
  const std::string& user = connections_[slot].session->user;
  const std::int64_t now_s = host_.UnixSeconds();
  for (const TrackBatch& batch : batches) {
    if (batch.signature.empty() && channel.ns->shared_poll.allow_unsigned) {
      expires_s.push_back(0);
      continue;
    }
    const protocol::TrackSignature signature =
        track_verifier_.Verify(batch, user, channel.name, now_s);
    if (signature.verdict == protocol::TrackSignatureVerdict::kWrong) {
      return ErrorCode::kPermissionDenied;
    }
    if (signature.verdict == protocol::TrackSignatureVerdict::kExpired) {
      return ErrorCode::kTokenExpired;
    }
    expires_s.push_back(signature.expires_s);
  }
  return std::nullopt;
}

// Follows one more key, or one that is followed already, of which the client has `version`. What is
// known of it goes into the answer; where this shard knows nothing of its slot yet, the home's
// answer is pushed. Returns the channel of its view.
ChannelIndex Commands::TrackKey(engine::Slot slot, const Command& command, const Tracking& tracking,
                                const Terms& terms, std::string_view key, std::uint64_t version,
                                const TrackedKeys& known) {
  slot_name_ = tracking.slot_prefix;
  slot_name_ += key;
  ChannelIndex index = channels_.Find(slot_name_);
  if (index == kNoChannel) {
    const engine::Namespace& ns = addresses_.SlotNamespace(*channels_[tracking.channel].ns);
    index = channels_.Add(slot_name_, &ns, exchange_.HomeOf(slot_name_));
  }
  const ChannelIndex view = FindOrAddView(index, tracking.view);
  const Channel& channel = channels_[view];
  const bool has_value = channel.live && channel.newest && !channel.newest->removed();
  const bool shown = has_value && channel.newest->version() > version;
  if (shown) ShowKey(tracking, *channel.newest, key);
  if (known.contains(view)) return view;

  AddSubscription(slot, {.channel = view, .seen = command.id});
  metrics_.tracked_keys.Add(1);
  const auto subscription = static_cast<std::uint32_t>(connections_[slot].subscriptions.size() - 1);
  fan_out_.SetTerms(slot, subscription, terms);
  // Of what a backend has removed, or does not know yet, it is asked again.
  const bool is_polled = channels_[tracking.channel].ns->is_polled();
  if (has_value || (channel.live && !is_polled)) {
    fan_out_.Join(slot, subscription, channel.sequence, /*based=*/shown);
    return view;
  }
  ++channels_[index].asking;
  ++channels_[view].asking;
  std::unique_ptr<Request> request =
      NewRequest(slot, command, Request::Kind::kSubscribe, slot_name_);
  request->local = index;
  request->local_generation = channels_.generation(index);
  request->view = view;
  request->tracked = true;
  request->since_offset = version;
  Ask(std::move(request));
  return view;
}

void Commands::ShowKey(const Tracking& tracking, const Publication& publication,
                       std::string_view key) {
  protocol::PublicationView& shown = views_.emplace_back(
      line_maker_.ViewOf(tracking.view.form, publication, tracking.view.delta, nullptr));
  shown.key = key;
  shown.version = publication.version();
}

// The home has told what it knows of a key: the client is owed it unless it has it.
void Commands::AdmitKey(engine::Slot slot, std::uint32_t subscription, const Channel& channel,
                        const Request& answer) {
  const Subscription& asked = connections_[slot].subscriptions[subscription];
  if (answer.failed || asked.member == Subscription::kLeaving) {
    return Remove(slot, subscription, Departure::kRefused);
  }
  const ChannelIndex view = asked.channel;
  const ChannelIndex primary = channels_.primary(view);
  if (!channel.newest && answer.since_offset != 0) {
    // A backend is asked for its value, which may be the one that the client has.
    ++channels_[view].asking;  // It stays, and its channel with it.
    ++channels_[primary].waiting;
    waiting_keys_[view].push_back({slot, answer.command_id, answer.since_offset});
    return;
  }
  JoinKey(slot, subscription, answer.since_offset);
}

// `version`: of what the client has.
void Commands::JoinKey(engine::Slot slot, std::uint32_t subscription, std::uint64_t version) {
  const Channel& channel = channels_[connections_[slot].subscriptions[subscription].channel];
  const bool news =
      channel.newest && !channel.newest->removed() && channel.newest->version() > version;
  metrics_.owed.Add(news ? 1 : 0);
  fan_out_.Join(slot, subscription, channel.sequence - (news ? 1 : 0), /*based=*/false);
}

// The first publication of a slot since somebody has waited for one.
void Commands::AdmitWaiting(ChannelIndex primary) {
  // Letting somebody in changes none of these, but for what is dropped at the end.
  const std::vector<ChannelIndex> views = channels_[primary].views;
  for (const ChannelIndex view : views) {
    const auto found = waiting_keys_.find(view);
    if (found == waiting_keys_.end()) continue;
    const std::vector<KeyWaiter> waiters = std::move(found->second);
    waiting_keys_.erase(found);
    for (const KeyWaiter& waiter : waiters) {
      --channels_[view].asking;
      --channels_[primary].waiting;
      // Who goes takes its entry along.
      const std::vector<Subscription>& subscriptions = connections_[waiter.slot].subscriptions;
      const auto place =
          std::find_if(subscriptions.begin(), subscriptions.end(), [&](const Subscription& known) {
            return known.channel == view && !known.live() && known.seen == waiter.command_id;
          });
      INVARIANT(place != subscriptions.end(), "a key that waits is the connection's");
      JoinKey(waiter.slot, static_cast<std::uint32_t>(place - subscriptions.begin()),
              waiter.version);
    }
  }
}

// False where the key does not wait for a value.
bool Commands::ForgetWaiting(engine::Slot slot, const Subscription& key) {
  const auto found = waiting_keys_.find(key.channel);
  if (found == waiting_keys_.end()) return false;
  std::vector<KeyWaiter>& waiters = found->second;
  const auto waiter = std::find_if(waiters.begin(), waiters.end(), [&](const KeyWaiter& known) {
    return known.slot == slot && known.command_id == key.seen;
  });
  if (waiter == waiters.end()) return false;
  waiters.erase(waiter);
  if (waiters.empty()) waiting_keys_.erase(found);
  --channels_[key.channel].asking;
  --channels_[channels_.primary(key.channel)].waiting;
  return true;
}

void Commands::ReplyTracked(engine::Slot slot, const Command& command,
                            std::span<const std::int64_t> expires_s) {
  protocol::SubRefreshResult result;
  std::int64_t first_s = 0;
  for (const std::int64_t end_s : expires_s) {
    if (end_s != 0 && (first_s == 0 || end_s < first_s)) first_s = end_s;
  }
  if (first_s != 0) {
    result.expires = true;
    result.ttl_s =
        static_cast<std::uint32_t>(std::max<std::int64_t>(first_s - host_.UnixSeconds(), 0));
    host_.OnDeadlines(slot);
  }
  result.items = views_;
  protocol::AppendSubRefreshReply(connections_[slot].form, command.id, result,
                                  connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

void Commands::Untrack(engine::Slot slot, const Command& command, Tracking& tracking) {
  if (track_parser_.untrack().empty()) return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  TrackedKeys known = KeysOf(slot, tracking);
  UntrackKeys(slot, tracking, track_parser_.untrack(), known);
  protocol::AppendSubRefreshReply(connections_[slot].form, command.id, {},
                                  connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

// Keys that are not tracked are passed over. Keeps `known`.
void Commands::UntrackKeys(engine::Slot slot, Tracking& tracking,
                           std::span<const std::string_view> keys, TrackedKeys& known) {
  for (const std::string_view key : keys) {
    slot_name_ = tracking.slot_prefix;
    slot_name_ += key;
    const ChannelIndex index = channels_.Find(slot_name_);
    if (index == kNoChannel) continue;
    const ChannelIndex view = channels_.FindView(index, tracking.view);
    const auto found = known.find(view);
    if (found == known.end()) continue;
    const std::uint32_t place = found->second;
    known.erase(found);
    tracking.SetExpiry(view, 0);
    RemoveKey(slot, place, known);
  }
}

// Ends the subscription to a key. The last one takes its place, which `known` is told.
void Commands::RemoveKey(engine::Slot slot, std::uint32_t place, TrackedKeys& known) {
  std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  if (!subscriptions[place].live() && !ForgetWaiting(slot, subscriptions[place])) {
    // The home's answer finds it left.
    subscriptions[place].member = Subscription::kLeaving;
    return;
  }
  const ChannelIndex last = subscriptions.back().channel;
  const auto last_place = static_cast<std::uint32_t>(subscriptions.size() - 1);
  Remove(slot, place, Departure::kLeft);
  // Another one of that key may be on its way out.
  const auto moved = known.find(last);
  if (moved != known.end() && moved->second == last_place) moved->second = place;
}

// The subscription to the keyed channel has ended, and its keys with it.
void Commands::EndTracking(engine::Slot slot, ChannelIndex channel) {
  Tracking* const tracking = connections_[slot].session->FindTracking(channel);
  if (tracking == nullptr) return;
  std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  TrackedKeys none;
  // What takes the place of a removed one has been looked at.
  for (std::size_t i = subscriptions.size(); i-- > 0;) {
    if (IsKeyOf(slot, subscriptions[i], *tracking)) {
      RemoveKey(slot, static_cast<std::uint32_t>(i), none);
    }
  }
  connections_[slot].session->ForgetTracking(channel);
}

// The terms of a track subscription are those of its keys, too.
void Commands::SetTerms(engine::Slot slot, std::uint32_t subscription, const Terms& terms) {
  fan_out_.SetTerms(slot, subscription, terms);
  const ChannelIndex channel =
      channels_.primary(connections_[slot].subscriptions[subscription].channel);
  const Tracking* const tracking = connections_[slot].session->FindTracking(channel);
  if (tracking == nullptr) return;
  const std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  for (std::uint32_t i = 0; i < subscriptions.size(); ++i) {
    if (IsKeyOf(slot, subscriptions[i], *tracking)) fan_out_.SetTerms(slot, i, terms);
  }
}

std::uint64_t Commands::ConflatedOfKeys(engine::Slot slot, ChannelIndex channel) {
  const Tracking* const tracking = connections_[slot].session->FindTracking(channel);
  if (tracking == nullptr) return 0;
  std::uint64_t conflated = 0;
  for (const auto& [view, subscription] : KeysOf(slot, *tracking)) {
    conflated += connections_[slot].subscriptions[subscription].conflated;
  }
  return conflated;
}

bool Commands::IsKey(const Subscription& subscription) {
  const Channel& channel = channels_[subscription.channel];
  return channel.view.address != KeyedAddresses::kNone && !channel.ns->is_map();
}

// Subscriptions to channels, maps that are being read among them, without the keys that are
// tracked.
std::size_t Commands::ChannelCount(engine::Slot slot) {
  const Connection& connection = connections_[slot];
  const std::vector<MapReading>& readings = connection.session->extras().readings;
  const auto between_pages =
      std::count_if(readings.begin(), readings.end(),
                    [](const MapReading& reading) { return reading.asking == 0; });
  const std::size_t all = connection.subscriptions.size() + static_cast<std::size_t>(between_pages);
  if (connection.session->extras().tracking.empty()) return all;
  const auto keys = std::count_if(connection.subscriptions.begin(), connection.subscriptions.end(),
                                  [this](const Subscription& each) { return IsKey(each); });
  return all - static_cast<std::size_t>(keys);
}

// When the first signature has expired for good, monotonic; 0: none will.
std::uint64_t Commands::NextKeyExpiryNs(engine::Slot slot) {
  std::int64_t first_s = 0;
  std::uint64_t delay_ns = 0;
  for (const Tracking& tracking : connections_[slot].session->extras().tracking) {
    for (const auto& [view, at_s] : tracking.expires_s) {
      if (first_s != 0 && at_s >= first_s) continue;
      first_s = at_s;
      delay_ns = channels_[tracking.channel].ns->shared_poll.track_expired_extra_delay_ns;
    }
  }
  if (first_s == 0) return 0;
  const std::int64_t left_s = std::max<std::int64_t>(first_s - host_.UnixSeconds(), 0);
  return MonotonicAfter(left_s) + delay_ns;
}

// Keys whose signature has expired go without a word, as in the original: SDKs track them again
// with a new one.
void Commands::ExpireKeys(engine::Slot slot) {
  const std::int64_t now_s = host_.UnixSeconds();
  // Few sessions track anything that expires.
  if (connections_[slot].session->extras().tracking.empty()) return;
  for (Tracking& tracking : connections_[slot].session->MutableExtras().tracking) {
    const auto delay_s = static_cast<std::int64_t>(
        channels_[tracking.channel].ns->shared_poll.track_expired_extra_delay_ns / kSecond);
    std::vector<ChannelIndex> over;
    for (const auto& [view, at_s] : tracking.expires_s) {
      if (at_s + delay_s <= now_s) over.push_back(view);
    }
    if (over.empty()) continue;
    std::sort(over.begin(), over.end());  // The same in every run of a simulation.
    TrackedKeys known = KeysOf(slot, tracking);
    for (const ChannelIndex view : over) {
      tracking.expires_s.erase(view);
      const auto found = known.find(view);
      if (found == known.end()) continue;
      const std::uint32_t place = found->second;
      known.erase(found);
      metrics_.tracked_keys_expired.Add();
      RemoveKey(slot, place, known);
    }
  }
}

}  // namespace tickcast::shards
