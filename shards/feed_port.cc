#include "shards/feed_port.h"

#include "engine/invariant.h"

namespace tickcast::shards {

FeedChannelId FeedPort::OpenChannel(std::string_view name) {
  const engine::Namespace* ns = config_.FindNamespace(name);
  INVARIANT(ns != nullptr, "the configuration has the namespaces of every feed it enables");
  targets_.push_back({.name = std::string(name),
                      .push_prefix = Publication::PushPrefix(name),
                      .home = exchange_.HomeOf(name),
                      .is_state = ns->kind == engine::ChannelKind::kState,
                      .delta = ns->delta_publish});
  return static_cast<FeedChannelId>(targets_.size() - 1);
}

FeedSink::Verdict FeedPort::Publish(FeedChannelId channel, std::string_view payload,
                                    std::uint64_t ingest_ns) {
  const Target& target = targets_[channel];
  // State conflates on a full way; a stream's source has to wait.
  if (!target.is_state && exchange_.congested(target.home)) return Verdict::kFull;
  PublicationRef draft = Publication::Draft({.channel = target.name,
                                             .push_prefix = target.push_prefix,
                                             .data = payload,
                                             .delta = target.delta,
                                             .ingest_ns = ingest_ns});
  if (target.home == exchange_.self()) {
    return home_.Offer(draft, ingest_ns) ? Verdict::kTaken : Verdict::kFull;
  }
  exchange_.Send(target.home, {.kind = Message::Kind::kTick,
                               .conflatable = target.is_state,
                               .publication = std::move(draft)});
  return Verdict::kTaken;
}

}  // namespace tickcast::shards
