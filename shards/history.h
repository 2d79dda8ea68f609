// History: the newest publications of a stream channel, bounded by number and by time.
//
// Offsets are given by the channel's home whether or not the history still holds what they name; a
// reader who asks for more than is left gets nothing rather than a part.
// Threading: owned by the home shard.
#pragma once

#include <cstdint>
#include <deque>
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

  // Appends to `out` all publications after `offset`, oldest first, given that `top` is the newest
  // offset ever. False, and nothing appended, when some of them are gone or they are more than
  // `limit`.
  bool AllAfter(std::uint64_t offset, std::uint64_t top, std::size_t limit,
                std::vector<PublicationRef>& out) const;

  // Appends up to `limit` of those after `offset`, oldest first.
  void After(std::uint64_t offset, std::size_t limit, std::vector<PublicationRef>& out) const;

  // Appends up to `limit` of those before `offset`, newest first.
  void Before(std::uint64_t offset, std::size_t limit, std::vector<PublicationRef>& out) const;

  std::size_t size() const { return publications_.size(); }
  bool empty() const { return publications_.empty(); }
  // What its publications cost; others may hold them too.
  std::size_t footprint_bytes() const { return footprint_bytes_; }

 private:
  // Index of the first publication with an offset above `offset`.
  std::size_t IndexAfter(std::uint64_t offset) const;

  std::deque<PublicationRef> publications_;  // Oldest first, offsets without a hole.
  std::uint64_t expires_ns_ = 0;
  std::size_t footprint_bytes_ = 0;
};

}  // namespace tickcast::shards
