// WatchTest: a feed of a market, and a keyed channel over it whose keys clients track.
// Threading: as SimWorld.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "protocol/abseil.h"
#include "tests/sim/function_feed.h"
#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {

inline constexpr const char* kWatch = "watch:kucoin";

// The symbols "S0" … of the feed "kucoin"; payloads have the symbol's number as their source.
class WatchTest : public testing::Test {
 protected:
  using Kind = Heard::Kind;

  WatchTest() {
    auto& namespaces = options_.config.channel.namespaces;
    engine::Namespace ticker{.name = "ticker", .kind = engine::ChannelKind::kState};
    ticker.allow_subscribe_for_client = ticker.allow_subscribe_for_anonymous = true;
    ticker.delta_publish = true;
    engine::Namespace watch = ticker;
    watch.name = "watch";
    watch.subscription_type = engine::SubscriptionType::kSharedPoll;
    watch.source = "feed:*";
    watch.allowed_delta_types = {"fossil"};
    watch.shared_poll.allow_unsigned = true;
    watch.shared_poll.max_keys_per_connection = 100;
    engine::Namespace secret = watch;
    secret.name = "signed";
    secret.shared_poll.allow_unsigned = false;
    for (engine::Namespace* each : {&ticker, &watch, &secret}) namespaces.push_back(*each);
    options_.config.shared_poll.hmac_secret_key = "a secret of these tests";
  }

  void Begin(ShardId shards = 1, std::uint64_t seed = 1) {
    options_.shards = shards;
    cluster_ = std::make_unique<SimCluster>(seed, options_);
    cluster_->shard(0).AddFeed(
        std::make_unique<FunctionFeed>([this, ids = std::map<std::uint32_t, FeedChannelId>()](
                                           std::uint64_t now_ns, FeedSink& sink) mutable {
          for (const auto& [symbol, number] : due_) {
            const auto known = ids.find(symbol);
            const FeedChannelId id =
                known != ids.end()
                    ? known->second
                    : ids[symbol] = sink.OpenChannel(absl::StrCat("ticker:kucoin.S", symbol));
            sink.Publish(id, WritePayload({symbol, number}, padding_bytes_), now_ns);
          }
          due_.clear();
          return now_ns + kMillisecond;
        }));
    cluster_->Start();
  }

  // The feed's next value of a symbol; it is on its way when the time goes on.
  void Tick(std::uint32_t symbol) { due_.emplace_back(symbol, ++newest_[symbol]); }

  static std::string Key(std::uint32_t symbol) { return absl::StrCat("S", symbol); }
  static std::string Quoted(std::string_view text) {
    return absl::StrCat("\"", protocol::Abseil(text), "\"");
  }
  // A batch with `signature`; the client has `versions` of the keys, in their order, or nothing.
  static std::string Batch(const std::vector<std::string>& keys, std::string_view signature = "",
                           const std::vector<std::uint64_t>& versions = {}) {
    std::vector<std::string> items;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      items.push_back(absl::StrCat(
          "{\"key\":\"", keys[i], "\"",
          i < versions.size() ? absl::StrCat(",\"version\":", versions[i]) : std::string(), "}"));
    }
    return absl::StrCat("{\"signature\":\"", protocol::Abseil(signature), "\",\"items\":[",
                        absl::StrJoin(items, ","), "]}");
  }

  static std::uint32_t Send(SimClient& client, std::string_view members,
                            std::string_view channel = kWatch) {
    const std::uint32_t id = client.Command(absl::StrCat(
        "\"sub_refresh\":{\"channel\":", Quoted(channel), ",", protocol::Abseil(members), "}"));
    client.Flush();
    return id;
  }
  static std::uint32_t SendTrack(SimClient& client, const std::vector<std::string>& keys) {
    return Send(client, absl::StrCat("\"type\":1,\"track\":[", Batch(keys), "]"));
  }
  static std::uint32_t SendUntrack(SimClient& client, const std::vector<std::string>& keys) {
    return Send(client,
                absl::StrCat("\"type\":2,\"untrack\":[\"", absl::StrJoin(keys, "\",\""), "\"]"));
  }
  static std::uint32_t SendSubscribe(SimClient& client, std::string_view more = "",
                                     std::string_view channel = kWatch) {
    const std::uint32_t id =
        client.Command(absl::StrCat("\"subscribe\":{\"channel\":", Quoted(channel), ",\"type\":4",
                                    protocol::Abseil(more), "}"));
    client.Flush();
    return id;
  }

  // A copy: what a client has heard moves when it hears more.
  Heard Answer(SimClient& client, std::uint32_t id) {
    EXPECT_TRUE(cluster_->RunUntil([&] { return client.ReplyTo(id) != nullptr; }));
    const Heard* reply = client.ReplyTo(id);
    return reply == nullptr ? Heard() : *reply;
  }
  SimClient& Subscribed(ShardId shard = 0, std::string_view more = "",
                        std::string_view channel = kWatch) {
    SimClient& client = cluster_->AddConnected(shard);
    const Heard& reply = Answer(client, SendSubscribe(client, more, channel));
    EXPECT_EQ(reply.kind, Kind::kSubscribed) << reply.code << reply.text;
    return client;
  }
  // "S1=3" … of pushes and items, in their order.
  static std::vector<std::string> Shown(const std::vector<HeardPublication>& publications) {
    std::vector<std::string> shown;
    for (const HeardPublication& each : publications) {
      shown.push_back(absl::StrCat(each.key, "=", ReadPayload(each.data).number));
    }
    return shown;
  }
  static std::vector<std::string> Pushed(const SimClient& client,
                                         std::string_view channel = kWatch) {
    std::vector<std::string> shown;
    for (const Heard& heard : client.HeardOf(Kind::kPublication, channel)) {
      for (std::string& each : Shown(heard.publications)) shown.push_back(std::move(each));
    }
    return shown;
  }

  ClusterOptions options_;
  std::unique_ptr<SimCluster> cluster_;
  std::map<std::uint32_t, std::uint64_t> newest_;  // By symbol: the number of its newest value.
  std::size_t padding_bytes_ = 0;

 private:
  std::vector<std::pair<std::uint32_t, std::uint64_t>> due_;
};

}  // namespace tickcast::shards::sim
