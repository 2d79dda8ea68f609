// CatchUp: the newest publications of a stream channel on a shard that has subscribers to it,
// from which a connection that was blocked gets what it missed.
//
// A state channel has one where subscribers get deltas: the versions that they may have.
// It is independent of the channel's history, which lives on the home shard and may keep nothing.
// Bounded in bytes, except that what has not been flushed yet is never dropped.
// Threading: owned by one shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "shards/publication.h"

namespace tickcast::shards {

class CatchUp {
 public:
  // `sequence` is the channel's own count. After a hole in it, which only state channels have, the
  // older ones are dropped.
  void Append(PublicationRef publication, std::uint64_t sequence);

  // Drops the oldest beyond `limit_bytes`, but nothing after `flushed_sequence`.
  void Trim(std::size_t limit_bytes, std::uint64_t flushed_sequence);

  // The publication with `sequence`, or null when it is not (or no longer) here.
  const Publication* Find(std::uint64_t sequence) const;

  // Sequence of the oldest that is left; 0 when empty.
  std::uint64_t first_sequence() const { return size() == 0 ? 0 : last_sequence_ - size() + 1; }
  std::size_t size() const { return ring_.size() - head_; }
  std::size_t footprint_bytes() const { return footprint_bytes_; }

 private:
  // Oldest first from head_. A vector, not a deque: an empty deque already owns 600 bytes, and
  // there is one CatchUp per channel and shard.
  std::vector<PublicationRef> ring_;
  std::size_t head_ = 0;
  std::uint64_t last_sequence_ = 0;
  std::size_t footprint_bytes_ = 0;
};

}  // namespace tickcast::shards
