// Commands: subscribing and leaving.
#include <algorithm>
#include <utility>

#include "engine/invariant.h"
#include "protocol/centrifuge/reply.h"
#include "shards/commands.h"

namespace tickcast::shards {

using protocol::DisconnectCode;
using protocol::ErrorCode;

namespace {

// Bit 2 of a subscribe's flag: answer 112 rather than recovered:false.
constexpr std::int64_t kRejectUnrecovered = 2;

constexpr auto kTrackType = static_cast<std::int32_t>(engine::SubscriptionType::kSharedPoll);

// Nothing where a subscription of `asked`, as on the wire, is what the channels of `ns` have.
std::optional<ErrorCode> RefuseType(const engine::Namespace& ns, std::int32_t asked) {
  const auto has = static_cast<std::int32_t>(ns.subscription_type);
  if (asked == has) return std::nullopt;
  if (asked == kTrackType) return ErrorCode::kNotAvailable;
  return has == kTrackType ? ErrorCode::kBadRequest : ErrorCode::kPermissionDenied;
}

}  // namespace

std::uint32_t Commands::FindSubscription(engine::Slot slot, ChannelIndex channel) {
  const std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  const auto found = std::find_if(subscriptions.begin(), subscriptions.end(),
                                  [this, channel](const Subscription& known) {
                                    return channels_.primary(known.channel) == channel &&
                                           known.member != Subscription::kLeaving && !IsKey(known);
                                  });
  return static_cast<std::uint32_t>(found - subscriptions.begin());
}

std::uint32_t Commands::FindAsking(engine::Slot slot, const Request& answer) {
  const std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  const auto found = std::find_if(
      subscriptions.begin(), subscriptions.end(), [&answer](const Subscription& known) {
        return known.channel == answer.view && !known.live() && known.seen == answer.command_id;
      });
  return static_cast<std::uint32_t>(found - subscriptions.begin());
}

void Commands::Subscribe(engine::Slot slot, const Command& command) {
  const protocol::SubscribeRequest& subscribe = command.subscribe;
  const Connection& connection = connections_[slot];
  if (subscribe.channel.size() > config_.channel.max_length) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  }
  const engine::Namespace* ns = config_.FindNamespace(subscribe.channel);
  if (ns == nullptr) {
    return ReplyError(
        slot, command.id,
        subscribe.type == kTrackType ? ErrorCode::kNotAvailable : ErrorCode::kUnknownChannel);
  }
  if (const std::optional<ErrorCode> refused = RefuseType(*ns, subscribe.type)) {
    return ReplyError(slot, command.id, *refused);
  }
  const bool tracks = ns->subscription_type == engine::SubscriptionType::kSharedPoll;
  if (ns->is_keyed() && addresses_.SlotPrefix(*ns, subscribe.channel).empty()) {
    return ReplyError(slot, command.id, ErrorCode::kNotAvailable);
  }
  if (!access_.IsValidName(*ns, subscribe.channel)) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  }
  if (ns->is_map() && ContinueReading(slot, command, *ns)) return;
  // Where a backend decides, `data` is its own.
  const bool by_backend = AsksBackend(*ns, subscribe);
  protocol::SubscriptionOptions options;
  if (const std::string_view wrong = options_.Parse(by_backend ? "" : subscribe.data, options);
      !wrong.empty()) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest, wrong);
  }
  const Terms terms = Grant(*ns, options);
  const ChannelIndex known = channels_.Find(subscribe.channel);
  if (known != kNoChannel && FindSubscription(slot, known) < connection.subscriptions.size()) {
    if (by_backend) return ReplyError(slot, command.id, ErrorCode::kAlreadySubscribed);
    return SubscribeAgain(slot, command, FindSubscription(slot, known), terms);
  }
  if (!MaySubscribeSoon(slot)) {
    metrics_.CountLimited(Limit::kSubscribeRate);
    return ReplyError(slot, command.id, ErrorCode::kTooManyRequests);
  }
  if (ChannelCount(slot) >= config_.client.channel_limit) {
    metrics_.CountLimited(Limit::kChannels);
    return ReplyError(slot, command.id, ErrorCode::kLimitExceeded);
  }
  const bool mirrors = ns->mirrors_feed();
  // What waits for a backend has to have what comes after it.
  if (mirrors && by_backend && !MirrorIsReady(slot, subscribe.channel, *ns)) return;
  SubscriptionDetails details = DetailsBy(*ns);
  const protocol::ProxyAnswer* decision = nullptr;
  if (by_backend) {
    const bool answered = decision_ != nullptr;
    decision = DecideSubscribe(slot, command, *ns, details);
    // Else it would end before the answer is there, and be made and asked about again and again.
    if (mirrors && !answered && command_waits_) HoldMirror(slot, subscribe.channel);
    if (decision == nullptr) return;
  } else {
    switch (MaySubscribe(slot, command, *ns, details)) {
      case TokenVerdict::kGood:
        break;
      case TokenVerdict::kInvalid:
        return ReplyError(slot, command.id, ErrorCode::kPermissionDenied);
      case TokenVerdict::kAnswered:
        return;
    }
  }
  if (exchange_.congested(exchange_.HomeOf(subscribe.channel))) {
    return ReplyError(slot, command.id, ErrorCode::kTooManyRequests);
  }
  if (mirrors && !MirrorIsReady(slot, subscribe.channel, *ns)) return;
  // What else it asks for is about the keys.
  View view = WholeView(slot);
  if (!tracks && !ChooseView(slot, command, *ns, view)) return;
  const bool wants_terms = options != protocol::SubscriptionOptions{} || terms != Terms{};
  const bool is_plain = details == DetailsBy(*ns);
  if (ns->is_map()) {
    MapReading reading{.view = view, .terms = terms, .wants_terms = wants_terms};
    if (!is_plain) reading.details = std::move(details);
    if (decision != nullptr) reading.reply_data = decision->data.bytes;
    return BeginReading(slot, command, *ns, std::move(reading));
  }
  std::unique_ptr<Request> request =
      BeginSubscribe(slot, command, *ns, view, terms, wants_terms, is_plain ? nullptr : &details);
  if (tracks) {
    request->recover = request->recoverable = request->wants_position = false;
    BeginTracking(slot, command, *ns, request->local);
  }
  if (decision != nullptr) ApplyDecision(*decision, *ns, *request);
  Ask(std::move(request));
}

// With a token, what it says; without, what name and namespace allow.
Commands::TokenVerdict Commands::MaySubscribe(engine::Slot slot, const Command& command,
                                              const engine::Namespace& ns,
                                              SubscriptionDetails& details) {
  const protocol::SubscribeRequest& subscribe = command.subscribe;
  if (subscribe.token.empty()) {
    return access_.MaySubscribe(ns, subscribe.channel, connections_[slot].session->user)
               ? TokenVerdict::kGood
               : TokenVerdict::kInvalid;
  }
  protocol::JwtClaims claims;
  const TokenVerdict verdict =
      CheckSubscriptionToken(slot, command.id, subscribe.token, subscribe.channel, claims);
  if (verdict != TokenVerdict::kGood) return verdict;
  Override(claims.override_options, details);
  details.info = claims.info;
  details.token = StampOf(claims);
  if (claims.ends_s() <= 0) return TokenVerdict::kGood;
  const std::int64_t left_s = claims.ends_s() - host_.UnixSeconds();
  if (left_s <= 0) {
    ReplyError(slot, command.id, ErrorCode::kExpired);
    return TokenVerdict::kAnswered;
  }
  details.expires_ns = MonotonicAfter(left_s);
  return TokenVerdict::kGood;
}

// Adds the subscription; what is returned has to be asked next.
std::unique_ptr<Request> Commands::BeginSubscribe(engine::Slot slot, const Command& command,
                                                  const engine::Namespace& ns, const View& view,
                                                  const Terms& terms, bool wants_terms,
                                                  const SubscriptionDetails* details) {
  const protocol::SubscribeRequest& subscribe = command.subscribe;
  ChannelIndex index = channels_.Find(subscribe.channel);
  if (index == kNoChannel) {
    index = channels_.Add(subscribe.channel, &ns, exchange_.HomeOf(subscribe.channel));
  }
  const ChannelIndex shown = FindOrAddView(index, view);
  // Both stay until answered.
  ++channels_[index].asking;
  if (shown != index) ++channels_[shown].asking;
  const bool force_recovery = details == nullptr ? ns.force_recovery : details->force_recovery;
  const bool force_positioning =
      details == nullptr ? ns.force_positioning : details->force_positioning;
  if (details != nullptr) {
    Session& session = *connections_[slot].session;
    session.ForgetDetails(index);
    session.details.push_back(*details);
    session.details.back().channel = index;
    if (details->expires_ns != 0) host_.OnDeadlines(slot);
  }
  AddSubscription(slot, {.channel = shown, .seen = command.id});
  fan_out_.SetTerms(slot, static_cast<std::uint32_t>(connections_[slot].subscriptions.size() - 1),
                    terms);
  metrics_.subscriptions.Add(1);

  std::unique_ptr<Request> request =
      NewRequest(slot, command, Request::Kind::kSubscribe, subscribe.channel);
  request->local = index;
  request->local_generation = channels_.generation(index);
  request->view = shown;
  // Who may read the history may also ask where it stands in it.
  const bool may_read =
      access_.MayReadHistory(ns, connections_[slot].session->user, /*subscribed=*/true);
  request->recoverable =
      force_recovery || (subscribe.recoverable && (ns.allow_recovery || may_read));
  request->wants_position = request->recoverable || force_positioning ||
                            (subscribe.positioned && (ns.allow_positioning || may_read));
  request->recover = subscribe.recover;
  request->reject_unrecovered = (subscribe.flag & kRejectUnrecovered) != 0;
  request->since_offset = subscribe.offset;
  request->since_epoch = subscribe.epoch;
  AskForPlace(slot, command, ns, *request);
  request->wants_terms = wants_terms;
  return request;
}

void Commands::OnSubscribed(Request& answer) {
  Channel* channel = channels_.Find(answer.local, answer.local_generation);
  INVARIANT(channel != nullptr, "a channel stays while a question about it is on its way");
  --channel->asking;
  if (answer.view != answer.local) --channels_[answer.view].asking;
  // A page of a map is no place in it.
  const bool joins = !answer.failed && (answer.map == nullptr || answer.map->live);
  if (joins && !channel->live) {
    const bool has_value =
        channel->kind == engine::ChannelKind::kState && !answer.publications.empty();
    GoLive(answer.local, answer.sequence,
           has_value ? answer.publications.front() : PublicationRef());
  }
  const std::uint32_t view_generation = channels_.generation(answer.view);
  const engine::Slot slot = answer.slot;
  if (answer.failed && answer.error == ErrorCode::kLimitExceeded) {
    metrics_.CountLimited(Limit::kSubscribers);
  }
  const bool open = connections_.Find(slot, answer.generation) != nullptr;
  const std::uint32_t subscription = open ? FindAsking(slot, answer) : 0;
  if (open && subscription < connections_[slot].subscriptions.size()) {
    Admit(slot, subscription, channels_[answer.view], answer);
  } else {
    GiveBackPlace(answer);
  }
  // Admitting may have dropped them already; a view stays no longer than its channel.
  if (channels_.Find(answer.view, view_generation) != nullptr) DropIfUnused(answer.view);
  if (channels_.Find(answer.local, answer.local_generation) != nullptr) DropIfUnused(answer.local);
  if (connections_.Find(slot, answer.generation) != nullptr && ConnectIsAnswered(slot)) {
    RunAgain(slot, answer.generation);
  }
  if (answer.by_server != Request::kNotByServer) host_.OnSubscribedByServer(answer);
}

void Commands::Admit(engine::Slot slot, std::uint32_t subscription, Channel& channel,
                     Request& answer) {
  if (answer.tracked) return AdmitKey(slot, subscription, channel, answer);
  if (connections_[slot].connecting != nullptr) {
    return AdmitServerSide(slot, subscription, channel, answer);
  }
  const bool by_server = answer.by_server != Request::kNotByServer;
  if (answer.map != nullptr) return AdmitToMap(slot, subscription, channel, answer);
  const bool leaving =
      connections_[slot].subscriptions[subscription].member == Subscription::kLeaving;
  if (answer.failed) {
    if (!by_server) ReplyError(slot, answer.command_id, answer.error);
  } else if (!(by_server ? PushSubscribed(slot, channel, answer)
                         : ReplySubscribed(slot, subscription, channel, answer))) {
    return;
  }
  const Departure departure = answer.failed ? Departure::kRefused : Departure::kLeft;
  if (leaving) return FinishLeaving(slot, subscription, departure);
  if (answer.failed) return Remove(slot, subscription, departure);
  // The reply held the newest value, which may be newer than the answer's where a full lane let
  // it overtake. Of a stream the lane's order makes the two equal, and with a filter the count is
  // the channel's own.
  DEBUG_INVARIANT(channel.kind == engine::ChannelKind::kState ||
                      channel.view.filter != FilterTable::kNone ||
                      channel.sequence == answer.sequence,
                  "an answer comes right behind the publications that it covers");
  const bool replied_newest = channel.kind == engine::ChannelKind::kState
                                  ? static_cast<bool>(channel.newest)
                                  : answer.recovered && !answer.publications.empty() &&
                                        answer.publications.back()->sequence() == answer.sequence &&
                                        channel.view.filter == FilterTable::kNone;
  fan_out_.Join(slot, subscription, channel.sequence, replied_newest);
  Appear(slot, answer.local);
  if (answer.push_join_leave) {
    join_leave_.Watch(answer.local, slot, answer.first_event,
                      channel.view.compact ? answer.channel_id : 0);
  }
}

protocol::SubscribeResult Commands::PositionOf(const Request& answer) {
  protocol::SubscribeResult result;
  result.recoverable = answer.recoverable && !answer.epoch.empty();
  result.positioned = answer.wants_position && !answer.epoch.empty();
  if (result.positioned) {
    result.epoch = answer.epoch;
    result.offset = answer.offset;
  }
  result.recovered = answer.recovered;
  result.was_recovering = answer.recover;
  return result;
}

// What an answer says of a subscription of any type: the channel's number, when it ends, and its
// terms. Valid as long as `answer` and until the next call of WriteTerms().
void Commands::ShowGranted(engine::Slot slot, std::uint32_t subscription, const Channel& channel,
                           const Request& answer, protocol::SubscribeResult& result) {
  result.id = channel.view.compact ? answer.channel_id : 0;
  const SubscriptionDetails* details = connections_[slot].session->DetailsOf(answer.local);
  if (details != nullptr && details->expires_ns != 0 && details->client_refreshes) {
    result.expires = true;
    result.ttl_s = SecondsUntil(details->expires_ns);
  }
  if (answer.wants_terms) result.data = WriteTerms(slot, subscription);
  if (!answer.reply_data.empty()) result.data = answer.reply_data;
}

// False when the connection was closed instead.
bool Commands::ReplySubscribed(engine::Slot slot, std::uint32_t subscription,
                               const Channel& channel, const Request& answer) {
  protocol::SubscribeResult result = PositionOf(answer);
  if (channel.kind == engine::ChannelKind::kState) {
    // First value in the reply; nothing that an SDK could take for a position.
    const std::span<const PublicationRef> newest(&channel.newest, channel.newest ? 1 : 0);
    if (!ShowPublications(slot, channel.view, newest)) return false;
  } else {
    if (!ShowPublications(slot, channel.view, answer.publications)) return false;
  }
  result.publications = views_;
  result.delta = channel.view.delta;
  if (const Tracking* tracking = connections_[slot].session->FindTracking(answer.local)) {
    result.type = static_cast<std::int32_t>(engine::SubscriptionType::kSharedPoll);
    result.delta = tracking->view.delta;
    // Versions of a feed's values are good as long as this process lives.
    const bool polled = channel.ns->is_polled();
    result.epoch = polled ? std::string_view(answer.epoch) : host_.TrackEpoch();
  }
  ShowGranted(slot, subscription, channel, answer, result);
  protocol::AppendSubscribeReply(connections_[slot].form, answer.command_id, result,
                                 connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
  return true;
}

void Commands::Unsubscribe(engine::Slot slot, const Command& command) {
  ForgetReading(slot, command.channel.channel);
  const ChannelIndex index = channels_.Find(command.channel.channel);
  std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  std::vector<Session::Unsubscribe>& leaving = connections_[slot].session->leaving;
  const std::uint32_t subscription = FindSubscription(slot, index);
  if (subscription < subscriptions.size() && !subscriptions[subscription].live()) {
    // It waits for the subscribe, so that no subscription is left behind that nobody wants. Who
    // subscribes again meanwhile gets a subscription of its own.
    Subscription& left = subscriptions[subscription];
    left.member = Subscription::kLeaving;
    connections_[slot].session->ForgetDetails(index);
    connections_[slot].session->ForgetTracking(index);
    leaving.push_back({index, static_cast<std::uint32_t>(left.seen), command.id});
    return;
  }
  if (subscription < subscriptions.size()) {
    Remove(slot, subscription, Departure::kLeft);
  } else if (const auto before = std::find_if(
                 leaving.rbegin(), leaving.rend(),
                 [index](const Session::Unsubscribe& known) { return known.channel == index; });
             before != leaving.rend()) {
    // Left already, and not answered yet: neither is this one, to keep the order.
    leaving.push_back({index, before->subscribe_id, command.id});
    return;
  }
  protocol::AppendUnsubscribeReply(connections_[slot].form, command.id, connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

void Commands::FinishLeaving(engine::Slot slot, std::uint32_t subscription, Departure departure) {
  const Subscription left = connections_[slot].subscriptions[subscription];
  std::vector<Session::Unsubscribe>& leaving = connections_[slot].session->leaving;
  const auto waits_for_it = [this, &left](const Session::Unsubscribe& waiting) {
    return waiting.channel == channels_.primary(left.channel) && waiting.subscribe_id == left.seen;
  };
  for (const Session::Unsubscribe& waiting : leaving) {
    if (!waits_for_it(waiting)) continue;
    if (waiting.command_id == Session::Unsubscribe::kByServer) {
      TellUnsubscribed(slot, left.channel, protocol::UnsubscribeCode::kServer);
      continue;
    }
    protocol::AppendUnsubscribeReply(connections_[slot].form, waiting.command_id,
                                     connections_.NewLine(slot));
  }
  std::erase_if(leaving, waits_for_it);
  Remove(slot, subscription, departure);
}

void Commands::Remove(engine::Slot slot, std::uint32_t subscription, Departure departure,
                      bool answered) {
  const Subscription& removed = connections_[slot].subscriptions[subscription];
  const ChannelIndex channel = removed.channel;
  if (IsKey(removed)) {
    if (!removed.live()) ForgetWaiting(slot, removed);
    fan_out_.Leave(slot, subscription);
    metrics_.tracked_keys.Add(-1);
    return DropIfUnused(channel);
  }
  // Who subscribed again while this one was leaving has details of its own.
  const bool all = removed.member != Subscription::kLeaving;
  Part(slot, channel, departure, answered);
  if (removed.live()) Disappear(slot, channels_.primary(channel));
  if (all) connections_[slot].session->ForgetDetails(channels_.primary(channel));
  fan_out_.Leave(slot, subscription);
  metrics_.subscriptions.Add(-1);
  if (all) EndTracking(slot, channels_.primary(channel));
  DropIfUnused(channel);
}

void Commands::LeaveAll(engine::Slot slot, bool may_return) {
  parked_.Drop(slot);
  LetMirrorGo(slot);
  if (connections_[slot].connecting != nullptr) {
    connections_[slot].connecting.reset();
    fan_out_.Release(slot);
  }
  RemoveAll(slot, may_return ? Departure::kLost : Departure::kLeft);
}

void Commands::RemoveAll(engine::Slot slot, Departure departure) {
  ForgetReadings(slot);
  std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  while (!subscriptions.empty()) {
    const bool answered = subscriptions.back().live();
    Remove(slot, static_cast<std::uint32_t>(subscriptions.size() - 1), departure, answered);
  }
  subscriptions.shrink_to_fit();
}

void Commands::OnGap(engine::Slot slot, ChannelIndex channel) {
  Session& session = *connections_[slot].session;
  const SubscriptionDetails* details = session.DetailsOf(channels_.primary(channel));
  if (details != nullptr && details->server_side) {
    // A client cannot subscribe to it again by itself. The fan-out is at work on the connection:
    // it ends at its next deadline, which is now.
    session.lost_position = true;
    host_.OnDeadlines(slot);
  } else {
    const auto code = protocol::UnsubscribeCode::kInsufficientState;
    protocol::AppendUnsubscribePush(connections_[slot].form, {.channel = channels_.name(channel)},
                                    code, protocol::ReasonOf(code), connections_.NewLine(slot));
  }
  session.ForgetDetails(channels_.primary(channel));
  metrics_.subscriptions.Add(-1);
  // It comes back by itself, but by a subscribe like any other: another connection of its user must
  // not find its place free meanwhile.
  Part(slot, channel, Departure::kLeft, /*answered=*/true);
  Disappear(slot, channels_.primary(channel));
  DropIfUnused(channel);
}

// The last subscriber is gone: the home need not send the channel's publications here.
void Commands::DropIfUnused(ChannelIndex index) {
  const Channel& channel = channels_[index];
  if (!channel.unused()) return;
  const ChannelIndex primary = channel.primary;
  if (primary == index) {
    auto leave = std::make_unique<Request>();
    leave->channel = channel.name;
    leave->local = index;
    leave->local_generation = channels_.generation(index);
    exchange_.Send(channel.home, {.kind = Message::Kind::kLeave, .request = std::move(leave)});
  }
  EndMirror(index);
  fan_out_.Forget(index);
  channels_.Remove(index);
  if (primary != index) DropIfUnused(primary);
}

}  // namespace tickcast::shards
