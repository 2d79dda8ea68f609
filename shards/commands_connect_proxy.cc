// Commands: connecting where a backend says who the client is.
//
// Source: internal/proxy/connect_handler.go and internal/client/handler.go of
// github.com/centrifugal/centrifugo.
#include <string_view>
#include <vector>

#include "shards/commands.h"

namespace tickcast::shards {

using protocol::DisconnectCode;
using protocol::ErrorCode;
using protocol::ProxyAnswer;

// Who comes without a token. The id that the backend is told is the one that the client gets.
void Commands::ConnectByProxy(engine::Slot slot, const Command& command) {
  Connection& connection = connections_[slot];
  if (decision_ != nullptr) connection.session->client = decision_->client;
  std::vector<std::string_view> channels;
  for (const protocol::ConnectSub& asked : connection.connecting->asked) {
    channels.push_back(asked.channel);
  }
  const ProxyAnswer* const answer = Decide(slot, command, protocol::ProxyKind::kConnect, "default",
                                           {.client = connection.session->client,
                                            .data = command.connect.data,
                                            .name = command.connect.name,
                                            .version = command.connect.version,
                                            .channels = channels});
  if (connection.state == Connection::State::kClosing) return;
  if (answer == nullptr) {
    // It waits and is run again from its start, or was told an error and may try again.
    connection.connecting.reset();
    connection.session.reset();
    return;
  }
  // A backend that does not say who it is leaves it to what holds without one.
  if (!answer->has_result) return ConnectAnonymously(slot);
  if (TakeConnectAnswer(slot, *answer)) ContinueConnect(slot);
}

// The backend has been told what the client would like to be subscribed to, and says it all.
bool Commands::TakeConnectAnswer(engine::Slot slot, const ProxyAnswer& answer) {
  Session& session = *connections_[slot].session;
  if (!CanTake(slot, answer.data)) {
    host_.Disconnect(slot, DisconnectCode::kInappropriateProtocol);
    return false;
  }
  session.user = answer.user;
  if (!answer.info.bytes.empty()) session.MutableExtras().info = answer.info.bytes;
  if (!answer.meta.empty()) session.MutableExtras().meta = answer.meta;
  connections_[slot].connecting->data = answer.data.bytes;
  if (answer.expire_at_s > 0) {
    const std::int64_t left_s = answer.expire_at_s - host_.UnixSeconds();
    if (left_s < 0) {
      FailConnect(slot, ErrorCode::kExpired);
      return false;
    }
    session.expires_ns = MonotonicAfter(left_s);
  }
  // `subs` has the word where both name a channel.
  for (const protocol::ProxySubscription& sub : answer.subs) {
    if (!AddProxySubscription(slot, sub)) return false;
  }
  for (const std::string_view channel : answer.channels) {
    protocol::ProxySubscription plain;
    plain.channel = channel;
    if (!AddProxySubscription(slot, plain)) return false;
  }
  return true;
}

bool Commands::AddProxySubscription(engine::Slot slot, const protocol::ProxySubscription& sub) {
  if (sub.channel.empty()) return true;
  const engine::Namespace* const ns = config_.FindNamespace(sub.channel);
  if (ns == nullptr) {
    FailConnect(slot, ErrorCode::kUnknownChannel);
    return false;
  }
  if (!CanTake(slot, sub.data)) {
    host_.Disconnect(slot, DisconnectCode::kInappropriateProtocol);
    return false;
  }
  ServerSubscription* const added = AddServerSubscription(slot, sub.channel, *ns);
  if (added == nullptr) return true;
  Override(sub.override, added->details);
  added->details.info = sub.info.bytes;
  added->data = sub.data.bytes;
  // The newest publication is what cache mode recovers, from whatever position.
  if (sub.cache_recover && ns->force_recovery_mode == engine::RecoveryMode::kCache) {
    added->recover = true;
  }
  return true;
}

}  // namespace tickcast::shards
