#include "tools/loadgen/fanout.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/loadgen/process_usage.h"

namespace tickcast::loadgen {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;

// Publish commands are numbered apart from the few of the set-up.
constexpr std::uint32_t kFirstPublishId = 1'000'000;

// Nobody got ready for so long: the rest never will.
constexpr std::uint32_t kConnectPatienceSeconds = 10;

// After the last delivery the server still has a turn to end and to fall asleep; only then is its
// CPU time exact.
constexpr std::uint64_t kServerSleepsNs = 3 * kMillisecond;

}  // namespace

absl::StatusOr<std::unique_ptr<Workload>> MakeFanout(const Options& options,
                                                     const engine::Endpoint& server) {
  const auto run = static_cast<std::uint32_t>(getpid()) * 2654435761U;
  auto fanout = std::make_unique<Fanout>(options, run);
  const std::uint32_t publishers = options.mode == Mode::kIdle ? 0 : options.publishers;
  auto fleet = MakeFleet(options, server, options.topology.connections + publishers, run, *fanout);
  if (!fleet.ok()) return fleet.status();
  fanout->set_fleet(*std::move(fleet));
  return fanout;
}

Fanout::Fanout(const Options& options, std::uint32_t run)
    : options_(options),
      run_(run),
      topology_(options.topology),
      subscribers_(options.topology.connections),
      publishers_(options.mode == Mode::kIdle ? 0 : options.publishers),
      ledger_(std::size_t{subscribers_} * topology_.subscriptions()),
      published_(topology_.channel_count()),
      progress_(options.quiet) {}

// Publishers come last, so a server that numbers connections gives subscribers the first numbers.
absl::Status Fanout::OpenNext() {
  const bool subscriber = opened_ < subscribers_;
  const std::uint32_t replies = subscriber ? 1 + topology_.subscriptions() : 1;
  const absl::StatusOr<ClientIndex> client = fleet_->Open(Commands(opened_), replies);
  if (!client.ok()) return client.status();
  if (connections_.size() <= *client) connections_.resize(*client + 1);
  connections_[*client] = opened_;
  if (!subscriber) publisher_clients_.push_back(*client);
  ++opened_;
  return absl::OkStatus();
}

std::string Fanout::Commands(std::uint32_t connection) const {
  std::string commands;
  AppendConnect(1, commands);
  if (connection >= subscribers_) return commands;
  const std::uint32_t* channels = topology_.channels(connection);
  for (std::uint32_t i = 0; i < topology_.subscriptions(); ++i) {
    commands += '\n';
    AppendSubscribe(2 + i, topology_.name(channels[i]), commands);
  }
  return commands;
}

absl::Status Fanout::Prepare() {
  const std::uint32_t total = subscribers_ + publishers_;
  const std::uint64_t begin = now_ns();
  std::uint64_t moved_ns = begin;
  std::uint32_t ready = 0;
  progress_.Begin(begin);
  while (fleet_->ready() < total) {
    const std::uint64_t now = now_ns();
    const double allowed = options_.connect_rate == 0
                               ? total
                               : 1 + options_.connect_rate * static_cast<double>(now - begin) / 1e9;
    while (opened_ < total && opened_ < allowed && fleet_->opening() < options_.connecting) {
      if (absl::Status status = OpenNext(); !status.ok()) return status;
    }
    fleet_->Turn(now + kMillisecond);
    if (!failure_.ok()) return failure_;
    if (StopRequested()) return absl::CancelledError("stopped while connecting");
    if (std::exchange(ready, fleet_->ready()) != fleet_->ready()) moved_ns = now;
    if (now - moved_ns > kConnectPatienceSeconds * kSecond) {
      return absl::DeadlineExceededError(
          absl::StrCat("only ", fleet_->ready(), " of ", total, " connections got ready, and none ",
                       "in the last ", kConnectPatienceSeconds, " s"));
    }
    if (progress_.Due(now)) {
      progress_.Print(
          now, absl::StrCat("connecting: ", Grouped(fleet_->ready()), " of ", Grouped(total)));
    }
  }
  if (!options_.quiet) {
    progress_.Print(now_ns(), absl::StrFormat("connected: %s clients with %d subscriptions each in "
                                              "%.2f s",
                                              Grouped(total), topology_.subscriptions(),
                                              static_cast<double>(now_ns() - begin) / 1e9));
  }
  return absl::OkStatus();
}

void Fanout::OnReady(ClientIndex) {}

void Fanout::OnClosed(ClientIndex client, std::string_view reason) {
  const std::string text(reason);
  if (counts_.closed++ == 0) {
    failure_ =
        absl::UnavailableError(absl::StrCat("connection ", connections_[client], ": ", text));
  }
  if (counts_.closed <= 3 && !options_.quiet) {
    progress_.Print(now_ns(), absl::StrCat("lost connection ", connections_[client], ": ", text));
  }
}

void Fanout::OnDelivery(ClientIndex client, const Stamp& stamp, std::uint64_t now_ns) {
  const std::uint32_t connection = connections_[client];
  const std::uint32_t subscriptions = topology_.subscriptions();
  const std::uint32_t* channels =
      connection < subscribers_ ? topology_.channels(connection) : nullptr;
  std::uint32_t i = 0;
  while (channels != nullptr && i < subscriptions && channels[i] != stamp.channel) ++i;
  if (channels == nullptr || i == subscriptions) {
    ++counts_.misdirected;
    return;
  }
  ++counts_.deliveries;
  ++interval_deliveries_;
  const Ledger::Arrival arrival =
      ledger_.Record(std::size_t{connection} * subscriptions + i, stamp.number);
  if (arrival == Ledger::Arrival::kDuplicate) return;
  flight_.OnDelivery(stamp.publication);
  // Two clocks reads may swap within their resolution; a delivery is never negative.
  const std::uint64_t latency = now_ns > stamp.time_ns ? now_ns - stamp.time_ns : 0;
  interval_latency_.Record(latency);
  if (stamp.time_ns >= measured_from_ns_) latency_.Record(latency);
}

void Fanout::OnPublishReply(ClientIndex, std::uint32_t id, std::uint32_t code) {
  const std::uint32_t publication = id - kFirstPublishId;
  if (code == 0) return flight_.OnReply(publication);
  ++counts_.errors;
  flight_.OnRefused(publication);
}

void Fanout::Publish(std::uint64_t stamp_ns, std::uint64_t now_ns) {
  const std::uint32_t channel = next_channel_;
  next_channel_ = (next_channel_ + 1) % topology_.channel_count();
  const std::uint32_t deliveries = topology_.subscribers(channel);
  const std::uint32_t publication = flight_.Begin(deliveries, now_ns);
  const std::string_view name = topology_.name(channel);
  command_.clear();
  absl::StrAppend(&command_, R"({"id":)", kFirstPublishId + publication,
                  R"(,"publish":{"channel":")", absl::string_view(name.data(), name.size()),
                  R"(","data":)");
  AppendStamped({.run = run_,
                 .channel = channel,
                 .number = published_[channel]++,
                 .publication = publication,
                 .time_ns = stamp_ns},
                options_.payload_bytes, command_);
  command_ += "}}";
  fleet_->Say(publisher_clients_[channel % publishers_], command_);
  counts_.due += deliveries;
  ++counts_.publications;
  ++interval_publications_;
}

// Returns when the next publication is due by schedule.
std::uint64_t Fanout::PublishDue(std::uint64_t now_ns) {
  if (rate_ == 0) {
    if (options_.lockstep && flight_.size() > 0) return UINT64_MAX;
    while (flight_.size() < options_.window) Publish(now_ns, now_ns);
    return UINT64_MAX;
  }
  for (;;) {
    const std::uint64_t due_ns =
        schedule_start_ns_ +
        static_cast<std::uint64_t>(static_cast<double>(scheduled_) * 1e9 / rate_);
    if (due_ns > now_ns) return due_ns;
    Publish(due_ns, now_ns);
    ++scheduled_;
  }
}

void Fanout::PublishUntil(std::uint64_t until_ns) {
  schedule_start_ns_ = now_ns();
  scheduled_ = 0;
  for (std::uint64_t now = schedule_start_ns_; now < until_ns && !StopRequested(); now = now_ns()) {
    const std::uint64_t due_ns = publishers_ == 0 ? UINT64_MAX : PublishDue(now);
    fleet_->Turn(std::min({until_ns, due_ns, progress_.due_ns(), now + 100 * kMillisecond}));
    flight_.Advance();
    GiveUpStalled(now);
    if (progress_.Due(now)) ShowProgress(now);
  }
}

void Fanout::Drain() {
  while (flight_.size() > 0) {
    fleet_->Turn(now_ns() + 10 * kMillisecond);
    flight_.Advance();
    GiveUpStalled(now_ns());
  }
  const std::uint64_t asleep_ns = now_ns() + kServerSleepsNs;
  while (now_ns() < asleep_ns) fleet_->Turn(asleep_ns);
}

void Fanout::GiveUpStalled(std::uint64_t now_ns) {
  const auto stall_ns = static_cast<std::uint64_t>(options_.stall_ns);
  if (now_ns < stall_ns) return;
  counts_.given_up += flight_.GiveUp(now_ns - stall_ns);
}

// What has not come when nothing is under way any more is lost.
void Fanout::SettleLedger() {
  const std::uint32_t subscriptions = topology_.subscriptions();
  for (std::uint32_t connection = 0; connection < subscribers_; ++connection) {
    const std::uint32_t* channels = topology_.channels(connection);
    for (std::uint32_t i = 0; i < subscriptions; ++i) {
      ledger_.Settle(std::size_t{connection} * subscriptions + i, published_[channels[i]]);
    }
  }
}

absl::StatusOr<Figures> Fanout::Run(const Phase& phase) {
  rate_ = phase.rate;
  interval_began_ns_ = now_ns();
  progress_.Begin(interval_began_ns_);
  const absl::StatusOr<Counts> start = Take();
  if (!start.ok()) return start.status();
  measured_from_ns_ = UINT64_MAX;
  latency_.Clear();
  if (phase.warmup_ns > 0) {
    PublishUntil(now_ns() + phase.warmup_ns);
    Drain();
  }
  const absl::StatusOr<Counts> begin = Take();
  if (!begin.ok()) return begin.status();
  measured_from_ns_ = begin->time_ns;
  PublishUntil(phase.duration_ns == 0 ? UINT64_MAX : begin->time_ns + phase.duration_ns);
  const std::uint64_t stopped_ns = now_ns();
  Drain();
  SettleLedger();
  absl::StatusOr<Counts> end = Take();
  if (!end.ok()) return end.status();
  // The time of the drain belongs to nothing that was published.
  end->time_ns = stopped_ns;
  return Compare(*start, *begin, *end);
}

absl::StatusOr<Fanout::Counts> Fanout::Take() {
  Counts counts = counts_;
  counts.tally = ledger_.tally();
  counts.fleet = fleet_->counters();
  counts.client_cpu_ns = *ProcessCpuNs(0);
  if (options_.server_pid != 0) {
    const absl::StatusOr<std::uint64_t> server = ProcessCpuNs(options_.server_pid);
    if (!server.ok()) return server.status();
    counts.server_cpu_ns = *server;
  }
  counts.time_ns = now_ns();
  return counts;
}

// The ledger covers the warm-up too: a loss is a loss.
Figures Fanout::Compare(const Counts& start, const Counts& begin, const Counts& end) const {
  const auto since = [](std::uint64_t from, std::uint64_t to) {
    return static_cast<double>(to) - static_cast<double>(from);
  };
  const double seconds = since(begin.time_ns, end.time_ns) / 1e9;
  const double deliveries = since(begin.deliveries, end.deliveries);
  const double messages = since(begin.fleet.messages, end.fleet.messages);
  const double client_ns = since(begin.client_cpu_ns, end.client_cpu_ns);
  const double server_ns = since(begin.server_cpu_ns, end.server_cpu_ns);
  const auto per = [](double value, double of) { return of == 0 ? 0 : value / of; };
  Figures figures = {
      {"seconds", seconds},
      {"connections", static_cast<double>(fleet_->ready())},
      {"publications", since(begin.publications, end.publications)},
      {"publications_per_s", per(since(begin.publications, end.publications), seconds)},
      {"deliveries", deliveries},
      {"deliveries_per_s", per(deliveries, seconds)},
      {"messages_per_s", per(messages, seconds)},
      {"deliveries_per_message", per(deliveries, messages)},
      {"bytes_per_delivery", per(since(begin.fleet.bytes, end.fleet.bytes), deliveries)},
      {"reads", since(begin.fleet.reads, end.fleet.reads)},
  };
  AddQuantiles(latency_, figures);
  const Figures ledger = {
      {"due", since(start.due, end.due)},
      {"delivered", since(start.tally.delivered, end.tally.delivered)},
      {"lost", since(start.tally.missing, end.tally.missing)},
      {"duplicate", since(start.tally.duplicate, end.tally.duplicate)},
      {"reordered", since(start.tally.reordered, end.tally.reordered)},
      {"misdirected", since(start.misdirected, end.misdirected)},
      {"errors", since(start.errors, end.errors)},
      {"given_up", since(start.given_up, end.given_up)},
      {"closed", since(start.closed, end.closed)},
      {"other_pushes", since(start.fleet.other_pushes, end.fleet.other_pushes)},
      {"unknown_lines", since(start.fleet.unknown_lines, end.fleet.unknown_lines)},
      {"pings", since(start.fleet.pings, end.fleet.pings)},
      {"client_cpu_us_per_delivery", per(client_ns / 1e3, deliveries)},
      {"client_cpu_share", per(client_ns / 1e9, seconds)},
  };
  figures.insert(figures.end(), ledger.begin(), ledger.end());
  if (options_.server_pid != 0) {
    figures.emplace_back("cpu_us_per_delivery", per(server_ns / 1e3, deliveries));
    figures.emplace_back("cpu_us_per_message", per(server_ns / 1e3, messages));
    figures.emplace_back("cpu_share", per(server_ns / 1e9, seconds));
  }
  return figures;
}

void Fanout::ShowProgress(std::uint64_t now_ns) {
  const double seconds = static_cast<double>(now_ns - interval_began_ns_) / 1e9;
  const Ledger::Tally& tally = ledger_.tally();
  progress_.Print(
      now_ns,
      absl::StrFormat(
          "%s clients  %s publications/s  %s deliveries/s  p50 %.0f us  p99 %.0f us  "
          "missing %s  duplicate %s  errors %s",
          Grouped(fleet_->ready()),
          Grouped(
              static_cast<std::uint64_t>(static_cast<double>(interval_publications_) / seconds)),
          Grouped(static_cast<std::uint64_t>(static_cast<double>(interval_deliveries_) / seconds)),
          static_cast<double>(interval_latency_.Quantile(0.5)) / 1e3,
          static_cast<double>(interval_latency_.Quantile(0.99)) / 1e3, Grouped(tally.missing),
          Grouped(tally.duplicate), Grouped(counts_.errors)));
  interval_latency_.Clear();
  interval_deliveries_ = 0;
  interval_publications_ = 0;
  interval_began_ns_ = now_ns;
}

}  // namespace tickcast::loadgen
