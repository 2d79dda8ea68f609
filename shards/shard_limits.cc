// Shard: what ConnectionLimits refuses, and what it is given back.
#include "shards/shard.h"

namespace tickcast::shards {

// Refuses a connection before it has asked for anything.
void Shard::LimitAccepted(engine::Slot slot) {
  if (server_.limits == nullptr || server_.limits->TakeConnection(now_ns_)) return;
  metrics_.CountLimited(Limit::kConnectionRate);
  Refuse(slot, CloseReason::kOverLimit, "client.connection_rate_limit is reached");
}

// The kernel tells an address soon after the accept, as a rule before the first request.
void Shard::LimitAddress(engine::Slot slot, const engine::PeerAddress& peer) {
  if (peer.family == engine::PeerAddress::Family::kUnknown) return metrics_.unknown_peers.Add();
  peers_[slot].address = peer;
  const Connection& connection = connections_[slot];
  if (connection.state == Connection::State::kClosing) return;
  const ConnectionLimits::Address verdict = server_.limits->TakeAddress(peer, now_ns_);
  if (verdict == ConnectionLimits::Address::kTaken) {
    peers_[slot].taken = true;
    return;
  }
  const bool too_many = verdict == ConnectionLimits::Address::kTooMany;
  metrics_.CountLimited(too_many ? Limit::kAddress : Limit::kAddressRate);
  if (connection.state != Connection::State::kHttp) {
    return Disconnect(slot, too_many ? protocol::DisconnectCode::kConnectionLimit
                                     : protocol::DisconnectCode::kTooManyRequests);
  }
  // Nothing can be said into the middle of a response.
  if (connection.answering) return BeginClose(slot, CloseReason::kOverLimit, false);
  Refuse(slot, CloseReason::kOverLimit,
         too_many ? "client.address_connection_limit is reached"
                  : "client.address_connection_rate is reached",
         429);
}

bool Shard::AdmitClient(engine::Slot slot) {
  if (server_.limits == nullptr) return true;
  if (!server_.limits->TakeClient()) {
    metrics_.CountLimited(Limit::kConnections);
    return false;
  }
  connections_[slot].counted = true;
  return true;
}

bool Shard::AdmitUser(engine::Slot, Session& session) {
  if (server_.limits == nullptr) return true;
  session.counted = server_.limits->TakeUser(session.user);
  if (!session.counted) metrics_.CountLimited(Limit::kUser);
  return session.counted;
}

// What a connection that ends was counted as; its address stays until its socket is closed.
void Shard::ReleaseLimits(engine::Slot slot) {
  Connection& connection = connections_[slot];
  if (connection.counted) server_.limits->GiveClient();
  connection.counted = false;
  if (connection.session == nullptr || !connection.session->counted) return;
  server_.limits->GiveUser(connection.session->user);
  connection.session->counted = false;
}

void Shard::ReleaseAddress(engine::Slot slot) {
  if (!CountsAddresses()) return;
  if (peers_[slot].taken) server_.limits->GiveAddress(peers_[slot].address);
  peers_[slot] = Peer();
}

}  // namespace tickcast::shards
