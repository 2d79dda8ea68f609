#include "engine/config_key_rows.h"
#include "engine/config_keys.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace tickcast::engine {
namespace {

constexpr std::string_view kDeltaTypes[] = {"fossil"};
constexpr std::string_view kExchanges[] = {"kucoin", "binance", "binance_usdm", "coinbase"};

// clang-format off: a row is a key, its bounds, what it means, where it is kept.
const ConfigField<Namespace> kNamespaceFields[] = {
    {{"name", Text(CheckName), "What stands before the boundary."}, AT(Namespace, name)},
    {{"kind", Any(),
      "`stream`: order and completeness matter. `state`: only the newest value matters, a "
      "subscriber gets it at once, and values in between may be skipped."},
     AT(Namespace, kind)},
    {{"min_interval",
      {.least = 0, .most = kMinute, .step = kMs},
      "The least time between two values of a state channel that a subscriber is granted, in whole "
      "milliseconds, however little it asks for (`interval_ms`). `0s`, because a server that is "
      "not short of bandwidth has no reason to hold values back: the newest in every turn."},
     DURATION_AT(Namespace, min_interval_ns)},
    {{"default_interval",
      {.least = 0, .most = kMinute, .step = kMs},
      "The time between two values for a subscriber that asks for none; not shorter than "
      "`min_interval`. `0s`, because a client that knows nothing of intervals expects every value "
      "that there is time for."},
     DURATION_AT(Namespace, default_interval_ns)},
    {{"value_fields",
      {.check = CheckNotEmpty, .most_items = 8},
      "The members of a state channel's payload whose number, bare or in a string, `min_change` "
      "compares: the first one that is there. A payload with none of them is always sent. The "
      "default names what the market feeds' payloads have (a trade's price, else a quote's bid) "
      "and a plain word for everybody else's. Each name is one more to look for in every payload, "
      "so they are at most 8."},
     AT(Namespace, value_fields)},
    {{"presence", Any(), "Who is subscribed is kept and can be asked for."},
     AT(Namespace, presence)},
    {{"join_leave", Any(), "Joins and leaves go to the subscribers that ask for them."},
     AT(Namespace, join_leave)},
    {{"force_push_join_leave", Any(), "… and to those that do not ask. Needs `join_leave`."},
     AT(Namespace, force_push_join_leave)},
    {{"join_leave_max_clients", ZeroOr(1, 1'000'000),
      "In a channel with more clients than this a join is not told any more, nor the leave of "
      "whoever "
      "came so: each would cost a push to everybody there. Those who came before are told to "
      "leave. "
      "1,000, because nobody reads who comes and goes in a larger room. 0: always told."},
     AT(Namespace, join_leave_max_clients)},
    {{"presence_grace", ZeroOr(100 * kMs, kHour),
      "How long somebody whose connection was lost stays present, so that a reconnect makes no "
      "leave and no join. `0s`, because clients expect a leave at once."},
     DURATION_AT(Namespace, presence_grace_ns)},
    {{"history_size", Between(0, 1'000'000),
      "Publications kept per channel; needs `history_ttl`. 0: none."},
     AT(Namespace, history_size)},
    {{"history_ttl", ZeroOr(kMs, 365 * kDay),
      "How long a publication is kept; needs `history_size`."},
     DURATION_AT(Namespace, history_ttl_ns)},
    {{"history_meta_ttl", ZeroOr(kSecond, 10 * 365 * kDay),
      "How long the position of the history is kept after its last publication. `0s`: "
      "`channel.history_meta_ttl`."},
     DURATION_AT(Namespace, history_meta_ttl_ns)},
    {{"allow_positioning", Any(),
      "A subscriber may ask for its position in the stream. Needs history."},
     AT(Namespace, allow_positioning)},
    {{"force_positioning", Any(), "Every subscriber gets its position. Needs history."},
     AT(Namespace, force_positioning)},
    {{"allow_recovery", Any(),
      "A subscriber may ask for what it missed while it was away. Needs history."},
     AT(Namespace, allow_recovery)},
    {{"force_recovery", Any(), "Every subscriber recovers what it missed. Needs history."},
     AT(Namespace, force_recovery)},
    {{"force_recovery_mode", Any(),
      "What a subscriber that recovers gets. `stream`: all that it missed, or none of it. "
      "`cache`: the newest publication."},
     AT(Namespace, force_recovery_mode)},
    {{"auto_cache_recover", Any(),
      "Every subscriber gets the newest publication, asked for or not. Needs `force_recovery` and "
      "`force_recovery_mode` cache."},
     AT(Namespace, auto_cache_recover)},
    {{"allowed_delta_types",
      {.words = kDeltaTypes},
      "Kinds of delta compression that a subscriber may ask for."},
     AT(Namespace, allowed_delta_types)},
    {{"delta_publish", Any(),
      "Publications go as deltas to subscribers that asked for them, whether or not the publisher "
      "said so."},
     AT(Namespace, delta_publish)},
    {{"allow_tags_filter", Any(),
      "A subscriber may ask for the publications only whose tags pass a filter."},
     AT(Namespace, allow_tags_filter)},
    {{"allow_channel_compaction", Any(),
      "A subscriber may ask for a number in place of the channel's name in what is pushed to it."},
     AT(Namespace, allow_channel_compaction)},
    {{"allow_subscribe_for_client", Any(), "A client with a user may subscribe without a token."},
     AT(Namespace, allow_subscribe_for_client)},
    {{"allow_subscribe_for_anonymous", Any(), "So may one without a user."},
     AT(Namespace, allow_subscribe_for_anonymous)},
    {{"allow_publish_for_client", Any(), "A client with a user may publish."},
     AT(Namespace, allow_publish_for_client)},
    {{"allow_publish_for_subscriber", Any(), "A client that is subscribed may publish."},
     AT(Namespace, allow_publish_for_subscriber)},
    {{"allow_publish_for_anonymous", Any(), "A client without a user may publish."},
     AT(Namespace, allow_publish_for_anonymous)},
    {{"allow_presence_for_client", Any(), "A client with a user may ask who is present."},
     AT(Namespace, allow_presence_for_client)},
    {{"allow_presence_for_subscriber", Any(), "A client that is subscribed may ask."},
     AT(Namespace, allow_presence_for_subscriber)},
    {{"allow_presence_for_anonymous", Any(), "A client without a user may ask."},
     AT(Namespace, allow_presence_for_anonymous)},
    {{"allow_history_for_client", Any(), "A client with a user may read the history."},
     AT(Namespace, allow_history_for_client)},
    {{"allow_history_for_subscriber", Any(), "A client that is subscribed may read the history."},
     AT(Namespace, allow_history_for_subscriber)},
    {{"allow_history_for_anonymous", Any(), "A client without a user may read the history."},
     AT(Namespace, allow_history_for_anonymous)},
    {{"allow_user_limited_channels", Any(),
      "A channel with `channel.user_boundary` in its name is for the users that follow it: they "
      "need no token and no `allow_subscribe_for_client`, and nobody else is let in by that."},
     AT(Namespace, allow_user_limited_channels)},
    {{"channel_regex", Text(CheckPattern),
      "A pattern (RE2) that the name behind the boundary must match, unless a token names the "
      "channel. Empty: any name."},
     AT(Namespace, channel_regex)},
    {{"publication_data_format", Any(),
      "What the data of a publication must be; other data is refused with error 107. Empty: "
      "`channel.publication_data_format`."},
     AT(Namespace, publication_data_format)},
    {{"subscribe_proxy_enabled", Any(), "A backend says who may subscribe."},
     AT(Namespace, subscribe_proxy_enabled)},
    {{"subscribe_proxy_name", Text(CheckName), "Which one."}, AT(Namespace, subscribe_proxy_name)},
    {{"publish_proxy_enabled", Any(), "A backend says who may publish, and what."},
     AT(Namespace, publish_proxy_enabled)},
    {{"publish_proxy_name", Text(CheckName), "Which one."}, AT(Namespace, publish_proxy_name)},
    {{"sub_refresh_proxy_enabled", Any(),
      "A backend says whether a subscription that expires may stay."},
     AT(Namespace, sub_refresh_proxy_enabled)},
    {{"sub_refresh_proxy_name", Text(CheckName), "Which one."},
     AT(Namespace, sub_refresh_proxy_name)},
    {{"subscriber_limit", ZeroOr(1, 100'000'000),
      "Most subscribers of one channel, on all cores; one more is refused with error 106. 0: any "
      "number."},
     AT(Namespace, subscriber_limit)},
    {{"publish_rate", ZeroOr(1, 1'000'000),
      "Publications of clients that one channel takes each second; one more is refused with error "
      "111, which is temporary. The HTTP API is not limited. 0: any number."},
     AT(Namespace, publish_rate)},
};

const ConfigField<ReplayFeedConfig> kReplayFields[] = {
    {{"file", Text(CheckNotEmpty), "The capture: `.frames` or `.frames.gz`."},
     AT(ReplayFeedConfig, file)},
    {{"exchange",
      {.words = kExchanges},
      "Whose frames they are. Left out: what the file's name begins with."},
     AT(ReplayFeedConfig, exchange)},
    {{"speed", Between(0, 1'000'000),
      "1: as recorded. 2: twice as fast. 0: as fast as possible. Otherwise at least 0.001."},
     AT(ReplayFeedConfig, speed)},
    {{"loop", Any(), "Begins again at the end."}, AT(ReplayFeedConfig, loop)},
    {{"copies", Between(1, 10'000),
      "Publishes every symbol under so many ids: `SYMBOL`, `SYMBOL~2` …"},
     AT(ReplayFeedConfig, copies)},
};
// clang-format on

}  // namespace

std::span<const ConfigField<Namespace>> NamespaceFields() {
  static const std::vector<ConfigField<Namespace>> fields = [] {
    std::vector<ConfigField<Namespace>> all(std::begin(kNamespaceFields),
                                            std::end(kNamespaceFields));
    all.insert(all.end(), KeyedRows().begin(), KeyedRows().end());
    return all;
  }();
  return fields;
}
std::span<const ConfigField<ReplayFeedConfig>> ReplayFields() { return kReplayFields; }
std::span<const std::string_view> ReplayExchanges() { return kExchanges; }

}  // namespace tickcast::engine
