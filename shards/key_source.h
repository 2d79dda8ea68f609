// KeySource: where keys come from that change while the server runs: a file, or a URL.
//
// A source keeps the keys it has until it has better ones: a file that is gone, a server that
// answers 500, a document that is none never take a key away.
// Threading: said at each function.
#pragma once

#include <cstdint>

#include "engine/http_call.h"

namespace tickcast::shards {

class KeySource {
 public:
  virtual ~KeySource() = default;

  // Does what is due. Some times a second, on shard 0's thread; `http` is that shard's, or null.
  virtual void Poll(std::uint64_t now_ns, engine::HttpPort* http) = 0;

  // An HTTP call that Poll() made has come back.
  virtual void OnAnswer(const engine::HttpCall&, std::uint64_t) {}

  // A token names a key that is not known. Any thread. True: newer keys are being looked for, and
  // tries() grows when they were found, or not.
  virtual bool OnUnknownKey(std::uint64_t now_ns) = 0;

  // Attempts that have ended, well or not. Any thread.
  virtual std::uint64_t tries() const = 0;
};

}  // namespace tickcast::shards
