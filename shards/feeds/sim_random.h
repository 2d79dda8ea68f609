// SimRandom: the built-in market's dice. Integers only, so that a seed means the same market with
// every compiler: the standard fixes mt19937_64's output, but not that of its distributions.
// Threading: a plain value.
#pragma once

#include <cstdint>
#include <random>

namespace tickcast::shards {

class SimRandom {
 public:
  explicit SimRandom(std::uint64_t seed) : engine_(seed) {}

  // Uniform in [0, bound), but for a bias below bound / 2^32. REQUIRES: bound > 0.
  std::uint32_t Below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((engine_() >> 32) * bound >> 32);
  }

  // True `percent` times in a hundred.
  bool Percent(std::uint32_t percent) { return Below(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace tickcast::shards
