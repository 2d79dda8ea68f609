// SlowClient: what the list of slow clients tells about one connection, and which comes first.
// Threading: a plain value; moves through lanes.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/peer_address.h"
#include "shards/pressure.h"
#include "shards/shard_id.h"

namespace tickcast::shards {

// How bad it is: by level, then share, then bytes, as the members stand.
struct Slowness {
  PressureLevel level = PressureLevel::kNormal;
  double blocked_share = 0;      // In [0, 1]; see ConnectionPressure.
  std::size_t unsent_bytes = 0;  // Of the one message that its socket took a part of.

  friend auto operator<=>(const Slowness&, const Slowness&) = default;
};

struct SlowClient {
  Slowness slowness;
  engine::PeerAddress address;
  // From its connect command on.
  std::optional<std::string> user;
  std::optional<std::string> client;
  ShardId shard = 0;
  std::uint64_t blocked_ms = 0;  // Since its socket took bytes last; 0 = it does.
  std::size_t reply_bytes = 0;   // Replies that wait.
  std::uint64_t conflated = 0;
  std::uint32_t rtt_us = 0;  // 0 = not known.
  std::size_t subscriptions = 0;

  // As one line of JSON, with the members that docs/http.md lists.
  void AppendJson(std::string& out) const;
};

}  // namespace tickcast::shards
