// ClientConfig: who may connect, how that is proven, and how much one connection, user or address
// may have.
// Threading: values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/config_proxy.h"

namespace tickcast::engine {

// How tokens (JWT) are verified. A token is good if one of the keys that are set says so; with none
// set no token is.
struct TokenConfig {
  bool enabled = false;  // Of client.subscription_token only: without it, client.token holds there.
  std::string hmac_secret_key;
  std::string hmac_previous_secret_key;
  std::int64_t hmac_previous_secret_key_valid_until = 0;  // Unix seconds; 0: no end.
  std::string rsa_public_key;                             // PEM.
  std::string ecdsa_public_key;                           // PEM.
  std::string jwks_public_endpoint;                       // http:// or https://
  std::string jwks_file;                                  // A path; ours.
  std::string audience;
  std::string audience_regex;  // RE2.
  std::string issuer;
  std::string issuer_regex;   // RE2.
  std::string user_id_claim;  // Empty: "sub".

  bool operator==(const TokenConfig&) const = default;
};

struct PersonalChannelConfig {
  bool enabled = false;
  std::string personal_channel_namespace;  // Empty: channel.without_namespace.
  bool single_connection = false;          // An older connection of the user ends.

  bool operator==(const PersonalChannelConfig&) const = default;
};

// An error of connect that a unidirectional client is told as a disconnect.
struct DisconnectTransform {
  std::uint32_t code = 0;
  std::uint32_t to_code = 0;
  std::string to_reason;

  bool operator==(const DisconnectTransform&) const = default;
};

struct DisconnectTransforms {
  bool enabled = false;
  std::vector<DisconnectTransform> transforms;

  bool operator==(const DisconnectTransforms&) const = default;
};

struct ClientProxyConfig {
  ProxyConfig connect;
  ProxyConfig refresh;

  bool operator==(const ClientProxyConfig&) const = default;
};

struct ClientConfig {
  bool insecure = false;
  std::vector<std::string> allowed_origins;  // Empty: every Origin is refused. "*": all pass.
  TokenConfig token;
  TokenConfig subscription_token;
  bool allow_anonymous_connect_without_token = false;
  bool disallow_anonymous_connection_tokens = false;  // Tokens without a user are refused.
  bool insecure_skip_token_signature_verify = false;
  std::string user_id_http_header;  // Names the user, as a proxy before us found it; empty: none.
  bool connect_include_server_time = false;
  ClientProxyConfig proxy;
  PersonalChannelConfig subscribe_to_user_personal_channel;
  DisconnectTransforms connect_code_to_unidirectional_disconnect;

  std::uint64_t ping_interval_ns = 25'000'000'000;  // 0: no pings, then no pongs either.
  std::uint64_t pong_timeout_ns = 8'000'000'000;    // 0: no pong is expected.
  std::uint64_t expired_close_delay_ns = 25'000'000'000;
  std::uint64_t expired_sub_close_delay_ns = 25'000'000'000;
  std::uint64_t stale_close_delay_ns = 10'000'000'000;
  std::uint64_t head_timeout_ns = 5'000'000'000;
  std::uint64_t slow_client_timeout_ns = 30'000'000'000;

  std::uint32_t channel_limit = 1024;
  std::uint32_t subscribe_rate = 100;          // Subscribes a second and connection; 0: any number.
  std::uint32_t command_rate = 0;              // Commands a second and connection; 0: any number.
  std::uint32_t command_burst = 0;             // Commands at once; 0: what comes in one second.
  std::uint32_t connection_limit = 0;          // Of the server; 0: any number.
  std::uint32_t user_connection_limit = 0;     // Of one user; 0: any number.
  std::uint32_t connection_rate_limit = 0;     // New connections a second; 0: any number.
  std::uint32_t address_connection_limit = 0;  // Of one peer's address; 0: any number.
  std::uint32_t address_connection_rate = 0;   // New ones a second and address; 0: any number.
  std::uint32_t history_max_publication_limit = 300;
  std::uint32_t recovery_max_publication_limit = 300;

  bool operator==(const ClientConfig&) const = default;
};

}  // namespace tickcast::engine
