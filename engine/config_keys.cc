#include "engine/config_keys.h"

#include <arpa/inet.h>

#include <algorithm>

namespace tickcast::engine {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1'000 * kMs;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kKiB = 1'024;
constexpr std::int64_t kMiB = 1'024 * kKiB;

constexpr std::string_view kExchanges[] = {"kucoin", "binance", "binance_usdm", "coinbase"};
constexpr std::string_view kKinds[] = {"stream", "state"};
constexpr std::string_view kLevels[] = {"trace", "debug", "info", "warn", "error", "none"};
constexpr std::string_view kFormats[] = {"text", "json"};

constexpr bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

std::string_view CheckAddress(std::string_view text) {
  const std::string address(text);
  unsigned char binary[sizeof(in6_addr)];
  if (address.empty() || inet_pton(AF_INET, address.c_str(), binary) == 1 ||
      inet_pton(AF_INET6, address.c_str(), binary) == 1) {
    return {};
  }
  return "an IPv4 or IPv6 address in numbers, or empty for every interface";
}

// RFC 6454 section 6.2: scheme, host and port, and nothing behind them.
std::string_view CheckOrigin(std::string_view text) {
  if (text == "*") return {};
  const std::size_t scheme_end = text.find("://");
  if (scheme_end != std::string_view::npos && scheme_end > 0) {
    const std::string_view host = text.substr(scheme_end + 3);
    const bool plain = std::none_of(host.begin(), host.end(), [](char c) {
      return c == '/' || c == '?' || c == '#' || c == '*' || static_cast<unsigned char>(c) <= ' ';
    });
    if (!host.empty() && plain) return {};
  }
  return "\"*\" or an origin such as \"https://example.com\", without a path";
}

// As Centrifugo has it, so that names move both ways.
std::string_view CheckNamespaceName(std::string_view text) {
  if (text.size() >= 2 && std::all_of(text.begin(), text.end(), IsWordCharacter)) return {};
  return "two or more of a-z, A-Z, 0-9, '-', '_' and '.'";
}

// Stands before the first '.' of a channel's symbol.
std::string_view CheckExchangeName(std::string_view text) {
  const bool words =
      std::all_of(text.begin(), text.end(), [](char c) { return IsWordCharacter(c) && c != '.'; });
  if (!text.empty() && text.size() <= 32 && words) return {};
  return "1 to 32 of a-z, A-Z, 0-9, '-' and '_'";
}

std::string_view CheckNotEmpty(std::string_view text) {
  return text.empty() ? "not empty" : std::string_view();
}

constexpr ConfigBounds Any() { return {}; }
constexpr ConfigBounds Between(std::int64_t least, std::int64_t most) {
  return {.least = least, .most = most};
}
constexpr ConfigBounds ZeroOr(std::int64_t least, std::int64_t most) {
  return {.least = least, .most = most, .or_zero = true};
}
constexpr ConfigBounds PowerOfTwo(std::int64_t least, std::int64_t most) {
  return {.least = least, .most = most, .power_of_two = true};
}
constexpr ConfigBounds Text(std::string_view (*check)(std::string_view)) {
  return {.check = check};
}

// A member as the target of its key.
#define AT(Owner, member) [](Owner& owner) -> ConfigTarget { return &owner.member; }
#define DURATION_AT(Owner, member) \
  [](Owner& owner) -> ConfigTarget { return ConfigDuration{&owner.member}; }

// clang-format off: a row is a key, its bounds, what it means, where it is kept.
const ConfigField<Config> kConfigFields[] = {
    {{"http_server.address", Text(CheckAddress),
      "Where to listen, as a numeric address. Empty: on every IPv4 interface."},
     AT(Config, http_server.address)},
    {{"http_server.port", Between(0, 65'535),
      "The one port of WebSocket, HTTP API, metrics and page. 0: any free one, which the log "
      "names."},
     AT(Config, http_server.port)},

    {{"client.insecure", Any(),
      "Everybody may connect without a token, subscribe and publish everywhere. For development."},
     AT(Config, client.insecure)},
    {{"client.allowed_origins", Text(CheckOrigin),
      "The web pages that may connect: the exact `Origin` header of each, or `*` for all. An empty "
      "list refuses every request that has an `Origin` (403); one without the header, which no "
      "browser sends, passes."},
     AT(Config, client.allowed_origins)},
    {{"client.token.hmac_secret_key", Any(),
      "The secret that connection and subscription tokens (JWT; HS256, HS384, HS512) are signed "
      "with. Empty: no token is accepted."},
     AT(Config, client.token.hmac_secret_key)},
    {{"client.allow_anonymous_connect_without_token", Any(),
      "A client without a token may connect, as the user with the empty name."},
     AT(Config, client.allow_anonymous_connect_without_token)},
    {{"client.ping_interval",
      {.least = kSecond, .most = kHour, .or_zero = true, .step = kSecond},
      "How often the server pings, in whole seconds, because the protocol tells clients so. `0s`: "
      "never, and then no pong is expected."},
     DURATION_AT(Config, client.ping_interval_ns)},
    {{"client.pong_timeout", ZeroOr(100 * kMs, kHour),
      "How long a pong may take before the connection is closed with 3012; shorter than "
      "`client.ping_interval`. `0s`: no pong is expected."},
     DURATION_AT(Config, client.pong_timeout_ns)},
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
    {{"client.history_max_publication_limit", Between(1, 65'535),
      "Most publications in the answer to one history command."},
     AT(Config, client.history_max_publication_limit)},
    {{"client.recovery_max_publication_limit", Between(1, 65'535),
      "Most publications that a reconnecting client recovers. Who missed more is told "
      "`recovered: false` and gets none."},
     AT(Config, client.recovery_max_publication_limit)},

    {{"websocket.message_size_limit", Between(1 * kKiB, 64 * kMiB),
      "Largest message from a client, in bytes; a larger one closes the connection with 1009."},
     AT(Config, websocket.message_size_limit)},

    {{"channel.max_length", Between(1, 255),
      "Longest name of a channel, in bytes; a longer one is refused with error 107."},
     AT(Config, channel.max_length)},
    {{"channel.without_namespace", Any(),
      "What holds for channels without a colon: the keys of a namespace except `name`."},
     AT(Config, channel.without_namespace)},
    {{"channel.namespaces", Any(),
      "What holds for the channels `name:…`: a list of tables with the keys below. A channel of a "
      "namespace that is not listed is refused with error 102."},
     AT(Config, channel.namespaces)},

    {{"http_api.key", Any(),
      "What a call of the HTTP API must carry, as `X-API-Key: KEY` or `Authorization: apikey KEY`. "
      "Empty: the API refuses every call."},
     AT(Config, http_api.key)},
    {{"http_api.insecure", Any(), "The HTTP API asks for no key. For development."},
     AT(Config, http_api.insecure)},
    {{"health.enabled", Any(), "`/health` is answered."}, AT(Config, health.enabled)},
    {{"prometheus.enabled", Any(), "`/metrics` is answered."}, AT(Config, prometheus.enabled)},

    {{"log.level", Any(), "The least severe lines that are written."}, AT(Config, log.level)},
    {{"log.format", Any(), "Lines for people, or one JSON object per line."},
     AT(Config, log.format)},

    {{"shutdown.spread", ZeroOr(10 * kMs, kHour),
      "Over how long a drain spreads the closes (code 3001), so that the clients do not all "
      "reconnect elsewhere in one moment."},
     DURATION_AT(Config, shutdown.spread_ns)},
    {{"shutdown.timeout", Between(100 * kMs, kHour),
      "How long a drain may take in all; what is still open then is cut off. Not shorter than "
      "`shutdown.spread`."},
     DURATION_AT(Config, shutdown.timeout_ns)},

    {{"engine.shards", Between(0, 255),
      "Threads that serve connections. 0: one per entry of `engine.cpus`, or else one per core "
      "that the process may use."},
     AT(Config, engine.shards)},
    {{"engine.pin", Any(), "Each shard stays on a core of its own."}, AT(Config, engine.pin)},
    {{"engine.cpus", Between(0, 1'023),
      "The cores to pin to, one per shard. Empty: the first ones that the process may use."},
     AT(Config, engine.cpus)},
    {{"engine.spin", ZeroOr(1'000, 10 * kMs),
      "How long a shard that has nothing to do looks for work before it sleeps. It saves the "
      "wake-up (a few microseconds of latency) and burns that much CPU time after every burst, "
      "which pays only where each shard has a core to itself and latency counts more than power; "
      "so it is off unless asked for."},
     DURATION_AT(Config, engine.spin_ns)},
    {{"engine.table_slots", ZeroOr(16, 1'000'000),
      "Connections that one shard can hold. 0: the process's hard limit of open files "
      "(RLIMIT_NOFILE), which is also the most."},
     AT(Config, engine.table_slots)},
    {{"engine.lane_capacity", PowerOfTwo(64, 1'048'576),
      "Messages that fit between two shards. When a lane is full, state conflates and streams push "
      "back on their source."},
     AT(Config, engine.lane_capacity)},
    {{"engine.catch_up_bytes", Between(1 * kKiB, 64 * kMiB),
      "How much of a stream channel a shard keeps, per channel that is subscribed there, to bring "
      "a "
      "connection up to date that was blocked. Who falls further behind is told of the gap."},
     AT(Config, engine.catch_up_bytes)},
    {{"engine.receive_buffers", PowerOfTwo(16, 32'768),
      "Receive buffers of a shard, shared by all of its connections."},
     AT(Config, engine.receive_buffers)},
    {{"engine.receive_buffer_bytes", Between(256, 65'536), "Size of each of them, in bytes."},
     AT(Config, engine.receive_buffer_bytes)},
    {{"engine.send_buffer", ZeroOr(4 * kKiB, 64 * kMiB),
      "SO_SNDBUF of a connection, in bytes. Small, because what a slow client has not taken can be "
      "conflated only on our side of the socket. 0: the kernel's autotuning."},
     AT(Config, engine.send_buffer)},
    {{"engine.notsent_lowat", ZeroOr(1, 64 * kMiB),
      "TCP_NOTSENT_LOWAT of a connection, in bytes: how much unsent data the kernel takes before a "
      "connection counts as blocked. 0: the kernel's default."},
     AT(Config, engine.notsent_lowat)},
    {{"engine.send_batch", Between(1, 512),
      "Sends that a shard hands to the kernel at once; between batches it looks at its "
      "completions."},
     AT(Config, engine.send_batch)},

    {{"debug.echo_endpoint", Any(),
      "Serves `/debug/echo`, a WebSocket that sends back what it receives, for conformance "
      "suites."},
     AT(Config, debug.echo_endpoint)},
    {{"debug.echo_max_message", Between(1, 64 * kMiB),
      "Largest message that the echo takes, in bytes."},
     AT(Config, debug.echo_max_message)},

    {{"feeds.sim.enabled", Any(),
      "Runs the built-in market: a seeded random walk that publishes to `ticker:` and `trade:`."},
     AT(Config, feeds.sim.enabled)},
    {{"feeds.sim.symbols", Between(1, 65'536), "Its symbols."}, AT(Config, feeds.sim.symbols)},
    {{"feeds.sim.rate", Between(1, 10'000'000),
      "Its events a second, tickers and trades together."},
     AT(Config, feeds.sim.rate)},
    {{"feeds.sim.seed", Any(), "Equal seeds give equal markets."}, AT(Config, feeds.sim.seed)},
    {{"feeds.sim.burst", Between(1, 1'000'000),
      "Most of its events in one millisecond; recorded feeds reach 80 and more."},
     AT(Config, feeds.sim.burst)},
    {{"feeds.sim.exchange", Text(CheckExchangeName), "Its name in channels: `ticker:NAME.SYMBOL`."},
     AT(Config, feeds.sim.exchange)},
    {{"feeds.replay", Any(),
      "Recorded captures to publish as if they came now: a list of tables with the keys below. "
      "`--replay FILE` adds one."},
     AT(Config, feeds.replay)},
};

const ConfigField<Namespace> kNamespaceFields[] = {
    {{"name", Text(CheckNamespaceName), "What stands before the colon."}, AT(Namespace, name)},
    {{"kind", Any(),
      "`stream`: order and completeness matter. `state`: only the newest value matters, a "
      "subscriber gets it at once, and values in between may be skipped."},
     AT(Namespace, kind)},
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

#undef AT
#undef DURATION_AT

}  // namespace

std::span<const ConfigField<Config>> ConfigFields() { return kConfigFields; }
std::span<const ConfigField<Namespace>> NamespaceFields() { return kNamespaceFields; }
std::span<const ConfigField<ReplayFeedConfig>> ReplayFields() { return kReplayFields; }
std::span<const std::string_view> ReplayExchanges() { return kExchanges; }

std::span<const std::string_view> ConfigWords(const ChannelKind*) { return kKinds; }
std::span<const std::string_view> ConfigWords(const LogLevel*) { return kLevels; }
std::span<const std::string_view> ConfigWords(const LogFormat*) { return kFormats; }

void VisitConfigKeys(Config& config,
                     const std::function<void(const std::string& name, const ConfigFacts& facts,
                                              ConfigTarget target)>& visit) {
  for (const auto& field : ConfigFields()) {
    const std::string name(field.facts.name);
    const ConfigTarget target = field.locate(config);
    Namespace* const* nested = std::get_if<Namespace*>(&target);
    if (nested == nullptr) {
      visit(name, field.facts, target);
      continue;
    }
    for (const auto& inner : WithoutNamespaceFields()) {
      visit(name + "." + std::string(inner.facts.name), inner.facts, inner.locate(**nested));
    }
  }
}

std::string ConfigVariable(std::string_view name) {
  std::string variable = "TICKCAST_";
  for (const char c : name) {
    variable += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return variable;
}

}  // namespace tickcast::engine
