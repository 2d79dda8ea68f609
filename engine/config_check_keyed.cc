// CheckKeyed(): what the options of keyed channels take from each other.
//
// What Centrifugo refuses at its start is refused, also on a namespace that is no map, and what it
// refuses with every call: there is no reason to wait for it.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "engine/config_checker.h"
#include "engine/config_keys.h"

namespace tickcast::engine {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

template <class Value>
bool Same(const Value& a, const Value& b) {
  if constexpr (requires { *a == *b; }) return *a == *b;
  if constexpr (requires { *a.ns == *b.ns; }) return *a.ns == *b.ns;
  return true;  // A namespace has no tables in it.
}

// Tells the keys that begin with `section` and are not as they would be by default.
void TellUnused(ConfigChecker& check, const std::string& name, const Namespace& ns,
                std::string_view section, absl::string_view why) {
  Namespace as_is = ns;
  Namespace by_default;
  for (const auto& field : NamespaceFields()) {
    if (!field.facts.name.starts_with(section)) continue;
    const bool same = std::visit(
        [&](const auto& held) {
          using Value = std::decay_t<decltype(held)>;
          return Same(held, std::get<Value>(field.locate(by_default)));
        },
        field.locate(as_is));
    if (!same) check.Useless(absl::StrCat(name, ".", View(field.facts.name)), why);
  }
}

std::vector<std::string> FeedNames(const Config& config) {
  std::vector<std::string> names;
  if (config.feeds.sim.enabled) names.push_back(config.feeds.sim.exchange);
  for (const ReplayFeedConfig& replay : config.feeds.replay) names.push_back(replay.exchange);
  return names;
}

void CheckSource(ConfigChecker& check, const std::string& name, const Namespace& ns) {
  const std::string key = name + ".source";
  const bool of_feeds = ns.subscription_type == SubscriptionType::kMap ||
                        ns.subscription_type == SubscriptionType::kSharedPoll;
  if (!of_feeds) return check.Wrong(key, "needs subscription_type = \"map\" or \"shared_poll\"");
  const std::vector<std::string> feeds = FeedNames(check.config());
  if (!feeds.empty() && ns.feed() == "*") return;
  if (std::find(feeds.begin(), feeds.end(), ns.feed()) != feeds.end()) return;
  check.Wrong(key, feeds.empty() ? std::string("there is no feed: see feeds.sim and feeds.replay")
                                 : absl::StrCat("there is no feed \"", View(ns.feed()), "\", but ",
                                                absl::StrJoin(feeds, ", ")));
}

// What a feed gives is neither kept nor written by others, and is not asked for.
void CheckOverFeed(ConfigChecker& check, const std::string& name, const Namespace& ns) {
  if (ns.map.mode == MapMode::kRecoverable || ns.map.mode == MapMode::kPersistent) {
    check.Wrong(name + ".map.mode", "a map over a feed is ephemeral");
  }
  for (const char* section :
       {"map.key_ttl", "map.stream_", "map.meta_ttl", "map.live_transition_", "map.remove_client_",
        "map.client_key", "map.allow_", "map.publish_proxy_", "map.remove_proxy_",
        "shared_poll.proxy_name", "shared_poll.refresh_", "shared_poll.mode",
        "shared_poll.channel_shutdown_delay", "shared_poll.publish_enabled"}) {
    TellUnused(check, name, ns, section, "has no effect over a feed");
  }
}

void CheckExpiry(ConfigChecker& check, const std::string& name, const Namespace& ns) {
  const MapConfig& map = ns.map;
  const std::string key = name + ".map.key_ttl";
  if (map.has_expiry() && map.key_ttl_ns == 0 && ns.source.empty()) {
    check.Wrong(check.WasSet(key) ? key : name + ".map.mode",
                "needs map.key_ttl: keys expire unless the mode is \"persistent\"");
  }
  if (map.mode != MapMode::kPersistent) return;
  if (map.key_ttl_ns != 0) check.Wrong(key, "the keys of a persistent map do not expire");
  const bool presence = ns.subscription_type == SubscriptionType::kMapClients ||
                        ns.subscription_type == SubscriptionType::kMapUsers;
  if (presence) {
    check.Wrong(name + ".map.mode",
                "who is present has to expire: use \"ephemeral\" or \"recoverable\"");
  }
}

void CheckStream(ConfigChecker& check, const std::string& name, const MapConfig& map) {
  if (map.mode == MapMode::kEphemeral) {
    for (const char* key : {".map.stream_size", ".map.stream_ttl", ".map.meta_ttl"}) {
      if (check.WasSet(name + key)) check.Wrong(name + key, "an ephemeral map has no stream");
    }
  }
  if (!map.has_stream() || map.meta_ttl_ns == 0) return;
  const std::string key = name + ".map.meta_ttl";
  const std::string meta = FormatConfigDuration(map.meta_ttl_ns);
  if (map.mode == MapMode::kPersistent) {
    check.Wrong(key, "the position of a persistent map does not expire");
  } else if (map.meta_ttl_ns < map.stream_ttl_ns || map.meta_ttl_ns < map.key_ttl_ns) {
    const bool stream = map.meta_ttl_ns < map.stream_ttl_ns;
    check.Wrong(key, absl::StrCat(meta, " must not be less than the ",
                                  FormatConfigDuration(stream ? map.stream_ttl_ns : map.key_ttl_ns),
                                  stream ? " of map.stream_ttl" : " of map.key_ttl"));
  }
}

// A bound that was not set gives way to one that was: only two that were can contradict.
void CheckPages(ConfigChecker& check, const std::string& name, const MapConfig& map) {
  const struct {
    const char* lower;
    std::uint32_t least;
    const char* upper;
    std::uint32_t most;
  } pairs[] = {
      {"map.min_page_size", map.min_page_size, "map.max_page_size", map.max_page_size},
      {"map.default_page_size", map.default_page_size, "map.max_page_size", map.max_page_size},
      {"map.min_page_size", map.min_page_size, "map.default_page_size", map.default_page_size},
  };
  for (const auto& [lower, least, upper, most] : pairs) {
    const std::string key = absl::StrCat(name, ".", lower);
    if (least <= most || !check.WasSet(key) || !check.WasSet(absl::StrCat(name, ".", upper)))
      continue;
    check.Wrong(key, absl::StrCat(least, " must not be more than the ", most, " of ", upper));
  }
}

void CheckMap(ConfigChecker& check, const std::string& name, const Namespace& ns) {
  const MapConfig& map = ns.map;
  if (!ns.is_map()) {
    if (map.remove_client_on_unsubscribe) {
      check.Wrong(name + ".map.remove_client_on_unsubscribe",
                  "needs a subscription_type that is a map");
    }
    TellUnused(check, name, ns, "map.", "has no effect on channels that are no maps");
  } else if (map.mode == MapMode::kNone && ns.source.empty()) {
    check.Wrong(name + ".subscription_type", "needs map.mode");
  }
  CheckExpiry(check, name, ns);
  CheckStream(check, name, map);
  CheckPages(check, name, map);
  for (const bool publish : {true, false}) {
    const bool proxy = publish ? map.publish_proxy_enabled : map.remove_proxy_enabled;
    if (map.client_key == MapClientKey::kAny || !proxy) continue;
    check.Wrong(name + ".map.client_key",
                absl::StrCat("does not go with map.", publish ? "publish" : "remove",
                             "_proxy_enabled: the backend says which key it is"));
  }
}

void CheckSharedPoll(ConfigChecker& check, const std::string& name, const Namespace& ns) {
  if (ns.subscription_type != SubscriptionType::kSharedPoll) {
    TellUnused(check, name, ns, "shared_poll.", "needs subscription_type = \"shared_poll\"");
    return;
  }
  if (check.config().shared_poll.hmac_secret_key.empty() && !ns.shared_poll.allow_unsigned) {
    check.Wrong(name + ".subscription_type",
                "needs shared_poll.hmac_secret_key, or shared_poll.allow_unsigned");
  }
  if (!ns.source.empty()) return;
  if (ns.shared_poll.publish_enabled && ns.shared_poll.mode == SharedPollMode::kVersionless) {
    check.Wrong(name + ".shared_poll.publish_enabled",
                "needs shared_poll.mode = \"versioned\": what is published has a version");
  }
}

// The channels that `prefix` leads to must be able to hold who is present.
void CheckPresencePrefix(ConfigChecker& check, const std::string& key, const std::string& prefix,
                         SubscriptionType type) {
  if (prefix.empty()) return;
  const Namespace* target = check.config().FindNamespace(prefix);
  const std::string_view word = ConfigWords(&type)[static_cast<std::size_t>(type)];
  if (target == nullptr) {
    check.Wrong(key, absl::StrCat("\"", prefix, "\" leads to no namespace"));
  } else if (target->subscription_type != type) {
    check.Wrong(key, absl::StrCat("\"", prefix, "\" leads to a namespace whose subscription_type ",
                                  "is not \"", View(word), "\""));
  }
}

void CheckOne(ConfigChecker& check, const std::string& name, const Namespace& ns) {
  if (!ns.source.empty()) {
    CheckSource(check, name, ns);
    CheckOverFeed(check, name, ns);
  }
  if (ns.is_keyed() && check.WasSet(name + ".kind")) {
    check.Useless(name + ".kind", "each key of a keyed channel is a state channel");
  }
  CheckMap(check, name, ns);
  CheckSharedPoll(check, name, ns);
  CheckPresencePrefix(check, name + ".map_clients_presence_channel_prefix",
                      ns.map_clients_presence_channel_prefix, SubscriptionType::kMapClients);
  CheckPresencePrefix(check, name + ".map_users_presence_channel_prefix",
                      ns.map_users_presence_channel_prefix, SubscriptionType::kMapUsers);
}

}  // namespace

void CheckKeyed(ConfigChecker& check) {
  const ChannelConfig& channel = check.config().channel;
  CheckOne(check, "channel.without_namespace", channel.without_namespace);
  for (std::size_t i = 0; i < channel.namespaces.size(); ++i) {
    CheckOne(check, absl::StrCat("channel.namespaces[", i, "]"), channel.namespaces[i]);
  }
}

}  // namespace tickcast::engine
