// Terms: what a subscription is granted of our own options. Threading: a value.
#pragma once

#include <cstdint>

namespace tickcast::shards {

// What a subscription to a state channel is granted. Of a map there is no `min_change`, of a stream
// only `priority` counts.
struct Terms {
  std::uint32_t interval_ms = 0;  // Pacer::Grant()ed.
  std::uint32_t min_change = 0;   // In Subscription::kChangeUnit.
  bool priority = false;

  bool operator==(const Terms&) const = default;
};

}  // namespace tickcast::shards
