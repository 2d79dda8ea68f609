#include "shards/feed_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/shards/fake_ring.h"
#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

using testing::ElementsAre;
using Verdict = FeedSink::Verdict;

constexpr std::size_t kLaneCapacity = 4;
constexpr std::uint64_t kIngestNs = 77;

// A port on shard 0 of three, with the homes of its channels here or on shard 1.
class FeedPortTest : public testing::Test {
 protected:
  FeedPortTest() {
    config_.channel.namespaces = {{.name = "ticker", .kind = engine::ChannelKind::kState},
                                  {.name = "trade"}};
  }

  Verdict Publish(FeedChannelId channel, std::string_view payload) {
    return port_.Publish(channel, payload, kIngestNs);
  }
  // Makes shard 0's home believe that `to` has subscribers.
  void Subscribe(const std::string& channel, ShardId to) {
    auto request = std::make_unique<Request>();
    request->channel = channel;
    request->origin = to;
    home_.Ask(std::move(request), 1);
  }
  static std::vector<Message> Take(Exchange& exchange) {
    std::vector<Message> taken;
    exchange.Drain(100'000, [&](ShardId, Message&& message) {
      if (message.kind != Message::Kind::kAnswer) taken.push_back(std::move(message));
    });
    return taken;
  }
  static std::vector<std::string> DataOf(const std::vector<Message>& messages) {
    std::vector<std::string> data;
    for (const Message& message : messages) data.emplace_back(message.publication->data());
    return data;
  }

  engine::Config config_;
  Mesh mesh_{3, kLaneCapacity};
  Exchange exchange_{mesh_, 0};
  Exchange one_{mesh_, 1};
  Home home_{config_, exchange_, 1};
  FeedPort port_{config_, exchange_, home_};
  FakeRing ring_;
};

TEST_F(FeedPortTest, IdsAreDenseInTheOrderOfOpening) {
  EXPECT_EQ(port_.OpenChannel("ticker:a"), 0u);
  EXPECT_EQ(port_.OpenChannel("ticker:b"), 1u);
  EXPECT_EQ(port_.OpenChannel("trade:a"), 2u);
}

TEST_F(FeedPortTest, PublishesIntoTheHomeHere) {
  const std::string name = NameAt(mesh_, 0, "trade:");
  const FeedChannelId channel = port_.OpenChannel(name);
  Subscribe(name, 0);
  EXPECT_EQ(Publish(channel, R"({"price":"1"})"), Verdict::kTaken);
  EXPECT_EQ(home_.published(), 1u);
  const std::vector<Message> taken = Take(exchange_);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].kind, Message::Kind::kDeliver);
  EXPECT_EQ(taken[0].publication->line(),
            R"({"push":{"channel":")" + name + R"(","pub":{"data":{"price":"1"}}}})");
  EXPECT_EQ(taken[0].publication->ingest_ns(), kIngestNs);
}

TEST_F(FeedPortTest, SendsADraftToTheHomeElsewhere) {
  const std::string trade = NameAt(mesh_, 1, "trade:");
  const std::string ticker = NameAt(mesh_, 1, "ticker:");
  EXPECT_EQ(Publish(port_.OpenChannel(trade), "1"), Verdict::kTaken);
  EXPECT_EQ(Publish(port_.OpenChannel(ticker), "2"), Verdict::kTaken);
  exchange_.Publish(ring_);
  const std::vector<Message> taken = Take(one_);
  ASSERT_EQ(taken.size(), 2u);
  for (const Message& message : taken) {
    EXPECT_EQ(message.kind, Message::Kind::kTick);
    EXPECT_EQ(message.publication->sequence(), 0u);
    EXPECT_EQ(message.publication->ingest_ns(), kIngestNs);
  }
  EXPECT_EQ(taken[0].publication->channel(), trade);
  EXPECT_FALSE(taken[0].conflatable);
  EXPECT_EQ(taken[1].publication->channel(), ticker);
  EXPECT_TRUE(taken[1].conflatable);
  EXPECT_EQ(home_.published(), 0u);
}

TEST_F(FeedPortTest, AStreamWaitsForAFullWayAndStateDoesNot) {
  const FeedChannelId trade = port_.OpenChannel(NameAt(mesh_, 1, "trade:"));
  const FeedChannelId ticker = port_.OpenChannel(NameAt(mesh_, 1, "ticker:"));
  std::size_t taken = 0;
  while (Publish(trade, std::to_string(taken)) == Verdict::kTaken) ++taken;
  EXPECT_EQ(taken, kLaneCapacity + Outlet::kMaxWaiting);
  EXPECT_EQ(Publish(ticker, "\"old\""), Verdict::kTaken);
  EXPECT_EQ(Publish(ticker, "\"new\""), Verdict::kTaken);
  EXPECT_EQ(exchange_.lane_conflated(), 1u);
  EXPECT_EQ(Publish(trade, "0"), Verdict::kFull);

  // All that was taken arrives, once and in order.
  std::vector<std::string> received;
  while (exchange_.waiting() > 0 || one_.inbound_depth() > 0) {
    exchange_.Publish(ring_);
    for (std::string& data : DataOf(Take(one_))) received.push_back(std::move(data));
  }
  ASSERT_EQ(received.size(), taken + 1);
  for (std::size_t i = 0; i < taken; ++i) ASSERT_EQ(received[i], std::to_string(i));
  EXPECT_EQ(received.back(), "\"new\"");
  EXPECT_EQ(Publish(trade, "0"), Verdict::kTaken);
}

// The home elsewhere could not pass it on: its source holds back before it is sent there.
TEST_F(FeedPortTest, AStreamWaitsForAHomeThatIsCongestedItself) {
  const FeedChannelId trade = port_.OpenChannel(NameAt(mesh_, 1, "trade:"));
  const FeedChannelId ticker = port_.OpenChannel(NameAt(mesh_, 1, "ticker:"));
  mesh_.SetCongested(1, true);
  EXPECT_EQ(Publish(trade, "1"), Verdict::kFull);
  EXPECT_EQ(Publish(ticker, "1"), Verdict::kTaken);
  mesh_.SetCongested(1, false);
  EXPECT_EQ(Publish(trade, "1"), Verdict::kTaken);
}

TEST_F(FeedPortTest, AStreamOfThisHomeWaitsForItsFullestSubscriber) {
  const std::string trade_name = NameAt(mesh_, 0, "trade:");
  const std::string ticker_name = NameAt(mesh_, 0, "ticker:");
  const FeedChannelId trade = port_.OpenChannel(trade_name);
  const FeedChannelId ticker = port_.OpenChannel(ticker_name);
  for (const ShardId shard : {ShardId{1}, ShardId{2}}) {
    Subscribe(trade_name, shard);
    Subscribe(ticker_name, shard);
  }
  while (!exchange_.full(2)) exchange_.Send(2, {.kind = Message::Kind::kLeave});
  EXPECT_EQ(Publish(trade, "1"), Verdict::kFull);
  EXPECT_EQ(Publish(ticker, "1"), Verdict::kTaken);
  EXPECT_EQ(home_.published(), 1u);
  exchange_.Publish(ring_);
  EXPECT_THAT(DataOf(Take(one_)), ElementsAre("1"));  // Of the trade, nobody got anything.
}

using FeedPortDeathTest = FeedPortTest;

TEST_F(FeedPortDeathTest, AFeedsNamespaceExists) {
  EXPECT_DEATH(port_.OpenChannel("book:a"), "namespaces of every feed");
}

}  // namespace
}  // namespace tickcast::shards
