#include "shards/map_state.h"

#include <algorithm>
#include <utility>

#include "engine/invariant.h"

namespace tickcast::shards {

MapState::MapState(const engine::MapConfig& options, std::string epoch, std::uint64_t begin)
    : options_(options),
      epoch_(std::move(epoch)),
      begin_(begin),
      log_(options.tombstones(), begin),
      in_order_(KeyLog::ByKey{&log_}) {}

MapState::Index MapState::FindKept(std::string_view key) const {
  const Index index = log_.Find(key);
  return index == KeyLog::kNone || log_.publication(index)->removed() ? KeyLog::kNone : index;
}

const PublicationRef* MapState::Find(std::string_view key) const {
  const Index index = FindKept(key);
  return index == KeyLog::kNone ? nullptr : &log_.publication(index);
}

MapSuppression MapState::Check(const MapWrite& write, std::uint64_t now_ns) {
  const Index index = FindKept(write.key);
  const bool exists = index != KeyLog::kNone;
  if (write.remove) return exists ? MapSuppression::kNone : MapSuppression::kKeyNotFound;
  if (exists && write.version != 0 && facts_[index].version != nullptr) {
    const Version& newest = *facts_[index].version;
    const bool same_epoch = write.version_epoch.empty() || write.version_epoch == newest.epoch;
    if (same_epoch && write.version <= newest.version) return MapSuppression::kVersion;
  }
  if (exists && write.mode == KeyMode::kIfNew) {
    if (write.keep_alive) Refresh(index, now_ns);
    return MapSuppression::kKeyExists;
  }
  if (!exists && write.mode == KeyMode::kIfExists) return MapSuppression::kKeyNotFound;
  return MapSuppression::kNone;
}

void MapState::Apply(PublicationRef change, const MapWrite& write, std::uint64_t now_ns) {
  INVARIANT(change->offset() == next_offset(), "offsets have no holes");
  INVARIANT(change->sequence() == sequence() + 1, "a map channel has no other publications");
  INVARIANT(change->removed() == write.remove && change->key() == write.key,
            "the change is what was asked for");
  // A stream that is over takes what it knew of removals with it.
  ExpireStream(now_ns);
  const Index known = FindKept(write.key);
  ++top_;
  if (write.remove && known != KeyLog::kNone) {
    in_order_.erase(known);
    Unlink(known);
    facts_[known] = Facts{};
  }
  if (options_.has_stream()) {
    stream_.Append(change, options_.stream_size, now_ns, options_.stream_ttl_ns);
    stream_expires_ns_ = now_ns + options_.stream_ttl_ns;
  }
  const std::uint64_t sequence = change->sequence();
  const Index index = log_.Append(std::move(change), sequence).index;
  if (write.remove) return;
  if (index >= facts_.size()) facts_.resize(index + 1);
  if (known == KeyLog::kNone) in_order_.insert(index);
  Refresh(index, now_ns);
  // One without a version leaves the key's as it is, so that a late older one stays out.
  if (write.version == 0) return;
  facts_[index].version =
      std::make_unique<Version>(Version{write.version, std::string(write.version_epoch)});
}

void MapState::Refresh(Index index, std::uint64_t now_ns) {
  if (options_.key_ttl_ns == 0) return;
  Unlink(index);
  facts_[index].expires_ns = now_ns + options_.key_ttl_ns;
  LinkLast(index);
}

void MapState::LinkLast(Index index) {
  facts_[index].before = last_;
  facts_[index].after = KeyLog::kNone;
  (last_ == KeyLog::kNone ? first_ : facts_[last_].after) = index;
  last_ = index;
}

// Nothing where it is not linked.
void MapState::Unlink(Index index) {
  Facts& facts = facts_[index];
  if (facts.expires_ns == 0) return;
  (facts.before == KeyLog::kNone ? first_ : facts_[facts.before].after) = facts.after;
  (facts.after == KeyLog::kNone ? last_ : facts_[facts.after].before) = facts.before;
  facts.expires_ns = 0;
}

const Publication* MapState::FirstExpired(std::uint64_t now_ns) const {
  if (first_ == KeyLog::kNone || now_ns < facts_[first_].expires_ns) return nullptr;
  return log_.publication(first_).get();
}

void MapState::ExpireStream(std::uint64_t now_ns) {
  if (!options_.has_stream() || now_ns < stream_expires_ns_) return;
  stream_.Clear();
  log_.DropTombstones(sequence());
}

void MapState::Clear(std::string epoch, std::uint64_t begin) {
  INVARIANT(begin >= sequence(), "numbers rise over all lives of a channel");
  epoch_ = std::move(epoch);
  begin_ = begin;
  top_ = 0;
  in_order_.clear();
  facts_.clear();
  first_ = last_ = KeyLog::kNone;
  stream_.Clear();
  log_.Clear(begin);
}

bool MapState::ReadState(std::string& cursor, std::size_t limit, std::uint64_t sequence,
                         std::vector<PublicationRef>& out) const {
  auto at = cursor.empty() ? in_order_.begin() : in_order_.upper_bound(std::string_view(cursor));
  Index last = KeyLog::kNone;
  for (std::size_t i = 0; i < limit && at != in_order_.end(); ++i, ++at) {
    last = *at;
    if (log_.sequence(last) <= sequence) out.push_back(log_.publication(last));
  }
  const bool more = at != in_order_.end() && last != KeyLog::kNone;
  cursor = more ? log_.publication(last)->key() : std::string_view();
  return more;
}

MapState::Changes MapState::ReadChanges(std::uint64_t sequence, std::size_t limit,
                                        std::vector<PublicationRef>& out) const {
  if (sequence > this->sequence() || sequence < begin_) return Changes::kUnable;
  const std::uint64_t behind = this->sequence() - sequence;
  if (behind == 0) return Changes::kAll;
  if (behind > stream_.size()) return ReadNewest(sequence, limit, out);
  stream_.After(sequence - begin_, limit, out);
  return behind <= limit ? Changes::kAll : Changes::kPart;
}

MapState::Changes MapState::ReadNewest(std::uint64_t sequence, std::size_t limit,
                                       std::vector<PublicationRef>& out) const {
  const bool known = sequence <= this->sequence() && sequence >= begin_;
  if (!known || !log_.complete_after(sequence)) return Changes::kUnable;
  std::size_t left_out = 0;
  const std::size_t end = out.size() + limit;
  log_.ForEachAfter(sequence, [&](const PublicationRef& change, std::uint64_t) {
    if (out.size() < end) {
      out.push_back(change);
    } else {
      ++left_out;
    }
    return true;
  });
  return left_out == 0 ? Changes::kAll : Changes::kPart;
}

}  // namespace tickcast::shards
