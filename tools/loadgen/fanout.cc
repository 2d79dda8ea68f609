#include "tools/loadgen/fanout.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/loadgen/http_get.h"
#include "tools/loadgen/keyed_channel.h"
#include "tools/loadgen/market.h"
#include "tools/loadgen/process_usage.h"

namespace tickcast::loadgen {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;

// How often the main thread looks at what its workers do.
constexpr std::uint64_t kLookNs = 5 * kMillisecond;

// Nobody got ready for so long: the rest never will.
constexpr std::uint64_t kConnectPatienceNs = 10 * kSecond;

// After the last delivery the server still has a turn to end and to fall asleep; only then is its
// CPU time exact.
constexpr std::uint64_t kServerSleepsNs = 3 * kMillisecond;

// Closing handshakes of all connections, and the server's counters after them.
constexpr std::uint64_t kGoodbyePatienceNs = 20 * kSecond;
constexpr std::uint64_t kCountersSettleNs = 300 * kMillisecond;

// A market that has just begun names its quiet symbols late: it is whole when it has stopped to
// grow for so long.
constexpr int kMarketQuietSeconds = 3;

std::uint64_t Clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

void SleepUntil(std::uint64_t deadline_ns) {
  const std::uint64_t now = Clock(CLOCK_MONOTONIC);
  if (deadline_ns > now) std::this_thread::sleep_for(std::chrono::nanoseconds(deadline_ns - now));
}

absl::StatusOr<std::vector<std::string>> FindMarket(const Options& options,
                                                    const engine::Endpoint& server) {
  absl::StatusOr<std::vector<std::string>> channels;
  std::size_t known = 0;
  for (int quiet_seconds = 0; quiet_seconds < kMarketQuietSeconds && !StopRequested();) {
    const absl::StatusOr<std::string> page = HttpGet(server, "/v1/tickers");
    if (!page.ok()) return page.status();
    channels = ReadMarketChannels(*page, options.exchange);
    if (!channels.ok() || channels->size() >= options.topology.channels) break;
    quiet_seconds = channels->size() > known ? 0 : quiet_seconds + 1;
    known = channels->size();
    sleep(1);
  }
  if (!channels.ok()) return channels.status();
  if (channels->size() < options.topology.channels) {
    return absl::FailedPreconditionError(
        absl::StrCat("the server's market '", options.exchange, "' has ", channels->size(),
                     " symbols: --channels at most that, or more feeds.sim.symbols"));
  }
  channels->resize(options.topology.channels);
  if (options.address != Address::kStream) {
    for (const std::string& channel : *channels) {
      if (absl::Status status = CheckKeyed(channel); !status.ok()) return status;
    }
  }
  return channels;
}

std::uint32_t DescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::uint32_t>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
}

// As many as the tables of direct descriptors need, or as many as were asked for.
absl::StatusOr<std::uint32_t> RingsFor(const Options& options, std::uint32_t clients) {
  const std::uint32_t limit = DescriptorLimit();
  std::uint32_t needed = 1;
  while (SlotsFor((clients + needed - 1) / needed) > limit) ++needed;
  if (options.rings == 0) return needed;
  if (options.rings < needed) {
    return absl::ResourceExhaustedError(
        absl::StrCat("--rings ", options.rings, ": ", clients, " connections need ", needed,
                     ", as a ring's table holds ", limit, " (ulimit -n)"));
  }
  if (options.rings > options.topology.connections) {
    return absl::InvalidArgumentError("--rings: at most one for each connection");
  }
  return options.rings;
}

Plan PlanOf(const Options& options, const Topology& topology, const Mix& mix,
            const engine::Endpoint& server, std::uint32_t rings) {
  const bool reopening = options.storm_at_ns >= 0 || options.control ||
                         std::any_of(mix.kinds().begin(), mix.kinds().end(), [](const Kind& kind) {
                           return kind.behaviour == Kind::Behaviour::kReconnecting;
                         });
  const bool publishing = options.mode == Mode::kFanout && !options.feed;
  return {
      .options = options,
      .topology = topology,
      .mix = mix,
      .server = server,
      .crews = rings,
      .publishers = publishing ? options.publishers : 0,
      .sources = SourcesFor(options, server, topology.connection_count(), reopening),
      .run = static_cast<std::uint32_t>(getpid()) * 2654435761U,
      .wall_offset_ns = static_cast<std::int64_t>(Clock(CLOCK_REALTIME) - Clock(CLOCK_MONOTONIC))};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Workload>> MakeFanout(const Options& options,
                                                     const engine::Endpoint& server) {
  const absl::StatusOr<std::uint32_t> rings =
      RingsFor(options, options.topology.connections + options.publishers);
  if (!rings.ok()) return rings.status();
  if (!options.feed) {
    return std::make_unique<Fanout>(options, server, Topology(options.topology), *rings);
  }
  absl::StatusOr<std::vector<std::string>> channels = FindMarket(options, server);
  if (!channels.ok()) return channels.status();
  return std::make_unique<Fanout>(options, server, Topology(options.topology, *std::move(channels)),
                                  *rings);
}

Fanout::Fanout(const Options& options, const engine::Endpoint& server, Topology topology,
               std::uint32_t rings)
    : options_(options),
      server_(server),
      topology_(std::move(topology)),
      mix_(options.kinds),
      plan_(PlanOf(options_, topology_, mix_, server_, rings)),
      crews_(rings),
      progress_(options.quiet) {}

Fanout::~Fanout() {
  if (workers_.empty()) return;
  RunOnAll(workers_, [this](std::size_t i) {
    workers_[i]->SetTurn({});
    crews_[i].reset();
  });
}

std::uint64_t Fanout::now_ns() { return Clock(CLOCK_MONOTONIC); }

void Fanout::Rest(std::uint64_t deadline_ns) {
  Tick(now_ns());
  SleepUntil(deadline_ns);
}

void Fanout::OnAll(const std::function<void(Crew&, std::size_t)>& task) {
  RunOnAll(workers_, [&](std::size_t i) { task(*crews_[i], i); });
}

absl::Status Fanout::StartCrews() {
  for (std::size_t i = 0; i < crews_.size(); ++i) workers_.push_back(std::make_unique<Worker>());
  std::vector<absl::Status> built(crews_.size());
  RunOnAll(workers_, [&](std::size_t i) {
    auto crew = Crew::Create(plan_, static_cast<std::uint32_t>(i));
    built[i] = crew.status();
    if (!crew.ok()) return;
    crews_[i] = *std::move(crew);
    workers_[i]->SetTurn([turning = crews_[i].get()] { turning->Turn(); });
  });
  for (const absl::Status& status : built) {
    if (!status.ok()) return status;
  }
  Publisher* const publisher = first().own_publisher();
  const int handle = first().handle();
  OnAll([&](Crew& crew, std::size_t i) { crew.ReportTo(publisher, i == 0 ? -1 : handle); });
  return absl::OkStatus();
}

absl::Status Fanout::Prepare() {
  if (options_.feed) has_first_counters_ = ReadCounters(first_counters_);
  if (options_.server_pid != 0) {
    const absl::StatusOr<std::uint64_t> rss = ProcessRssBytes(options_.server_pid);
    if (!rss.ok()) return rss.status();
    first_rss_ = static_cast<double>(*rss);
  }
  const std::uint64_t began_ns = now_ns();
  progress_.Begin(began_ns);
  if (absl::Status status = StartCrews(); !status.ok()) return status;
  OnAll([](Crew& crew, std::size_t) { crew.OpenSubscribers(); });
  const std::uint32_t subscribers = topology_.connection_count();
  // Publishers come last, so a server that numbers connections gives subscribers the first numbers.
  if (absl::Status status = AwaitReady(subscribers, began_ns); !status.ok()) return status;
  RunOn(*workers_[0], [this] { first().OpenPublishers(); });
  const std::uint32_t total = subscribers + plan_.publishers;
  if (absl::Status status = AwaitReady(total, began_ns); !status.ok()) return status;
  OnAll([](Crew& crew, std::size_t) { crew.EndOpening(); });
  if (!options_.quiet) {
    progress_.Print(now_ns(),
                    absl::StrFormat("connected: %s clients with %d subscriptions each, on %d rings "
                                    "from %d addresses, in %.2f s",
                                    Grouped(total), topology_.subscriptions(), crews_.size(),
                                    plan_.sources, static_cast<double>(now_ns() - began_ns) / 1e9));
  }
  return absl::OkStatus();
}

// Of kinds that come and go, some may be away: what counts is who got ready once.
absl::Status Fanout::AwaitReady(std::uint32_t wanted, std::uint64_t began_ns) {
  std::uint32_t ready = 0;
  std::uint64_t moved_ns = now_ns();
  for (;;) {
    SleepUntil(now_ns() + kLookNs);
    const Counts counts = Count();
    const std::uint64_t now = now_ns();
    if (!counts.failure.ok()) return counts.failure;
    if (counts.joined >= wanted) return absl::OkStatus();
    if (StopRequested()) return absl::CancelledError("stopped while connecting");
    if (std::exchange(ready, counts.joined) != counts.joined) moved_ns = now;
    if (now - moved_ns > kConnectPatienceNs) {
      return absl::DeadlineExceededError(absl::StrCat("only ", ready, " of ", wanted,
                                                      " connections got ready, and none in the ",
                                                      "last ", kConnectPatienceNs / kSecond, " s"));
    }
    if (progress_.Due(now)) {
      progress_.Print(
          now, absl::StrFormat("connecting: %s of %s in %.0f s", Grouped(ready), Grouped(wanted),
                               static_cast<double>(now - began_ns) / 1e9));
    }
  }
}

absl::StatusOr<Figures> Fanout::Run(const Phase& phase) {
  progress_.Begin(now_ns());
  Measured measured;
  ServerCounters before;
  const bool has_before = ReadCounters(before);
  absl::StatusOr<Counts> taken = Take();
  if (!taken.ok()) return taken.status();
  measured.start = *taken;
  shown_ns_ = measured.start.time_ns;
  shown_deliveries_ = measured.start.AllKinds().deliveries;
  shown_publications_ = measured.start.publisher.publications;
  if (phase.warmup_ns > 0) Publish(phase, now_ns() + phase.warmup_ns, -1);
  taken = Take();
  if (!taken.ok()) return taken.status();
  measured.begin = *taken;
  const std::uint64_t begin_ns = measured.begin.time_ns;
  OnAll([=](Crew& crew, std::size_t) { crew.books().BeginMeasuring(begin_ns); });
  server_rss_ = Slope();
  rss_began_ns_ = begin_ns;
  rss_due_ns_ = options_.server_pid != 0 ? begin_ns : UINT64_MAX;
  const std::int64_t storm_at_ns =
      phase.storm_at_ns < 0 ? -1 : static_cast<std::int64_t>(begin_ns) + phase.storm_at_ns;
  measured.stormed = Publish(
      phase, phase.duration_ns == 0 ? UINT64_MAX : begin_ns + phase.duration_ns, storm_at_ns);
  rss_due_ns_ = UINT64_MAX;
  Collect(measured);
  taken = Take();
  if (!taken.ok()) return taken.status();
  measured.end = *taken;
  // The time of the drain belongs to nothing that was published.
  measured.end.time_ns = stopped_ns_;
  ServerCounters after;
  measured.has_server = has_before && ReadCounters(after);
  if (measured.has_server) measured.server = after.Since(before);
  TellFailure(measured.end);
  return Compare(measured);
}

// Publishes or receives until then, and until nothing of it is under way.
bool Fanout::Publish(const Phase& phase, std::uint64_t until_ns, std::int64_t storm_at_ns) {
  if (plan_.publishers > 0) {
    const bool closed_loop = phase.rate == 0;
    OnAll([=](Crew& crew, std::size_t) { crew.set_wakes(closed_loop); });
    RunOn(*workers_[0],
          [&] { first().own_publisher()->Start(phase.rate, first().now_ns(), until_ns); });
  }
  bool stormed = false;
  while (!PhaseOver(phase, until_ns, stormed)) {
    const std::uint64_t now = now_ns();
    if (!stormed && storm_at_ns >= 0 && now >= static_cast<std::uint64_t>(storm_at_ns)) {
      OnAll([&](Crew& crew, std::size_t) { crew.BeginStorm(phase.storm_rate); });
      stormed = true;
      cut_any_ = true;
    }
    Tick(now);
    SleepUntil(std::min(until_ns, now + kLookNs));
  }
  stopped_ns_ = now_ns();
  if (plan_.publishers > 0) {
    RunOn(*workers_[0], [&] {
      first().own_publisher()->Stop(first().now_ns());
      stopped_ns_ = first().own_publisher()->stopped_ns();
    });
    bool idle = false;
    while (!idle) {
      RunOn(*workers_[0], [&] { idle = first().own_publisher()->idle(); });
      if (!idle) SleepUntil(now_ns() + kMillisecond);
    }
  }
  SleepUntil(now_ns() + kServerSleepsNs);
  return stormed;
}

bool Fanout::PhaseOver(const Phase& phase, std::uint64_t until_ns, bool stormed) {
  if (StopRequested() || now_ns() >= until_ns) return true;
  if (!stormed || !phase.until_back) return false;
  bool over = true;
  std::vector<char> back(crews_.size());
  OnAll([&](Crew& crew, std::size_t i) { back[i] = crew.storm().over() ? 1 : 0; });
  for (const char each : back) over = over && each != 0;
  return over;
}

// What is due beside the run itself.
void Fanout::Tick(std::uint64_t now_ns) {
  if (now_ns >= rss_due_ns_) {
    rss_due_ns_ = now_ns + kSecond;
    if (const auto rss = ProcessRssBytes(options_.server_pid); rss.ok()) {
      server_rss_.Add(static_cast<double>(now_ns - rss_began_ns_) / 1e9, static_cast<double>(*rss));
    }
  }
  if (!workers_.empty() && progress_.Due(now_ns)) ShowProgress(now_ns);
}

absl::Status Fanout::Silence(std::uint32_t clients) {
  const auto crews = static_cast<std::uint32_t>(crews_.size());
  OnAll([=](Crew& crew, std::size_t i) {
    crew.Silence(clients / crews + (i < clients % crews ? 1 : 0));
  });
  return absl::OkStatus();
}

absl::Status Fanout::Scroll(std::uint32_t keys) {
  if (options_.scroll_every_ns == 0 || keys > topology_.subscriptions() ||
      topology_.subscriptions() + keys > topology_.channel_count()) {
    return absl::InvalidArgumentError(
        absl::StrCat("scroll ", keys, ": needs --scroll-every, and as many keys that are not ",
                     "followed as others that are"));
  }
  OnAll([=](Crew& crew, std::size_t) { crew.set_scroll_keys(keys); });
  return absl::OkStatus();
}

// The ledger of a feed can be closed only when nothing more is under way: everything the server
// says it delivered has to have arrived, and every hole has to be one of its conflations.
absl::StatusOr<Figures> Fanout::Finish() {
  OnAll([](Crew& crew, std::size_t) { crew.CloseAll(); });
  const std::uint64_t patience_ns = now_ns() + kGoodbyePatienceNs;
  Counts counts = Count();
  while (counts.gone < crews_.size() && now_ns() < patience_ns) {
    SleepUntil(now_ns() + kLookNs);
    counts = Count();
  }
  SleepUntil(now_ns() + kCountersSettleNs);
  return FinalFigures(counts);
}

}  // namespace tickcast::loadgen
