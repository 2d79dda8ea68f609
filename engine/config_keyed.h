// Keyed channels: what holds for a namespace whose channels are collections of keys.
//
// Named and defaulted as Centrifugo's: a zero value in one of its files is the default here. A
// namespace over a feed takes its keys from the feed's state channels, so most of these keys are
// for those that have no `source` (engine/config_check_keyed.cc says which).
// Source: internal/configtypes of github.com/centrifugal/centrifugo 6.9.1.
// Threading: values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace tickcast::engine {

// What a subscription to a channel is, with the numbers that it has on the wire.
enum class SubscriptionType : std::uint8_t {
  kStream = 0,      // The channel's publications.
  kMap = 1,         // A mirror of all its keys.
  kMapClients = 2,  // A map whose keys are the clients that are subscribed elsewhere.
  kMapUsers = 3,    // … their users.
  kSharedPoll = 4,  // The keys that the client tracks.
};

enum class MapMode : std::uint8_t {
  kNone,         // Of what is no map, or one over a feed.
  kEphemeral,    // No positions: who was away gets the whole map again.
  kRecoverable,  // A stream of changes; keys expire.
  kPersistent,   // The same, and keys stay.
};

// Who says under which key a client's value stands.
enum class MapClientKey : std::uint8_t { kAny, kClientId, kUserId };

struct MapConfig {
  MapMode mode = MapMode::kNone;
  std::uint64_t key_ttl_ns = 0;  // Above 0 where keys expire, else 0.
  std::uint32_t stream_size = 100;
  std::uint64_t stream_ttl_ns = 60'000'000'000;
  std::uint64_t meta_ttl_ns = 0;  // 0: see kept_ns().
  bool remove_client_on_unsubscribe = false;
  MapClientKey client_key = MapClientKey::kAny;

  bool allow_publish_for_client = false;
  bool allow_publish_for_subscriber = false;
  bool allow_publish_for_anonymous = false;
  bool allow_remove_for_client = false;
  bool allow_remove_for_subscriber = false;
  bool allow_remove_for_anonymous = false;

  bool publish_proxy_enabled = false;
  std::string publish_proxy_name = "default";
  bool remove_proxy_enabled = false;
  std::string remove_proxy_name = "default";

  std::uint32_t default_page_size = 100;  // Keys.
  std::uint32_t min_page_size = 100;
  std::uint32_t max_page_size = 1000;
  std::uint32_t live_transition_max_publication_limit = 0;      // 0: max_page_size.
  std::uint64_t subscribe_catch_up_timeout_ns = 5'000'000'000;  // 0: any time.

  bool has_stream() const { return mode == MapMode::kRecoverable || mode == MapMode::kPersistent; }
  bool has_expiry() const { return mode == MapMode::kEphemeral || mode == MapMode::kRecoverable; }

  // Whether who is subscribed may write keys, or with `remove` remove them.
  bool lets_subscribers_write(bool remove) const {
    return remove ? allow_remove_for_subscriber : allow_publish_for_subscriber;
  }
  // Keys of a page for a client that asks for `asked`; 0: for none in particular.
  std::uint32_t PageSize(std::uint32_t asked) const {
    return std::min(std::max(asked == 0 ? default_page_size : asked, min_page_size), max_page_size);
  }
  std::uint32_t live_transition_limit() const {
    return live_transition_max_publication_limit != 0 ? live_transition_max_publication_limit
                                                      : max_page_size;
  }
  // How long position and epoch outlive the last change; 0: as long as the process.
  std::uint64_t kept_ns() const {
    if (meta_ttl_ns != 0 || !has_expiry()) return meta_ttl_ns;
    return std::max(10 * stream_ttl_ns, key_ttl_ns);
  }

  // Removals that are remembered: as many as the stream would have, and where there is none enough
  // for those who read the pages at the moment.
  std::uint32_t tombstones() const { return has_stream() ? stream_size : kEphemeralTombstones; }
  static constexpr std::uint32_t kEphemeralTombstones = 1000;

  bool operator==(const MapConfig&) const = default;
};

enum class SharedPollMode : std::uint8_t {
  kVersionless,  // The backend gives values; whether one is new is seen by comparing it.
  kVersioned,    // It gives a version with each, and is told the one that is known.
};

struct SharedPollConfig {
  std::string proxy_name = "default";
  std::uint64_t refresh_interval_ns = 10'000'000'000;
  std::uint32_t refresh_batch_size = 1000;  // Keys per question.
  std::uint32_t max_keys_per_connection = 5000;
  SharedPollMode mode = SharedPollMode::kVersionless;
  std::uint64_t channel_shutdown_delay_ns = 1'000'000'000;  // 0: at once.
  std::uint64_t track_expired_extra_delay_ns = 25'000'000'000;
  bool publish_enabled = false;  // Needs kVersioned.
  bool allow_unsigned = false;   // Who may subscribe may track any key.

  bool operator==(const SharedPollConfig&) const = default;
};

// Of all shared polls. The previous key verifies signatures too: those issued until the moment
// given, in seconds since 1970, or all of them where that is 0.
struct SharedPollServerConfig {
  std::string hmac_secret_key;
  std::string hmac_previous_secret_key;
  std::int64_t hmac_previous_secret_key_valid_until = 0;
  std::uint32_t concurrency_limit = 64;  // Questions under way at once, per shard.

  bool operator==(const SharedPollServerConfig&) const = default;
};

}  // namespace tickcast::engine
