// SlowClients: GET /api/slow_clients: the worst connections of the whole process, worst first.
//
// Only a connection whose socket was ever full has a record (Trouble), so a healthy one costs no
// more than a look. Each shard answers with its own worst ones, and whoever asked merges them: what
// crosses is bounded by the limit, however many are slow.
// Threading: owned by one shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/slab.h"
#include "protocol/http/request_head.h"
#include "shards/connection.h"
#include "shards/exchange.h"
#include "shards/http_responder.h"
#include "shards/slow_client.h"

namespace tickcast::shards {

// The worst `limit` of a shard's connections, worst first. Levels are as of the last review, which
// is a second ago at most, shares as of now. Looks at every connection: with cold
// caches 0.3 ms for 20,000 of them, 1.5 ms when all are slow.
std::vector<SlowClient> WorstOf(ConnectionTable& connections, std::size_t limit, ShardId shard,
                                std::uint64_t now_ns, const engine::PressureConfig& config);

class SlowClients {
 public:
  static constexpr std::size_t kDefaultLimit = 20;
  static constexpr std::size_t kMaxLimit = 1000;

  SlowClients(Exchange& exchange, HttpResponder& responder)
      : exchange_(exchange), responder_(responder) {}

  // Answers when all shards have; a `limit` that is none with 400 at once.
  void Run(const HttpAsker& asker, const protocol::RequestHead& head);

  void OnAnswer(Request& answer);

 private:
  struct Call {
    HttpAsker asker;
    std::size_t limit = 0;
    std::size_t pending_shards = 0;
    std::vector<SlowClient> worst;  // At most `limit` of what has come, worst first.
  };

  void Finish(engine::Handle handle);

  Exchange& exchange_;
  HttpResponder& responder_;
  engine::Slab<Call> calls_;
};

}  // namespace tickcast::shards
