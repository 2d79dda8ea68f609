#include "tools/loadgen/kind_record.h"

#include "absl/strings/str_cat.h"
#include "tools/loadgen/report.h"

namespace tickcast::loadgen {

void KindCounts::Add(const KindCounts& other) {
  deliveries += other.deliveries;
  tally.Add(other.tally);
  closed += other.closed;
  reopened += other.reopened;
  refused += other.refused;
  told += other.told;
}

KindCounts KindCounts::Since(const KindCounts& earlier) const {
  KindCounts since = *this;
  since.deliveries -= earlier.deliveries;
  since.tally = tally.Since(earlier.tally);
  since.closed -= earlier.closed;
  since.reopened -= earlier.reopened;
  since.refused -= earlier.refused;
  since.told -= earlier.told;
  return since;
}

void KindRecord::Add(const KindRecord& other) {
  counts.Add(other.counts);
  latency.Add(other.latency);
  stall.Add(other.stall);
  join.Add(other.join);
  scroll.Add(other.scroll);
  life.Add(other.life);
}

void KindRecord::ClearTimes() {
  latency.Clear();
  stall.Clear();
  join.Clear();
  scroll.Clear();
  life.Clear();
}

void AddKindFigures(const Kind& kind, const KindRecord& record, const KindCounts& since_start,
                    const KindCounts& since_begin, double seconds, Figures& figures) {
  const auto add = [&](const char* name, double value) {
    figures.emplace_back(absl::StrCat(kind.name, "_", name), value);
  };
  const auto count = [&](const char* name, std::uint64_t value) {
    add(name, static_cast<double>(value));
  };
  count("connections", kind.count);
  count("deliveries", since_begin.deliveries);
  add("deliveries_per_s", seconds == 0 ? 0 : static_cast<double>(since_begin.deliveries) / seconds);
  AddQuantiles(record.latency, figures, absl::StrCat(kind.name, "_"));
  // A late arrival takes back what an earlier phase missed.
  add("missing", static_cast<double>(static_cast<std::int64_t>(since_start.tally.missing)));
  count("duplicate", since_start.tally.duplicate);
  count("reordered", since_start.tally.reordered);
  count("closed", since_start.closed);
  count("reopened", since_start.reopened);
  count("refused", since_start.refused);
  count("told", since_start.told);
  if (record.stall.count() > 0) {
    count("stall_p50", record.stall.Quantile(0.5));
    count("stall_p99", record.stall.Quantile(0.99));
    count("stall_max", record.stall.max());
  }
  if (record.join.count() > 0) {
    count("join_p50", record.join.Quantile(0.5));
    count("join_p99", record.join.Quantile(0.99));
    count("join_max", record.join.max());
  }
  if (record.scroll.count() > 0) {
    count("scroll_p50", record.scroll.Quantile(0.5));
    count("scroll_p99", record.scroll.Quantile(0.99));
    count("scroll_max", record.scroll.max());
  }
  if (record.life.count() > 0) {
    count("life_p50", record.life.Quantile(0.5));
    count("life_max", record.life.max());
  }
}

}  // namespace tickcast::loadgen
