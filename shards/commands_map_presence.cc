// Commands: the keys that stand and fall with a client's subscriptions.
//
// Where a namespace names a map of who is present, its subscribers are in it: by client, whose key
// goes when the subscription ends, and by user, whose key ends by its time, so that whoever comes
// back soon has never been away. A map may also drop what a client wrote under its own id.
// Nobody waits for the answers. What a full way makes a home refuse is told again by the next
// refresh, or ends by its time.
// Source: addMapClientPresence() … removeMapPresence() in client_map.go of
// github.com/centrifugal/centrifuge.
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shards/commands.h"

namespace tickcast::shards {

// The connection is subscribed to `channel`, a primary, and has been told so.
void Commands::Appear(engine::Slot slot, ChannelIndex channel) {
  if (!MapPresence::IsWanted(*channels_[channel].ns)) return;
  map_presence_.Add(slot, channel, host_.NowNs());
  TellPresent(slot, channel);
}

// The same with all that it is subscribed to.
void Commands::AppearInAll(engine::Slot slot) {
  for (const Subscription& subscription : connections_[slot].subscriptions) {
    if (subscription.live()) Appear(slot, channels_.primary(subscription.channel));
  }
}

// A live subscription to `channel`, a primary, ends.
void Commands::Disappear(engine::Slot slot, ChannelIndex channel) {
  const engine::Namespace& ns = *channels_[channel].ns;
  const std::string& client = connections_[slot].session->client;
  if (ns.map.remove_client_on_unsubscribe) RemoveKeyUnasked(channels_.name(channel), client);
  if (!MapPresence::IsWanted(ns) || !map_presence_.Remove(slot, channel)) return;
  const std::string& prefix = ns.map_clients_presence_channel_prefix;
  if (!prefix.empty()) RemoveKeyUnasked(absl::StrCat(prefix, channels_.name(channel)), client);
}

void Commands::RefreshPresent() {
  map_presence_.Sweep(host_.NowNs(), [this](engine::Slot slot, ChannelIndex channel) {
    TellPresent(slot, channel);
  });
}

void Commands::TellPresent(engine::Slot slot, ChannelIndex channel) {
  const engine::Namespace& ns = *channels_[channel].ns;
  const std::string& name = channels_.name(channel);
  const Session& session = *connections_[slot].session;
  if (const std::string& prefix = ns.map_clients_presence_channel_prefix; !prefix.empty()) {
    const protocol::ClientInfo info = InfoOf(slot, name);
    KeepKeyUnasked(absl::StrCat(prefix, name), session.client, &info);
  }
  // The anonymous are no user, and what cannot be a key is none.
  const bool is_key = !session.user.empty() && session.user.size() <= Publication::kMaxKeyBytes;
  if (const std::string& prefix = ns.map_users_presence_channel_prefix; !prefix.empty() && is_key) {
    KeepKeyUnasked(absl::StrCat(prefix, name), session.user, nullptr);
  }
}

// Writes a key without a value, unless it is there: then it lives on as if it were written now.
void Commands::KeepKeyUnasked(const std::string& channel, const std::string& key,
                              const protocol::ClientInfo* info) {
  std::unique_ptr<Request> request = NewUnasked(Request::Kind::kMapPublish, channel, key);
  request->map->mode = protocol::KeyMode::kIfNew;
  request->map->keep_alive = true;
  const std::string prefix = Publication::PushPrefix(channel);
  request->draft = Publication::Draft({.channel = channel,
                                       .push_prefix = prefix,
                                       .info = info,
                                       .key = key,
                                       .ingest_ns = host_.NowNs()});
  Ask(std::move(request));
}

void Commands::RemoveKeyUnasked(const std::string& channel, const std::string& key) {
  Ask(NewUnasked(Request::Kind::kMapRemove, channel, key));
}

std::unique_ptr<Request> Commands::NewUnasked(Request::Kind kind, const std::string& channel,
                                              const std::string& key) {
  auto request = std::make_unique<Request>();
  request->kind = kind;
  request->asker = Request::Asker::kNobody;
  request->origin = exchange_.self();
  request->channel = channel;
  request->map = std::make_unique<MapRequest>();
  request->map->key = key;
  return request;
}

}  // namespace tickcast::shards
