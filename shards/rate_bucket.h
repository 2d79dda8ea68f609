// A token bucket, as the time up to which it is spent (the generic cell rate algorithm): one number
// that needs no clockwork, and whose arithmetic is exact.
// Threading: a pure function.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tickcast::shards {

// Whether one more may pass at `now_ns`, where `rate_per_s` pass each second and `burst` at once;
// `until_ns`, 0 at first, remembers it. Returns false, and takes nothing, when it may not.
// REQUIRES: rate_per_s > 0, burst > 0.
inline bool TakeFromBucket(std::uint64_t& until_ns, std::uint32_t rate_per_s, std::uint32_t burst,
                           std::uint64_t now_ns) {
  const std::uint64_t cost_ns = std::uint64_t{1'000'000'000} / rate_per_s;
  const std::uint64_t from_ns = std::max(until_ns, now_ns);
  if (from_ns + cost_ns > now_ns + cost_ns * burst) return false;
  until_ns = from_ns + cost_ns;
  return true;
}

}  // namespace tickcast::shards
