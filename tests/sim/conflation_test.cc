// Who does not read costs nobody else anything, and gets all that it still can.
#include <gtest/gtest.h>
#include <malloc.h>

#include <string>
#include <vector>

#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

engine::SimFaults Sockets(std::size_t bytes) {
  return {.min_socket_buffer_bytes = bytes, .max_socket_buffer_bytes = bytes};
}

// A publisher, a subscriber that does not read, and one that does.
class ConflationTest : public testing::Test {
 protected:
  void Begin(const ClusterOptions& options, std::string_view channel,
             const SubscribeOptions& subscribe = {}) {
    channel_ = channel;
    cluster_ = std::make_unique<SimCluster>(1, options);
    cluster_->Start();
    const auto last = static_cast<ShardId>(options.shards - 1);
    publisher_ = &cluster_->AddConnected(0);
    slow_ = &cluster_->AddConnected(last);
    healthy_ = &cluster_->AddConnected(last);
    for (SimClient* client : {slow_, healthy_}) {
      client->Subscribe(channel_, subscribe);
      client->Flush();
    }
    cluster_->RunFor(10 * kMillisecond);
    slow_->peer().SetReading(false);
  }

  void Publish(std::uint64_t count, std::size_t padding_bytes = 0) {
    for (std::uint64_t i = 0; i < count; ++i) {
      publisher_->Publish(channel_, WritePayload({0, ++published_}, padding_bytes));
      publisher_->Flush();
      cluster_->RunFor(kMillisecond);
    }
    cluster_->RunFor(10 * kMillisecond);
  }

  void ReadAgain() {
    slow_->peer().SetReading(true);
    cluster_->RunFor(100 * kMillisecond);
  }

  static std::vector<std::uint64_t> NumbersOf(const std::vector<std::string>& data) {
    std::vector<std::uint64_t> numbers;
    for (const std::string& one : data) numbers.push_back(ReadPayload(one).number);
    return numbers;
  }
  static std::vector<std::uint64_t> UpTo(std::uint64_t last) {
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t i = 1; i <= last; ++i) numbers.push_back(i);
    return numbers;
  }

  std::string channel_;
  std::unique_ptr<SimCluster> cluster_;
  SimClient* publisher_ = nullptr;
  SimClient* slow_ = nullptr;
  SimClient* healthy_ = nullptr;
  std::uint64_t published_ = 0;
};

TEST_F(ConflationTest, ABlockedConnectionGetsOnlyTheNewestValueAndTheRestIsCounted) {
  for (const ShardId shards : {1, 2}) {
    published_ = 0;
    Begin({.shards = shards, .faults = Sockets(512)}, "state:a");
    Publish(100);
    const std::size_t healthy = healthy_->DataOf("state:a").size();
    const Ledger before = cluster_->ledger();
    EXPECT_GT(before.outstanding, 80u) << "nothing is queued for it, all is owed to it";
    ReadAgain();

    const std::vector<std::uint64_t> got = NumbersOf(slow_->DataOf("state:a"));
    ASSERT_FALSE(got.empty());
    EXPECT_LT(got.size(), 20u) << "what fits into its socket, and the newest";
    EXPECT_EQ(got.back(), 100u);
    EXPECT_EQ(healthy, 100u) << "its neighbour missed nothing";
    const Ledger ledger = cluster_->ledger();
    EXPECT_EQ(ledger.owed, 200u);
    EXPECT_EQ(ledger.delivered, healthy + got.size());
    EXPECT_EQ(ledger.conflated, 100 - got.size());
    EXPECT_EQ(ledger.delivered, before.delivered + 1) << "one message brought it up to date";
    EXPECT_EQ(ledger.outstanding, 0u);
  }
}

TEST_F(ConflationTest, ABlockedSubscriberOfAStreamCatchesUpWithoutAGap) {
  ClusterOptions options{.shards = 2, .faults = Sockets(512)};
  options.config.engine.catch_up_bytes = 128 * 1024;
  Begin(options, "flow:a");
  Publish(200);
  ReadAgain();
  EXPECT_EQ(NumbersOf(slow_->DataOf("flow:a")), UpTo(200));
  EXPECT_EQ(NumbersOf(healthy_->DataOf("flow:a")), UpTo(200));
  EXPECT_EQ(cluster_->Metric("tickcast_gaps_total"), 0);
  const Ledger ledger = cluster_->ledger();
  EXPECT_EQ(ledger.delivered, 400u);
  EXPECT_EQ(ledger.owed, 400u);
}

// A gathered message stops at 16 KiB, so it takes several to bring this one up to date.
TEST_F(ConflationTest, WhatDoesNotFitIntoOneMessageComesInTheNext) {
  Begin({.faults = Sockets(512)}, "flow:a");
  Publish(40, /*padding_bytes=*/1000);
  ReadAgain();
  EXPECT_EQ(NumbersOf(slow_->DataOf("flow:a")), UpTo(40));
  EXPECT_EQ(cluster_->ledger().delivered, 80u);
}

TEST_F(ConflationTest, ATurnWithMoreThanOneMessageHoldsReachesWhoKeepsUpWhole) {
  Begin({.shards = 2}, "flow:a");
  slow_->peer().SetReading(true);
  // A reader of two streams, and one that is up to date when the burst comes.
  healthy_->Subscribe("flow:b");
  healthy_->Flush();
  Publish(3);
  for (int burst = 0; burst < 3; ++burst) {
    for (int i = 0; i < 40; ++i) {
      publisher_->Publish("flow:a", WritePayload({0, ++published_}, 1000));
      publisher_->Publish("flow:b", WritePayload({1, published_}, 200));
    }
    publisher_->Flush();
    cluster_->RunFor(20 * kMillisecond);
  }
  Publish(2);
  EXPECT_EQ(NumbersOf(slow_->DataOf("flow:a")), UpTo(published_));
  EXPECT_EQ(NumbersOf(healthy_->DataOf("flow:a")), UpTo(published_));
  EXPECT_EQ(healthy_->DataOf("flow:b").size(), 120u);
  EXPECT_EQ(cluster_->Metric("tickcast_gaps_total"), 0);
}

TEST_F(ConflationTest, BeyondTheCatchUpBytesASubscriberIsToldAndRecoversEverythingOnce) {
  ClusterOptions options{.shards = 2, .faults = Sockets(512)};
  options.config.engine.catch_up_bytes = 2000;
  Begin(options, "log:a", {.recoverable = true});
  Publish(200);
  ReadAgain();
  const std::vector<Heard> told = slow_->HeardOf(Kind::kDropped, "log:a");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told.front().code, 2500u);
  std::vector<std::uint64_t> got = NumbersOf(slow_->DataOf("log:a"));
  ASSERT_FALSE(got.empty());
  EXPECT_EQ(got, UpTo(got.size())) << "in order and without a hole up to the gap";
  Ledger ledger = cluster_->ledger();
  EXPECT_EQ(ledger.skipped_gap, 200 - got.size());
  EXPECT_EQ(ledger.owed, ledger.delivered + ledger.skipped_gap);
  Publish(3);
  EXPECT_EQ(slow_->DataOf("log:a").size(), got.size()) << "it is not subscribed any more";

  // As an SDK does.
  const std::string epoch = slow_->HeardOf(Kind::kSubscribed).front().epoch;
  const std::uint32_t id = slow_->Subscribe(
      "log:a", {.recoverable = true, .recover = true, .offset = got.back(), .epoch = epoch});
  slow_->Flush();
  cluster_->RunFor(100 * kMillisecond);
  ASSERT_NE(slow_->ReplyTo(id), nullptr);
  EXPECT_TRUE(slow_->ReplyTo(id)->recovered);
  for (const HeardPublication& publication : slow_->ReplyTo(id)->publications) {
    got.push_back(ReadPayload(publication.data).number);
  }
  Publish(2);
  for (const std::uint64_t number : {204, 205}) got.push_back(number);
  EXPECT_EQ(got, UpTo(205));
  const std::vector<std::uint64_t> pushed = NumbersOf(slow_->DataOf("log:a"));
  EXPECT_EQ(pushed.back(), 205u);
  EXPECT_EQ(NumbersOf(healthy_->DataOf("log:a")), UpTo(205));
}

// Every send is cut short, wherever it may be: only a tail that goes out before anything else
// leaves frames that a parser takes.
TEST_F(ConflationTest, TheTailOfAShortSendGoesBeforeWhatFollows) {
  ClusterOptions options{.faults = {.short_send = 1.0, .min_latency_ns = 10'000}};
  Begin(options, "flow:a");
  slow_->peer().SetReading(true);
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 50; ++i) {
    ids.push_back(slow_->Rpc());
    slow_->Flush();
    slow_->SendFrame(protocol::Opcode::kPing, "x");
    Publish(1, /*padding_bytes=*/static_cast<std::size_t>(i) * 40);
  }
  cluster_->RunFor(kSecond);
  EXPECT_EQ(NumbersOf(slow_->DataOf("flow:a")), UpTo(50));
  for (const std::uint32_t id : ids) EXPECT_NE(slow_->ReplyTo(id), nullptr);
  EXPECT_EQ(slow_->HeardOf(Kind::kPong).size(), 50u);
  EXPECT_GT(cluster_->Metric("tickcast_short_sends_total"), 50);
  slow_->Command(R"("nothing":{})");
  slow_->Flush();
  cluster_->RunFor(100 * kMillisecond);
  EXPECT_EQ(slow_->close_code(), 3501u);
}

TEST_F(ConflationTest, WhoIsBlockedCostsABoundedCopyHoweverMuchIsPublished) {
  ClusterOptions options{.faults = Sockets(512)};
  options.config.client.slow_client_timeout_ns = 0;
  options.config.client.ping_interval_ns = 0;
  Begin(options, "flow:a");
  // The clients that play along keep everything they hear, so those that can be spared go.
  healthy_->Reset();
  Publish(500, /*padding_bytes=*/500);
  const auto held_bytes = [] { return static_cast<std::int64_t>(mallinfo2().uordblks); };
  const std::int64_t before = held_bytes();
  Publish(2000, /*padding_bytes=*/500);
  // The publisher's list of replies is in there; the publications alone would be 1.2 MB.
  EXPECT_LT(held_bytes() - before, 600'000);
  ReadAgain();
  EXPECT_EQ(slow_->HeardOf(Kind::kDropped).size(), 1u);
}

TEST_F(ConflationTest, OneFrameOfQuestionsDoesNotFillTheMemoryWithAnswers) {
  Begin({.shards = 2}, "log:a");
  Publish(300, /*padding_bytes=*/1000);
  cluster_->RunFor(kSecond);
  constexpr int kQuestions = 800;  // 240 MB, were all of them answered in full.
  const std::uint32_t first = publisher_->next_id();
  for (int i = 0; i < kQuestions; ++i) publisher_->History("log:a", -1);
  publisher_->Flush();
  cluster_->RunFor(100 * kMillisecond);
  std::size_t histories = 0;
  for (std::uint32_t id = first; id < publisher_->next_id(); ++id) {
    const Heard* reply = publisher_->ReplyTo(id);
    ASSERT_NE(reply, nullptr) << id;
    if (reply->kind == Kind::kHistory) {
      ++histories;
      EXPECT_EQ(reply->publications.size(), 300u);
    } else {
      EXPECT_EQ(reply->code, 111u);
    }
  }
  EXPECT_GE(histories, 4u) << "a megabyte is owed to everybody";
  // Answers come in batches of what a lane holds, each flushed before the next.
  EXPECT_LT(histories, 100u);
}

// Its replies are owed to it, but not ever more of them: it is not read from until it reads.
TEST_F(ConflationTest, WhoFloodsCommandsAndDoesNotReadIsPausedAndGoesOnLater) {
  ClusterOptions options{
      .shards = 2, .ring = {.buffers = 8, .buffer_bytes = 1024}, .faults = Sockets(4096)};
  options.config.websocket.message_size_limit = 4096;
  Begin(options, "state:a");
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 6000; ++i) {
    ids.push_back(slow_->Rpc());
    if (i % 8 == 7) slow_->Flush();
  }
  cluster_->RunFor(200 * kMillisecond);
  EXPECT_EQ(cluster_->Metric("tickcast_reading_paused_total"), 1);
  const std::int64_t taken = cluster_->Metric("tickcast_commands_total");
  EXPECT_LT(taken, 4000) << "the rest stays in the kernel's socket";
  cluster_->RunFor(200 * kMillisecond);
  EXPECT_EQ(cluster_->Metric("tickcast_commands_total"), taken);
  // The others are served meanwhile.
  Publish(5);
  EXPECT_EQ(healthy_->DataOf("state:a").size(), 5u);

  slow_->peer().SetReading(true);
  cluster_->RunFor(2 * kSecond);
  for (const std::uint32_t id : ids) ASSERT_NE(slow_->ReplyTo(id), nullptr) << id;
  EXPECT_EQ(slow_->close_code(), 0u);
  EXPECT_EQ(slow_->DataOf("state:a").size(), 1u);
}

// Here other shards answer, a turn later, so more has been read before the first answer counts.
TEST_F(ConflationTest, WhoFloodsQuestionsToOtherShardsIsPausedAndGetsAllAnswers) {
  ClusterOptions options{
      .shards = 2, .ring = {.buffers = 8, .buffer_bytes = 1024}, .faults = Sockets(4096)};
  Begin(options, "state:a");
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 12000; ++i) {
    ids.push_back(slow_->History(i % 2 == 0 ? "log:a" : "log:b", 0));
    if (i % 8 == 7) slow_->Flush();
    if (i % 80 == 79) cluster_->RunFor(kMillisecond);
  }
  cluster_->RunFor(200 * kMillisecond);
  EXPECT_EQ(cluster_->Metric("tickcast_reading_paused_total"), 1);
  EXPECT_LT(cluster_->Metric("tickcast_commands_total"), 6000);
  slow_->peer().SetReading(true);
  cluster_->RunFor(2 * kSecond);
  for (const std::uint32_t id : ids) ASSERT_NE(slow_->ReplyTo(id), nullptr) << id;
}

}  // namespace
}  // namespace tickcast::shards::sim
