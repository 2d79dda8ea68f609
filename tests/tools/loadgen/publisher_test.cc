#include "tools/loadgen/publisher.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tools/loadgen/stamp.h"

namespace tickcast::loadgen {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 100 * kSecond;
constexpr std::uint32_t kFirstId = 1'000'000;
constexpr std::uint32_t kRun = 0xabcd1234;

// A publisher on three channels with two subscribers each, and what it said.
class PublisherTest : public testing::Test {
 protected:
  struct Said {
    std::uint32_t client = 0;
    std::string command;
    Stamp stamp;
  };

  void Make() {
    options_.topology = {.connections = 6, .channels = 3, .subscriptions = 1};
    topology_ = std::make_unique<Topology>(options_.topology);
    publisher_ =
        std::make_unique<Publisher>(options_, *topology_, std::vector<std::uint32_t>{2, 2, 2}, kRun,
                                    [this](std::uint32_t client, std::string_view command) {
                                      Said said{.client = client, .command = std::string(command)};
                                      EXPECT_TRUE(StampFinder().Find(command, said.stamp));
                                      said_.push_back(said);
                                    });
  }

  void Complete(std::uint32_t publication) {
    publisher_->OnReply(kFirstId + publication, 0);
    publisher_->OnDelivery(publication);
    publisher_->OnDelivery(publication);
  }

  Options options_;
  std::unique_ptr<Topology> topology_;
  std::unique_ptr<Publisher> publisher_;
  std::vector<Said> said_;
};

TEST_F(PublisherTest, AClosedLoopKeepsItsWindowFull) {
  options_.window = 2;
  Make();
  publisher_->Start(0, kStart, kStart + kSecond);
  publisher_->Step(kStart);
  EXPECT_EQ(said_.size(), 2U);
  publisher_->Step(kStart);
  EXPECT_EQ(said_.size(), 2U);
  Complete(0);
  publisher_->Step(kStart);
  EXPECT_EQ(said_.size(), 3U);
  // A younger one that is complete makes no room: the oldest bounds the window.
  Complete(2);
  publisher_->Step(kStart);
  EXPECT_EQ(said_.size(), 3U);
}

TEST_F(PublisherTest, InLockstepTheNextWindowWaitsForTheWholeOne) {
  options_.window = 2;
  options_.lockstep = true;
  Make();
  publisher_->Start(0, kStart, kStart + kSecond);
  publisher_->Step(kStart);
  Complete(0);
  publisher_->Step(kStart);
  EXPECT_EQ(said_.size(), 2U);
  Complete(1);
  publisher_->Step(kStart);
  EXPECT_EQ(said_.size(), 4U);
}

TEST_F(PublisherTest, AnOpenLoopStampsWhenItWasDueHoweverLateItIs) {
  Make();
  publisher_->Start(10, kStart, kStart + 10 * kSecond);
  EXPECT_EQ(publisher_->Step(kStart), kStart + kSecond / 10);
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_EQ(publisher_->Step(kStart + kSecond), kStart + kSecond + kSecond / 10);
  ASSERT_EQ(said_.size(), 11U);
  for (std::uint64_t i = 0; i < said_.size(); ++i) {
    EXPECT_EQ(said_[i].stamp.time_ns, kStart + i * kSecond / 10) << i;
  }
}

TEST_F(PublisherTest, ChannelsTakeTurnsAndAreNumberedEach) {
  options_.publishers = 2;
  Make();
  publisher_->Start(1000, kStart, kStart + kSecond);
  publisher_->Step(kStart + 6 * kSecond / 1000);
  ASSERT_EQ(said_.size(), 7U);
  for (std::uint32_t i = 0; i < said_.size(); ++i) {
    EXPECT_EQ(said_[i].stamp.run, kRun);
    EXPECT_EQ(said_[i].stamp.channel, i % 3);
    EXPECT_EQ(said_[i].stamp.number, i / 3);
    EXPECT_EQ(said_[i].stamp.publication, i);
    EXPECT_EQ(said_[i].client, i % 3 % 2);
    EXPECT_NE(said_[i].command.find(topology_->name(i % 3)), std::string::npos);
  }
  EXPECT_EQ(publisher_->published(), (std::vector<std::uint32_t>{3, 2, 2}));
}

TEST_F(PublisherTest, ItEndsInTimeAndIsIdleWhenAllHasCome) {
  options_.window = 1;
  Make();
  publisher_->Start(0, kStart, kStart + kSecond);
  publisher_->Step(kStart);
  publisher_->Step(kStart + kSecond);
  EXPECT_EQ(publisher_->stopped_ns(), kStart + kSecond);
  EXPECT_FALSE(publisher_->idle());
  Complete(0);
  publisher_->Step(kStart + kSecond);
  EXPECT_TRUE(publisher_->idle());
  EXPECT_EQ(said_.size(), 1U);
}

TEST_F(PublisherTest, DeliveriesOfOtherThreadsCompleteAPublication) {
  options_.window = 1;
  Make();
  publisher_->Start(0, kStart, kStart + kSecond);
  publisher_->Step(kStart);
  publisher_->OnReply(kFirstId, 0);
  DeliveryCounts seen = {{0, 2}};
  publisher_->Report(seen);
  EXPECT_TRUE(seen.empty());
  publisher_->Step(kStart);
  EXPECT_EQ(said_.size(), 2U);
}

TEST_F(PublisherTest, ARefusedOneIsAnErrorAndMakesRoom) {
  options_.window = 1;
  Make();
  publisher_->Start(0, kStart, kStart + kSecond);
  publisher_->Step(kStart);
  publisher_->OnReply(kFirstId, 111);
  publisher_->Step(kStart);
  EXPECT_EQ(publisher_->counts().errors, 1U);
  EXPECT_EQ(said_.size(), 2U);
}

TEST_F(PublisherTest, WhatStallsIsGivenUpSoThatALossEndsNoLoop) {
  options_.window = 1;
  options_.stall_ns = 2e9;
  Make();
  publisher_->Start(0, kStart, kStart + 10 * kSecond);
  publisher_->Step(kStart);
  publisher_->Step(kStart + 2 * kSecond);
  EXPECT_EQ(said_.size(), 1U);
  publisher_->Step(kStart + 2 * kSecond + 1);
  EXPECT_EQ(said_.size(), 2U);
  EXPECT_EQ(publisher_->counts().given_up, 1U);
}

}  // namespace
}  // namespace tickcast::loadgen
