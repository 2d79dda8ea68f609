// In which order a flush serves, and what comes in the middle of a long one.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/function_feed.h"
#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

// Publishes to all `channels` at once while `running`, every `interval_ns`.
std::unique_ptr<FunctionFeed> FeedOf(std::vector<std::string> channels, const bool& running,
                                     std::uint64_t interval_ns = kMillisecond) {
  return std::make_unique<FunctionFeed>(
      [channels, &running, interval_ns, ids = std::vector<FeedChannelId>(),
       number = std::uint64_t{0}](std::uint64_t now_ns, FeedSink& sink) mutable {
        if (ids.empty()) {
          for (const std::string& channel : channels) ids.push_back(sink.OpenChannel(channel));
        }
        if (!running) return now_ns + interval_ns;
        ++number;
        for (const FeedChannelId id : ids) sink.Publish(id, WritePayload({0, number}), now_ns);
        return now_ns + interval_ns;
      });
}

std::string HomedAt(SimCluster& cluster, ShardId home, const std::string& prefix) {
  for (int i = 0;; ++i) {
    std::string name = absl::StrCat(prefix, i);
    if (cluster.mesh().HomeOf(name) == home) return name;
  }
}

// Publishes once to all `channels` in the turn in which `begin` is set, and sets it back.
std::unique_ptr<FunctionFeed> OnceOf(std::vector<std::string> channels,
                                     std::function<bool(std::uint64_t number)> begin) {
  return std::make_unique<FunctionFeed>(
      [channels, begin, ids = std::vector<FeedChannelId>(), number = std::uint64_t{0}](
          std::uint64_t now_ns, FeedSink& sink) mutable {
        if (ids.empty()) {
          for (const std::string& channel : channels) ids.push_back(sink.OpenChannel(channel));
        }
        if (begin(number + 1)) {
          ++number;
          for (const FeedChannelId id : ids) sink.Publish(id, WritePayload({0, number}), now_ns);
        }
        return now_ns;
      });
}

// Publications of one turn, and an rpc in the same turn: the feed waits for it.
class OneTurnTest : public testing::Test {
 protected:
  void Begin(std::uint32_t send_batch) {
    ClusterOptions options;
    options.config.engine.send_batch = send_batch;
    cluster_ = std::make_unique<SimCluster>(1, options);
    cluster_->shard(0).AddFeed(OnceOf({"state:a", "flow:a", "state:p"}, [this](std::uint64_t) {
      const bool now = armed_ && cluster_->Metric("tickcast_commands_total") > commands_;
      if (now) armed_ = false;
      return now;
    }));
    cluster_->Start();
  }

  // What `client` asks now comes in one turn with a publication to all three channels.
  std::uint32_t AskAndPublish(SimClient& client) {
    cluster_->RunFor(10 * kMillisecond);
    commands_ = cluster_->Metric("tickcast_commands_total");
    armed_ = true;
    const std::uint32_t id = client.Rpc();
    client.Flush();
    return id;
  }

  std::unique_ptr<SimCluster> cluster_;
  std::int64_t commands_ = 0;
  bool armed_ = false;
};

TEST_F(OneTurnTest, OneMessageHasRepliesBeforePriorityBeforeStreamsBeforeStates) {
  Begin(64);
  SimClient& client = cluster_->AddConnected();
  client.Subscribe("state:a");
  client.Subscribe("flow:a");
  client.Subscribe("state:p", {.data = R"({"priority":true})"});
  client.Flush();
  const std::uint32_t id = AskAndPublish(client);
  std::size_t sends = 0;
  cluster_->busy_ring(0).set_on_send([&](engine::Slot, std::span<const std::byte>) { ++sends; });
  const std::size_t before = client.heard().size();
  cluster_->RunFor(10 * kMillisecond);
  EXPECT_EQ(sends, 1u) << "all in one";
  ASSERT_EQ(client.heard().size(), before + 4);
  EXPECT_EQ(client.heard()[before].id, id);
  std::vector<std::string> channels;
  for (std::size_t i = before + 1; i < before + 4; ++i) {
    channels.push_back(client.heard()[i].channel);
  }
  EXPECT_EQ(channels, (std::vector<std::string>{"state:p", "flow:a", "state:a"}));
}

TEST_F(OneTurnTest, AFlushServesRepliesBeforePriorityBeforeStreamsBeforeStates) {
  for (const std::uint32_t batch : {1, 3, 64}) {
    SCOPED_TRACE(batch);
    Begin(batch);
    // The slots are taken in turn, so that they name the connections; two of each kind.
    const char* const subscriptions[][2] = {
        {"state:a", "{}"}, {"flow:a", "{}"}, {"state:p", R"({"priority":true})"}};
    for (int i = 0; i < 6; ++i) {
      SimClient& client = cluster_->AddConnected();
      client.Subscribe(subscriptions[i / 2][0], {.data = subscriptions[i / 2][1]});
      client.Flush();
    }
    SimClient& asks = cluster_->AddConnected();
    // Of two kinds: where it is served is decided by the better one.
    SimClient& both = cluster_->AddConnected();
    both.Subscribe("state:a");
    both.Subscribe("state:p", {.data = R"({"priority":true})"});
    both.Flush();
    AskAndPublish(asks);
    std::vector<engine::Slot> order;
    cluster_->busy_ring(0).set_on_send(
        [&](engine::Slot slot, std::span<const std::byte>) { order.push_back(slot); });
    cluster_->RunFor(10 * kMillisecond);
    ASSERT_EQ(order.size(), 8u) << "one send each";
    EXPECT_EQ(order[0], 6u) << "who asked";
    const auto next = [&order](std::size_t from, std::size_t count) {
      return std::set<engine::Slot>(order.begin() + static_cast<std::ptrdiff_t>(from),
                                    order.begin() + static_cast<std::ptrdiff_t>(from + count));
    };
    EXPECT_EQ(next(1, 3), (std::set<engine::Slot>{4, 5, 7})) << "priority";
    EXPECT_EQ(next(4, 2), (std::set<engine::Slot>{2, 3})) << "streams";
    EXPECT_EQ(next(6, 2), (std::set<engine::Slot>{0, 1})) << "states";
  }
}

// The same where an interval makes two of them due together.
TEST(DueTest, WhatIsDueIsServedInTheSameOrder) {
  ClusterOptions options;
  options.config.engine.send_batch = 1;
  SimCluster cluster(1, options);
  const bool running = true;
  cluster.shard(0).AddFeed(FeedOf({"state:a", "state:p"}, running));
  cluster.Start();
  SimClient& state = cluster.AddConnected();
  SimClient& priority = cluster.AddConnected();
  state.Subscribe("state:a", {.data = R"({"interval_ms":100})"});
  priority.Subscribe("state:p", {.data = R"({"interval_ms":100,"priority":true})"});
  state.Flush();
  priority.Flush();
  cluster.RunFor(50 * kMillisecond);
  for (int round = 0; round < 5; ++round) {
    // Both fall due while the shard has no turn.
    cluster.Stall(0, cluster.now_ns() + 150 * kMillisecond);
    std::vector<engine::Slot> order;
    cluster.RunFor(149 * kMillisecond);
    cluster.busy_ring(0).set_on_send(
        [&](engine::Slot slot, std::span<const std::byte>) { order.push_back(slot); });
    cluster.RunUntil([&] { return order.size() >= 2; });
    EXPECT_EQ(order, (std::vector<engine::Slot>{1, 0}));
  }
}

// --- In the middle of a flush --------------------------------------------------------------------

// 5,000 members take 79 batches; who asks another shard meanwhile has its reply a few later.
TEST(LongFlushTest, AReplyThatNeedsAnotherShardDoesNotWaitForTheEndOfABroadcast) {
  constexpr std::size_t kMembers = 5000;
  constexpr std::uint32_t kBatch = 64;
  ClusterOptions options{.shards = 2,
                         .ring = {.slots = 8192, .buffers = 1024, .submission_entries = 1024},
                         .meanwhile = 1};
  options.config.engine.send_batch = kBatch;
  SimCluster cluster(1, options);
  const std::string wide = HomedAt(cluster, 0, "flow:");
  const std::string far = HomedAt(cluster, 1, "state:");
  bool begin = false;
  SimClient* asks = nullptr;
  std::uint32_t id = 0;
  cluster.shard(0).AddFeed(OnceOf({wide}, [&](std::uint64_t) {
    if (!begin) return false;
    begin = false;
    // On its way when the flush begins.
    id = asks->Subscribe(far);
    asks->Flush();
    return true;
  }));
  cluster.Start();
  for (std::size_t i = 0; i < kMembers; ++i) {
    SimClient& client = cluster.AddClient();
    client.Connect();
    client.Subscribe(wide);
    client.Flush();
  }
  ASSERT_TRUE(cluster.RunUntil(
      [&] { return cluster.Metric("tickcast_commands_total") == 2 * std::int64_t{kMembers}; }));
  asks = &cluster.AddConnected();
  cluster.RunFor(5 * kMillisecond);
  ASSERT_EQ(cluster.ring(0).open_slots(), kMembers + 1);

  const std::int64_t commands = cluster.Metric("tickcast_commands_total");
  BusyRing& ring = cluster.busy_ring(0);
  std::uint64_t began = 0;    // Submits when the broadcast began …
  std::uint64_t asked = 0;    // … when the question had been read …
  std::uint64_t replied = 0;  // … and when its reply went.
  std::uint64_t ended = 0;
  std::size_t served = 0;
  std::size_t served_before_reply = 0;
  ring.set_on_send([&](engine::Slot slot, std::span<const std::byte>) {
    ended = ring.submits();
    if (began == 0) began = ended;
    if (asked == 0 && cluster.Metric("tickcast_commands_total") > commands) asked = ended;
    if (slot == kMembers) {
      replied = ended;
      served_before_reply = served;
    } else {
      ++served;
    }
  });
  begin = true;
  cluster.RunFor(20 * kMillisecond);
  ASSERT_NE(asks->ReplyTo(id), nullptr);
  EXPECT_EQ(asks->ReplyTo(id)->kind, Kind::kSubscribed);
  EXPECT_EQ(served, kMembers);
  ASSERT_GT(asked, began) << "it came in the middle of the broadcast";
  EXPECT_GE(ended - began, kMembers / kBatch);
  EXPECT_LE(replied - asked, 4u * 2) << "a batch is a submit and a wait";
  EXPECT_LT(served_before_reply, kMembers / 2);
}

// Answers and publications of other shards come in the middle of flushes here. Those publications
// wait for the end, and an answer that relies on them waits with them: what comes after a reply is
// what was published after its cut.
TEST(LongFlushTest, TheCutIsExactInTheMiddleOfAFlush) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(seed);
    ClusterOptions options{
        .shards = 2, .lane_capacity = 64, .ring = {.slots = 64, .buffers = 64}, .meanwhile = 1};
    options.config.engine.send_batch = 1;
    options.config.client.subscribe_rate = 0;
    SimCluster cluster(seed, options);
    const bool running = true;
    const std::string wide = HomedAt(cluster, 0, "flow:");
    const std::string log = HomedAt(cluster, 1, "log:");
    const std::string state = HomedAt(cluster, 1, "state:");
    cluster.shard(0).AddFeed(FeedOf({wide}, running));
    // Almost a publication per batch.
    cluster.shard(1).AddFeed(FeedOf({log, state}, running, kMillisecond / 20));
    cluster.Start();
    for (int i = 0; i < 40; ++i) {
      SimClient& member = cluster.AddConnected();
      member.Subscribe(wide);
      // So that the channels live on this shard all the time.
      if (i == 0) member.Subscribe(log), member.Subscribe(state);
      member.Flush();
    }
    SimClient& client = cluster.AddConnected();
    struct View {
      bool live = false;
      std::uint64_t have = 0;
      std::size_t subscribed = 0;
    };
    std::map<std::string, View> views;
    std::map<std::uint32_t, std::string> asked;
    cluster.on_heard = [&](SimClient& hearer, const Heard& heard) {
      if (&hearer != &client) return;
      if (heard.kind == Kind::kSubscribed) {
        View& view = views[asked[heard.id]];
        view.live = true;
        ++view.subscribed;
        view.have =
            heard.positioned ? heard.offset : ReadPayload(heard.publications.front().data).number;
      } else if (heard.kind == Kind::kUnsubscribed) {
        views[asked[heard.id]].live = false;
      } else if (heard.kind == Kind::kPublication) {
        View& view = views[heard.channel];
        const std::uint64_t number = ReadPayload(heard.publications.front().data).number;
        EXPECT_TRUE(view.live) << heard.channel;
        if (heard.channel == log) {
          EXPECT_EQ(number, view.have + 1) << "after a reply with " << view.have;
        } else {
          EXPECT_GT(number, view.have);
        }
        view.have = number;
      }
    };
    for (int round = 0; round < 300 && !HasFailure(); ++round) {
      asked[client.Subscribe(log, {.recoverable = true})] = log;
      asked[client.Subscribe(state)] = state;
      client.Flush();
      cluster.RunFor(kMillisecond * 7 / 5);
      asked[client.Unsubscribe(log)] = log;
      asked[client.Unsubscribe(state)] = state;
      client.Flush();
      cluster.RunFor(kMillisecond / 3);
    }
    EXPECT_GT(views[log].subscribed, 200u);
    EXPECT_GT(views[state].subscribed, 200u);
  }
}

// A connection that was served and then is refused its answer, in one flush, has what it was
// served: it came twice.
TEST(LongFlushTest, AnAnswerThatIsRefusedInTheMiddleOfAFlushTakesNothingElseBack) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    ClusterOptions options{
        .ring = {.buffers = 64}, .faults = {.refused_send = 0.2}, .meanwhile = 1};
    options.config.engine.send_batch = 1;
    SimCluster cluster(seed, options);
    const bool running = true;
    cluster.shard(0).AddFeed(FeedOf({"flow:a", "flow:b"}, running));
    cluster.Start();
    SimClient& client = cluster.AddConnected();
    client.Subscribe("flow:a");
    client.Flush();
    cluster.RunFor(kMillisecond);
    for (int i = 0; i < 20; ++i) {
      SimClient& other = cluster.AddConnected();
      for (const char* channel : {"flow:a", "flow:b"}) other.Subscribe(channel);
      other.Flush();
    }
    for (int round = 0; round < 150 && !HasFailure(); ++round) {
      client.Subscribe("flow:b");
      client.Flush();
      cluster.RunFor(kMillisecond + 130'000);
      client.Unsubscribe("flow:b");
      client.Flush();
      cluster.RunFor(kMillisecond + 130'000);
    }
    ASSERT_FALSE(HasFailure()) << "the ledger";
    std::uint64_t last = 0;
    for (const std::string& data : client.DataOf("flow:a")) {
      const std::uint64_t number = ReadPayload(data).number;
      if (last != 0) {
        ASSERT_EQ(number, last + 1);
      }
      last = number;
    }
    EXPECT_GT(last, 100u);
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
