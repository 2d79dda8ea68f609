// EmulationHandler: /emulation, where clients of HTTP streams and server-sent events send commands.
//
// A request comes on any connection and so to any shard. The session key in it says which shard has
// the client's connection; the commands go there as a question and are answered when they were run,
// so that who sends them one request after the other has them run in that order. What they are
// answered goes out on the client's connection. A key that is no connection's is answered like one
// that is: the original does so, and nobody learns which there are.
// Threading: owned by one shard. Source: emulation.go of github.com/centrifugal/centrifuge.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "engine/config.h"
#include "protocol/centrifuge/emulation.h"
#include "protocol/http/request_head.h"
#include "shards/exchange.h"
#include "shards/http_responder.h"
#include "shards/origin.h"

namespace tickcast::shards {

class EmulationHandler {
 public:
  // `node_uid` outlives the handler.
  EmulationHandler(const engine::Config& config, Exchange& exchange, HttpResponder& responder,
                   Origins& origins, ShardMetrics& metrics, const std::string& node_uid)
      : config_(config),
        exchange_(exchange),
        responder_(responder),
        origins_(origins),
        metrics_(metrics),
        node_uid_(node_uid) {}

  // False when the path is not ours, or no transport that needs it is enabled. REQUIRES:
  // kJsonPaddingBytes readable behind `body`.
  bool Run(const HttpAsker& asker, const protocol::RequestHead& head, std::string_view body);

  // The commands have been run.
  void OnAnswer(const Request& answer);

 private:
  // A request whose commands are under way, on a connection that may be gone.
  struct Call {
    HttpAsker asker;
    std::string origin;  // Of the page that may have the answer, or empty.
  };

  void Emulate(const HttpAsker& asker, const protocol::RequestHead& head, std::string_view body,
               std::span<const protocol::ResponseHeader> headers);

  const engine::Config& config_;
  Exchange& exchange_;
  HttpResponder& responder_;
  Origins& origins_;
  ShardMetrics& metrics_;
  const std::string& node_uid_;
  protocol::EmulationParser parser_;
  absl::flat_hash_map<engine::Slot, Call> calls_;  // A connection has one request at a time.
};

}  // namespace tickcast::shards
