// The poller over backends of a simulated world: whom it asks when, and what it makes of answers.
#include "shards/shared_poll_poller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/metrics_text.h"
#include "engine/sim_http.h"
#include "protocol/abseil.h"

namespace tickcast::shards {
namespace {

using engine::HttpCall;
using engine::HttpOutcome;
using engine::SimHttp;
using protocol::Abseil;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1000 * kMs;

class SharedPollPollerTest : public testing::Test,
                             public Proxies::Host,
                             public SharedPollPoller::Sink {
 protected:
  struct Asked {
    std::uint64_t at_ns = 0;
    std::string body;
  };

  SharedPollPollerTest() {
    engine::Namespace ns;
    ns.name = "poll";
    ns.subscription_type = engine::SubscriptionType::kSharedPoll;
    ns.shared_poll.refresh_interval_ns = kSecond;
    config_.channel.namespaces = {ns};
    config_.channel.proxy.shared_poll_refresh.endpoint = "http://backend/poll";
    config_.channel.proxy.shared_poll_refresh.timeout_ns = 500 * kMs;
  }

  engine::Namespace& ns() { return config_.channel.namespaces[0]; }

  void Begin() {
    proxies_ = std::make_unique<Proxies>(config_, registry_, ShardId{0}, *this);
    proxies_->UseHttp(http_);
    poller_ = std::make_unique<SharedPollPoller>(config_, *proxies_, registry_, ShardId{0}, *this,
                                                 "ABCDEFGH");
  }
  void Watch(std::string_view key, std::string_view channel = "poll:a") {
    poller_->Watch(ns(), channel, key, now_ns_);
  }
  void Unwatch(std::string_view key, std::string_view channel = "poll:a") {
    poller_->Unwatch(channel, key, now_ns_);
  }

  // As a shard's turns would: everything that is due or answered within `ns`.
  void Run(std::uint64_t ns) {
    const std::uint64_t until_ns = now_ns_ + ns;
    for (;;) {
      poller_->Run(now_ns_);
      http_.Publish();
      EXPECT_GT(poller_->next_due_ns(), now_ns_) << "it has done what was due";
      const std::uint64_t next_ns = std::min(poller_->next_due_ns(), http_.next_answer_ns());
      if (next_ns > until_ns) break;
      now_ns_ = std::max(now_ns_, next_ns);
      while (std::unique_ptr<HttpCall> call = http_.Take()) {
        proxies_->OnHttpAnswer(std::move(call));
      }
    }
    now_ns_ = until_ns;
  }

  std::uint64_t NowNs() override { return now_ns_; }
  void OnProxyAnswer(const Proxies::Question& question,
                     const protocol::ProxyAnswer* answer) override {
    EXPECT_EQ(question.kind, protocol::ProxyKind::kSharedPollRefresh);
    poller_->OnAnswer(question, answer, now_ns_);
  }
  void OnPolledValue(std::string_view channel, std::string_view key, std::string_view data,
                     std::uint64_t version) override {
    told_.push_back(
        absl::StrCat(Abseil(channel), " ", Abseil(key), "=", Abseil(data), "@", version));
    if (on_told_) on_told_(key);
  }
  void OnPolledRemoval(std::string_view channel, std::string_view key) override {
    told_.push_back(absl::StrCat(Abseil(channel), " -", Abseil(key)));
    if (on_told_) on_told_(key);
  }
  void OnPolledEpoch(std::string_view channel, std::string_view epoch) override {
    told_.push_back(absl::StrCat(Abseil(channel), " epoch ", Abseil(epoch)));
    if (on_told_) on_told_("");
  }

  std::string Items(std::string_view items, std::string_view epoch = "") {
    return absl::StrCat(R"({"result":{"items":[)", Abseil(items), R"(],"epoch":")", Abseil(epoch),
                        "\"}}");
  }
  std::vector<std::string> Bodies() const {
    std::vector<std::string> bodies;
    for (const Asked& asked : asked_) bodies.push_back(asked.body);
    return bodies;
  }
  std::vector<std::string> TakeTold() { return std::exchange(told_, {}); }
  // A line of /metrics that begins so.
  std::string Metric(const std::string& name) {
    const std::string text = "\n" + engine::MetricsText(registry_);
    const std::size_t at = text.find("\n" + name + " ");
    if (at == std::string::npos) return "none";
    const std::size_t value = at + name.size() + 2;
    return text.substr(value, text.find('\n', value) - value);
  }

  std::uint64_t now_ns_ = 10 * kSecond;
  SimHttp::Answer answer_ = {.body = "{}", .after_ns = 10 * kMs};
  std::function<SimHttp::Answer(const HttpCall&)> backend_;  // In place of answer_.
  std::vector<Asked> asked_;
  SimHttp http_{[this] { return now_ns_; },
                [this](const HttpCall& call) {
                  asked_.push_back({now_ns_, call.body});
                  return backend_ ? backend_(call) : answer_;
                }};
  engine::Registry registry_;
  engine::Config config_;
  std::unique_ptr<Proxies> proxies_;
  std::unique_ptr<SharedPollPoller> poller_;
  std::vector<std::string> told_;
  std::function<void(std::string_view key)> on_told_;
};

TEST_F(SharedPollPollerTest, NobodyWatchesNobodyIsAsked) {
  Begin();
  EXPECT_EQ(poller_->next_due_ns(), ~std::uint64_t{0});
  Run(100 * kSecond);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(SharedPollPollerTest, NewKeysAreAskedForAtOnceAndTogether) {
  Begin();
  answer_.body = Items(R"({"key":"a","data":{"v": 1}},{"key":"b","data":2})");
  Watch("b");
  Watch("a");
  Watch("a");
  Run(500 * kMs);
  EXPECT_THAT(Bodies(), ElementsAre(R"({"channel":"poll:a","items":[{"key":"a"},{"key":"b"}]})"));
  EXPECT_EQ(asked_[0].at_ns, 10 * kSecond);
  EXPECT_THAT(TakeTold(), ElementsAre(R"(poll:a a={"v":1}@1)", "poll:a b=2@2"));
  EXPECT_EQ(poller_->EpochOf(ns(), "poll:a"), "ABCDEFGH");
  EXPECT_EQ(poller_->EpochOf(ns(), "poll:other"), "ABCDEFGH");
  Watch("c");
  Run(100 * kMs);
  EXPECT_EQ(Bodies().back(), R"({"channel":"poll:a","items":[{"key":"c"}]})");
  EXPECT_THAT(TakeTold(), IsEmpty()) << "nothing of it was in the answer, and the rest is known";
  EXPECT_EQ(Metric(R"(tickcast_shared_poll_keys{shard="0"})"), "3");
  EXPECT_EQ(Metric(R"(tickcast_shared_poll_asked_keys_total{shard="0",reason="new"})"), "3");
}

TEST_F(SharedPollPollerTest, ThenAllOncePerIntervalAndOnlyNewsIsTold) {
  Begin();
  answer_.body = Items(R"({"key":"a","data":1})");
  Watch("a");
  Run(1500 * kMs);
  ASSERT_THAT(asked_, SizeIs(2));
  EXPECT_EQ(asked_[1].at_ns, 11 * kSecond);
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a a=1@1"));
  answer_.body = Items(R"({"key":"a","data":2})");
  Run(kSecond);
  EXPECT_EQ(asked_[2].at_ns, 12 * kSecond);
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a a=2@2"));
  Run(10 * kSecond);
  EXPECT_THAT(asked_, SizeIs(13));
  EXPECT_THAT(TakeTold(), IsEmpty());
  EXPECT_EQ(Metric(R"(tickcast_shared_poll_values_total{shard="0",result="changed"})"), "2");
  EXPECT_EQ(Metric(R"(tickcast_shared_poll_values_total{shard="0",result="unchanged"})"), "11");
}

TEST_F(SharedPollPollerTest, ARoundIsCutIntoBatchesThatAreSpreadOverTheInterval) {
  ns().shared_poll.refresh_batch_size = 2;
  Begin();
  for (const char* key : {"e", "d", "c", "b", "a"}) Watch(key);
  Run(kMs);
  EXPECT_THAT(Bodies(),
              ElementsAre(HasSubstr(R"([{"key":"a"},{"key":"b"}])"),
                          HasSubstr(R"([{"key":"c"},{"key":"d"}])"), HasSubstr(R"([{"key":"e"}])")))
      << "new ones go in batches too";
  asked_.clear();
  Run(2 * kSecond);
  ASSERT_THAT(asked_, SizeIs(4)) << "a round, and the first batch of the next";
  EXPECT_EQ(asked_[0].at_ns, 11 * kSecond);
  EXPECT_EQ(asked_[1].at_ns, 11 * kSecond + kSecond / 3);
  EXPECT_EQ(asked_[2].at_ns, 11 * kSecond + 2 * (kSecond / 3));
  EXPECT_EQ(asked_[3].at_ns, 12 * kSecond);
  EXPECT_THAT(asked_[0].body, HasSubstr(R"([{"key":"a"},{"key":"b"}])"));
  EXPECT_THAT(asked_[2].body, HasSubstr(R"([{"key":"e"}])"));
}

TEST_F(SharedPollPollerTest, WhatIsNotWatchedAnyMoreIsNotAskedFor) {
  ns().shared_poll.refresh_batch_size = 1;
  Begin();
  Watch("a");
  Watch("b");
  Watch("c");
  Unwatch("c");
  Run(1200 * kMs);  // The round has asked for a, and not yet for b.
  Unwatch("b");
  Unwatch("never");
  Unwatch("b", "poll:never");
  asked_.clear();
  Run(3 * kSecond);
  for (const Asked& asked : asked_) EXPECT_THAT(asked.body, HasSubstr(R"("a")"));
  EXPECT_THAT(asked_, SizeIs(3));
  answer_.body = Items(R"({"key":"b","data":1},{"key":"a","data":1})");
  Run(kSecond);
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a a=1@1"));
  EXPECT_EQ(Metric(R"(tickcast_shared_poll_values_total{shard="0",result="untracked"})"), "1");
  EXPECT_EQ(Metric(R"(tickcast_shared_poll_keys{shard="0"})"), "1");
}

// Between one tracker and the next the channel keeps its epoch for a while, and no longer.
TEST_F(SharedPollPollerTest, AChannelOutlivesItsLastKeyByTheDelay) {
  ns().shared_poll.mode = engine::SharedPollMode::kVersioned;
  Begin();
  EXPECT_EQ(poller_->EpochOf(ns(), "poll:a"), "");
  answer_.body = Items(R"({"key":"a","data":1,"version":5})", "e1");
  Watch("a");
  Run(100 * kMs);
  EXPECT_EQ(poller_->EpochOf(ns(), "poll:a"), "e1");
  Unwatch("a");
  Run(999 * kMs);
  EXPECT_EQ(poller_->EpochOf(ns(), "poll:a"), "e1");
  Watch("a");
  Unwatch("a");
  Run(999 * kMs);
  EXPECT_EQ(poller_->EpochOf(ns(), "poll:a"), "e1") << "the delay began anew";
  Run(kMs);
  EXPECT_EQ(poller_->EpochOf(ns(), "poll:a"), "");
  EXPECT_EQ(poller_->next_due_ns(), ~std::uint64_t{0});
  ns().shared_poll.channel_shutdown_delay_ns = 0;
  Watch("a");
  Unwatch("a");
  Run(0);
  EXPECT_EQ(poller_->next_due_ns(), ~std::uint64_t{0});
}

TEST_F(SharedPollPollerTest, VersionsAreToldAndAskedWith) {
  ns().shared_poll.mode = engine::SharedPollMode::kVersioned;
  Begin();
  answer_.body = Items(R"({"key":"a","data":1,"version":5},{"key":"b","data":1})");
  Watch("a");
  Watch("b");
  Run(1100 * kMs);
  EXPECT_EQ(Bodies().back(),
            R"({"channel":"poll:a","items":[{"key":"a","version":5},{"key":"b"}]})");
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a a=1@5")) << "a value without a version is none";
}

TEST_F(SharedPollPollerTest, AnotherEpochIsToldBeforeItsValues) {
  ns().shared_poll.mode = engine::SharedPollMode::kVersioned;
  Begin();
  answer_.body = Items(R"({"key":"a","data":1,"version":5})");
  Watch("a");
  Run(100 * kMs);
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a a=1@5"));
  answer_.body = Items(R"({"key":"a","data":2,"version":1})", "e2");
  Run(kSecond);
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a epoch e2", "poll:a a=2@1"));
  Run(kSecond);
  EXPECT_THAT(TakeTold(), IsEmpty());
}

TEST_F(SharedPollPollerTest, ARemovedKeyIsNotAskedForUntilItIsWatchedAgain) {
  Begin();
  answer_.body = Items(R"({"key":"a","removed":true})");
  Watch("a");
  Watch("b");
  Run(100 * kMs);
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a -a"));
  Unwatch("a");
  Run(kSecond);
  EXPECT_EQ(Bodies().back(), R"({"channel":"poll:a","items":[{"key":"b"}]})");
  Watch("a");
  answer_.body = Items(R"({"key":"a","data":1})");
  Run(100 * kMs);
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a a=1@1"));
}

TEST_F(SharedPollPollerTest, WhoeverIsToldMayStopWatching) {
  ns().shared_poll.mode = engine::SharedPollMode::kVersioned;
  ns().shared_poll.channel_shutdown_delay_ns = 0;
  Begin();
  answer_.body = Items(R"({"key":"a","data":1,"version":1},{"key":"b","data":1,"version":1})", "e");
  on_told_ = [this](std::string_view) {
    Unwatch("a");
    Unwatch("b");
    Watch("c");
    Unwatch("c");
  };
  Watch("a");
  Watch("b");
  Run(5 * kSecond);
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a epoch e", "poll:a a=1@1", "poll:a b=1@1"));
  EXPECT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(poller_->next_due_ns(), ~std::uint64_t{0});
}

// What a backend may do wrong: the values stand, it is counted, and the next round asks again.
TEST_F(SharedPollPollerTest, ABackendThatFailsChangesNothing) {
  config_.channel.proxy.shared_poll_refresh.breaker_failures = 0;
  config_.channel.proxy.shared_poll_refresh.breaker_failure_share = 1;
  Begin();
  answer_.body = Items(R"({"key":"a","data":1})");
  Watch("a");
  Run(900 * kMs);
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a a=1@1"));
  const SimHttp::Answer good = answer_;
  const SimHttp::Answer bad[] = {
      {.body = "<html>", .after_ns = kMs},
      {.body = Items(R"({"key":"a","data":2},null)"), .after_ns = kMs},
      {.body = Items(R"({"key":"a","data":2,"version":-1})"), .after_ns = kMs},
      {.body = R"({"error":{"code":100,"message":"no"}})", .after_ns = kMs},
      {.body = R"({"disconnect":{"code":4000,"reason":"no"}})", .after_ns = kMs},
      {.status = 500, .body = Items(R"({"key":"a","data":2})"), .after_ns = kMs},
      {.outcome = HttpOutcome::kUnreachable, .after_ns = kMs},
      {.outcome = HttpOutcome::kTooLarge, .after_ns = kMs},
      {.body = Items(R"({"key":"a","data":2})"), .after_ns = 501 * kMs},
  };
  int failed = 0;
  for (const SimHttp::Answer& answer : bad) {
    answer_ = answer;
    Run(kSecond);
    EXPECT_THAT(TakeTold(), IsEmpty());
    EXPECT_EQ(Metric(R"(tickcast_shared_poll_failed_batches_total{shard="0"})"),
              absl::StrCat(++failed));
  }
  answer_ = good;
  answer_.body = Items(R"({"key":"a","data":3})");
  Run(kSecond);
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a a=3@2"));
}

TEST_F(SharedPollPollerTest, ABackendThatIsGivenUpIsAskedOnceTheBreakerLets) {
  config_.channel.proxy.shared_poll_refresh.breaker_failures = 2;
  config_.channel.proxy.shared_poll_refresh.breaker_open_interval_ns = 5 * kSecond;
  Begin();
  answer_ = {.outcome = HttpOutcome::kUnreachable, .after_ns = kMs};
  Watch("a");
  Run(1500 * kMs);
  EXPECT_THAT(asked_, SizeIs(2));
  Watch("b");
  Run(4 * kSecond);
  EXPECT_THAT(asked_, SizeIs(2)) << "neither rounds nor new keys reach it";
  answer_ = {.body = Items(R"({"key":"a","data":1},{"key":"b","data":1})"), .after_ns = kMs};
  Run(2 * kSecond);
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a a=1@1", "poll:a b=1@2"));
  EXPECT_EQ(Metric(R"(tickcast_shared_poll_failed_batches_total{shard="0"})"), "8");
}

TEST_F(SharedPollPollerTest, ASlowBackendHasOneRoundUnderWay) {
  config_.channel.proxy.shared_poll_refresh.timeout_ns = 10 * kSecond;
  Begin();
  Watch("a");
  Run(500 * kMs);
  asked_.clear();
  answer_.after_ns = 3500 * kMs;
  Run(10 * kSecond);
  ASSERT_THAT(asked_, SizeIs(3));
  EXPECT_EQ(asked_[0].at_ns, 11 * kSecond);
  EXPECT_EQ(asked_[1].at_ns, 14 * kSecond + 500 * kMs);
  EXPECT_EQ(asked_[2].at_ns, 18 * kSecond);
}

TEST_F(SharedPollPollerTest, ChannelsShareTheLimitOfQuestionsByTurns) {
  config_.shared_poll.concurrency_limit = 2;
  ns().shared_poll.refresh_batch_size = 1;
  Begin();
  answer_.after_ns = 100 * kMs;
  for (const char* key : {"1", "2", "3"}) Watch(key, "poll:a");
  Watch("1", "poll:b");
  std::size_t most = 0;
  for (int i = 0; i < 40; ++i) {
    Run(10 * kMs);
    most = std::max(most, http_.under_way());
  }
  EXPECT_EQ(most, 2u);
  EXPECT_THAT(Bodies(), ElementsAre(HasSubstr("poll:a"), HasSubstr("poll:b"), HasSubstr("poll:a"),
                                    HasSubstr("poll:a")));
  EXPECT_EQ(asked_[2].at_ns, 10 * kSecond + 100 * kMs);
}

TEST_F(SharedPollPollerTest, WhatIsPublishedIsNotAskedForInTheNextRound) {
  ns().shared_poll.mode = engine::SharedPollMode::kVersioned;
  ns().shared_poll.publish_enabled = true;
  Begin();
  EXPECT_FALSE(poller_->Publish("poll:a", "a", 1, "")) << "nobody tracks it";
  Watch("a");
  Watch("b");
  Run(100 * kMs);
  asked_.clear();
  EXPECT_TRUE(poller_->Publish("poll:a", "a", 3, ""));
  EXPECT_FALSE(poller_->Publish("poll:a", "a", 3, ""));
  EXPECT_FALSE(poller_->Publish("poll:a", "c", 3, ""));
  Run(2 * kSecond);
  EXPECT_THAT(Bodies(),
              ElementsAre(R"({"channel":"poll:a","items":[{"key":"b"}]})",
                          R"({"channel":"poll:a","items":[{"key":"a","version":3},{"key":"b"}]})"));
  EXPECT_TRUE(poller_->Publish("poll:a", "a", 1, "e2"));
  EXPECT_THAT(TakeTold(), ElementsAre("poll:a epoch e2"));
}

class SharedPollScheduleTest : public SharedPollPollerTest,
                               public testing::WithParamInterface<std::uint64_t> {
 protected:
  std::uint64_t Random(std::uint64_t below) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % below;
  }

  // What the backend says of the keys that it is asked for.
  SimHttp::Answer Answer(const HttpCall& call) {
    if (fails_ && Random(4) == 0) return {.status = 503, .after_ns = Random(100) * kMs};
    std::string items;
    constexpr std::string_view kKey = R"("key":")";
    for (std::size_t at = call.body.find(kKey); at != std::string::npos;
         at = call.body.find(kKey, at + 1)) {
      const std::string key = call.body.substr(at + kKey.size(), 1);
      absl::StrAppend(&items, items.empty() ? "" : ",", "{\"key\":\"", key,
                      "\",\"data\":", values_[key], "}");
      asked_for_.insert(key);
    }
    return {.body = Items(items), .after_ns = Random(700) * kMs};
  }

  void OnPolledValue(std::string_view, std::string_view key, std::string_view data,
                     std::uint64_t version) override {
    const std::string name(key);
    EXPECT_TRUE(watched_.contains(name)) << name;
    EXPECT_GT(version, versions_[name]);
    versions_[name] = version;
    mirror_[name] = data;
  }

  std::uint64_t state_ = GetParam();
  bool fails_ = true;
  std::map<std::string, std::uint64_t> values_, versions_;
  std::map<std::string, std::string> mirror_;
  std::set<std::string> watched_, asked_for_;
};

// Whatever comes when: each watched key ends with the backend's value, versions rise, and nobody is
// asked for what is not watched.
TEST_P(SharedPollScheduleTest, EndsWithTheBackendsValues) {
  ns().shared_poll.refresh_batch_size = static_cast<std::uint32_t>(1 + Random(4));
  ns().shared_poll.channel_shutdown_delay_ns = Random(3) * kSecond;
  config_.shared_poll.concurrency_limit = static_cast<std::uint32_t>(1 + Random(3));
  config_.channel.proxy.shared_poll_refresh.breaker_open_interval_ns = 300 * kMs;
  backend_ = [this](const HttpCall& call) { return Answer(call); };
  Begin();
  for (int step = 0; step < 300; ++step) {
    const std::string key(1, static_cast<char>('a' + Random(8)));
    switch (Random(4)) {
      case 0:
        Watch(key);
        watched_.insert(key);
        break;
      case 1:
        Unwatch(key);
        watched_.erase(key);
        mirror_.erase(key);
        break;
      case 2:
        values_[key] = Random(5);
        break;
      case 3:
        Run(Random(400) * kMs);
        break;
    }
  }
  Run(2 * kSecond);
  fails_ = false;
  asked_for_.clear();
  Run(20 * kSecond);
  EXPECT_EQ(asked_for_, watched_);
  for (const std::string& key : watched_) EXPECT_EQ(mirror_[key], absl::StrCat(values_[key]));
  EXPECT_EQ(Metric(R"(tickcast_shared_poll_keys{shard="0"})"), absl::StrCat(watched_.size()));
  for (const std::string& key : watched_) Unwatch(key);
  watched_.clear();
  Run(20 * kSecond);
  EXPECT_EQ(http_.under_way(), 0u);
  EXPECT_EQ(poller_->next_due_ns(), ~std::uint64_t{0});
}

INSTANTIATE_TEST_SUITE_P(Seeds, SharedPollScheduleTest,
                         testing::Range(std::uint64_t{1}, std::uint64_t{201}));

}  // namespace
}  // namespace tickcast::shards
