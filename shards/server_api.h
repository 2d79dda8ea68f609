// ServerApi: what a backend asks of the whole server over HTTP, POST /api/… of the Centrifuge API.
//
// A command is a question to shards: what concerns one channel to its home, what concerns a user's
// connections, or the server, to all of them. The commands of a batch are asked in their order.
// What only concerns channels does not wait for the one before: the way to a home keeps the order.
// What reaches connections does, unless the batch says `parallel`, so that what comes behind a
// subscribe finds it done. The response is written when the last answer is back.
// Threading: owned by one shard. Source: protocol/centrifuge/api.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config.h"
#include "engine/slab.h"
#include "protocol/centrifuge/api.h"
#include "protocol/centrifuge/api_reply.h"
#include "shards/exchange.h"
#include "shards/http_responder.h"
#include "shards/node.h"
#include "shards/request.h"
#include "shards/string_map.h"

namespace tickcast::shards {

class ServerApi {
 public:
  // All arguments outlive it.
  ServerApi(const engine::Config& config, Exchange& exchange, HttpResponder& responder,
            ShardMetrics& metrics, const Node& node)
      : config_(config),
        exchange_(exchange),
        responder_(responder),
        metrics_(metrics),
        node_(node) {}

  // Whether the request carries the API key (X-API-Key, `Authorization: apikey …`, ?api_key=),
  // compared in constant time. Without http_api.key nobody does, unless http_api.insecure.
  bool Authorized(const protocol::RequestHead& head) const;

  // Whether its errors are to be told by the status, too: X-Centrifugo-Error-Mode: transport.
  bool WantsErrorStatus(const protocol::RequestHead& head) const;

  // Runs a request body; the response may be written before this returns, or later.
  // REQUIRES: kJsonPaddingBytes readable bytes behind `body`, which may be gone afterwards.
  void Run(const HttpAsker& asker, protocol::ApiEndpoint endpoint, bool error_status,
           std::string_view body, std::uint64_t now_ns);

  // The answer of a shard.
  void OnAnswer(std::unique_ptr<Request> answer, std::uint64_t now_ns);

 private:
  // What a call may have asked and not been answered; the rest waits. The original has as many
  // publications of a broadcast under way.
  static constexpr std::size_t kMaxPending = 1024;

  // What the shards have answered to one question that all were asked.
  struct Gathered {
    Survey survey;
    StringMap<std::uint32_t> subscribers;
  };
  // How a command ended, or one publication of a broadcast.
  struct Outcome {
    protocol::ApiError error = protocol::ApiError::kNone;
    bool congested = false;
    std::uint64_t offset = 0;
    std::string epoch;
    std::unique_ptr<Request> answer;  // Of a home, with what it holds.
    std::unique_ptr<Gathered> gathered;
  };
  struct Call {
    HttpAsker asker;
    protocol::ApiForm form = protocol::ApiForm::kSingle;
    bool error_status = false;
    std::unique_ptr<protocol::ApiRequestParser> parser;  // Owns the commands.
    std::vector<Outcome> outcomes;  // One per publication and per other command, in order.
    std::size_t next_command = 0;   // The first one that was not asked whole.
    std::size_t next_channel = 0;   // Of it.
    std::size_t next_outcome = 0;
    std::size_t pending = 0;  // Answers that are still to come.
    bool alone = false;       // What was asked last wants to be finished before the next.
  };

  static std::size_t OutcomesOf(const protocol::ApiCommand& command);
  std::unique_ptr<protocol::ApiRequestParser> TakeParser();

  // Asking (server_api_ask.cc).
  void Advance(engine::Handle handle, std::uint64_t now_ns);
  bool AskNext(engine::Handle handle, std::uint64_t now_ns);
  void Ask(engine::Handle handle, const protocol::ApiCommand& command, std::string_view channel,
           std::uint64_t now_ns);
  protocol::ApiError Check(const protocol::ApiCommand& command, std::string_view channel,
                           const engine::Namespace*& ns) const;
  std::unique_ptr<Request> NewRequest(engine::Handle handle, Request::Kind kind) const;
  void AskHome(engine::Handle handle, std::unique_ptr<Request> request, std::string_view channel);
  void AskAll(engine::Handle handle, Request::Kind kind, const protocol::ApiCommand& command);

  // Answering (server_api.cc).
  void Gather(Outcome& outcome, Request& answer);
  void Finish(engine::Handle handle);
  protocol::ApiError WriteCommand(protocol::ApiReplyWriter& writer,
                                  const protocol::ApiCommand& command, Outcome* outcomes);
  void Write(protocol::ApiReplyWriter& writer, const protocol::ApiCommand& command,
             Outcome& outcome) const;
  protocol::ApiNode Describe(Survey& survey) const;

  const engine::Config& config_;
  Exchange& exchange_;
  HttpResponder& responder_;
  ShardMetrics& metrics_;
  const Node& node_;
  std::uint64_t now_ns_ = 0;  // Of the last call from outside.
  engine::Slab<Call> calls_;
  std::vector<std::unique_ptr<protocol::ApiRequestParser>> idle_parsers_;
};

}  // namespace tickcast::shards
