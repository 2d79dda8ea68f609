// RecordingSink: a FeedSink that keeps what it is given, and is full when a test says so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "shards/feeds/feed.h"

namespace tickcast::shards {

struct Published {
  std::string channel;
  std::string payload;
  std::uint64_t ingest_ns = 0;

  friend bool operator==(const Published&, const Published&) = default;
};

class RecordingSink final : public FeedSink {
 public:
  FeedChannelId OpenChannel(std::string_view name) override {
    channels.emplace_back(name);
    return static_cast<FeedChannelId>(channels.size() - 1);
  }

  Verdict Publish(FeedChannelId channel, std::string_view payload,
                  std::uint64_t ingest_ns) override {
    ++offers;
    if (is_full && is_full(channels.at(channel))) return Verdict::kFull;
    published.push_back({channels.at(channel), std::string(payload), ingest_ns});
    return Verdict::kTaken;
  }

  // The newest payload of each channel.
  std::map<std::string, std::string> LastPayloads() const {
    std::map<std::string, std::string> last;
    for (const Published& each : published) last[each.channel] = each.payload;
    return last;
  }

  std::vector<std::string> channels;
  std::vector<Published> published;
  std::uint64_t offers = 0;
  std::function<bool(const std::string& channel)> is_full;
};

}  // namespace tickcast::shards
