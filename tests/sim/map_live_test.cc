// Maps whose readers are live: what each is told that is slow, has an interval, a filter or deltas.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/sim/map_world.h"

namespace tickcast::shards::sim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kAllMaps[] = {"live:m", "rec:m", "keep:m"};

// "k1", of a removal "-k1", of all that was pushed.
std::vector<std::string> PushedKeys(const SimClient& client, std::string_view channel) {
  std::vector<std::string> keys;
  for (const Heard& heard : client.HeardOf(Heard::Kind::kPublication, channel)) {
    const HeardPublication& each = heard.publications[0];
    keys.push_back(absl::StrCat(each.removed ? "-" : "", each.key));
  }
  return keys;
}

class MapLiveTest : public MapTest {
 protected:
  // A reader that takes nothing until `meanwhile` is over. What is written meanwhile has to be more
  // than its socket holds.
  template <typename Write>
  void WhileBlocked(const MapMirror& mirror, Write&& meanwhile) {
    ClientOf(mirror).peer().SetReading(false);
    meanwhile();
    EXPECT_GT(cluster_->Metric("tickcast_blocked_total"), 0);
    ClientOf(mirror).peer().SetReading(true);
    Settle(200);
  }
};

TEST_F(MapLiveTest, AtAnIntervalTheNewestOfEachKeyIsTold) {
  for (const char* const channel : kAllMaps) {
    SCOPED_TRACE(channel);
    Begin(2);
    PublishAll(channel, 3);
    MapMirror& mirror = Live({.channel = channel, .data = R"({"interval_ms":200})"}, 1);
    const MapMirror& at_once = Live({.channel = channel}, 1);
    Settle(250);
    for (int i = 1; i <= 5; ++i) {
      Publish(channel, "k0", i);
      Publish(channel, "k1", i);
    }
    Remove(channel, "k1");
    Publish(channel, "k2", 9);
    Settle(250);
    EXPECT_EQ(at_once.pushes(), 12);
    EXPECT_THAT(PushedKeys(ClientOf(mirror), channel), ElementsAre("k0", "-k1", "k2"));
    EXPECT_EQ(mirror.keys(), Source(channel));
    EXPECT_EQ(cluster_->ledger().conflated, 9u);
    // Nothing has changed: nothing is sent.
    Settle(500);
    EXPECT_EQ(mirror.pushes(), 3);
  }
}

TEST_F(MapLiveTest, ABlockedReaderIsToldTheNewestOfEachKeyAndOfRemovals) {
  options_.faults = {.min_socket_buffer_bytes = 600, .max_socket_buffer_bytes = 600};
  for (const char* const channel : kAllMaps) {
    for (const bool delta : {false, true}) {
      SCOPED_TRACE(absl::StrCat(channel, " ", delta));
      Begin(2);
      for (int i = 0; i < 4; ++i) Publish(channel, absl::StrCat("k", i), 0, "", 200);
      MapMirror& mirror = Live({.channel = channel, .delta = delta}, 1);
      const int pushed = mirror.pushes();
      WhileBlocked(mirror, [&] {
        for (int i = 1; i <= 30; ++i) {
          Publish(channel, absl::StrCat("k", i % 3), i, "", 200);
        }
        Remove(channel, "k3");
      });
      EXPECT_EQ(mirror.keys(), Source(channel));
      EXPECT_LT(mirror.pushes() - pushed, 12) << "what lies between is conflated";
      EXPECT_GT(cluster_->ledger().conflated, 18u);
      EXPECT_EQ(mirror.syncs(), 1);
      for (int i = 0; i < 3; ++i) Publish(channel, absl::StrCat("k", i), 50 + i, "", 200);
      Settle();
      EXPECT_EQ(mirror.keys(), Source(channel));
      EXPECT_EQ(cluster_->ledger().outstanding, 0u);
    }
  }
}

// More than one message: between two of them keys change that were told, or not yet.
TEST_F(MapLiveTest, WhoComesOutOfABlockedPhaseInPiecesHasTheRightBases) {
  options_.faults = {.min_socket_buffer_bytes = 3000, .max_socket_buffer_bytes = 3000};
  Begin(2);
  const auto write = [&](int n) {
    for (int i = 0; i < 12; ++i) Publish("rec:m", absl::StrCat("k", i), n, "", 3000);
  };
  write(0);
  MapMirror& mirror = Live({.channel = "rec:m", .delta = true}, 1);
  ClientOf(mirror).peer().SetReading(false);
  write(1);
  write(2);
  ClientOf(mirror).peer().SetReading(true);
  ClientOf(mirror).peer().SetReadLimit(1000);
  for (int n = 3; n < 12; ++n) {
    Publish("rec:m", absl::StrCat("k", n % 12), n, "", 3000);
    if (n == 6) Remove("rec:m", "k11");
    Settle(1);
  }
  ClientOf(mirror).peer().SetReadLimit(engine::SimPeer::kNoLimit);
  Settle(200);
  EXPECT_EQ(mirror.keys(), Source("rec:m"));
  EXPECT_EQ(mirror.syncs(), 1);
  const int deltas = mirror.deltas();
  write(100);
  Settle(200);
  EXPECT_EQ(mirror.keys(), Source("rec:m"));
  EXPECT_GE(mirror.deltas(), deltas + 11) << "all but the key that was removed";
}

TEST_F(MapLiveTest, WhoMissesMoreRemovalsThanAreKnownBeginsAnew) {
  NamespaceOf("rec").map.stream_size = 4;
  options_.faults = {.min_socket_buffer_bytes = 600, .max_socket_buffer_bytes = 600};
  Begin(2);
  for (int i = 0; i < 20; ++i) Publish("rec:m", absl::StrCat("k", i), 0, "", 200);
  for (const bool paced : {false, true}) {
    MapMirror& mirror =
        Live({.channel = "rec:m", .delta = true, .data = paced ? R"({"interval_ms":20})" : ""}, 1);
    WhileBlocked(mirror, [&] {
      for (int i = 0; i < 8; ++i) Publish("rec:m", "k19", i, "", 200);
      for (int i = 0; i < 9; ++i) Remove("rec:m", absl::StrCat("k", paced ? 9 + i : i));
    });
    EXPECT_EQ(mirror.end_code(), 2500u);
    RunUntilLive(mirror);
    EXPECT_EQ(mirror.keys(), Source("rec:m"));
    EXPECT_EQ(mirror.syncs(), 2);
    EXPECT_GT(cluster_->ledger().skipped_gap, 0u);
  }
}

TEST_F(MapLiveTest, DeltasAreToldPerKey) {
  for (const char* const channel : kAllMaps) {
    for (const char* const data : {"", R"({"interval_ms":50})"}) {
      SCOPED_TRACE(absl::StrCat(channel, data));
      Begin(2);
      for (int i = 0; i < 3; ++i) Publish(channel, absl::StrCat("k", i), 0, "", 300);
      MapMirror& mirror = Live({.channel = channel, .limit = 2, .delta = true, .data = data}, 1);
      for (int n = 1; n <= 4; ++n) {
        for (int i = 0; i < 3; ++i) Publish(channel, absl::StrCat("k", i), n, "", 300);
        Settle(120);
      }
      EXPECT_EQ(mirror.pushes(), 12);
      EXPECT_EQ(mirror.deltas(), 12);
      // Nothing to tell it against, then there is again.
      Remove(channel, "k1");
      Settle(120);
      for (int n = 5; n <= 6; ++n) {
        Publish(channel, "k1", n, "", 300);
        Settle(120);
      }
      EXPECT_EQ(mirror.pushes(), 15);
      EXPECT_EQ(mirror.deltas(), 13);
      EXPECT_EQ(mirror.keys(), Source(channel));
    }
  }
}

TEST_F(MapLiveTest, DeltasGoOnAfterARecovery) {
  Begin(2);
  for (int i = 0; i < 3; ++i) Publish("rec:m", absl::StrCat("k", i), 0, "", 300);
  MapMirror& mirror = Live({.channel = "rec:m", .delta = true}, 1);
  Reconnect(mirror, 0);
  Publish("rec:m", "k0", 1, "", 300);
  Remove("rec:m", "k2");
  BeginMirror(mirror);
  RunUntilLive(mirror);
  const int deltas = mirror.deltas();
  for (int i = 0; i < 3; ++i) Publish("rec:m", absl::StrCat("k", i), 2, "", 300);
  Settle();
  EXPECT_EQ(mirror.keys(), Source("rec:m"));
  EXPECT_EQ(mirror.recoveries(), 1);
  EXPECT_EQ(mirror.deltas(), deltas + 2);
}

TEST_F(MapLiveTest, AKeyComesAndGoesWithItsTags) {
  for (const char* const channel : kAllMaps) {
    for (const bool delta : {false, true}) {
      SCOPED_TRACE(absl::StrCat(channel, " ", delta));
      Begin(3);
      for (int i = 0; i < 6; ++i) Publish(channel, absl::StrCat("k", i), 0, i % 2 == 0 ? "a" : "b");
      MapMirror& mirror =
          Live({.channel = channel, .limit = 2, .delta = delta, .tf = std::string(kOnlyA)}, 2);
      EXPECT_EQ(mirror.keys(), Source(channel, "a"));
      EXPECT_EQ(mirror.keys().size(), 3u);
      Publish(channel, "k0", 1, "b", 100);  // Leaves.
      Publish(channel, "k1", 1, "a", 100);  // Comes.
      Publish(channel, "k3", 1, "b", 100);  // Nothing of its.
      Publish(channel, "k2", 1, "a", 100);
      Publish(channel, "k1", 2, "a", 100);
      Settle();
      EXPECT_THAT(PushedKeys(ClientOf(mirror), channel), ElementsAre("-k0", "k1", "k2", "k1"));
      // A removal that is tagged with something else is the end of the key all the same.
      Call("map_remove", absl::StrCat("{", About(channel, "k2"), R"(,"tags":{"g":"b"}})"));
      Call("map_remove", absl::StrCat("{", About(channel, "k3"), R"(,"tags":{"g":"a"}})"));
      Remove(channel, "k4");
      Settle();
      EXPECT_EQ(mirror.keys(), Source(channel, "a"));
      EXPECT_EQ(mirror.keys().size(), 1u);
      EXPECT_EQ(mirror.pushes(), 6);
    }
  }
}

TEST_F(MapLiveTest, AFilteredReaderCatchesUpWithWhatHasLeftItsFilter) {
  options_.faults = {.min_socket_buffer_bytes = 600, .max_socket_buffer_bytes = 600};
  for (const bool away : {false, true}) {
    SCOPED_TRACE(away);
    Begin(2);
    for (int i = 0; i < 6; ++i) Publish("rec:m", absl::StrCat("k", i), 0, "a", 200);
    MapMirror& mirror = Live({.channel = "rec:m", .delta = true, .tf = std::string(kOnlyA)}, 1);
    const auto write = [&] {
      for (int n = 1; n < 6; ++n) {
        Publish("rec:m", "k0", n, "a", 200);
        Publish("rec:m", "k1", n, n % 2 == 0 ? "a" : "b", 200);
        Publish("rec:m", "k2", n, n % 2 == 0 ? "b" : "a", 200);
      }
      Call("map_remove", absl::StrCat("{", About("rec:m", "k3"), R"(,"tags":{"g":"b"}})"));
    };
    if (away) {
      Reconnect(mirror, 1);
      write();
      BeginMirror(mirror);
      RunUntilLive(mirror);
      EXPECT_EQ(mirror.recoveries(), 1);
    } else {
      WhileBlocked(mirror, write);
    }
    EXPECT_EQ(mirror.keys(), Source("rec:m", "a"));
    EXPECT_EQ(mirror.keys().size(), 4u);
    Publish("rec:m", "k1", 9, "a", 200);
    Publish("rec:m", "k2", 9, "b", 200);
    Settle();
    EXPECT_EQ(mirror.keys(), Source("rec:m", "a"));
  }
}

TEST_F(MapLiveTest, KeysThatExpireAreToldAsRemovals) {
  NamespaceOf("rec").map.key_ttl_ns = NamespaceOf("live").map.key_ttl_ns = kSecond;
  for (const char* const channel : {"live:m", "rec:m"}) {
    Begin(2);
    PublishAll(channel, 3);
    MapMirror& mirror = Live({.channel = channel}, 1);
    EXPECT_EQ(mirror.keys().size(), 3u);
    Settle(600);
    Publish(channel, "k1", 2);
    Settle(700);
    EXPECT_THAT(mirror.keys(), testing::SizeIs(1)) << "the one that was written again";
    Settle(700);
    EXPECT_THAT(mirror.keys(), IsEmpty());
    EXPECT_THAT(PushedKeys(ClientOf(mirror), channel), ElementsAre("k1", "-k0", "-k2", "-k1"));
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
