// OptionsTest: a client that subscribes with options, and a feed to see what they do.
// Threading: as SimWorld.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/function_feed.h"
#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {

inline constexpr const char* kEachTurn = R"({"interval_ms":0,"min_change":0,"priority":false})";

// A cluster with one client and, every `period_ns` while `running`, publications to `channels`.
class OptionsTest : public testing::Test {
 protected:
  void Begin(ClusterOptions options = {}, std::vector<std::string> channels = {"state:a"},
             std::uint64_t period_ns = 5 * kMillisecond) {
    options.config.channel.namespaces.push_back({.name = "paced",
                                                 .kind = engine::ChannelKind::kState,
                                                 .min_interval_ns = 50 * kMillisecond,
                                                 .default_interval_ns = 200 * kMillisecond});
    number_ = 0;
    running_ = false;
    cluster_ = std::make_unique<SimCluster>(1, options);
    cluster_->shard(0).AddFeed(std::make_unique<FunctionFeed>(
        [this, channels, period_ns, ids = std::vector<FeedChannelId>()](std::uint64_t now_ns,
                                                                        FeedSink& sink) mutable {
          if (ids.empty()) {
            for (const std::string& channel : channels) ids.push_back(sink.OpenChannel(channel));
          }
          if (!running_) return now_ns + period_ns;
          ++number_;
          for (const FeedChannelId id : ids) sink.Publish(id, WritePayload({0, number_}), now_ns);
          return now_ns + period_ns;
        }));
    cluster_->Start();
    client_ = &cluster_->AddConnected();
  }

  const Heard& Answer(std::uint32_t id) {
    static const Heard kNone;
    client_->Flush();
    EXPECT_TRUE(cluster_->RunUntil([&] { return client_->ReplyTo(id) != nullptr; }));
    const Heard* reply = client_->ReplyTo(id);
    return reply == nullptr ? kNone : *reply;
  }
  const Heard& Subscribe(std::string_view channel, std::string_view data) {
    return Answer(client_->Subscribe(channel, {.data = std::string(data)}));
  }

  std::vector<std::uint64_t> NumbersOf(std::string_view channel) const {
    std::vector<std::uint64_t> numbers;
    for (const std::string& data : client_->DataOf(channel)) {
      numbers.push_back(ReadPayload(data).number);
    }
    return numbers;
  }

  std::unique_ptr<SimCluster> cluster_;
  SimClient* client_ = nullptr;
  bool running_ = false;
  std::uint64_t number_ = 0;  // Of the newest publication.
};

}  // namespace tickcast::shards::sim
