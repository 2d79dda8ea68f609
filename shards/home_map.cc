// Home: the keys of map channels that have keys of their own.
//
// Source: map_broker_memory.go of github.com/centrifugal/centrifuge.
#include <limits>
#include <memory>
#include <utility>

#include "engine/invariant.h"
#include "shards/home.h"

namespace tickcast::shards {

using protocol::ErrorCode;

namespace {

// A map without keys whose position nobody can have seen move is remembered this long after its
// last use.
constexpr std::uint64_t kIdleMapNs = 60'000'000'000;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

// Keys that one sweep removes: ten sweeps a second, so 10,240 keys a second and shard. What is over
// beyond that ends a little later.
constexpr int kExpiriesPerSweep = 1024;
// Subscribers on a full way have to hear of it too.
constexpr std::uint64_t kWhenCongestedNs = 100'000'000;

// What API calls ask for: below 0 everything.
std::size_t LimitOf(const Request& request) {
  return request.limit < 0 ? kNoLimit : static_cast<std::size_t>(request.limit);
}

}  // namespace

std::uint64_t Home::MapTtl(const Channel& channel) {
  const engine::MapConfig& map = channel.ns->map;
  if (channel.map->size() == 0 && channel.map->offset() == 0) return kIdleMapNs;
  return map.kept_ns() == 0 ? kNever : map.kept_ns();
}

void Home::AnswerMap(Request& request, std::uint64_t now_ns) {
  const engine::Namespace* const ns = config_.FindNamespace(request.channel);
  if (ns == nullptr) return request.Fail(ErrorCode::kUnknownChannel);
  if (!ns->has_own_map()) return request.Fail(ErrorCode::kBadRequest);
  // What asks about keys that never were does not make a channel of its name.
  Channel* channel = Find(request.channel);
  if (request.kind == Request::Kind::kMapStats) {
    request.map->keys = channel == nullptr ? 0 : static_cast<std::uint32_t>(channel->map->size());
    return;
  }
  if (request.kind == Request::Kind::kMapClear) {
    if (channel != nullptr) ClearMap(*channel, now_ns);
    return;
  }
  if (request.kind == Request::Kind::kMapRemove && channel == nullptr) {
    request.suppressed = true;
    request.map->suppression = MapSuppression::kKeyNotFound;
    return;
  }
  channel = FindOrAdd(request.channel, now_ns);
  channel->touched_ns = now_ns;
  ChangeMap(*channel, [now_ns](MapState& map) { map.ExpireStream(now_ns); });
  if (request.kind == Request::Kind::kMapReadState) return AnswerMapReadState(*channel, request);
  if (request.kind == Request::Kind::kMapReadStream) return AnswerMapReadStream(*channel, request);
  AnswerMapWrite(request, now_ns);
}

void Home::AnswerMapWrite(Request& request, std::uint64_t now_ns) {
  Channel& channel = *Find(request.channel);
  MapState& map = *channel.map;
  MapRequest& asked = *request.map;
  const bool remove = request.kind == Request::Kind::kMapRemove;
  // As the original: dropping what is old needs positions.
  if (request.version != 0 && !channel.ns->map.has_stream()) {
    return request.Fail(ErrorCode::kInternal);
  }
  request.epoch = map.epoch();
  request.offset = map.offset();
  if (!request.idempotency_key.empty()) {
    const IdempotentResults::Position* const known =
        results_.Find(request.channel, request.idempotency_key, now_ns);
    // After a clear the same write is another one.
    if (known != nullptr && known->epoch == map.epoch()) {
      request.offset = known->offset;
      request.suppressed = true;
      asked.suppression = MapSuppression::kIdempotency;
      return;
    }
  }
  if (OverRate(channel, request, now_ns)) return;
  const MapWrite write{.key = asked.key,
                       .remove = remove,
                       .mode = asked.mode,
                       .keep_alive = asked.keep_alive,
                       .version = request.version,
                       .version_epoch = request.version_epoch};
  asked.suppression = map.Check(write, now_ns);
  request.suppressed = asked.suppression != MapSuppression::kNone;
  if (request.suppressed) return;
  if (Congested(channel)) return request.Fail(ErrorCode::kTooManyRequests);
  ChangeKey(
      channel, write,
      remove ? DraftRemoval(channel, asked.key, asked.tags, now_ns) : std::move(request.draft),
      now_ns);
  request.offset = map.offset();
  if (!request.idempotency_key.empty()) {
    results_.Keep(request.channel, request.idempotency_key, {request.offset, request.epoch},
                  now_ns);
  }
}

// Drafted here, as nobody else knows the tags that the key had: who filters by them has to hear of
// its end. REQUIRES: the key is there.
PublicationRef Home::DraftRemoval(const Channel& channel, std::string_view key,
                                  std::string_view tags, std::uint64_t now_ns) {
  return Publication::Draft({.channel = channel.name,
                             .push_prefix = Publication::PushPrefix(channel.name),
                             .tags = tags.empty() ? (*channel.map->Find(key))->tags() : tags,
                             .key = key,
                             .removed = true,
                             .ingest_ns = now_ns});
}

void Home::ChangeKey(Channel& channel, const MapWrite& write, PublicationRef draft,
                     std::uint64_t now_ns) {
  draft->Seal(++channel.sequence, channel.map->next_offset(), channel.id);
  ++published_;
  channel.touched_ns = now_ns;
  const PublicationRef* const known = channel.map->Find(write.key);
  Deliver(channel, draft, /*conflatable=*/false, known == nullptr ? PublicationRef() : *known);
  ChangeMap(channel, [&](MapState& map) { map.Apply(std::move(draft), write, now_ns); });
  WatchExpiry(channel);
}

void Home::AnswerMapReadState(Channel& channel, Request& request) const {
  const MapState& map = *channel.map;
  request.epoch = map.epoch();
  request.offset = map.offset();
  if (request.has_since && request.since_epoch != map.epoch()) {
    return request.Fail(ErrorCode::kUnrecoverablePosition);
  }
  if (!request.map->key.empty()) {
    if (const PublicationRef* const found = map.Find(request.map->key); found != nullptr) {
      request.publications.push_back(*found);
    }
    request.map->cursor.clear();
    return;
  }
  map.ReadState(request.map->cursor, LimitOf(request), map.sequence(), request.publications);
}

// What is not there any more is not missed: whoever asks sees the numbers.
void Home::AnswerMapReadStream(Channel& channel, Request& request) const {
  const MapState& map = *channel.map;
  request.epoch = map.epoch();
  request.offset = map.offset();
  if (request.has_since && !request.since_epoch.empty() && request.since_epoch != map.epoch()) {
    return request.Fail(ErrorCode::kUnrecoverablePosition);
  }
  const std::size_t limit = LimitOf(request);
  if (!request.reverse) {
    return map.stream().After(request.has_since ? request.since_offset : 0, limit,
                              request.publications);
  }
  if (!request.has_since) return map.stream().Newest(limit, request.publications);
  map.stream().Before(request.since_offset, limit, request.publications);
}

// Who is subscribed cannot be told key by key: there may be as many as there is memory.
void Home::ClearMap(Channel& channel, std::uint64_t now_ns) {
  ChangeMap(channel, [&](MapState& map) { map.Clear(NewEpoch(), channel.sequence); });
  channel.touched_ns = now_ns;
  Reset(channel.name);
}

void Home::SweepMap(Channel& channel, std::uint64_t now_ns) {
  ChangeMap(channel, [&](MapState& map) {
    map.ExpireStream(now_ns);
    if (history_share_ >= 1) return;
    const double size = channel.ns->map.stream_size * history_share_;
    map.Shorten(static_cast<std::size_t>(size));
  });
}

void Home::WatchExpiry(Channel& channel) {
  if (channel.expiring || channel.map->next_expiry_ns() == 0) return;
  channel.expiring = true;
  expiring_.push({channel.map->next_expiry_ns(), channel.index, channel.id});
}

// Keys that were written again since a map was noted here only make that too early: the map is
// looked at, and noted anew.
void Home::ExpireKeys(std::uint64_t now_ns) {
  for (int looked = 0; looked < kExpiriesPerSweep && !expiring_.empty(); ++looked) {
    const MapExpiry due = expiring_.top();
    if (now_ns < due.at_ns) return;
    expiring_.pop();
    Channel& channel = channels_[due.channel];
    if (channel.id != due.id) continue;
    channel.expiring = false;
    const Publication* const expired = channel.map->FirstExpired(now_ns);
    if (expired == nullptr) {
      WatchExpiry(channel);
    } else if (Congested(channel)) {
      channel.expiring = true;
      expiring_.push({now_ns + kWhenCongestedNs, due.channel, due.id});
    } else {
      const std::string key(expired->key());
      ChangeKey(channel, {.key = key, .remove = true}, DraftRemoval(channel, key, {}, now_ns),
                now_ns);
      ++keys_expired_;
    }
  }
}

}  // namespace tickcast::shards
