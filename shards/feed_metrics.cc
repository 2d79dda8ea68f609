#include "shards/feed_metrics.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace tickcast::shards {

struct FeedMetrics::Row {
  std::uint64_t FeedCounters::*counter;
  const char* name;
  const char* help;
  const char* label;
  const char* value;
};

namespace {

constexpr const char* kFrames = "tickcast_feed_frames_total";
constexpr const char* kFramesHelp = "Frames that a feed took in, by what they were.";
constexpr const char* kPublished = "tickcast_feed_published_total";
constexpr const char* kPublishedHelp = "Publications that a feed made.";
constexpr const char* kDropped = "tickcast_feed_dropped_total";
constexpr const char* kDroppedHelp = "What a feed took in and did not publish, by reason.";

}  // namespace

const FeedMetrics::Row FeedMetrics::kRows[] = {
    {&FeedCounters::tickers, kFrames, kFramesHelp, "kind", "ticker"},
    {&FeedCounters::trades, kFrames, kFramesHelp, "kind", "trade"},
    {&FeedCounters::books, kFrames, kFramesHelp, "kind", "book"},
    {&FeedCounters::control, kFrames, kFramesHelp, "kind", "control"},
    {&FeedCounters::unknown, kFrames, kFramesHelp, "kind", "unknown"},
    {&FeedCounters::malformed, kFrames, kFramesHelp, "kind", "malformed"},
    {&FeedCounters::ticks_published, kPublished, kPublishedHelp, "kind", "ticker"},
    {&FeedCounters::trades_published, kPublished, kPublishedHelp, "kind", "trade"},
    {&FeedCounters::unchanged_tickers, kDropped, kDroppedHelp, "reason", "unchanged ticker"},
    {&FeedCounters::stale_tickers, kDropped, kDroppedHelp, "reason", "stale ticker"},
    {&FeedCounters::stale_trades, kDropped, kDroppedHelp, "reason", "stale trade"},
    {&FeedCounters::repeated_trades, kDropped, kDroppedHelp, "reason", "repeated trade"},
    {&FeedCounters::refused_tickers, kDropped, kDroppedHelp, "reason", "too many symbols, ticker"},
    {&FeedCounters::refused_trades, kDropped, kDroppedHelp, "reason", "too many symbols, trade"},
    {&FeedCounters::stale_books, kDropped, kDroppedHelp, "reason", "stale book"},
    {&FeedCounters::sequence_gaps, "tickcast_feed_sequence_gaps_total",
     "Times that an exchange's sequence had a hole.", nullptr, nullptr},
    {&FeedCounters::missing_sequences, "tickcast_feed_missing_sequences_total",
     "Sequence numbers that were missing, where that can be told.", nullptr, nullptr},
    {&FeedCounters::retried_full, "tickcast_feed_retried_total",
     "Offers of a publication that had to be made again because its way was full.", nullptr,
     nullptr},
    {&FeedCounters::passes, "tickcast_feed_passes_total", "Times a capture was begun.", nullptr,
     nullptr},
    {&FeedCounters::failures, "tickcast_feed_failures_total",
     "Captures that ended by a fault of the file.", nullptr, nullptr},
};

FeedMetrics::FeedMetrics(engine::Registry& registry, ShardId shard, std::size_t number) {
  static_assert(std::size(kRows) == kRowCount);
  for (std::size_t i = 0; i < kRowCount; ++i) {
    const Row& row = kRows[i];
    engine::MetricLabels labels = {{"shard", absl::StrCat(shard)}, {"feed", absl::StrCat(number)}};
    if (row.label != nullptr) labels.emplace_back(row.label, row.value);
    metrics_[i] = &registry.AddCounter(row.name, row.help, std::move(labels));
  }
}

void FeedMetrics::Update(const FeedCounters& counters) {
  for (std::size_t i = 0; i < kRowCount; ++i) metrics_[i]->Set(counters.*kRows[i].counter);
}

}  // namespace tickcast::shards
