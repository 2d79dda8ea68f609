#include "engine/config_key_rows.h"
#include "engine/config_keys.h"

#include <algorithm>

namespace tickcast::engine {
namespace {

constexpr std::string_view kExchanges[] = {"kucoin", "binance", "binance_usdm", "coinbase"};

// As Centrifugo has it, so that names move both ways.
std::string_view CheckNamespaceName(std::string_view text) {
  if (text.size() >= 2 && std::all_of(text.begin(), text.end(), IsWordCharacter)) return {};
  return "two or more of a-z, A-Z, 0-9, '-', '_' and '.'";
}

std::string_view CheckNotEmpty(std::string_view text) {
  return text.empty() ? "not empty" : std::string_view();
}

// clang-format off: a row is a key, its bounds, what it means, where it is kept.
const ConfigField<Namespace> kNamespaceFields[] = {
    {{"name", Text(CheckNamespaceName), "What stands before the colon."}, AT(Namespace, name)},
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
    {{"history_size", Between(0, 1'000'000),
      "Publications kept per channel; needs `history_ttl`. 0: none."},
     AT(Namespace, history_size)},
    {{"history_ttl", ZeroOr(kMs, 365 * kDay),
      "How long a publication is kept; needs `history_size`."},
     DURATION_AT(Namespace, history_ttl_ns)},
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
    {{"allow_history_for_client", Any(), "A client with a user may read the history."},
     AT(Namespace, allow_history_for_client)},
    {{"allow_history_for_subscriber", Any(), "A client that is subscribed may read the history."},
     AT(Namespace, allow_history_for_subscriber)},
    {{"allow_history_for_anonymous", Any(), "A client without a user may read the history."},
     AT(Namespace, allow_history_for_anonymous)},
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

std::span<const ConfigField<Namespace>> NamespaceFields() { return kNamespaceFields; }
std::span<const ConfigField<ReplayFeedConfig>> ReplayFields() { return kReplayFields; }
std::span<const std::string_view> ReplayExchanges() { return kExchanges; }

}  // namespace tickcast::engine
