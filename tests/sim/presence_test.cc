// Who is in a channel, and who is told, through real shards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Kind = Heard::Kind;

engine::Config PresenceConfig() {
  engine::Config config = SimConfig();
  // Nobody is closed for being slow, nor loses a stream.
  config.client.slow_client_timeout_ns = 1000 * kSecond;
  config.client.ping_interval_ns = 1000 * kSecond;
  config.engine.catch_up_bytes = 4 * 1024 * 1024;
  config.channel.namespaces.push_back({.name = "room", .presence = true, .join_leave = true});
  config.channel.namespaces.push_back(
      {.name = "loud", .presence = true, .join_leave = true, .force_push_join_leave = true});
  config.channel.namespaces.back().allow_channel_compaction = true;
  config.channel.namespaces.push_back({.name = "list", .presence = true});
  return config;
}

ClusterOptions Options(ShardId shards) { return {.shards = shards, .config = PresenceConfig()}; }

// What a client was told of a channel after its subscribe: joins "+id", leaves "-id", publications
// as they are.
std::vector<std::string> ToldOf(const SimClient& client, std::string_view channel) {
  std::vector<std::string> told;
  for (const Heard& heard : client.heard()) {
    if (heard.channel != channel) continue;
    if (heard.kind == Kind::kJoin) told.push_back("+" + heard.text);
    if (heard.kind == Kind::kLeave) told.push_back("-" + heard.text);
    if (heard.kind == Kind::kPublication) told.push_back(heard.publications.front().data);
  }
  return told;
}

class PresenceTest : public testing::TestWithParam<ShardId> {
 protected:
  void SetUp() override { cluster_.Start(); }
  SimClient& Connected() { return cluster_.AddConnected(next_++ % cluster_.shards()); }
  void Run() { cluster_.RunFor(20 * kMillisecond); }
  void Enter(SimClient& client, std::string_view channel, bool join_leave = false) {
    client.Subscribe(channel, {.join_leave = join_leave});
    client.Flush();
    Run();
  }
  std::vector<std::string> Present(SimClient& asker, std::string_view channel) {
    const std::uint32_t id = asker.Presence(channel);
    asker.Flush();
    Run();
    const Heard* const reply = asker.ReplyTo(id);
    EXPECT_TRUE(reply != nullptr && reply->kind == Kind::kPresence);
    return reply == nullptr ? std::vector<std::string>() : reply->members;
  }

  SimCluster cluster_{1, Options(GetParam())};
  ShardId next_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Shards, PresenceTest, testing::Values(1, 2, 4));

TEST_P(PresenceTest, EverybodyIsListedUntilItLeavesOrIsGone) {
  SimClient& a = Connected();
  SimClient& b = Connected();
  SimClient& c = Connected();
  for (SimClient* client : {&a, &b, &c}) Enter(*client, "list:1");
  EXPECT_THAT(Present(a, "list:1"), UnorderedElementsAre(a.id(), b.id(), c.id()));
  b.Unsubscribe("list:1");
  b.Flush();
  Run();
  EXPECT_THAT(Present(b, "list:1"), UnorderedElementsAre(a.id(), c.id()));
  c.Reset();
  Run();
  const std::uint32_t stats = a.PresenceStats("list:1");
  const std::uint32_t off = a.Presence("flow:1");
  const std::uint32_t unknown = a.PresenceStats("nowhere:1");
  a.Flush();
  Run();
  EXPECT_EQ(a.ReplyTo(stats)->offset, 1u);
  EXPECT_EQ(a.ReplyTo(stats)->code, 1u);
  EXPECT_EQ(a.ReplyTo(off)->code, 108u);
  EXPECT_EQ(a.ReplyTo(unknown)->code, 102u);
  EXPECT_THAT(ToldOf(a, "list:1"), IsEmpty());
  cluster_.RunFor(200 * kMillisecond);
  EXPECT_EQ(cluster_.Metric("tickcast_presence_clients"), 1);
}

TEST_P(PresenceTest, WhoAsksIsToldOfItselfAndOfThoseAfterIt) {
  SimClient& first = Connected();
  SimClient& asks = Connected();
  SimClient& deaf = Connected();
  SimClient& last = Connected();
  Enter(first, "room:1");
  Enter(asks, "room:1", true);
  Enter(deaf, "room:1", false);
  Enter(last, "room:1", true);
  last.Unsubscribe("room:1");
  last.Flush();
  Run();
  first.Close();
  Run();
  EXPECT_THAT(ToldOf(asks, "room:1"), ElementsAre("+" + asks.id(), "+" + deaf.id(), "+" + last.id(),
                                                  "-" + last.id(), "-" + first.id()));
  EXPECT_THAT(ToldOf(last, "room:1"), ElementsAre("+" + last.id()));
  EXPECT_THAT(ToldOf(deaf, "room:1"), IsEmpty());
  // Where it is forced nobody has to ask, and where it is off nobody is told.
  Enter(deaf, "loud:1", false);
  Enter(last, "loud:1", false);
  Enter(asks, "list:1", true);
  EXPECT_THAT(ToldOf(deaf, "loud:1"), ElementsAre("+" + deaf.id(), "+" + last.id()));
  EXPECT_THAT(ToldOf(asks, "list:1"), IsEmpty());
  EXPECT_EQ(cluster_.Metric("tickcast_join_leave_pushes_total"), 9);
}

TEST_P(PresenceTest, ANumberStandsForTheNameWhereThatWasGranted) {
  SimClient& plain = Connected();
  Enter(plain, "loud:1");
  SimClient& compact = Connected();
  compact.Command(R"("subscribe":{"channel":"loud:1","flag":1})");
  compact.Flush();
  Run();
  const std::vector<Heard> joins = compact.HeardOf(Kind::kJoin);
  ASSERT_EQ(joins.size(), 1u);
  EXPECT_EQ(joins[0].channel, absl::StrCat("#", compact.HeardOf(Kind::kSubscribed)[0].channel_id));
  EXPECT_EQ(joins[0].text, compact.id());
  EXPECT_THAT(ToldOf(plain, "loud:1"), ElementsAre("+" + plain.id(), "+" + compact.id()));
}

// All in one frame, so in one turn.
TEST_P(PresenceTest, AMemberComesBeforeItsFirstWordsAndGoesAfterItsLast) {
  SimClient& watcher = Connected();
  Enter(watcher, "room:1", true);
  SimClient& guest = Connected();
  guest.Subscribe("room:1");
  guest.Flush();
  cluster_.RunUntil([&] { return guest.HeardOf(Kind::kSubscribed).size() == 1; });
  guest.Publish("room:1", "1");
  guest.Publish("room:1", "2");
  guest.Unsubscribe("room:1");
  guest.Flush();
  Run();
  EXPECT_THAT(ToldOf(watcher, "room:1"),
              ElementsAre("+" + watcher.id(), "+" + guest.id(), "1", "2", "-" + guest.id()));
}

TEST_P(PresenceTest, WhoComesAndGoesWithinATurnWasNeverThere) {
  SimClient& watcher = Connected();
  Enter(watcher, "room:1", true);
  SimClient& guest = Connected();
  guest.Subscribe("room:1");
  guest.Unsubscribe("room:1");
  guest.Subscribe("room:1");
  guest.Flush();
  Run();
  EXPECT_THAT(Present(watcher, "room:1"), UnorderedElementsAre(watcher.id(), guest.id()));
  const std::vector<std::string> told = ToldOf(watcher, "room:1");
  // However the turns fell, it is there in the end.
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back(), "+" + guest.id());
  guest.Unsubscribe("room:1");
  guest.Flush();
  Run();
  EXPECT_THAT(Present(watcher, "room:1"), ElementsAre(watcher.id()));
}

// A connection that takes nothing costs a bounded part of what it is not told.
TEST_P(PresenceTest, ASlowClientLosesHintsAndNothingElse) {
  SimClient& slow = Connected();
  Enter(slow, "room:1", true);
  SimClient& healthy = Connected();
  Enter(healthy, "room:1", true);
  slow.peer().SetReading(false);
  Run();
  // Publications fill its socket, then come the crowds.
  for (int i = 0; i < 100; ++i) {
    healthy.Publish("room:1", WritePayload({0, 1}, 4000));
    healthy.Flush();
    Run();
  }
  ASSERT_GT(cluster_.Metric("tickcast_blocked_total"), 0);
  const std::size_t before = ToldOf(slow, "room:1").size();
  SimClient& guest = Connected();
  for (int i = 0; i < 200; ++i) {
    Enter(guest, "room:1");
    guest.Unsubscribe("room:1");
    guest.Flush();
    Run();
  }
  const std::int64_t dropped = cluster_.Metric("tickcast_join_leave_dropped_total", "slow");
  EXPECT_GT(dropped, 0);
  EXPECT_GT(healthy.HeardOf(Kind::kJoin).size(), 200u);
  slow.peer().SetReading(true);
  cluster_.RunFor(500 * kMillisecond);
  const std::size_t told = slow.HeardOf(Kind::kJoin).size() + slow.HeardOf(Kind::kLeave).size();
  // Its own join and the healthy one's; what waited; and what was dropped.
  EXPECT_EQ(static_cast<std::int64_t>(told) + dropped, 2 + 400);
  // 16 KiB of lines of 100 to 200 bytes.
  EXPECT_GT(told, 16u * 1024 / 200);
  EXPECT_LT(told, 16u * 1024 / 100);
  EXPECT_EQ(slow.close_code(), 0u);
  EXPECT_GE(ToldOf(slow, "room:1").size(), before);
}

// Whatever comes and goes, and however connections end: who listens from its subscribe on, and asks
// once who was there, knows who is there.
TEST(PresenceSimTest, WhoListensKnowsWhoIsThereInTheEnd) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    ClusterOptions options = Options(static_cast<ShardId>(1 + seed % 4));
    options.lane_capacity = 8;
    options.faults.short_send = 0.05;
    SimCluster cluster(seed, options);
    cluster.Start();
    struct Guest {
      SimClient* client = nullptr;
      bool in = false;
      std::set<std::string> known;
      std::size_t read = 0;
    };
    std::vector<Guest> guests(12);
    for (int step = 0; step < 150; ++step) {
      Guest& guest = guests[random() % guests.size()];
      if (guest.client == nullptr) {
        guest = {.client =
                     &cluster.AddConnected(static_cast<ShardId>(random() % cluster.shards()))};
      }
      switch (random() % 8) {
        case 0:
          guest.client->Reset();
          guest = {};
          break;
        case 1:
          if (random() % 2 == 0) {
            guest.client->SendClose(1000);
          } else {
            guest.client->Close();
          }
          guest = {};
          break;
        case 2:
        case 3:
          if (!guest.in) break;
          guest.client->Unsubscribe("room:1");
          guest.client->Flush();
          guest.in = false;
          break;
        default:
          if (!guest.in) {
            guest.client->Subscribe("room:1", {.join_leave = true});
            guest.client->Presence("room:1");
            guest.in = true;
          }
          guest.client->Publish("room:1", "1");
          guest.client->Flush();
      }
      if (random() % 2 == 0) cluster.RunFor((random() % 5) * kMillisecond);
    }
    cluster.RunFor(500 * kMillisecond);
    SimClient& auditor = cluster.AddConnected();
    const std::uint32_t id = auditor.Presence("room:1");
    auditor.Flush();
    cluster.RunFor(50 * kMillisecond);
    const std::vector<std::string>& listed = auditor.ReplyTo(id)->members;
    const std::set<std::string> present(listed.begin(), listed.end());
    std::set<std::string> expected;
    for (const Guest& guest : guests) {
      if (guest.in) expected.insert(guest.client->id());
    }
    EXPECT_EQ(present, expected);
    for (Guest& guest : guests) {
      if (!guest.in) continue;
      for (const Heard& heard : guest.client->heard()) {
        if (heard.kind == Kind::kSubscribed) guest.known.clear();
        if (heard.kind == Kind::kPresence) {
          guest.known.insert(heard.members.begin(), heard.members.end());
        }
        if (heard.kind == Kind::kJoin) guest.known.insert(heard.text);
        if (heard.kind == Kind::kLeave) guest.known.erase(heard.text);
      }
      EXPECT_EQ(guest.known, expected) << guest.client->id();
    }
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
