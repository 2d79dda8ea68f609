// Feed and FeedSink: a source of publications that a shard runs, and where it puts them.
//
// A feed is polled by its shard once a turn and never blocks: what blocks (reading files,
// inflating) happens on a helper thread behind a lane. It names a channel once and publishes by id.
// Threading: Run() is called on the shard's thread only.
#pragma once

#include <cstdint>
#include <string_view>

#include "shards/feeds/feed_counters.h"

namespace tickcast::shards {

// A channel as its feed knows it: dense, from 0, in the order of OpenChannel().
using FeedChannelId = std::uint32_t;

class FeedSink {
 public:
  enum class Verdict {
    kTaken,  // Published, or will be: a newer state value may replace it on the way (counted).
    kFull,   // A stream publication's way is full. Nothing was taken: offer it again next turn,
             // before anything newer of that channel.
  };

  virtual ~FeedSink() = default;

  // Names a channel ("ticker:kucoin.BTC-USDT"). The id is good for the sink's life.
  virtual FeedChannelId OpenChannel(std::string_view name) = 0;

  // Publishes `payload`, one line of valid JSON, copied before this returns. `ingest_ns` is when it
  // entered the process (Ring::now_ns()); the ingest-to-send histogram starts there.
  virtual Verdict Publish(FeedChannelId channel, std::string_view payload,
                          std::uint64_t ingest_ns) = 0;
};

class Feed {
 public:
  static constexpr std::uint64_t kFinished = ~std::uint64_t{0};

  virtual ~Feed() = default;

  // Publishes what is due at `now_ns`, at most a turn's worth, and returns when it wants to run
  // again (monotonic ns; `now_ns` itself = next turn), or kFinished when nothing will ever come.
  virtual std::uint64_t Run(std::uint64_t now_ns, FeedSink& sink) = 0;

  // What it has done so far; the shard copies it into its metrics a few times a second.
  virtual const FeedCounters& counters() const = 0;
};

}  // namespace tickcast::shards
