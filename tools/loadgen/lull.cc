#include "tools/loadgen/lull.h"

#include <algorithm>

namespace tickcast::loadgen {

void Lull::Begin(std::uint64_t now_ns) {
  began_ns_ = now_ns;
  marked_.clear();
}

void Lull::Mark(std::uint64_t now_ns) {
  if (now_ns < began_ns_) return;
  const std::size_t step = (now_ns - began_ns_) / kResolutionNs;
  if (step >= marked_.size()) marked_.resize(step + 1);
  marked_[step] = true;
}

void Lull::Merge(const Lull& other) {
  if (marked_.size() < other.marked_.size()) marked_.resize(other.marked_.size());
  for (std::size_t i = 0; i < other.marked_.size(); ++i) {
    if (other.marked_[i]) marked_[i] = true;
  }
}

std::uint64_t Lull::LongestNs(std::uint64_t now_ns) const {
  if (now_ns < began_ns_) return 0;
  const std::size_t steps = (now_ns - began_ns_) / kResolutionNs;
  std::size_t longest = 0;
  std::size_t run = 0;
  for (std::size_t i = 0; i < steps; ++i) {
    run = i < marked_.size() && marked_[i] ? 0 : run + 1;
    longest = std::max(longest, run);
  }
  return longest * kResolutionNs;
}

}  // namespace tickcast::loadgen
