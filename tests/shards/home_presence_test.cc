// Home: who is in its channels, and who is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/shards/home_test_world.h"

namespace tickcast::shards {
namespace {

using protocol::ErrorCode;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class HomePresenceTest : public HomeTest {
 protected:
  HomePresenceTest() {
    config_.channel.namespaces.push_back(
        {.name = "hall", .presence = true, .join_leave = true, .join_leave_max_clients = 500});
    config_.channel.namespaces.push_back({.name = "list", .presence = true});
    config_.channel.namespaces.push_back({.name = "kept",
                                          .presence = true,
                                          .join_leave = true,
                                          .presence_grace_ns = 30 * kSecondNs});
  }
  std::unique_ptr<Request> PresenceOf(std::string_view channel) {
    return Ask(New(Request::Kind::kPresence, channel));
  }
  std::vector<std::string> ClientsIn(std::string_view channel) {
    const auto answer = PresenceOf(channel);
    EXPECT_FALSE(answer->failed);
    EXPECT_EQ(answer->clients, answer->members.size());
    std::vector<std::string> clients;
    for (const MemberInfo& member : answer->members) clients.emplace_back(member.client());
    return clients;
  }
  void LeaveShard(std::string_view channel, ShardId shard) {
    Request leave;
    leave.channel = channel;
    leave.local = 1;
    leave.local_generation = 1;
    home_.Leave(shard, leave, now_ns_);
  }
};

TEST_F(HomePresenceTest, AnswersWhoIsThereAndHowMany) {
  Enter("hall:1", MemberOf("a", "1"));
  Enter("hall:1", MemberOf("b", "1"), 1);
  Enter("hall:1", MemberOf("c", "2"), 1);
  Enter("hall:2", MemberOf("d", "2"));
  EXPECT_THAT(ClientsIn("hall:1"), UnorderedElementsAre("a", "b", "c"));
  const auto stats = Ask(New(Request::Kind::kPresenceStats, "hall:1"));
  EXPECT_EQ(stats->clients, 3u);
  EXPECT_EQ(stats->users, 2u);
  EXPECT_THAT(stats->members, IsEmpty());
  EXPECT_EQ(home_.member_count(), 4u);
  Part("hall:1", "b");
  EXPECT_THAT(ClientsIn("hall:1"), UnorderedElementsAre("a", "c"));
  EXPECT_EQ(home_.member_count(), 3u);
}

TEST_F(HomePresenceTest, WhereItIsOffNothingIsKept) {
  Enter("trade:1", MemberOf("a"));
  EXPECT_EQ(home_.member_count(), 0u);
  EXPECT_EQ(PresenceOf("trade:1")->error, ErrorCode::kNotAvailable);
  EXPECT_EQ(PresenceOf("nobody:1")->error, ErrorCode::kUnknownChannel);
  EXPECT_THAT(ClientsIn("hall:empty"), IsEmpty());
  EXPECT_EQ(home_.channel_count(), 1u);  // Asking makes no channel.
}

// The lane's order is what a subscriber sees.
TEST_F(HomePresenceTest, JoinsAndLeavesHaveTheirPlaceAmongThePublications) {
  Enter("hall:1", MemberOf("w"), 1);
  Announce();
  heard_[1].clear();
  Enter("hall:1", MemberOf("a"));
  Publish("hall:1", "1");
  Part("hall:1", "a");
  Enter("hall:1", MemberOf("b"));
  Publish("hall:1", "2");
  Part("hall:1", "b");
  Announce();
  EXPECT_THAT(heard_[1], ElementsAre("+a", "1", "-a", "+b", "2", "-b"));
}

TEST_F(HomePresenceTest, ATurnsEventsAreOneMessageToEachShard) {
  Enter("hall:1", MemberOf("w"), 1);
  Announce();
  heard_[1].clear();
  announcements_ = 0;
  for (const char* id : {"a", "b", "c"}) Enter("hall:1", MemberOf(id), 1);
  Announce();
  EXPECT_THAT(heard_[1], ElementsAre("+a", "+b", "+c"));
  EXPECT_EQ(announcements_, 1);
  EXPECT_FALSE(home_.announcing());
  Part("hall:1", "a");
  Part("hall:1", "b");
  EXPECT_TRUE(home_.announcing());
  Announce();
  EXPECT_THAT(heard_[1], ElementsAre("+a", "+b", "+c", "-a", "-b"));
  EXPECT_EQ(announcements_, 2);
}

// A newcomer is told of itself, and of nobody who came before: the numbers say which is which.
TEST_F(HomePresenceTest, AnAnswerSaysFromWhichEventOnANewcomerIsTold) {
  const auto first = Enter("hall:1", MemberOf("a"), 0);
  const auto second = Enter("hall:1", MemberOf("b"), 1);
  Announce();
  ASSERT_EQ(numbers_.size(), 4u);  // Both, to both shards.
  EXPECT_EQ(first->first_event, numbers_[0]);
  EXPECT_EQ(second->first_event, numbers_[1]);
  EXPECT_GT(numbers_[1], numbers_[0]);
  // They go on rising when the room was empty.
  Part("hall:1", "a");
  Part("hall:1", "b");
  Announce();
  EXPECT_GT(Enter("hall:1", MemberOf("c"), 0)->first_event, numbers_.back());
}

TEST_F(HomePresenceTest, ACrowdIsToldOfInPieces) {
  Enter("hall:1", MemberOf("w"), 1);
  Announce();
  heard_[1].clear();
  for (int i = 0; i < 100; ++i) Enter("hall:1", MemberOf("c" + std::to_string(i)), 0);
  for (int i = 0; i < 100; ++i) Part("hall:1", "c" + std::to_string(i));
  Announce();
  EXPECT_THAT(heard_[1], IsEmpty());  // All have gone before anybody was told.
  EXPECT_FALSE(home_.announcing());
  for (int i = 0; i < 100; ++i) Enter("hall:1", MemberOf("c" + std::to_string(i)), 0);
  Announce();
  EXPECT_EQ(heard_[1].size(), 64u);
  EXPECT_TRUE(home_.announcing());
  Announce();
  EXPECT_EQ(heard_[1].size(), 100u);
  EXPECT_FALSE(home_.announcing());
}

TEST_F(HomePresenceTest, AboveItsSizeARoomIsSilent) {
  for (int i = 0; i < 502; ++i) Enter("hall:1", MemberOf("c" + std::to_string(i)), 0);
  while (home_.announcing()) Announce();
  EXPECT_EQ(heard_[0].size(), 500u);
  EXPECT_EQ(home_.joins_not_announced(), 2u);
  EXPECT_EQ(home_.member_count(), 502u);
}

TEST_F(HomePresenceTest, ARejectedSubscriberIsNotThere) {
  config_.channel.namespaces.push_back(
      {.name = "log", .presence = true, .history_size = 5, .history_ttl_ns = kTtlNs});
  auto request = New(Request::Kind::kSubscribe, "log:1");
  request->recoverable = true;
  request->recover = true;
  request->reject_unrecovered = true;
  request->since_offset = 7;
  request->member = MemberOf("a");
  EXPECT_TRUE(Ask(std::move(request))->failed);
  EXPECT_THAT(ClientsIn("log:1"), IsEmpty());
}

TEST_F(HomePresenceTest, APresenceWithoutAnnouncementsTellsNothing) {
  Enter("list:1", MemberOf("a"));
  Part("list:1", "a");
  Announce();
  EXPECT_THAT(heard_[0], IsEmpty());
  EXPECT_EQ(home_.joins_not_announced(), 0u);
}

TEST_F(HomePresenceTest, ALostClientLeavesAtOnceUnlessThereIsAGrace) {
  Enter("hall:1", MemberOf("a", "1"));
  Part("hall:1", "a", /*lost=*/true);
  EXPECT_THAT(ClientsIn("hall:1"), IsEmpty());

  Enter("kept:1", MemberOf("a", "1"));
  Announce();
  heard_[0].clear();
  Part("kept:1", "a", /*lost=*/true);
  now_ns_ += 30 * kSecondNs - 1;
  SweepAll();
  EXPECT_THAT(ClientsIn("kept:1"), ElementsAre("a"));
  now_ns_ += 1;
  SweepAll();
  Announce();
  EXPECT_THAT(ClientsIn("kept:1"), IsEmpty());
  EXPECT_THAT(heard_[0], ElementsAre("-a"));
  // Whoever says that it goes, goes.
  Enter("kept:1", MemberOf("b", "1"));
  Part("kept:1", "b");
  EXPECT_THAT(ClientsIn("kept:1"), IsEmpty());
}

TEST_F(HomePresenceTest, AReconnectWithinTheGraceIsNoNews) {
  Enter("kept:1", MemberOf("w", "2"), 1);
  Enter("kept:1", MemberOf("a", "1"), 0);
  Announce();
  heard_[1].clear();
  Part("kept:1", "a", /*lost=*/true);
  now_ns_ += 10 * kSecondNs;
  Enter("kept:1", MemberOf("b", "1"), 1);
  now_ns_ += 3600 * kSecondNs;
  SweepAll();
  Announce();
  EXPECT_THAT(heard_[1], IsEmpty());
  EXPECT_THAT(ClientsIn("kept:1"), UnorderedElementsAre("w", "a"));
  Part("kept:1", "b");
  Announce();
  EXPECT_THAT(heard_[1], ElementsAre("-a"));
}

// Nobody is left on any shard, but a place is kept.
TEST_F(HomePresenceTest, AChannelIsNotForgottenWhileAPlaceIsKept) {
  Enter("kept:1", MemberOf("a", "1"));
  Part("kept:1", "a", /*lost=*/true);
  LeaveShard("kept:1", 0);
  now_ns_ += 29 * kSecondNs;
  SweepAll();
  EXPECT_EQ(home_.channel_count(), 1u);
  now_ns_ += kSecondNs;
  SweepAll();
  Announce();
  EXPECT_EQ(home_.member_count(), 0u);
  now_ns_ += 60 * kSecondNs;
  SweepAll();
  EXPECT_EQ(home_.channel_count(), 0u);
}

TEST_F(HomePresenceTest, APartOfWhoIsUnknownChangesNothing) {
  Part("hall:1", "a");
  Enter("hall:1", MemberOf("a"));
  Part("hall:1", "b", /*lost=*/true);
  Part("hall:2", "a");
  EXPECT_THAT(ClientsIn("hall:1"), ElementsAre("a"));
}

}  // namespace
}  // namespace tickcast::shards
