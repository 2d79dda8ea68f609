// Commands: connecting. Who the client is, and what the server subscribes it to.
#include <algorithm>
#include <utility>

#include "engine/invariant.h"
#include "protocol/centrifuge/reply.h"
#include "protocol/json/payload.h"
#include "shards/commands.h"
#include "shards/node.h"
#include "shards/version.h"

namespace tickcast::shards {

using protocol::DisconnectCode;
using protocol::ErrorCode;
using protocol::JwtResult;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

// How long a command may wait for the keys that its token names.
constexpr std::uint64_t kKeysWaitNs = 3 * kSecond;

// A longer life than this is no better than none, and would not fit into nanoseconds.
constexpr std::int64_t kLongestLifeS = 365 * 24 * 3600;

}  // namespace

void Commands::Connect(engine::Slot slot, const Command& command) {
  Connection& connection = connections_[slot];
  // Run again: every home has answered.
  if (connection.connecting != nullptr) return FinishConnect(slot);
  connection.connecting = std::make_unique<Connecting>();
  Connecting& connecting = *connection.connecting;
  connecting.command_id = command.id;
  if (!protocol::ReadConnectSubs(command.connect.subs, config_.client.channel_limit,
                                 connecting.asked)) {
    const bool too_many = connecting.asked.size() >= config_.client.channel_limit;
    return host_.Disconnect(slot,
                            too_many ? DisconnectCode::kChannelLimit : DisconnectCode::kBadRequest);
  }
  connection.session = std::make_unique<Session>();
  connection.session->client = NewClientId();
  connection.session->client_refreshes = !proxies_.Has(protocol::ProxyKind::kRefresh);
  proxies_.headers().KeepEmulated(slot, command.connect.headers);
  if (!command.connect.token.empty()) return CheckConnectToken(slot, command.connect.token);
  if (proxies_.Has(protocol::ProxyKind::kConnect)) return ConnectByProxy(slot, command);
  ConnectAnonymously(slot);
}

void Commands::ConnectAnonymously(engine::Slot slot) {
  const auto& client = config_.client;
  if (!client.insecure && !client.allow_anonymous_connect_without_token) {
    return ConnectByHeader(slot);
  }
  if (AddAskedSubscriptions(slot)) ContinueConnect(slot);
}

// As whom a proxy before us found out it is, where nothing else says so. It gets no channels by
// that, as in the original: neither its own nor those that it asks for.
void Commands::ConnectByHeader(engine::Slot slot) {
  const std::string_view user = proxies_.headers().UserOf(slot);
  if (user.empty()) return host_.Disconnect(slot, DisconnectCode::kBadRequest);
  connections_[slot].session->user = user;
  connections_[slot].connecting->by_header = true;
  ContinueConnect(slot);
}

void Commands::CheckConnectToken(engine::Slot slot, std::string_view token) {
  protocol::JwtClaims claims;
  const JwtResult result = CheckToken(slot, connection_tokens_, token, claims);
  if (command_waits_) {
    connections_[slot].connecting.reset();
    connections_[slot].session.reset();
    return;
  }
  if (protocol::IsExpired(result)) return FailConnect(slot, ErrorCode::kTokenExpired);
  // Nobody can say yet whether it is good, as the keys could not be had: the SDK comes back.
  if (result == JwtResult::kUnknownKey && connection_tokens_.has_no_keys()) {
    return host_.Disconnect(slot, DisconnectCode::kServerError);
  }
  // A subscription's token says nothing about a connection.
  if (protocol::IsInvalid(result) || !claims.channel.empty() || IsRevoked(claims)) {
    return host_.Disconnect(slot, DisconnectCode::kInvalidToken);
  }
  if (claims.user.empty() && config_.client.disallow_anonymous_connection_tokens) {
    return host_.Disconnect(slot, DisconnectCode::kPermissionDenied);
  }
  if (!TakeConnectClaims(slot, claims)) return;
  if (AddAskedSubscriptions(slot)) ContinueConnect(slot);
}

// What `token` is worth. Where it names a key that is being looked for, the running command waits
// for that once, whatever else is true.
JwtResult Commands::CheckToken(engine::Slot slot, TokenChecker& checker, std::string_view token,
                               protocol::JwtClaims& claims) {
  const JwtResult result = checker.Verify(token, host_.UnixSeconds(), claims);
  if (result == JwtResult::kUnknownKey && !again_ && checker.LooksForKeys(host_.NowNs())) {
    waiting_for_keys_.push_back({.slot = slot,
                                 .generation = connections_.generation(slot),
                                 .checker = &checker,
                                 .realm = checker.realm(),
                                 .tries = checker.tries_before(),
                                 .until_ns = host_.NowNs() + kKeysWaitNs});
    Wait();
    return result;
  }
  metrics_.CountToken(result);
  return result;
}

void Commands::RetryTokens() {
  revocations_.Expire(host_.UnixSeconds());
  if (waiting_for_keys_.empty()) return;
  for (const KeysWaiter& waiter : std::exchange(waiting_for_keys_, {})) {
    if (waiter.checker->tries(waiter.realm) == waiter.tries && host_.NowNs() < waiter.until_ns) {
      waiting_for_keys_.push_back(waiter);
    } else {
      RunAgain(waiter.slot, waiter.generation);
    }
  }
}

// False when the client was told that it cannot be.
bool Commands::TakeConnectClaims(engine::Slot slot, const protocol::JwtClaims& claims) {
  Session& session = *connections_[slot].session;
  session.user = claims.user;
  Session::Extras& extras = session.MutableExtras();
  extras.info = claims.info;
  extras.meta = claims.meta;
  extras.token = StampOf(claims);
  if (claims.ends_s() > 0 && !config_.client.insecure) {
    const std::int64_t left_s = claims.ends_s() - host_.UnixSeconds();
    if (left_s < 0) {
      FailConnect(slot, ErrorCode::kExpired);
      return false;
    }
    session.expires_ns = MonotonicAfter(left_s);
  }
  // `subs` has the word where both are there, as in the original.
  for (const protocol::TokenSubscription& sub : claims.subs) {
    if (!AddTokenSubscription(slot, sub)) return false;
  }
  if (!claims.subs.empty()) return true;
  for (const std::string_view channel : claims.channels) {
    if (!AddTokenSubscription(slot, {channel, {}, {}, {}})) return false;
  }
  return true;
}

std::uint64_t Commands::MonotonicAfter(std::int64_t seconds) {
  const std::int64_t left_s = std::clamp<std::int64_t>(seconds, 0, kLongestLifeS);
  return host_.NowNs() + static_cast<std::uint64_t>(left_s) * kSecond;
}

bool Commands::AddTokenSubscription(engine::Slot slot, const protocol::TokenSubscription& sub) {
  if (sub.channel.empty()) return true;
  const engine::Namespace* ns = config_.FindNamespace(sub.channel);
  if (ns == nullptr) {
    FailConnect(slot, ErrorCode::kUnknownChannel);
    return false;
  }
  ServerSubscription* added = AddServerSubscription(slot, sub.channel, *ns);
  if (added == nullptr) return true;
  Override(sub.override_options, added->details);
  added->details.from_token = true;
  added->details.info = sub.info;
  added->data = sub.data;
  return true;
}

// Null when it is there already.
ServerSubscription* Commands::AddServerSubscription(engine::Slot slot, std::string_view channel,
                                                    const engine::Namespace& ns) {
  Connecting& connecting = *connections_[slot].connecting;
  for (const ServerSubscription& known : connecting.subscriptions) {
    if (known.channel == channel) return nullptr;
  }
  ServerSubscription& added = connecting.subscriptions.emplace_back();
  added.channel = channel;
  added.details = DetailsBy(ns);
  added.details.server_side = true;
  added.details.client_refreshes = false;
  for (const protocol::ConnectSub& asked : connecting.asked) {
    if (asked.channel != channel) continue;
    added.recover = asked.recover;
    added.offset = asked.offset;
    added.epoch = asked.epoch;
  }
  return &added;
}

SubscriptionDetails Commands::DetailsBy(const engine::Namespace& ns) {
  return {.client_refreshes = !ns.sub_refresh_proxy_enabled,
          .presence = ns.presence,
          .join_leave = ns.join_leave,
          .force_push_join_leave = ns.force_push_join_leave,
          .force_positioning = ns.force_positioning,
          .force_recovery = ns.force_recovery};
}

void Commands::Override(const protocol::SubscriptionOverride& by, SubscriptionDetails& details) {
  details.presence = by.presence.value_or(details.presence);
  details.join_leave = by.join_leave.value_or(details.join_leave);
  details.force_push_join_leave = by.force_push_join_leave.value_or(details.force_push_join_leave);
  details.force_positioning = by.force_positioning.value_or(details.force_positioning);
  details.force_recovery = by.force_recovery.value_or(details.force_recovery);
}

// What the client asks the server to subscribe it to, as far as it could do that by itself. What it
// may not have is left out without a word: a client names here what it had before, too. False when
// the connection was ended.
bool Commands::AddAskedSubscriptions(engine::Slot slot) {
  const std::string& user = connections_[slot].session->user;
  // Adding does not touch what was asked.
  for (const protocol::ConnectSub& asked : connections_[slot].connecting->asked) {
    const engine::Namespace* ns = config_.FindNamespace(asked.channel);
    if (ns == nullptr) {
      host_.Disconnect(slot, DisconnectCode::kBadRequest);
      return false;
    }
    if (ns->subscribe_proxy_enabled || asked.channel.size() > config_.channel.max_length ||
        !access_.IsValidName(*ns, asked.channel) ||
        !access_.MaySubscribe(*ns, asked.channel, user)) {
      continue;
    }
    AddServerSubscription(slot, asked.channel, *ns);
  }
  return true;
}

// The session says who the client is: on with its subscriptions.
void Commands::ContinueConnect(engine::Slot slot) {
  Connecting& connecting = *connections_[slot].connecting;
  const std::string& user = connections_[slot].session->user;
  if (IsBlocked(user)) return host_.Disconnect(slot, DisconnectCode::kPermissionDenied);
  if (config_.client.subscribe_to_user_personal_channel.enabled && !user.empty() &&
      !connecting.by_header) {
    const std::string personal = access_.PersonalChannel(user);
    const engine::Namespace* ns = config_.FindNamespace(personal);
    if (ns == nullptr) return FailConnect(slot, ErrorCode::kUnknownChannel);
    AddServerSubscription(slot, personal, *ns);
  }
  if (connecting.subscriptions.size() > config_.client.channel_limit) {
    return host_.Disconnect(slot, DisconnectCode::kChannelLimit);
  }
  for (const ServerSubscription& sub : connecting.subscriptions) {
    if (exchange_.congested(exchange_.HomeOf(sub.channel))) {
      return FailConnect(slot, ErrorCode::kTooManyRequests);
    }
  }
  if (AllowsOneConnection(slot) && SomeShardIsCongested()) {
    return FailConnect(slot, ErrorCode::kTooManyRequests);
  }
  if (connecting.subscriptions.empty()) return FinishConnect(slot);
  fan_out_.Hold(slot);
  connecting.answers_due = connecting.subscriptions.size();
  for (std::size_t i = 0; i < connecting.subscriptions.size(); ++i) {
    AskServerSide(slot, connecting.subscriptions[i], static_cast<std::uint32_t>(i + 1));
  }
  Wait();
}

void Commands::AskServerSide(engine::Slot slot, ServerSubscription& sub, std::uint32_t id) {
  Command command;
  command.id = id;
  command.subscribe.channel = sub.channel;
  command.subscribe.recover = sub.recover;
  command.subscribe.offset = sub.offset;
  command.subscribe.epoch = sub.epoch;
  const engine::Namespace& ns = *config_.FindNamespace(sub.channel);
  const Terms terms = Grant(ns, {});
  Ask(BeginSubscribe(slot, command, ns, WholeView(slot), terms, terms != Terms{}, &sub.details));
}

// The home has answered one of them: it takes part from here on, though nothing is sent yet.
void Commands::AdmitServerSide(engine::Slot slot, std::uint32_t subscription, Channel& channel,
                               Request& answer) {
  Connecting& connecting = *connections_[slot].connecting;
  INVARIANT(answer.command_id >= 1 && answer.command_id <= connecting.subscriptions.size(),
            "a connect numbers its questions");
  --connecting.answers_due;
  if (answer.failed) {
    connecting.failed = true;
    connecting.error = answer.error;
    return Remove(slot, subscription, Departure::kRefused);
  }
  if (channel.kind == engine::ChannelKind::kState) {
    // SDKs do not look for a first value in the reply to connect: it is owed as if it came now.
    const std::uint64_t owed = channel.newest ? 1 : 0;
    metrics_.owed.Add(owed);
    fan_out_.Join(slot, subscription, channel.sequence - owed, /*based=*/false);
  } else {
    fan_out_.Join(slot, subscription, channel.sequence, /*based=*/false);
  }
  auto kept = std::make_unique<Request>();
  kept->local = answer.local;
  kept->push_join_leave = answer.push_join_leave;
  kept->first_event = answer.first_event;
  kept->recoverable = answer.recoverable;
  kept->wants_position = answer.wants_position;
  kept->recover = answer.recover;
  kept->recovered = answer.recovered;
  kept->offset = answer.offset;
  kept->epoch = std::move(answer.epoch);
  if (channel.kind == engine::ChannelKind::kStream) {
    kept->publications = std::move(answer.publications);
  }
  connecting.subscriptions[answer.command_id - 1].answer = std::move(kept);
}

// After an answer: false when the connect still waits, or is none.
bool Commands::ConnectIsAnswered(engine::Slot slot) const {
  const auto& connecting = connections_[slot].connecting;
  return connecting != nullptr && !connecting->subscriptions.empty() &&
         connecting->answers_due == 0;
}

std::optional<DisconnectCode> Commands::RevokedMeanwhile(const Session& session) {
  if (IsBlocked(session.user)) return DisconnectCode::kPermissionDenied;
  if (HoldsRevokedToken(session)) return DisconnectCode::kInvalidToken;
  return std::nullopt;
}

bool Commands::HoldsRevokedToken(const Session& session) {
  const std::optional<TokenStamp>& token = session.extras().token;
  return token && revocations_.IsRevoked(session.user, {}, *token, host_.UnixSeconds());
}

void Commands::FinishConnect(engine::Slot slot) {
  Connecting& connecting = *connections_[slot].connecting;
  if (connecting.failed) return FailConnect(slot, connecting.error);
  // What was revoked while it waited did not find it among the user's connections.
  if (const auto refused = RevokedMeanwhile(*connections_[slot].session)) {
    return host_.Disconnect(slot, *refused);
  }
  // Where the newer connection ends the older one, it is not refused for its sake.
  const bool one_connection = AllowsOneConnection(slot);
  if (!one_connection && !host_.AdmitUser(slot, *connections_[slot].session)) {
    return host_.Disconnect(slot, DisconnectCode::kConnectionLimit);
  }
  const Session& session = *connections_[slot].session;
  std::vector<std::vector<protocol::PublicationView>> publications(connecting.subscriptions.size());
  std::vector<protocol::ConnectSubscription> subs;
  for (std::size_t i = 0; i < connecting.subscriptions.size(); ++i) {
    const ServerSubscription& sub = connecting.subscriptions[i];
    const Request& answer = *sub.answer;
    if (!ShowPublications(slot, {.form = connections_[slot].form}, answer.publications)) return;
    publications[i] = views_;
    protocol::ConnectSubscription& shown = subs.emplace_back();
    shown.channel = sub.channel;
    shown.result = PositionOf(answer);
    shown.result.publications = publications[i];
    shown.result.data = sub.data;
  }
  protocol::ConnectResult result;
  result.client = session.client;
  result.version = kVersion;
  result.data = connecting.data;
  result.subs = subs;
  result.expires = session.expires_ns != 0 && session.client_refreshes;
  if (result.expires) result.ttl_s = SecondsUntil(session.expires_ns);
  if (!connections_[slot].frame_pings) {
    result.ping_s = static_cast<std::uint32_t>(config_.client.ping_interval_ns / kSecond);
  }
  result.pong = result.ping_s != 0 && config_.client.pong_timeout_ns != 0;
  NameSession(slot, *connections_[slot].session, result);
  if (config_.client.connect_include_server_time) result.time_ms = host_.UnixMs();
  protocol::AppendConnectReply(connections_[slot].form, connecting.command_id, result,
                               connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
  // Joins and leaves go out with replies, and before this one they would have come too early.
  for (const ServerSubscription& sub : connecting.subscriptions) {
    const Request& answer = *sub.answer;
    if (answer.push_join_leave) {
      join_leave_.Watch(answer.local, slot, answer.first_event, /*id=*/0);
    }
  }
  connections_[slot].connecting.reset();
  fan_out_.Release(slot);
  host_.OnConnected(slot);
  AppearInAll(slot);
  if (one_connection) EndOlderConnections(slot);
}

// Rounded up: a client that comes back with the second that it was told is not too late.
std::uint32_t Commands::SecondsUntil(std::uint64_t deadline_ns) {
  const std::uint64_t now_ns = host_.NowNs();
  return deadline_ns <= now_ns
             ? 0
             : static_cast<std::uint32_t>((deadline_ns - now_ns + kSecond - 1) / kSecond);
}

// The client may try again on the same connection, which is as before its command.
void Commands::FailConnect(engine::Slot slot, ErrorCode error) {
  Connection& connection = connections_[slot];
  const std::uint32_t command_id = connection.connecting->command_id;
  RemoveAll(slot, Departure::kLeft);
  connection.connecting.reset();
  connection.session.reset();
  fan_out_.Release(slot);
  ReplyError(slot, command_id, error);
}

std::string Commands::NewClientId() {
  const std::uint64_t high = random_();
  return Uuid(high, random_());
}

}  // namespace tickcast::shards
