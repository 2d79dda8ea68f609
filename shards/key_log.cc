#include "shards/key_log.h"

#include <utility>

#include "engine/invariant.h"

namespace tickcast::shards {

KeyLog::KeyLog(std::size_t max_tombstones, std::uint64_t begin)
    : max_tombstones_(max_tombstones),
      by_key_(0, Hash{this}, Equal{this}),
      newest_(begin),
      forgotten_(begin) {}

KeyLog::Index KeyLog::Find(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? kNone : *found;
}

KeyLog::Change KeyLog::Append(PublicationRef publication, std::uint64_t sequence) {
  INVARIANT(sequence > newest_, "changes come in order");
  newest_ = sequence;
  footprint_bytes_ += publication->footprint_bytes();
  Change change{.index = Find(NameOf(*publication)), .replaced = {}};
  if (change.index == kNone) {
    change.index = Allocate();
    entries_[change.index].publication = std::move(publication);
    by_key_.insert(change.index);
  } else {
    Entry& entry = entries_[change.index];
    Unlink(ListOf(entry), change.index);
    // Same key, same hash: the index need not be touched, though its text is another block's now.
    change.replaced = std::exchange(entry.publication, std::move(publication));
    change.replaced_sequence = entry.sequence;
    footprint_bytes_ -= change.replaced->footprint_bytes();
  }
  Entry& entry = entries_[change.index];
  entry.sequence = sequence;
  Link(ListOf(entry), change.index);
  while (removed_.size > max_tombstones_) DropOldestTombstone();
  if (entries_[change.index].publication.get() == nullptr) change.index = kNone;
  return change;
}

KeyLog::Index KeyLog::FirstAfter(const List& list, std::uint64_t sequence) const {
  Index first = kNone;
  for (Index at = list.last; at != kNone && entries_[at].sequence > sequence;
       at = entries_[at].before) {
    first = at;
  }
  return first;
}

void KeyLog::Link(List& list, Index index) {
  Entry& entry = entries_[index];
  entry.before = list.last;
  entry.after = kNone;
  (list.last == kNone ? list.first : entries_[list.last].after) = index;
  list.last = index;
  ++list.size;
}

void KeyLog::Unlink(List& list, Index index) {
  const Entry& entry = entries_[index];
  (entry.before == kNone ? list.first : entries_[entry.before].after) = entry.after;
  (entry.after == kNone ? list.last : entries_[entry.after].before) = entry.before;
  --list.size;
}

KeyLog::Index KeyLog::Allocate() {
  if (free_ != kNone) return std::exchange(free_, entries_[free_].after);
  entries_.emplace_back();
  return static_cast<Index>(entries_.size() - 1);
}

void KeyLog::DropOldestTombstone() {
  const Index oldest = removed_.first;
  Entry& entry = entries_[oldest];
  forgotten_ = entry.sequence;
  footprint_bytes_ -= entry.publication->footprint_bytes();
  by_key_.erase(oldest);
  Unlink(removed_, oldest);
  entry.publication = PublicationRef();
  entry.after = std::exchange(free_, oldest);
}

void KeyLog::DropTombstones(std::uint64_t sequence) {
  while (removed_.first != kNone && entries_[removed_.first].sequence <= sequence) {
    DropOldestTombstone();
  }
}

void KeyLog::Clear(std::uint64_t begin) {
  by_key_.clear();
  entries_.clear();
  entries_.shrink_to_fit();
  free_ = kNone;
  kept_ = removed_ = {};
  newest_ = forgotten_ = begin;
  footprint_bytes_ = 0;
}

}  // namespace tickcast::shards
