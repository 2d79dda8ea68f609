#include "tools/loadgen/lull.h"

#include <algorithm>

namespace tickcast::loadgen {

void Lull::Begin(std::uint64_t now_ns) {
  began_ns_ = now_ns;
  marked_.clear();
  absent_.clear();
}

void Lull::Mark(std::uint64_t now_ns) {
  if (now_ns < began_ns_) return;
  const std::size_t step = (now_ns - began_ns_) / kResolutionNs;
  if (step >= marked_.size()) marked_.resize(step + 1);
  marked_[step] = true;
}

void Lull::Nobody(std::uint64_t since_ns, std::uint64_t now_ns) {
  if (now_ns < began_ns_) return;
  const std::uint64_t from_ns = since_ns < began_ns_ ? 0 : since_ns - began_ns_;
  const std::size_t first = (from_ns + kResolutionNs - 1) / kResolutionNs;
  const std::size_t end = (now_ns - began_ns_) / kResolutionNs;
  if (end > absent_.size()) absent_.resize(end);
  for (std::size_t step = first; step < end; ++step) absent_[step] = true;
}

void Lull::Merge(const Lull& other) {
  if (marked_.size() < other.marked_.size()) marked_.resize(other.marked_.size());
  for (std::size_t i = 0; i < other.marked_.size(); ++i) {
    if (other.marked_[i]) marked_[i] = true;
  }
  absent_.resize(std::min(absent_.size(), other.absent_.size()));
  for (std::size_t i = 0; i < absent_.size(); ++i) absent_[i] = absent_[i] && other.absent_[i];
}

std::uint64_t Lull::LongestNs(std::uint64_t now_ns) const {
  if (now_ns < began_ns_) return 0;
  const std::size_t steps = (now_ns - began_ns_) / kResolutionNs;
  std::size_t longest = 0;
  std::size_t run = 0;
  for (std::size_t i = 0; i < steps; ++i) {
    const bool marked = i < marked_.size() && marked_[i];
    const bool absent = i < absent_.size() && absent_[i];
    run = marked || absent ? 0 : run + 1;
    longest = std::max(longest, run);
  }
  return longest * kResolutionNs;
}

}  // namespace tickcast::loadgen
