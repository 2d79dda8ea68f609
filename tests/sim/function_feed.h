// FunctionFeed: a feed that does what a test tells it to.
// Threading: as SimWorld.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "shards/feeds/feed.h"

namespace tickcast::shards::sim {

class FunctionFeed final : public Feed {
 public:
  // As Feed::Run().
  using Function = std::function<std::uint64_t(std::uint64_t now_ns, FeedSink& sink)>;

  explicit FunctionFeed(Function run) : run_(std::move(run)) {}

  std::uint64_t Run(std::uint64_t now_ns, FeedSink& sink) override { return run_(now_ns, sink); }
  const FeedCounters& counters() const override { return counters_; }

 private:
  Function run_;
  FeedCounters counters_;
};

}  // namespace tickcast::shards::sim
