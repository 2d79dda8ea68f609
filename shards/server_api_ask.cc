// ServerApi: the questions that a command becomes.
#include <utility>

#include "engine/invariant.h"
#include "protocol/glob.h"
#include "shards/data_format.h"
#include "shards/keyed_address.h"
#include "shards/publication.h"
#include "shards/server_api.h"

namespace tickcast::shards {

using protocol::ApiCommand;
using protocol::ApiError;
using protocol::ApiMethod;
using protocol::ApiMethodFacts;

namespace {

// What shards are asked for a method that asks any.
Request::Kind KindOf(ApiMethod method) {
  static constexpr std::pair<ApiMethod, Request::Kind> kKinds[] = {
      {ApiMethod::kPublish, Request::Kind::kPublish},
      {ApiMethod::kBroadcast, Request::Kind::kPublish},
      {ApiMethod::kSubscribe, Request::Kind::kSubscribeUser},
      {ApiMethod::kUnsubscribe, Request::Kind::kUnsubscribeUser},
      {ApiMethod::kDisconnect, Request::Kind::kDisconnectUser},
      {ApiMethod::kHistory, Request::Kind::kHistory},
      {ApiMethod::kHistoryRemove, Request::Kind::kHistoryRemove},
      {ApiMethod::kPresence, Request::Kind::kPresence},
      {ApiMethod::kPresenceStats, Request::Kind::kPresenceStats},
      {ApiMethod::kMapPublish, Request::Kind::kMapPublish},
      {ApiMethod::kSharedPollPublish, Request::Kind::kPollPublish},
      {ApiMethod::kMapRemove, Request::Kind::kMapRemove},
      {ApiMethod::kMapReadState, Request::Kind::kMapReadState},
      {ApiMethod::kMapReadStream, Request::Kind::kMapReadStream},
      {ApiMethod::kMapStats, Request::Kind::kMapStats},
      {ApiMethod::kMapClear, Request::Kind::kMapClear},
      {ApiMethod::kInfo, Request::Kind::kInfo},
      {ApiMethod::kRefresh, Request::Kind::kRefreshUser},
      {ApiMethod::kChannels, Request::Kind::kChannels},
      {ApiMethod::kBlockUser, Request::Kind::kRevoke},
      {ApiMethod::kUnblockUser, Request::Kind::kRevoke},
      {ApiMethod::kRevokeToken, Request::Kind::kRevoke},
      {ApiMethod::kInvalidateUserTokens, Request::Kind::kRevoke},
  };
  for (const auto& [known, kind] : kKinds) {
    if (known == method) return kind;
  }
  INVARIANT(false, "who asks somebody has a question");
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

void FillWrite(Request& request, const ApiCommand& command) {
  request.skip_history = command.skip_history;
  request.idempotency_key = command.idempotency_key;
  request.version = command.version;
  request.version_epoch = command.version_epoch;
}

void FillRead(Request& request, const ApiCommand& command) {
  request.limit = command.limit;
  request.reverse = command.reverse;
  request.has_since = command.has_since;
  request.since_offset = command.since_offset;
  request.since_epoch = command.since_epoch;
}

// A cursor is the last key of the page before, as in the original: whoever has the API's key may
// know keys.
std::unique_ptr<MapRequest> MapRequestOf(const ApiCommand& command) {
  auto map = std::make_unique<MapRequest>();
  map->key = command.key;
  map->mode = command.key_mode;
  map->cursor = command.cursor;
  return map;
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
  const bool all = FactsOf(command.method).asks == ApiMethodFacts::Asks::kShards;
  const bool alone = all && !call.parser->parallel();
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

// What is wrong with a command that can be told without asking anybody. `ns` becomes the namespace
// of its channel, null where it names none.
ApiError ServerApi::Check(const ApiCommand& command, std::string_view channel,
                          const engine::Namespace*& ns) const {
  using Names = ApiMethodFacts::Channel;
  const ApiMethodFacts& facts = FactsOf(command.method);
  if (command.method == ApiMethod::kChannels && !protocol::Glob::Compile(command.pattern)) {
    return ApiError::kBadRequest;
  }
  if (facts.channel == Names::kNone) return ApiError::kNone;
  if (facts.channel == Names::kOptional && channel.empty()) return ApiError::kNone;
  if (channel.empty() || channel.size() > config_.channel.max_length) return ApiError::kBadRequest;
  ns = config_.FindNamespace(channel);
  if (ns == nullptr) return ApiError::kUnknownChannel;
  if (command.key.size() > Publication::kMaxKeyBytes) return ApiError::kBadRequest;
  const bool publication = facts.members == ApiMethodFacts::Members::kPublication;
  if (publication && !FitsFormat(command.data, FormatOf(config_, *ns))) {
    return ApiError::kBadRequest;
  }
  if (command.method == ApiMethod::kSharedPollPublish) {
    const bool polls = ns->subscription_type == engine::SubscriptionType::kSharedPoll;
    if (!polls) return ApiError::kBadRequest;
    // A feed's values are its own.
    if (!ns->shared_poll.publish_enabled || !ns->source.empty()) return ApiError::kNotAvailable;
  }
  return ApiError::kNone;
}

void ServerApi::Ask(engine::Handle handle, const ApiCommand& command, std::string_view channel,
                    std::uint64_t now_ns) {
  Outcome& outcome = calls_[handle.index].outcomes[calls_[handle.index].next_outcome];
  const engine::Namespace* ns = nullptr;
  outcome.error = Check(command, channel, ns);
  if (outcome.error != ApiError::kNone) return;
  const ApiMethodFacts& facts = FactsOf(command.method);
  switch (facts.asks) {
    case ApiMethodFacts::Asks::kNobody:
      outcome.error = facts.unserved;
      return;
    case ApiMethodFacts::Asks::kShards:
      // The original answers, and no subscription has an empty name.
      if (command.method == ApiMethod::kUnsubscribe && channel.empty()) return;
      return AskAll(handle, KindOf(command.method), command);
    case ApiMethodFacts::Asks::kHome:
      break;
  }
  auto request = NewRequest(handle, KindOf(command.method));
  if (facts.is_of_map()) request->map = MapRequestOf(command);
  FillWrite(*request, command);
  FillRead(*request, command);
  const bool polls = command.method == ApiMethod::kSharedPollPublish;
  const bool publishes = polls || facts.members == ApiMethodFacts::Members::kPublication ||
                         facts.members == ApiMethodFacts::Members::kMapPublish;
  if (publishes) {
    const std::string slot = polls ? JoinSlot(channel, command.key) : std::string(channel);
    request->draft = Publication::Draft({.channel = slot,
                                         .push_prefix = Publication::PushPrefix(channel),
                                         .data = command.data,
                                         .raw = command.raw,
                                         .tags = command.tags,
                                         .key = command.key,
                                         .version = polls ? command.version : 0,
                                         .delta = command.delta || ns->delta_publish,
                                         .ingest_ns = now_ns});
  }
  AskHome(handle, std::move(request), channel);
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
