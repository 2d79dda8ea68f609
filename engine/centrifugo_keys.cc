#include "engine/centrifugo_keys.h"

#include <algorithm>
#include <iterator>

namespace tickcast::engine {
namespace {

using Told = CentrifugoRule::Told;

const CentrifugoRule kRules[] = {
    {"http_server.internal_address",
     Told::kWarning,
     {},
     "everything is served on one port: keep the paths that are not for everybody out of the proxy "
     "before it"},
    {"http_server.internal_port",
     Told::kWarning,
     {},
     "everything is served on one port: keep the paths that are not for everybody out of the proxy "
     "before it"},
    {"http_server.tls.enabled",
     Told::kWarning,
     {},
     "put a TLS proxy before the server, as docs/tuning.md shows"},
    {"http_server.tls", Told::kNever, {}, {}},
    {"http_server.internal_tls.enabled", Told::kWarning, {}, "put a TLS proxy before the server"},
    {"http_server.internal_tls", Told::kNever, {}, {}},
    {"http_server.tls_external", Told::kNever, {}, {}},
    {"http_server.tls_autocert.enabled",
     Told::kWarning,
     {},
     "put a TLS proxy before the server that fetches its certificates"},
    {"http_server.tls_autocert", Told::kNever, {}, {}},
    {"http_server.http3.enabled",
     Told::kWarning,
     {},
     "use a WebSocket, which a proxy may offer by HTTP/3"},
    {"http_server.h2c_external", Told::kWarning, {}, "use HTTP/1.1 between proxy and server"},
    {"log.file",
     Told::kWarning,
     {},
     "lines go to standard error: let systemd or the shell write them to a file"},
    {"engine.type", Told::kWarning, "memory",
     "there is one server and its memory; what Redis shared between servers is not here"},
    {"engine.redis", Told::kNever, {}, {}},
    {"broker.enabled",
     Told::kWarning,
     {},
     "there is one server and its memory; publications of other servers do not come"},
    {"broker", Told::kNever, {}, {}},
    {"presence_manager.enabled",
     Told::kWarning,
     {},
     "presence is kept in the memory of the one server"},
    {"presence_manager", Told::kNever, {}, {}},
    {"map_broker.type", Told::kWarning, "memory", "maps are kept in the memory of the one server"},
    {"map_broker", Told::kNever, {}, {}},
    {"controller.enabled",
     Told::kWarning,
     {},
     "there is one server, and nothing to control it with but the API"},
    {"controller", Told::kNever, {}, {}},
    {"client.token.insecure_skip_jwks_endpoint_safety_check",
     Told::kWarning,
     {},
     "a group that jwks_public_endpoint names has to list its values: (?P<tenant>one|two)"},
    {"client.queue_max_size", Told::kWarning, "1048576",
     "no queue is kept per connection: who does not read is sent the newest, and closed after "
     "client.slow_client_timeout"},
    {"client.presence_update_interval", Told::kNever, {}, {}},
    {"client.concurrency", Told::kNever, {}, {}},
    {"client.channel_position_max_time_lag",
     Told::kWarning,
     {},
     "there is no broker between server and history that could lag"},
    {"client.channel_position_check_delay", Told::kNever, {}, {}},
    {"channel.proxy.subscribe_stream.endpoint",
     Told::kWarning,
     {},
     "publish to the channel by the API instead"},
    {"channel.proxy.subscribe_stream", Told::kNever, {}, {}},
    {"channel.namespaces[].subscribe_stream_proxy_enabled",
     Told::kMistake,
     {},
     "there are no streams from a backend: publish to the channel by the API instead"},
    {"channel.namespaces[].subscribe_stream_proxy_name", Told::kNever, {}, {}},
    {"channel.namespaces[].subscribe_stream_proxy_bidirectional", Told::kNever, {}, {}},
    {"proxies[].grpc_metadata", Told::kNever, {}, {}},
    {"proxies[].grpc", Told::kNever, {}, {}},
    {"proxies[].http.tls.client_ca_pem", Told::kNever, {}, {}},
    {"http_api.external", Told::kNever, {}, {}},
    {"grpc_api.enabled", Told::kWarning, {}, "use the HTTP API, which has the same methods"},
    {"grpc_api", Told::kNever, {}, {}},
    {"consumers",
     Told::kWarning,
     {},
     "read the queue with a program of yours and publish by the HTTP API"},
    {"websocket.compression",
     Told::kWarning,
     {},
     "no compression: frames are shared by all subscribers of a channel; delta compression saves "
     "more (allowed_delta_types)"},
    {"websocket.compression_min_size", Told::kNever, {}, {}},
    {"websocket.compression_level", Told::kNever, {}, {}},
    {"websocket.read_buffer_size", Told::kNever, {}, {}},
    {"websocket.use_write_buffer_pool", Told::kNever, {}, {}},
    {"websocket.write_buffer_size", Told::kNever, {}, {}},
    {"websocket.write_timeout", Told::kWarning, "1s",
     "client.slow_client_timeout says for how long a socket may take nothing"},
    {"websocket.decompressed_message_size_limit", Told::kNever, {}, {}},
    {"uni_websocket.compression",
     Told::kWarning,
     {},
     "no compression: frames are shared by all subscribers of a channel"},
    {"uni_websocket.compression_min_size", Told::kNever, {}, {}},
    {"uni_websocket.compression_level", Told::kNever, {}, {}},
    {"uni_websocket.read_buffer_size", Told::kNever, {}, {}},
    {"uni_websocket.use_write_buffer_pool", Told::kNever, {}, {}},
    {"uni_websocket.write_buffer_size", Told::kNever, {}, {}},
    {"uni_websocket.write_timeout", Told::kWarning, "1s",
     "client.slow_client_timeout says for how long a socket may take nothing"},
    {"uni_websocket.decompressed_message_size_limit", Told::kNever, {}, {}},
    {"webtransport.enabled",
     Told::kWarning,
     {},
     "let clients use a WebSocket, which SDKs fall back to"},
    {"webtransport", Told::kNever, {}, {}},
    {"uni_grpc.enabled", Told::kWarning, {}, "use uni_http_stream or uni_sse"},
    {"uni_grpc", Told::kNever, {}, {}},
    {"admin.enabled",
     Told::kWarning,
     {},
     "the page at / shows the market; look at metrics and use the HTTP API"},
    {"admin", Told::kNever, {}, {}},
    {"prometheus.instrument_http_handlers",
     Told::kWarning,
     {},
     "the metrics at /metrics are documented in docs/http.md"},
    {"prometheus.recovered_publications_histogram",
     Told::kWarning,
     {},
     "tickcast counts recoveries by result"},
    {"prometheus.native_histograms", Told::kWarning, {}, "histograms have fixed buckets"},
    {"swagger.enabled", Told::kWarning, {}, "docs/openapi.json describes the API"},
    {"swagger", Told::kNever, {}, {}},
    {"debug.enabled",
     Told::kWarning,
     {},
     "profile with perf and the probes of docs/performance.md"},
    {"debug.handler_prefix", Told::kNever, {}, {}},
    {"init.enabled", Told::kWarning, {}, "clients connect without it"},
    {"init", Told::kNever, {}, {}},
    {"opentelemetry.enabled", Told::kWarning, {}, "use the metrics at /metrics"},
    {"opentelemetry", Told::kNever, {}, {}},
    {"graphite.enabled", Told::kWarning, {}, "use the metrics at /metrics"},
    {"graphite", Told::kNever, {}, {}},
    {"usage_stats", Told::kNever, {}, {}},
    {"node.info_metrics_aggregate_interval", Told::kNever, {}, {}},
    {"pid_file",
     Told::kWarning,
     {},
     "let systemd follow the process, or write the id that the shell gives"},
    {"enable_unreleased_features", Told::kWarning, {}, "there are none"},
};

const CentrifugoAlias kAliases[] = {
    {"channel.without_namespace", "channel.namespaces[]"},
    {"rpc.without_namespace", "rpc.namespaces[]"},
    {"client.proxy.connect", "proxies[]"},
    {"client.proxy.refresh", "proxies[]"},
    {"channel.proxy.subscribe", "proxies[]"},
    {"channel.proxy.publish", "proxies[]"},
    {"channel.proxy.sub_refresh", "proxies[]"},
    {"channel.proxy.map_publish", "proxies[]"},
    {"channel.proxy.map_remove", "proxies[]"},
    {"channel.proxy.shared_poll_refresh", "proxies[]"},
    {"rpc.proxy", "proxies[]"},
    {"client.subscription_token", "client.token"},
};

// Ours alone: keys, and sections with everything under them but what a rule names.
constexpr std::string_view kOwnKeys[] = {
    "channel.namespaces[].allow_channel_compaction",
    "channel.namespaces[].default_interval",
    "channel.namespaces[].join_leave_max_clients",
    "channel.namespaces[].kind",
    "channel.namespaces[].min_interval",
    "channel.namespaces[].presence_grace",
    "channel.namespaces[].publish_rate",
    "channel.namespaces[].shared_poll.allow_unsigned",
    "channel.namespaces[].source",
    "channel.namespaces[].subscriber_limit",
    "channel.namespaces[].value_fields",
    "client.address_connection_limit",
    "client.address_connection_rate",
    "client.command_burst",
    "client.command_rate",
    "client.head_timeout",
    "client.slow_client_timeout",
    "client.subscribe_rate",
    "client.token.jwks_file",
    "debug",
    "engine",
    "feeds",
    "log.format",
    "pressure",
    "proxies[].breaker",
    "proxies[].concurrency",
    "shutdown.spread",
};

// `name` is `key` or lies under it.
bool IsUnder(std::string_view name, std::string_view key) {
  if (!name.starts_with(key)) return false;
  const std::string_view rest = name.substr(key.size());
  return rest.empty() || rest.front() == '.' || rest.front() == '[';
}

}  // namespace

std::span<const CentrifugoRule> CentrifugoRules() { return kRules; }
std::span<const CentrifugoAlias> CentrifugoAliases() { return kAliases; }

const CentrifugoRule* FindCentrifugoRule(std::string_view name) {
  const CentrifugoRule* found = nullptr;
  for (const CentrifugoRule& rule : kRules) {
    if (IsUnder(name, rule.key) && (found == nullptr || rule.key.size() > found->key.size())) {
      found = &rule;
    }
  }
  return found;
}

std::string CentrifugoName(std::string_view name) {
  std::string plain;
  bool index = false;
  for (const char c : name) {
    if (c == ']') index = false;
    if (!index) plain += c;
    if (c == '[') index = true;
  }
  for (const CentrifugoAlias& alias : kAliases) {
    const bool section = plain.size() > alias.section.size() && IsUnder(plain, alias.section);
    // Whether they are used at all is told by a key of their own.
    if (section && plain.substr(alias.section.size()) != ".enabled") {
      return plain.replace(0, alias.section.size(), alias.stands_for);
    }
  }
  return plain;
}

bool IsOwnConfigKey(std::string_view name) {
  const auto owns = [name](std::string_view own) { return IsUnder(name, own); };
  return std::any_of(std::begin(kOwnKeys), std::end(kOwnKeys), owns) &&
         FindCentrifugoRule(name) == nullptr;
}

}  // namespace tickcast::engine
