#include "shards/proxy.h"

#include "engine/pem.h"

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

engine::MetricLabels LabelsOf(protocol::ProxyKind kind, std::string_view name, ShardId shard) {
  return {{"shard", std::to_string(shard)},
          {"event", std::string(protocol::NameOf(kind))},
          {"proxy", std::string(name)}};
}

CircuitBreaker::Options BreakerOf(const engine::ProxyConfig& config) {
  return {.failures = config.breaker_failures,
          .failure_share = config.breaker_failure_share,
          .open_ns = config.breaker_open_interval_ns};
}

// What the check of the configuration could read and is gone now is refused by libcurl.
std::shared_ptr<const engine::HttpTls> TlsOf(const engine::ProxyTls& config) {
  if (!config.enabled) return nullptr;
  const auto load = [](const std::string& value, std::string_view label) {
    return value.empty() ? value : engine::LoadPem(value, label).value_or(value);
  };
  return std::make_shared<engine::HttpTls>(
      engine::HttpTls{.ca_pem = load(config.server_ca_pem, "CERTIFICATE"),
                      .certificate_pem = load(config.cert_pem, "CERTIFICATE"),
                      .key_pem = load(config.key_pem, "PRIVATE KEY"),
                      .server_name = config.server_name,
                      .skip_verify = config.insecure_skip_verify});
}

}  // namespace

std::string_view NameOf(ProxyOutcome outcome) {
  switch (outcome) {
    case ProxyOutcome::kResult:
      return "result";
    case ProxyOutcome::kError:
      return "error";
    case ProxyOutcome::kDisconnect:
      return "disconnect";
    case ProxyOutcome::kStatus:
      return "status";
    case ProxyOutcome::kGarbage:
      return "garbage";
    case ProxyOutcome::kTimeout:
      return "timeout";
    case ProxyOutcome::kUnreachable:
      return "unreachable";
    case ProxyOutcome::kBroken:
      return "broken";
    case ProxyOutcome::kTooLarge:
      return "too_large";
    case ProxyOutcome::kInvalid:
      return "invalid";
    case ProxyOutcome::kRefusedOpen:
      return "refused_open";
    case ProxyOutcome::kRefusedBusy:
      return "refused_busy";
  }
  return "";
}

Proxy::Proxy(protocol::ProxyKind kind, std::string_view name, const engine::ProxyConfig& config,
             engine::Registry& registry, ShardId shard)
    : breaker(BreakerOf(config)),
      opened(registry.AddCounter("tickcast_proxy_breaker_opened_total",
                                 "Times that a backend was given up for a while.",
                                 LabelsOf(kind, name, shard))),
      kind_(kind),
      name_(name),
      config_(config),
      tls_(TlsOf(config.tls)),
      took_(
          registry.AddHistogram("tickcast_proxy_call_seconds",
                                "Time from a question to a backend to its end, by event and proxy.",
                                LabelsOf(kind, name, shard))),
      in_flight_(registry.AddGauge("tickcast_proxy_calls_in_flight",
                                   "Questions to backends under way.",
                                   LabelsOf(kind, name, shard))),
      state_(registry.AddGauge("tickcast_proxy_breaker_state",
                               "Breaker of a backend: 0 closed, 1 half-open, 2 open.",
                               LabelsOf(kind, name, shard))) {
  for (std::size_t i = 0; i < kProxyOutcomes; ++i) {
    engine::MetricLabels labels = LabelsOf(kind, name, shard);
    labels.emplace_back("outcome", NameOf(static_cast<ProxyOutcome>(i)));
    outcomes_[i] = &registry.AddCounter("tickcast_proxy_calls_total",
                                        "Questions to backends, by event, proxy and outcome.",
                                        std::move(labels));
  }
}

void Proxy::Begun() {
  ++under_way_;
  in_flight_.Set(static_cast<std::int64_t>(under_way_));
}

void Proxy::Ended() {
  --under_way_;
  in_flight_.Set(static_cast<std::int64_t>(under_way_));
}

void Proxy::ShowState() { state_.Set(static_cast<std::int64_t>(breaker.state())); }

bool Proxy::MayLog(std::uint64_t now_ns) {
  if (logged_ns_ != 0 && now_ns < logged_ns_ + kSecond) return false;
  logged_ns_ = now_ns;
  return true;
}

}  // namespace tickcast::shards
