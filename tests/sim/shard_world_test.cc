// Whole servers under hostile faults: what a seed decides, and what must hold whatever it was.
//
// TICKCAST_SIM_SEED=n plays that one seed, TICKCAST_SIM_SEEDS=n the first n: 1,200 take a minute
// and a quarter, so that more are played by
//   TICKCAST_SIM_SEEDS=2000 build/release/tests/sim_shard_world_test
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/audit.h"
#include "tests/sim/person.h"
#include "tests/sim/schedules.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_http_peer.h"

namespace tickcast::shards::sim {
namespace {

constexpr std::uint64_t kSeeds = kSanitized ? 40 : 1200;

// Every so manieth seed is played twice, and until all channels are forgotten.
constexpr std::uint64_t kThoroughSeeds = 8;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint64_t Between(std::uint64_t low, std::uint64_t high) {
    return low + random_() % (high - low + 1);
  }
  bool Chance(std::uint64_t percent) { return random_() % 100 < percent; }
  template <typename Container>
  auto& OneOf(Container& container) {
    return container[random_() % std::size(container)];
  }

 private:
  std::mt19937_64 random_;
};

// Publishes to a few channels at random times, now and then a burst.
class BurstFeed final : public Feed {
 public:
  BurstFeed(Audit& audit, const std::vector<std::string>& channels, const bool& stopped,
            std::uint64_t seed)
      : audit_(audit), stopped_(stopped), dice_(seed) {
    for (const std::string& channel : channels) sources_.push_back(audit.AddSource(channel));
  }

  std::uint64_t Run(std::uint64_t now_ns, FeedSink& sink) override {
    if (ids_.empty()) {
      for (const Audit::SourceId source : sources_) {
        ids_.push_back(sink.OpenChannel(audit_.ChannelOf(source)));
      }
    }
    if (stopped_ || sources_.empty()) return now_ns + kSecond;
    const std::size_t at = dice_.Between(0, sources_.size() - 1);
    const std::uint64_t burst = dice_.Chance(5) ? dice_.Between(10, 60) : dice_.Between(1, 3);
    // Some bursts are more than one message holds.
    const bool heavy = dice_.Chance(20);
    for (std::uint64_t i = 0; i < burst; ++i) {
      const std::string data = WritePayload(audit_.Next(sources_[at]),
                                            heavy || dice_.Chance(30) ? dice_.Between(1, 900) : 0);
      if (sink.Publish(ids_[at], data, now_ns) == FeedSink::Verdict::kFull) return now_ns;
      audit_.Sent(sources_[at]);
    }
    return now_ns + dice_.Between(100'000, 30'000'000);
  }

  const FeedCounters& counters() const override { return counters_; }

 private:
  Audit& audit_;
  const bool& stopped_;
  Dice dice_;
  std::vector<Audit::SourceId> sources_;
  std::vector<FeedChannelId> ids_;
  FeedCounters counters_;
};

// One world of one seed.
class World {
 public:
  explicit World(std::uint64_t seed)
      : seed_(seed),
        dice_(seed * 2 + 1),
        hostile_(seed % 3 != 0),
        gentle_(seed % 4 == 0),
        cluster_(seed, Options()) {
    MakeChannels();
    MakeFeeds();
    cluster_.on_heard = [this](SimClient& client, const Heard& heard) {
      pushes_ += heard.kind == Heard::Kind::kPublication ? 1u : 0u;
      for (const auto& person : persons_) {
        if (person->online() && &person->client() == &client) person->OnHeard(heard);
      }
    };
    const std::uint64_t persons = dice_.Between(4, 24);
    for (std::uint64_t i = 0; i < persons; ++i) {
      persons_.push_back(std::make_unique<Person>(cluster_, audit_));
    }
    resume_ns_.resize(persons);
    for (const char* channel : {"flow:a", "log:a", "short:a"}) {
      backend_sources_.push_back(audit_.AddSource(channel));
    }
  }

  // Returns what tells two runs apart.
  std::uint64_t Play() {
    cluster_.Start();
    backend_ = std::make_unique<SimHttpPeer>(cluster_.world(), cluster_.ring(0));
    Live();
    Settle();
    CheckLedger();
    Leave();
    return trace_;
  }

 private:
  ClusterOptions Options() {
    ClusterOptions options;
    options.shards = static_cast<ShardId>(dice_.Between(1, 4));
    options.lane_capacity = std::size_t{1} << dice_.Between(1, hostile_ ? 3 : 8);
    options.ring = {.slots = 256,
                    .buffers = static_cast<std::uint32_t>(1u << dice_.Between(2, 5)),
                    .buffer_bytes = static_cast<std::uint32_t>(1u << dice_.Between(6, 10)),
                    .submission_entries = static_cast<std::uint32_t>(1u << dice_.Between(3, 7))};
    if (hostile_) options.faults = engine::SimFaults::Hostile();
    options.config.engine.catch_up_bytes = static_cast<std::uint32_t>(dice_.Between(500, 20'000));
    // Mostly so few that a broadcast takes several, between which clients are listened to.
    options.config.engine.send_batch =
        static_cast<std::uint32_t>(dice_.Chance(70) ? dice_.Between(1, 3) : dice_.Between(4, 64));
    options.meanwhile = static_cast<double>(dice_.Between(0, 2)) / 2;
    options.config.client.ping_interval_ns = kSecond;
    options.config.client.pong_timeout_ns = 900 * kMillisecond;
    options.config.client.slow_client_timeout_ns = kSecond;
    // Numbers rise by one, so that a least change of a hundredth means more and more of them.
    options.config.channel.namespaces.front().value_fields = {"number"};
    if (dice_.Chance(70)) {
      engine::PressureConfig& pressure = options.config.pressure;
      pressure.degraded_share = 0.02;
      pressure.critical_share = 0.1;
      pressure.emergency_share = 0.25;
      pressure.critical_change = 0.05;
      pressure.hold_ns = dice_.Between(0, 300) * kMillisecond;
    }
    options.config.channel.namespaces.push_back(options.config.channel.namespaces.back());
    options.config.channel.namespaces.back().name = "short";
    options.config.channel.namespaces.back().history_size = 5;
    return options;
  }

  void MakeChannels() {
    for (const char* name : {"state:a", "state:b", "state:c"}) {
      audit_.AddChannel(name, ChannelType::kState);
    }
    for (const char* name : {"flow:a", "flow:b"}) audit_.AddChannel(name, ChannelType::kFlow);
    for (const char* name : {"log:a", "log:b"}) audit_.AddChannel(name, ChannelType::kLog, 1000);
    audit_.AddChannel("short:a", ChannelType::kLog, 5);
  }

  void MakeFeeds() {
    for (ShardId id = 0; id < cluster_.shards(); ++id) {
      std::vector<std::string> channels;
      for (const std::string& channel : audit_.channels()) {
        // A state channel has one source, or nobody could tell which value is the newer one.
        const bool state = channel.starts_with("state:");
        const auto chosen = static_cast<ShardId>(channel.back() % cluster_.shards());
        if (state ? channel != "state:c" && chosen == id : dice_.Chance(40)) {
          channels.push_back(channel);
        }
      }
      cluster_.shard(id).AddFeed(
          std::make_unique<BurstFeed>(audit_, channels, stopped_, seed_ * 8 + id));
    }
  }

  void Live() {
    const std::uint64_t end_ns = cluster_.now_ns() + 2500 * kMillisecond;
    while (cluster_.now_ns() < end_ns && !testing::Test::HasFailure()) {
      const std::size_t who = dice_.Between(0, persons_.size() - 1);
      if (!persons_[who]->online()) {
        Arrive(*persons_[who]);
      } else if (persons_[who]->client().may_send() && !persons_[who]->leaves()) {
        Act(who);
      }
      if (dice_.Chance(20)) Post();
      if (dice_.Chance(2)) {
        cluster_.Stall(static_cast<ShardId>(dice_.Between(0, cluster_.shards() - 1)),
                       cluster_.now_ns() + dice_.Between(1, 20) * kMillisecond);
      }
      Run(dice_.Between(1, 8) * kMillisecond);
    }
  }

  void Run(std::uint64_t duration_ns) {
    cluster_.RunFor(duration_ns);
    for (std::size_t i = 0; i < persons_.size(); ++i) {
      if (!persons_[i]->online()) continue;
      if (resume_ns_[i] != 0 && resume_ns_[i] <= cluster_.now_ns()) {
        resume_ns_[i] = 0;
        persons_[i]->client().peer().SetReading(true);
      }
      persons_[i]->CheckEnd();
    }
    const std::vector<HttpResponse>& responses = backend_->Responses();
    for (; answered_ < responses.size(); ++answered_) {
      ASSERT_EQ(responses[answered_].status, 200) << responses[answered_].body;
      audit_.Acknowledged(posted_[answered_].source, posted_[answered_].number);
    }
  }

  // A backend publishes over HTTP, without waiting for one answer before it asks again.
  void Post() {
    const Audit::SourceId source = dice_.OneOf(backend_sources_);
    const Payload payload = audit_.Next(source);
    audit_.Sent(source);
    posted_.push_back(payload);
    backend_->Post("/api/publish", absl::StrCat(R"({"channel":")", audit_.ChannelOf(source),
                                                R"(","data":)", WritePayload(payload), "}"));
  }

  void Arrive(Person& person) {
    person.Connect(static_cast<ShardId>(dice_.Between(0, cluster_.shards() - 1)));
    resume_ns_[IndexOf(person)] = 0;
    for (std::uint64_t i = dice_.Between(0, 4); i > 0; --i) Toggle(person);
    // Some are slow by nature.
    if (dice_.Chance(10)) person.client().peer().SetReadLimit(dice_.Between(16, 256));
    person.Flush();
  }

  std::size_t IndexOf(const Person& person) const {
    std::size_t index = 0;
    while (persons_[index].get() != &person) ++index;
    return index;
  }

  void Toggle(Person& person) {
    const std::string& channel = dice_.OneOf(audit_.channels());
    if (person.wants(channel)) {
      person.Unwant(channel);
    } else {
      if (dice_.Chance(60)) person.SetOptions(channel, "{" + RandomOptions() + "}");
      person.Want(channel);
    }
  }

  // All of them, as members.
  std::string RandomOptions() {
    static constexpr int kIntervals[] = {0, 0, 10, 20, 50, 100, 130, 400};
    static constexpr double kChanges[] = {0, 0, 0.01, 0.1};
    return absl::StrCat(R"("interval_ms":)", dice_.OneOf(kIntervals), R"(,"min_change":)",
                        dice_.OneOf(kChanges), R"(,"priority":)",
                        dice_.Chance(20) ? "true" : "false");
  }

  void Act(std::size_t who) {
    Person& person = *persons_[who];
    const std::uint64_t what = dice_.Between(0, 99);
    if (what < 20) {
      for (std::uint64_t i = dice_.Between(1, 4); i > 0; --i) Toggle(person);
    } else if (what < 30) {
      for (std::uint64_t i = dice_.Between(1, 3); i > 0; --i) {
        person.ChangeOptions(dice_.OneOf(audit_.channels()), RandomOptions());
      }
    } else if (what < 40) {
      // A change of mind before the answer can have come.
      const std::string& channel = dice_.OneOf(audit_.channels());
      for (std::uint64_t i = dice_.Between(2, 5); i > 0; --i) {
        if (person.wants(channel)) {
          person.Unwant(channel);
        } else {
          person.Want(channel);
        }
      }
    } else if (what < 60) {
      Publish(person);
    } else if (what < 70) {
      person.AskNonsense();
      person.ReadHistory(dice_.OneOf(audit_.channels()));
      const std::string& channel = dice_.OneOf(audit_.channels());
      if (person.wants(channel)) person.SubscribeTwice(channel);
    } else if (what < 84) {
      Pause(who);
    } else if (what < 90) {
      person.client().SendFrame(protocol::Opcode::kPing, "are you there?");
    } else {
      Misbehave(who);
      return;
    }
    // Often together with what comes next.
    if (dice_.Chance(80)) person.Flush();
  }

  void Publish(Person& person) {
    std::string channel = dice_.OneOf(audit_.channels());
    if (channel.starts_with("state:")) channel = "state:c";
    for (std::uint64_t i = dice_.Between(1, 4); i > 0; --i) {
      person.Publish(channel, dice_.Between(0, 1) * dice_.Between(0, 600));
    }
  }

  void Pause(std::size_t who) {
    if (resume_ns_[who] != 0) return;
    Person& person = *persons_[who];
    person.client().peer().SetReading(false);
    const bool long_pause = !gentle_ && dice_.Chance(10);
    // Longer than this, and its pong may come too late.
    if (long_pause) person.MayBeClosed();
    resume_ns_[who] = cluster_.now_ns() + dice_.Between(5, long_pause ? 3000 : 300) * kMillisecond;
  }

  void Misbehave(std::size_t who) {
    Person& person = *persons_[who];
    SimClient& client = person.client();
    const std::uint64_t what = dice_.Between(0, gentle_ ? 2 : 7);
    person.BeginLeaving();
    person.Flush();
    switch (what) {
      case 0:
        client.SendClose(1000);
        return;
      case 1:
        client.SendFrame(protocol::Opcode::kText, R"({"id":1,"nothing":{}})");
        return;
      case 2:
        client.SendFrame(protocol::Opcode::kText, "{\"id\":\n\n[");
        return;
      case 3: {
        std::string noise(dice_.Between(1, 300), '\0');
        for (char& byte : noise) byte = static_cast<char>(dice_.Between(0, 255));
        client.SendRaw(noise);
        // What it says from here on is part of the noise.
        break;
      }
      case 4:
        client.CloseWrite();
        break;
      case 5:
        client.Close();
        break;
      default:
        client.Reset();
        break;
    }
    person.Abandon();
  }

  // Everybody comes back, reads, and gets what is owed.
  void Settle() {
    if (testing::Test::HasFailure()) return;
    stopped_ = true;
    cluster_.world().set_faults({});
    for (int round = 0; round < 6; ++round) {
      for (std::size_t i = 0; i < persons_.size(); ++i) {
        if (!persons_[i]->online()) Arrive(*persons_[i]);
        persons_[i]->client().peer().SetReadLimit(engine::SimPeer::kNoLimit);
        resume_ns_[i] = cluster_.now_ns() + 1;
        if (persons_[i]->client().may_send()) persons_[i]->Flush();
      }
      Run(400 * kMillisecond);
    }
    // What is held back for its size comes when nobody minds it any more, …
    for (const auto& person : persons_) {
      if (!person->online() || !person->client().may_send()) continue;
      for (const std::string& channel : audit_.channels()) {
        person->ChangeOptions(channel, R"("interval_ms":10,"min_change":0,"priority":false)");
      }
      person->Flush();
    }
    Run(400 * kMillisecond);
    // … and what pressure holds back when it has fallen, level by level.
    for (int round = 0; round < 25 && cluster_.ledger().outstanding > 0; ++round) {
      Run(400 * kMillisecond);
    }
    persons_.push_back(std::make_unique<Person>(cluster_, audit_));
    resume_ns_.push_back(0);
    Person& auditor = *persons_.back();
    auditor.Connect(0);
    for (const std::string& channel : audit_.channels()) auditor.Want(channel);
    auditor.Flush();
    Run(500 * kMillisecond);
    for (std::size_t i = 0; i < persons_.size(); ++i) {
      SCOPED_TRACE(absl::StrCat("person ", i));
      ASSERT_TRUE(persons_[i]->online());
      persons_[i]->CheckContent(auditor);
    }
    for (const std::string& channel : audit_.channels()) audit_.CheckComplete(channel);
    EXPECT_EQ(answered_, posted_.size()) << "every request is answered";
  }

  void CheckLedger() {
    const Ledger ledger = cluster_.ledger();
    EXPECT_EQ(ledger.outstanding, 0u);
    EXPECT_EQ(ledger.owed,
              ledger.delivered + ledger.conflated + ledger.skipped_gap + ledger.skipped_left);
    // What was handed to the kernel for a connection that then broke may be lost, nothing else.
    if (gentle_) {
      EXPECT_EQ(ledger.delivered, pushes_);
    } else {
      EXPECT_GE(ledger.delivered, pushes_);
    }
    EXPECT_EQ(ledger.skipped_gap == 0, cluster_.Metric("tickcast_gaps_total") == 0);
    for (const std::uint64_t part : {ledger.owed, ledger.delivered, ledger.conflated,
                                     ledger.skipped_gap, ledger.skipped_left, pushes_}) {
      Mix(part);
    }
  }

  // Everybody goes, and leaves nothing behind.
  void Leave() {
    if (testing::Test::HasFailure()) return;
    for (const auto& person : persons_) {
      Mix(person->client().trace());
      person->MayBeClosed();
      if (dice_.Chance(50)) {
        person->client().SendClose(1000);
      } else {
        person->client().Reset();
        person->Abandon();
      }
    }
    backend_->peer().Close();
    Run(3 * kSecond);
    for (ShardId id = 0; id < cluster_.shards(); ++id) {
      EXPECT_EQ(cluster_.ring(id).open_slots(), 0u) << "shard " << id;
      EXPECT_EQ(cluster_.ring(id).lent_buffers(), 0u) << "shard " << id;
      EXPECT_EQ(cluster_.ring(id).untaken_peer_names(), 0u) << "shard " << id;
    }
    for (const char* level : {"tickcast_connections", "tickcast_channels", "tickcast_subscriptions",
                              "tickcast_lane_waiting", "tickcast_lane_depth"}) {
      EXPECT_EQ(cluster_.Metric(level), 0) << level;
    }
    EXPECT_EQ(cluster_.Metric("tickcast_closes_total"), cluster_.Metric("tickcast_accepted_total"));
    if (seed_ % kThoroughSeeds == 0) Forget();
    cluster_.server().draining = true;
    Run(100 * kMillisecond);
    EXPECT_EQ(cluster_.finished_shards(), cluster_.shards());
    Mix(cluster_.now_ns());
  }

  // A channel that nobody holds is forgotten in the end, but for last values: an interest that
  // was left behind would keep it.
  void Forget() {
    std::int64_t with_value = 0;
    for (const std::string& channel : audit_.channels()) {
      const auto& facts = audit_.channel(channel);
      if (facts.type == ChannelType::kState && !facts.newest.empty()) ++with_value;
    }
    Run(402 * kSecond);
    EXPECT_EQ(cluster_.Metric("tickcast_home_channels"), with_value);
  }

  void Mix(std::uint64_t value) { trace_ = (trace_ ^ value) * 0x100000001b3; }

  const std::uint64_t seed_;
  Dice dice_;
  const bool hostile_;
  const bool gentle_;  // No connection ends in a way that loses what is under way.
  Audit audit_;
  bool stopped_ = false;
  SimCluster cluster_;
  std::vector<std::unique_ptr<Person>> persons_;
  std::vector<std::uint64_t> resume_ns_;  // By person: when it reads again; 0 = it does.
  std::unique_ptr<SimHttpPeer> backend_;
  std::vector<Audit::SourceId> backend_sources_;
  std::vector<Payload> posted_;
  std::size_t answered_ = 0;  // Of posted_.
  std::uint64_t pushes_ = 0;
  std::uint64_t trace_ = 0xcbf29ce484222325;
};

// So that an invariant that fails tells the seed as well.
char seed_text[64] = "";
void OnAbort(int) {
  [[maybe_unused]] const auto ignored = write(STDERR_FILENO, seed_text, sizeof(seed_text) - 1);
}

TEST(ShardWorldTest, WhateverGoesWrongEverySubscriberGetsWhatItIsOwedExactlyOnce) {
  signal(SIGABRT, OnAbort);
  const std::uint64_t only = NumberOf("TICKCAST_SIM_SEED", ~std::uint64_t{0});
  const bool one = only != ~std::uint64_t{0};
  const std::uint64_t first = one ? only : 0;
  const std::uint64_t end = one ? only + 1 : NumberOf("TICKCAST_SIM_SEEDS", kSeeds);
  for (std::uint64_t seed = first; seed < end; ++seed) {
    std::snprintf(seed_text, sizeof(seed_text), "TICKCAST_SIM_SEED=%llu\n",
                  static_cast<unsigned long long>(seed));
    SCOPED_TRACE(seed_text);
    const std::uint64_t trace = World(seed).Play();
    ASSERT_FALSE(HasFailure());
    if (seed % kThoroughSeeds == 0) {
      ASSERT_EQ(World(seed).Play(), trace) << "one seed, two stories";
    }
  }
  signal(SIGABRT, SIG_DFL);
}

}  // namespace
}  // namespace tickcast::shards::sim
