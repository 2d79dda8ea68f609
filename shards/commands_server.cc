// Commands: what the server does to a connection without being asked by it.
#include <algorithm>

#include "protocol/centrifuge/push.h"
#include "shards/commands.h"

namespace tickcast::shards {

using protocol::DisconnectCode;
using protocol::UnsubscribeCode;

namespace {

// As the original: nothing lasts longer than a year without being asked for again.
constexpr std::int64_t kMaxTtlSeconds = 365 * 24 * 3600;

}  // namespace

void Commands::UnsubscribeByServer(engine::Slot slot, std::string_view channel) {
  const ChannelIndex index = channels_.Find(channel);
  if (index == kNoChannel) return;
  Connection& connection = connections_[slot];
  const std::uint32_t subscription = FindSubscription(slot, index);
  if (subscription >= connection.subscriptions.size()) return;
  Subscription& left = connection.subscriptions[subscription];
  if (!left.live()) {
    left.member = Subscription::kLeaving;
    connection.session->ForgetDetails(index);
    connection.session->leaving.push_back(
        {index, static_cast<std::uint32_t>(left.seen), Session::Unsubscribe::kByServer});
    return;
  }
  TellUnsubscribed(slot, index, UnsubscribeCode::kServer);
  Remove(slot, subscription, Departure::kLeft);
}

void Commands::TellUnsubscribed(engine::Slot slot, ChannelIndex channel, UnsubscribeCode code) {
  protocol::AppendUnsubscribePush(connections_[slot].form, {.channel = channels_.name(channel)},
                                  code, protocol::ReasonOf(code), connections_.NewLine(slot));
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
  if (expires && !refresh.info.empty()) session.info = refresh.info;
  host_.OnDeadlines(slot);
  protocol::AppendRefreshPush(connections_[slot].form, expires,
                              expires ? static_cast<std::uint32_t>(ttl_s) : 0,
                              connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

}  // namespace tickcast::shards
