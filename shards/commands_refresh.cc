// Commands: how long what a client was granted lasts, and how it is prolonged.
#include <algorithm>
#include <utility>

#include "engine/invariant.h"
#include "protocol/centrifuge/reply.h"
#include "shards/commands.h"

namespace tickcast::shards {

using protocol::DisconnectCode;
using protocol::ErrorCode;
using protocol::JwtResult;
using protocol::UnsubscribeCode;

// The codes are those of the original, whose clients get a new token from their backend and send
// it; one that is not good can only be a mistake there.
void Commands::Refresh(engine::Slot slot, const Command& command) {
  Session& session = *connections_[slot].session;
  if (command.refresh.token.empty() || !session.client_refreshes) {
    return host_.Disconnect(slot, DisconnectCode::kBadRequest);
  }
  protocol::JwtClaims claims;
  const JwtResult result = CheckToken(slot, connection_tokens_, command.refresh.token, claims);
  if (command_waits_) return;
  if (protocol::IsExpired(result)) return host_.Disconnect(slot, DisconnectCode::kExpired);
  if (protocol::IsInvalid(result) || !claims.channel.empty() || claims.user != session.user ||
      IsRevoked(claims)) {
    return host_.Disconnect(slot, DisconnectCode::kInvalidToken);
  }
  if (IsBlocked(session.user)) return host_.Disconnect(slot, DisconnectCode::kPermissionDenied);
  // Other subscriptions than those it has: it connects again and gets them.
  if (ChannelsChanged(slot, claims)) {
    return host_.Disconnect(slot, DisconnectCode::kInsufficientState);
  }
  const std::int64_t left_s = claims.ends_s() - host_.UnixSeconds();
  if (claims.ends_s() > 0 && left_s <= 0) {
    return ReplyError(slot, command.id, ErrorCode::kExpired);
  }
  session.expires_ns = claims.ends_s() > 0 ? MonotonicAfter(left_s) : 0;
  session.MutableExtras().token = StampOf(claims);
  if (!claims.info.empty()) session.MutableExtras().info = claims.info;
  if (!claims.meta.empty()) session.MutableExtras().meta = claims.meta;
  host_.OnDeadlines(slot);
  protocol::RefreshResult answer;
  answer.expires = session.expires_ns != 0;
  if (answer.expires) answer.ttl_s = SecondsUntil(session.expires_ns);
  protocol::AppendRefreshReply(connections_[slot].form, command.id, answer,
                               connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

// Whether a new token names other channels than the client was subscribed to by its old one.
bool Commands::ChannelsChanged(engine::Slot slot, const protocol::JwtClaims& claims) {
  std::vector<std::string_view> named;
  for (const protocol::TokenSubscription& sub : claims.subs) named.push_back(sub.channel);
  if (named.empty()) named = claims.channels;
  for (const std::string_view channel : named) {
    if (!channel.empty() && !IsSubscribed(slot, channel)) return true;
  }
  const std::vector<SubscriptionDetails>& details = connections_[slot].session->details;
  return std::any_of(details.begin(), details.end(), [&](const SubscriptionDetails& known) {
    return known.from_token &&
           std::find(named.begin(), named.end(), channels_.name(known.channel)) == named.end();
  });
}

void Commands::SubRefresh(engine::Slot slot, const Command& command) {
  const protocol::SubRefreshRequest& refresh = command.sub_refresh;
  if (refresh.type != protocol::kSubRefreshToken) return SubRefreshKeys(slot, command);
  if (!IsSubscribed(slot, refresh.channel)) {
    return ReplyError(slot, command.id, ErrorCode::kPermissionDenied);
  }
  const ChannelIndex index = channels_.Find(refresh.channel);
  Session& session = *connections_[slot].session;
  const SubscriptionDetails* before = session.DetailsOf(index);
  const bool client_refreshes = before != nullptr ? before->client_refreshes
                                                  : !channels_[index].ns->sub_refresh_proxy_enabled;
  if (!client_refreshes) {
    return host_.Disconnect(slot, DisconnectCode::kBadRequest);
  }
  if (refresh.token.empty()) return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  protocol::JwtClaims claims;
  // A token that is not valid is told by closing here, as in the original: when subscribing it is
  // error 103.
  switch (CheckSubscriptionToken(slot, command.id, refresh.token, refresh.channel, claims)) {
    case TokenVerdict::kGood:
      break;
    case TokenVerdict::kAnswered:
      return;
    case TokenVerdict::kInvalid:
      return host_.Disconnect(slot, DisconnectCode::kInvalidToken);
  }
  const std::int64_t left_s = claims.ends_s() - host_.UnixSeconds();
  if (claims.ends_s() > 0 && left_s < 0) {
    return ReplyError(slot, command.id, ErrorCode::kExpired);
  }
  SubscriptionDetails& details = DetailsFor(slot, index);
  details.expires_ns = claims.ends_s() > 0 ? MonotonicAfter(left_s) : 0;
  details.info = claims.info;
  details.token = StampOf(claims);
  host_.OnDeadlines(slot);
  protocol::SubRefreshResult answer;
  answer.expires = details.expires_ns != 0;
  if (answer.expires) answer.ttl_s = SecondsUntil(details.expires_ns);
  protocol::AppendSubRefreshReply(connections_[slot].form, command.id, answer,
                                  connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

// What `token` is worth for subscribing to `channel`.
Commands::TokenVerdict Commands::CheckSubscriptionToken(engine::Slot slot, std::uint32_t id,
                                                        std::string_view token,
                                                        std::string_view channel,
                                                        protocol::JwtClaims& claims) {
  const Session& session = *connections_[slot].session;
  const JwtResult result = CheckToken(slot, subscription_tokens_, token, claims);
  if (command_waits_) return TokenVerdict::kAnswered;
  if (protocol::IsExpired(result)) {
    ReplyError(slot, id, ErrorCode::kTokenExpired);
    return TokenVerdict::kAnswered;
  }
  // A connection's token says nothing about a channel.
  if (protocol::IsInvalid(result) || claims.channel.empty() || IsRevoked(claims)) {
    return TokenVerdict::kInvalid;
  }
  if (claims.channel != channel || claims.user != session.user ||
      (!claims.client.empty() && claims.client != session.client)) {
    // Somebody else's token: no mistake that a retry would mend.
    host_.Disconnect(slot, DisconnectCode::kInvalidToken);
    return TokenVerdict::kAnswered;
  }
  return TokenVerdict::kGood;
}

std::uint64_t Commands::NextDueNs(engine::Slot slot) {
  const Connection& connection = connections_[slot];
  if (connection.session == nullptr) return 0;
  const auto& client = config_.client;
  const Session& session = *connection.session;
  if (session.lost_position) return host_.NowNs();
  std::uint64_t due_ns = 0;
  const auto consider = [&due_ns](std::uint64_t deadline_ns) {
    if (due_ns == 0 || deadline_ns < due_ns) due_ns = deadline_ns;
  };
  if (session.expires_ns != 0 && !session.renewing) {
    consider(session.expires_ns + (session.client_refreshes ? client.expired_close_delay_ns : 0));
  }
  for (const SubscriptionDetails& details : session.details) {
    if (details.expires_ns == 0 || details.renewing) continue;
    consider(details.expires_ns + client.expired_sub_close_delay_ns);
  }
  if (const std::uint64_t key_ns = NextKeyExpiryNs(slot); key_ns != 0) consider(key_ns);
  return due_ns;
}

bool Commands::OnDue(engine::Slot slot) {
  Session& session = *connections_[slot].session;
  const auto& client = config_.client;
  const std::uint64_t now_ns = host_.NowNs();
  if (session.lost_position) {
    host_.Disconnect(slot, DisconnectCode::kInsufficientState);
    return false;
  }
  const std::uint64_t grace_ns = session.client_refreshes ? client.expired_close_delay_ns : 0;
  if (session.expires_ns != 0 && !session.renewing && now_ns >= session.expires_ns + grace_ns) {
    if (session.client_refreshes) {
      host_.Disconnect(slot, DisconnectCode::kExpired);
      return false;
    }
    AskToRefresh(slot);
  }
  ExpireKeys(slot);
  // Ending one takes it out of the list.
  for (std::size_t i = 0; i < session.details.size();) {
    SubscriptionDetails& details = session.details[i];
    const bool is_due = details.expires_ns != 0 && !details.renewing &&
                        now_ns >= details.expires_ns + client.expired_sub_close_delay_ns;
    if (is_due && channels_[details.channel].ns->sub_refresh_proxy_enabled) {
      AskToSubRefresh(slot, details);
    } else if (is_due && ExpireSubscription(slot, details)) {
      if (connections_[slot].state == Connection::State::kClosing) return false;
      continue;
    }
    ++i;
  }
  return true;
}

bool Commands::ExpireSubscription(engine::Slot slot, const SubscriptionDetails& details) {
  if (details.server_side) {
    host_.Disconnect(slot, DisconnectCode::kSubscriptionExpired);
    return true;
  }
  return EndSubscription(slot, details.channel, UnsubscribeCode::kExpired);
}

// False when the home has not answered yet: its answer will find it expired.
bool Commands::EndSubscription(engine::Slot slot, ChannelIndex channel, UnsubscribeCode code) {
  const std::uint32_t subscription = FindSubscription(slot, channel);
  const Connection& connection = connections_[slot];
  if (subscription >= connection.subscriptions.size() ||
      !connection.subscriptions[subscription].live()) {
    return false;
  }
  TellUnsubscribed(slot, channel, code);
  Remove(slot, subscription, Departure::kLeft);
  return true;
}

SubscriptionDetails& Commands::DetailsFor(engine::Slot slot, ChannelIndex channel) {
  Session& session = *connections_[slot].session;
  if (SubscriptionDetails* known = session.DetailsOf(channel); known != nullptr) return *known;
  SubscriptionDetails& details = session.details.emplace_back(DetailsBy(*channels_[channel].ns));
  details.channel = channel;
  return details;
}

}  // namespace tickcast::shards
