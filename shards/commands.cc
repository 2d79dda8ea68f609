#include "shards/commands.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/invariant.h"
#include "protocol/centrifuge/reply.h"
#include "shards/data_format.h"
#include "shards/node.h"
#include "shards/session_key.h"
#include "shards/version.h"

namespace tickcast::shards {

using protocol::CommandKind;
using protocol::DisconnectCode;
using protocol::ErrorCode;

namespace {

// What a connection may be owed before a history is refused to it (111): as much as a Centrifugo
// keeps for a client by default (client.queue_max_size).
constexpr std::size_t kMaxOwedBytes = 1024 * 1024;

// As Connection::rtt_us keeps it: 0 is "not known".
std::uint32_t RoundTripUs(std::uint64_t round_trip_ns) {
  constexpr std::uint64_t kLongest = ~std::uint32_t{0};
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(round_trip_ns / 1000, 1, kLongest));
}

protocol::TrackSecrets SecretsOf(const engine::SharedPollServerConfig& config) {
  return {.current = config.hmac_secret_key,
          .previous = config.hmac_previous_secret_key,
          .previous_valid_until_s = config.hmac_previous_secret_key_valid_until};
}

}  // namespace

Commands::Commands(const engine::Config& config, ConnectionTable& connections,
                   ChannelTable& channels, FilterTable& filters, const KeyedAddresses& addresses,
                   FanOut& fan_out, JoinLeave& join_leave, Exchange& exchange,
                   ShardMetrics& metrics, Proxies& proxies, const TokenAuthority& tokens,
                   Host& host, std::uint64_t seed)
    : config_(config),
      connections_(connections),
      channels_(channels),
      filters_(filters),
      fan_out_(fan_out),
      join_leave_(join_leave),
      exchange_(exchange),
      metrics_(metrics),
      proxies_(proxies),
      host_(host),
      parser_(config.websocket.message_size_limit),
      access_(config),
      connection_tokens_(tokens.trust(TokenAuthority::Use::kConnection)),
      subscription_tokens_(tokens.trust(TokenAuthority::Use::kSubscription)),
      random_(seed),
      map_presence_(config),
      addresses_(addresses),
      line_maker_(addresses),
      track_verifier_(SecretsOf(config.shared_poll)) {}

void Commands::RunFrame(engine::Slot slot, std::string_view frame) {
  parser_.Begin(frame, connections_[slot].form.encoding);
  for (;;) {
    switch (parser_.Next()) {
      case protocol::CommandVerdict::kDone:
        return;
      case protocol::CommandVerdict::kBadFrame:
        return host_.Disconnect(slot, DisconnectCode::kBadRequest);
      case protocol::CommandVerdict::kCommand:
        if (!again_) metrics_.commands.Add();
        command_waits_ = false;
        const bool goes_on = Run(slot, parser_.command());
        again_ = false;
        decision_ = nullptr;
        if (!goes_on) return;
        if (command_waits_) return parked_.Park(slot, parser_.Remaining());
        break;
    }
  }
}

bool Commands::Run(engine::Slot slot, const Command& command) {
  const bool connected = connections_[slot].connected();
  if (connected == (command.kind == CommandKind::kConnect)) {
    // Anything before connect, or a second connect.
    host_.Disconnect(slot, DisconnectCode::kBadRequest);
    return false;
  }
  if (connected) return RunConnected(slot, command);
  Connect(slot, command);
  return connections_[slot].state != Connection::State::kClosing;
}

bool Commands::RunConnected(engine::Slot slot, const Command& command) {
  if (!MayRunSoon(slot, command)) return RefuseTooSoon(slot, command);
  switch (command.kind) {
    case CommandKind::kPong:
      return Pong(slot);
    case CommandKind::kSubscribe:
      Subscribe(slot, command);
      if (!command_waits_) LetMirrorGo(slot);
      // A token of somebody else closes the connection.
      return connections_[slot].state != Connection::State::kClosing;
    case CommandKind::kUnsubscribe:
      Unsubscribe(slot, command);
      return true;
    case CommandKind::kPublish:
      Publish(slot, command);
      return connections_[slot].state != Connection::State::kClosing;
    case CommandKind::kHistory:
      History(slot, command);
      return true;
    case CommandKind::kSend:
      // There is nobody to take it, and no reply that could say so.
      host_.Disconnect(slot, DisconnectCode::kNotAvailable);
      return false;
    case CommandKind::kRpc:
      Rpc(slot, command);
      // A backend may end the connection.
      return connections_[slot].state != Connection::State::kClosing;
    case CommandKind::kPresence:
    case CommandKind::kPresenceStats:
      Presence(slot, command);
      return true;
    case CommandKind::kRefresh:
      Refresh(slot, command);
      return connections_[slot].state != Connection::State::kClosing;
    case CommandKind::kSubRefresh:
      SubRefresh(slot, command);
      return connections_[slot].state != Connection::State::kClosing;
    case CommandKind::kConnect:
      break;
  }
  INVARIANT(false, "Run() has dealt with connect");
}

bool Commands::Pong(engine::Slot slot) {
  Connection& connection = connections_[slot];
  if (!connection.awaiting_pong || connection.frame_pings) {
    host_.Disconnect(slot, DisconnectCode::kBadRequest);
    return false;
  }
  // Of a ping that had to wait for its socket it is not known when it left.
  const bool waited =
      connection.trouble != nullptr && std::exchange(connection.trouble->ping_waited, false);
  if (connection.pong_due_ns != 0 && !waited) {
    const std::uint64_t left_ns = connection.pong_due_ns - config_.client.pong_timeout_ns;
    connection.rtt_us = RoundTripUs(host_.NowNs() - left_ns);
  }
  connection.awaiting_pong = false;
  connection.pong_due_ns = 0;
  return true;
}

void Commands::Publish(engine::Slot slot, const Command& command) {
  const protocol::PublishRequest& publish = command.publish;
  const engine::Namespace* ns = config_.FindNamespace(publish.channel);
  if (ns == nullptr) return ReplyError(slot, command.id, ErrorCode::kUnknownChannel);
  // Into a keyed channel goes what has a key, and that nowhere else.
  if (ns->is_keyed() || publish.type == kMapPublish) return PublishKey(slot, command, *ns);
  if (publish.data.empty() || publish.channel.size() > config_.channel.max_length) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  }
  if (!access_.IsValidName(*ns, publish.channel)) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  }
  const Session& session = *connections_[slot].session;
  const bool subscribed = ns->allow_publish_for_subscriber && IsSubscribed(slot, publish.channel);
  // A backend decides alone, and may change what is published.
  const protocol::ProxyAnswer* decision = nullptr;
  if (ns->publish_proxy_enabled) {
    decision = DecidePublish(slot, command, *ns);
    if (decision == nullptr) return;
  } else if (!access_.MayPublish(*ns, session.user, subscribed)) {
    return ReplyError(slot, command.id, ErrorCode::kPermissionDenied);
  }
  if (exchange_.congested(exchange_.HomeOf(publish.channel))) {
    metrics_.publications_refused.Add();
    return ReplyError(slot, command.id, ErrorCode::kTooManyRequests);
  }

  const protocol::ClientInfo info = InfoOf(slot, publish.channel);
  std::unique_ptr<Request> request =
      NewRequest(slot, command, Request::Kind::kPublish, publish.channel);
  const std::string prefix = Publication::PushPrefix(publish.channel);
  PublicationDraft draft{.channel = publish.channel,
                         .push_prefix = prefix,
                         .info = &info,
                         .delta = ns->delta_publish,
                         .ingest_ns = host_.NowNs()};
  SetPayload(publish.data, command.data_is_json, draft);
  if (decision != nullptr) ApplyDecision(*decision, draft, *request);
  if (!FitsFormat(draft.data, FormatOf(config_, *ns))) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  }
  request->draft = Publication::Draft(draft);
  Ask(std::move(request));
}

// What others may know of the client as one who publishes into `channel`. Lives as long as its
// session and its subscription to that.
protocol::ClientInfo Commands::InfoOf(engine::Slot slot, std::string_view channel) {
  Session& session = *connections_[slot].session;
  const SubscriptionDetails* const details = session.DetailsOf(channels_.Find(channel));
  return {.user = session.user,
          .client = session.client,
          .conn_info = session.extras().info,
          .chan_info = details == nullptr ? std::string_view() : std::string_view(details->info)};
}

void Commands::OnPublished(const Request& answer) {
  if (answer.failed) metrics_.publications_refused.Add();
  if (answer.over_rate) metrics_.CountLimited(Limit::kPublishRate);
  if (!Listens(answer)) return;
  if (answer.failed) return ReplyError(answer.slot, answer.command_id, answer.error);
  protocol::AppendPublishReply(connections_[answer.slot].form, answer.command_id,
                               connections_.NewLine(answer.slot));
  fan_out_.OwesReplies(answer.slot);
}

void Commands::History(engine::Slot slot, const Command& command) {
  const protocol::HistoryRequest& history = command.history;
  const engine::Namespace* ns = config_.FindNamespace(history.channel);
  if (ns == nullptr) return ReplyError(slot, command.id, ErrorCode::kUnknownChannel);
  if (!access_.IsValidName(*ns, history.channel)) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  }
  if (!ns->keeps_history()) return ReplyError(slot, command.id, ErrorCode::kNotAvailable);
  const bool subscribed = ns->allow_history_for_subscriber && IsSubscribed(slot, history.channel);
  if (!access_.MayReadHistory(*ns, connections_[slot].session->user, subscribed))
    return ReplyError(slot, command.id, ErrorCode::kPermissionDenied);
  if (exchange_.congested(exchange_.HomeOf(history.channel))) {
    return ReplyError(slot, command.id, ErrorCode::kTooManyRequests);
  }
  std::unique_ptr<Request> request =
      NewRequest(slot, command, Request::Kind::kHistory, history.channel);
  request->limit = history.limit;
  request->reverse = history.reverse;
  request->has_since = history.has_since;
  request->since_offset = history.since_offset;
  request->since_epoch = history.since_epoch;
  Ask(std::move(request));
}

// One frame of short questions may ask for very much.
bool Commands::OwesTooMuch(engine::Slot slot) {
  return connections_.OutboxOf(slot).size_bytes() > kMaxOwedBytes;
}

void Commands::OnHistory(const Request& answer) {
  if (!Listens(answer)) return;
  if (answer.failed) return ReplyError(answer.slot, answer.command_id, answer.error);
  if (OwesTooMuch(answer.slot)) {
    return ReplyError(answer.slot, answer.command_id, ErrorCode::kTooManyRequests);
  }
  const View view{.form = connections_[answer.slot].form};
  if (!ShowPublications(answer.slot, view, answer.publications)) return;
  protocol::AppendHistoryReply(
      view.form, answer.command_id,
      {.publications = views_, .epoch = answer.epoch, .offset = answer.offset},
      connections_.NewLine(answer.slot));
  fan_out_.OwesReplies(answer.slot);
}

void Commands::OnAnswer(std::unique_ptr<Request> answer) {
  switch (answer->kind) {
    case Request::Kind::kSubscribe:
      return OnSubscribed(*answer);
    case Request::Kind::kPublish:
    case Request::Kind::kMapPublish:
    case Request::Kind::kMapRemove:
      return OnPublished(*answer);
    case Request::Kind::kHistory:
      return OnHistory(*answer);
    case Request::Kind::kPresence:
    case Request::Kind::kPresenceStats:
      return OnPresence(*answer);
    case Request::Kind::kDisconnectUser:
      return;  // See EndOlderConnections(): nobody waits for that.
    case Request::Kind::kHistoryRemove:
    case Request::Kind::kMapReadState:
    case Request::Kind::kMapReadStream:
    case Request::Kind::kMapStats:
    case Request::Kind::kMapClear:
    case Request::Kind::kPollPublish:
    case Request::Kind::kTickers:
    case Request::Kind::kMirror:
    case Request::Kind::kSlowClients:
    case Request::Kind::kUnsubscribeUser:
    case Request::Kind::kRefreshUser:
    case Request::Kind::kSubscribeUser:
    case Request::Kind::kRevoke:
    case Request::Kind::kInfo:
    case Request::Kind::kChannels:
    case Request::Kind::kEmulation:
      break;
  }
  INVARIANT(false, "sessions ask about one channel");
}

// What the client needs to know where its commands do not come on this connection.
void Commands::NameSession(engine::Slot slot, Session& session, protocol::ConnectResult& result) {
  const Connection& connection = connections_[slot];
  if (connection.form.bare) {
    result.pong = false;
  } else if (IsWebSocket(connection.transport)) {
    return;
  } else {
    result.node = host_.NodeUid();
  }
  session.MutableExtras().key = NewSessionKey(
      {.shard = exchange_.self(), .slot = slot, .generation = connections_.generation(slot)});
  result.session = session.extras().key;
}

void Commands::ReplyError(engine::Slot slot, std::uint32_t id, ErrorCode error) {
  // There are no replies on a unidirectional transport: whose connect fails is closed.
  if (connections_[slot].form.bare) {
    metrics_.CountError(error);
    return host_.RefuseOneWay(slot, static_cast<std::uint32_t>(error),
                              protocol::InfoOf(error).message);
  }
  metrics_.CountError(error);
  protocol::AppendErrorReply(connections_[slot].form, id, error, connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

void Commands::ReplyError(engine::Slot slot, std::uint32_t id, ErrorCode error,
                          std::string_view message) {
  metrics_.CountError(error);
  protocol::AppendErrorReply(connections_[slot].form, id, error, message,
                             connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

std::unique_ptr<Request> Commands::NewRequest(engine::Slot slot, const Command& command,
                                              Request::Kind kind, std::string_view channel) {
  auto request = std::make_unique<Request>();
  request->kind = kind;
  request->origin = exchange_.self();
  request->slot = slot;
  request->generation = connections_.generation(slot);
  request->command_id = command.id;
  request->channel = channel;
  return request;
}

void Commands::Ask(std::unique_ptr<Request> request) {
  const ShardId home = exchange_.HomeOf(request->channel);
  exchange_.Send(home, {.kind = Message::Kind::kAsk, .request = std::move(request)});
}

bool Commands::Listens(const Request& answer) {
  const Connection* asker = connections_.Find(answer.slot, answer.generation);
  return asker != nullptr && asker->state == Connection::State::kWebSocket;
}

bool Commands::IsSubscribed(engine::Slot slot, std::string_view channel) {
  const ChannelIndex index = channels_.Find(channel);
  if (index == kNoChannel) return false;
  const std::uint32_t found = FindSubscription(slot, index);
  const std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  return found < subscriptions.size() && subscriptions[found].live();
}

}  // namespace tickcast::shards
