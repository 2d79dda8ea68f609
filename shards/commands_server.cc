// Commands: what the server does to a connection without being asked by it.
#include <algorithm>
#include <memory>
#include <utility>

#include "protocol/centrifuge/push.h"
#include "protocol/centrifuge/reply.h"
#include "shards/commands.h"

namespace tickcast::shards {

using protocol::DisconnectCode;
using protocol::UnsubscribeCode;

namespace {

// As the original: nothing lasts longer than a year without being asked for again.
constexpr std::int64_t kMaxTtlSeconds = 365 * 24 * 3600;

}  // namespace

Commands::ByServer Commands::SubscribeByServer(engine::Slot slot, std::string_view channel,
                                               const UserRequest& subscribe, std::uint32_t place) {
  Connection& connection = connections_[slot];
  Session& session = *connection.session;
  const bool json = connection.form.encoding == protocol::Encoding::kJson;
  // Bytes that are no JSON cannot stand in a JSON push.
  if (json && subscribe.data.empty() && !subscribe.raw.empty()) return ByServer::kFailed;
  const std::int64_t left_s =
      subscribe.expire_at_s - std::min(host_.UnixSeconds(), subscribe.expire_at_s);
  if (subscribe.expire_at_s > 0 && left_s == 0) return ByServer::kFailed;
  if (IsToBeSubscribed(slot, channel)) return ByServer::kDone;
  if (ChannelCount(slot) >= config_.client.channel_limit) {
    host_.Disconnect(slot, DisconnectCode::kChannelLimit);
    return ByServer::kDone;
  }
  if (exchange_.congested(exchange_.HomeOf(channel))) return ByServer::kTooBusy;

  const engine::Namespace& ns = *config_.FindNamespace(channel);
  SubscriptionDetails details = DetailsBy(ns);
  Override(subscribe.override_options, details);
  details.server_side = true;
  details.client_refreshes = false;
  details.info = subscribe.info;
  if (subscribe.expire_at_s > 0) details.expires_ns = MonotonicAfter(left_s);
  const Terms terms = Grant(ns, {});
  Command command;
  command.id = session.own_question_id--;
  command.subscribe.channel = channel;
  command.subscribe.recover = subscribe.has_since;
  command.subscribe.offset = subscribe.since_offset;
  command.subscribe.epoch = subscribe.since_epoch;
  std::unique_ptr<Request> request =
      BeginSubscribe(slot, command, ns, WholeView(slot), terms, terms != Terms{}, &details);
  request->reply_data = json || subscribe.raw.empty() ? subscribe.data : subscribe.raw;
  request->by_server = place;
  Ask(std::move(request));
  return ByServer::kAsked;
}

// The push of a subscription that the server API made, and behind it, as publications, what it
// recovered or the channel's newest value: the push itself has no room for them, and a client that
// is told a position of before would never see them. False when the connection was closed instead.
bool Commands::PushSubscribed(engine::Slot slot, const Channel& channel, const Request& answer) {
  const bool state = channel.kind == engine::ChannelKind::kState;
  const std::span<const PublicationRef> newest(&channel.newest, channel.newest ? 1 : 0);
  if (!ShowPublications(slot, channel.view, state ? newest : answer.publications)) return false;
  const protocol::Form form = connections_[slot].form;
  const std::string_view name = channels_.name(answer.local);
  protocol::SubscribeResult result = PositionOf(answer);
  result.data = answer.reply_data;
  protocol::AppendSubscribePush(form, {.channel = name}, result, connections_.NewLine(slot));
  for (const protocol::PublicationView& publication : views_) {
    protocol::AppendPublicationPush(form, {.channel = name}, publication,
                                    connections_.NewLine(slot));
  }
  fan_out_.OwesReplies(slot);
  return true;
}

// Whether it is subscribed to `channel`, or has asked to be and not left since.
bool Commands::IsToBeSubscribed(engine::Slot slot, std::string_view channel) {
  const ChannelIndex index = channels_.Find(channel);
  if (connections_[slot].session->FindReading(channel) != nullptr) return true;
  return index != kNoChannel &&
         FindSubscription(slot, index) < connections_[slot].subscriptions.size();
}

void Commands::DropRevokedSubscriptions(engine::Slot slot) {
  const Session& session = *connections_[slot].session;
  std::vector<std::string> revoked;
  for (const SubscriptionDetails& details : session.details) {
    const std::string_view channel = channels_.name(details.channel);
    if (details.token &&
        revocations_.IsRevoked(session.user, channel, *details.token, host_.UnixSeconds())) {
      revoked.emplace_back(channel);
    }
  }
  for (const MapReading& reading : session.extras().readings) {
    if (reading.details && reading.details->token &&
        revocations_.IsRevoked(session.user, reading.channel, *reading.details->token,
                               host_.UnixSeconds())) {
      revoked.push_back(reading.channel);
    }
  }
  for (const std::string& channel : revoked) UnsubscribeByServer(slot, channel);
}

void Commands::UnsubscribeByServer(engine::Slot slot, std::string_view channel) {
  Connection& connection = connections_[slot];
  const MapReading* const reading = connection.session->FindReading(channel);
  const bool between_pages = reading != nullptr && reading->asking == 0;
  ForgetReading(slot, channel);
  if (between_pages) return PushUnsubscribed(slot, channel, UnsubscribeCode::kServer);
  const ChannelIndex index = channels_.Find(channel);
  if (index == kNoChannel) return;
  const std::uint32_t subscription = FindSubscription(slot, index);
  if (subscription >= connection.subscriptions.size()) return;
  Subscription& left = connection.subscriptions[subscription];
  if (!left.live()) {
    left.member = Subscription::kLeaving;
    connection.session->ForgetDetails(index);
    connection.session->ForgetTracking(index);
    connection.session->leaving.push_back(
        {index, static_cast<std::uint32_t>(left.seen), Session::Unsubscribe::kByServer});
    return;
  }
  TellUnsubscribed(slot, index, UnsubscribeCode::kServer);
  Remove(slot, subscription, Departure::kLeft);
}

// Where the home has begun anew, nobody's mirror is of it. Who asks at the moment is answered
// behind this, and by then the home knows.
void Commands::OnReset(ChannelIndex channel, std::uint32_t generation) {
  if (channels_.Find(channel, generation) == nullptr) return;
  for (engine::Slot slot = 0; slot < connections_.slots(); ++slot) {
    if (!connections_.hot(slot).Is(Hot::kOpen) || connections_[slot].session == nullptr) continue;
    EndSubscription(slot, channel, UnsubscribeCode::kInsufficientState);
    // Gone with its last subscriber.
    if (channels_.Find(channel, generation) == nullptr) return;
  }
}

void Commands::TellUnsubscribed(engine::Slot slot, ChannelIndex channel, UnsubscribeCode code) {
  PushUnsubscribed(slot, channels_.name(channel), code);
}

void Commands::PushUnsubscribed(engine::Slot slot, std::string_view channel, UnsubscribeCode code) {
  protocol::AppendUnsubscribePush(connections_[slot].form, {.channel = channel}, code,
                                  protocol::ReasonOf(code), connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

void Commands::RefreshByServer(engine::Slot slot, const UserRequest& refresh) {
  Session& session = *connections_[slot].session;
  const std::int64_t ttl_s = std::min(
      refresh.expire_at_s - std::min(host_.UnixSeconds(), refresh.expire_at_s), kMaxTtlSeconds);
  const bool expires = refresh.expire_at_s > 0;
  if (refresh.expired || (expires && ttl_s <= 0)) {
    return host_.Disconnect(slot, DisconnectCode::kExpired);
  }
  session.expires_ns =
      expires ? host_.NowNs() + static_cast<std::uint64_t>(ttl_s) * 1'000'000'000 : 0;
  if (expires && !refresh.info.empty()) session.MutableExtras().info = refresh.info;
  host_.OnDeadlines(slot);
  protocol::AppendRefreshPush(connections_[slot].form, expires,
                              expires ? static_cast<std::uint32_t>(ttl_s) : 0,
                              connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

// REQUIRES: it is connecting.
bool Commands::AllowsOneConnection(engine::Slot slot) {
  const auto& personal = config_.client.subscribe_to_user_personal_channel;
  const Connection& connection = connections_[slot];
  return personal.enabled && personal.single_connection && !connection.session->user.empty() &&
         !connection.connecting->by_header;
}

bool Commands::SomeShardIsCongested() const {
  for (ShardId shard = 0; shard < exchange_.shards(); ++shard) {
    if (exchange_.congested(shard)) return true;
  }
  return false;
}

// Whoever has the higher number stays. It is taken when the connection can be found by its user
// already, so of any two that come at once one ends the other, wherever they are.
void Commands::EndOlderConnections(engine::Slot slot) {
  Session& session = *connections_[slot].session;
  session.number = host_.NextSessionNumber();
  auto older = std::make_shared<UserRequest>();
  older->user = session.user;
  older->before = session.number;
  older->disconnect_code = static_cast<std::uint16_t>(DisconnectCode::kConnectionLimit);
  older->disconnect_reason = protocol::ReasonOf(DisconnectCode::kConnectionLimit);
  for (ShardId shard = 0; shard < exchange_.shards(); ++shard) {
    auto request = std::make_unique<Request>();
    request->kind = Request::Kind::kDisconnectUser;
    request->origin = exchange_.self();
    request->user_request = older;
    exchange_.Send(shard, {.kind = Message::Kind::kAsk, .request = std::move(request)});
  }
}

}  // namespace tickcast::shards
