#include "shards/map_log.h"

#include <utility>

#include "engine/invariant.h"

namespace tickcast::shards {

// Both count in full: nobody else may hold the older one any more.
std::size_t MapLog::Entry::footprint_bytes() const {
  return publication->footprint_bytes() + (replaced ? replaced->footprint_bytes() : 0);
}

void MapLog::Append(PublicationRef publication, PublicationRef replaced, std::uint64_t sequence) {
  INVARIANT(sequence == last_sequence_ + 1, "of a map every change comes");
  last_sequence_ = sequence;
  // Asked only for deltas.
  std::uint64_t previous = 0;
  if (replaced) {
    const KeyLog::Index known = keys_.Find(KeyLog::NameOf(*publication));
    if (known != KeyLog::kNone) previous = keys_.sequence(known);
  }
  if (own_keys_ != nullptr) own_keys_->Append(publication, sequence);
  recent_.push_back({.publication = std::move(publication),
                     .replaced = std::move(replaced),
                     .previous = previous});
  footprint_bytes_ += recent_.back().footprint_bytes();
}

const MapLog::Entry* MapLog::EntryOf(std::uint64_t sequence) const {
  const std::uint64_t first = last_sequence_ - size() + 1;
  if (sequence < first || sequence > last_sequence_) return nullptr;
  return &recent_[head_ + static_cast<std::size_t>(sequence - first)];
}

const Publication* MapLog::Find(std::uint64_t sequence) const {
  const Entry* const entry = EntryOf(sequence);
  return entry == nullptr ? nullptr : entry->publication.get();
}

const Publication* MapLog::BaseOf(std::uint64_t sequence, std::uint64_t seen) const {
  const Entry* entry = EntryOf(sequence);
  while (entry != nullptr && entry->previous > seen) entry = EntryOf(entry->previous);
  if (entry == nullptr || !entry->replaced || entry->replaced->removed()) return nullptr;
  return entry->replaced.get();
}

void MapLog::Trim(std::size_t limit_bytes, std::uint64_t flushed_sequence) {
  while (footprint_bytes_ > limit_bytes && last_sequence_ - size() + 1 <= flushed_sequence) {
    footprint_bytes_ -= recent_[head_].footprint_bytes();
    recent_[head_++] = Entry{};
  }
  // As in CatchUp: each entry moves a bounded number of times.
  if (head_ == recent_.size() || (head_ > 16 && head_ * 2 > recent_.size())) {
    recent_.erase(recent_.begin(), recent_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

}  // namespace tickcast::shards
