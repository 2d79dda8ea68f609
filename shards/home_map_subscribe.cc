// Home: subscribing to a map channel: pages of its keys, then of what changed, then live.
//
// A client reads the keys page by page and is let in with the last one, together with everything
// that changed since the first: the answer travels in the lane in which later changes follow it, so
// nothing is missed and nothing told twice. Only a client that is far behind by then, or was away,
// reads pages of changes between. Nothing is kept here for a client that is not in yet: what it has
// read so far is in its questions.
// Source: client_map.go of github.com/centrifugal/centrifuge, whose order of checks this follows.
#include <limits>

#include "shards/home.h"

namespace tickcast::shards {

using protocol::ErrorCode;

namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

}  // namespace

void Home::AnswerMapSubscribe(Channel& channel, Request& request, std::uint64_t now_ns) {
  ChangeMap(channel, [now_ns](MapState& map) { map.ExpireStream(now_ns); });
  request.epoch = channel.map->epoch();
  switch (request.map->phase) {
    case MapPhase::kState:
      return ReadMapState(channel, request);
    case MapPhase::kStream:
      return ReadMapStream(channel, request);
    case MapPhase::kLive:
      return JoinMap(channel, request);
  }
}

void Home::ReadMapState(Channel& channel, Request& request) {
  const MapState& map = *channel.map;
  MapRequest& asked = *request.map;
  if (!request.since_epoch.empty() && request.since_epoch != map.epoch()) {
    return request.Fail(ErrorCode::kUnrecoverablePosition);
  }
  if (!asked.has_cut) asked.cut = map.sequence();
  // Of another life, whose keys the client has in part.
  if (asked.cut < map.SequenceOf(0)) return request.Fail(ErrorCode::kUnrecoverablePosition);
  request.sequence = asked.cut;
  request.offset = channel.ns->map.has_stream() ? asked.cut - map.SequenceOf(0) : 0;
  if (map.ReadState(asked.cursor, asked.page_size, asked.cut, asked.state)) return;
  // The last page. There is no stream to read first where there are no positions.
  const bool has_stream = channel.ns->map.has_stream();
  if (has_stream && map.sequence() - asked.cut > asked.page_size) return;
  GoLive(channel, request, asked.cut, has_stream ? asked.page_size : kNoLimit);
}

void Home::ReadMapStream(Channel& channel, Request& request) {
  const MapState& map = *channel.map;
  MapRequest& asked = *request.map;
  if (!channel.ns->map.has_stream()) return request.Fail(ErrorCode::kBadRequest);
  if (!request.since_epoch.empty() && request.since_epoch != map.epoch()) {
    return request.Fail(ErrorCode::kUnrecoverablePosition);
  }
  const std::uint64_t since = map.SequenceOf(request.since_offset);
  // What comes while it reads is no reason to read on for ever: who has nearly come to where the
  // map was at its first page is let in, however much that takes now.
  if (asked.goal == 0) asked.goal = map.sequence();
  if (since + asked.page_size >= asked.goal) return JoinMap(channel, request);
  const MapState::Changes read = map.ReadChanges(since, asked.page_size, request.publications);
  if (read == MapState::Changes::kUnable) return request.Fail(ErrorCode::kUnrecoverablePosition);
  // Fewer than there are numbers, since each key is told once: that was all.
  if (read == MapState::Changes::kAll) {
    request.publications.clear();
    return JoinMap(channel, request);
  }
  request.sequence = request.publications.back()->sequence();
  request.offset = request.publications.back()->offset();
}

// From a position that the client has read up to, or had before it was away.
void Home::JoinMap(Channel& channel, Request& request) {
  const MapState& map = *channel.map;
  const bool has_stream = channel.ns->map.has_stream();
  // Without a cut an ephemeral map tells what comes, whatever was.
  if ((has_stream || request.map->has_cut) && request.since_epoch != map.epoch()) {
    return request.Fail(ErrorCode::kUnrecoverablePosition);
  }
  std::uint64_t since = map.sequence();
  if (has_stream) {
    since = map.SequenceOf(request.since_offset);
  } else if (request.map->has_cut) {
    since = request.map->cut;
  }
  GoLive(channel, request, since, has_stream ? channel.ns->map.live_transition_limit() : kNoLimit);
  request.recovered = request.map->live && request.recover;
}

void Home::GoLive(Channel& channel, Request& request, std::uint64_t since, std::size_t limit) {
  const MapState& map = *channel.map;
  MapState::Changes read = map.ReadChanges(since, limit, request.publications);
  if (read == MapState::Changes::kPart) {
    // The newest of each key may be few enough.
    request.publications.clear();
    read = map.ReadNewest(since, limit, request.publications);
  }
  if (read != MapState::Changes::kAll) {
    request.publications.clear();
    return request.Fail(ErrorCode::kUnrecoverablePosition);
  }
  request.offset = map.offset();
  request.map->live = true;
  LetIn(channel, request);
}

}  // namespace tickcast::shards
