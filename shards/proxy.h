// Proxy: one backend for one kind of event, as a shard sees it: how much of it is under way, and
// whether it works.
//
// At most `concurrency` calls are under way at once; more wait in order, and beyond kMaxWaiting
// they are refused. What counts as a failure for the breaker is no answer, and the statuses by
// which a gateway says that there is none (502, 503, 504): a 500 is an answer to one request, and
// one client that provokes it must not shut out the others. Threading: owned by one shard.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "engine/config_proxy.h"
#include "engine/http_call.h"
#include "engine/metrics.h"
#include "protocol/centrifuge/proxy.h"
#include "shards/circuit_breaker.h"
#include "shards/shard_id.h"

namespace tickcast::shards {

// How a call to a backend ended, for the counters.
enum class ProxyOutcome : std::uint8_t {
  kResult,
  kError,       // The backend's own, or a status that became one.
  kDisconnect,  // The same.
  kStatus,      // A status that is not 200 and becomes nothing.
  kGarbage,     // 200, and no answer of the protocol in it.
  kTimeout,
  kUnreachable,
  kBroken,
  kTooLarge,
  kInvalid,      // The call could not be made: data that is no JSON, a bad header or URL.
  kRefusedOpen,  // Never asked: the breaker is open.
  kRefusedBusy,  // Never asked: too many wait.
};
inline constexpr std::size_t kProxyOutcomes = 12;
std::string_view NameOf(ProxyOutcome outcome);

class Proxy {
 public:
  // Calls that wait until others have ended.
  static constexpr std::size_t kMaxWaiting = 4096;

  // `config` and `registry` outlive the proxy.
  Proxy(protocol::ProxyKind kind, std::string_view name, const engine::ProxyConfig& config,
        engine::Registry& registry, ShardId shard);

  protocol::ProxyKind kind() const { return kind_; }
  const engine::ProxyConfig& config() const { return config_; }
  const std::string& name() const { return name_; }
  // Null where the system's authorities are trusted.
  const std::shared_ptr<const engine::HttpTls>& tls() const { return tls_; }

  void Count(ProxyOutcome outcome) { outcomes_[static_cast<std::size_t>(outcome)]->Add(); }
  void Took(std::uint64_t ns) { took_.Record(ns); }
  // Also keeps the gauges.
  void Begun();
  void Ended();
  void ShowState();

  bool full() const { return under_way_ >= config_.concurrency; }
  std::size_t under_way() const { return under_way_; }

  // True at most once a second: may be logged.
  bool MayLog(std::uint64_t now_ns);

  CircuitBreaker breaker;
  std::deque<std::unique_ptr<engine::HttpCall>> waiting;
  engine::Counter& opened;

 private:
  const protocol::ProxyKind kind_;
  const std::string name_;
  const engine::ProxyConfig& config_;
  const std::shared_ptr<const engine::HttpTls> tls_;
  std::size_t under_way_ = 0;
  std::uint64_t logged_ns_ = 0;
  std::array<engine::Counter*, kProxyOutcomes> outcomes_{};
  engine::Histogram& took_;
  engine::Gauge& in_flight_;
  engine::Gauge& state_;
};

}  // namespace tickcast::shards
