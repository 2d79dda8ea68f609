// Outbox: what a connection is owed besides publications: replies, pings, HTTP responses, close
// frames. And OutboxPool: only connections that are owed something have one.
//
// Two parts in the order in which they go out: `raw`, bytes that are finished (a handshake, control
// frames, HTTP), then `lines`, replies that the flush joins with the publications due into one
// frame, so that an SDK gets one event. Both stay until the kernel has taken them. Threading: owned
// by one shard.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "protocol/centrifuge/form.h"

namespace tickcast::shards {

struct Outbox {
  std::string raw;
  std::string lines;  // In JSON joined by '\n', none at the end; in Protobuf concatenated.

  // A place to append one reply in `encoding` to, which is always the same.
  std::string& NewLine(protocol::Encoding encoding) {
    if (encoding == protocol::Encoding::kJson && !lines.empty()) lines += '\n';
    return lines;
  }
  std::size_t size_bytes() const { return raw.size() + lines.size(); }

  // The last frame of `raw` where it is a pong: [pong_begin, pong_end). RFC 6455 section 5.5.3 lets
  // a newer one take its place, so a flood of pings is owed one answer.
  std::size_t pong_begin = 0;
  std::size_t pong_end = 0;
};

class OutboxPool {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  std::uint32_t Take();
  // Gives the outbox back with its strings' memory, as far as that is small.
  void Return(std::uint32_t index);
  Outbox& operator[](std::uint32_t index) { return outboxes_[index]; }
  // What all of them hold; looks at each.
  std::size_t size_bytes() const;

 private:
  // What a reused outbox may keep: room for the replies of an ordinary turn.
  static constexpr std::size_t kKeptBytes = 1024;
  std::deque<Outbox> outboxes_;  // Stable addresses; the free ones keep their memory.
  std::vector<std::uint32_t> free_;
};

}  // namespace tickcast::shards
