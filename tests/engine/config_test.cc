#include "engine/config.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/config_keys.h"
#include "engine/config_load.h"
#include "engine/config_suggest.h"
#include "engine/config_toml.h"
#include "protocol/exchange/decoder.h"
#include "tests/engine/config_sources.h"

namespace tickcast::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

std::string ReadSource(const std::string& path) {
  std::ifstream file(std::string(TICKCAST_SOURCE_ROOT) + "/" + path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ConfigTest, NothingGivesTheDefaults) {
  EXPECT_EQ(Load({}), Config());
  EXPECT_EQ(Load(File("")), Config());
}

// What design and issue promise; a changed default is a changed promise.
TEST(ConfigTest, DefaultsAreTheDocumentedLimits) {
  const Config config;
  EXPECT_EQ(config.http_server.port, 8000);
  EXPECT_EQ(config.client.ping_interval_ns, 25 * kSecond);
  EXPECT_EQ(config.client.pong_timeout_ns, 8 * kSecond);
  EXPECT_EQ(config.client.stale_close_delay_ns, 10 * kSecond);
  EXPECT_EQ(config.client.head_timeout_ns, 5 * kSecond);
  EXPECT_EQ(config.client.slow_client_timeout_ns, 30 * kSecond);
  EXPECT_EQ(config.client.channel_limit, 1024u);
  EXPECT_EQ(config.client.subscribe_rate, 100u);
  EXPECT_EQ(config.websocket.message_size_limit, 65536u);
  EXPECT_EQ(config.channel.max_length, 255u);
  EXPECT_EQ(config.shutdown.spread_ns, 10 * kSecond);
}

// Every default lies in its own key's range, or the documentation would contradict itself.
TEST(ConfigTest, DefaultsPassTheChecksOfTheirKeys) {
  Config defaults;
  std::size_t keys = 0;
  VisitConfigKeys(defaults, [&](const std::string& name, const ConfigFacts&, ConfigTarget target) {
    ++keys;
    std::string text;
    if (const auto* integer = std::get_if<std::uint32_t*>(&target)) {
      text = std::to_string(**integer);
    } else if (const auto* port = std::get_if<std::uint16_t*>(&target)) {
      text = std::to_string(**port);
    } else if (const auto* seed = std::get_if<std::uint64_t*>(&target)) {
      text = std::to_string(**seed);
    } else if (const auto* number = std::get_if<double*>(&target)) {
      text = absl::StrCat(**number);
    } else if (const auto* words = std::get_if<std::vector<std::string>*>(&target)) {
      text = absl::StrJoin(**words, " ");
    } else if (const auto* duration = std::get_if<ConfigDuration>(&target)) {
      text = std::to_string(*duration->ns) + "ns";
    } else if (const auto* string = std::get_if<std::string*>(&target)) {
      text = **string;
    } else {
      return;
    }
    if (name == "channel.without_namespace.min_interval" ||
        name == "channel.without_namespace.default_interval" ||
        name == "channel.without_namespace.value_fields") {
      // Of state channels only, and by default these are streams.
      EXPECT_THAT(Mistakes(Set({name + "=" + text})), SizeIs(1)) << name;
      return;
    }
    EXPECT_EQ(Load(Set({name + "=" + text})), Config()) << name;
  });
  EXPECT_GT(keys, 60u);
}

TEST(ConfigTest, AFileSetsEveryTypeOfKey) {
  const Config config = Load(File(R"(
[http_server]
address = "::1"
port = 65535
[client]
insecure = true
allowed_origins = ["https://a.example", "*"]
token.hmac_secret_key = "s3cret"
ping_interval = "1m30s"
[log]
level = "error"
format = "json"
[engine]
cpus = [3, 1]
spin = "20us"
[feeds.sim]
enabled = true
seed = 9223372036854775807
[[feeds.replay]]
file = "captures/binance_usdm_btcusdt_20240808.frames.gz"
speed = 2.5
copies = 10
)"));
  EXPECT_EQ(config.http_server.address, "::1");
  EXPECT_EQ(config.http_server.port, 65535);
  EXPECT_TRUE(config.client.insecure);
  EXPECT_THAT(config.client.allowed_origins, ElementsAre("https://a.example", "*"));
  EXPECT_EQ(config.client.token.hmac_secret_key, "s3cret");
  EXPECT_EQ(config.client.ping_interval_ns, 90 * kSecond);
  EXPECT_EQ(config.log.level, LogLevel::kError);
  EXPECT_EQ(config.log.format, LogFormat::kJson);
  EXPECT_THAT(config.engine.cpus, ElementsAre(3u, 1u));
  EXPECT_EQ(config.engine.shards, 2u);
  EXPECT_EQ(config.engine.spin_ns, 20'000u);
  EXPECT_EQ(config.feeds.sim.seed, 9223372036854775807u);
  ASSERT_THAT(config.feeds.replay, SizeIs(1));
  EXPECT_EQ(config.feeds.replay[0].exchange, "binance_usdm");
  EXPECT_EQ(config.feeds.replay[0].speed, 2.5);
  EXPECT_EQ(config.feeds.replay[0].copies, 10u);
}

TEST(ConfigTest, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  ConfigSources sources = File("[http_server]\nport = 1001\n");
  EXPECT_EQ(Load(sources).http_server.port, 1001);
  sources.environment = {{"TICKCAST_HTTP_SERVER_PORT", "1002"}, {"HOME", "/root"}};
  EXPECT_EQ(Load(sources).http_server.port, 1002);
  sources.sets = {"http_server.port=1003"};
  EXPECT_EQ(Load(sources).http_server.port, 1003);
  sources.sets = {"http_server.port=1003", "http_server.port=1004"};
  EXPECT_EQ(Load(sources).http_server.port, 1004);
}

TEST(ConfigTest, EveryKeyHasAVariableOfItsOwn) {
  Config config;
  std::set<std::string> variables;
  std::size_t keys = 0;
  VisitConfigKeys(config, [&](const std::string& name, const ConfigFacts&, ConfigTarget) {
    ++keys;
    variables.insert(ConfigVariable(name));
  });
  EXPECT_THAT(variables, SizeIs(keys));

  EXPECT_TRUE(Load(Variable("TICKCAST_CLIENT_INSECURE", "true")).client.insecure);
  EXPECT_EQ(
      Load(Variable("TICKCAST_CLIENT_TOKEN_HMAC_SECRET_KEY", "a b=c")).client.token.hmac_secret_key,
      "a b=c");
  EXPECT_EQ(Load(Variable("TICKCAST_CLIENT_PONG_TIMEOUT", "500ms")).client.pong_timeout_ns,
            500 * kMs);
  EXPECT_TRUE(Load(Variable("TICKCAST_CHANNEL_WITHOUT_NAMESPACE_ALLOW_PUBLISH_FOR_CLIENT", "true"))
                  .channel.without_namespace.allow_publish_for_client);
}

TEST(ConfigTest, ListsInTextAreSeparatedOrJson) {
  for (const char* text :
       {"https://a.example https://b.example", "https://a.example,https://b.example",
        R"(["https://a.example","https://b.example"])"}) {
    EXPECT_THAT(Load(Variable("TICKCAST_CLIENT_ALLOWED_ORIGINS", text)).client.allowed_origins,
                ElementsAre("https://a.example", "https://b.example"))
        << text;
  }
  EXPECT_THAT(Load(Set({"engine.cpus=0 2"})).engine.cpus, ElementsAre(0u, 2u));
  EXPECT_THAT(Load(Set({"engine.cpus="})).engine.cpus, IsEmpty());
}

TEST(ConfigTest, NamespacesFromTheEnvironmentReplaceTheFiles) {
  ConfigSources sources = File("[[channel.namespaces]]\nname = \"chat\"\nkind = \"state\"\n");
  sources.environment = {{"TICKCAST_CHANNEL_NAMESPACES",
                          R"([{"name":"room","history_size":100,"history_ttl":"5m"}])"}};
  const Config config = Load(sources);
  ASSERT_THAT(config.channel.namespaces, SizeIs(1));
  EXPECT_EQ(config.channel.namespaces[0].name, "room");
  EXPECT_EQ(config.channel.namespaces[0].kind, ChannelKind::kStream);
  EXPECT_EQ(config.channel.namespaces[0].history_ttl_ns, 300 * kSecond);
}

TEST(ConfigTest, AChannelBelongsToTheNamespaceBeforeItsFirstColon) {
  Config config;
  config.channel.namespaces.resize(2);
  config.channel.namespaces[0].name = "room";
  config.channel.namespaces[1].name = "ticker";
  const auto& namespaces = config.channel.namespaces;
  EXPECT_EQ(config.FindNamespace("ticker:kucoin.BTC-USDT"), &namespaces[1]);
  EXPECT_EQ(config.FindNamespace("room:a:b"), &namespaces[0]);
  EXPECT_EQ(config.FindNamespace("room:"), &namespaces[0]);
  EXPECT_EQ(config.FindNamespace("room"), &config.channel.without_namespace);
  EXPECT_EQ(config.FindNamespace("$room:a"), &namespaces[0]);
  EXPECT_EQ(config.FindNamespace("$room"), &config.channel.without_namespace);
  EXPECT_EQ(config.FindNamespace("$$room:a"), nullptr);
  EXPECT_EQ(config.FindNamespace(""), &config.channel.without_namespace);
  EXPECT_EQ(config.FindNamespace("rooms:a"), nullptr);
  EXPECT_EQ(config.FindNamespace(":a"), nullptr);
}

TEST(ConfigTest, PartsOfAChannelsNameAreWhatTheOperatorSays) {
  Config config;
  config.channel.namespaces.resize(1);
  config.channel.namespaces[0].name = "room";
  config.channel.private_prefix = "private-";
  config.channel.namespace_boundary = "::";
  EXPECT_EQ(config.FindNamespace("private-room::a"), &config.channel.namespaces[0]);
  EXPECT_EQ(config.FindNamespace("room::a"), &config.channel.namespaces[0]);
  EXPECT_EQ(config.FindNamespace("room:a"), &config.channel.without_namespace);
  EXPECT_EQ(config.FindNamespace("$room::a"), nullptr);
  config.channel.private_prefix = "";
  config.channel.namespace_boundary = "";
  EXPECT_EQ(config.FindNamespace("private-room::a"), &config.channel.without_namespace);
}

// A section is a table of its own, a proxy's headers are a table or a list.
TEST(ConfigTest, SectionsAndListsWithinListsAreSet) {
  const Config config = Load(File(R"(
[client.subscription_token]
enabled = true
hmac_previous_secret_key_valid_until = 1700000000
[client.proxy.connect]
enabled = true
endpoint = "http://127.0.0.1:3000/connect"
[channel.proxy.subscribe]
endpoint = "https://backend.example/subscribe"
http = { static_headers = { X-Key = "a", X-Other = "b" } }
[[proxies]]
name = "chat"
endpoint = "http://127.0.0.1:3000/chat"
timeout = "250ms"
[[proxies.http.static_headers]]
key = "Authorization"
value = "Bearer x"
[[proxies.http.status_to_code_transforms]]
status_code = 404
to_error = { code = 404, message = "not found", temporary = true }
[rpc.without_namespace]
proxy_enabled = true
proxy_name = "chat"
[[channel.namespaces]]
name = "room"
force_recovery_mode = "cache"
allowed_delta_types = ["fossil"]
)"));
  EXPECT_TRUE(config.client.subscription_token.enabled);
  EXPECT_EQ(config.client.subscription_token.hmac_previous_secret_key_valid_until, 1700000000);
  EXPECT_TRUE(config.client.proxy.connect.enabled);
  const std::vector<HttpHeader> headers = {{"X-Key", "a"}, {"X-Other", "b"}};
  EXPECT_EQ(config.channel.proxy.subscribe.static_headers, headers);
  ASSERT_THAT(config.proxies, SizeIs(1));
  EXPECT_EQ(config.proxies[0].timeout_ns, 250 * kMs);
  const std::vector<HttpHeader> bearer = {{"Authorization", "Bearer x"}};
  EXPECT_EQ(config.proxies[0].static_headers, bearer);
  const std::vector<StatusTransform> transforms = {{404, 404, "not found", true, 0, ""}};
  EXPECT_EQ(config.proxies[0].status_to_code_transforms, transforms);
  EXPECT_EQ(config.rpc.without_namespace.proxy_name, "chat");
  EXPECT_EQ(config.FindNamespace("room:a")->force_recovery_mode, RecoveryMode::kCache);
  EXPECT_THAT(config.FindNamespace("room:a")->allowed_delta_types, ElementsAre("fossil"));
}

// As Centrifugo writes them.
TEST(ConfigTest, WhatBecomesOfAConnectThatFailsIsRead) {
  const Config config = Load(File(R"(
[client.connect_code_to_unidirectional_disconnect]
enabled = true
transforms = [{ code = 109, to = { code = 4501, reason = "log in" } }]
[uni_sse.connect_code_to_http_response]
enabled = true
[[uni_sse.connect_code_to_http_response.transforms]]
code = 3500
to = { status_code = 401, body = "no" }
)"));
  const DisconnectTransforms disconnects = {true, {{109, 4501, "log in"}}};
  EXPECT_EQ(config.client.connect_code_to_unidirectional_disconnect, disconnects);
  const ResponseTransforms responses = {true, {{3500, 401, "no"}}};
  EXPECT_EQ(config.uni_sse.connect_code_to_http_response, responses);
  EXPECT_EQ(config.uni_http_stream.connect_code_to_http_response, ResponseTransforms());
  EXPECT_THAT(Mistakes(File("[uni_sse.connect_code_to_http_response]\n"
                            "transforms = [{ code = 109, to = { body = \"x\" } }]\n"
                            "[client.connect_code_to_unidirectional_disconnect]\n"
                            "transforms = [{ code = 109 }, { to = { code = 3000 } }]\n")),
              SizeIs(3));
}

TEST(ConfigMistakeTest, SectionsAndListsWithinListsNameTheirMistakes) {
  EXPECT_THAT(
      Mistakes(File(R"([client.subscription_token]
enabeld = true
[client.proxy.connect]
name = "mine"
[[proxies]]
name = "chat"
endpoint = "grpc://127.0.0.1:3000"
[[proxies.http.static_headers]]
key = "X Y"
value = "a"
[[channel.namespaces]]
name = "room"
channel_regex = "(["
allowed_delta_types = ["vcdiff"]
)")),
      ElementsAre("server.toml:2: client.subscription_token.enabeld: unknown key (did you "
                  "mean `enabled`?)",
                  "server.toml:4: client.proxy.connect.name: unknown key",
                  "server.toml:7: proxies[0].endpoint: \"grpc://127.0.0.1:3000\" must be a "
                  "URL that begins with http:// or https://",
                  "server.toml:9: proxies[0].http.static_headers[0].key: \"X Y\" must be "
                  "the name of a header",
                  "server.toml:13: channel.namespaces[0].channel_regex: \"([\" must be a "
                  "regular expression as RE2 and Go have it, or empty",
                  "server.toml:14: channel.namespaces[0].allowed_delta_types: \"vcdiff\" is "
                  "none of \"fossil\""));
}

// As TOML writes it.
constexpr char kCertificate[] = "-----BEGIN CERTIFICATE-----\\nMA==\\n-----END CERTIFICATE-----";

TEST(ConfigMistakeTest, WhatAProxyTrustsCanBeHad) {
  const std::string good = std::string(R"([rpc.proxy.http.tls]
enabled = true
server_name = "backend.internal"
server_ca_pem = ")") + kCertificate +
                           "\"\n";
  const Config config = Load(File(good));
  EXPECT_TRUE(config.rpc.proxy.tls.enabled);
  EXPECT_EQ(config.rpc.proxy.tls.server_name, "backend.internal");
  EXPECT_THAT(Mistakes(File(R"([rpc.proxy.http.tls]
enabled = true
server_ca_pem = "/no/such/file"
server_name = "a b"
cert_pem = ")" + std::string(kCertificate) +
                            R"("
[client.proxy.refresh.http.tls]
server_ca_pem = "not looked at, as it is not enabled"
)")),
              ElementsAre("server.toml:1: rpc.proxy.http.tls: needs both cert_pem and key_pem, or "
                          "neither",
                          "server.toml:3: rpc.proxy.http.tls.server_ca_pem: is neither PEM, nor "
                          "base64 of it, nor a file that can be read",
                          "server.toml:4: rpc.proxy.http.tls.server_name: \"a b\" must be the name "
                          "of a host"));
}

TEST(ConfigTest, AFeedBringsItsNamespacesUnlessTheyAreDefined) {
  EXPECT_THAT(Load({}).channel.namespaces, IsEmpty());

  const Config added = Load(Set({"feeds.sim.enabled=true"}));
  ASSERT_THAT(added.channel.namespaces, SizeIs(4));
  EXPECT_EQ(added.FindNamespace("ticker:x")->kind, ChannelKind::kState);
  EXPECT_EQ(added.FindNamespace("trade:x")->kind, ChannelKind::kStream);
  EXPECT_TRUE(added.FindNamespace("trade:x")->allow_subscribe_for_anonymous);
  const Namespace& watch = *added.FindNamespace("watch:x");
  EXPECT_EQ(watch.subscription_type, SubscriptionType::kSharedPoll);
  EXPECT_EQ(watch.feed(), "*");
  EXPECT_TRUE(watch.shared_poll.allow_unsigned && watch.allow_subscribe_for_anonymous);
  const Namespace& tickers = *added.FindNamespace("tickers:x");
  EXPECT_EQ(tickers.subscription_type, SubscriptionType::kMap);
  EXPECT_EQ(tickers.feed(), "*");
  EXPECT_TRUE(tickers.allow_subscribe_for_anonymous);

  ConfigSources sources = File("[[channel.namespaces]]\nname = \"trade\"\n");
  sources.replays = {"captures/kucoin_spot.frames.gz"};
  const Config own = Load(sources);
  ASSERT_THAT(own.channel.namespaces, SizeIs(4));
  EXPECT_FALSE(own.FindNamespace("trade:x")->allow_subscribe_for_anonymous);
  EXPECT_EQ(own.feeds.replay[0].exchange, "kucoin");
}

// The first thing that is wrong, since what follows a syntax error means nothing.
TEST(ConfigMistakeTest, ASyntaxErrorIsToldAloneWithLineAndColumn) {
  const auto mistakes = Mistakes(File("[client]\ninsecure = yes\nbogus = 1\n"));
  ASSERT_THAT(mistakes, SizeIs(1));
  EXPECT_THAT(mistakes[0], StartsWith("server.toml:2:12: "));
  EXPECT_THAT(Mistakes(File("[client]\ninsecure = true\ninsecure = false\n")),
              ElementsAre(StartsWith("server.toml:3:")));
}

// Here toml++ 3.3 alone ends the program, or does anything at all in a release build.
TEST(ConfigMistakeTest, TextThatTheParserBeneathDoesNotExpectIsASyntaxError) {
  for (const char* text : {"[.a]", "[[.a]]", "[=]", "[ . ]", "[\n]", "[#]", ".a = 1", "= 1",
                           "\u00e9 = 1", "a \u0416 = 1", "a = 1 \u0499", "[\u00a1]"}) {
    EXPECT_THAT(Mistakes(File(text)), ElementsAre(StartsWith("server.toml:1:"))) << text;
  }
}

TEST(ConfigMistakeTest, EveryMistakeOfMeaningIsToldAtOnceInTheFilesOrder) {
  ConfigSources sources = File(R"([http_server]
port = 65536
[client]
pign_interval = "25s"
insecure = "true"
pong_timeout = "8"
[channel]
max_length = 0
[[channel.namespaces]]
name = "r"
kind = "steram"
[[channel.namespaces]]
kind = "state"
)");
  sources.environment = {{"TICKCAST_LOG_LEVEL", "wran"}, {"TICKCAST_CLIENT_INSECUR", "true"}};
  sources.sets = {"engine.lane_capacity=100", "engine.shard=2", "http_server.port"};
  EXPECT_THAT(
      Mistakes(sources),
      ElementsAre(
          "server.toml:2: http_server.port: 65536 is out of range: 0 to 65535",
          "server.toml:4: client.pign_interval: unknown key (did you mean "
          "`client.ping_interval`?)",
          "server.toml:5: client.insecure: must be a boolean, not a string",
          "server.toml:6: client.pong_timeout: \"8\" is no duration such as \"25s\", \"500ms\" or "
          "\"1m30s\"",
          "server.toml:8: channel.max_length: 0 is out of range: 1 to 255",
          "server.toml:10: channel.namespaces[0].name: \"r\" must be two or more of a-z, A-Z, 0-9, "
          "'-', '_' and '.'",
          "server.toml:11: channel.namespaces[0].kind: \"steram\" is none of \"stream\", \"state\" "
          "(did you mean `stream`?)",
          "server.toml:12: channel.namespaces[1]: `name` is missing",
          "TICKCAST_LOG_LEVEL: log.level: \"wran\" is none of \"trace\", \"debug\", \"info\", "
          "\"warn\", \"error\", \"none\"",
          "TICKCAST_CLIENT_INSECUR: names no key (did you mean `TICKCAST_CLIENT_INSECURE`?)",
          "--set engine.lane_capacity: engine.lane_capacity: 100 is out of range: a power of two "
          "from 64 to 1048576",
          "--set engine.shard: unknown key (did you mean `engine.shards`?)",
          "--set http_server.port: has no value; write --set key=value"));
}

TEST(ConfigMistakeTest, UnknownKeysAndSectionsNameTheNearestKnownOne) {
  EXPECT_THAT(Mistakes(File("[clinet]\ninsecure = true\nping_interval = \"1s\"\n")),
              ElementsAre("server.toml:1: clinet: unknown key (did you mean `client`?)"));
  EXPECT_THAT(
      Mistakes(File("ping_interval = \"1s\"\n")),
      ElementsAre(
          "server.toml:1: ping_interval: unknown key (did you mean `client.ping_interval`?)"));
  EXPECT_THAT(Mistakes(File("client = 5\n")),
              ElementsAre("server.toml:1: client: is a section, not an integer"));
  EXPECT_THAT(Mistakes(File("[[channel.namespaces]]\nname = \"room\"\nhistory_sise = 1\n")),
              ElementsAre("server.toml:3: channel.namespaces[0].history_sise: unknown key (did you "
                          "mean `history_size`?)"));
  EXPECT_THAT(Mistakes(File("[channel.without_namespace]\nname = \"room\"\n")),
              ElementsAre(HasSubstr("channel.without_namespace.name: unknown key")));
  EXPECT_THAT(Mistakes(File("nothing_like_it_at_all = 1\n")),
              ElementsAre("server.toml:1: nothing_like_it_at_all: unknown key"));
}

// Centrifugo's key, which tickcast has nothing behind: refused, not ignored.
TEST(ConfigMistakeTest, AKeyThatWouldHaveNoEffectIsRefused) {
  EXPECT_THAT(
      Mistakes(File("[engine]\nshards = 1\n[client]\nqueue_max_size = 1048576\n")),
      ElementsAre(StartsWith("server.toml:4: client.queue_max_size: is Centrifugo's and not "
                             "here: no queue is kept per connection")));
  EXPECT_THAT(Mistakes(Set({"engine.cpus=1", "engine.pin=false"})),
              ElementsAre("--set engine.cpus: engine.cpus: has no effect with engine.pin = false"));
}

TEST(ConfigMistakeTest, RangesAreTakenOnBothSides) {
  for (const char* good :
       {"http_server.port=0", "http_server.port=65535", "client.ping_interval=0s",
        "client.ping_interval=1h", "engine.receive_buffers=16", "engine.receive_buffers=32768",
        "debug.echo_max_message=67108864", "feeds.sim.exchange=sim-2", "engine.spin=10ms",
        "feeds.sim.seed=0"}) {
    EXPECT_THAT(Mistakes(Set({good})), IsEmpty()) << good;
  }
  for (const char* bad : {"http_server.port=-1",
                          "http_server.port=65536",
                          "http_server.port=80.5",
                          "http_server.port=",
                          "client.ping_interval=1h1s",
                          "client.ping_interval=-1s",
                          "client.ping_interval=inf",
                          "client.ping_interval=999ms",
                          "client.ping_interval=1500ms",
                          "client.ping_interval=25",
                          "engine.receive_buffers=8",
                          "engine.receive_buffers=48",
                          "engine.receive_buffers=65536",
                          "debug.echo_max_message=67108865",
                          "feeds.sim.exchange=a.b",
                          "feeds.sim.exchange=",
                          "engine.spin=11ms",
                          "feeds.sim.seed=-1",
                          "client.insecure=1",
                          "client.insecure=",
                          "http_server.address=localhost",
                          "client.allowed_origins=example.com",
                          "client.allowed_origins=https://a/b",
                          "client.allowed_origins=*.example.com/",
                          "client.allowed_origins=https://",
                          "client.user_id_http_header=a b",
                          "log.format=xml"}) {
    EXPECT_THAT(Mistakes(Set({bad})), SizeIs(1)) << bad;
  }
}

TEST(ConfigMistakeTest, ListsThatAreNoListsAreTold) {
  EXPECT_THAT(
      Mistakes(Variable("TICKCAST_CHANNEL_NAMESPACES", "[{\"name\":\"room\"")),
      ElementsAre(StartsWith("TICKCAST_CHANNEL_NAMESPACES: channel.namespaces: is no JSON: ")));
  EXPECT_THAT(Mistakes(Variable("TICKCAST_CHANNEL_NAMESPACES", "{}")),
              ElementsAre(HasSubstr("must be a list of tables, not a table")));
  EXPECT_THAT(Mistakes(Variable("TICKCAST_CHANNEL_NAMESPACES", "[1]")),
              ElementsAre(HasSubstr("must be a table, not an integer")));
  EXPECT_THAT(Mistakes(File("[engine]\ncpus = [0, \"1\"]\n")),
              ElementsAre("server.toml:2: engine.cpus: must be an integer, not a string"));
  EXPECT_THAT(Mistakes(File("[log]\nlevel = 1979-05-27\n")),
              ElementsAre(HasSubstr("must be a string, not a value of a type that no key has")));
}

TEST(ConfigMistakeTest, NamespacesAreUniqueAndTheFirstIsNamed) {
  EXPECT_THAT(Mistakes(File("[[channel.namespaces]]\nname = \"room\"\n"
                            "[[channel.namespaces]]\nname = \"chat\"\n"
                            "[[channel.namespaces]]\nname = \"room\"\n")),
              ElementsAre("server.toml:6: channel.namespaces[2].name: \"room\" is already defined "
                          "at server.toml:2"));
}

TEST(ConfigMistakeTest, HistoryIsWholeOrAbsent) {
  const auto mistakes = [](const std::string& keys) {
    return Mistakes(File("[[channel.namespaces]]\nname = \"room\"\n" + keys));
  };
  EXPECT_THAT(mistakes("history_size = 1\nhistory_ttl = \"1m\"\nforce_recovery = true\n"),
              IsEmpty());
  EXPECT_THAT(mistakes("history_size = 1\n"),
              ElementsAre("server.toml:3: channel.namespaces[0].history_size: has no effect "
                          "without history_ttl"));
  EXPECT_THAT(mistakes("history_ttl = \"1m\"\n"), SizeIs(1));
  for (const char* key : {"allow_positioning", "force_positioning", "allow_recovery",
                          "force_recovery", "allow_history_for_client",
                          "allow_history_for_subscriber", "allow_history_for_anonymous"}) {
    EXPECT_THAT(mistakes(std::string(key) + " = true\n"),
                ElementsAre(std::string("server.toml:3: channel.namespaces[0].") + key +
                            ": needs history_size and history_ttl"));
  }
  EXPECT_THAT(mistakes("history_size = 1\nhistory_ttl = \"1m\"\nkind = \"state\"\n"),
              ElementsAre(HasSubstr("a state channel keeps its newest value and no history")));
  EXPECT_THAT(Mistakes(Set({"channel.without_namespace.force_recovery=true"})), SizeIs(1));
}

TEST(ConfigMistakeTest, TimesThatContradictEachOtherAreToldWhereOneWasSet) {
  EXPECT_THAT(Mistakes(File("[client]\npong_timeout = \"25s\"\n")),
              ElementsAre(StartsWith("server.toml:2: client.pong_timeout: a pong may take 25s")));
  EXPECT_THAT(Mistakes(File("[client]\nping_interval = \"8s\"\n")),
              ElementsAre(StartsWith("server.toml:2: client.ping_interval: ")));
  EXPECT_THAT(Mistakes(File("[client]\nping_interval = \"9s\"\n")), IsEmpty());
  EXPECT_THAT(Mistakes(File("[client]\nping_interval = \"0s\"\n")), IsEmpty());
  EXPECT_THAT(Mistakes(Set({"shutdown.timeout=9s"})), SizeIs(1));
  EXPECT_THAT(Mistakes(Set({"shutdown.timeout=10s"})), IsEmpty());
}

TEST(ConfigMistakeTest, CoresAreAsManyAsShardsAndDifferent) {
  EXPECT_THAT(Mistakes(Set({"engine.cpus=0 1", "engine.shards=2"})), IsEmpty());
  EXPECT_THAT(Mistakes(Set({"engine.cpus=0 1", "engine.shards=3"})),
              ElementsAre(HasSubstr("names 2 cores for 3 shards")));
  EXPECT_THAT(Mistakes(Set({"engine.cpus=1 0 1"})), ElementsAre(HasSubstr("core 1 twice")));
}

TEST(ConfigMistakeTest, AReplayHasAKnownExchangeAndASpeed) {
  const auto mistakes = [](const std::string& keys) {
    return Mistakes(File("[[feeds.replay]]\n" + keys));
  };
  EXPECT_THAT(mistakes("file = \"my.frames\"\n"),
              ElementsAre(StartsWith("server.toml:2: feeds.replay[0].file: \"my.frames\"")));
  EXPECT_THAT(mistakes("file = \"my.frames\"\nexchange = \"coinbase\"\n"), IsEmpty());
  EXPECT_THAT(mistakes("file = \"kucoin.frames\"\nexchange = \"kraken\"\n"),
              ElementsAre(StartsWith("server.toml:3: feeds.replay[0].exchange: \"kraken\" is none "
                                     "of \"kucoin\", ")));
  EXPECT_THAT(mistakes("exchange = \"kucoin\"\n"), ElementsAre(HasSubstr("`file` is missing")));
  for (const char* good : {"0", "0.001", "1", "1e6"}) {
    EXPECT_THAT(mistakes("file = \"kucoin\"\nspeed = " + std::string(good) + "\n"), IsEmpty());
  }
  for (const char* bad : {"0.0009", "-1", "1e7", "nan", "inf", "\"1\""}) {
    EXPECT_THAT(mistakes("file = \"kucoin\"\nspeed = " + std::string(bad) + "\n"), SizeIs(1))
        << bad;
  }
  ConfigSources sources;
  sources.replays = {"unknown.frames.gz"};
  EXPECT_THAT(Mistakes(sources), ElementsAre(StartsWith("--replay: feeds.replay[0].file: ")));
}

TEST(ConfigMistakeTest, VariablesThatAreNoKeysAreLeftAloneOnlyWhereListed) {
  EXPECT_THAT(Mistakes(Variable("TICKCAST_CAPTURES", "x")), IsEmpty());
  EXPECT_THAT(Mistakes(Variable("TICKCAST_PORT_8000_TCP_ADDR", "10.0.0.1")), IsEmpty());
  EXPECT_THAT(Mistakes(Variable("TICKCAST_SERVICE_HOST", "10.0.0.1")), IsEmpty());
  EXPECT_THAT(Mistakes(Variable("TICKCAST_CLIENTS", "x")), SizeIs(1));
  EXPECT_THAT(Mistakes(Variable("tickcast_client_insecure", "x")), IsEmpty());
}

TEST(ConfigMistakeTest, AFloodOfMistakesIsCutWithTheirNumber) {
  std::string text;
  for (int i = 0; i < 150; ++i) text += "unknown_" + std::to_string(i) + " = 1\n";
  const auto mistakes = Mistakes(File(text));
  ASSERT_THAT(mistakes, SizeIs(101));
  EXPECT_EQ(mistakes.back(), "and 50 more");
}

// Nesting that no key has: whoever reads it must not run out of stack.
TEST(ConfigMistakeTest, DeepNestingIsRefused) {
  std::string brackets(200, '[');
  EXPECT_THAT(Mistakes(File("a = " + brackets)), SizeIs(1));
  EXPECT_THAT(Mistakes(Set({"channel.namespaces=" + std::string(5'000, '[')})), SizeIs(1));
  EXPECT_THAT(
      Mistakes(Set({"channel.namespaces=" + std::string(500, '[') + std::string(500, ']')})),
      SizeIs(1));
}

TEST(ConfigTest, SuggestionsStopWhereWordsDiffer) {
  const std::vector<std::string_view> known = {"insecure", "port"};
  EXPECT_EQ(Suggest("insecur", known), " (did you mean `insecure`?)");
  EXPECT_EQ(Suggest("prot", known), "");
  EXPECT_EQ(Suggest("por", known), " (did you mean `port`?)");
  EXPECT_EQ(Suggest("", known), "");
  EXPECT_EQ(Suggest(std::string(5'000, 'a'), known), "");
}

TEST(ConfigTest, ExchangesAreThoseWithADecoder) {
  std::vector<std::string_view> decoders;
  for (const auto& exchange : protocol::Exchanges()) decoders.push_back(exchange.name);
  EXPECT_THAT(ReplayExchanges(), testing::UnorderedElementsAreArray(decoders));
}

// The documentation's tables are the program's: after a change, paste `tickcast
// --config-reference`.
TEST(ConfigTest, TheDocumentationListsTheKeysAsTheyAre) {
  EXPECT_THAT(ReadSource("docs/configuration.md"), testing::EndsWith("\n" + ConfigReference()));
}

TEST(ConfigTest, TheExamplesAreGood) {
  const Config example = Load(File(ReadSource("tools/tickcast/example.toml")));
  EXPECT_TRUE(example.feeds.sim.enabled);
  EXPECT_THAT(example.channel.namespaces, SizeIs(6));
  EXPECT_EQ(example.FindNamespace("room:a")->history_size, 100u);
  EXPECT_TRUE(example.FindNamespace("user:#42")->allow_user_limited_channels);
  const Config production = Load(File(ReadSource("tools/tickcast/production.toml")));
  EXPECT_FALSE(production.client.insecure);
}

TEST(ConfigTest, AFileThatCannotBeReadIsNamed) {
  ConfigSources sources;
  EXPECT_EQ(ReadConfigFile("/nonexistent.toml", sources),
            "/nonexistent.toml: cannot be read: No such file or directory");
  EXPECT_THAT(ReadConfigFile("/", sources), StartsWith("/: cannot be read: "));
  EXPECT_THAT(ReadConfigFile("/dev/zero", sources), HasSubstr("is larger than"));
  EXPECT_FALSE(sources.file_text.has_value());
}

}  // namespace
}  // namespace tickcast::engine
