// Config: everything an operator can set, as plain values.
//
// The keys of the file are the members' names (`client.ping_interval` is client.ping_interval_ns);
// what each means, its range and its default's reason stand once, in the table of keys
// (engine/config_keys.h), from which parsing, environment, `--set` and docs/configuration.md are
// made. A Config that came from LoadConfig() (engine/config_load.h) is complete and checked; a
// default one is what an empty file gives, and tests may set members as they like.
// Threading: a value. The server's copy is not changed after the start and read by every shard.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config_client.h"
#include "engine/config_namespace.h"
#include "engine/config_proxy.h"
#include "engine/config_transport.h"
#include "engine/log.h"

namespace tickcast::engine {

struct HttpServerConfig {
  std::string address;        // A numeric address; empty: every interface.
  std::uint16_t port = 8000;  // 0: any free one.

  bool operator==(const HttpServerConfig&) const = default;
};

struct ChannelProxyConfig {
  ProxyConfig subscribe;
  ProxyConfig publish;
  ProxyConfig sub_refresh;
  ProxyConfig map_publish;
  ProxyConfig map_remove;
  ProxyConfig shared_poll_refresh;

  bool operator==(const ChannelProxyConfig&) const = default;
};

struct ChannelConfig {
  std::uint32_t max_length = 255;  // Bytes of a channel's name.
  Namespace without_namespace;     // Of channels without the boundary; its name is empty.
  std::vector<Namespace> namespaces;
  // Parts of a channel's name, `$room:party#42,43`; an empty one is not looked for.
  std::string private_prefix = "$";  // Needs a subscription token.
  std::string namespace_boundary = ":";
  std::string user_boundary = "#";
  std::string user_separator = ",";
  std::uint64_t history_meta_ttl_ns = 2'592'000'000'000'000;  // 30 days.
  DataFormat publication_data_format = DataFormat::kInherited;
  ChannelProxyConfig proxy;

  bool operator==(const ChannelConfig&) const = default;
};

struct HttpApiConfig {
  bool disabled = false;
  std::string handler_prefix = "/api";
  std::string key;         // Empty: the API refuses everybody, unless it is insecure.
  std::string error_mode;  // "transport": errors are told by the HTTP status too.
  bool insecure = false;

  bool operator==(const HttpApiConfig&) const = default;
};

struct HealthConfig {
  bool enabled = true;
  std::string handler_prefix = "/health";

  bool operator==(const HealthConfig&) const = default;
};

struct PrometheusConfig {
  bool enabled = true;
  std::string handler_prefix = "/metrics";

  bool operator==(const PrometheusConfig&) const = default;
};

struct NodeConfig {
  std::string name;  // Empty: the host's name and the port.

  bool operator==(const NodeConfig&) const = default;
};

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;

  bool operator==(const LogConfig&) const = default;
};

struct ShutdownConfig {
  std::uint64_t spread_ns = 10'000'000'000;
  std::uint64_t timeout_ns = 30'000'000'000;

  bool operator==(const ShutdownConfig&) const = default;
};

struct EngineConfig {
  std::uint32_t shards = 0;  // 0: one per core this process may use.
  bool pin = true;
  std::vector<std::uint32_t> cpus;  // Shard i is pinned to cpus[i]; empty: the allowed ones.
  std::uint64_t spin_ns = 0;
  std::uint32_t table_slots = 0;  // Connections per shard; 0: RLIMIT_NOFILE.
  std::uint32_t lane_capacity = 4096;
  std::uint32_t catch_up_bytes = 65536;  // Per stream channel and shard.
  std::uint32_t receive_buffers = 2048;  // A power of two, per shard.
  std::uint32_t receive_buffer_bytes = 2048;
  std::uint32_t send_buffer = 16384;   // SO_SNDBUF in bytes, as setsockopt(2) takes it.
  std::uint32_t notsent_lowat = 4096;  // TCP_NOTSENT_LOWAT in bytes.
  std::uint32_t send_batch = 128;
  std::uint64_t memory_budget = 0;  // Bytes per shard; 0: no budget.

  bool operator==(const EngineConfig&) const = default;
};

// When a connection counts as slow, and what is done then. A share is the part of the time, as an
// average over about `window_ns`, in which the connection's socket refused bytes.
struct PressureConfig {
  bool enabled = true;
  std::uint64_t window_ns = 5'000'000'000;  // The average's time constant.
  double degraded_share = 0.25;             // From this share on; (0, 1], and ascending.
  double critical_share = 0.5;
  double emergency_share = 0.75;
  double release = 0.5;                   // A level is left below its share times this …
  std::uint64_t hold_ns = 5'000'000'000;  // … after so long.
  std::uint64_t degraded_interval_ns = 500'000'000;  // Whole ms; least interval of state channels.
  double critical_change = 0.001;              // Least change of a value that is sent, [0, 1).
  std::uint64_t turn_budget_ns = 100'000'000;  // A longer turn overruns.

  bool operator==(const PressureConfig&) const = default;
};

struct DebugConfig {
  bool echo_endpoint = false;
  std::uint32_t echo_max_message = 65536;  // Bytes.

  bool operator==(const DebugConfig&) const = default;
};

struct SimFeedConfig {
  bool enabled = false;
  std::uint32_t symbols = 600;
  std::uint32_t rate = 20'000;  // Events a second, tickers and trades together.
  std::uint64_t seed = 1;
  std::uint32_t burst = 80;  // Most events in one millisecond.
  std::string exchange = "sim";

  bool operator==(const SimFeedConfig&) const = default;
};

struct ReplayFeedConfig {
  std::string file;
  std::string exchange;  // Filled in from the file's name where the operator left it out.
  double speed = 1;      // 1: as recorded. 0: as fast as possible.
  bool loop = false;
  std::uint32_t copies = 1;  // Each symbol goes out under so many ids.

  bool operator==(const ReplayFeedConfig&) const = default;
};

struct FeedsConfig {
  SimFeedConfig sim;
  std::vector<ReplayFeedConfig> replay;

  bool operator==(const FeedsConfig&) const = default;
};

struct Config {
  HttpServerConfig http_server;
  ClientConfig client;
  WebSocketConfig websocket;
  HttpStreamConfig http_stream;
  SseConfig sse;
  EmulationConfig emulation;
  UniWebSocketConfig uni_websocket;
  UniHttpStreamConfig uni_http_stream;
  UniSseConfig uni_sse;
  ChannelConfig channel;
  SharedPollServerConfig shared_poll;
  RpcConfig rpc;
  std::vector<ProxyConfig> proxies;
  HttpApiConfig http_api;
  HealthConfig health;
  PrometheusConfig prometheus;
  NodeConfig node;
  LogConfig log;
  ShutdownConfig shutdown;
  EngineConfig engine;
  PressureConfig pressure;
  DebugConfig debug;
  FeedsConfig feeds;

  // The namespace of `channel`: the one named before the first boundary (behind the private
  // prefix), or without_namespace where there is no boundary. nullptr when there is none of that
  // name. Lives as long as the Config.
  const Namespace* FindNamespace(std::string_view channel_name) const;

  bool operator==(const Config&) const = default;
};

// What follows from the rest. Adds the namespaces of market data that the operator did not define,
// where a feed is on: `ticker` (state) and `trade` (stream), to which feeds publish, and `watch`
// and `tickers`, in which the symbols are keys; everybody may subscribe to them. What is tracked is
// state.
void CompleteNamespaces(Config& config);

}  // namespace tickcast::engine
