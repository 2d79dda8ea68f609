#include "shards/user_requests.h"

#include <algorithm>

#include "engine/invariant.h"
#include "protocol/centrifuge/channel_pattern.h"

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
    case Request::Kind::kInfo:
    case Request::Kind::kChannels:
      return true;
    case Request::Kind::kSubscribe:
    case Request::Kind::kPublish:
    case Request::Kind::kHistory:
    case Request::Kind::kHistoryRemove:
    case Request::Kind::kPresence:
    case Request::Kind::kPresenceStats:
    case Request::Kind::kTickers:
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
    // None has a session that could be named: only the HTTP transports give them.
    if (!request.session.empty()) return;
    act(slot, session);
  });
}

void UserRequests::Disconnect(const UserRequest& request) {
  ForEachTarget(request, [&](engine::Slot slot, const Session& session) {
    const bool stays = std::find(request.whitelist.begin(), request.whitelist.end(),
                                 session.client) != request.whitelist.end();
    if (!stays) host_.DisconnectAs(slot, request.disconnect_code, request.disconnect_reason);
  });
}

void UserRequests::SurveyInfo(Survey& survey) {
  survey.clients = static_cast<std::uint32_t>(users_.connections());
  users_.AppendHashes(survey.users);
  channels_.ForEach([&](const Channel& channel) {
    const std::uint32_t subscribers = SubscribersOf(channels_, channel);
    if (subscribers == 0) return;
    survey.subscriptions += subscribers;
    survey.channels.push_back(StringHash{}(channel.name));
  });
}

void UserRequests::SurveyChannels(Request& request) {
  // Who asked has compiled it before.
  auto pattern = protocol::ChannelPattern::Compile(request.channel);
  INVARIANT(pattern.has_value(), "a pattern that crosses is one");
  const bool all = request.channel.empty();
  channels_.ForEach([&](const Channel& channel) {
    const std::uint32_t subscribers = SubscribersOf(channels_, channel);
    if (subscribers == 0 || (!all && !pattern->Matches(channel.name))) return;
    request.survey->subscribers.emplace_back(channel.name, subscribers);
  });
}

void UserRequests::Answer(Request& request) {
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
    case Request::Kind::kInfo:
      request.survey = std::make_unique<Survey>();
      return SurveyInfo(*request.survey);
    case Request::Kind::kChannels:
      request.survey = std::make_unique<Survey>();
      return SurveyChannels(request);
    case Request::Kind::kSubscribe:
    case Request::Kind::kPublish:
    case Request::Kind::kHistory:
    case Request::Kind::kHistoryRemove:
    case Request::Kind::kPresence:
    case Request::Kind::kPresenceStats:
    case Request::Kind::kTickers:
    case Request::Kind::kSlowClients:
    case Request::Kind::kEmulation:
      break;
  }
  INVARIANT(false, "REQUIRES: Takes(request.kind)");
}

}  // namespace tickcast::shards
