// The rows of channel.*, rpc.* and proxies.
#include <algorithm>

#include "engine/config_key_rows.h"
#include "engine/config_keys.h"

namespace tickcast::engine {
namespace {

std::string_view CheckEndpoint(std::string_view text) {
  if (text.empty() || text.starts_with("http://") || text.starts_with("https://")) return {};
  return "a URL that begins with http:// or https://";
}

std::string_view CheckHeaderValue(std::string_view text) {
  for (const char c : text) {
    if (c == '\r' || c == '\n' || c == '\0') return "one line";
  }
  return {};
}

// A host's name as a URL takes it, or empty.
std::string_view CheckServerName(std::string_view text) {
  return std::all_of(text.begin(), text.end(), IsWordCharacter) ? std::string_view()
                                                                : "the name of a host";
}

// clang-format off: a row is a key, its bounds, what it means, where it is kept.
const ConfigField<Config> kRows[] = {
    {{"channel.max_length", Between(1, 255),
      "Longest name of a channel, in bytes; a longer one is refused with error 107."},
     AT(Config, channel.max_length)},
    {{"channel.without_namespace", Any(),
      "What holds for channels without the boundary: the keys of a namespace except `name`."},
     SECTION_AT(Config, channel.without_namespace, NamespaceFields().subspan(1))},
    {{"channel.namespaces", Any(),
      "What holds for the channels `NAME:…`: a list of tables with the keys below. A channel of a "
      "namespace that is not listed is refused with error 102."},
     LIST_AT(Config, channel.namespaces, NamespaceFields())},
    {{"channel.private_prefix", Any(),
      "A channel whose name begins so needs a subscription token. Empty: none does."},
     AT(Config, channel.private_prefix)},
    {{"channel.namespace_boundary", Any(),
      "What ends the namespace in a channel's name. Empty: names have no namespace."},
     AT(Config, channel.namespace_boundary)},
    {{"channel.user_boundary", Any(),
      "What precedes the users in the name of a channel that only they may subscribe to "
      "(`allow_user_limited_channels`)."},
     AT(Config, channel.user_boundary)},
    {{"channel.user_separator", Any(), "What separates them. Empty: there is one user."},
     AT(Config, channel.user_separator)},
    {{"channel.history_meta_ttl", Between(kSecond, 10 * 365 * kDay),
      "How long the position (offset and epoch) of a channel's history is kept after its last "
      "publication; not less than any `history_ttl`."},
     DURATION_AT(Config, channel.history_meta_ttl_ns)},
    {{"channel.publication_data_format", Any(),
      "What the data of a publication must be, where the namespace does not say. Empty: JSON of "
      "any kind, and not nothing."},
     AT(Config, channel.publication_data_format)},
    {{"channel.proxy.subscribe", Any(),
      "The backend that is asked to subscribe where `subscribe_proxy_name` is \"default\"."},
     SECTION_AT(Config, channel.proxy.subscribe, ProxyFields().subspan(1))},
    {{"channel.proxy.publish", Any(),
      "The backend that is asked to publish where `publish_proxy_name` is \"default\"."},
     SECTION_AT(Config, channel.proxy.publish, ProxyFields().subspan(1))},
    {{"channel.proxy.sub_refresh", Any(),
      "The backend that is asked whether a subscription that expires may stay, where "
      "`sub_refresh_proxy_name` is \"default\"."},
     SECTION_AT(Config, channel.proxy.sub_refresh, ProxyFields().subspan(1))},
    {{"channel.proxy.map_publish", Any(),
      "The backend that is asked to publish a key where `map.publish_proxy_name` is \"default\"."},
     SECTION_AT(Config, channel.proxy.map_publish, ProxyFields().subspan(1))},
    {{"channel.proxy.map_remove", Any(),
      "The backend that is asked to remove a key where `map.remove_proxy_name` is \"default\"."},
     SECTION_AT(Config, channel.proxy.map_remove, ProxyFields().subspan(1))},
    {{"channel.proxy.shared_poll_refresh", Any(),
      "The backend that is asked for the values of tracked keys where `shared_poll.proxy_name` is "
      "\"default\"."},
     SECTION_AT(Config, channel.proxy.shared_poll_refresh, ProxyFields().subspan(1))},

    {{"rpc.proxy", Any(), "The backend that answers RPC where `proxy_name` is \"default\"."},
     SECTION_AT(Config, rpc.proxy, ProxyFields().subspan(1))},
    {{"rpc.without_namespace", Any(),
      "What holds for methods without the boundary: the keys of an RPC namespace except `name`."},
     SECTION_AT(Config, rpc.without_namespace, RpcNamespaceFields().subspan(1))},
    {{"rpc.namespaces", Any(), "What holds for the methods `NAME:…`: a list of tables."},
     LIST_AT(Config, rpc.namespaces, RpcNamespaceFields())},
    {{"rpc.namespace_boundary", Any(), "What ends the namespace in a method's name."},
     AT(Config, rpc.namespace_boundary)},
    {{"rpc.ping.enabled", Any(), "The server answers one method itself, with empty data."},
     AT(Config, rpc.ping.enabled)},
    {{"rpc.ping.method", Text(CheckNotEmpty), "That method."}, AT(Config, rpc.ping.method)},

    {{"proxies", Any(),
      "Backends by name, for namespaces that do not ask the default one: a list of tables."},
     LIST_AT(Config, proxies, ProxyFields())},
};

const ConfigField<RpcNamespace> kRpcNamespaceFields[] = {
    {{"name", Text(CheckName), "What stands before the boundary."}, AT(RpcNamespace, name)},
    {{"proxy_enabled", Any(), "A backend answers its methods; without one they are error 108."},
     AT(RpcNamespace, proxy_enabled)},
    {{"proxy_name", Text(CheckName), "Which one."}, AT(RpcNamespace, proxy_name)},
};

// `name` for proxies, `enabled` for what has one, the rest for all: see the functions below.
const ConfigField<ProxyConfig> kNameField = {
    {"name", Text(CheckName), "Its name, as namespaces give it; \"default\" is taken."},
    AT(ProxyConfig, name)};
const ConfigField<ProxyConfig> kEnabledField = {{"enabled", Any(), "It is asked."},
                                                AT(ProxyConfig, enabled)};
const ConfigField<ProxyConfig> kProxyFields[] = {
    {{"endpoint", Text(CheckEndpoint), "The URL that is asked, by POST with a JSON body."},
     AT(ProxyConfig, endpoint)},
    {{"timeout", Between(10 * kMs, kMinute),
      "How long an answer may take; then the client is told error 100, which is temporary."},
     DURATION_AT(ProxyConfig, timeout_ns)},
    {{"http_headers",
      {.check = CheckHeaderName},
      "Names of the client's own headers that are passed on, such as `Cookie`."},
     AT(ProxyConfig, http_headers)},
    {{"emulated_headers",
      {.check = CheckHeaderName},
      "Names that a client may give as `headers` in connect, because a browser's WebSocket can "
      "have no headers of its own; passed on like `http_headers`."},
     AT(ProxyConfig, emulated_headers)},
    {{"binary_encoding", Any(), "Data goes and comes as base64 (`b64data` …)."},
     AT(ProxyConfig, binary_encoding)},
    {{"include_connection_meta", Any(), "The connection's `meta` goes along."},
     AT(ProxyConfig, include_connection_meta)},
    {{"http.static_headers", Any(),
      "Headers of every request: a table of names and values, or a list of `{key, value}`."},
     LIST_AT(ProxyConfig, static_headers, HttpHeaderFields())},
    {{"http.status_to_code_transforms", Any(),
      "Statuses other than 200 that become errors or disconnects of the client: a list of tables "
      "with the keys below. Any other is error 100."},
     LIST_AT(ProxyConfig, status_to_code_transforms, StatusTransformFields())},
    {{"http.tls.enabled", Any(),
      "The keys of `http.tls` hold for an https:// endpoint. PEM values are the text itself, "
      "base64 "
      "of it, or the name of a file."},
     AT(ProxyConfig, tls.enabled)},
    {{"http.tls.server_ca_pem", Any(),
      "Certificates of the authorities that are trusted instead of the system's."},
     AT(ProxyConfig, tls.server_ca_pem)},
    {{"http.tls.cert_pem", Any(), "Our own certificate, for a backend that asks who calls."},
     AT(ProxyConfig, tls.cert_pem)},
    {{"http.tls.key_pem", Any(), "Its private key."}, AT(ProxyConfig, tls.key_pem)},
    {{"http.tls.server_name", Text(CheckServerName),
      "The name that the backend's certificate must be for, instead of the endpoint's host."},
     AT(ProxyConfig, tls.server_name)},
    {{"http.tls.insecure_skip_verify", Any(),
      "The backend's certificate is not checked: whoever is between can read and answer."},
     AT(ProxyConfig, tls.insecure_skip_verify)},
    {{"concurrency", Between(1, 4'096),
      "Questions that one shard has under way at once; more wait, and too many are error 111."},
     AT(ProxyConfig, concurrency)},
    {{"breaker.failures", Between(0, 1'000'000),
      "After so many failures in a row the backend is given up for a while: clients are told error "
      "100 at once. 0: never."},
     AT(ProxyConfig, breaker_failures)},
    {{"breaker.failure_share", Share(),
      "The same when this share of the last 64 questions (at least 20) failed."},
     AT(ProxyConfig, breaker_failure_share)},
    {{"breaker.open_interval", Between(10 * kMs, kHour),
      "How long it is given up, before one question tries whether it is back."},
     DURATION_AT(ProxyConfig, breaker_open_interval_ns)},
};

const ConfigField<HttpHeader> kHttpHeaderFields[] = {
    {{"key", Text(CheckHeaderName), "Its name."}, AT(HttpHeader, key)},
    {{"value", Text(CheckHeaderValue), "Its value."}, AT(HttpHeader, value)},
};

const ConfigField<StatusTransform> kStatusTransformFields[] = {
    {{"status_code", Between(100, 599), "The backend's status."}, AT(StatusTransform, status_code)},
    {{"to_error.code", Between(0, 1'999), "The error, or 0."}, AT(StatusTransform, error_code)},
    {{"to_error.message", Text(CheckReason), "Its message."}, AT(StatusTransform, error_message)},
    {{"to_error.temporary", Any(), "The client may try again."},
     AT(StatusTransform, error_temporary)},
    {{"to_disconnect.code", ZeroOr(3'000, 4'999), "The disconnect, or 0."},
     AT(StatusTransform, disconnect_code)},
    {{"to_disconnect.reason", Text(CheckReason), "Its reason."},
     AT(StatusTransform, disconnect_reason)},
};
// clang-format on

std::vector<ConfigField<ProxyConfig>> ProxyFieldsBehind(const ConfigField<ProxyConfig>& first) {
  std::vector<ConfigField<ProxyConfig>> fields = {first};
  fields.insert(fields.end(), std::begin(kProxyFields), std::end(kProxyFields));
  return fields;
}

}  // namespace

std::span<const ConfigField<Config>> ChannelRows() { return kRows; }
std::span<const ConfigField<RpcNamespace>> RpcNamespaceFields() { return kRpcNamespaceFields; }
std::span<const ConfigField<HttpHeader>> HttpHeaderFields() { return kHttpHeaderFields; }
std::span<const ConfigField<StatusTransform>> StatusTransformFields() {
  return kStatusTransformFields;
}
std::span<const ConfigField<ProxyConfig>> ProxyFields() {
  static const std::vector<ConfigField<ProxyConfig>> fields = ProxyFieldsBehind(kNameField);
  return fields;
}
std::span<const ConfigField<ProxyConfig>> ClientProxyFields() {
  static const std::vector<ConfigField<ProxyConfig>> fields = ProxyFieldsBehind(kEnabledField);
  return fields;
}

}  // namespace tickcast::engine
