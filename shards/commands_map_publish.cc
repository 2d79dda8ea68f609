// Commands: what clients write into maps.
//
// Who may, and under which key, is the namespace's to say, or a backend's; what becomes of it, the
// home's (home_map.cc).
// Source: OnMapPublish() and OnMapRemove() in internal/client/handler.go of
// github.com/centrifugal/centrifugo.
#include <memory>
#include <string>
#include <utility>

#include "shards/commands.h"
#include "shards/data_format.h"

namespace tickcast::shards {

using protocol::ErrorCode;
using protocol::ProxyKind;

// Writes a key, or removes it. REQUIRES: the channel is keyed, or the publish one into a map.
void Commands::PublishKey(engine::Slot slot, const Command& command, const engine::Namespace& ns) {
  const protocol::PublishRequest& publish = command.publish;
  if (publish.channel.size() > config_.channel.max_length ||
      !access_.IsValidName(ns, publish.channel)) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  }
  // A feed's keys are the feed's, also where client.insecure allows everything.
  const bool takes_keys = ns.is_map() && ns.source.empty() && publish.type == kMapPublish;
  if (!takes_keys) return ReplyError(slot, command.id, ErrorCode::kPermissionDenied);
  const Session& session = *connections_[slot].session;
  const protocol::ProxyAnswer* decision = nullptr;
  std::string_view key = publish.key;
  if (publish.removed ? ns.map.remove_proxy_enabled : ns.map.publish_proxy_enabled) {
    // A backend decides alone, and may change key and value.
    decision = DecideKey(slot, command, ns);
    if (decision == nullptr) return;
    if (!decision->key.empty()) key = decision->key;
  } else {
    const bool subscribed =
        ns.map.lets_subscribers_write(publish.removed) && IsSubscribed(slot, publish.channel);
    // Somebody without a name has no key of his own.
    const bool is_nobody =
        ns.map.client_key == engine::MapClientKey::kUserId && session.user.empty();
    if (is_nobody || !access_.MayWriteKey(ns, publish.removed, session.user, subscribed)) {
      return ReplyError(slot, command.id, ErrorCode::kPermissionDenied);
    }
    if (ns.map.client_key == engine::MapClientKey::kClientId) key = session.client;
    if (ns.map.client_key == engine::MapClientKey::kUserId) key = session.user;
  }
  if (key.empty() || key.size() > Publication::kMaxKeyBytes) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  }
  if (exchange_.congested(exchange_.HomeOf(publish.channel))) {
    metrics_.publications_refused.Add();
    return ReplyError(slot, command.id, ErrorCode::kTooManyRequests);
  }
  if (publish.removed) return AskToRemoveKey(slot, command, key, decision);
  AskToPublishKey(slot, command, ns, key, decision);
}

const protocol::ProxyAnswer* Commands::DecideKey(engine::Slot slot, const Command& command,
                                                 const engine::Namespace& ns) {
  const protocol::PublishRequest& publish = command.publish;
  const Session& session = *connections_[slot].session;
  return Decide(slot, command, publish.removed ? ProxyKind::kMapRemove : ProxyKind::kMapPublish,
                publish.removed ? ns.map.remove_proxy_name : ns.map.publish_proxy_name,
                {.client = session.client,
                 .data = publish.data,
                 .user = session.user,
                 .meta = session.extras().meta,
                 .channel = publish.channel,
                 .key = publish.key});
}

void Commands::AskToPublishKey(engine::Slot slot, const Command& command,
                               const engine::Namespace& ns, std::string_view key,
                               const protocol::ProxyAnswer* decision) {
  const std::string_view channel = command.publish.channel;
  const protocol::ClientInfo info = InfoOf(slot, channel);
  std::unique_ptr<Request> request = NewRequest(slot, command, Request::Kind::kMapPublish, channel);
  request->map = std::make_unique<MapRequest>();
  request->map->key = key;
  const std::string prefix = Publication::PushPrefix(channel);
  PublicationDraft draft{.channel = channel,
                         .push_prefix = prefix,
                         .info = &info,
                         .key = key,
                         .delta = ns.delta_publish,
                         .ingest_ns = host_.NowNs()};
  // A key may stand without a value.
  SetPayload(command.publish.data, command.data_is_json, draft);
  if (decision != nullptr) {
    ApplyDecision(*decision, draft, *request);
    request->map->mode = decision->key_mode;
  }
  if (!FitsFormat(draft.data, FormatOf(config_, ns))) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  }
  request->draft = Publication::Draft(draft);
  Ask(std::move(request));
}

void Commands::AskToRemoveKey(engine::Slot slot, const Command& command, std::string_view key,
                              const protocol::ProxyAnswer* decision) {
  std::unique_ptr<Request> request =
      NewRequest(slot, command, Request::Kind::kMapRemove, command.publish.channel);
  request->map = std::make_unique<MapRequest>();
  request->map->key = key;
  if (decision != nullptr) {
    request->map->tags = decision->tags;
    request->idempotency_key = decision->idempotency_key;
  }
  Ask(std::move(request));
}

}  // namespace tickcast::shards
