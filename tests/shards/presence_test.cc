#include "shards/presence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tickcast::shards {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::size_t kAll = 1'000'000;

MemberInfo Member(std::string_view client, std::string_view user = {},
                  std::string_view conn_info = {}) {
  return MemberInfo({.user = user, .client = client, .conn_info = conn_info});
}

std::vector<std::string> Told(Presence& presence, std::size_t most = kAll) {
  MemberEvents events;
  presence.TakeEvents(most, events);
  std::vector<std::string> told;
  for (const MemberEvent& event : events) {
    told.push_back((event.joined ? "+" : "-") + std::string(event.info.client()));
  }
  return told;
}

std::vector<std::string> ClientsOf(const Presence& presence) {
  std::vector<MemberInfo> members;
  presence.AppendMembers(members);
  std::vector<std::string> clients;
  for (const MemberInfo& member : members) clients.emplace_back(member.client());
  return clients;
}

TEST(PresenceTest, CountsClientsAndUsers) {
  Presence presence(true, 0);
  EXPECT_TRUE(presence.empty());
  presence.Add(Member("a", "1"));
  presence.Add(Member("b", "1"));
  presence.Add(Member("c", "2"));
  presence.Add(Member("d", ""));
  presence.Add(Member("e", ""));
  EXPECT_EQ(presence.clients(), 5u);
  EXPECT_EQ(presence.users(), 3u);  // Those without a name are one user, as in the original.
  presence.Remove("a");
  EXPECT_EQ(presence.users(), 3u);
  presence.Remove("b");
  presence.Remove("b");
  presence.Remove("nobody");
  EXPECT_EQ(presence.clients(), 3u);
  EXPECT_EQ(presence.users(), 2u);
  EXPECT_THAT(ClientsOf(presence), UnorderedElementsAre("c", "d", "e"));
}

TEST(PresenceTest, TellsInOrderAndInPieces) {
  Presence presence(true, 0);
  presence.Add(Member("a"));
  presence.Add(Member("b"));
  presence.Add(Member("c"));
  EXPECT_THAT(Told(presence, 2), ElementsAre("+a", "+b"));
  presence.Remove("a");
  EXPECT_TRUE(presence.has_events());
  EXPECT_THAT(Told(presence), ElementsAre("+c", "-a"));
  EXPECT_FALSE(presence.has_events());
  EXPECT_THAT(Told(presence), IsEmpty());
}

TEST(PresenceTest, WhoLeavesBeforeItWasToldOfIsNotToldOf) {
  Presence presence(true, 0);
  presence.Add(Member("a"));
  presence.Add(Member("b"));
  presence.Remove("a");
  EXPECT_EQ(presence.waiting_events(), 1u);
  EXPECT_THAT(Told(presence), ElementsAre("+b"));
  // Who left and comes back has left in between.
  presence.Remove("b");
  presence.Add(Member("b"));
  presence.Remove("b");
  EXPECT_THAT(Told(presence), ElementsAre("-b"));
  EXPECT_TRUE(presence.empty());
}

// By the numbers a newcomer knows what it has to be told of.
TEST(PresenceTest, NumbersRiseWhateverIsCancelledOrTaken) {
  Presence presence(true, 0, 10);
  EXPECT_EQ(presence.next_event(), 10u);
  presence.Add(Member("a"));
  presence.Add(Member("b"));
  presence.Remove("a");
  presence.Add(Member("c"));
  EXPECT_EQ(presence.next_event(), 13u);
  MemberEvents events;
  presence.TakeEvents(kAll, events);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].number, 11u);
  EXPECT_EQ(events[1].number, 12u);
  EXPECT_EQ(presence.next_event(), 13u);
}

TEST(PresenceTest, WithoutAnnouncementsNothingWaits) {
  Presence presence(false, 0);
  EXPECT_TRUE(presence.Add(Member("a")));
  presence.Remove("a");
  EXPECT_FALSE(presence.has_events());
}

TEST(PresenceTest, InALargeRoomOnlyThoseAreToldOfWhoCameBefore) {
  Presence presence(true, 2);
  EXPECT_TRUE(presence.Add(Member("a")));
  EXPECT_TRUE(presence.Add(Member("b")));
  EXPECT_FALSE(presence.Add(Member("c")));
  EXPECT_THAT(Told(presence), ElementsAre("+a", "+b"));
  presence.Remove("c");
  presence.Remove("a");
  EXPECT_THAT(Told(presence), ElementsAre("-a"));
  EXPECT_TRUE(presence.Add(Member("d")));
  EXPECT_THAT(Told(presence), ElementsAre("+d"));
}

TEST(PresenceTest, WhatWaitsIsBounded) {
  Presence presence(true, 0);
  for (std::size_t i = 0; i < Presence::kMaxWaiting; ++i) {
    EXPECT_TRUE(presence.Add(Member(std::to_string(i))));
  }
  EXPECT_FALSE(presence.Add(Member("late")));
  // Those who are cancelled do not make room: their places in the list are taken until it is read.
  presence.Remove("0");
  EXPECT_FALSE(presence.Add(Member("later")));
  EXPECT_EQ(Told(presence).size(), Presence::kMaxWaiting - 1);
  EXPECT_TRUE(presence.Add(Member("last")));
  presence.Remove("late");
  EXPECT_THAT(Told(presence), ElementsAre("+last"));
}

TEST(PresenceTest, ASecondSubscriptionOfAClientKeepsItsPlace) {
  Presence presence(true, 0);
  presence.Add(Member("a", "1"));
  presence.Add(Member("a", "1"));
  EXPECT_EQ(presence.clients(), 1u);
  presence.Remove("a");
  EXPECT_EQ(presence.clients(), 1u);
  EXPECT_THAT(Told(presence), ElementsAre("+a"));
  presence.Remove("a");
  EXPECT_TRUE(presence.empty());
  EXPECT_THAT(Told(presence), ElementsAre("-a"));
}

TEST(PresenceTest, AnotherInfoIsALeaveAndAJoin) {
  Presence presence(true, 0);
  presence.Add(Member("a", "1", "1"));
  Told(presence);
  presence.Add(Member("a", "1", "2"));
  EXPECT_THAT(Told(presence), ElementsAre("-a", "+a"));
  presence.Remove("a");
  EXPECT_EQ(presence.clients(), 1u);
  presence.Remove("a");
  EXPECT_TRUE(presence.empty());
  EXPECT_EQ(presence.users(), 0u);
}

// --- Grace ---------------------------------------------------------------------------------------

TEST(PresenceGraceTest, TheSamePersonTakesItsPlaceAgainAndNobodyIsTold) {
  Presence presence(true, 0);
  presence.Add(Member("a", "1", "i"));
  Told(presence);
  const MemberInfo lost = presence.Lose("a", 100);
  EXPECT_EQ(lost.client(), "a");
  EXPECT_EQ(presence.clients(), 1u);
  EXPECT_EQ(presence.users(), 1u);
  presence.Add(Member("b", "1", "i"));
  EXPECT_EQ(presence.clients(), 1u);
  EXPECT_FALSE(presence.has_events());
  // Known by the id that the others were told.
  EXPECT_THAT(ClientsOf(presence), ElementsAre("a"));
  presence.Expire(lost, 100);
  EXPECT_EQ(presence.clients(), 1u);
  // Its connection is the new one.
  presence.Remove("a");
  EXPECT_EQ(presence.clients(), 1u);
  presence.Remove("b");
  EXPECT_TRUE(presence.empty());
  EXPECT_THAT(Told(presence), ElementsAre("-a"));
}

TEST(PresenceGraceTest, AnotherPersonOrLookIsNotTheLostOne) {
  Presence presence(true, 0);
  presence.Add(Member("a", "1", "i"));
  Told(presence);
  const MemberInfo lost = presence.Lose("a", 100);
  presence.Add(Member("b", "2", "i"));
  presence.Add(Member("c", "1", "j"));
  EXPECT_EQ(presence.clients(), 3u);
  EXPECT_THAT(Told(presence), ElementsAre("+b", "+c"));
  presence.Expire(lost, 99);  // It was lost again meanwhile, this would mean.
  EXPECT_EQ(presence.clients(), 3u);
  presence.Expire(lost, 100);
  EXPECT_THAT(Told(presence), ElementsAre("-a"));
  EXPECT_EQ(presence.users(), 2u);
}

TEST(PresenceGraceTest, WhoHasNoNameLeavesAtOnce) {
  Presence presence(true, 0);
  presence.Add(Member("a"));
  Told(presence);
  EXPECT_TRUE(presence.Lose("a", 100).empty());
  EXPECT_TRUE(presence.empty());
  EXPECT_THAT(Told(presence), ElementsAre("-a"));
}

TEST(PresenceGraceTest, PlacesOfOneUserAreTakenOneByOne) {
  Presence presence(true, 0);
  presence.Add(Member("a", "1"));
  presence.Add(Member("b", "1"));
  Told(presence);
  presence.Lose("a", 100);
  const MemberInfo second = presence.Lose("b", 101);
  presence.Add(Member("c", "1"));
  EXPECT_EQ(presence.clients(), 2u);
  presence.Expire(second, 101);
  EXPECT_THAT(Told(presence), ElementsAre("-b"));
  EXPECT_THAT(ClientsOf(presence), ElementsAre("a"));
  EXPECT_EQ(presence.users(), 1u);
}

TEST(PresenceGraceTest, ItsOwnConnectionMayComeBackToo) {
  Presence presence(true, 0);
  presence.Add(Member("a", "1"));
  Told(presence);
  const MemberInfo lost = presence.Lose("a", 100);
  presence.Remove("a");  // Nothing of it is left to end.
  presence.Lose("a", 200);
  EXPECT_EQ(presence.clients(), 1u);
  presence.Add(Member("a", "1"));
  EXPECT_FALSE(presence.has_events());
  presence.Expire(lost, 100);
  presence.Lose("a", 150);
  presence.Expire(lost, 100);
  EXPECT_EQ(presence.clients(), 1u);
  presence.Expire(lost, 150);
  EXPECT_TRUE(presence.empty());
  EXPECT_THAT(Told(presence), ElementsAre("-a"));
}

TEST(PresenceGraceTest, WhoWasTakenOverCanBeLostAgain) {
  Presence presence(true, 0);
  presence.Add(Member("a", "1"));
  Told(presence);
  std::string last = "a";
  for (int i = 0; i < 100; ++i) {
    presence.Lose(last, 1000 + static_cast<std::uint64_t>(i));
    last = "c" + std::to_string(i);
    presence.Add(Member(last, "1"));
  }
  EXPECT_EQ(presence.clients(), 1u);
  EXPECT_FALSE(presence.has_events());
  const MemberInfo lost = presence.Lose(last, 5000);
  presence.Expire(lost, 5000);
  EXPECT_THAT(Told(presence), ElementsAre("-a"));
  EXPECT_TRUE(presence.empty());
  EXPECT_EQ(presence.users(), 0u);
}

// Whoever listens to all announcements from the beginning knows at any time who is in the room, as
// far as it is announced, and nobody comes twice or leaves without having come.
TEST(PresenceTest, WhatIsToldAddsUpInRandomLives) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Presence presence(true, seed % 3 == 0 ? 4 : 0);
    std::map<std::string, std::pair<std::string, int>> here;  // Client: user, subscriptions.
    std::map<std::string, std::pair<MemberInfo, std::uint64_t>> lost;
    std::set<std::string> known;
    std::uint64_t now = 0;
    int clients = 0;
    const auto any_of = [&random](const auto& map) {
      auto some = map.begin();
      std::advance(some, static_cast<std::ptrdiff_t>(random() % map.size()));
      return some->first;
    };
    for (int step = 0; step < 300; ++step) {
      ++now;
      switch (random() % 5) {
        case 0: {
          if (here.size() > 8) break;
          const std::string client = "c" + std::to_string(++clients);
          const std::string user = std::to_string(random() % 4);
          presence.Add(Member(client, user));
          here[client] = {user, 1};
          break;
        }
        case 1: {
          if (here.empty()) break;
          const std::string client = any_of(here);
          presence.Remove(client);
          here.erase(client);
          break;
        }
        case 2: {
          if (here.empty()) break;
          const std::string client = any_of(here);
          lost[client] = {presence.Lose(client, now), now};
          here.erase(client);
          break;
        }
        case 3: {
          if (lost.empty()) break;
          const std::string client = any_of(lost);
          presence.Expire(lost[client].first, lost[client].second);
          lost.erase(client);
          break;
        }
        default:
          for (const std::string& told : Told(presence, random() % 4)) {
            const std::string who = told.substr(1);
            if (told[0] == '+') {
              EXPECT_TRUE(known.insert(who).second) << told;
            } else {
              EXPECT_EQ(known.erase(who), 1u) << told;
            }
          }
      }
      EXPECT_GE(presence.clients(), here.size());
      EXPECT_LE(presence.clients(), here.size() + lost.size());
    }
    for (const auto& [client, entry] : lost) presence.Expire(entry.first, entry.second);
    EXPECT_EQ(presence.clients(), here.size());
    std::set<std::string> users;
    for (const auto& [client, entry] : here) users.insert(entry.first);
    EXPECT_EQ(presence.users(), users.size());
    for (const auto& [client, entry] : here) presence.Remove(client);
    EXPECT_TRUE(presence.empty());
    for (const std::string& told : Told(presence)) {
      if (told[0] == '+') known.insert(told.substr(1));
      if (told[0] == '-') {
        EXPECT_EQ(known.erase(told.substr(1)), 1u) << told;
      }
    }
    EXPECT_THAT(known, IsEmpty());
  }
}

}  // namespace
}  // namespace tickcast::shards
