// The rows of keyed channels: of a namespace and of shared_poll.*.
#include <algorithm>

#include "engine/config_key_rows.h"
#include "engine/config_keys.h"

namespace tickcast::engine {
namespace {

constexpr std::string_view kFeed = "feed:";

// A feed as feeds.sim.exchange names it, or an exchange.
std::string_view CheckSource(std::string_view text) {
  if (text.empty()) return {};
  const std::string_view name = text.substr(std::min(kFeed.size(), text.size()));
  const bool words =
      std::all_of(name.begin(), name.end(), [](char c) { return IsWordCharacter(c) && c != '.'; });
  if (text.starts_with(kFeed) && !name.empty() && (words || name == "*")) return {};
  return "\"feed:\" and the name of a feed or \"*\", or empty";
}

// clang-format off: a row is a key, its bounds, what it means, where it is kept.
const ConfigField<Namespace> kNamespaceRows[] = {
    {{"subscription_type", Any(),
      "What a subscription is. `stream`: the channel's publications. `map`: a mirror of a "
      "collection of keys. `map_clients`, `map_users`: such a collection of who is subscribed to "
      "other channels. `shared_poll`: the keys that the client tracks."},
     AT(Namespace, subscription_type)},
    {{"source", Text(CheckSource),
      "Of the types `map` and `shared_poll`: the feed whose symbols are the keys, as "
      "`feed:EXCHANGE`, or `feed:*`, where each channel is over the exchange that stands behind "
      "the boundary in its name. Empty: the channels have keys of their own, which clients, the "
      "HTTP API or a backend publish."},
     AT(Namespace, source)},
    {{"map.mode", Any(),
      "Must be given for a map, unless a feed is its source. `ephemeral`: who was away gets the "
      "whole map again. `recoverable`: it gets what changed, from a stream of changes. "
      "`persistent`: the same, and keys do not expire."},
     AT(Namespace, map.mode)},
    {{"map.key_ttl", ZeroOr(kMs, 10 * 365 * kDay),
      "How long a key stays after its last publication. Must be given, but for persistent maps, "
      "which have none."},
     DURATION_AT(Namespace, map.key_ttl_ns)},
    {{"map.stream_size", Between(1, 1'000'000), "Changes that are kept for recovery."},
     AT(Namespace, map.stream_size)},
    {{"map.stream_ttl", Between(kMs, 365 * kDay), "How long a change is kept for recovery."},
     DURATION_AT(Namespace, map.stream_ttl_ns)},
    {{"map.meta_ttl", ZeroOr(kMs, 10 * 365 * kDay),
      "How long position and epoch are kept after the last change; not shorter than "
      "`map.stream_ttl` and `map.key_ttl`. `0s`: ten times `map.stream_ttl`, or `map.key_ttl` if "
      "that is longer; for good in a persistent map."},
     DURATION_AT(Namespace, map.meta_ttl_ns)},
    {{"map.remove_client_on_unsubscribe", Any(),
      "The key that is the client's id is removed when it unsubscribes or is lost."},
     AT(Namespace, map.remove_client_on_unsubscribe)},
    {{"map.client_key", Any(),
      "The key that a client's publication gets: its id (`client_id`) or its user's (`user_id`). "
      "Empty: the one that it names."},
     AT(Namespace, map.client_key)},
    {{"map.allow_publish_for_client", Any(), "A client with a user may publish keys."},
     AT(Namespace, map.allow_publish_for_client)},
    {{"map.allow_publish_for_subscriber", Any(), "A client that is subscribed may."},
     AT(Namespace, map.allow_publish_for_subscriber)},
    {{"map.allow_publish_for_anonymous", Any(),
      "What is allowed to one of these two is so to a client without a user too."},
     AT(Namespace, map.allow_publish_for_anonymous)},
    {{"map.allow_remove_for_client", Any(), "A client with a user may remove keys."},
     AT(Namespace, map.allow_remove_for_client)},
    {{"map.allow_remove_for_subscriber", Any(), "A client that is subscribed may."},
     AT(Namespace, map.allow_remove_for_subscriber)},
    {{"map.allow_remove_for_anonymous", Any(),
      "What is allowed to one of these two is so to a client without a user too."},
     AT(Namespace, map.allow_remove_for_anonymous)},
    {{"map.publish_proxy_enabled", Any(), "A backend says who may publish a key, and what."},
     AT(Namespace, map.publish_proxy_enabled)},
    {{"map.publish_proxy_name", Text(CheckName), "Which one."},
     AT(Namespace, map.publish_proxy_name)},
    {{"map.remove_proxy_enabled", Any(), "A backend says who may remove a key."},
     AT(Namespace, map.remove_proxy_enabled)},
    {{"map.remove_proxy_name", Text(CheckName), "Which one."},
     AT(Namespace, map.remove_proxy_name)},
    {{"map.default_page_size", Between(1, 10'000),
      "Keys of a page for a client that does not say how many it wants."},
     AT(Namespace, map.default_page_size)},
    {{"map.min_page_size", Between(1, 10'000), "The least that a client gets, if there are more."},
     AT(Namespace, map.min_page_size)},
    {{"map.max_page_size", Between(1, 10'000), "The most."}, AT(Namespace, map.max_page_size)},
    {{"map.live_transition_max_publication_limit", ZeroOr(1, 1'000'000),
      "Changes that a client which was away may be told at once; with more it gets the whole map "
      "again. 0: `map.max_page_size`."},
     AT(Namespace, map.live_transition_max_publication_limit)},
    {{"map.subscribe_catch_up_timeout", ZeroOr(100 * kMs, kHour),
      "How long a client may take for the pages; one that takes longer is closed with 3008. `0s`: "
      "any time."},
     DURATION_AT(Namespace, map.subscribe_catch_up_timeout_ns)},
    {{"shared_poll.proxy_name", Text(CheckName),
      "The backend that is asked for the keys' values, where no feed is the source."},
     AT(Namespace, shared_poll.proxy_name)},
    {{"shared_poll.refresh_interval", Between(10 * kMs, kHour), "How often it is asked."},
     DURATION_AT(Namespace, shared_poll.refresh_interval_ns)},
    {{"shared_poll.refresh_batch_size", Between(1, 10'000), "Keys that one question names."},
     AT(Namespace, shared_poll.refresh_batch_size)},
    {{"shared_poll.max_keys_per_connection", Between(1, 1'000'000),
      "Keys that a connection may track in one channel; more are error 106."},
     AT(Namespace, shared_poll.max_keys_per_connection)},
    {{"shared_poll.mode", Any(),
      "`versionless`: the backend gives values, and one is news if it differs from the last. "
      "`versioned`: it gives each with a version, and is told which one is known."},
     AT(Namespace, shared_poll.mode)},
    {{"shared_poll.channel_shutdown_delay", ZeroOr(kMs, kHour),
      "How long a channel keeps its epoch and its rhythm after its last key was untracked. `0s`: "
      "not "
      "at all."},
     DURATION_AT(Namespace, shared_poll.channel_shutdown_delay_ns)},
    {{"shared_poll.track_expired_extra_delay", ZeroOr(kMs, kHour),
      "How long a key is still followed when its signature has expired."},
     DURATION_AT(Namespace, shared_poll.track_expired_extra_delay_ns)},
    {{"shared_poll.publish_enabled", Any(),
      "The HTTP API may publish keys (`shared_poll_publish`). Needs `shared_poll.mode` versioned."},
     AT(Namespace, shared_poll.publish_enabled)},
    {{"shared_poll.allow_unsigned", Any(),
      "Keys may be tracked with an empty signature: whoever may subscribe may see all of them."},
     AT(Namespace, shared_poll.allow_unsigned)},
    {{"map_clients_presence_channel_prefix", Any(),
      "Who is subscribed is kept as a map too: in the channel with this before its name, whose "
      "namespace has the type `map_clients`. Empty: it is not."},
     AT(Namespace, map_clients_presence_channel_prefix)},
    {{"map_users_presence_channel_prefix", Any(),
      "The same with a key per user; the namespace has the type `map_users`."},
     AT(Namespace, map_users_presence_channel_prefix)},
};

const ConfigField<Config> kSharedPollRows[] = {
    {{"shared_poll.hmac_secret_key", Any(),
      "The key of the signatures that let clients track keys; must be given where a namespace of "
      "the type `shared_poll` does not `allow_unsigned`."},
     AT(Config, shared_poll.hmac_secret_key)},
    {{"shared_poll.hmac_previous_secret_key", Any(), "One that verifies signatures too."},
     AT(Config, shared_poll.hmac_previous_secret_key)},
    {{"shared_poll.hmac_previous_secret_key_valid_until", Any(),
      "It verifies those issued until then, in seconds since 1970. 0: all of them."},
     AT(Config, shared_poll.hmac_previous_secret_key_valid_until)},
    {{"shared_poll.concurrency_limit", Between(1, 4'096),
      "Questions for values that one shard has under way at once; more wait."},
     AT(Config, shared_poll.concurrency_limit)},
};
// clang-format on

}  // namespace

std::span<const ConfigField<Namespace>> KeyedRows() { return kNamespaceRows; }
std::span<const ConfigField<Config>> SharedPollRows() { return kSharedPollRows; }

}  // namespace tickcast::engine
