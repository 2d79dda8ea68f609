#include "shards/history.h"

#include <algorithm>

#include "engine/invariant.h"

namespace tickcast::shards {

void History::Append(PublicationRef publication, std::size_t size, std::uint64_t now_ns,
                     std::uint64_t ttl_ns) {
  // Nobody may have looked since the time of the older ones came: they are not revived.
  Expire(now_ns);
  DEBUG_INVARIANT(empty() || ring_.back()->offset() + 1 == publication->offset(),
                  "a history has no holes");
  footprint_bytes_ += publication->footprint_bytes();
  ring_.push_back(std::move(publication));
  Trim(size);
  Prolong(now_ns, ttl_ns);
}

void History::Prolong(std::uint64_t now_ns, std::uint64_t ttl_ns) { expires_ns_ = now_ns + ttl_ns; }

void History::Trim(std::size_t size) {
  while (this->size() > size) {
    footprint_bytes_ -= ring_[head_]->footprint_bytes();
    ring_[head_++] = PublicationRef();
  }
  // So each is moved once at most on average.
  if (head_ * 2 < ring_.size()) return;
  ring_.erase(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(head_));
  head_ = 0;
}

void History::Expire(std::uint64_t now_ns) {
  if (now_ns >= expires_ns_ && !empty()) Clear();
}

void History::Clear() {
  ring_.clear();
  ring_.shrink_to_fit();
  head_ = 0;
  footprint_bytes_ = 0;
}

std::size_t History::IndexAfter(std::uint64_t offset) const {
  if (empty() || offset < first_offset()) return head_;
  return head_ +
         static_cast<std::size_t>(std::min<std::uint64_t>(offset - first_offset() + 1, size()));
}

bool History::AllAfter(std::uint64_t offset, std::uint64_t top, std::size_t limit,
                       std::vector<PublicationRef>& out) const {
  if (offset == top) return true;
  if (offset > top || top - offset > limit) return false;
  const std::size_t begin = IndexAfter(offset);
  if (ring_.size() - begin != top - offset) return false;
  for (std::size_t i = begin; i < ring_.size(); ++i) out.push_back(ring_[i]);
  return true;
}

void History::After(std::uint64_t offset, std::size_t limit,
                    std::vector<PublicationRef>& out) const {
  const std::size_t begin = IndexAfter(offset);
  const std::size_t end = begin + std::min(limit, ring_.size() - begin);
  for (std::size_t i = begin; i < end; ++i) out.push_back(ring_[i]);
}

void History::Newest(std::size_t limit, std::vector<PublicationRef>& out) const {
  Backwards(ring_.size(), limit, out);
}

void History::Before(std::uint64_t offset, std::size_t limit,
                     std::vector<PublicationRef>& out) const {
  if (empty() || offset <= first_offset() || offset - first_offset() > size()) return;
  Backwards(IndexAfter(offset - 1), limit, out);
}

void History::Backwards(std::size_t end, std::size_t limit,
                        std::vector<PublicationRef>& out) const {
  for (; end > head_ && limit > 0; --limit) out.push_back(ring_[--end]);
}

}  // namespace tickcast::shards
