#include "shards/history.h"

#include <algorithm>

#include "engine/invariant.h"

namespace tickcast::shards {

void History::Append(PublicationRef publication, std::size_t size, std::uint64_t now_ns,
                     std::uint64_t ttl_ns) {
  // Nobody may have looked since the time of the older ones came: they are not revived.
  Expire(now_ns);
  DEBUG_INVARIANT(
      publications_.empty() || publications_.back()->offset() + 1 == publication->offset(),
      "a history has no holes");
  footprint_bytes_ += publication->footprint_bytes();
  publications_.push_back(std::move(publication));
  Trim(size);
  expires_ns_ = now_ns + ttl_ns;
}

void History::Trim(std::size_t size) {
  while (publications_.size() > size) {
    footprint_bytes_ -= publications_.front()->footprint_bytes();
    publications_.pop_front();
  }
}

void History::Expire(std::uint64_t now_ns) {
  if (now_ns < expires_ns_ || publications_.empty()) return;
  publications_.clear();
  publications_.shrink_to_fit();
  footprint_bytes_ = 0;
}

std::size_t History::IndexAfter(std::uint64_t offset) const {
  if (publications_.empty()) return 0;
  const std::uint64_t first = publications_.front()->offset();
  if (offset < first) return 0;
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(offset - first + 1, publications_.size()));
}

bool History::AllAfter(std::uint64_t offset, std::uint64_t top, std::size_t limit,
                       std::vector<PublicationRef>& out) const {
  if (offset == top) return true;
  if (offset > top || top - offset > limit) return false;
  const std::size_t begin = IndexAfter(offset);
  if (publications_.size() - begin != top - offset) return false;
  for (std::size_t i = begin; i < publications_.size(); ++i) out.push_back(publications_[i]);
  return true;
}

void History::After(std::uint64_t offset, std::size_t limit,
                    std::vector<PublicationRef>& out) const {
  const std::size_t begin = IndexAfter(offset);
  const std::size_t end = begin + std::min(limit, publications_.size() - begin);
  for (std::size_t i = begin; i < end; ++i) out.push_back(publications_[i]);
}

void History::Before(std::uint64_t offset, std::size_t limit,
                     std::vector<PublicationRef>& out) const {
  std::size_t end = offset == 0 ? 0 : IndexAfter(offset - 1);
  for (; end > 0 && limit > 0; --limit) out.push_back(publications_[--end]);
}

}  // namespace tickcast::shards
