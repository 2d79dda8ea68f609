#include "shards/user_requests.h"

#include <algorithm>

#include "engine/invariant.h"
#include "protocol/glob.h"

namespace tickcast::shards {
namespace {

// With all its views. 0 for a channel that is only a view of another.
std::uint32_t SubscribersOf(ChannelTable& channels, const Channel& channel) {
  if (channel.name.empty()) return 0;
  const auto of_one = [](const Channel& one) {
    return static_cast<std::uint32_t>(one.group.size()) + one.paced;
  };
  std::uint32_t subscribers = of_one(channel);
  for (const ChannelIndex view : channel.views) subscribers += of_one(channels[view]);
  return subscribers;
}

}  // namespace

bool UserRequests::Takes(Request::Kind kind) {
  switch (kind) {
    case Request::Kind::kDisconnectUser:
    case Request::Kind::kUnsubscribeUser:
    case Request::Kind::kRefreshUser:
    case Request::Kind::kSubscribeUser:
    case Request::Kind::kRevoke:
    case Request::Kind::kInfo:
    case Request::Kind::kChannels:
      return true;
    case Request::Kind::kSubscribe:
    case Request::Kind::kPublish:
    case Request::Kind::kHistory:
    case Request::Kind::kHistoryRemove:
    case Request::Kind::kMapPublish:
    case Request::Kind::kMapRemove:
    case Request::Kind::kMapReadState:
    case Request::Kind::kMapReadStream:
    case Request::Kind::kMapStats:
    case Request::Kind::kMapClear:
    case Request::Kind::kPollPublish:
    case Request::Kind::kPresence:
    case Request::Kind::kPresenceStats:
    case Request::Kind::kTickers:
    case Request::Kind::kMirror:
    case Request::Kind::kSlowClients:
    case Request::Kind::kEmulation:
      return false;
  }
  return false;
}

template <typename Act>
void UserRequests::ForEachTarget(const UserRequest& request, Act&& act) {
  users_.ForEach(request.user, [&](engine::Slot slot) {
    const Session& session = *connections_[slot].session;
    if (!request.client.empty() && session.client != request.client) return;
    // A WebSocket has none that could be named.
    if (!request.session.empty() && session.extras().key != request.session) return;
    act(slot, session);
  });
}

void UserRequests::Disconnect(const UserRequest& request) {
  ForEachTarget(request, [&](engine::Slot slot, const Session& session) {
    if (request.before != 0 && session.number >= request.before) return;
    const bool stays = std::find(request.whitelist.begin(), request.whitelist.end(),
                                 session.client) != request.whitelist.end();
    if (!stays) host_.DisconnectAs(slot, request.disconnect_code, request.disconnect_reason);
  });
}

void UserRequests::Subscribe(std::unique_ptr<Request> request) {
  const engine::Handle place = waiting_.Allocate();
  waiting_[place.index] = {.request = std::move(request), .answers_due = 1};
  Request& asked = *waiting_[place.index].request;
  ForEachTarget(*asked.user_request, [&](engine::Slot slot, const Session&) {
    switch (commands_.SubscribeByServer(slot, asked.channel, *asked.user_request, place.index)) {
      case Commands::ByServer::kAsked:
        ++waiting_[place.index].answers_due;
        return;
      case Commands::ByServer::kDone:
        return;
      case Commands::ByServer::kFailed:
        asked.failed = true;
        return;
      case Commands::ByServer::kTooBusy:
        asked.failed = true;
        asked.error = protocol::ErrorCode::kTooManyRequests;
        return;
    }
  });
  FinishSubscribe(place.index);
}

void UserRequests::OnSubscribed(const Request& answer) {
  Request& request = *waiting_[answer.by_server].request;
  if (answer.failed) {
    request.failed = true;
    request.error = answer.error;
  }
  FinishSubscribe(answer.by_server);
}

// One that was waited for is there; the last one sends the answer.
void UserRequests::FinishSubscribe(std::uint32_t place) {
  if (--waiting_[place].answers_due != 0) return;
  std::unique_ptr<Request> request = std::move(waiting_[place].request);
  waiting_.Free(place);
  Send(std::move(request));
}

// Who holds what is revoked is ended as it would be refused.
void UserRequests::Revoke(Request& request) {
  using protocol::DisconnectCode;
  const UserRequest& revoke = *request.user_request;
  Revocations& revocations = commands_.revocations();
  const std::int64_t now_s = host_.UnixMs() / 1000;
  const auto end_if_revoked = [&](engine::Slot slot) {
    if (commands_.HoldsRevokedToken(*connections_[slot].session)) {
      return host_.Disconnect(slot, DisconnectCode::kInvalidToken);
    }
    commands_.DropRevokedSubscriptions(slot);
  };
  bool kept = true;
  switch (revoke.revocation) {
    case UserRequest::Revocation::kBlock:
      kept = revocations.BlockUser(revoke.user, revoke.expire_at_s);
      if (!kept || !revocations.IsBlocked(revoke.user, now_s)) break;
      users_.ForEach(revoke.user, [&](engine::Slot slot) {
        host_.Disconnect(slot, DisconnectCode::kPermissionDenied);
      });
      break;
    case UserRequest::Revocation::kUnblock:
      revocations.UnblockUser(revoke.user);
      break;
    case UserRequest::Revocation::kToken:
      kept = revocations.RevokeToken(revoke.token_id, revoke.expire_at_s);
      users_.ForAll(end_if_revoked);
      break;
    case UserRequest::Revocation::kTokensOfUser: {
      const std::int64_t before_s = revoke.issued_before_s != 0 ? revoke.issued_before_s : now_s;
      kept = revocations.RevokeTokensOf(revoke.user, request.channel, before_s, revoke.expire_at_s);
      users_.ForEach(revoke.user, end_if_revoked);
      break;
    }
  }
  // Too many are remembered: what this shard would forget must not look done.
  request.failed = !kept;
}

void UserRequests::SurveyInfo(Survey& survey) {
  survey.clients = static_cast<std::uint32_t>(users_.connections());
  users_.AppendHashes(survey.users);
  survey.last_minute = counts_.last();
  channels_.ForEach([&](const Channel& channel) {
    const std::uint32_t subscribers = SubscribersOf(channels_, channel);
    if (subscribers == 0) return;
    survey.subscriptions += subscribers;
    survey.channels.push_back(StringHash{}(channel.name));
  });
}

void UserRequests::SurveyChannels(Request& request) {
  // Who asked has compiled it before.
  auto pattern = protocol::Glob::Compile(request.channel);
  INVARIANT(pattern.has_value(), "a pattern that crosses is one");
  const bool all = request.channel.empty();
  channels_.ForEach([&](const Channel& channel) {
    const std::uint32_t subscribers = SubscribersOf(channels_, channel);
    if (subscribers == 0 || (!all && !pattern->Matches(channel.name))) return;
    request.survey->subscribers.emplace_back(channel.name, subscribers);
  });
}

void UserRequests::Answer(std::unique_ptr<Request> request) {
  if (request->kind == Request::Kind::kSubscribeUser) return Subscribe(std::move(request));
  Run(*request);
  Send(std::move(request));
}

void UserRequests::Send(std::unique_ptr<Request> request) {
  const ShardId origin = request->origin;
  exchange_.Send(origin, {.kind = Message::Kind::kAnswer, .request = std::move(request)});
}

void UserRequests::Run(Request& request) {
  switch (request.kind) {
    case Request::Kind::kDisconnectUser:
      return Disconnect(*request.user_request);
    case Request::Kind::kUnsubscribeUser:
      return ForEachTarget(*request.user_request, [&](engine::Slot slot, const Session&) {
        commands_.UnsubscribeByServer(slot, request.channel);
      });
    case Request::Kind::kRefreshUser:
      return ForEachTarget(*request.user_request, [&](engine::Slot slot, const Session&) {
        commands_.RefreshByServer(slot, *request.user_request);
      });
    case Request::Kind::kRevoke:
      return Revoke(request);
    case Request::Kind::kInfo:
      request.survey = std::make_unique<Survey>();
      return SurveyInfo(*request.survey);
    case Request::Kind::kChannels:
      request.survey = std::make_unique<Survey>();
      return SurveyChannels(request);
    case Request::Kind::kSubscribeUser:
    case Request::Kind::kSubscribe:
    case Request::Kind::kPublish:
    case Request::Kind::kHistory:
    case Request::Kind::kHistoryRemove:
    case Request::Kind::kMapPublish:
    case Request::Kind::kMapRemove:
    case Request::Kind::kMapReadState:
    case Request::Kind::kMapReadStream:
    case Request::Kind::kMapStats:
    case Request::Kind::kMapClear:
    case Request::Kind::kPollPublish:
    case Request::Kind::kPresence:
    case Request::Kind::kPresenceStats:
    case Request::Kind::kTickers:
    case Request::Kind::kMirror:
    case Request::Kind::kSlowClients:
    case Request::Kind::kEmulation:
      break;
  }
  INVARIANT(false, "REQUIRES: Takes(request.kind)");
}

}  // namespace tickcast::shards
