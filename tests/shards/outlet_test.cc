#include "shards/outlet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A tick on its way to its home.
Message Tick(std::string_view channel, std::string_view data) {
  return {.kind = Message::Kind::kTick, .conflatable = true, .publication = DraftOf(channel, data)};
}

// A state publication on its way to subscribers.
Message State(ChannelIndex local, std::uint32_t generation, std::string_view data) {
  return {.kind = Message::Kind::kDeliver,
          .conflatable = true,
          .local = local,
          .generation = generation,
          .publication = SealedOf("ticker:a", data, 1)};
}

Message Stream(ChannelIndex local, std::string_view data) {
  return {.kind = Message::Kind::kDeliver,
          .local = local,
          .generation = 1,
          .publication = SealedOf("trade:a", data, 1)};
}

Message Question(std::string_view channel) {
  auto request = std::make_unique<Request>();
  request->channel = channel;
  return {.kind = Message::Kind::kAsk, .request = std::move(request)};
}

class OutletTest : public testing::Test {
 protected:
  static constexpr std::size_t kLaneCapacity = 2;

  // Takes what the receiver can see, told by payload or name.
  std::vector<std::string> Receive() {
    std::vector<std::string> received;
    lane_.Drain(
        [&](Message&& message) {
          received.emplace_back(message.request ? std::string_view(message.request->channel)
                                                : message.publication->data());
        },
        1000);
    return received;
  }
  // All that is on its way, in order.
  std::vector<std::string> ReceiveAll() {
    std::vector<std::string> received;
    while (true) {
      outlet_.Publish();
      const std::vector<std::string> more = Receive();
      if (more.empty()) return received;
      received.insert(received.end(), more.begin(), more.end());
    }
  }
  void FillLane() {
    for (std::size_t i = 0; i < kLaneCapacity; ++i) outlet_.Send(Stream(0, "0"));
    ASSERT_EQ(outlet_.waiting(), 0u);
  }

  engine::Lane<Message> lane_{kLaneCapacity};
  Outlet outlet_{lane_};
};

TEST_F(OutletTest, NothingIsSeenBeforeItIsPublished) {
  EXPECT_FALSE(outlet_.Publish());
  outlet_.Send(Stream(1, "1"));
  EXPECT_THAT(Receive(), IsEmpty());
  EXPECT_TRUE(outlet_.Publish());
  EXPECT_FALSE(outlet_.Publish());  // Nothing new: no reason to ring.
  EXPECT_THAT(Receive(), ElementsAre("1"));
}

TEST_F(OutletTest, KeepsOrderThroughAFullLane) {
  for (int i = 1; i <= 7; ++i) outlet_.Send(Stream(1, std::to_string(i)));
  EXPECT_EQ(outlet_.waiting(), 7 - kLaneCapacity);
  EXPECT_TRUE(outlet_.Publish());
  EXPECT_THAT(Receive(), ElementsAre("1", "2"));
  // The lane has room again, and what is sent now still goes behind what waits.
  outlet_.Send(Stream(1, "8"));
  EXPECT_THAT(ReceiveAll(), ElementsAre("3", "4", "5", "6", "7", "8"));
  EXPECT_EQ(outlet_.waiting(), 0u);
  outlet_.Send(Stream(1, "9"));
  EXPECT_EQ(outlet_.waiting(), 0u);
}

TEST_F(OutletTest, NothingConflatesWhileTheLaneHasRoom) {
  EXPECT_EQ(outlet_.Send(Tick("ticker:a", "1")), 0u);
  EXPECT_EQ(outlet_.Send(Tick("ticker:a", "2")), 0u);
  EXPECT_THAT(ReceiveAll(), ElementsAre("1", "2"));
}

TEST_F(OutletTest, TheNewestValueTakesTheOldestsPlace) {
  FillLane();
  EXPECT_EQ(outlet_.Send(Tick("ticker:a", "a1")), 0u);
  EXPECT_EQ(outlet_.Send(Tick("ticker:b", "b1")), 0u);
  EXPECT_EQ(outlet_.Send(Tick("ticker:a", "a2")), 1u);
  EXPECT_EQ(outlet_.Send(Tick("ticker:a", "a3")), 1u);
  EXPECT_EQ(outlet_.waiting(), 2u);
  EXPECT_THAT(ReceiveAll(), ElementsAre("0", "0", "a3", "b1"));
}

TEST_F(OutletTest, WhatMustArriveIsNeitherReplacedNorReordered) {
  FillLane();
  outlet_.Send(State(1, 1, "a1"));
  EXPECT_EQ(outlet_.Send(Stream(2, "t1")), 0u);
  EXPECT_EQ(outlet_.Send(Question("q1")), 0u);
  EXPECT_EQ(outlet_.Send(Stream(2, "t2")), 0u);
  EXPECT_EQ(outlet_.Send(State(1, 1, "a2")), 1u);
  EXPECT_EQ(outlet_.Send(Question("q1")), 0u);
  EXPECT_THAT(ReceiveAll(), ElementsAre("0", "0", "a2", "t1", "q1", "t2", "q1"));
}

TEST_F(OutletTest, OnlyTheSameChannelOfTheSameLifeConflates) {
  FillLane();
  outlet_.Send(State(1, 1, "one"));
  EXPECT_EQ(outlet_.Send(State(1, 2, "its index given anew")), 0u);
  EXPECT_EQ(outlet_.Send(State(2, 1, "another")), 0u);
  EXPECT_EQ(outlet_.Send(Tick("ticker:a", "the way to the home")), 0u);
  EXPECT_EQ(outlet_.waiting(), 4u);
  EXPECT_THAT(ReceiveAll(), ElementsAre("0", "0", "one", "its index given anew", "another",
                                        "the way to the home"));
}

// What has reached the lane is the receiver's, so the next value is a message of its own.
TEST_F(OutletTest, AValueThatLeftIsNotReplaced) {
  FillLane();
  outlet_.Send(Tick("ticker:a", "a1"));
  outlet_.Send(Stream(1, "t1"));
  outlet_.Send(Stream(1, "t2"));
  outlet_.Publish();
  EXPECT_THAT(Receive(), ElementsAre("0", "0"));
  outlet_.Publish();  // a1 and t1 are in the lane now, t2 waits.
  EXPECT_EQ(outlet_.waiting(), 1u);
  EXPECT_EQ(outlet_.Send(Tick("ticker:a", "a2")), 0u);
  EXPECT_EQ(outlet_.Send(Tick("ticker:a", "a3")), 1u);
  EXPECT_THAT(ReceiveAll(), ElementsAre("a1", "t1", "t2", "a3"));
}

TEST_F(OutletTest, IsCongestedFromItsBoundOn) {
  FillLane();
  for (std::size_t i = 0; i < Outlet::kMaxWaiting - 1; ++i) outlet_.Send(Stream(1, "1"));
  EXPECT_FALSE(outlet_.congested());
  outlet_.Send(Stream(1, "1"));
  EXPECT_TRUE(outlet_.congested());
  // What was on its way when it filled up is still taken.
  outlet_.Send(Stream(1, "1"));
  EXPECT_EQ(outlet_.waiting(), Outlet::kMaxWaiting + 1);
  Receive();
  outlet_.Publish();
  Receive();
  outlet_.Publish();
  EXPECT_FALSE(outlet_.congested());
}

// However fast a market moves, a way that is full holds one value per channel.
TEST_F(OutletTest, StateIsBoundedByTheNumberOfItsChannels) {
  FillLane();
  std::uint64_t replaced = 0;
  constexpr int kChannels = 10;
  constexpr int kRounds = 1000;
  for (int round = 0; round < kRounds; ++round) {
    for (ChannelIndex i = 0; i < kChannels; ++i) {
      replaced += outlet_.Send(State(i, 1, std::to_string(round)));
    }
  }
  EXPECT_EQ(outlet_.waiting(), static_cast<std::size_t>(kChannels));
  EXPECT_EQ(replaced, static_cast<std::uint64_t>(kChannels) * (kRounds - 1));
  const std::vector<std::string> received = ReceiveAll();
  ASSERT_EQ(received.size(), kLaneCapacity + kChannels);
  for (std::size_t i = kLaneCapacity; i < received.size(); ++i) {
    EXPECT_EQ(received[i], std::to_string(kRounds - 1));
  }
}

}  // namespace
}  // namespace tickcast::shards
