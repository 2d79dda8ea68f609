// Keys whose values a backend is asked for, from its answers to the clients that track them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "simdjson.h"
#include "tests/sim/watch_world.h"

namespace tickcast::shards::sim {
namespace {

using engine::SimHttp;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr char kChannel[] = "poll:x";

class PolledTest : public WatchTest {
 protected:
  PolledTest() {
    engine::Namespace poll{.name = "poll", .kind = engine::ChannelKind::kState};
    poll.allow_subscribe_for_client = poll.allow_subscribe_for_anonymous = true;
    poll.subscription_type = engine::SubscriptionType::kSharedPoll;
    poll.shared_poll.allow_unsigned = true;
    poll.shared_poll.refresh_interval_ns = 100 * kMillisecond;
    engine::Namespace versioned = poll;
    versioned.name = "versioned";
    versioned.shared_poll.mode = engine::SharedPollMode::kVersioned;
    options_.config.channel.namespaces.push_back(poll);
    options_.config.channel.namespaces.push_back(versioned);
    options_.config.channel.proxy.shared_poll_refresh.endpoint = "http://b/values";
    options_.http = [this](const engine::HttpCall& call) { return Backend(call.body); };
  }

  SimHttp::Answer Backend(const std::string& body) {
    simdjson::dom::parser parser;
    const simdjson::dom::element request = parser.parse(body);
    std::vector<std::string> items;
    for (const simdjson::dom::element item : request["items"].get_array()) {
      std::string_view name;
      EXPECT_EQ(item["key"].get(name), simdjson::SUCCESS);
      const std::string key(name);
      asked_.push_back(key);
      const auto value = values_.find(key);
      if (value == values_.end()) continue;
      items.push_back(
          value->second.empty()
              ? absl::StrCat(R"({"key":")", key, R"(","removed":true})")
              : absl::StrCat(R"({"key":")", key, R"(","data":)", value->second,
                             version_ == 0 ? "" : absl::StrCat(",\"version\":", version_), "}"));
    }
    if (broken_) return {.status = 500};
    return {.body = absl::StrCat(R"({"result":{"items":[)", absl::StrJoin(items, ","),
                                 R"(],"epoch":")", epoch_, R"("}})"),
            .after_ns = 2 * kMillisecond};
  }

  std::uint32_t TrackKeys(SimClient& client, const std::vector<std::string>& keys,
                          std::string_view channel = kChannel,
                          const std::vector<std::uint64_t>& versions = {}) {
    return Send(client, absl::StrCat("\"type\":1,\"track\":[", Batch(keys, "", versions), "]"),
                channel);
  }
  // What was told of keys, in items and pushes: "a=1", "b removed".
  static std::vector<std::string> Told(const SimClient& client,
                                       std::string_view channel = kChannel) {
    std::vector<std::string> told;
    for (const Heard& heard : client.heard()) {
      const bool of_channel = heard.kind == Kind::kProlonged ||
                              (heard.kind == Kind::kPublication && heard.channel == channel);
      if (!of_channel) continue;
      for (const HeardPublication& each : heard.publications) {
        told.push_back(each.removed ? absl::StrCat(each.key, " removed")
                                    : absl::StrCat(each.key, "=", each.data));
      }
    }
    return told;
  }

  std::map<std::string, std::string> values_;  // By key; empty: removed.
  std::uint64_t version_ = 0;
  std::string epoch_;
  bool broken_ = false;
  std::vector<std::string> asked_;
};

TEST_F(PolledTest, WhatIsTrackedIsAskedForAndNothingElse) {
  for (const ShardId shards : {1, 3}) {
    SCOPED_TRACE(shards);
    values_ = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
    asked_.clear();
    Begin(shards);
    SimClient& client = Subscribed(0, "", kChannel);
    cluster_->RunFor(300 * kMillisecond);
    EXPECT_THAT(asked_, IsEmpty());
    Answer(client, TrackKeys(client, {"a", "b"}));
    cluster_->RunFor(20 * kMillisecond);
    EXPECT_THAT(asked_, UnorderedElementsAre("a", "b"));
    EXPECT_THAT(Told(client), UnorderedElementsAre("a=1", "b=2"));
    // The next one is told what is known, on its own shard or another.
    SimClient& second = Subscribed(shards - 1, "", kChannel);
    Answer(second, TrackKeys(second, {"b"}));
    cluster_->RunFor(5 * kMillisecond);
    EXPECT_THAT(Told(second), ElementsAre("b=2"));
    values_["b"] = "20";
    cluster_->RunFor(150 * kMillisecond);
    EXPECT_THAT(Told(client), ElementsAre(testing::_, testing::_, "b=20"));
    EXPECT_THAT(Told(second), ElementsAre("b=2", "b=20"));
    // Nobody tracks it any more.
    Send(client, R"("type":2,"untrack":["a"])", kChannel);
    cluster_->RunFor(5 * kMillisecond);
    asked_.clear();
    cluster_->RunFor(250 * kMillisecond);
    EXPECT_THAT(asked_, Contains("b"));
    EXPECT_THAT(asked_, testing::Not(Contains("a")));
    client.Reset();
    second.Reset();
    cluster_->RunFor(200 * kMillisecond);
    asked_.clear();
    cluster_->RunFor(kSecond);
    EXPECT_THAT(asked_, IsEmpty());
  }
}

TEST_F(PolledTest, AKeyThatTheBackendRemovedIsAskedForAgainWhenItIsTracked) {
  values_ = {{"a", "1"}, {"b", "1"}};
  Begin(2);
  SimClient& client = Subscribed(0, "", kChannel);
  Answer(client, TrackKeys(client, {"a", "b"}));
  cluster_->RunFor(20 * kMillisecond);
  values_["a"] = "";
  cluster_->RunFor(200 * kMillisecond);
  EXPECT_THAT(Told(client), UnorderedElementsAre("a=1", "b=1", "a removed"));
  asked_.clear();
  cluster_->RunFor(200 * kMillisecond);
  EXPECT_THAT(asked_, testing::Not(Contains("a")));
  values_["a"] = "2";
  SimClient& second = Subscribed(0, "", kChannel);
  Answer(second, TrackKeys(second, {"a"}));
  cluster_->RunFor(20 * kMillisecond);
  EXPECT_THAT(Told(second), ElementsAre("a=2"));
  EXPECT_EQ(Told(client).back(), "a=2");
}

TEST_F(PolledTest, VersionsOfTheBackendAreWhatClientsAreTold) {
  values_ = {{"a", "1"}};
  version_ = 7;
  Begin(2);
  SimClient& client = Subscribed(1, "", "versioned:x");
  Answer(client, TrackKeys(client, {"a"}, "versioned:x", {7}));
  cluster_->RunFor(150 * kMillisecond);
  EXPECT_THAT(Told(client, "versioned:x"), IsEmpty()) << "it has that one";
  values_["a"] = "2";
  version_ = 9;
  cluster_->RunFor(150 * kMillisecond);
  EXPECT_THAT(Told(client, "versioned:x"), ElementsAre("a=2"));
  const std::vector<Heard> pushes = client.HeardOf(Kind::kPublication, "versioned:x");
  EXPECT_EQ(pushes.back().publications[0].version, 9u);
  // Versions begin anew: so does who tracks.
  epoch_ = "second";
  version_ = 1;
  cluster_->RunFor(200 * kMillisecond);
  ASSERT_EQ(client.HeardOf(Kind::kDropped).size(), 1u);
  EXPECT_EQ(client.HeardOf(Kind::kDropped)[0].code, 2500u);
  EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 0);
  EXPECT_EQ(Answer(client, SendSubscribe(client, "", "versioned:x")).kind, Kind::kSubscribed);
}

// Who waits for the first value of a key may go before it comes.
TEST_F(PolledTest, WhoWaitsForAValueMayGo) {
  Begin(2);
  for (const ShardId shard : {0, 1}) {
    values_.clear();
    const std::string channel = absl::StrCat("versioned:", shard);
    SimClient& untracks = Subscribed(shard, "", channel);
    Answer(untracks, TrackKeys(untracks, {"a", "b"}, channel, {5, 5}));
    SimClient& leaves = Subscribed(shard, "", channel);
    Answer(leaves, TrackKeys(leaves, {"a"}, channel, {5}));
    SimClient& stays = Subscribed(shard, "", channel);
    Answer(stays, TrackKeys(stays, {"a"}, channel, {5}));
    SimClient& breaks = Subscribed(shard, "", channel);
    Answer(breaks, TrackKeys(breaks, {"a", "b"}, channel, {5, 5}));
    cluster_->RunFor(20 * kMillisecond);
    Answer(untracks, Send(untracks, R"("type":2,"untrack":["a"])", channel));
    leaves.Unsubscribe(channel);
    leaves.Flush();
    breaks.Reset();
    cluster_->RunFor(20 * kMillisecond);
    values_["a"] = absl::StrCat(shard + 10);
    version_ = 6u + shard;
    cluster_->RunFor(250 * kMillisecond);
    EXPECT_THAT(Told(untracks, channel), IsEmpty());
    EXPECT_THAT(Told(leaves, channel), IsEmpty());
    EXPECT_EQ(Told(stays, channel).back(), absl::StrCat("a=", shard + 10));
    EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 2 * (shard + 1));
  }
}

// Its name would be a way past the signature.
TEST_F(PolledTest, TheSlotOfAKeyCannotBeSubscribedTo) {
  values_ = {{"a", "1"}};
  Begin();
  SimClient& tracks = Subscribed(0, "", kChannel);
  Answer(tracks, TrackKeys(tracks, {"a"}));
  SimClient& client = cluster_->AddConnected();
  EXPECT_EQ(Answer(client, SendSubscribe(client, "", "poll:x\\u0000a")).code, 107u);
  SimClient& asks = cluster_->AddClient();
  const std::uint32_t id = asks.Command(R"("connect":{"subs":{"poll:x\u0000a":{}}})");
  asks.Flush();
  EXPECT_EQ(Answer(asks, id).kind, Kind::kConnected);
  values_["a"] = "2";
  cluster_->RunFor(300 * kMillisecond);
  EXPECT_EQ(Told(tracks).back(), "a=2");
  EXPECT_THAT(client.HeardOf(Kind::kPublication), IsEmpty());
  EXPECT_THAT(asks.HeardOf(Kind::kPublication), IsEmpty());
}

TEST_F(PolledTest, ABackendThatFailsLeavesTheLastValues) {
  values_ = {{"a", "1"}};
  Begin();
  SimClient& client = Subscribed(0, "", kChannel);
  Answer(client, TrackKeys(client, {"a"}));
  cluster_->RunFor(20 * kMillisecond);
  broken_ = true;
  cluster_->RunFor(500 * kMillisecond);
  SimClient& second = Subscribed(0, "", kChannel);
  Answer(second, TrackKeys(second, {"a"}));
  EXPECT_THAT(Told(second), ElementsAre("a=1"));
  EXPECT_GT(cluster_->Metric("tickcast_shared_poll_failed_batches_total"), 0);
  EXPECT_EQ(client.close_code(), 0u);
}

}  // namespace
}  // namespace tickcast::shards::sim
