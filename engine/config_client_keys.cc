// The rows of client.*: who may connect, and how much each may have.
#include <algorithm>

#include "engine/config_key_rows.h"
#include "engine/config_keys.h"

namespace tickcast::engine {
namespace {

bool IsGlobCharacter(char c) {
  return std::string_view("*?[{\\").find(c) != std::string_view::npos;
}

// RFC 6454 sections 6.2 and 7: scheme, host and port, and nothing behind them, or `null`, or a
// pattern for it. Whether a pattern is one is found where it is used (shards/origin.h).
std::string_view CheckOrigin(std::string_view text) {
  const std::size_t scheme_end = text.find("://");
  const bool has_scheme = scheme_end != std::string_view::npos && scheme_end > 0;
  const std::string_view host = has_scheme ? text.substr(scheme_end + 3) : text;
  const bool complete = has_scheme ? !host.empty() || text == "file://"
                                   : text == "null" || (!text.empty() && IsGlobCharacter(text[0]));
  const bool plain = std::none_of(host.begin(), host.end(), [](char c) {
    return c == '/' || c == '#' || static_cast<unsigned char>(c) <= ' ';
  });
  if (complete && plain) return {};
  return "an origin such as \"https://example.com\", without a path, or a pattern for it such as "
         "\"https://*.example.com\"";
}

std::string_view CheckPem(std::string_view text) {
  if (text.empty() || text.find("-----BEGIN ") != std::string_view::npos) return {};
  return "a public key in PEM form, or empty";
}

std::string_view CheckUrl(std::string_view text) {
  if (text.empty() || text.starts_with("http://") || text.starts_with("https://")) return {};
  return "a URL that begins with http:// or https://, or empty";
}

// What a header may be called (RFC 9110 section 5.6.2), or nothing.
std::string_view CheckHeader(std::string_view text) {
  return text.empty() ? std::string_view() : CheckHeaderName(text);
}

std::string_view CheckClaim(std::string_view text) {
  const bool word = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
  return word ? std::string_view() : "letters and '_' only, or empty";
}

// clang-format off: a row is a key, its bounds, what it means, where it is kept.
const ConfigField<Config> kRows[] = {
    {{"client.insecure", Any(),
      "Everybody may connect without a token, subscribe and publish everywhere. For development."},
     AT(Config, client.insecure)},
    {{"client.allowed_origins", Text(CheckOrigin),
      "The web pages that may connect, by the `Origin` header of their requests. `*` stands for "
      "any "
      "text, `?` for any one character, `[a-c]`, `[abc]` and `[!abc]` for one of these or none of "
      "them, `{a,b}` for one of several patterns, and `\\` takes away the next one's meaning: "
      "`https://{www,app}.example.com`. An empty list refuses every "
      "request that has an `Origin` (403); one without the header, which no browser sends, "
      "passes."},
     AT(Config, client.allowed_origins)},
    {{"client.token", Any(),
      "How connection tokens (JWT) are verified, and subscription tokens too unless they have a "
      "section of their own."},
     SECTION_AT(Config, client.token, TokenFields().subspan(1))},
    {{"client.subscription_token", Any(), "How subscription tokens are verified, once enabled."},
     SECTION_AT(Config, client.subscription_token, TokenFields())},
    {{"client.allow_anonymous_connect_without_token", Any(),
      "A client without a token may connect, as the user with the empty name."},
     AT(Config, client.allow_anonymous_connect_without_token)},
    {{"client.disallow_anonymous_connection_tokens", Any(),
      "A connection token without a user (`sub`) closes the connection with 3501."},
     AT(Config, client.disallow_anonymous_connection_tokens)},
    {{"client.insecure_skip_token_signature_verify", Any(),
      "Tokens are believed whoever signed them; expiry and the other claims still count. For "
      "development."},
     AT(Config, client.insecure_skip_token_signature_verify)},
    {{"client.user_id_http_header", Text(CheckHeader),
      "The header in which a proxy before the server names the user of a connection that has no "
      "token, where nobody may connect as anonymous. The proxy must take it away from what clients "
      "send. It grants no channels: the personal one and those that the client names in its "
      "connect are left out. Empty: none."},
     AT(Config, client.user_id_http_header)},
    {{"client.connect_include_server_time", Any(),
      "The reply to connect has `time`, the server's clock in Unix milliseconds."},
     AT(Config, client.connect_include_server_time)},
    {{"client.proxy.connect", Any(), "The backend that says who a client without a token is."},
     SECTION_AT(Config, client.proxy.connect, ClientProxyFields())},
    {{"client.proxy.refresh", Any(),
      "The backend that says whether a connection that expires may stay."},
     SECTION_AT(Config, client.proxy.refresh, ClientProxyFields())},
    {{"client.connect_code_to_unidirectional_disconnect.enabled", Any(),
      "Errors of connect become the disconnects of `transforms` on unidirectional transports, and "
      "those that it does not name what they become without it."},
     AT(Config, client.connect_code_to_unidirectional_disconnect.enabled)},
    {{"client.connect_code_to_unidirectional_disconnect.transforms", Any(), "See below."},
     LIST_AT(Config, client.connect_code_to_unidirectional_disconnect.transforms,
             DisconnectTransformFields())},
    {{"client.subscribe_to_user_personal_channel.enabled", Any(),
      "A client with a user is subscribed to the user's own channel as it connects: "
      "`NAMESPACE:#USER`."},
     AT(Config, client.subscribe_to_user_personal_channel.enabled)},
    {{"client.subscribe_to_user_personal_channel.personal_channel_namespace", Any(),
      "Its namespace. Empty: none, `#USER`."},
     AT(Config, client.subscribe_to_user_personal_channel.personal_channel_namespace)},
    {{"client.subscribe_to_user_personal_channel.single_connection", Any(),
      "A user has one connection: when another one connects, the older one is closed with 3504, "
      "after which SDKs do not come back. `client.user_connection_limit` does not count then."},
     AT(Config, client.subscribe_to_user_personal_channel.single_connection)},
    {{"client.ping_interval",
      {.least = kSecond, .most = kHour, .or_zero = true, .step = kSecond},
      "How often the server pings, in whole seconds, because the protocol tells clients so. `0s`: "
      "never, and then no pong is expected."},
     DURATION_AT(Config, client.ping_interval_ns)},
    {{"client.pong_timeout", ZeroOr(100 * kMs, kHour),
      "How long a pong may take before the connection is closed with 3012; shorter than "
      "`client.ping_interval`. `0s`: no pong is expected."},
     DURATION_AT(Config, client.pong_timeout_ns)},
    {{"client.expired_close_delay", Between(0, kHour),
      "How long a connection that has expired may take to refresh before it is closed with 3005."},
     DURATION_AT(Config, client.expired_close_delay_ns)},
    {{"client.expired_sub_close_delay", Between(0, kHour),
      "How long a subscription that has expired may take to refresh before the connection is "
      "closed with 3006."},
     DURATION_AT(Config, client.expired_sub_close_delay_ns)},
    {{"client.stale_close_delay", Between(10 * kMs, kHour),
      "How long a WebSocket may take to send its connect command before it is closed with 3502."},
     DURATION_AT(Config, client.stale_close_delay_ns)},
    {{"client.head_timeout", Between(10 * kMs, kHour),
      "How long an HTTP request may take to arrive, from its first byte (of the first one: from "
      "the "
      "accept). Between two requests a connection may idle for 60 s."},
     DURATION_AT(Config, client.head_timeout_ns)},
    {{"client.slow_client_timeout", Between(100 * kMs, kHour),
      "A connection whose socket took no byte for so long, while something was owed to it, is "
      "closed with 3008."},
     DURATION_AT(Config, client.slow_client_timeout_ns)},
    {{"client.channel_limit", Between(1, 65'535),
      "Most subscriptions of one connection; one more is refused with error 106."},
     AT(Config, client.channel_limit)},
    {{"client.subscribe_rate", ZeroOr(1, 1'000'000),
      "Subscribe commands that one connection may send each second, after a first burst of twice "
      "`client.channel_limit`, which lets it come back with all its channels twice in a row; one "
      "more is refused with error 111, which is temporary. 100, because a person changes channels "
      "a few times a second at most, while each command costs another core a question. 0: any "
      "number."},
     AT(Config, client.subscribe_rate)},
    {{"client.command_rate", ZeroOr(1, 1'000'000),
      "Commands of any kind that one connection may send each second; one more is refused with "
      "error 111, which is temporary. 0: any number."},
     AT(Config, client.command_rate)},
    {{"client.command_burst", ZeroOr(1, 1'000'000),
      "Commands that it may send at once before `client.command_rate` holds it back. 0: what comes "
      "in one second."},
     AT(Config, client.command_burst)},
    {{"client.connection_limit", ZeroOr(1, 100'000'000),
      "Most client connections of the server; one more is refused with 503. 0: any number."},
     AT(Config, client.connection_limit)},
    {{"client.user_connection_limit", ZeroOr(1, 1'000'000),
      "Most connections of one user; one more is closed with 3504. The user with the empty name is "
      "not limited. 0: any number."},
     AT(Config, client.user_connection_limit)},
    {{"client.connection_rate_limit", ZeroOr(1, 10'000'000),
      "New connections that the server takes in each second; one more is refused with 503 before "
      "its request is parsed. 0: any number."},
     AT(Config, client.connection_rate_limit)},
    {{"client.address_connection_limit", ZeroOr(1, 1'000'000),
      "Most connections from one IP address; one more is refused with 429. 0: any number, because "
      "behind a load balancer all clients have its address."},
     AT(Config, client.address_connection_limit)},
    {{"client.address_connection_rate", ZeroOr(1, 1'000'000),
      "New connections from one IP address each second; one more is refused with 429. 0: any "
      "number."},
     AT(Config, client.address_connection_rate)},
    {{"client.history_max_publication_limit", Between(1, 65'535),
      "Most publications in the answer to one history command."},
     AT(Config, client.history_max_publication_limit)},
    {{"client.recovery_max_publication_limit", Between(1, 65'535),
      "Most publications that a reconnecting client recovers. Who missed more is told "
      "`recovered: false` and gets none."},
     AT(Config, client.recovery_max_publication_limit)},
};

const ConfigField<DisconnectTransform> kDisconnectTransformFields[] = {
    {{"code", Between(1, 1'999), "The error that connect ends with."},
     AT(DisconnectTransform, code)},
    {{"to.code", Between(3'000, 4'999), "The disconnect's code."},
     AT(DisconnectTransform, to_code)},
    {{"to.reason", Text(CheckReason), "Its reason."}, AT(DisconnectTransform, to_reason)},
};

const ConfigField<TokenConfig> kTokenFields[] = {
    {{"enabled", Any(),
      "Subscription tokens are verified by this section, and by `client.token` no more."},
     AT(TokenConfig, enabled)},
    {{"hmac_secret_key", Any(),
      "The secret of tokens signed with HS256, HS384 or HS512. Empty: none of those is accepted."},
     AT(TokenConfig, hmac_secret_key)},
    {{"hmac_previous_secret_key", Any(),
      "The secret before it, which is accepted too while a key is replaced."},
     AT(TokenConfig, hmac_previous_secret_key)},
    {{"hmac_previous_secret_key_valid_until", Any(),
      "Until when it is, in Unix seconds. 0: without end."},
     AT(TokenConfig, hmac_previous_secret_key_valid_until)},
    {{"rsa_public_key", Text(CheckPem), "The key (PEM) of tokens signed with RS256, RS384, RS512."},
     AT(TokenConfig, rsa_public_key)},
    {{"ecdsa_public_key", Text(CheckPem),
      "The key (PEM) of tokens signed with ES256, ES384, ES512."},
     AT(TokenConfig, ecdsa_public_key)},
    {{"jwks_public_endpoint", Text(CheckUrl),
      "A URL of a JSON Web Key Set (RFC 7517): a token is verified with the key that its `kid` "
      "names. RSA, EC and Ed25519 keys. `{{tenant}}` in it stands for what the group of that name "
      "in "
      "`issuer_regex` or `audience_regex` matches, which has to list its values, "
      "`(?P<tenant>one|two)`: "
      "all URLs, at most 64, are known and fetched from the start, and a key of one is good for "
      "tokens of that one alone."},
     AT(TokenConfig, jwks_public_endpoint)},
    {{"jwks_file", Any(), "The same from a file, which is read again when it changes."},
     AT(TokenConfig, jwks_file)},
    {{"audience", Any(), "What a token's `aud` must be, or must contain. Empty: anything."},
     AT(TokenConfig, audience)},
    {{"audience_regex", Text(CheckPattern), "… or a pattern (RE2) that one of `aud` must match."},
     AT(TokenConfig, audience_regex)},
    {{"issuer", Any(), "What a token's `iss` must be. Empty: anything."}, AT(TokenConfig, issuer)},
    {{"issuer_regex", Text(CheckPattern), "… or a pattern (RE2) that `iss` must match."},
     AT(TokenConfig, issuer_regex)},
    {{"user_id_claim", Text(CheckClaim), "The claim that names the user. Empty: `sub`."},
     AT(TokenConfig, user_id_claim)},
};
// clang-format on

}  // namespace

std::span<const ConfigField<Config>> ClientRows() { return kRows; }
std::span<const ConfigField<TokenConfig>> TokenFields() { return kTokenFields; }
std::span<const ConfigField<DisconnectTransform>> DisconnectTransformFields() {
  return kDisconnectTransformFields;
}

}  // namespace tickcast::engine
