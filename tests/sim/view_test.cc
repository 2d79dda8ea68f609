// Subscribers with views of their own: deltas, filters, numbers for names.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "protocol/delta/fossil.h"
#include "simdjson.h"
#include "tests/sim/function_feed.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_http_peer.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

engine::Config ViewConfig() {
  engine::Config config = SimConfig();
  for (engine::Namespace& ns : config.channel.namespaces) {
    ns.allowed_delta_types = {"fossil"};
    ns.delta_publish = true;
    ns.allow_tags_filter = true;
    ns.allow_channel_compaction = true;
  }
  return config;
}

// What a subscriber makes of what it hears: whole payloads, or a failure.
class DeltaReader {
 public:
  void Take(const HeardPublication& heard) {
    simdjson::dom::element data;
    std::string_view text;
    ASSERT_EQ(json_.parse(heard.data).get(data), simdjson::SUCCESS);
    ASSERT_EQ(data.get(text), simdjson::SUCCESS) << "not an escaped string: " << heard.data;
    if (heard.delta) {
      std::string next;
      ASSERT_TRUE(protocol::ApplyDelta(payloads_.empty() ? "" : payloads_.back(), text, next))
          << "a delta that does not fit what was sent before";
      payloads_.push_back(next);
      ++deltas_;
    } else {
      payloads_.emplace_back(text);
    }
  }

  std::vector<std::uint64_t> Numbers() const {
    std::vector<std::uint64_t> numbers;
    for (const std::string& payload : payloads_) numbers.push_back(ReadPayload(payload).number);
    return numbers;
  }
  std::size_t deltas() const { return deltas_; }

 private:
  simdjson::dom::parser json_;
  std::vector<std::string> payloads_;
  std::size_t deltas_ = 0;
};

class ViewTest : public testing::Test {
 protected:
  // Publications to `channel` every 3 ms while running_, from shard 0.
  void Begin(std::uint64_t seed, std::string channel, ClusterOptions options) {
    options.config = ViewConfig();
    number_ = 0;
    running_ = false;
    cluster_ = std::make_unique<SimCluster>(seed, options);
    cluster_->shard(0).AddFeed(
        std::make_unique<FunctionFeed>([this, channel, id = FeedChannelId{}, open = false](
                                           std::uint64_t now_ns, FeedSink& sink) mutable {
          if (!open) id = sink.OpenChannel(channel);
          open = true;
          if (!running_) return now_ns + 3 * kMillisecond;
          // Now and then several in one turn.
          for (int i = 0; i < (number_ % 5 == 0 ? 3 : 1); ++i) {
            sink.Publish(id, WritePayload({0, ++number_}, 120), now_ns);
          }
          return now_ns + 3 * kMillisecond;
        }));
    cluster_->Start();
  }

  // The answer to a subscribe with these members beside the channel.
  const Heard& Subscribe(SimClient& client, std::string_view channel, std::string_view members) {
    static const Heard kNone;
    const std::uint32_t id = client.Command(absl::StrCat(
        R"("subscribe":{"channel":")", std::string(channel), "\"", std::string(members), "}"));
    client.Flush();
    EXPECT_TRUE(cluster_->RunUntil([&] { return client.ReplyTo(id) != nullptr; }));
    const Heard* reply = client.ReplyTo(id);
    return reply == nullptr ? kNone : *reply;
  }

  // All that a subscriber was sent of one channel, in the reply and after it.
  static void ReadAll(const SimClient& client, DeltaReader& reader) {
    for (const Heard& heard : client.heard()) {
      if (heard.kind != Kind::kSubscribed && heard.kind != Kind::kPublication) continue;
      for (const HeardPublication& publication : heard.publications) reader.Take(publication);
    }
  }

  void PublishTagged(std::string_view channel, std::uint64_t number, std::string_view side) {
    if (api_ == nullptr) {
      api_ = std::make_unique<SimHttpPeer>(cluster_->world(), cluster_->ring(0));
    }
    api_->Post("/api/publish", absl::StrCat(R"({"channel":")", std::string(channel), R"(","data":)",
                                            WritePayload({0, number}, 20), R"(,"tags":{"side":")",
                                            std::string(side), "\"}}"));
    cluster_->RunFor(5 * kMillisecond);
  }

  std::unique_ptr<SimCluster> cluster_;
  std::unique_ptr<SimHttpPeer> api_;
  bool running_ = false;
  std::uint64_t number_ = 0;
};

bool Rises(const std::vector<std::uint64_t>& numbers) {
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    if (numbers[i] <= numbers[i - 1]) return false;
  }
  return true;
}

// Pushed each turn, at an interval, with a socket that takes little and a reader that stops: what
// each makes of its deltas is what was published, in order, up to the newest.
TEST_F(ViewTest, DeltasAndConflationKnowNothingOfEachOther) {
  std::size_t deltas = 0;
  std::size_t wholes = 0;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    Begin(
        seed, "state:a",
        {.shards = 2, .faults = {.min_socket_buffer_bytes = 300, .max_socket_buffer_bytes = 1500}});
    std::vector<SimClient*> clients;
    for (const char* const members :
         {R"(,"delta":"fossil")", R"(,"delta":"fossil","data":{"interval_ms":20})",
          R"(,"delta":"fossil")", R"(,"delta":"fossil","data":{"interval_ms":40,"priority":true})",
          R"(,"delta":"fossil","flag":1)"}) {
      SimClient& client = cluster_->AddConnected(static_cast<ShardId>(clients.size() % 2));
      running_ = clients.size() > 1;
      const Heard& answer = Subscribe(client, "state:a", members);
      ASSERT_EQ(answer.kind, Kind::kSubscribed) << answer.text;
      EXPECT_TRUE(answer.delta);
      clients.push_back(&client);
    }
    SimClient& plain = cluster_->AddConnected(1);
    Subscribe(plain, "state:a", "");
    for (int i = 0; i < 60; ++i) {
      SimClient& client = *clients[cluster_->world().Between(0, clients.size() - 1)];
      client.peer().SetReading(cluster_->world().Chance(0.6));
      cluster_->RunFor(cluster_->world().Between(1, 20) * kMillisecond);
    }
    running_ = false;
    for (SimClient* client : clients) client->peer().SetReading(true);
    cluster_->RunFor(kSecond);
    for (SimClient* client : clients) {
      DeltaReader reader;
      ReadAll(*client, reader);
      const std::vector<std::uint64_t> numbers = reader.Numbers();
      ASSERT_FALSE(numbers.empty());
      EXPECT_TRUE(Rises(numbers));
      EXPECT_EQ(numbers.back(), number_);
      deltas += reader.deltas();
      wholes += numbers.size() - reader.deltas();
    }
    EXPECT_EQ(ReadPayload(plain.DataOf("state:a").back()).number, number_);
    EXPECT_EQ(cluster_->ledger().outstanding, 0u);
  }
  EXPECT_GT(deltas, 10 * wholes) << "the whole is for who has nothing";
}

TEST_F(ViewTest, AStreamInDeltasIsWholeToWhoWasBlocked) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE(seed);
    Begin(
        seed, "flow:a",
        {.shards = 2, .faults = {.min_socket_buffer_bytes = 300, .max_socket_buffer_bytes = 1500}});
    SimClient& fast = cluster_->AddConnected(0);
    SimClient& slow = cluster_->AddConnected(1);
    Subscribe(fast, "flow:a", R"(,"delta":"fossil")");
    Subscribe(slow, "flow:a", R"(,"delta":"fossil")");
    running_ = true;
    for (int i = 0; i < 20; ++i) {
      slow.peer().SetReading(cluster_->world().Chance(0.5));
      cluster_->RunFor(cluster_->world().Between(1, 15) * kMillisecond);
    }
    running_ = false;
    slow.peer().SetReading(true);
    cluster_->RunFor(kSecond);
    ASSERT_EQ(cluster_->Metric("tickcast_gaps_total"), 0);
    std::vector<std::uint64_t> all;
    for (std::uint64_t i = 1; i <= number_; ++i) all.push_back(i);
    for (const SimClient* client : {&fast, &slow}) {
      DeltaReader reader;
      ReadAll(*client, reader);
      EXPECT_EQ(reader.Numbers(), all);
      EXPECT_EQ(reader.deltas(), number_ - 1) << "only the first one is whole";
    }
  }
}

TEST_F(ViewTest, RecoveredPublicationsAreDeltasAgainstEachOther) {
  Begin(1, "log:a", {.shards = 2});
  SimClient& first = cluster_->AddConnected(0);
  const Heard& answer = Subscribe(first, "log:a", R"(,"recoverable":true)");
  const std::string epoch = answer.epoch;
  running_ = true;
  cluster_->RunFor(60 * kMillisecond);
  running_ = false;
  cluster_->RunFor(20 * kMillisecond);
  const std::uint64_t missed = number_;
  SimClient& again = cluster_->AddConnected(1);
  const Heard& recovered =
      Subscribe(again, "log:a",
                absl::StrCat(R"(,"recoverable":true,"recover":true,"offset":0,"delta":"fossil",)",
                             R"("epoch":")", epoch, "\""));
  ASSERT_TRUE(recovered.recovered);
  ASSERT_EQ(recovered.publications.size(), missed);
  running_ = true;
  cluster_->RunFor(30 * kMillisecond);
  running_ = false;
  cluster_->RunFor(20 * kMillisecond);
  DeltaReader reader;
  ReadAll(again, reader);
  EXPECT_EQ(reader.Numbers().size(), number_);
  EXPECT_TRUE(Rises(reader.Numbers()));
  // The first one recovered, and the first one that this shard has seen itself.
  EXPECT_EQ(reader.deltas(), number_ - 2);
}

TEST_F(ViewTest, AFilterLetsThroughWhatItSaysAndTheRestIsCounted) {
  for (const char* const channel : {"flow:a", "state:a"}) {
    SCOPED_TRACE(channel);
    api_ = nullptr;
    Begin(1, "flow:other", {.shards = 2});
    SimClient& buys = cluster_->AddConnected(0);
    SimClient& all = cluster_->AddConnected(1);
    SimClient& paced = cluster_->AddConnected(1);
    constexpr std::string_view kBuys = R"(,"tf":{"key":"side","cmp":"eq","val":"buy"})";
    Subscribe(buys, channel, kBuys);
    Subscribe(all, channel, "");
    Subscribe(paced, channel, absl::StrCat(std::string(kBuys), R"(,"data":{"interval_ms":10})"));
    for (std::uint64_t i = 1; i <= 30; ++i) PublishTagged(channel, i, i % 3 == 0 ? "buy" : "sell");
    cluster_->RunFor(100 * kMillisecond);
    std::vector<std::uint64_t> got;
    for (const std::string& data : buys.DataOf(channel)) got.push_back(ReadPayload(data).number);
    EXPECT_EQ(got, (std::vector<std::uint64_t>{3, 6, 9, 12, 15, 18, 21, 24, 27, 30}));
    EXPECT_EQ(all.DataOf(channel).size(), 30u);
    ASSERT_FALSE(paced.DataOf(channel).empty());
    EXPECT_EQ(ReadPayload(paced.DataOf(channel).back()).number, 30u);
    const Ledger ledger = cluster_->ledger();
    EXPECT_EQ(ledger.skipped_filtered, 40u) << "20 of each filtered subscriber";
    EXPECT_EQ(ledger.owed, 90u);
    EXPECT_EQ(ledger.outstanding, 0u);
  }
}

// The newest value goes into the reply, if the filter wants it.
TEST_F(ViewTest, AFilterHoldsForTheFirstValueToo) {
  Begin(1, "flow:other", {});
  SimClient& keeper = cluster_->AddConnected();
  Subscribe(keeper, "state:a", "");
  PublishTagged("state:a", 1, "sell");
  SimClient& buys = cluster_->AddConnected();
  SimClient& sells = cluster_->AddConnected();
  EXPECT_EQ(Subscribe(buys, "state:a", R"(,"tf":{"key":"side","cmp":"eq","val":"buy"})")
                .publications.size(),
            0u);
  EXPECT_EQ(Subscribe(sells, "state:a", R"(,"tf":{"key":"side","cmp":"eq","val":"sell"})")
                .publications.size(),
            1u);
}

TEST_F(ViewTest, AWrongFilterIsRefusedByName) {
  Begin(1, "flow:other", {});
  SimClient& client = cluster_->AddConnected();
  const Heard& answer = Subscribe(client, "flow:a", R"(,"tf":{"key":"side","cmp":"is"})");
  EXPECT_EQ(answer.kind, Kind::kError);
  EXPECT_EQ(answer.code, 107u);
  // The channel is as free as before.
  EXPECT_EQ(Subscribe(client, "flow:a", "").kind, Kind::kSubscribed);
}

TEST_F(ViewTest, AnUnknownDeltaTypeClosesTheConnection) {
  Begin(1, "flow:other", {});
  SimClient& client = cluster_->AddConnected();
  client.Command(R"("subscribe":{"channel":"flow:a","delta":"xdelta"})");
  client.Flush();
  EXPECT_TRUE(cluster_->RunUntil([&] { return client.close_code() == 3501; }));
}

TEST_F(ViewTest, ANumberStandsForTheNameInPushes) {
  Begin(1, "flow:a", {.shards = 2});
  SimClient& compact = cluster_->AddConnected(1);
  SimClient& plain = cluster_->AddConnected(1);
  const std::int64_t number = Subscribe(compact, "flow:a", R"(,"flag":1)").channel_id;
  EXPECT_GT(number, 0);
  EXPECT_EQ(Subscribe(plain, "flow:a", "").channel_id, 0);
  running_ = true;
  cluster_->RunFor(30 * kMillisecond);
  running_ = false;
  cluster_->RunFor(20 * kMillisecond);
  EXPECT_EQ(compact.DataOf(absl::StrCat("#", number)).size(), number_);
  EXPECT_EQ(compact.DataOf("flow:a").size(), 0u);
  EXPECT_EQ(plain.DataOf("flow:a").size(), number_);
  SimClient& other = cluster_->AddConnected(0);
  EXPECT_NE(Subscribe(other, "flow:b", R"(,"flag":1)").channel_id, number);
}

// Views come and go with their subscribers, and the channel with the last of them.
TEST_F(ViewTest, WithTheLastSubscriberEverythingGoes) {
  Begin(1, "flow:other", {.shards = 2});
  SimClient& client = cluster_->AddConnected(1);
  for (const char* const members :
       {"", R"(,"delta":"fossil")", R"(,"flag":1)", R"(,"tf":{"key":"a","cmp":"ex"})"}) {
    Subscribe(client, "flow:a", members);
    EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 1);
    client.Unsubscribe("flow:a");
    client.Flush();
    cluster_->RunFor(300 * kMillisecond);
    EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 0);
    EXPECT_EQ(cluster_->Metric("tickcast_channels"), 0);
  }
  EXPECT_EQ(Subscribe(client, "flow:a", "").kind, Kind::kSubscribed);
}

}  // namespace
}  // namespace tickcast::shards::sim
