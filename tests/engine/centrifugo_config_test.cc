// Configurations of Centrifugo: which they are, what becomes of their keys and values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/centrifugo_keys.h"
#include "engine/config_keys.h"
#include "engine/config_load.h"
#include "tests/engine/config_sources.h"

namespace tickcast::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

std::string ReadSource(const std::string& name) {
  std::ifstream file(std::string(TICKCAST_SOURCE_ROOT) + "/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

ConfigSources Named(std::string name, std::string text) {
  ConfigSources sources;
  sources.file_name = std::move(name);
  sources.file_text = std::move(text);
  return sources;
}
ConfigSources Json(std::string text) { return Named("config.json", std::move(text)); }
ConfigSources Yaml(std::string text) { return Named("config.yaml", std::move(text)); }
ConfigSources Toml(std::string text) { return Named("config.toml", std::move(text)); }

std::vector<std::string> Warnings(const ConfigSources& sources) {
  const LoadedConfig loaded = LoadConfig(sources);
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  return loaded.warnings;
}

// The keys of Centrifugo 6.9.1 as CentrifugoName() names them, but for those of sections that are
// not here as a whole; those of a list within a section stand under the list's name. Read from what
// `centrifugo configdoc` lists.
constexpr char kCentrifugoKeys[] = R"(
channel.history_meta_ttl channel.max_length channel.namespace_boundary
channel.namespaces[].allow_history_for_anonymous channel.namespaces[].allow_history_for_client
channel.namespaces[].allow_history_for_subscriber channel.namespaces[].allow_positioning
channel.namespaces[].allow_presence_for_anonymous channel.namespaces[].allow_presence_for_client
channel.namespaces[].allow_presence_for_subscriber
channel.namespaces[].allow_publish_for_anonymous channel.namespaces[].allow_publish_for_client
channel.namespaces[].allow_publish_for_subscriber channel.namespaces[].allow_recovery
channel.namespaces[].allow_subscribe_for_anonymous
channel.namespaces[].allow_subscribe_for_client channel.namespaces[].allow_tags_filter
channel.namespaces[].allow_user_limited_channels channel.namespaces[].allowed_delta_types
channel.namespaces[].auto_cache_recover channel.namespaces[].channel_regex
channel.namespaces[].delta_publish channel.namespaces[].force_positioning
channel.namespaces[].force_push_join_leave channel.namespaces[].force_recovery
channel.namespaces[].force_recovery_mode channel.namespaces[].history_meta_ttl
channel.namespaces[].history_size channel.namespaces[].history_ttl
channel.namespaces[].join_leave channel.namespaces[].name channel.namespaces[].presence
channel.namespaces[].publication_data_format channel.namespaces[].publish_proxy_enabled
channel.namespaces[].publish_proxy_name channel.namespaces[].sub_refresh_proxy_enabled
channel.namespaces[].sub_refresh_proxy_name channel.namespaces[].subscribe_proxy_enabled
channel.namespaces[].subscribe_proxy_name channel.private_prefix channel.publication_data_format
channel.namespaces[].map.allow_publish_for_anonymous
channel.namespaces[].map.allow_publish_for_client
channel.namespaces[].map.allow_publish_for_subscriber
channel.namespaces[].map.allow_remove_for_anonymous
channel.namespaces[].map.allow_remove_for_client
channel.namespaces[].map.allow_remove_for_subscriber channel.namespaces[].map.client_key
channel.namespaces[].map.default_page_size channel.namespaces[].map.key_ttl
channel.namespaces[].map.live_transition_max_publication_limit
channel.namespaces[].map.max_page_size channel.namespaces[].map.meta_ttl
channel.namespaces[].map.min_page_size channel.namespaces[].map.mode
channel.namespaces[].map.publish_proxy_enabled channel.namespaces[].map.publish_proxy_name
channel.namespaces[].map.remove_client_on_unsubscribe
channel.namespaces[].map.remove_proxy_enabled channel.namespaces[].map.remove_proxy_name
channel.namespaces[].map.stream_size channel.namespaces[].map.stream_ttl
channel.namespaces[].map.subscribe_catch_up_timeout
channel.namespaces[].map_clients_presence_channel_prefix
channel.namespaces[].map_users_presence_channel_prefix
channel.namespaces[].shared_poll.channel_shutdown_delay
channel.namespaces[].shared_poll.max_keys_per_connection channel.namespaces[].shared_poll.mode
channel.namespaces[].shared_poll.proxy_name channel.namespaces[].shared_poll.publish_enabled
channel.namespaces[].shared_poll.refresh_batch_size
channel.namespaces[].shared_poll.refresh_interval
channel.namespaces[].shared_poll.track_expired_extra_delay channel.namespaces[].subscription_type
channel.user_boundary channel.user_separator client.allow_anonymous_connect_without_token
client.allowed_origins client.channel_limit client.channel_position_check_delay
client.connect_code_to_unidirectional_disconnect.enabled
client.connect_code_to_unidirectional_disconnect.transforms client.connect_include_server_time
client.connection_limit client.connection_rate_limit client.disallow_anonymous_connection_tokens
client.expired_close_delay client.expired_sub_close_delay client.history_max_publication_limit
client.insecure client.insecure_skip_token_signature_verify client.ping_interval
client.pong_timeout client.proxy.connect.enabled client.proxy.refresh.enabled
client.recovery_max_publication_limit client.stale_close_delay
client.subscribe_to_user_personal_channel.enabled
client.subscribe_to_user_personal_channel.personal_channel_namespace
client.subscribe_to_user_personal_channel.single_connection client.subscription_token.enabled
client.token.audience client.token.audience_regex client.token.ecdsa_public_key
client.token.hmac_previous_secret_key client.token.hmac_previous_secret_key_valid_until
client.token.hmac_secret_key client.token.issuer client.token.issuer_regex
client.token.jwks_public_endpoint client.token.rsa_public_key client.token.user_id_claim
client.user_connection_limit client.user_id_http_header emulation.handler_prefix
emulation.max_request_body_size health.enabled health.handler_prefix http_api.disabled
http_api.error_mode http_api.handler_prefix http_api.insecure http_api.key http_server.address
http_server.port http_stream.enabled http_stream.handler_prefix
http_stream.max_request_body_size log.level node.name prometheus.enabled
prometheus.handler_prefix proxies[].binary_encoding proxies[].emulated_headers
proxies[].endpoint proxies[].http.static_headers proxies[].http.status_to_code_transforms
proxies[].http.tls.cert_pem proxies[].http.tls.enabled proxies[].http.tls.insecure_skip_verify
proxies[].http.tls.key_pem proxies[].http.tls.server_ca_pem proxies[].http.tls.server_name
proxies[].http_headers proxies[].include_connection_meta proxies[].name proxies[].timeout
rpc.namespace_boundary rpc.namespaces[].name rpc.namespaces[].proxy_enabled
rpc.namespaces[].proxy_name rpc.ping.enabled rpc.ping.method shared_poll.concurrency_limit
shared_poll.hmac_previous_secret_key shared_poll.hmac_previous_secret_key_valid_until
shared_poll.hmac_secret_key shutdown.timeout sse.enabled
sse.handler_prefix sse.max_request_body_size
uni_http_stream.connect_code_to_http_response.enabled
uni_http_stream.connect_code_to_http_response.transforms uni_http_stream.enabled
uni_http_stream.handler_prefix uni_http_stream.max_request_body_size
uni_sse.connect_code_to_http_response.enabled
uni_sse.connect_code_to_http_response.transforms uni_sse.enabled uni_sse.handler_prefix
uni_sse.max_request_body_size uni_websocket.disable_closing_handshake
uni_websocket.disable_disconnect_push uni_websocket.enabled uni_websocket.handler_prefix
uni_websocket.join_push_messages uni_websocket.message_size_limit websocket.disabled
websocket.handler_prefix websocket.message_size_limit
)";

std::set<std::string> CentrifugoKeys() {
  return absl::StrSplit(kCentrifugoKeys, absl::ByAnyChar(" \n"), absl::SkipEmpty());
}

std::set<std::string> OurKeys() {
  std::set<std::string> names = {"channel.namespaces[].name", "rpc.namespaces[].name",
                                 "proxies[].name"};
  Config scratch;
  VisitConfigKeys(scratch, [&](const std::string& name, const ConfigFacts&, const ConfigTarget&) {
    names.insert(CentrifugoName(name));
  });
  // The lists are told by the keys of their items.
  for (const char* list : {"channel.namespaces", "rpc.namespaces", "proxies"}) names.erase(list);
  return names;
}

// A key that is dropped from our table has to get a rule, and one that gets a meaning loses it.
TEST(CentrifugoKeysTest, EveryKeyWorksOrHasARule) {
  const std::set<std::string> ours = OurKeys();
  for (const std::string& key : CentrifugoKeys()) {
    EXPECT_NE(ours.contains(key), FindCentrifugoRule(key) != nullptr) << key;
    EXPECT_FALSE(IsOwnConfigKey(key)) << key;
  }
}

TEST(CentrifugoKeysTest, EveryKeyOfOursIsCentrifugosOrOurs) {
  const std::set<std::string> theirs = CentrifugoKeys();
  for (const std::string& key : OurKeys()) {
    EXPECT_NE(theirs.contains(key), IsOwnConfigKey(key))
        << key << ": a key that Centrifugo does not have is listed in engine/centrifugo_keys.cc";
  }
}

TEST(CentrifugoKeysTest, TheLongestRuleHolds) {
  EXPECT_EQ(FindCentrifugoRule("grpc_api.enabled")->key, "grpc_api.enabled");
  EXPECT_EQ(FindCentrifugoRule("grpc_api.tls.enabled")->key, "grpc_api");
  EXPECT_EQ(FindCentrifugoRule("consumers[].kafka.brokers")->key, "consumers");
  EXPECT_EQ(FindCentrifugoRule("grpc_apis"), nullptr);
  EXPECT_EQ(FindCentrifugoRule("client"), nullptr);
  EXPECT_EQ(CentrifugoName("channel.namespaces[12].map.mode"), "channel.namespaces[].map.mode");
  EXPECT_EQ(CentrifugoName("channel.proxy.map_remove.timeout"), "proxies[].timeout");
  EXPECT_EQ(CentrifugoName("channel.without_namespace.map"), "channel.namespaces[].map");
  EXPECT_EQ(CentrifugoName("client.proxy.connect.endpoint"), "proxies[].endpoint");
  EXPECT_EQ(CentrifugoName("client.proxy.connect.enabled"), "client.proxy.connect.enabled");
  EXPECT_EQ(CentrifugoName("channel.proxy.subscribe_stream.endpoint"),
            "channel.proxy.subscribe_stream.endpoint");
}

// After a change, paste `tickcast --centrifugo-reference`.
TEST(CentrifugoKeysTest, TheDocumentationListsTheKeysAsTheyAre) {
  EXPECT_THAT(ReadSource("docs/from-centrifugo.md"),
              testing::EndsWith("\n" + CentrifugoReference()));
}

TEST(CentrifugoConfigTest, AFileIsCentrifugosByItsKeysAndForm) {
  const auto for_centrifugo = [](const ConfigSources& sources) {
    return LoadConfig(sources).for_centrifugo;
  };
  const std::string both = "[client]\ninsecure = true\n";
  EXPECT_FALSE(for_centrifugo(Toml("")));
  EXPECT_FALSE(for_centrifugo(Toml(both)));
  EXPECT_TRUE(for_centrifugo(Toml(both + "[admin]\nenabled = false\n")));
  EXPECT_TRUE(for_centrifugo(Toml(both + "[engine]\ntype = \"memory\"\n")));
  EXPECT_FALSE(for_centrifugo(Toml(both + "[engine]\nshards = 1\n[admin]\nenabled = true\n")));
  EXPECT_FALSE(
      for_centrifugo(Toml("[[channel.namespaces]]\nname = \"a1\"\nkind = \"state\"\n"
                          "[admin]\nenabled = true\n")));
  EXPECT_TRUE(for_centrifugo(Json("{}")));
  EXPECT_TRUE(for_centrifugo(Json(R"({"client":{"insecure":true}})")));
  EXPECT_FALSE(for_centrifugo(Json(R"({"engine":{"shards":1}})")));
  EXPECT_TRUE(for_centrifugo(Yaml("client:\n  insecure: true\n")));
  EXPECT_FALSE(for_centrifugo(Yaml("feeds:\n  sim:\n    enabled: true\n")));
  EXPECT_FALSE(for_centrifugo(Variable("TICKCAST_CLIENT_INSECURE", "true")));
  EXPECT_TRUE(for_centrifugo(Variable("CENTRIFUGO_CLIENT_INSECURE", "true")));
  EXPECT_FALSE(for_centrifugo(Variable("CENTRIFUGO_SERVICE_HOST", "10.0.0.1")));
}

// Our own configuration may be JSON or YAML too, as long as it names a key of ours; then it is as
// strict as TOML.
TEST(CentrifugoConfigTest, OurOwnFilesAreStrictInEveryForm) {
  EXPECT_THAT(Mistakes(Json("{\"engine\": {\"shards\": 1},\n \"admin\": {\"enabled\": true}}")),
              ElementsAre(StartsWith("config.json:2: admin: unknown key")));
  EXPECT_THAT(Mistakes(Toml("[engine]\nshards = 1\ntype = \"redis\"\n")),
              ElementsAre("config.toml:3: engine.type: is Centrifugo's and not here: there is one "
                          "server and its memory; what Redis shared between servers is not here"));
  EXPECT_THAT(Mistakes(Yaml("engine: {shards: 1}\nclient: {insecrue: true}\n")),
              ElementsAre("config.yaml:2: client.insecrue: unknown key (did you mean "
                          "`client.insecure`?)"));
}

TEST(CentrifugoConfigTest, TheThreeFormsSayTheSame) {
  const Config json = Load(Json(R"({
    "client": {"token": {"hmac_secret_key": "s"}, "allowed_origins": ["https://a.example"],
               "ping_interval": "12s", "channel_limit": 7},
    "admin": {"enabled": false},
    "channel": {"without_namespace": {"presence": true}, "namespaces": [
      {"name": "chat", "history_size": 10, "history_ttl": "1m", "force_recovery": true}]},
    "proxies": [{"name": "back", "endpoint": "http://127.0.0.1:1/",
                 "http": {"static_headers": {"X-A": "b"}}}]})"));
  EXPECT_EQ(json.client.token.hmac_secret_key, "s");
  EXPECT_EQ(json.client.ping_interval_ns, 12 * kSecond);
  EXPECT_EQ(json.client.channel_limit, 7u);
  EXPECT_TRUE(json.channel.without_namespace.presence);
  ASSERT_THAT(json.channel.namespaces, SizeIs(1));
  EXPECT_TRUE(json.channel.namespaces[0].force_recovery);
  EXPECT_EQ(json.proxies.at(0).static_headers.at(0).value, "b");
  EXPECT_EQ(Load(Yaml(R"(
client:
  token: {hmac_secret_key: "s"}
  allowed_origins:
    - https://a.example
  ping_interval: 12s
  channel_limit: 7
channel:
  without_namespace:
    presence: true
  namespaces:
    - name: chat
      history_size: 10
      history_ttl: 1m
      force_recovery: true
proxies:
  - name: back
    endpoint: http://127.0.0.1:1/
    http:
      static_headers:
        - {key: X-A, value: b}
)")),
            json);
  EXPECT_EQ(Load(Toml(R"(
[client]
token.hmac_secret_key = "s"
allowed_origins = ["https://a.example"]
ping_interval = "12s"
channel_limit = 7
[admin]
enabled = false
[channel.without_namespace]
presence = true
[[channel.namespaces]]
name = "chat"
history_size = 10
history_ttl = "1m"
force_recovery = true
[[proxies]]
name = "back"
endpoint = "http://127.0.0.1:1/"
[proxies.http.static_headers]
X-A = "b"
)")),
            json);
}

TEST(CentrifugoConfigTest, WhatIsNotSetHasCentrifugosDefault) {
  const Config config = Load(Json("{}"));
  EXPECT_EQ(config.client.channel_limit, 128u);
  EXPECT_FALSE(config.health.enabled);
  EXPECT_FALSE(config.prometheus.enabled);
  EXPECT_TRUE(Load(Json(R"({"health":{"enabled":true}})")).health.enabled);
  EXPECT_EQ(Load(Variable("CENTRIFUGO_CLIENT_INSECURE", "true")).client.channel_limit, 128u);
  EXPECT_EQ(Load({}).client.channel_limit, 1024u);
}

TEST(CentrifugoConfigTest, ValuesAreTakenAsCentrifugoTakesThem) {
  const Config config = Load(Json(R"({
    "Client": {"Insecure": "true", "ping_interval": 12000000000, "pong_timeout": 0,
               "channel_limit": "9", "allowed_origins": "https://*.example.com",
               "history_max_publication_limit": 20.0},
    "http_server": {"port": "9000", "address": "localhost"},
    "log.level": "fatal",
    "shutdown": {"timeout": "4s"},
    "node": {"name": 7},
    "channel": {"max_length": null, "private_prefix": "",
                "namespaces": [{"name": "ns1", "force_recovery_mode": "", "presence": 1}]}})"));
  EXPECT_TRUE(config.client.insecure);
  EXPECT_EQ(config.client.ping_interval_ns, 12 * kSecond);
  EXPECT_EQ(config.client.pong_timeout_ns, 8 * kSecond);
  EXPECT_EQ(config.client.channel_limit, 9u);
  EXPECT_EQ(config.client.history_max_publication_limit, 20u);
  EXPECT_THAT(config.client.allowed_origins, ElementsAre("https://*.example.com"));
  EXPECT_EQ(config.http_server.port, 9000);
  EXPECT_EQ(config.http_server.address, "127.0.0.1");
  EXPECT_EQ(config.log.level, LogLevel::kError);
  EXPECT_EQ(config.shutdown.timeout_ns, 4 * kSecond);
  EXPECT_EQ(config.shutdown.spread_ns, 2 * kSecond);
  EXPECT_EQ(config.node.name, "7");
  EXPECT_EQ(config.channel.max_length, 255u);
  EXPECT_EQ(config.channel.private_prefix, "$");
  EXPECT_TRUE(config.channel.namespaces.at(0).presence);
}

TEST(CentrifugoConfigTest, AnythingThatIsNotHereIsToldOnceWithItsLine) {
  EXPECT_THAT(
      Warnings(Json(R"({
  "engine": {"type": "redis",
             "redis": {"address": "redis:6379"}},
  "consumers": [{"name": "a", "type": "kafka"}, {"name": "b"}],
  "grpc_api": {"enabled": true, "port": 10001},
  "uni_grpc": {"enabled": false, "port": 11001},
  "client": {"queue_max_size": 2097152, "allowed_orgins": []},
  "channel": {"max_length": 300, "namespaces": [
    {"name": "n1"},
    {"name": "n2", "allow_presence_for_client": true}]}
})")),
      ElementsAre(
          "config.json:2: engine.type: is not here: there is one server and its memory; what Redis "
          "shared between servers is not here",
          "config.json:4: consumers: is not here: read the queue with a program of yours and "
          "publish "
          "by the HTTP API",
          "config.json:5: grpc_api.enabled: is not here: use the HTTP API, which has the same "
          "methods",
          "config.json:7: client.queue_max_size: is not here: no queue is kept per connection: who "
          "does not read is sent the newest, and closed after client.slow_client_timeout",
          "config.json:7: client.allowed_orgins: unknown to Centrifugo 6.9 and left alone (did you "
          "mean `client.allowed_origins`?)",
          "config.json:8: channel.max_length: 300 is more than there can be: 255",
          "config.json:10: channel.namespaces[1].allow_presence_for_client: has no effect without "
          "presence"));
}

TEST(CentrifugoConfigTest, WhatAsksForNothingIsNotTold) {
  EXPECT_THAT(Warnings(Json(R"({
    "engine": {"type": "memory", "redis": {"address": ["redis://127.0.0.1:6379"]}},
    "broker": {"enabled": false, "type": "nats", "nats": {"url": "nats://localhost:4222"}},
    "consumers": [], "admin": {"enabled": false, "password": "x", "secret": "y"},
    "grpc_api": {"enabled": false, "port": 10000}, "usage_stats": {"disabled": true},
    "client": {"queue_max_size": 1048576, "concurrency": 8, "presence_update_interval": "27s"},
    "websocket": {"compression": false, "compression_level": 1, "write_timeout": "1s"},
    "channel": {"namespaces": [{"name": "n1", "subscription_type": "stream"}]}})")),
              IsEmpty());
}

TEST(CentrifugoConfigTest, WhatWouldChangeWhatClientsSeeIsRefused) {
  EXPECT_THAT(
      Mistakes(Json(R"({"channel": {"namespaces": [
    {"name": "n1", "subscribe_stream_proxy_enabled": true}]}})")),
      ElementsAre(StartsWith("config.json:2: channel.namespaces[0].subscribe_stream_proxy_enabled: "
                             "is not here: there are no streams from a backend")));
  EXPECT_THAT(Mistakes(Yaml("client:\n  proxy:\n    connect:\n      enabled: true\n"
                            "      endpoint: grpc://127.0.0.1:3000\n")),
              ElementsAre("config.yaml:5: client.proxy.connect.endpoint: \"grpc://127.0.0.1:3000\" "
                          "must be a URL that begins with http:// or https://"));
  EXPECT_THAT(
      Mistakes(Json("{\n\"client\": {\"ping_interval\": \"soon\"},\n\"http_server\": 8000}")),
      ElementsAre(StartsWith("config.json:2: client.ping_interval: \"soon\" is no duration"),
                  "config.json:3: http_server: is a section, not an integer"));
}

TEST(CentrifugoVariablesTest, KeysAreSetByTheirVariables) {
  ConfigSources sources = Json(R"({"client":{"token":{"hmac_secret_key":"file"}},
                                   "http_server":{"port":1001}})");
  sources.environment = {
      {"CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY", "env"},
      {"CENTRIFUGO_HTTP_SERVER_PORT", "1002"},
      {"CENTRIFUGO_CLIENT_ALLOWED_ORIGINS", "https://a.example https://b.example"},
      {"CENTRIFUGO_HEALTH_ENABLED", "1"},
      {"CENTRIFUGO_CLIENT_PING_INTERVAL", "30s"},
      {"CENTRIFUGO_NODE_NAME", ""},
      {"CENTRIFUGO_CLIENT_PROXY_CONNECT_ENABLED", "true"},
      {"CENTRIFUGO_CLIENT_PROXY_CONNECT_ENDPOINT", "http://127.0.0.1:2/"},
      {"CENTRIFUGO_CLIENT_PROXY_CONNECT_HTTP_STATIC_HEADERS",
       R"({"X-Key":"${CENTRIFUGO_VAR_KEY}"})"},
      {"CENTRIFUGO_VAR_KEY", "k1"}};
  Config config = Load(sources);
  EXPECT_EQ(config.client.token.hmac_secret_key, "env");
  EXPECT_EQ(config.http_server.port, 1002);
  EXPECT_THAT(config.client.allowed_origins, ElementsAre("https://a.example", "https://b.example"));
  EXPECT_TRUE(config.health.enabled);
  EXPECT_EQ(config.client.ping_interval_ns, 30 * kSecond);
  EXPECT_EQ(config.client.proxy.connect.static_headers.at(0).value, "k1");

  sources.environment.emplace_back("TICKCAST_HTTP_SERVER_PORT", "1003");
  EXPECT_EQ(Load(sources).http_server.port, 1003);
  sources.sets = {"http_server.port=1004"};
  EXPECT_EQ(Load(sources).http_server.port, 1004);
}

TEST(CentrifugoVariablesTest, NamespacesAreAddedByNameOrReplacedByJson) {
  ConfigSources sources = Json(R"({"channel":{"namespaces":[{"name":"old"}]}})");
  sources.environment = {{"CENTRIFUGO_CHANNEL_NAMESPACES", "chat my-news"},
                         {"CENTRIFUGO_CHANNEL_NAMESPACES_CHAT_PRESENCE", "true"},
                         {"CENTRIFUGO_CHANNEL_NAMESPACES_MY_NEWS_HISTORY_SIZE", "5"},
                         {"CENTRIFUGO_CHANNEL_NAMESPACES_MY_NEWS_HISTORY_TTL", "60s"},
                         {"CENTRIFUGO_CHANNEL_NAMESPACES_OLD_JOIN_LEAVE", "true"}};
  Config config = Load(sources);
  ASSERT_THAT(config.channel.namespaces, SizeIs(3));
  EXPECT_EQ(config.channel.namespaces[0].name, "old");
  EXPECT_TRUE(config.channel.namespaces[0].join_leave);
  EXPECT_EQ(config.channel.namespaces[1].name, "chat");
  EXPECT_TRUE(config.channel.namespaces[1].presence);
  EXPECT_EQ(config.channel.namespaces[2].name, "my-news");
  EXPECT_EQ(config.channel.namespaces[2].history_size, 5u);

  sources.environment[0].second = R"([{"name":"json","history_ttl":"1m","history_size":"3"}])";
  sources.environment.resize(1);
  config = Load(sources);
  ASSERT_THAT(config.channel.namespaces, SizeIs(1));
  EXPECT_EQ(config.channel.namespaces[0].history_size, 3u);
}

TEST(CentrifugoVariablesTest, ProxiesAndRpcHaveNamesToo) {
  ConfigSources sources;
  sources.environment = {{"CENTRIFUGO_PROXIES", "back"},
                         {"CENTRIFUGO_PROXIES_BACK_ENDPOINT", "http://127.0.0.1:3/"},
                         {"CENTRIFUGO_RPC_NAMESPACES", "math"},
                         {"CENTRIFUGO_RPC_NAMESPACES_MATH_PROXY_ENABLED", "true"},
                         {"CENTRIFUGO_RPC_NAMESPACES_MATH_PROXY_NAME", "back"}};
  const Config config = Load(sources);
  EXPECT_EQ(config.proxies.at(0).endpoint, "http://127.0.0.1:3/");
  EXPECT_EQ(config.rpc.namespaces.at(0).proxy_name, "back");
}

TEST(CentrifugoVariablesTest, OnesThatAreNotHereAreTold) {
  ConfigSources sources = Json(R"({"channel":{"namespaces":[{"name":"chat"}]}})");
  sources.environment = {{"CENTRIFUGO_ADMIN_ENABLED", "true"},
                         {"CENTRIFUGO_ADMIN_PASSWORD", "x"},
                         {"CENTRIFUGO_CHANNEL_NAMESPACES_CHAT_SUBSCRIBE_STREAM_PROXY_NAME", "x1"},
                         {"CENTRIFUGO_CLIENT_INSECRUE", "true"},
                         {"CENTRIFUGO_ENGINE_SHARDS", "2"},
                         {"CENTRIFUGO_GRPC_API_ENABLED", "false"},
                         {"CENTRIFUGO_MAIN_SERVICE_HOST", "10.0.0.1"},
                         {"CENTRIFUGO_PORT_8000_TCP", "tcp://10.0.0.1"},
                         {"CENTRIFUGO_VAR_X", "1"}};
  EXPECT_THAT(
      Warnings(sources),
      ElementsAre("CENTRIFUGO_ADMIN_ENABLED: is not here: the page at / shows the market; look at "
                  "metrics and use the HTTP API",
                  "CENTRIFUGO_CLIENT_INSECRUE: unknown to Centrifugo 6.9 and left alone (did you "
                  "mean `CENTRIFUGO_CLIENT_INSECURE`?)",
                  "CENTRIFUGO_ENGINE_SHARDS: unknown to Centrifugo 6.9 and left alone"));

  sources.environment = {
      {"CENTRIFUGO_CHANNEL_NAMESPACES_CHAT_SUBSCRIBE_STREAM_PROXY_ENABLED", "true"}};
  EXPECT_THAT(Mistakes(sources), ElementsAre(HasSubstr("no streams from a backend")));
  sources.environment = {{"CENTRIFUGO_CLIENT_PING_INTERVAL", "soon"}};
  EXPECT_THAT(Mistakes(sources),
              ElementsAre(StartsWith("CENTRIFUGO_CLIENT_PING_INTERVAL: client.ping_interval: "
                                     "\"soon\" is no duration")));
  sources.environment = {{"CENTRIFUGO_CHANNEL_NAMESPACES", "[{"}};
  EXPECT_THAT(Mistakes(sources), ElementsAre(HasSubstr("is no JSON")));
}

TEST(CentrifugoConfigTest, AVariableThatHeadersNameMustBeThere) {
  EXPECT_THAT(Mistakes(Json(R"({"rpc": {"proxy": {"endpoint": "http://127.0.0.1:1/",
    "http": {"static_headers": {"A": "x ${CENTRIFUGO_VAR_NONE} y"}}}}})")),
              ElementsAre("config.json:2: rpc.proxy.http.static_headers: there is no variable "
                          "CENTRIFUGO_VAR_NONE"));
}

}  // namespace
}  // namespace tickcast::engine
