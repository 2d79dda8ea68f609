// Lull: the longest time in which nobody received anything, over several threads.
//
// Each thread marks the hundredths of a second in which something came; merged, the longest run of
// empty ones is how long everybody waited. Where nobody was connected, nobody waited. A bit per 10
// ms is 1 KB for 82 s. Threading: a plain value of one thread.
#pragma once

#include <cstdint>
#include <vector>

namespace tickcast::loadgen {

class Lull {
 public:
  static constexpr std::uint64_t kResolutionNs = 10'000'000;

  // Forgets all; the time that counts begins.
  void Begin(std::uint64_t now_ns);
  // Something came. What lies before the beginning does not count.
  void Mark(std::uint64_t now_ns);
  // None of this thread's clients was connected from then to now; repeated, it may overlap.
  void Nobody(std::uint64_t since_ns, std::uint64_t now_ns);
  // REQUIRES: both began at the same moment.
  void Merge(const Lull& other);
  // The longest time without a mark up to `now_ns`, in whole steps of the resolution, rounded down:
  // between two marks in neighbouring steps there is none.
  std::uint64_t LongestNs(std::uint64_t now_ns) const;

 private:
  std::uint64_t began_ns_ = 0;
  std::vector<bool> marked_;
  std::vector<bool> absent_;  // Steps in which none of these threads' clients was connected.
};

}  // namespace tickcast::loadgen
