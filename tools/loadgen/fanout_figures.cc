// Fanout: what its crews have counted, as figures.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "tools/loadgen/fanout.h"
#include "tools/loadgen/http_get.h"
#include "tools/loadgen/process_usage.h"

namespace tickcast::loadgen {
namespace {

double Number(std::uint64_t count) { return static_cast<double>(count); }

// A difference of counts that may fall: what came late is missing no more.
double Signed(std::uint64_t difference) {
  return static_cast<double>(static_cast<std::int64_t>(difference));
}

double Per(double value, double of) { return of == 0 ? 0 : value / of; }

bool IsLossExpected(const Kind& kind) {
  return kind.behaviour == Kind::Behaviour::kSilent || kind.behaviour == Kind::Behaviour::kNoPong;
}

}  // namespace

KindCounts Fanout::Counts::AllKinds() const {
  KindCounts all;
  for (const KindCounts& kind : kinds) all.Add(kind);
  return all;
}

Fanout::Counts Fanout::Count() {
  std::vector<Counts> each(crews_.size());
  OnAll([&](Crew& crew, std::size_t i) {
    Counts& counts = each[i];
    for (const KindRecord& record : crew.books().records()) counts.kinds.push_back(record.counts);
    counts.books = crew.books().counts();
    counts.fleet = crew.fleet_counters();
    counts.ready = crew.ready();
    counts.joined = crew.joined();
    counts.gone = crew.gone() ? 1 : 0;
    counts.publishers_lost = crew.publishers_lost();
    counts.failure = crew.failure();
    if (crew.own_publisher() != nullptr) counts.publisher = crew.own_publisher()->counts();
  });
  Counts sum = std::move(each[0]);
  for (std::size_t i = 1; i < each.size(); ++i) {
    for (std::size_t k = 0; k < sum.kinds.size(); ++k) sum.kinds[k].Add(each[i].kinds[k]);
    sum.books.Add(each[i].books);
    sum.fleet.Add(each[i].fleet);
    sum.ready += each[i].ready;
    sum.joined += each[i].joined;
    sum.gone += each[i].gone;
    sum.publishers_lost += each[i].publishers_lost;
    if (sum.failure.ok()) sum.failure = each[i].failure;
  }
  return sum;
}

absl::StatusOr<Fanout::Counts> Fanout::Take() {
  Counts counts = Count();
  counts.client_cpu_ns = *ProcessCpuNs(0);
  if (options_.server_pid != 0) {
    const absl::StatusOr<std::uint64_t> server = ProcessCpuNs(options_.server_pid);
    if (!server.ok()) return server.status();
    counts.server_cpu_ns = *server;
  }
  counts.time_ns = now_ns();
  return counts;
}

bool Fanout::ReadCounters(ServerCounters& counters) {
  if (server_counts_ == false) return false;
  const absl::StatusOr<std::string> page = HttpGet(server_, "/metrics");
  // perf/floor answers no such request, and waiting for that in each phase anew would leave both
  // servers idle for many times a phase's length.
  if (!server_counts_) server_counts_ = page.ok();
  return page.ok() && ReadServerCounters(*page, counters);
}

// Closes the measured time, and settles the ledger: what has not come when nothing is under way any
// more is missing.
void Fanout::Collect(Measured& measured) {
  std::vector<std::uint32_t> published;
  if (plan_.publishers > 0) {
    RunOn(*workers_[0], [&] { published = first().own_publisher()->published(); });
  }
  std::vector<std::vector<KindRecord>> records(crews_.size());
  std::vector<Storm> storms(crews_.size());
  std::vector<Lull> lulls(crews_.size());
  const std::uint64_t stopped_ns = stopped_ns_;
  OnAll([&](Crew& crew, std::size_t i) {
    crew.books().EndMeasuring(stopped_ns);
    if (!published.empty()) crew.books().Settle(published);
    records[i] = crew.books().records();
    storms[i] = crew.storm();
    lulls[i] = crew.books().lull();
  });
  measured.records = std::move(records[0]);
  measured.storm = storms[0];
  for (std::size_t i = 1; i < crews_.size(); ++i) {
    for (std::size_t k = 0; k < records[i].size(); ++k) measured.records[k].Add(records[i][k]);
    measured.storm.Add(storms[i]);
    lulls[0].Merge(lulls[i]);
  }
  measured.lull_ns = lulls[0].LongestNs(stopped_ns_);
}

Figures Fanout::Compare(const Measured& measured) const {
  const Counts& begin = measured.begin;
  const Counts& end = measured.end;
  const double seconds = Signed(end.time_ns - begin.time_ns) / 1e9;
  const double publications = Number(end.publisher.publications - begin.publisher.publications);
  const double deliveries = Number(end.AllKinds().deliveries - begin.AllKinds().deliveries);
  const double messages = Number(end.fleet.messages - begin.fleet.messages);
  Figures figures = {
      {"seconds", seconds},
      {"connections", Number(end.ready)},
      {"publications", publications},
      {"publications_per_s", Per(publications, seconds)},
      {"deliveries", deliveries},
      {"deliveries_per_s", Per(deliveries, seconds)},
      {"messages_per_s", Per(messages, seconds)},
      {"deliveries_per_message", Per(deliveries, messages)},
      {"bytes_per_delivery", Per(Number(end.fleet.bytes - begin.fleet.bytes), deliveries)},
      {"reads", Number(end.fleet.reads - begin.fleet.reads)},
  };
  KindRecord all;
  for (const KindRecord& record : measured.records) all.Add(record);
  AddQuantiles(all.latency, figures);
  AddLedger(measured, figures);
  figures.emplace_back("stall_p50", Number(all.stall.Quantile(0.5)));
  figures.emplace_back("stall_p99", Number(all.stall.Quantile(0.99)));
  figures.emplace_back("stall_max", Number(all.stall.max()));
  figures.emplace_back("lull_max", Number(measured.lull_ns));
  if (options_.scroll_every_ns > 0) AddScrolls(measured, all.scroll, seconds, figures);
  if (measured.stormed) measured.storm.AddFigures(figures);
  for (std::size_t k = 0; mix_.size() > 1 && k < mix_.size(); ++k) {
    AddKindFigures(mix_.kinds()[k], measured.records[k],
                   end.kinds[k].Since(measured.start.kinds[k]), end.kinds[k].Since(begin.kinds[k]),
                   seconds, figures);
  }
  AddProcess(measured, seconds, figures);
  return figures;
}

void Fanout::AddScrolls(const Measured& measured, const Histogram& answers, double seconds,
                        Figures& figures) const {
  const BookCounts books = measured.end.books.Since(measured.begin.books);
  AddQuantiles(answers, figures, "scroll_");
  figures.emplace_back("scrolls", Number(books.scrolls));
  figures.emplace_back("scrolled_keys_per_s", Per(Number(books.scrolled_keys), seconds));
  figures.emplace_back("scroll_errors", Number(books.scroll_errors));
  figures.emplace_back("scrolls_skipped", Number(books.scrolls_skipped));
}

// The ledger covers the warm-up too: a loss is a loss.
void Fanout::AddLedger(const Measured& measured, Figures& figures) const {
  const Counts& start = measured.start;
  const Counts& end = measured.end;
  const KindCounts kinds = end.AllKinds().Since(start.AllKinds());
  const BookCounts books = end.books.Since(start.books);
  std::uint64_t closed = end.publishers_lost - start.publishers_lost;
  std::uint64_t refused = 0;
  for (std::size_t k = 0; k < mix_.size(); ++k) {
    const KindCounts since = end.kinds[k].Since(start.kinds[k]);
    if (!IsLossExpected(mix_.kinds()[k])) closed += since.closed;
    refused += since.refused;
  }
  const double missing = Signed(kinds.tally.missing);
  if (!options_.feed) {
    // What the server replaced by a newer value, or says it skipped, is no loss.
    const double accounted =
        measured.has_server ? Number(measured.server.conflated + measured.server.skipped) : 0;
    const double conflated = std::clamp(accounted, 0.0, std::max(0.0, missing));
    figures.emplace_back("due", Number(kinds.tally.delivered) + missing);
    figures.emplace_back("delivered", Number(kinds.tally.delivered));
    figures.emplace_back("conflated", conflated);
    figures.emplace_back("lost", missing - conflated);
  } else {
    figures.emplace_back("delivered", Number(kinds.tally.delivered));
    figures.emplace_back("conflated", missing);
    figures.emplace_back("early", Number(books.early));
  }
  const Figures more = {
      {"duplicate", Number(kinds.tally.duplicate)},
      {"reordered", Number(kinds.tally.reordered)},
      {"misdirected", Number(books.misdirected)},
      {"errors", Number(end.publisher.errors - start.publisher.errors)},
      {"given_up", Number(end.publisher.given_up - start.publisher.given_up)},
      {"closed", Number(closed)},
      {"refused", Number(refused)},
      {"reopened", Number(kinds.reopened)},
      {"unsubscribed", Number(books.unsubscribed)},
      {"told", Number(kinds.told)},
      {"other_pushes", Number(books.other_pushes)},
      {"unknown_lines", Number(end.fleet.unknown_lines - start.fleet.unknown_lines)},
      {"pings", Number(end.fleet.pings - start.fleet.pings)},
  };
  figures.insert(figures.end(), more.begin(), more.end());
  if (options_.address == Address::kTrack) figures.emplace_back("stale", Number(books.stale));
  if (options_.address == Address::kMap) {
    figures.emplace_back("mirrors", Number(books.mirrors));
    figures.emplace_back("mirrored_keys", Number(books.first_values));
  }
  if (measured.has_server) AddServerFigures(measured.server, figures);
}

void Fanout::AddProcess(const Measured& measured, double seconds, Figures& figures) const {
  const Counts& begin = measured.begin;
  const Counts& end = measured.end;
  const double deliveries = Number(end.AllKinds().deliveries - begin.AllKinds().deliveries);
  const double messages = Number(end.fleet.messages - begin.fleet.messages);
  const double client_ns = Number(end.client_cpu_ns - begin.client_cpu_ns);
  figures.emplace_back("client_cpu_us_per_delivery", Per(client_ns / 1e3, deliveries));
  figures.emplace_back("client_cpu_share", Per(client_ns / 1e9, seconds));
  if (options_.server_pid == 0) return;
  const double server_ns = Signed(end.server_cpu_ns - begin.server_cpu_ns);
  const double connections = topology_.connection_count();
  figures.emplace_back("cpu_us_per_delivery", Per(server_ns / 1e3, deliveries));
  figures.emplace_back("cpu_us_per_message", Per(server_ns / 1e3, messages));
  figures.emplace_back("cpu_share", Per(server_ns / 1e9, seconds));
  figures.emplace_back("cpu_us_per_connection_s", Per(Per(server_ns / 1e3, connections), seconds));
  figures.emplace_back("deliveries_per_cpu_s", Per(deliveries, server_ns / 1e9));
  figures.emplace_back("server_rss", server_rss_.last());
  figures.emplace_back("server_rss_per_connection",
                       Per(server_rss_.last() - first_rss_, connections));
  figures.emplace_back("server_rss_per_hour", server_rss_.PerSecond() * 3600);
  figures.emplace_back("server_rss_per_hour_per_connection",
                       Per(server_rss_.PerSecond() * 3600, connections));
}

// Over the whole life of all connections, when they are gone.
absl::StatusOr<Figures> Fanout::FinalFigures(const Counts& counts) {
  Figures figures = {{"not_closed", Number(crews_.size() - counts.gone)}};
  if (!options_.feed) return figures;
  const KindCounts kinds = counts.AllKinds();
  figures.emplace_back("total_deliveries", Number(kinds.deliveries));
  figures.emplace_back("total_first_values", Number(counts.books.first_values));
  figures.emplace_back("total_conflated", Number(kinds.tally.missing));
  figures.emplace_back("total_duplicate", Number(kinds.tally.duplicate));
  figures.emplace_back("total_reordered", Number(kinds.tally.reordered));
  ServerCounters after;
  if (!has_first_counters_ || !ReadCounters(after)) return figures;
  const ServerCounters server = after.Since(first_counters_);
  // A value that shards replaced before it was owed to anybody is a hole for each subscriber.
  std::uint32_t most = 0;
  for (std::uint32_t i = 0; i < topology_.channel_count(); ++i) {
    most = std::max(most, topology_.subscribers(i));
  }
  const double accounted = Number(server.conflated + server.skipped) +
                           Number(server.lane_conflated) * static_cast<double>(most);
  const double unread = Number(server.delivered) - Number(kinds.deliveries);
  const double holes = std::max(0.0, Number(kinds.tally.missing) - accounted);
  // What lay in the sockets of connections that were cut is gone, and nobody's fault.
  const bool exact = !cut_any_ && kinds.closed == 0 && counts.gone == crews_.size();
  figures.emplace_back("total_server_owed", Number(server.owed));
  figures.emplace_back("total_server_delivered", Number(server.delivered));
  figures.emplace_back("total_server_conflated", Number(server.conflated));
  figures.emplace_back("total_server_skipped", Number(server.skipped));
  figures.emplace_back("total_server_lane_conflated", Number(server.lane_conflated));
  // Nothing is outstanding when everybody has gone: the server's ledger has to balance by itself.
  figures.emplace_back(
      "server_unaccounted",
      Number(server.owed) - Number(server.delivered + server.conflated + server.skipped));
  figures.emplace_back("unread", unread);
  figures.emplace_back("lost", holes + (exact ? std::abs(unread) : 0));
  return figures;
}

void Fanout::TellFailure(const Counts& counts) {
  if (counts.failure.ok() || told_failure_) return;
  told_failure_ = true;
  progress_.Print(now_ns(), absl::StrCat("the first that was lost: ", counts.failure.message()));
}

void Fanout::ShowProgress(std::uint64_t now_ns) {
  const Counts counts = Count();
  std::vector<Histogram> intervals(crews_.size());
  OnAll([&](Crew& crew, std::size_t i) { intervals[i] = crew.books().TakeInterval(); });
  for (std::size_t i = 1; i < intervals.size(); ++i) intervals[0].Add(intervals[i]);
  const KindCounts kinds = counts.AllKinds();
  const double seconds = std::max(0.001, Signed(now_ns - shown_ns_) / 1e9);
  const auto rate = [&](std::uint64_t now, std::uint64_t before) {
    return Number(now - before) / seconds;
  };
  progress_.Print(
      now_ns,
      ProgressLine({.clients = counts.ready,
                    .publications_per_s = rate(counts.publisher.publications, shown_publications_),
                    .deliveries_per_s = rate(kinds.deliveries, shown_deliveries_),
                    .p50_ns = intervals[0].Quantile(0.5),
                    .p99_ns = intervals[0].Quantile(0.99),
                    .missing = static_cast<std::int64_t>(kinds.tally.missing),
                    .duplicate = kinds.tally.duplicate,
                    .errors = counts.publisher.errors,
                    .closed = kinds.closed}));
  TellFailure(counts);
  shown_deliveries_ = kinds.deliveries;
  shown_publications_ = counts.publisher.publications;
  shown_ns_ = now_ns;
}

}  // namespace tickcast::loadgen
