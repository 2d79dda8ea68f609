// Namespace: what holds for a family of channels, named as Centrifugo names it.
//
// "Client" is one with a user, "anonymous" one without, "subscriber" either of them while it is
// subscribed.
// Threading: a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config_keyed.h"

namespace tickcast::engine {

enum class ChannelKind : std::uint8_t {
  kStream,  // Order and completeness matter: trades, chat.
  kState,   // Only the newest value matters: tickers, host metrics.
};

// What a subscriber that recovers gets.
enum class RecoveryMode : std::uint8_t {
  kStream,  // Every publication that it missed, or none.
  kCache,   // The newest one, if it does not have it yet.
};

// What the data of a publication must be.
enum class DataFormat : std::uint8_t {
  kInherited,   // Of a namespace: as channel.publication_data_format; there: kAny.
  kJson,        // JSON.
  kJsonObject,  // A JSON object.
  kBinary,      // Anything, nothing too.
};

struct Namespace {
  std::string name;
  ChannelKind kind = ChannelKind::kStream;
  // Of state channels. The intervals are whole milliseconds, and the second is not the shorter one.
  std::uint64_t min_interval_ns = 0;      // The least that a subscriber is granted; 0: every turn.
  std::uint64_t default_interval_ns = 0;  // Of a subscriber that asks for none.
  // The members of a payload that `min_change` compares: the first one that is there.
  std::vector<std::string> value_fields = {"price", "bid", "value"};

  bool presence = false;               // Who is subscribed is kept.
  bool join_leave = false;             // Joins and leaves are published.
  bool force_push_join_leave = false;  // … to every subscriber, not only to those that ask.
  std::uint32_t join_leave_max_clients = 1000;  // In larger rooms joins are silent; 0: in none.
  std::uint64_t presence_grace_ns = 0;          // Who is lost stays present so long.

  std::uint32_t history_size = 0;  // Publications; 0: no history.
  std::uint64_t history_ttl_ns = 0;
  std::uint64_t history_meta_ttl_ns = 0;  // 0: channel.history_meta_ttl.
  bool allow_positioning = false;
  bool force_positioning = false;
  bool allow_recovery = false;
  bool force_recovery = false;
  RecoveryMode force_recovery_mode = RecoveryMode::kStream;
  bool auto_cache_recover = false;  // Needs force_recovery and kCache.

  std::vector<std::string> allowed_delta_types;  // "fossil", or empty.
  bool delta_publish = false;                    // As if every publication asked for `delta`.
  bool allow_tags_filter = false;
  bool allow_channel_compaction = false;

  bool allow_subscribe_for_client = false;
  bool allow_subscribe_for_anonymous = false;
  bool allow_publish_for_client = false;
  bool allow_publish_for_subscriber = false;
  bool allow_publish_for_anonymous = false;
  bool allow_presence_for_client = false;
  bool allow_presence_for_subscriber = false;
  bool allow_presence_for_anonymous = false;
  bool allow_history_for_client = false;
  bool allow_history_for_subscriber = false;
  bool allow_history_for_anonymous = false;
  bool allow_user_limited_channels = false;

  std::string channel_regex;  // RE2, of what stands behind the boundary; empty: anything.
  DataFormat publication_data_format = DataFormat::kInherited;

  bool subscribe_proxy_enabled = false;
  std::string subscribe_proxy_name = "default";
  bool publish_proxy_enabled = false;
  std::string publish_proxy_name = "default";
  bool sub_refresh_proxy_enabled = false;
  std::string sub_refresh_proxy_name = "default";

  SubscriptionType subscription_type = SubscriptionType::kStream;
  // Of map and shared poll: "feed:NAME", whose keys they are, or "feed:*", where that is what
  // stands behind the boundary in a channel's name; or empty.
  std::string source;
  MapConfig map;
  SharedPollConfig shared_poll;
  // The channel with this before its name is a map of who is subscribed; empty: there is none.
  std::string map_clients_presence_channel_prefix;
  std::string map_users_presence_channel_prefix;

  std::uint32_t subscriber_limit = 0;  // Per channel and server; 0: any number.
  std::uint32_t publish_rate = 0;  // Publications of clients a second and channel; 0: any number.

  bool keeps_history() const {
    return kind == ChannelKind::kStream && !is_map() && history_size > 0 && history_ttl_ns > 0;
  }

  bool is_keyed() const { return subscription_type != SubscriptionType::kStream; }
  bool is_map() const { return is_keyed() && subscription_type != SubscriptionType::kSharedPoll; }
  // A map whose keys are its own, one of a feed's market, and a watch list whose values a backend
  // is asked for.
  bool has_own_map() const { return is_map() && source.empty(); }
  bool mirrors_feed() const { return is_map() && !source.empty(); }
  bool is_polled() const {
    return subscription_type == SubscriptionType::kSharedPoll && source.empty();
  }
  // NAME of the source; empty: the channels have keys of their own. Lives as long as the namespace.
  std::string_view feed() const {
    return std::string_view(source).substr(source.empty() ? 0 : sizeof("feed:") - 1);
  }

  bool operator==(const Namespace&) const = default;
};

}  // namespace tickcast::engine
