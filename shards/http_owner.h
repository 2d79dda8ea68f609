// Who asked for an HTTP call (engine::HttpCall::owner).
#pragma once

#include <cstdint>

namespace tickcast::shards {

enum class HttpOwner : std::uint32_t {
  kProxy,  // A connection's command, by the application's backend (shards/proxies.h).
  kKeys,   // The keys that tokens are checked with, from a URL.
};

}  // namespace tickcast::shards
