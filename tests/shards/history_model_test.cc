// The model test of recovery: random lives of a channel, each answer of its home held against a
// plain reference, and what its clients have held against what was published.
//
// TICKCAST_HISTORIES says how many lives there are (2,000 without it); life n is that of seed n.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "shards/home.h"
#include "tests/shards/fake_ring.h"
#include "tests/shards/history_reference.h"
#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

using protocol::ErrorCode;

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::string_view kChannel = "room:1";

class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed) {
    limits_.size = Below(8) + 1;
    limits_.ttl_ns = (Below(4) + 1) * 10 * kSecondNs;
    limits_.meta_ttl_ns = limits_.ttl_ns + Below(3) * 30 * kSecondNs;
    limits_.recovery_limit = Below(6) + 1;
    limits_.history_limit = Below(6) + 1;
    limits_.cache = Below(3) == 0;
    limits_.automatic = limits_.cache && Below(2) == 0;
    config_.channel.namespaces = {{.name = "room",
                                   .history_size = static_cast<std::uint32_t>(limits_.size),
                                   .history_ttl_ns = limits_.ttl_ns,
                                   .force_recovery_mode = limits_.cache
                                                              ? engine::RecoveryMode::kCache
                                                              : engine::RecoveryMode::kStream,
                                   .auto_cache_recover = limits_.automatic}};
    config_.channel.history_meta_ttl_ns = limits_.meta_ttl_ns;
    config_.client.recovery_max_publication_limit =
        static_cast<std::uint32_t>(limits_.recovery_limit);
    config_.client.history_max_publication_limit =
        static_cast<std::uint32_t>(limits_.history_limit);
    reference_ = std::make_unique<HistoryReference>(limits_);
    home_ = std::make_unique<Home>(config_, exchange_, random_());
  }

  void Run() {
    const std::uint64_t steps = 20 + Below(60);
    for (std::uint64_t step = 0; step < steps && !testing::Test::HasFailure(); ++step) Step();
    // At the end everybody comes back.
    for (Client& client : clients_) {
      if (!client.online) Connect(client, /*careful=*/true);
    }
    PageThrough(/*reverse=*/false);
    PageThrough(/*reverse=*/true);
  }

 private:
  // One on each of two shards, so that each has its own lane.
  struct Client {
    ShardId shard;
    bool online = false;
    bool positioned = false;
    std::uint64_t offset = 0;  // Of what it has, as an SDK keeps it.
    std::string epoch;
    std::uint64_t seen = 0;  // The cut, and then what was delivered.
    std::uint32_t generation = 0;
  };

  std::uint64_t Below(std::uint64_t end) { return random_() % end; }
  bool Chance(std::uint64_t percent) { return Below(100) < percent; }

  void Step() {
    switch (Below(20)) {
      case 0:
        return Wait();
      case 1:
        return Sweep();
      case 2:
      case 3:
      case 4: {
        Client& client = clients_[Below(2)];
        return client.online ? Disconnect(client) : Connect(client, Chance(70));
      }
      case 5:
      case 6:
        return History();
      case 7:
        return Chance(30) ? Remove() : PageThrough(Chance(50));
      case 8:
        if (Chance(10)) Restart();
        return;
      case 9:
        return Shed();
      default:
        return Publish();
    }
  }

  // To the edges of what has a time, and on both sides of them.
  void Wait() {
    const std::uint64_t edges[] = {kSecondNs, limits_.ttl_ns, limits_.meta_ttl_ns, 300 * kSecondNs};
    const std::uint64_t edge = edges[Below(Chance(50) ? 2 : 4)];
    now_ += Chance(50) ? Below(edge) : edge + Below(3) - 1;
  }

  void Sweep() {
    home_->Sweep(now_);
    reference_->Sweep(now_);
  }

  void Shed() {
    const bool half = Chance(50);
    home_->LimitHistory(half ? 0.5 : 1);
    reference_->Shed(half ? std::max<std::uint64_t>(limits_.size / 2, 1) : limits_.size);
    Sweep();
  }

  // The process ends, clients stay as they are and connect to the next one.
  void Restart() {
    for (Client& client : clients_) client.online = false;
    home_ = std::make_unique<Home>(config_, exchange_, random_());
    reference_->Restart();
    Pump();
  }

  std::unique_ptr<Request> New(Request::Kind kind) {
    auto request = std::make_unique<Request>();
    request->kind = kind;
    request->channel = kChannel;
    return request;
  }

  std::unique_ptr<Request> Ask(std::unique_ptr<Request> request) {
    home_->Ask(std::move(request), now_);
    Pump();
    return std::move(answer_);
  }

  void Publish() {
    auto request = New(Request::Kind::kPublish);
    const std::string data = std::to_string(++published_);
    request->draft = DraftOf(kChannel, data);
    request->skip_history = Chance(10);
    if (Chance(15)) request->version = Below(4) + 1;
    if (request->version != 0 && Chance(50)) request->version_epoch = Chance(50) ? "a" : "b";
    if (Chance(10)) request->idempotency_key = Chance(50) ? "k" : "l";
    const HistoryReference::Published expected =
        reference_->Publish(now_, data, request->skip_history, request->version,
                            request->version_epoch, request->idempotency_key);
    const std::size_t before = delivered_;
    const auto answer = Ask(std::move(request));
    EXPECT_FALSE(answer->failed);
    EXPECT_EQ(answer->suppressed, expected.suppressed);
    ExpectPosition(*answer, expected.position);
    const auto online = static_cast<std::size_t>(clients_[0].online + clients_[1].online);
    EXPECT_EQ(delivered_ - before, expected.suppressed ? 0 : online);
  }

  void Connect(Client& client, bool careful) {
    auto request = New(Request::Kind::kSubscribe);
    request->origin = client.shard;
    request->local = client.shard;
    request->local_generation = ++client.generation;
    request->recoverable = careful || Chance(70);
    request->wants_position = request->recoverable || Chance(30);
    request->recover = careful ? client.positioned : Chance(80);
    request->reject_unrecovered = !careful && Chance(20);
    // As an SDK does; or what somebody else may ask for.
    const bool honest = careful || Chance(60);
    request->since_offset = honest ? client.offset : Below(12);
    request->since_epoch = honest ? client.epoch : AnEpoch();
    const HistoryReference::Subscribed expected = reference_->Subscribe(
        now_, request->recoverable, request->recover, request->reject_unrecovered,
        SinceOf(request->since_offset, request->since_epoch));
    const auto answer = Ask(std::move(request));
    EXPECT_EQ(answer->failed, expected.error != HistoryReference::Error::kNone);
    if (answer->failed) {
      EXPECT_EQ(answer->error, ErrorCode::kUnrecoverablePosition);
      return;
    }
    EXPECT_EQ(answer->recover, expected.was_recovering);
    EXPECT_EQ(answer->recovered, expected.recovered);
    ExpectPosition(*answer, expected.position);
    ExpectPublications(*answer, expected.publications);
    reference_->SetUsed(now_, true);
    client.online = true;
    client.positioned = answer->wants_position;
    client.seen = answer->sequence;
    // What it has from here on, without a hole: nothing else is a recovery.
    client.offset = answer->offset;
    client.epoch = answer->epoch;
    for (const PublicationRef& publication : answer->publications) {
      if (!limits_.cache) {
        EXPECT_EQ(publication->offset(), client.offset + 1);
      }
      client.offset = publication->offset();
    }
    // Live publications follow from the newest. Only who recovered is promised to have all up to
    // it; who asked for its position is told it.
    const std::uint64_t newest = reference_->newest();
    if (answer->recovered || !answer->recover) {
      EXPECT_EQ(client.offset, newest);
    }
    client.offset = newest;
  }

  void Disconnect(Client& client) {
    client.online = false;
    Request leave;
    leave.channel = kChannel;
    leave.local = client.shard;
    leave.local_generation = client.generation;
    home_->Leave(client.shard, leave, now_);
    reference_->SetUsed(now_, clients_[0].online || clients_[1].online);
  }

  void Remove() {
    const auto answer = Ask(New(Request::Kind::kHistoryRemove));
    EXPECT_FALSE(answer->failed);
    reference_->Remove(now_);
  }

  void History() {
    auto request = New(Request::Kind::kHistory);
    request->limit = static_cast<std::int32_t>(Below(10)) - 1;
    request->reverse = Chance(50);
    request->has_since = Chance(70);
    request->since_offset = Below(14);
    request->since_epoch = AnEpoch();
    Compare(std::move(request));
  }

  std::unique_ptr<Request> Compare(std::unique_ptr<Request> request) {
    const HistoryReference::Read expected = reference_->History(
        now_, request->limit, request->reverse,
        request->has_since ? std::optional(SinceOf(request->since_offset, request->since_epoch))
                           : std::nullopt);
    auto answer = Ask(std::move(request));
    EXPECT_EQ(answer->failed, expected.error != HistoryReference::Error::kNone);
    if (expected.error == HistoryReference::Error::kBadRequest) {
      EXPECT_EQ(answer->error, ErrorCode::kBadRequest);
    } else if (expected.error == HistoryReference::Error::kUnrecoverable) {
      EXPECT_EQ(answer->error, ErrorCode::kUnrecoverablePosition);
    } else {
      ExpectPosition(*answer, expected.position);
      ExpectPublications(*answer, expected.publications);
    }
    return answer;
  }

  // As an application reads a whole history: page by page, each from where the last one ended.
  void PageThrough(bool reverse) {
    const HistoryReference::Offsets kept = reference_->Kept(now_);
    HistoryReference::Offsets read;
    std::uint64_t since = 0;
    for (;;) {
      auto request = New(Request::Kind::kHistory);
      request->limit = static_cast<std::int32_t>(Below(3)) + 1;
      request->reverse = reverse;
      request->has_since = since != 0 || !reverse;
      request->since_offset = since;
      const auto page = Compare(std::move(request));
      if (page->failed || page->publications.empty()) break;
      for (const PublicationRef& each : page->publications) read.push_back(each->offset());
      since = read.back();
    }
    if (reverse) read = HistoryReference::Offsets(read.rbegin(), read.rend());
    EXPECT_EQ(read, kept);
  }

  // One that is known, none, or one that never was.
  std::string AnEpoch() {
    switch (Below(4)) {
      case 0:
        return "";
      case 1:
        return "stranger";
      default: {
        if (epochs_.empty()) return "";
        auto some = epochs_.begin();
        std::advance(some, static_cast<std::ptrdiff_t>(Chance(70) ? epochs_.size() - 1
                                                                  : Below(epochs_.size())));
        return some->second;
      }
    }
  }

  HistoryReference::Since SinceOf(std::uint64_t offset, const std::string& epoch) const {
    if (epoch.empty()) return {offset, HistoryReference::Since::kAny};
    for (const auto& [number, text] : epochs_) {
      if (text == epoch) return {offset, HistoryReference::Since::kEpoch, number};
    }
    return {offset, HistoryReference::Since::kForeign};
  }

  void ExpectPosition(const Request& answer, const HistoryReference::Position& expected) {
    EXPECT_EQ(answer.offset, expected.offset);
    if (expected.epoch == 0) {
      EXPECT_EQ(answer.epoch, "");
      return;
    }
    const auto known = epochs_.find(expected.epoch);
    if (known != epochs_.end()) {
      EXPECT_EQ(answer.epoch, known->second);
      return;
    }
    // Never one that was there before, whatever has happened.
    for (const auto& [number, text] : epochs_) EXPECT_NE(answer.epoch, text);
    EXPECT_FALSE(answer.epoch.empty());
    epochs_[expected.epoch] = answer.epoch;
  }

  void ExpectPublications(const Request& answer, const HistoryReference::Offsets& expected) {
    ASSERT_EQ(OffsetsOf(answer.publications), expected);
    for (const PublicationRef& publication : answer.publications) {
      EXPECT_EQ(publication->data(), reference_->DataOf(publication->offset()));
    }
  }

  // What the home sent to its two shards.
  void Pump() {
    exchange_.Publish(ring_);
    exchange_.Drain(1000, [this](ShardId, Message&& message) { Keep(0, std::move(message)); });
    peer_.Drain(1000, [this](ShardId, Message&& message) { Keep(1, std::move(message)); });
  }
  void Keep(ShardId to, Message&& message) {
    if (message.kind == Message::Kind::kAnswer) {
      answer_ = std::move(message.request);
      return;
    }
    ASSERT_EQ(message.kind, Message::Kind::kDeliver);
    Client& client = clients_[to];
    const Publication& publication = *message.publication;
    if (!client.online || message.generation != client.generation) return;
    ++delivered_;
    EXPECT_EQ(publication.sequence(), ++client.seen);
    if (publication.offset() == 0) return;
    EXPECT_EQ(publication.offset(), ++client.offset);
    EXPECT_EQ(publication.data(), reference_->DataOf(publication.offset()));
  }

  std::mt19937_64 random_;
  ReferenceLimits limits_;
  engine::Config config_;
  Mesh mesh_{2, 64};
  Exchange exchange_{mesh_, 0};
  Exchange peer_{mesh_, 1};
  FakeRing ring_;
  std::unique_ptr<Home> home_;
  std::unique_ptr<HistoryReference> reference_;
  std::uint64_t now_ = 1000 * kSecondNs;
  std::unique_ptr<Request> answer_;
  std::map<int, std::string> epochs_;
  Client clients_[2] = {{.shard = 0}, {.shard = 1}};
  std::size_t delivered_ = 0;
  int published_ = 0;
};

std::uint64_t Histories() {
  const char* const asked = std::getenv("TICKCAST_HISTORIES");
  return asked == nullptr ? 2000 : std::strtoull(asked, nullptr, 10);
}

TEST(HistoryModelTest, RandomHistoriesAnswerAsTheReference) {
  const std::uint64_t histories = Histories();
  ASSERT_GT(histories, 0u);
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Life(seed).Run();
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

}  // namespace
}  // namespace tickcast::shards
