// Clients that are cut at any moment and come back: nothing is missed, nothing comes twice.
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

// A person as an SDK keeps it: what it has seen of a channel, and where it recovers from.
class Reader {
 public:
  Reader(SimCluster& cluster, std::string channel)
      : cluster_(cluster), channel_(std::move(channel)) {}

  bool online() const { return client_ != nullptr; }
  SimClient& client() { return *client_; }
  std::uint64_t recovered() const { return recovered_; }
  std::uint64_t failed() const { return failed_; }

  void Connect(ShardId shard) {
    client_ = &cluster_.AddClient(shard);
    read_ = 0;
    client_->Connect();
    Subscribe();
    client_->Flush();
  }

  // In one of the ways in which a line ends. What was on its way is lost with it.
  void Cut(std::uint64_t how) {
    Read();
    if (how % 3 == 0) client_->Reset();
    if (how % 3 == 1) client_->Close();
    if (how % 3 == 2) client_->SendClose(1001);
    client_ = nullptr;
  }

  // Takes what has come, as it comes.
  void Read() {
    if (client_ == nullptr) return;
    const std::vector<Heard>& heard = client_->heard();
    for (; read_ < heard.size(); ++read_) On(heard[read_]);
  }

  void ExpectAll(const std::map<std::uint64_t, std::string>& published) const {
    EXPECT_EQ(seen_, published);
  }

 private:
  void Subscribe() {
    client_->Subscribe(
        channel_,
        {.recoverable = true, .recover = positioned_, .offset = offset_, .epoch = epoch_});
  }

  void On(const Heard& heard) {
    if (heard.kind == Kind::kSubscribed) return OnSubscribed(heard);
    if (heard.kind == Kind::kPublication) return Take(heard.publications.front());
    if (heard.kind != Kind::kDropped) return;
    EXPECT_EQ(heard.code, 2500u);
    Subscribe();
    client_->Flush();
  }

  void OnSubscribed(const Heard& heard) {
    EXPECT_TRUE(heard.recoverable && heard.positioned);
    EXPECT_EQ(heard.was_recovering, positioned_);
    if (positioned_) {
      EXPECT_EQ(heard.epoch, epoch_);
      ++(heard.recovered ? recovered_ : failed_);
    }
    EXPECT_EQ(heard.recovered, positioned_) << "the history holds everything";
    if (positioned_) {
      EXPECT_EQ(heard.offset, offset_);
    }
    if (!positioned_) offset_ = heard.offset;
    positioned_ = true;
    epoch_ = heard.epoch;
    for (const HeardPublication& publication : heard.publications) Take(publication);
  }

  void Take(const HeardPublication& publication) {
    EXPECT_EQ(publication.offset, offset_ + 1) << "a hole, or a repetition";
    offset_ = publication.offset;
    EXPECT_TRUE(seen_.emplace(offset_, publication.data).second);
  }

  SimCluster& cluster_;
  const std::string channel_;
  SimClient* client_ = nullptr;
  std::size_t read_ = 0;
  bool positioned_ = false;
  std::uint64_t offset_ = 0;
  std::string epoch_;
  std::map<std::uint64_t, std::string> seen_;
  std::uint64_t recovered_ = 0;
  std::uint64_t failed_ = 0;
};

void RunLife(std::uint64_t seed, const engine::SimFaults& faults) {
  std::mt19937_64 random(seed);
  ClusterOptions options;
  options.shards = static_cast<ShardId>(1 + seed % 4);
  options.lane_capacity = 8;
  options.faults = faults;
  options.meanwhile = 0.1;
  options.config.engine.catch_up_bytes = 2048;  // Whoever is slow for long has to recover, too.
  options.config.client.recovery_max_publication_limit = 10'000;
  SimCluster cluster(seed, options);
  cluster.Start();
  const std::string channel = "log:inbox";
  SimClient& publisher = cluster.AddConnected(0);
  std::map<std::uint64_t, std::string> published;
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < 4; ++i) {
    readers.push_back(std::make_unique<Reader>(cluster, channel));
    readers.back()->Connect(static_cast<ShardId>(random() % cluster.shards()));
  }
  cluster.RunFor(50 * kMillisecond);
  for (const auto& reader : readers) reader->Read();
  std::uint64_t number = 0;
  for (int step = 0; step < 120; ++step) {
    const std::uint64_t count = random() % 4;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string data = WritePayload({0, ++number}, random() % 400);
      publisher.Publish(channel, data);
      published[number] = data;
    }
    publisher.Flush();
    Reader& reader = *readers[random() % readers.size()];
    if (!reader.online()) {
      reader.Connect(static_cast<ShardId>(random() % cluster.shards()));
    } else if (random() % 3 == 0) {
      reader.Cut(random());
    } else if (random() % 4 == 0) {
      reader.client().peer().SetReading(random() % 2 == 0);
    }
    if (random() % 3 != 0) cluster.RunFor(random() % (2 * kMillisecond));
    for (const auto& each : readers) each->Read();
  }
  for (const auto& reader : readers) {
    if (!reader->online()) reader->Connect(0);
    reader->client().peer().SetReading(true);
  }
  for (int i = 0; i < 20; ++i) {
    cluster.RunFor(50 * kMillisecond);
    for (const auto& reader : readers) reader->Read();
  }
  std::uint64_t recovered = 0;
  for (const auto& reader : readers) {
    reader->ExpectAll(published);
    recovered += reader->recovered();
    EXPECT_EQ(reader->failed(), 0u);
  }
  EXPECT_EQ(publisher.HeardOf(Kind::kPublished).size(), number);
  EXPECT_GT(recovered, 0u);
}

TEST(RecoverySimTest, WhoIsCutAtAnyMomentMissesNothingAndGetsNothingTwice) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    engine::SimFaults faults;
    faults.short_send = 0.05;
    faults.refused_send = 0.05;
    RunLife(seed, faults);
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

TEST(RecoverySimTest, SoItIsOnAHostileKernel) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RunLife(seed, engine::SimFaults::Hostile());
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
