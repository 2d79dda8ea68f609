#include "shards/users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace tickcast::shards {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class UsersTest : public testing::Test {
 protected:
  void Add(engine::Slot slot, std::string_view user) {
    connections_.Open(slot).session = std::make_unique<Session>();
    connections_[slot].session->user = user;
    users_.Add(slot);
  }
  void Remove(engine::Slot slot) {
    users_.Remove(slot);
    connections_.Close(slot);
  }
  std::vector<engine::Slot> Of(std::string_view user) const {
    std::vector<engine::Slot> slots;
    users_.ForEach(user, [&](engine::Slot slot) { slots.push_back(slot); });
    return slots;
  }

  ConnectionTable connections_{256};
  Users users_{connections_};
};

TEST_F(UsersTest, AUsersConnectionsAreFoundNewestFirst) {
  Add(7, "a");
  Add(3, "b");
  Add(5, "a");
  Add(0, "");
  EXPECT_THAT(Of("a"), ElementsAre(5, 7));
  EXPECT_THAT(Of("b"), ElementsAre(3));
  EXPECT_THAT(Of(""), ElementsAre(0));
  EXPECT_THAT(Of("c"), IsEmpty());
  EXPECT_EQ(users_.users(), 3u);
  EXPECT_EQ(users_.connections(), 4u);
}

TEST_F(UsersTest, TheFirstTheMiddleAndTheLastMayGo) {
  for (const engine::Slot slot : {1u, 2u, 3u, 4u}) Add(slot, "a");
  Remove(3);
  EXPECT_THAT(Of("a"), ElementsAre(4, 2, 1));
  Remove(4);
  EXPECT_THAT(Of("a"), ElementsAre(2, 1));
  Remove(1);
  EXPECT_THAT(Of("a"), ElementsAre(2));
  Remove(2);
  EXPECT_THAT(Of("a"), IsEmpty());
  EXPECT_EQ(users_.users(), 0u);
}

TEST_F(UsersTest, RemovingTwiceOrWhatWasNeverAddedDoesNothing) {
  Add(1, "a");
  Add(2, "a");
  users_.Remove(9);
  users_.Remove(2);
  users_.Remove(2);
  EXPECT_THAT(Of("a"), ElementsAre(1));
  EXPECT_EQ(users_.connections(), 1u);
}

TEST_F(UsersTest, AVisitMayRemoveWhatItVisits) {
  for (engine::Slot slot = 0; slot < 10; ++slot) Add(slot, "a");
  std::vector<engine::Slot> seen;
  users_.ForEach("a", [&](engine::Slot slot) {
    seen.push_back(slot);
    if (slot % 3 != 0) Remove(slot);
  });
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_THAT(Of("a"), ElementsAre(9, 6, 3, 0));
}

TEST_F(UsersTest, HashesAreThoseOfTheNames) {
  Add(1, "a");
  Add(2, "a");
  Add(3, "b");
  ConnectionTable others(8);
  Users elsewhere(others);
  others.Open(4).session = std::make_unique<Session>();
  others[4].session->user = "b";
  elsewhere.Add(4);
  std::vector<std::uint64_t> here, there;
  users_.AppendHashes(here);
  elsewhere.AppendHashes(there);
  ASSERT_EQ(here.size(), 2u);
  ASSERT_EQ(there.size(), 1u);
  EXPECT_NE(here[0], here[1]);
  EXPECT_EQ(std::count(here.begin(), here.end(), there[0]), 1);
}

// Against a map of sets.
TEST_F(UsersTest, RandomComingsAndGoings) {
  std::mt19937 random(7);
  std::map<std::string, std::set<engine::Slot>> expected;
  std::map<engine::Slot, std::string> open;
  for (int step = 0; step < 20'000; ++step) {
    const engine::Slot slot = random() % 256;
    if (const auto found = open.find(slot); found != open.end()) {
      expected[found->second].erase(slot);
      if (expected[found->second].empty()) expected.erase(found->second);
      open.erase(found);
      Remove(slot);
    } else {
      const std::string user = "u" + std::to_string(random() % 40);
      Add(slot, user);
      expected[user].insert(slot);
      open[slot] = user;
    }
    ASSERT_EQ(users_.users(), expected.size());
    ASSERT_EQ(users_.connections(), open.size());
    const std::string user = "u" + std::to_string(random() % 40);
    const std::vector<engine::Slot> found = Of(user);
    ASSERT_EQ(std::set(found.begin(), found.end()),
              expected.contains(user) ? expected[user] : std::set<engine::Slot>());
    ASSERT_EQ(found.size(), expected.contains(user) ? expected[user].size() : 0);
  }
}

}  // namespace
}  // namespace tickcast::shards
