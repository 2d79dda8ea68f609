// FeedPort: where the feeds of a shard put their ticks: into the home of each channel, here or on
// another shard.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "engine/config.h"
#include "shards/exchange.h"
#include "shards/feeds/feed.h"
#include "shards/home.h"

namespace tickcast::shards {

class FeedPort final : public FeedSink {
 public:
  FeedPort(const engine::Config& config, Exchange& exchange, Home& home)
      : config_(config), exchange_(exchange), home_(home) {}

  FeedChannelId OpenChannel(std::string_view name) override;
  Verdict Publish(FeedChannelId channel, std::string_view payload,
                  std::uint64_t ingest_ns) override;

 private:
  struct Target {
    std::string name;
    std::string push_prefix;  // Made once, not per tick.
    ShardId home;
    bool is_state;
    bool delta;
  };

  const engine::Config& config_;
  Exchange& exchange_;
  Home& home_;
  std::deque<Target> targets_;
};

}  // namespace tickcast::shards
