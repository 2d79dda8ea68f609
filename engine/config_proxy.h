// ProxyConfig: an application's backend that is asked by HTTP, and which events ask it.
//
// Events name a proxy of `proxies` or "default", which is the one in their own section
// (client.proxy.connect, channel.proxy.subscribe, rpc.proxy …).
// Threading: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tickcast::engine {

// An HTTP status of the backend that becomes an error or a disconnect of the client. One of the two
// codes is 0.
struct StatusTransform {
  std::uint32_t status_code = 0;
  std::uint32_t error_code = 0;
  std::string error_message;
  bool error_temporary = false;
  std::uint32_t disconnect_code = 0;
  std::string disconnect_reason;

  bool operator==(const StatusTransform&) const = default;
};

struct HttpHeader {
  std::string key;
  std::string value;

  bool operator==(const HttpHeader&) const = default;
};

// How a backend behind https:// is trusted. PEM values as LoadPem() takes them (engine/pem.h).
struct ProxyTls {
  bool enabled = false;  // What follows holds; else the system's authorities do.
  std::string cert_pem;  // Of ours, for a backend that asks who calls; with key_pem.
  std::string key_pem;
  std::string server_ca_pem;  // Trusted instead of the system's authorities.
  std::string server_name;    // Instead of the endpoint's host.
  bool insecure_skip_verify = false;

  bool operator==(const ProxyTls&) const = default;
};

struct ProxyConfig {
  std::string name;      // Of proxies[] only.
  bool enabled = false;  // Of client.proxy.connect and .refresh only.
  std::string endpoint;  // http:// or https://
  std::uint64_t timeout_ns = 1'000'000'000;
  std::vector<std::string> http_headers;  // Names of the client's headers that are passed on.
  // Names that a client's connect command may give as `headers`, passed on like headers.
  std::vector<std::string> emulated_headers;
  bool binary_encoding = false;          // Data goes as base64.
  bool include_connection_meta = false;  // The connection's `meta` goes along.
  std::vector<HttpHeader> static_headers;
  std::vector<StatusTransform> status_to_code_transforms;
  ProxyTls tls;
  // Ours: how much of it is asked at once, and when it is given up for a while; per shard.
  std::uint32_t concurrency = 256;
  std::uint32_t breaker_failures = 10;  // In a row; 0: it is never given up.
  double breaker_failure_share = 0.5;   // Of the last 64 calls, at least 20.
  std::uint64_t breaker_open_interval_ns = 5'000'000'000;

  bool operator==(const ProxyConfig&) const = default;
};

// What holds for a family of RPC methods.
struct RpcNamespace {
  std::string name;
  bool proxy_enabled = false;
  std::string proxy_name = "default";

  bool operator==(const RpcNamespace&) const = default;
};

struct RpcPingConfig {
  bool enabled = false;
  std::string method = "ping";  // Answered by the server itself, with empty data.

  bool operator==(const RpcPingConfig&) const = default;
};

struct RpcConfig {
  ProxyConfig proxy;
  RpcNamespace without_namespace;  // Of methods without the boundary; its name is empty.
  std::vector<RpcNamespace> namespaces;
  std::string namespace_boundary = ":";
  RpcPingConfig ping;

  // The namespace of `method`: the one named before the boundary, or without_namespace where there
  // is none. nullptr when there is none of that name. Lives as long as the configuration.
  const RpcNamespace* FindNamespace(std::string_view method) const;

  bool operator==(const RpcConfig&) const = default;
};

}  // namespace tickcast::engine
