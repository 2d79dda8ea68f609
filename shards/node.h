// Node: how this process is called among those that serve clients.
// Threading: set before the shards run, then only read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/config.h"

namespace tickcast::shards {

struct Node {
  std::string uid;               // A version 4 UUID (RFC 9562), another one with every start.
  std::string name;              // For people: the machine and the port.
  std::uint64_t started_ns = 0;  // Monotonic.
};

// Of versions that begin anew with every start.
inline std::string_view TrackEpochOf(const Node& node) {
  constexpr std::size_t kEpochBytes = 8;
  return std::string_view(node.uid).substr(0, kEpochBytes);
}

// The node that this process is, listening on `port`, from now on.
Node ThisNode(const engine::Config& config, std::uint16_t port);

// A version 4 UUID of 128 random bits (RFC 9562 section 5.4), 36 characters.
std::string Uuid(std::uint64_t high, std::uint64_t low);

}  // namespace tickcast::shards
