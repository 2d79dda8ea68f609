// Whatever happens on the way: every tracked key ends with its newest value, and of a key that is
// not tracked nothing is told. Keys come and go, sockets are slow and break, shards are busy.
//
// TICKCAST_SIM_SEED=n plays that one schedule, TICKCAST_SCHEDULES=n so many of them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/sim/schedules.h"
#include "tests/sim/watch_world.h"

namespace tickcast::shards::sim {
namespace {

constexpr std::uint64_t kSchedules = kSanitized ? 10 : 60;

constexpr std::uint32_t kSymbols = 12;
constexpr int kSteps = 40;

// What a client should have, by what it has asked for, and what it was told.
struct Mirror {
  struct Key {
    bool wanted = false;
    std::optional<std::uint64_t> told;  // Number of the newest value.
    std::uint64_t version = 0;          // As an SDK keeps it: over connections, too.
    std::uint32_t untrack_id = 0;       // Of the command after whose answer nothing may come, …
    bool quiet = false;                 // … and which has been answered.
  };
  SimClient* client = nullptr;
  ShardId shard = 0;
  std::map<std::string, Key> keys;
};

class Schedule : public WatchTest {
 public:
  explicit Schedule(std::uint64_t seed) : random_(seed), seed_(seed) {}
  void TestBody() override {}

  void Play() {
    const auto shards = static_cast<ShardId>(1 + seed_ % 3);
    if (seed_ % 2 == 0) options_.faults = engine::SimFaults::Hostile();
    options_.meanwhile = seed_ % 5 == 0 ? 0.3 : 0;
    Begin(shards, seed_);
    cluster_->on_heard = [this](SimClient& client, const Heard& heard) { OnHeard(client, heard); };
    mirrors_.resize(5);
    for (std::size_t i = 0; i < mirrors_.size(); ++i) {
      mirrors_[i].shard = static_cast<ShardId>(i % shards);
      Come(mirrors_[i]);
    }
    for (int step = 0; step < kSteps && !HasFailure(); ++step) {
      Disturb(mirrors_[Between(0, mirrors_.size() - 1)]);
      for (std::uint64_t ticks = Between(0, 6); ticks > 0; --ticks) {
        Tick(static_cast<std::uint32_t>(Between(0, kSymbols - 1)));
      }
      cluster_->RunFor(Between(1, 25) * kMillisecond / 2);
    }
    Settle();
    for (const Mirror& mirror : mirrors_) Check(mirror);
  }

 private:
  std::uint64_t Between(std::uint64_t least, std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(least, most)(random_);
  }

  std::vector<std::string> SomeKeys() {
    std::vector<std::string> keys;
    for (std::uint32_t symbol = 0; symbol < kSymbols; ++symbol) {
      if (Between(0, 3) == 0) keys.push_back(Key(symbol));
    }
    if (keys.empty()) keys.push_back(Key(0));
    return keys;
  }

  // As an SDK does after a loss: it subscribes, and tracks what it tracked with what it has.
  void Come(Mirror& mirror) {
    if (mirror.client != nullptr && mirror.client->may_send()) mirror.client->Reset();
    mirror.client = &cluster_->AddConnected(mirror.shard);
    const char* const intervals[] = {"", R"(,"data":{"interval_ms":20})",
                                     R"(,"data":{"interval_ms":130})", R"(,"delta":"fossil")"};
    const std::uint32_t subscribed =
        SendSubscribe(*mirror.client, intervals[Between(0, std::size(intervals) - 1)]);
    ASSERT_TRUE(cluster_->RunUntil([&] { return mirror.client->ReplyTo(subscribed) != nullptr; }));
    std::vector<std::string> keys;
    std::vector<std::uint64_t> versions;
    for (auto& [name, key] : mirror.keys) {
      if (!key.wanted) {
        key = {};
        continue;
      }
      keys.push_back(name);
      versions.push_back(key.version);
    }
    if (keys.empty()) return;
    Send(*mirror.client, absl::StrCat("\"type\":1,\"track\":[", Batch(keys, "", versions), "]"));
  }

  void Disturb(Mirror& mirror) {
    SimClient& client = *mirror.client;
    switch (Between(0, 9)) {
      case 0:
        return Come(mirror);
      case 1:
        return client.peer().SetReading(false);
      case 2:
      case 3:
        return client.peer().SetReading(true);
      case 4:
        return client.peer().SetReadLimit(Between(1, 300));
      case 5:
      case 6:
        for (const std::string& key : SomeKeys()) Forget(mirror, key);
        return;
      default: {
        const std::vector<std::string> keys = SomeKeys();
        std::vector<std::uint64_t> versions;
        for (const std::string& name : keys) {
          Mirror::Key& key = mirror.keys[name];
          if (!key.wanted) key.version = 0;
          key.wanted = true;
          key.untrack_id = 0;
          key.quiet = false;
          versions.push_back(key.version);
        }
        Send(client, absl::StrCat("\"type\":1,\"track\":[", Batch(keys, "", versions), "]"));
      }
    }
  }

  void Forget(Mirror& mirror, const std::string& name) {
    const std::uint32_t id = SendUntrack(*mirror.client, {name});
    Mirror::Key& key = mirror.keys[name];
    key = {.untrack_id = id};
  }

  void OnHeard(SimClient& client, const Heard& heard) {
    if (heard.kind != Kind::kPublication && heard.kind != Kind::kProlonged) return;
    for (Mirror& mirror : mirrors_) {
      if (mirror.client != &client) continue;
      for (auto& [name, key] : mirror.keys) {
        if (key.untrack_id != 0 && key.untrack_id == heard.id) key.quiet = true;
      }
      for (const HeardPublication& told : heard.publications) OnTold(mirror, told);
    }
  }

  void OnTold(Mirror& mirror, const HeardPublication& told) {
    Mirror::Key& key = mirror.keys[told.key];
    if (!key.wanted) {
      EXPECT_FALSE(key.quiet) << told.key << " was untracked";
      return;
    }
    // An answer may repeat what was pushed to a key that was tracked already.
    EXPECT_GE(told.version, key.version) << told.key;
    key.version = told.version;
    key.told = told.version;
  }

  void Settle() {
    cluster_->world().set_faults({});
    for (Mirror& mirror : mirrors_) {
      mirror.client->peer().SetReading(true);
      mirror.client->peer().SetReadLimit(engine::SimPeer::kNoLimit);
    }
    cluster_->RunFor(15 * kSecond);
  }

  // The version of a slot counts its publications, as the feed's numbers do.
  void Check(const Mirror& mirror) {
    EXPECT_EQ(mirror.client->close_code(), 0u);
    for (const auto& [name, key] : mirror.keys) {
      if (!key.wanted) continue;
      const std::uint64_t newest = newest_[static_cast<std::uint32_t>(std::stoul(name.substr(1)))];
      if (newest == 0) continue;
      EXPECT_EQ(key.version, newest) << name;
    }
  }

  std::mt19937_64 random_;
  const std::uint64_t seed_;
  std::vector<Mirror> mirrors_;
};

TEST(TrackWorldTest, EveryTrackedKeyEndsWithItsNewestValue) {
  const bool one = std::getenv("TICKCAST_SIM_SEED") != nullptr;
  const std::uint64_t begin = one ? NumberOf("TICKCAST_SIM_SEED", 0) : 0;
  const std::uint64_t end = one ? begin + 1 : NumberOf("TICKCAST_SCHEDULES", kSchedules);
  for (std::uint64_t seed = begin; seed < end && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("TICKCAST_SIM_SEED=", seed));
    Schedule(seed).Play();
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
