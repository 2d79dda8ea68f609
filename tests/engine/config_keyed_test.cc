// Keyed channels: what a namespace takes, in every form, and what it refuses as Centrifugo does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/config_load.h"
#include "tests/engine/config_sources.h"

namespace tickcast::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ConfigSources Named(std::string name, std::string text) {
  ConfigSources sources;
  sources.file_name = std::move(name);
  sources.file_text = std::move(text);
  return sources;
}

// A file of ours with the namespace `n1` of these lines.
ConfigSources Ours(const std::string& lines, const std::string& above = {}) {
  return File(above + "[[channel.namespaces]]\nname = \"n1\"\n" + lines);
}
// One of Centrifugo's, with this in the namespace.
ConfigSources Theirs(const std::string& members) {
  return Named("config.json", R"({"channel": {"namespaces": [{"name": "n1", )" + members + "}]}}");
}
std::vector<std::string> MistakesOf(const std::string& members) {
  return Mistakes(Theirs(members));
}
Namespace Only(const ConfigSources& sources) { return Load(sources).channel.namespaces.at(0); }

constexpr char kSim[] = "[feeds.sim]\nenabled = true\n";
constexpr char kSecret[] = "[shared_poll]\nhmac_secret_key = \"s\"\n";
constexpr char kBackend[] = "[channel.proxy.shared_poll_refresh]\nendpoint = \"http://b/\"\n";

TEST(ConfigKeyedTest, AMapIsTakenInEveryForm) {
  const Namespace json = Only(Theirs(R"("subscription_type": "map", "map": {
    "mode": "recoverable", "key_ttl": "5m", "stream_size": 7, "stream_ttl": 30000000000,
    "meta_ttl": "1h", "remove_client_on_unsubscribe": true, "client_key": "user_id",
    "allow_publish_for_client": true, "allow_publish_for_subscriber": true,
    "allow_publish_for_anonymous": true, "allow_remove_for_client": true,
    "allow_remove_for_subscriber": true, "allow_remove_for_anonymous": true,
    "default_page_size": 200, "min_page_size": 10, "max_page_size": 300,
    "live_transition_max_publication_limit": 400, "subscribe_catch_up_timeout": "9s"})"));
  EXPECT_EQ(json.subscription_type, SubscriptionType::kMap);
  EXPECT_TRUE(json.is_keyed());
  EXPECT_TRUE(json.is_map());
  const MapConfig& map = json.map;
  EXPECT_EQ(map.mode, MapMode::kRecoverable);
  EXPECT_EQ(map.key_ttl_ns, 300 * kSecond);
  EXPECT_EQ(map.stream_size, 7u);
  EXPECT_EQ(map.stream_ttl_ns, 30 * kSecond);
  EXPECT_EQ(map.meta_ttl_ns, 3600 * kSecond);
  EXPECT_EQ(map.client_key, MapClientKey::kUserId);
  EXPECT_TRUE(map.remove_client_on_unsubscribe);
  EXPECT_TRUE(map.allow_publish_for_client && map.allow_publish_for_subscriber &&
              map.allow_publish_for_anonymous);
  EXPECT_TRUE(map.allow_remove_for_client && map.allow_remove_for_subscriber &&
              map.allow_remove_for_anonymous);
  EXPECT_EQ(map.live_transition_limit(), 400u);
  EXPECT_EQ(map.subscribe_catch_up_timeout_ns, 9 * kSecond);
  EXPECT_EQ(Only(Ours(R"(subscription_type = "map"
    [channel.namespaces.map]
    mode = "recoverable"
    key_ttl = "5m"
    stream_size = 7
    stream_ttl = "30s"
    meta_ttl = "1h"
    remove_client_on_unsubscribe = true
    client_key = "user_id"
    allow_publish_for_client = true
    allow_publish_for_subscriber = true
    allow_publish_for_anonymous = true
    allow_remove_for_client = true
    allow_remove_for_subscriber = true
    allow_remove_for_anonymous = true
    default_page_size = 200
    min_page_size = 10
    max_page_size = 300
    live_transition_max_publication_limit = 400
    subscribe_catch_up_timeout = "9s"
  )")),
            json);
}

TEST(ConfigKeyedTest, WithoutNamespaceAndYamlAndVariablesToo) {
  EXPECT_EQ(Load(Named("config.yaml",
                       "channel:\n  without_namespace:\n    subscription_type: map_clients\n"
                       "    map: {mode: ephemeral, key_ttl: 60s}\n"))
                .channel.without_namespace.map.key_ttl_ns,
            60 * kSecond);
  ConfigSources sources;
  sources.environment = {{"CENTRIFUGO_CHANNEL_NAMESPACES", "who"},
                         {"CENTRIFUGO_CHANNEL_NAMESPACES_WHO_SUBSCRIPTION_TYPE", "map_users"},
                         {"CENTRIFUGO_CHANNEL_NAMESPACES_WHO_MAP_MODE", "ephemeral"},
                         {"CENTRIFUGO_CHANNEL_NAMESPACES_WHO_MAP_KEY_TTL", "60s"},
                         {"CENTRIFUGO_SHARED_POLL_HMAC_SECRET_KEY", "s1"},
                         {"CENTRIFUGO_SHARED_POLL_HMAC_PREVIOUS_SECRET_KEY", "s0"},
                         {"CENTRIFUGO_SHARED_POLL_HMAC_PREVIOUS_SECRET_KEY_VALID_UNTIL", "1700"},
                         {"CENTRIFUGO_SHARED_POLL_CONCURRENCY_LIMIT", "5"}};
  const Config config = Load(sources);
  EXPECT_EQ(config.channel.namespaces.at(0).subscription_type, SubscriptionType::kMapUsers);
  EXPECT_EQ(config.channel.namespaces.at(0).map.mode, MapMode::kEphemeral);
  EXPECT_EQ(config.shared_poll.hmac_secret_key, "s1");
  EXPECT_EQ(config.shared_poll.hmac_previous_secret_key, "s0");
  EXPECT_EQ(config.shared_poll.hmac_previous_secret_key_valid_until, 1700);
  EXPECT_EQ(config.shared_poll.concurrency_limit, 5u);
  EXPECT_EQ(Load(Set({"shared_poll.hmac_secret_key=x"})).shared_poll.hmac_secret_key, "x");
  EXPECT_EQ(Load(Variable("TICKCAST_SHARED_POLL_HMAC_SECRET_KEY", "y")).shared_poll.hmac_secret_key,
            "y");
}

TEST(ConfigKeyedTest, ASharedPollHasCentrifugosDefaults) {
  const ConfigSources sources =
      Ours("subscription_type = \"shared_poll\"\n", absl::StrCat(kSecret, kBackend));
  const Config config = Load(sources);
  const Namespace& ns = config.channel.namespaces.at(0);
  EXPECT_TRUE(ns.is_keyed());
  EXPECT_FALSE(ns.is_map());
  EXPECT_EQ(ns.shared_poll, SharedPollConfig());
  EXPECT_EQ(ns.shared_poll.refresh_interval_ns, 10 * kSecond);
  EXPECT_EQ(ns.shared_poll.refresh_batch_size, 1000u);
  EXPECT_EQ(ns.shared_poll.max_keys_per_connection, 5000u);
  EXPECT_EQ(ns.shared_poll.mode, SharedPollMode::kVersionless);
  EXPECT_EQ(ns.shared_poll.channel_shutdown_delay_ns, kSecond);
  EXPECT_EQ(ns.shared_poll.track_expired_extra_delay_ns, 25 * kSecond);
  EXPECT_EQ(config.channel.proxy.shared_poll_refresh.endpoint, "http://b/");
  EXPECT_EQ(config.shared_poll.concurrency_limit, 64u);
}

// A zero is the default in Centrifugo's files, and less than that is "not at all".
TEST(ConfigKeyedTest, ZerosAndNegativeTimesAreReadAsCentrifugoReadsThem) {
  const Namespace ns = Only(Theirs(R"("subscription_type": "map", "map": {"mode": "persistent",
    "key_ttl": "0s", "stream_size": 0, "stream_ttl": 0, "max_page_size": 0,
    "subscribe_catch_up_timeout": "-1s"})"));
  EXPECT_EQ(ns.map.stream_size, 100u);
  EXPECT_EQ(ns.map.stream_ttl_ns, 60 * kSecond);
  EXPECT_EQ(ns.map.max_page_size, 1000u);
  EXPECT_EQ(ns.map.subscribe_catch_up_timeout_ns, 0u);
  EXPECT_EQ(Only(Named("config.json", R"({"shared_poll": {"hmac_secret_key": "s"},
    "channel": {"proxy": {"shared_poll_refresh": {"endpoint": "http://b/"}}, "namespaces": [
      {"name": "n1", "subscription_type": "shared_poll",
       "shared_poll": {"channel_shutdown_delay": -1, "refresh_interval": 0}}]}})"))
                .shared_poll.channel_shutdown_delay_ns,
            0u);
}

TEST(ConfigKeyedTest, PagesAreClampedAndWhatIsKeptIsDerived) {
  MapConfig map;
  EXPECT_EQ(map.PageSize(0), 100u);
  EXPECT_EQ(map.PageSize(99), 100u);
  EXPECT_EQ(map.PageSize(101), 101u);
  EXPECT_EQ(map.PageSize(1001), 1000u);
  map.max_page_size = 50;  // Alone it wins over both others, as there.
  EXPECT_EQ(map.PageSize(0), 50u);
  EXPECT_EQ(map.live_transition_limit(), 50u);
  map.mode = MapMode::kRecoverable;
  map.key_ttl_ns = kSecond;
  EXPECT_EQ(map.kept_ns(), 600 * kSecond);
  map.key_ttl_ns = 601 * kSecond;
  EXPECT_EQ(map.kept_ns(), 601 * kSecond);
  map.meta_ttl_ns = 700 * kSecond;
  EXPECT_EQ(map.kept_ns(), 700 * kSecond);
  map = {.mode = MapMode::kPersistent};
  EXPECT_EQ(map.kept_ns(), 0u);
}

// One row per rule of Centrifugo's: what it refuses and what is said of it.
TEST(ConfigKeyedTest, WhatCentrifugoRefusesIsRefused) {
  const struct {
    const char* members;
    const char* said;
  } rows[] = {
      {R"("subscription_type": "tables")", "subscription_type: \"tables\" is none of"},
      {R"("subscription_type": "map")", "subscription_type: needs map.mode"},
      {R"("subscription_type": "map_users")", "subscription_type: needs map.mode"},
      {R"("map": {"mode": "durable"})", "map.mode: \"durable\" is none of"},
      {R"("map": {"mode": "ephemeral"})", "map.mode: needs map.key_ttl"},
      {R"("map": {"mode": "recoverable"})", "map.mode: needs map.key_ttl"},
      {R"("map": {"mode": "persistent", "key_ttl": "1s"})", "map.key_ttl: the keys of a"},
      {R"("subscription_type": "map_clients", "map": {"mode": "persistent"})",
       "map.mode: who is present has to expire"},
      {R"("map": {"mode": "ephemeral", "key_ttl": "1s", "stream_size": 1})",
       "map.stream_size: an ephemeral map has no stream"},
      {R"("map": {"mode": "ephemeral", "key_ttl": "1s", "stream_ttl": "1s"})",
       "map.stream_ttl: an ephemeral map has no stream"},
      {R"("map": {"mode": "ephemeral", "key_ttl": "1s", "meta_ttl": "1s"})",
       "map.meta_ttl: an ephemeral map has no stream"},
      {R"("map": {"mode": "recoverable", "key_ttl": "1s", "meta_ttl": "59s"})",
       "map.meta_ttl: 59s must not be less than the 1m of map.stream_ttl"},
      {R"("map": {"mode": "recoverable", "key_ttl": "2h", "meta_ttl": "1h"})",
       "map.meta_ttl: 1h must not be less than the 2h of map.key_ttl"},
      {R"("map": {"mode": "persistent", "meta_ttl": "1h"})", "map.meta_ttl: the position of a"},
      {R"("map": {"remove_client_on_unsubscribe": true})",
       "map.remove_client_on_unsubscribe: needs a subscription_type that is a map"},
      {R"("map": {"client_key": "name"})", "map.client_key: \"name\" is none of"},
      {R"("map": {"min_page_size": 3, "max_page_size": 2})",
       "map.min_page_size: 3 must not be more than the 2 of map.max_page_size"},
      {R"("map": {"default_page_size": 3, "max_page_size": 2})",
       "map.default_page_size: 3 must not be more than the 2 of map.max_page_size"},
      {R"("map": {"default_page_size": 2, "min_page_size": 3})",
       "map.min_page_size: 3 must not be more than the 2 of map.default_page_size"},
      {R"("map": {"publish_proxy_enabled": true})", "needs channel.proxy.map_publish.endpoint"},
      {R"("map": {"remove_proxy_enabled": true, "remove_proxy_name": "back"})",
       "map.remove_proxy_enabled: there is no \"back\" in proxies"},
      {R"("map_clients_presence_channel_prefix": "none:")", "leads to no namespace"},
      {R"("map_users_presence_channel_prefix": "n1:")",
       "leads to a namespace whose subscription_type is not \"map_users\""},
  };
  for (const auto& [members, said] : rows) {
    EXPECT_THAT(MistakesOf(members), ElementsAre(HasSubstr(said))) << members;
  }
  EXPECT_THAT(MistakesOf(R"("map": {"key_ttl": "-1s"})"),
              ElementsAre(HasSubstr("map.key_ttl: \"-1s\" is out of range")));
  // In its own right: the bounds that were not set give way.
  EXPECT_THAT(MistakesOf(R"("map": {"max_page_size": 2})"), IsEmpty());
  EXPECT_THAT(MistakesOf(R"("map": {"mode": "recoverable", "key_ttl": "1s", "meta_ttl": "1m"})"),
              IsEmpty());
}

TEST(ConfigKeyedTest, TheBackendOrClientKeySayTheKeyNotBoth) {
  const char* backends =
      "[channel.proxy.map_publish]\nendpoint = \"http://b/\"\n"
      "[channel.proxy.map_remove]\nendpoint = \"http://b/\"\n";
  const std::string map = "subscription_type = \"map\"\nmap.mode = \"persistent\"\n";
  for (const char* what : {"publish", "remove"}) {
    const std::string proxy = absl::StrCat("map.", what, "_proxy_enabled = true\n");
    EXPECT_THAT(Mistakes(Ours(map + proxy, backends)), IsEmpty());
    EXPECT_THAT(Mistakes(Ours(map + proxy + "map.client_key = \"user_id\"\n", backends)),
                ElementsAre(HasSubstr(absl::StrCat("map.client_key: does not go with map.", what,
                                                   "_proxy_enabled"))));
  }
}

TEST(ConfigKeyedTest, ASharedPollNeedsASecretAndABackend) {
  const std::string type = "subscription_type = \"shared_poll\"\n";
  EXPECT_THAT(Mistakes(Ours(type, kBackend)),
              ElementsAre("server.toml:5: channel.namespaces[0].subscription_type: needs "
                          "shared_poll.hmac_secret_key, or shared_poll.allow_unsigned"));
  EXPECT_THAT(Mistakes(Ours(type, kSecret)),
              ElementsAre(HasSubstr(
                  "shared_poll.proxy_name: needs channel.proxy.shared_poll_refresh.endpoint")));
  EXPECT_THAT(Mistakes(Ours(type + "shared_poll.proxy_name = \"back\"\n", kSecret)),
              ElementsAre(HasSubstr("there is no \"back\" in proxies")));
  const std::string both = absl::StrCat(kSecret, kBackend);
  EXPECT_THAT(Mistakes(Ours(type + "shared_poll.publish_enabled = true\n", both)),
              ElementsAre(HasSubstr("needs shared_poll.mode = \"versioned\"")));
  EXPECT_THAT(Mistakes(Ours(type + "shared_poll.publish_enabled = true\n"
                                   "shared_poll.mode = \"versioned\"\n",
                            both)),
              IsEmpty());
}

TEST(ConfigKeyedTest, ASourceIsAFeedThatIsThere) {
  const std::string map = "subscription_type = \"map\"\n";
  const std::string poll = "subscription_type = \"shared_poll\"\n";
  const std::string source = "source = \"feed:sim\"\n";
  EXPECT_EQ(Only(Ours(map + source, kSim)).feed(), "sim");
  const std::string open = "shared_poll.allow_unsigned = true\n";
  EXPECT_EQ(Only(Ours(poll + source + open, kSim)).feed(), "sim");  // Neither secret nor backend.
  EXPECT_THAT(Mistakes(Ours(poll + source, kSim)),
              ElementsAre(HasSubstr("needs shared_poll.hmac_secret_key, or shared_poll.allow_")));
  const std::string any = "source = \"feed:*\"\n";
  EXPECT_EQ(Only(Ours(map + any, kSim)).feed(), "*");
  EXPECT_THAT(Mistakes(Ours(map + any)), ElementsAre(HasSubstr("there is no feed: see feeds.")));
  EXPECT_EQ(Namespace().feed(), "");
  EXPECT_THAT(Mistakes(Ours(source, kSim)), ElementsAre(HasSubstr("source: needs subscription")));
  EXPECT_THAT(Mistakes(Ours("subscription_type = \"map_users\"\n" + source, kSim)),
              ElementsAre(HasSubstr("source: needs subscription")));
  EXPECT_THAT(Mistakes(Ours(map + source)), ElementsAre(HasSubstr("there is no feed: see feeds.")));
  EXPECT_THAT(Mistakes(Ours(map + "source = \"feed:kucoin\"\n", kSim)),
              ElementsAre("server.toml:6: channel.namespaces[0].source: there is no feed "
                          "\"kucoin\", but sim"));
  for (const char* bad : {"sim", "feed:", "feed:a.b", "feed", "file:x", "feed: a"}) {
    EXPECT_THAT(Mistakes(Ours(absl::StrCat(map, "source = \"", bad, "\"\n"), kSim)),
                testing::Contains(HasSubstr("must be \"feed:\" and the name of a feed")))
        << bad;
  }
}

TEST(ConfigKeyedTest, OverAFeedThereIsNothingToKeepOrToWrite) {
  const std::string map = "subscription_type = \"map\"\nsource = \"feed:sim\"\n";
  EXPECT_THAT(Mistakes(Ours(map + "map.mode = \"ephemeral\"\nmap.max_page_size = 500\n"
                                  "min_interval = \"50ms\"\ndefault_interval = \"100ms\"\n"
                                  "value_fields = [\"price\"]\n",
                            kSim)),
              IsEmpty());
  EXPECT_THAT(Mistakes(Ours(map + "map.mode = \"persistent\"\n", kSim)),
              ElementsAre(HasSubstr("a map over a feed is ephemeral")));
  EXPECT_THAT(Mistakes(Ours(map + "map.key_ttl = \"1s\"\n", kSim)),
              ElementsAre(HasSubstr("map.key_ttl: has no effect over a feed")));
  EXPECT_THAT(Mistakes(Ours(map + "map.allow_publish_for_client = true\n", kSim)),
              ElementsAre(HasSubstr("has no effect over a feed")));
  EXPECT_THAT(Mistakes(Ours("subscription_type = \"shared_poll\"\nsource = \"feed:sim\"\n"
                            "shared_poll.allow_unsigned = true\n"
                            "shared_poll.refresh_interval = \"1s\"\n",
                            kSim)),
              ElementsAre(HasSubstr("shared_poll.refresh_interval: has no effect over a feed")));
}

TEST(ConfigKeyedTest, KeysWithoutEffectAreTold) {
  EXPECT_THAT(Mistakes(Ours("map.stream_size = 5\n")),
              ElementsAre(HasSubstr("has no effect on channels that are no maps")));
  EXPECT_THAT(Mistakes(Ours("shared_poll.refresh_batch_size = 5\n")),
              ElementsAre(HasSubstr("needs subscription_type = \"shared_poll\"")));
  EXPECT_THAT(Mistakes(Ours("kind = \"state\"\nsubscription_type = \"map\"\n"
                            "map.mode = \"persistent\"\n")),
              ElementsAre(HasSubstr("kind: each key of a keyed channel is a state channel")));
}

TEST(ConfigKeyedTest, PresenceLeadsToAMapOfItsKind) {
  const std::string who =
      "[[channel.namespaces]]\nname = \"who\"\nsubscription_type = \"map_clients\"\n"
      "map.mode = \"ephemeral\"\nmap.key_ttl = \"60s\"\n";
  const Namespace ns = Only(Ours("map_clients_presence_channel_prefix = \"who:\"\n" + who));
  EXPECT_EQ(ns.map_clients_presence_channel_prefix, "who:");
  EXPECT_THAT(Mistakes(Ours("map_users_presence_channel_prefix = \"who:\"\n" + who)),
              ElementsAre("server.toml:3: channel.namespaces[0].map_users_presence_channel_prefix: "
                          "\"who:\" leads to a namespace whose subscription_type is not "
                          "\"map_users\""));
}

}  // namespace
}  // namespace tickcast::engine
