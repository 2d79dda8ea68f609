// The rows of http_api.* to feeds.*: what operators see of the server, and how it works.
#include <algorithm>

#include "engine/config_key_rows.h"
#include "engine/config_keys.h"

namespace tickcast::engine {
namespace {

constexpr std::string_view kErrorModes[] = {"", "transport"};

// Stands before the first '.' of a channel's symbol.
std::string_view CheckExchangeName(std::string_view text) {
  const bool words =
      std::all_of(text.begin(), text.end(), [](char c) { return IsWordCharacter(c) && c != '.'; });
  if (!text.empty() && text.size() <= 32 && words) return {};
  return "1 to 32 of a-z, A-Z, 0-9, '-' and '_'";
}

// clang-format off: a row is a key, its bounds, what it means, where it is kept.
const ConfigField<Config> kRows[] = {
    {{"http_api.disabled", Any(), "There is no HTTP API."}, AT(Config, http_api.disabled)},
    {{"http_api.handler_prefix", Text(CheckPath), "The path before `/publish` and the others."},
     AT(Config, http_api.handler_prefix)},
    {{"http_api.error_mode",
      {.words = kErrorModes},
      "\"transport\": an error is told by the HTTP status. Empty: by `error` in a response with "
      "status 200. The header `X-Centrifugo-Error-Mode` says it for one request."},
     AT(Config, http_api.error_mode)},
    {{"http_api.key", Any(),
      "What a call of the HTTP API must carry, as `X-API-Key: KEY` or `Authorization: apikey KEY`. "
      "Empty: the API refuses every call."},
     AT(Config, http_api.key)},
    {{"http_api.insecure", Any(), "The HTTP API asks for no key. For development."},
     AT(Config, http_api.insecure)},
    {{"health.enabled", Any(), "`/health` is answered."}, AT(Config, health.enabled)},
    {{"health.handler_prefix", Text(CheckPath), "Its path."}, AT(Config, health.handler_prefix)},
    {{"prometheus.enabled", Any(), "`/metrics` is answered."}, AT(Config, prometheus.enabled)},
    {{"prometheus.handler_prefix", Text(CheckPath), "Its path."},
     AT(Config, prometheus.handler_prefix)},
    {{"node.name", Any(),
      "What the server is called in `info`. Empty: the host's name and the port."},
     AT(Config, node.name)},

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
    {{"engine.memory_budget", ZeroOr(kMiB, 1'024 * kGiB),
      "Most memory of one shard, in bytes of our own (not the kernel's socket buffers): "
      "connections, subscriptions, unsent tails, replies, catch-up rings and histories. From 80 % "
      "of it histories and catch-up rings are halved, from 90 % every connection is at least at "
      "the level critical, from 95 % new connections are refused with 503, above 100 % the slowest "
      "are closed with 3008. 0: no budget, because what a server can spare depends on what else "
      "its machine runs, and a wrong guess would turn clients away."},
     AT(Config, engine.memory_budget)},

    {{"pressure.enabled", Any(),
      "Connections that cannot keep up are sent less, in the levels degraded, critical and "
      "emergency. Without it they are only conflated. On, because it touches only who is slow."},
     AT(Config, pressure.enabled)},
    {{"pressure.window", Between(100 * kMs, kHour),
      "The time constant of a connection's blocked share: the part of the time in which its socket "
      "refused bytes, averaged with weights that fade over so long. With 5 s a socket that stalls "
      "for one second reaches a share of 0.18, which is no level yet, and one that takes nothing "
      "at all is degraded after 1.4 s, critical after 3.5 s and at emergency after 6.9 s."},
     DURATION_AT(Config, pressure.window_ns)},
    {{"pressure.degraded_share", Share(),
      "A connection with at least this blocked share is degraded: its state channels are sent at "
      "`pressure.degraded_interval` or slower. A quarter: it still takes most of what it is owed, "
      "and asking less of it may be all it needs."},
     AT(Config, pressure.degraded_share)},
    {{"pressure.critical_share", Share(),
      "From this share on it is critical: changes below `pressure.critical_change` are not sent "
      "either. Half: it loses as much time as it uses. Above `pressure.degraded_share`."},
     AT(Config, pressure.critical_share)},
    {{"pressure.emergency_share", Share(),
      "From this share on it is at emergency: of its state channels only those are sent that it "
      "subscribed to with `priority`. Three quarters: what little it takes shall be what it needs "
      "most. Above `pressure.critical_share`."},
     AT(Config, pressure.emergency_share)},
    {{"pressure.release",
      {.least = 0, .most = 1, .above_least = true, .below_most = true},
      "A level is left only when the share is below that of the level times this, for "
      "`pressure.hold`. Half, because being sent less lowers the share by itself, and a connection "
      "that left at the very threshold would be back at once."},
     AT(Config, pressure.release)},
    {{"pressure.hold", ZeroOr(10 * kMs, kHour),
      "For how long the share must be so low. As long as `pressure.window`, so that one good "
      "moment does not count."},
     DURATION_AT(Config, pressure.hold_ns)},
    {{"pressure.degraded_interval",
      {.least = 0, .most = kMinute, .step = kMs},
      "The least time between two values of a state channel from degraded on, in whole "
      "milliseconds. 500 ms: two values a second are what a person can still read, and each value "
      "more takes from a line that is too slow already."},
     DURATION_AT(Config, pressure.degraded_interval_ns)},
    {{"pressure.critical_change", Fraction(),
      "The least change of a state channel's value that is sent from critical on, as a fraction of "
      "the value sent last (`value_fields` says of which member). 0.001, a tenth of a percent: "
      "a line that slow is for moves, not for ticks. 0: every change."},
     AT(Config, pressure.critical_change)},
    {{"pressure.turn_budget", Between(kMs, 10 * kSecond),
      "A turn of a shard that takes longer overruns, and puts all of its connections under "
      "pressure, before anything is refused. 100 ms: a broadcast to a full table of 20,000 "
      "connections fits."},
     DURATION_AT(Config, pressure.turn_budget_ns)},

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
     LIST_AT(Config, feeds.replay, ReplayFields())},
};
// clang-format on

}  // namespace

std::span<const ConfigField<Config>> ServerRows() { return kRows; }

}  // namespace tickcast::engine
