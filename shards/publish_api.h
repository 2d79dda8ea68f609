// PublishApi: POST /api/publish, /api/broadcast, /api/batch and /api: publications by a backend.
//
// Each publication is a question to its channel's home shard; the response is written when the
// last answer is back, in the order of the request.
// Threading: owned by one shard. Source: protocol/centrifuge/api.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/config.h"
#include "engine/slab.h"
#include "protocol/centrifuge/api.h"
#include "shards/exchange.h"
#include "shards/http_responder.h"
#include "shards/request.h"

namespace tickcast::shards {

class PublishApi {
 public:
  PublishApi(const engine::Config& config, Exchange& exchange, HttpResponder& responder,
             ShardMetrics& metrics)
      : config_(config), exchange_(exchange), responder_(responder), metrics_(metrics) {}

  // Whether the request carries the API key (X-API-Key, `Authorization: apikey …`, ?api_key=),
  // compared in constant time. Without http_api.key nobody does, unless http_api.insecure.
  bool Authorized(const protocol::RequestHead& head) const;

  // Runs a request body; the response may be written before this returns, or later.
  // REQUIRES: kJsonPaddingBytes readable bytes behind `body`, which may be gone afterwards.
  void Run(const HttpAsker& asker, protocol::ApiEndpoint endpoint, std::string_view body,
           std::uint64_t now_ns);

  // The answer of a home shard.
  void OnAnswer(const Request& answer);

 private:
  struct Result {
    protocol::ApiError error = protocol::ApiError::kNone;
    bool congested = false;
    std::uint64_t offset = 0;
    std::string epoch;
  };
  struct Call {
    HttpAsker asker;
    protocol::ApiEndpoint endpoint = protocol::ApiEndpoint::kPublish;
    std::unique_ptr<protocol::ApiRequestParser> parser;  // Owns the commands.
    std::vector<Result> results;  // One per channel of each command, in order.
    std::size_t pending = 0;
  };

  void Publish(engine::Handle call, std::size_t result, const protocol::ApiCommand& command,
               std::string_view channel, std::uint64_t now_ns);
  void Finish(engine::Handle handle);

  const engine::Config& config_;
  Exchange& exchange_;
  HttpResponder& responder_;
  ShardMetrics& metrics_;
  engine::Slab<Call> calls_;
  std::vector<std::unique_ptr<protocol::ApiRequestParser>> idle_parsers_;
};

}  // namespace tickcast::shards
