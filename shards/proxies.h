// Proxies: the application's backends that decide for the server: who connects, who may subscribe,
// what an RPC answers.
//
// Each kind of event has backends by name, "default" the one of its own section of the
// configuration. A question goes out as an HTTP call and comes back in a later turn as an answer to
// whoever asked; nothing here waits. A backend that fails is given up for a while, and then a
// question is refused at once, so a dead backend costs a client one error and the shard nothing.
// Threading: owned by one shard. Design: docs/proxies.md.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "engine/config.h"
#include "engine/http_call.h"
#include "engine/metrics.h"
#include "protocol/centrifuge/codes.h"
#include "protocol/centrifuge/proxy.h"
#include "protocol/json/payload.h"
#include "shards/client_headers.h"
#include "shards/proxy.h"
#include "shards/shard_id.h"
#include "shards/string_map.h"

namespace tickcast::shards {

class Proxies {
 public:
  // The largest answer that is read.
  static constexpr std::size_t kMaxAnswerBytes = 1024 * 1024;

  // Who asked, and what for.
  struct Question {
    protocol::ProxyKind kind = protocol::ProxyKind::kRpc;
    engine::Slot slot = 0;
    std::uint32_t generation = 0;
    std::string client;      // Its id: of a connect there is no session yet that has it.
    std::string channel;     // kSubRefresh.
    std::uint64_t poll = 0;  // kSharedPollRefresh, which has no client: which of the poller's.
    // A command waits for it. Otherwise it is the server itself that renews what would expire.
    bool by_command = true;
  };

  class Host {
   public:
    virtual ~Host() = default;
    virtual std::uint64_t NowNs() = 0;
    // The answer, or null when there is none and the client is told error 100. Views into it live
    // until this returns. The asker may be gone.
    virtual void OnProxyAnswer(const Question& question, const protocol::ProxyAnswer* answer) = 0;
  };

  enum class Begun : std::uint8_t {
    kYes,            // OnProxyAnswer() will be called, in a later turn.
    kUnavailable,    // Error 100: given up for a while, or the data cannot be sent.
    kBusy,           // Error 111: too many questions wait.
    kNotConfigured,  // Error 108: there is no such proxy.
  };

  // All arguments outlive it.
  Proxies(const engine::Config& config, engine::Registry& registry, ShardId shard, Host& host);

  // By which questions leave. Before that every one is kUnavailable.
  void UseHttp(engine::HttpPort& port) { port_ = &port; }

  // Null when the configuration has none of that name for that kind.
  Proxy* Find(protocol::ProxyKind kind, std::string_view name);
  // Whether there is a proxy of that kind at all.
  bool Has(protocol::ProxyKind kind) const { return !table(kind).empty(); }

  // Begins to ask. Of `request`, `binary` is filled in here, and `meta` left out where the proxy
  // does not want it.
  Begun Ask(std::string_view proxy_name, Question question, protocol::ProxyRequest request);

  // The end of a call of ours (HttpOwner::kProxy).
  void OnHttpAnswer(std::unique_ptr<engine::HttpCall> call);

  ClientHeaders& headers() { return headers_; }

 private:
  struct Pending {
    Question question;
    Proxy* proxy = nullptr;
    CircuitBreaker::Pass pass = 0;
    std::uint64_t asked_ns = 0;
  };
  using Table = StringMap<std::unique_ptr<Proxy>>;

  const Table& table(protocol::ProxyKind kind) const {
    return tables_[static_cast<std::size_t>(kind)];
  }
  void Add(protocol::ProxyKind kind, std::string_view name, const engine::ProxyConfig& config);
  bool PrepareData(const Proxy& proxy, protocol::ProxyRequest& request);
  Begun Refuse(Proxy& proxy, CircuitBreaker::Pass pass, ProxyOutcome outcome, Begun begun);
  bool Submit(Proxy& proxy, std::unique_ptr<engine::HttpCall>& call);
  ProxyOutcome Judge(const Proxy& proxy, engine::HttpCall& call);
  ProxyOutcome JudgeStatus(const Proxy& proxy, int status);
  void Finish(Proxy& proxy, const engine::HttpCall& call, ProxyOutcome outcome);
  void DispatchWaiting(Proxy& proxy);
  void Report(Proxy& proxy, const Pending& pending, const engine::HttpCall& call,
              ProxyOutcome outcome);

  engine::Registry& registry_;
  const ShardId shard_;
  Host& host_;
  ClientHeaders headers_;
  engine::HttpPort* port_ = nullptr;
  std::array<Table, protocol::kProxyKinds> tables_;
  absl::flat_hash_map<std::uint64_t, Pending> pending_;  // By HttpCall::id.
  std::uint64_t last_id_ = 0;
  protocol::ProxyAnswerParser parser_;
  protocol::ProxyAnswer from_status_;
  protocol::JsonValidator validator_;
};

}  // namespace tickcast::shards
