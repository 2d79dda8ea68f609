// History: the newest publications of a stream channel, bounded by number and by time.
//
// Offsets are given by the channel's home whether or not the history still holds what they name; a
// reader who asks for more than is left gets nothing rather than a part.
// Threading: owned by the home shard.
#pragma once

#include <cstdint>
#include <vector>

#include "shards/publication.h"

namespace tickcast::shards {

class History {
 public:
  // Adds the newest; `size` is the bound in publications (0 keeps none). The whole history expires
  // `ttl_ns` after its newest publication, as Centrifugo's does.
  // REQUIRES: offsets of successive calls rise by 1.
  void Append(PublicationRef publication, std::size_t size, std::uint64_t now_ns,
              std::uint64_t ttl_ns);

  // Drops the oldest beyond `size`.
  void Trim(std::size_t size);

  // Drops everything when its time has come.
  void Expire(std::uint64_t now_ns);
  // Its time begins anew, without a publication.
  void Prolong(std::uint64_t now_ns, std::uint64_t ttl_ns);
  // Drops everything now.
  void Clear();

  // Appends to `out` all publications after `offset`, oldest first, given that `top` is the newest
  // offset ever. False, and nothing appended, when some of them are gone or they are more than
  // `limit`.
  bool AllAfter(std::uint64_t offset, std::uint64_t top, std::size_t limit,
                std::vector<PublicationRef>& out) const;

  // Appends up to `limit` of those after `offset`, oldest first.
  void After(std::uint64_t offset, std::size_t limit, std::vector<PublicationRef>& out) const;

  // Appends up to `limit` of the newest, newest first.
  void Newest(std::size_t limit, std::vector<PublicationRef>& out) const;
  // Appends up to `limit` of those before `offset`, newest first; none when the one right before it
  // is not here (any more), as in the original.
  void Before(std::uint64_t offset, std::size_t limit, std::vector<PublicationRef>& out) const;

  std::size_t size() const { return ring_.size() - head_; }
  bool empty() const { return size() == 0; }
  // What its publications cost; others may hold them too.
  std::size_t footprint_bytes() const { return footprint_bytes_; }

 private:
  std::uint64_t first_offset() const { return ring_[head_]->offset(); }
  // Index in ring_ of the first publication with an offset above `offset`.
  std::size_t IndexAfter(std::uint64_t offset) const;
  // Appends up to `limit` before index `end`, newest first.
  void Backwards(std::size_t end, std::size_t limit, std::vector<PublicationRef>& out) const;

  // Oldest first from head_, offsets without a hole. A vector, not a deque: an empty deque already
  // owns 600 bytes, and every channel has a History.
  std::vector<PublicationRef> ring_;
  std::size_t head_ = 0;
  std::uint64_t expires_ns_ = 0;
  std::size_t footprint_bytes_ = 0;
};

}  // namespace tickcast::shards
