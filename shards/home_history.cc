// Home: what was published before: recovery, and the history commands.
//
// Source: client.go (isStreamRecovered, isCacheRecovered), node.go (history) and broker_memory.go
// of github.com/centrifugal/centrifuge.
#include <algorithm>
#include <limits>

#include "shards/home.h"

namespace tickcast::shards {

using protocol::ErrorCode;

// All or nothing: a part of what was missed would look like the whole to the client.
void Home::Recover(Channel& channel, Request& request) const {
  if (!request.recoverable) return;
  if (channel.ns->force_recovery_mode == engine::RecoveryMode::kCache) {
    request.recover = request.recover || channel.ns->auto_cache_recover;
    if (request.recover) RecoverNewest(channel, request);
    return;
  }
  if (!request.recover) return;
  const bool same_epoch = request.since_epoch.empty() || request.since_epoch == channel.epoch;
  request.recovered =
      same_epoch &&
      channel.history.AllAfter(request.since_offset, channel.offset,
                               config_.client.recovery_max_publication_limit, request.publications);
  if (request.recovered || !request.reject_unrecovered) return;
  request.failed = true;
  request.error = ErrorCode::kUnrecoverablePosition;
}

// Whoever wants the newest publication only has what it wants as soon as there is one, however much
// was in between.
void Home::RecoverNewest(Channel& channel, Request& request) const {
  const bool has_newest = request.since_offset > 0 && request.since_offset == channel.offset &&
                          request.since_epoch == channel.epoch;
  request.recovered = has_newest || !channel.history.empty();
  if (!has_newest) channel.history.Newest(1, request.publications);
}

void Home::AnswerHistory(Request& request, std::uint64_t now_ns) {
  const auto fail = [&request](ErrorCode error) {
    request.failed = true;
    request.error = error;
  };
  Channel* channel = FindOrAdd(request.channel, now_ns);
  if (channel == nullptr) return fail(ErrorCode::kUnknownChannel);
  if (!KeepsHistory(*channel)) return fail(ErrorCode::kNotAvailable);
  // Nothing is before the first one.
  if (request.reverse && request.has_since && request.since_offset == 0) {
    return fail(ErrorCode::kBadRequest);
  }
  channel->touched_ns = now_ns;  // The answer names a position that the client may come back to.
  ChangeHistory(*channel, [now_ns](History& history) { history.Expire(now_ns); });
  request.epoch = channel->epoch;
  request.offset = channel->offset;
  if (request.has_since && !request.since_epoch.empty() && request.since_epoch != channel->epoch) {
    return fail(ErrorCode::kUnrecoverablePosition);
  }
  // A backend is trusted with the whole history.
  const std::size_t most = request.asker == Request::Asker::kApiCall
                               ? std::numeric_limits<std::size_t>::max()
                               : config_.client.history_max_publication_limit;
  const std::size_t limit =
      request.limit < 0 ? most
                        : std::min<std::size_t>(static_cast<std::size_t>(request.limit), most);
  const History& history = channel->history;
  if (!request.reverse) {
    return history.After(request.has_since ? request.since_offset : 0, limit, request.publications);
  }
  if (!request.has_since) return history.Newest(limit, request.publications);
  history.Before(request.since_offset, limit, request.publications);
}

// The publications go, the position stays: who was up to date still is, and who was not is told so.
void Home::AnswerHistoryRemove(Request& request, std::uint64_t now_ns) {
  Channel* channel = FindOrAdd(request.channel, now_ns);
  request.failed = channel == nullptr || !KeepsHistory(*channel);
  if (request.failed) {
    request.error = channel == nullptr ? ErrorCode::kUnknownChannel : ErrorCode::kNotAvailable;
    return;
  }
  ChangeHistory(*channel, [](History& history) { history.Clear(); });
}

}  // namespace tickcast::shards
