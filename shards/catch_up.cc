#include "shards/catch_up.h"

#include <utility>

namespace tickcast::shards {

void CatchUp::Append(PublicationRef publication, std::uint64_t sequence) {
  if (size() != 0 && sequence != last_sequence_ + 1) {
    ring_.clear();
    head_ = 0;
    footprint_bytes_ = 0;
  }
  last_sequence_ = sequence;
  footprint_bytes_ += publication->footprint_bytes();
  ring_.push_back(std::move(publication));
}

void CatchUp::Trim(std::size_t limit_bytes, std::uint64_t flushed_sequence) {
  while (footprint_bytes_ > limit_bytes && size() > 0 && first_sequence() <= flushed_sequence) {
    footprint_bytes_ -= ring_[head_]->footprint_bytes();
    ring_[head_++] = PublicationRef();
  }
  // Moved down only when half of it is empty: each reference moves a bounded number of times.
  if (head_ > 16 && head_ * 2 > ring_.size()) {
    ring_.erase(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

const Publication* CatchUp::Find(std::uint64_t sequence) const {
  const std::uint64_t first = first_sequence();
  if (first == 0 || sequence < first || sequence - first >= size()) return nullptr;
  return ring_[head_ + static_cast<std::size_t>(sequence - first)].get();
}

}  // namespace tickcast::shards
