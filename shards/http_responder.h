// HttpResponder: writes responses into connections' outboxes.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/completion.h"
#include "engine/config.h"
#include "protocol/http/request_head.h"
#include "protocol/http/response.h"
#include "shards/connection.h"
#include "shards/shard_metrics.h"

namespace tickcast::shards {

// Who waits for a response, and in what form: all that is kept of a request while other shards
// work on its answer.
struct HttpAsker {
  engine::Slot slot = 0;
  std::uint32_t generation = 0;
  bool keep_alive = false;
  bool head_only = false;  // HEAD: the same head, no body.
};

class HttpResponder {
 public:
  class Host {
   public:
    enum class After {
      kKeepAlive,  // Read the next request.
      kClose,      // Close when the response has been taken.
      kLinger,     // The same, but first discard what still comes in: the input was refused.
    };
    virtual ~Host() = default;
    // A response is in the outbox: send it.
    virtual void OnResponse(engine::Slot slot, After after) = 0;
  };

  HttpResponder(ConnectionTable& connections, ShardMetrics& metrics, Host& host)
      : connections_(connections), metrics_(metrics), host_(host) {}

  // Does nothing when the asker is gone. `headers` beyond Content-Type, -Length and Connection.
  void Respond(const HttpAsker& asker, int status, std::string_view content_type,
               std::string_view body, std::span<const protocol::ResponseHeader> headers = {});

  // A refusal with its reason as plain text. The connection is closed after it where the rest of
  // its input cannot be understood (`broken`).
  void Refuse(const HttpAsker& asker, int status, std::string_view reason, bool broken = false,
              std::span<const protocol::ResponseHeader> headers = {});

 private:
  ConnectionTable& connections_;
  ShardMetrics& metrics_;
  Host& host_;
};

}  // namespace tickcast::shards
