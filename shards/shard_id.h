// ShardId: which of a server's shards, from 0.
// Threading: a plain value.
#pragma once

#include <cstdint>

namespace tickcast::shards {

using ShardId = std::uint16_t;

}  // namespace tickcast::shards
