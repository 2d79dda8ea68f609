// Whatever happens on the way: every mirror ends equal to its source, and every tracked key with
// its newest value. Keys are written, removed, expire and are cleared, clients come and go, read
// slowly or not at all, servers begin anew; mirrors are of every kind of map, with and without
// pages, filters, deltas and intervals.
//
// TICKCAST_SIM_SEED=n plays that one schedule; TICKCAST_SCHEDULES=n so many of them, from
// TICKCAST_FIRST_SCHEDULE on.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/sim/map_world.h"
#include "tests/sim/schedules.h"

namespace tickcast::shards::sim {
namespace {

constexpr std::uint64_t kSchedules = kSanitized ? 20 : 200;

constexpr int kSteps = 36;
constexpr std::uint32_t kSymbols = 7;
constexpr const char* kChannels[] = {"live:m", "rec:m", "keep:m", kTickers};

// A client with one mirror.
struct Follower {
  std::unique_ptr<MapMirror> mirror;
  std::string channel;
  std::string group;  // It wants the keys of this one alone; "": all.
  std::string wants;  // To be read in a failure.
  SimClient* client = nullptr;
  ShardId shard = 0;
};

// A client with a watch list of all symbols.
struct Watcher {
  SimClient* client = nullptr;
  std::string epoch;
  std::map<std::string, std::uint64_t> versions;
  // Of the values themselves: what conflates on its way to its home has no version.
  std::map<std::string, std::uint64_t> numbers;
};

// What became of all mirrors of all schedules: a world in which nothing goes wrong shows nothing.
struct Seen {
  int pushes = 0;
  int deltas = 0;
  int pages = 0;
  int recoveries = 0;
  int syncs = 0;
  int gaps = 0;  // Told by an unsubscribe.
  int lost = 0;  // Positions that were told so.
};

class Schedule : public MapTest {
 public:
  Schedule(std::uint64_t seed, Seen& seen) : random_(seed), seed_(seed), seen_(seen) {}
  void TestBody() override {}

  void Play() {
    Configure();
    Start(seed_);
    for (int i = 0; i < 4; ++i) followers_.push_back(NewFollower());
    for (Follower& follower : followers_) Come(follower);
    ComeToWatch();
    const int restart = Chance(10) ? static_cast<int>(Between(5, kSteps)) : -1;
    for (int step = 0; step < kSteps && !HasFailure(); ++step) {
      if (step == restart) Restart();
      for (Follower& follower : followers_) Tend(follower);
      Disturb(followers_[Between(0, followers_.size() - 1)]);
      if (Chance(20)) ComeToWatch();
      for (std::uint64_t n = Between(0, 4); n > 0; --n) Write();
      for (std::uint64_t n = Between(0, 3); n > 0; --n) {
        Tick(static_cast<std::uint32_t>(Between(0, kSymbols - 1)));
      }
      cluster_->RunFor(Between(1, 16) * kMillisecond / 2);
    }
    Settle();
    for (const Follower& follower : followers_) Count(*follower.mirror);
  }

 private:
  void Count(const MapMirror& mirror) {
    seen_.pushes += mirror.pushes();
    seen_.deltas += mirror.deltas();
    seen_.pages += mirror.pages();
    seen_.recoveries += mirror.recoveries();
    seen_.syncs += mirror.syncs();
  }

  std::uint64_t Between(std::uint64_t least, std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(least, most)(random_);
  }
  // One in so many.
  bool Chance(std::uint64_t one_in) { return Between(1, one_in) == 1; }

  void Configure() {
    if (seed_ % 2 == 0) options_.faults = engine::SimFaults::Hostile();
    options_.meanwhile = seed_ % 5 == 0 ? 0.3 : 0;
    options_.lane_capacity = Chance(3) ? 8 : 64;
    // Now and then more than one message of what a mirror has missed.
    value_bytes_ = Chance(5) ? Between(1500, 5000) : Between(0, 120);
    padding_bytes_ = Chance(5) ? 4000 : Between(0, 120);
    for (const char* const name : {"live", "rec", "keep", "tickers"}) {
      engine::MapConfig& map = NamespaceOf(name).map;
      map.default_page_size = static_cast<std::uint32_t>(Between(1, 12));
      if (name == std::string_view("tickers")) continue;
      map.stream_size = static_cast<std::uint32_t>(Between(1, 30));
      if (Chance(3)) map.live_transition_max_publication_limit = 4;
      if (Chance(3)) map.stream_ttl_ns = 30 * kMillisecond;
      if (name != std::string_view("keep") && Chance(3)) map.key_ttl_ns = 300 * kMillisecond;
    }
  }

  void Start(std::uint64_t seed) {
    Begin(static_cast<ShardId>(1 + seed_ % 3), seed);
    cluster_->on_heard = [this](SimClient& client, const Heard& heard) { OnHeard(client, heard); };
    api_ = std::make_unique<SimHttpPeer>(cluster_->world(), cluster_->ring(0));
    posted_ = 0;
  }

  // What its clients have stays; all that the server had is gone.
  void Restart() {
    cluster_->RunFor(3 * kMillisecond);  // The feed has nothing left to say.
    for (Follower& follower : followers_) {
      follower.mirror->Lose();
      follower.client = nullptr;
    }
    watcher_.client = nullptr;
    api_.reset();
    newest_.clear();
    Start(seed_ + 1'000'000'007);
    cluster_->server().node.uid = "another-0000-4000-8000-000000000000";
    for (Follower& follower : followers_) Come(follower);
    ComeToWatch();
  }

  Follower NewFollower() {
    Follower follower;
    follower.channel = kChannels[Between(0, 3)];
    const char* const intervals[] = {"", "", R"({"interval_ms":20})", R"({"interval_ms":70})"};
    MapMirror::Wants wants{.channel = follower.channel,
                           .limit = static_cast<int>(Between(0, 5)),
                           .delta = Chance(2),
                           .data = intervals[Between(0, 3)]};
    if (Chance(3)) {
      // Symbols have no tags.
      const bool market = follower.channel == kTickers;
      wants.tf = market ? R"({"key":"g","cmp":"nex"})" : std::string(kOnlyA);
      if (!market) follower.group = "a";
    }
    follower.wants = absl::StrCat(wants.channel, " limit ", wants.limit, " delta ", wants.delta,
                                  " tf ", wants.tf, " data ", wants.data);
    follower.mirror = std::make_unique<MapMirror>(wants);
    return follower;
  }

  void Come(Follower& follower) {
    if (follower.client != nullptr && follower.client->may_send()) follower.client->Reset();
    follower.mirror->Lose();
    follower.shard = static_cast<ShardId>(Between(0, cluster_->shards() - 1u));
    follower.client = &cluster_->AddClient(follower.shard);
    follower.client->Connect();
    follower.client->Flush();
  }

  // As an SDK: it connects again when it was closed, and subscribes again when it was told to.
  void Tend(Follower& follower) {
    if (follower.client->close_code() != 0) return Come(follower);
    if (!follower.mirror->ended()) return;
    if (follower.mirror->end_code() == 2500) ++seen_.gaps;
    if (follower.mirror->end_code() == 112) ++seen_.lost;
    follower.mirror->Begin(*follower.client);
  }

  void ComeToWatch() {
    if (watcher_.client != nullptr && watcher_.client->may_send()) watcher_.client->Reset();
    watcher_.client = &cluster_->AddClient(static_cast<ShardId>(seed_ % cluster_->shards()));
    watcher_.client->Connect();
    watcher_.client->Flush();
  }

  void Disturb(Follower& follower) {
    switch (Between(0, 9)) {
      case 0:
        return Come(follower);
      case 1:
      case 2:
        return follower.client->peer().SetReading(false);
      case 3:
      case 4:
        return follower.client->peer().SetReading(true);
      case 5:
        return follower.client->peer().SetReadLimit(Between(1, 400));
      case 6:
        if (follower.mirror->live() && follower.client->may_send()) follower.mirror->Leave();
        return;
      default:
        return;
    }
  }

  // One write, sent with others when the answer to the last ones has come.
  void Write() {
    const std::string channel = kChannels[Between(0, 2)];
    const std::string key = absl::StrCat("k", Between(0, 8));
    if (Chance(60)) {
      writes_.push_back(absl::StrCat(R"({"map_clear":{"channel":")", channel, "\"}}"));
    } else if (Chance(4)) {
      const char* const tags[] = {"", R"(,"tags":{"g":"a"})", R"(,"tags":{"g":"b"})"};
      writes_.push_back(
          absl::StrCat(R"({"map_remove":{)", About(channel, key), tags[Between(0, 2)], "}}"));
    } else {
      const std::string group = Chance(3) ? "b" : Chance(6) ? "" : "a";
      writes_.push_back(absl::StrCat(
          R"({"map_publish":)", PublishBody(channel, key, ++written_, group, value_bytes_), "}"));
    }
    Post();
  }

  void Post() {
    if (writes_.empty() || api_->Responses().size() < posted_) return;
    api_->Post("/api/batch", absl::StrCat(R"({"commands":[)", absl::StrJoin(writes_, ","), "]}"));
    ++posted_;
    writes_.clear();
  }

  void OnHeard(SimClient& client, const Heard& heard) {
    if (&client == watcher_.client) return OnWatched(heard);
    for (Follower& follower : followers_) {
      if (follower.client != &client) continue;
      if (heard.kind == Kind::kConnected) return follower.mirror->Begin(client);
      return follower.mirror->OnHeard(heard);
    }
  }

  void OnWatched(const Heard& heard) {
    if (heard.kind == Kind::kConnected) {
      SendSubscribe(*watcher_.client, seed_ % 3 == 0 ? R"(,"data":{"interval_ms":20})" : "");
    } else if (heard.kind == Kind::kSubscribed) {
      if (heard.epoch != watcher_.epoch) watcher_.versions.clear();
      watcher_.epoch = heard.epoch;
      std::vector<std::string> keys;
      std::vector<std::uint64_t> versions;
      for (std::uint32_t symbol = 0; symbol < kSymbols; ++symbol) {
        keys.push_back(Key(symbol));
        versions.push_back(watcher_.versions[keys.back()]);
      }
      Send(*watcher_.client,
           absl::StrCat("\"type\":1,\"track\":[", Batch(keys, "", versions), "]"));
    } else if (heard.kind == Kind::kPublication || heard.kind == Kind::kProlonged) {
      for (const HeardPublication& told : heard.publications) {
        EXPECT_GE(told.version, watcher_.versions[told.key]) << told.key;
        watcher_.versions[told.key] = told.version;
        watcher_.numbers[told.key] = ReadPayload(told.data).number;
      }
    }
  }

  // Until everybody agrees, twice in a row: keys may still expire between two looks.
  void Settle() {
    cluster_->world().set_faults({});
    for (Follower& follower : followers_) {
      follower.client->peer().SetReading(true);
      follower.client->peer().SetReadLimit(engine::SimPeer::kNoLimit);
    }
    EXPECT_TRUE(cluster_->RunUntil([&] {
      Post();
      return writes_.empty() && api_->Responses().size() == posted_;
    }));
    int agreed = 0;
    for (int look = 0; look < 100 && agreed < 2 && !HasFailure(); ++look) {
      cluster_->RunFor((look < 4 ? 5 : 150) * kMillisecond);
      agreed = Agrees(/*tell=*/false) ? agreed + 1 : 0;
    }
    if (agreed < 2) Agrees(/*tell=*/true);
  }

  // As much of each value as tells it from others.
  static std::string Brief(const Keys& keys) {
    std::string brief;
    for (const auto& [key, value] : keys) {
      absl::StrAppend(&brief, key, " ", value.substr(0, 24), "; ");
    }
    return brief;
  }

  bool Agrees(bool tell) {
    bool all = true;
    std::map<std::string, Keys> sources;
    for (Follower& follower : followers_) {
      Tend(follower);
      const std::string named = follower.channel + follower.group;
      if (!sources.contains(named)) sources[named] = Source(follower.channel, follower.group);
      const bool same = follower.mirror->live() && follower.mirror->keys() == sources[named];
      all = all && same;
      if (tell) {
        EXPECT_TRUE(follower.mirror->live()) << follower.wants << follower.mirror->end_code();
        EXPECT_EQ(Brief(follower.mirror->keys()), Brief(sources[named]))
            << follower.wants << ", offset " << follower.mirror->offset();
      }
    }
    for (const auto& [symbol, number] : newest_) {
      if (number == 0) continue;
      all = all && watcher_.numbers[Key(symbol)] == number;
      if (tell) {
        EXPECT_EQ(watcher_.numbers[Key(symbol)], number) << Key(symbol);
      }
    }
    return all;
  }

  std::mt19937_64 random_;
  const std::uint64_t seed_;
  Seen& seen_;
  std::vector<Follower> followers_;
  Watcher watcher_;
  std::unique_ptr<SimHttpPeer> api_;
  std::vector<std::string> writes_;  // Not sent yet.
  std::size_t posted_ = 0;
  int written_ = 0;
  std::size_t value_bytes_ = 0;
};

TEST(MapWorldTest, EveryMirrorEndsAsItsSource) {
  const bool one = std::getenv("TICKCAST_SIM_SEED") != nullptr;
  const std::uint64_t begin =
      one ? NumberOf("TICKCAST_SIM_SEED", 0) : NumberOf("TICKCAST_FIRST_SCHEDULE", 0);
  Seen seen;
  const std::uint64_t end = begin + (one ? 1 : NumberOf("TICKCAST_SCHEDULES", kSchedules));
  for (std::uint64_t seed = begin; seed < end && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("TICKCAST_SIM_SEED=", seed));
    Schedule(seed, seen).Play();
  }
  if (one || end - begin < 20) return;
  EXPECT_GT(seen.pushes, 0);
  EXPECT_GT(seen.deltas, 0);
  EXPECT_GT(seen.pages, seen.syncs);
  EXPECT_GT(seen.recoveries, 0);
  EXPECT_GT(seen.gaps, 0);
  EXPECT_GT(seen.lost, 0);
  std::printf(
      "%llu schedules: %d syncs, %d recoveries, %d pages, %d changes of which %d deltas, "
      "%d gaps, %d lost positions\n",
      static_cast<unsigned long long>(end - begin), seen.syncs, seen.recoveries, seen.pages,
      seen.pushes, seen.deltas, seen.gaps, seen.lost);
}

}  // namespace
}  // namespace tickcast::shards::sim
