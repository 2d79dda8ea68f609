// ServerApi: the questions that a command becomes.
#include <utility>

#include "protocol/centrifuge/channel_pattern.h"
#include "shards/data_format.h"
#include "shards/publication.h"
#include "shards/server_api.h"

namespace tickcast::shards {

using protocol::ApiCommand;
using protocol::ApiError;
using protocol::ApiMethod;

namespace {

// Whether a command concerns connections, or all shards, so that what comes behind it in its batch
// has to wait for it, and it for what comes before.
bool ReachesAll(ApiMethod method) {
  switch (method) {
    case ApiMethod::kSubscribe:
    case ApiMethod::kUnsubscribe:
    case ApiMethod::kDisconnect:
    case ApiMethod::kRefresh:
    case ApiMethod::kInfo:
    case ApiMethod::kChannels:
    case ApiMethod::kBlockUser:
    case ApiMethod::kUnblockUser:
    case ApiMethod::kRevokeToken:
    case ApiMethod::kInvalidateUserTokens:
      return true;
    case ApiMethod::kPublish:
    case ApiMethod::kBroadcast:
    case ApiMethod::kHistory:
    case ApiMethod::kHistoryRemove:
    case ApiMethod::kPresence:
    case ApiMethod::kPresenceStats:
    case ApiMethod::kRpc:
    case ApiMethod::kMapPublish:
    case ApiMethod::kMapRemove:
    case ApiMethod::kMapReadState:
    case ApiMethod::kMapReadStream:
    case ApiMethod::kMapStats:
    case ApiMethod::kMapClear:
    case ApiMethod::kSharedPollPublish:
    case ApiMethod::kNone:
      return false;
  }
  return false;
}

UserRequest::Revocation RevocationOf(ApiMethod method) {
  if (method == ApiMethod::kUnblockUser) return UserRequest::Revocation::kUnblock;
  if (method == ApiMethod::kRevokeToken) return UserRequest::Revocation::kToken;
  if (method == ApiMethod::kInvalidateUserTokens) return UserRequest::Revocation::kTokensOfUser;
  return UserRequest::Revocation::kBlock;
}

std::shared_ptr<const UserRequest> UserRequestOf(const ApiCommand& command) {
  auto request = std::make_shared<UserRequest>();
  request->user = command.user;
  request->client = command.client;
  request->session = command.session;
  request->disconnect_code = command.disconnect_code;
  request->disconnect_reason = command.disconnect_reason;
  request->whitelist.assign(command.whitelist.begin(), command.whitelist.end());
  request->data = command.data;
  request->raw = command.raw;
  request->override_options = command.override_options;
  request->has_since = command.has_since;
  request->since_offset = command.since_offset;
  request->since_epoch = command.since_epoch;
  request->revocation = RevocationOf(command.method);
  request->token_id = command.uid;
  request->issued_before_s = command.issued_before;
  request->expired = command.expired;
  request->expire_at_s = command.expire_at;
  request->info = command.info;
  return request;
}

}  // namespace

void ServerApi::Advance(engine::Handle handle, std::uint64_t now_ns) {
  Call& call = calls_[handle.index];
  while (call.pending < kMaxPending && AskNext(handle, now_ns)) {
  }
  if (call.pending == 0) Finish(handle);
}

// Asks what is next. False when there is nothing left, or it has to wait.
bool ServerApi::AskNext(engine::Handle handle, std::uint64_t now_ns) {
  Call& call = calls_[handle.index];
  if (call.next_command >= call.parser->commands().size()) return false;
  const ApiCommand& command = call.parser->commands()[call.next_command];
  const bool alone = ReachesAll(command.method) && !call.parser->parallel();
  if ((alone || call.alone) && call.pending != 0) return false;
  call.alone = alone;

  const bool broadcast = command.method == ApiMethod::kBroadcast && !command.channels.empty();
  const std::string_view channel =
      broadcast ? command.channels[call.next_channel] : command.channel();
  if (command.error == ApiError::kNone) Ask(handle, command, channel, now_ns);
  ++call.next_outcome;
  if (!broadcast || ++call.next_channel == command.channels.size()) {
    ++call.next_command;
    call.next_channel = 0;
  }
  return true;
}

// What is wrong with a command that can be told without asking anybody.
ApiError ServerApi::Check(const ApiCommand& command, std::string_view channel) const {
  switch (command.method) {
    case ApiMethod::kDisconnect:
    case ApiMethod::kRefresh:
    case ApiMethod::kInfo:
    case ApiMethod::kRpc:
    case ApiMethod::kBlockUser:
    case ApiMethod::kUnblockUser:
    case ApiMethod::kRevokeToken:
    case ApiMethod::kInvalidateUserTokens:
    case ApiMethod::kNone:
      return ApiError::kNone;
    case ApiMethod::kChannels:
      return protocol::ChannelPattern::Compile(command.pattern) ? ApiError::kNone
                                                                : ApiError::kBadRequest;
    case ApiMethod::kUnsubscribe:
      if (channel.empty()) return ApiError::kNone;
      break;
    case ApiMethod::kPublish:
    case ApiMethod::kBroadcast:
    case ApiMethod::kSubscribe:
    case ApiMethod::kHistory:
    case ApiMethod::kHistoryRemove:
    case ApiMethod::kPresence:
    case ApiMethod::kPresenceStats:
    case ApiMethod::kMapPublish:
    case ApiMethod::kMapRemove:
    case ApiMethod::kMapReadState:
    case ApiMethod::kMapReadStream:
    case ApiMethod::kMapStats:
    case ApiMethod::kMapClear:
    case ApiMethod::kSharedPollPublish:
      break;
  }
  if (channel.empty() || channel.size() > config_.channel.max_length) return ApiError::kBadRequest;
  const engine::Namespace* ns = config_.FindNamespace(channel);
  if (ns == nullptr) return ApiError::kUnknownChannel;
  const bool publication =
      command.method == ApiMethod::kPublish || command.method == ApiMethod::kBroadcast;
  if (publication && !FitsFormat(command.data, FormatOf(config_, *ns)))
    return ApiError::kBadRequest;
  return ApiError::kNone;
}

void ServerApi::Ask(engine::Handle handle, const ApiCommand& command, std::string_view channel,
                    std::uint64_t now_ns) {
  Outcome& outcome = calls_[handle.index].outcomes[calls_[handle.index].next_outcome];
  outcome.error = Check(command, channel);
  if (outcome.error != ApiError::kNone) return;
  switch (command.method) {
    case ApiMethod::kDisconnect:
      return AskAll(handle, Request::Kind::kDisconnectUser, command);
    case ApiMethod::kUnsubscribe:
      // The original answers, and no subscription has an empty name.
      if (channel.empty()) return;
      return AskAll(handle, Request::Kind::kUnsubscribeUser, command);
    case ApiMethod::kRefresh:
      return AskAll(handle, Request::Kind::kRefreshUser, command);
    case ApiMethod::kInfo:
      return AskAll(handle, Request::Kind::kInfo, command);
    case ApiMethod::kChannels:
      return AskAll(handle, Request::Kind::kChannels, command);
    case ApiMethod::kPublish:
    case ApiMethod::kBroadcast: {
      auto request = NewRequest(handle, Request::Kind::kPublish);
      request->skip_history = command.skip_history;
      request->idempotency_key = command.idempotency_key;
      request->version = command.version;
      request->version_epoch = command.version_epoch;
      const engine::Namespace& ns = *config_.FindNamespace(channel);
      request->draft = Publication::Draft({.channel = channel,
                                           .push_prefix = Publication::PushPrefix(channel),
                                           .data = command.data,
                                           .raw = command.raw,
                                           .tags = command.tags,
                                           .delta = command.delta || ns.delta_publish,
                                           .ingest_ns = now_ns});
      return AskHome(handle, std::move(request), channel);
    }
    case ApiMethod::kHistory: {
      auto request = NewRequest(handle, Request::Kind::kHistory);
      request->limit = command.limit;
      request->reverse = command.reverse;
      request->has_since = command.has_since;
      request->since_offset = command.since_offset;
      request->since_epoch = command.since_epoch;
      return AskHome(handle, std::move(request), channel);
    }
    case ApiMethod::kHistoryRemove:
      return AskHome(handle, NewRequest(handle, Request::Kind::kHistoryRemove), channel);
    case ApiMethod::kPresence:
      return AskHome(handle, NewRequest(handle, Request::Kind::kPresence), channel);
    case ApiMethod::kPresenceStats:
      return AskHome(handle, NewRequest(handle, Request::Kind::kPresenceStats), channel);
    case ApiMethod::kSubscribe:
      return AskAll(handle, Request::Kind::kSubscribeUser, command);
    case ApiMethod::kBlockUser:
    case ApiMethod::kUnblockUser:
    case ApiMethod::kRevokeToken:
    case ApiMethod::kInvalidateUserTokens:
      return AskAll(handle, Request::Kind::kRevoke, command);
    case ApiMethod::kMapPublish:
    case ApiMethod::kMapRemove:
    case ApiMethod::kMapReadState:
    case ApiMethod::kMapReadStream:
    case ApiMethod::kMapStats:
    case ApiMethod::kMapClear:
    case ApiMethod::kSharedPollPublish:
      // What the original answers for a channel that is no map: here none is.
      outcome.error = ApiError::kBadRequest;
      return;
    case ApiMethod::kRpc:
    case ApiMethod::kNone:
      outcome.error = ApiError::kNotFound;
      return;
  }
}

std::unique_ptr<Request> ServerApi::NewRequest(engine::Handle handle, Request::Kind kind) const {
  auto request = std::make_unique<Request>();
  request->kind = kind;
  request->asker = Request::Asker::kApiCall;
  request->origin = exchange_.self();
  request->slot = handle.index;
  request->generation = handle.generation;
  return request;
}

void ServerApi::AskHome(engine::Handle handle, std::unique_ptr<Request> request,
                        std::string_view channel) {
  Call& call = calls_[handle.index];
  request->channel = channel;
  const ShardId home = exchange_.HomeOf(channel);
  if (exchange_.congested(home)) {
    Outcome& outcome = call.outcomes[call.next_outcome];
    metrics_.publications_refused.Add();
    outcome.error = ApiError::kInternal;
    outcome.congested = true;
    return;
  }
  request->command_id = static_cast<std::uint32_t>(call.next_outcome);
  ++call.pending;
  exchange_.Send(home, {.kind = Message::Kind::kAsk, .request = std::move(request)});
}

// All shards or none: what reached only some connections of a user would look done.
void ServerApi::AskAll(engine::Handle handle, Request::Kind kind, const ApiCommand& command) {
  Call& call = calls_[handle.index];
  Outcome& outcome = call.outcomes[call.next_outcome];
  for (ShardId shard = 0; shard < exchange_.shards(); ++shard) {
    if (!exchange_.congested(shard)) continue;
    outcome.error = ApiError::kInternal;
    outcome.congested = true;
    return;
  }
  outcome.gathered = std::make_unique<Gathered>();
  const std::shared_ptr<const UserRequest> user_request = UserRequestOf(command);
  for (ShardId shard = 0; shard < exchange_.shards(); ++shard) {
    auto request = NewRequest(handle, kind);
    request->channel = kind == Request::Kind::kChannels ? command.pattern : command.channel();
    request->user_request = user_request;
    request->command_id = static_cast<std::uint32_t>(call.next_outcome);
    ++call.pending;
    exchange_.Send(shard, {.kind = Message::Kind::kAsk, .request = std::move(request)});
  }
}

}  // namespace tickcast::shards
