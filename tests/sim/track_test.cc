// Watch lists: keys of a keyed channel that clients track and untrack.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <ctime>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "tests/sim/watch_world.h"

namespace tickcast::shards::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

using TrackTest = WatchTest;

TEST_F(TrackTest, ASubscriptionSaysItsTypeAndEpoch) {
  Begin();
  SimClient& client = cluster_->AddConnected();
  const Heard& reply = Answer(client, SendSubscribe(client));
  EXPECT_EQ(reply.kind, Kind::kSubscribed);
  EXPECT_EQ(reply.epoch.size(), 8u);
  EXPECT_FALSE(reply.recoverable);
  EXPECT_EQ(Answer(client, SendSubscribe(client)).code, 105u);
}

TEST_F(TrackTest, WhatIsNotOfItsTypeIsRefused) {
  Begin();
  SimClient& client = cluster_->AddConnected();
  const struct {
    const char* channel;
    int type;
    std::uint32_t code;
  } cases[] = {
      {kWatch, 0, 107},     {kWatch, 1, 107},   {kWatch, 2, 107},   {"ticker:kucoin.S1", 4, 108},
      {"flow:a", 4, 108},   {"flow:a", 1, 103}, {"watch:", 4, 108}, {"watch:a.b", 4, 108},
      {"nowhere:a", 4, 108}};
  for (const auto& each : cases) {
    const std::uint32_t id = client.Command(
        absl::StrCat(R"("subscribe":{"channel":")", each.channel, R"(","type":)", each.type, "}"));
    client.Flush();
    EXPECT_EQ(Answer(client, id).code, each.code) << each.channel << " " << each.type;
  }
  EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 0);
}

// The second one finds the slots live on its shard.
TEST_F(TrackTest, FirstValuesComeAtOnceAndThenEachNewOne) {
  for (const ShardId shards : {1, 2, 3}) {
    SCOPED_TRACE(shards);
    Begin(shards);
    newest_.clear();
    Tick(1);
    Tick(2);
    cluster_->RunFor(5 * kMillisecond);
    SimClient& client = Subscribed(shards - 1);
    EXPECT_EQ(Answer(client, SendTrack(client, {"S1", "S2", "S3"})).kind, Kind::kProlonged);
    cluster_->RunFor(5 * kMillisecond);
    EXPECT_THAT(Pushed(client), UnorderedElementsAre("S1=1", "S2=1"));
    SimClient& second = Subscribed(shards - 1);
    const Heard& reply = Answer(second, SendTrack(second, {"S1", "S3"}));
    EXPECT_THAT(Shown(reply.publications), ElementsAre("S1=1"));
    EXPECT_EQ(reply.publications[0].version, 1u);
    Tick(1);
    Tick(3);
    Tick(4);
    cluster_->RunFor(5 * kMillisecond);
    EXPECT_THAT(Pushed(client), UnorderedElementsAre("S1=1", "S2=1", "S1=2", "S3=1"));
    EXPECT_THAT(Pushed(second), UnorderedElementsAre("S1=2", "S3=1"));
    EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 5);
    EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 2);
  }
}

TEST_F(TrackTest, WhatTheClientHasIsNotToldAgain) {
  for (const ShardId shards : {1, 2}) {
    Begin(shards);
    newest_.clear();
    for (int i = 0; i < 3; ++i) {
      Tick(1);
      Tick(2);
    }
    cluster_->RunFor(5 * kMillisecond);
    for (const bool live : {false, true}) {  // The first one has to ask the slots' homes.
      SCOPED_TRACE(live);
      SimClient& client = Subscribed(shards - 1);
      const Heard& reply =
          Answer(client, Send(client, absl::StrCat("\"type\":1,\"track\":[",
                                                   Batch({"S1", "S2"}, "", {3, 2}), "]")));
      cluster_->RunFor(5 * kMillisecond);
      std::vector<std::string> told = Shown(reply.publications);
      for (const std::string& each : Pushed(client)) told.push_back(each);
      EXPECT_THAT(told, ElementsAre("S2=3"));
    }
  }
}

TEST_F(TrackTest, AnUntrackedKeyIsSilent) {
  Begin(2);
  SimClient& client = Subscribed();
  Answer(client, SendTrack(client, {"S1", "S2", "S3"}));
  EXPECT_EQ(Answer(client, SendUntrack(client, {"S2", "unknown"})).kind, Kind::kProlonged);
  for (const std::uint32_t symbol : {1, 2, 3}) Tick(symbol);
  cluster_->RunFor(5 * kMillisecond);
  EXPECT_THAT(Pushed(client), UnorderedElementsAre("S1=1", "S3=1"));
  EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 2);
  // One command may change the whole list, and an untracked key may come back.
  Answer(client, Send(client, absl::StrCat(R"("type":1,"track":[)", Batch({"S2", "S4"}),
                                           R"(],"untrack":["S1","S3","S4"])")));
  EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 1);
  cluster_->RunFor(5 * kMillisecond);
  for (const std::uint32_t symbol : {1, 2, 3, 4}) Tick(symbol);
  cluster_->RunFor(5 * kMillisecond);
  EXPECT_THAT(Pushed(client), UnorderedElementsAre("S1=1", "S3=1", "S2=1", "S2=2"));
}

// The commands come while the homes of its slots are asked.
TEST_F(TrackTest, UntrackedAndTrackedAgainBeforeTheHomeAnswers) {
  Begin(3);
  Tick(1);
  cluster_->RunFor(5 * kMillisecond);
  for (int shard = 0; shard < 3; ++shard) {
    SimClient& client = Subscribed(static_cast<ShardId>(shard));
    SendTrack(client, {"S1"});
    SendUntrack(client, {"S1"});
    SendTrack(client, {"S1"});
    Answer(client, SendUntrack(client, {"S1"}));
    const std::uint32_t last = SendTrack(client, {"S1"});
    Answer(client, last);
    cluster_->RunFor(5 * kMillisecond);
    std::vector<std::string> told = Shown(client.ReplyTo(last)->publications);
    for (const std::string& each : Pushed(client)) told.push_back(each);
    EXPECT_EQ(told.back(), "S1=1");
    EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), shard + 1);
  }
  // Gone in the middle of it.
  for (int shard = 0; shard < 3; ++shard) {
    SimClient& client = Subscribed(static_cast<ShardId>(shard));
    SendTrack(client, {"S2", "S3", "S4"});
    if (shard % 2 == 0) {
      client.Reset();
    } else {
      client.Unsubscribe(kWatch);
      client.Flush();
    }
    cluster_->RunFor(5 * kMillisecond);
  }
  EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 3);
}

TEST_F(TrackTest, UnsubscribingLeavesNoKeyBehind) {
  Begin(2);
  SimClient& client = Subscribed();
  Answer(client, SendTrack(client, {"S1", "S2"}));
  // A subscription to a slot under its own name is another one.
  Answer(client, (client.Flush(), [&] {
           const std::uint32_t id = client.Subscribe("ticker:kucoin.S1");
           client.Flush();
           return id;
         }()));
  const std::uint32_t left = client.Unsubscribe(kWatch);
  client.Flush();
  EXPECT_EQ(Answer(client, left).kind, Kind::kUnsubscribed);
  EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 0);
  Tick(1);
  Tick(2);
  cluster_->RunFor(5 * kMillisecond);
  EXPECT_THAT(Pushed(client), IsEmpty());
  EXPECT_EQ(client.DataOf("ticker:kucoin.S1").size(), 1u);
  EXPECT_EQ(Answer(client, SendTrack(client, {"S1"})).code, 103u);
  // From the start, with nothing of before.
  Answer(client, SendSubscribe(client));
  EXPECT_THAT(Shown(Answer(client, SendTrack(client, {"S1"})).publications), ElementsAre("S1=1"));
}

TEST_F(TrackTest, AtAnIntervalAllKeysLeaveInOneMessage) {
  Begin();
  SimClient& client = Subscribed(0, R"(,"data":{"interval_ms":100})");
  std::vector<std::string> keys;
  for (std::uint32_t symbol = 0; symbol < 30; ++symbol) {
    keys.push_back(Key(symbol));
    Tick(symbol);
  }
  cluster_->RunFor(5 * kMillisecond);
  Answer(client, SendTrack(client, keys));
  cluster_->RunFor(200 * kMillisecond);
  const std::int64_t sends = cluster_->Metric("tickcast_sends_total");
  for (int round = 0; round < 5; ++round) {
    for (std::uint32_t symbol = 0; symbol < 30; ++symbol) Tick(symbol);
    cluster_->RunFor(3 * kMillisecond);
  }
  const std::size_t before = Pushed(client).size();
  cluster_->RunFor(100 * kMillisecond);
  EXPECT_EQ(Pushed(client).size(), before + 30u);
  EXPECT_THAT(Pushed(client).back(), HasSubstr("=6"));
  EXPECT_EQ(cluster_->Metric("tickcast_sends_total"), sends + 1);
  // Other options hold for every key at once.
  const std::uint32_t changed =
      client.Rpc("tickcast.options", R"({"channel":"watch:kucoin","interval_ms":0})");
  client.Flush();
  EXPECT_EQ(Answer(client, changed).kind, Kind::kRpc);
  Tick(7);
  cluster_->RunFor(3 * kMillisecond);
  EXPECT_EQ(Pushed(client).back(), "S7=7");
}

TEST_F(TrackTest, KeysAreBounded) {
  Begin();
  SimClient& client = Subscribed();
  std::vector<std::string> keys;
  for (std::uint32_t symbol = 0; symbol < 100; ++symbol) keys.push_back(Key(symbol));
  EXPECT_EQ(Answer(client, SendTrack(client, keys)).kind, Kind::kProlonged);
  EXPECT_EQ(Answer(client, SendTrack(client, {"S100"})).code, 106u);
  EXPECT_EQ(Answer(client, SendTrack(client, {"S5", "S6", "S5"})).kind, Kind::kProlonged);
  // What leaves in the same command makes room.
  EXPECT_EQ(Answer(client, Send(client, absl::StrCat(R"("type":1,"track":[)", Batch({"S100"}),
                                                     R"(],"untrack":["S0"])")))
                .kind,
            Kind::kProlonged);
  EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 100);
  EXPECT_EQ(cluster_->Metric("tickcast_limited_total", "max_keys_per_connection"), 1);
  // They are none of its channels.
  options_.config.client.channel_limit = 2;
  Begin();
  SimClient& other = Subscribed();
  EXPECT_EQ(Answer(other, SendTrack(other, {"S1", "S2", "S3"})).kind, Kind::kProlonged);
  const std::uint32_t second = other.Subscribe("flow:a");
  const std::uint32_t third = other.Subscribe("flow:b");
  other.Flush();
  EXPECT_EQ(Answer(other, second).kind, Kind::kSubscribed);
  EXPECT_EQ(Answer(other, third).code, 106u);
}

TEST_F(TrackTest, BadRequestsChangeNothing) {
  Begin();
  SimClient& client = Subscribed();
  const std::string long_key(256, 'k');
  const std::string bad[] = {
      R"("type":1)",
      R"("type":1,"track":[])",
      R"("type":1,"track":[{"signature":"","items":[]}])",
      absl::StrCat(R"("type":1,"track":[)", Batch({"S1", ""}), "]"),
      absl::StrCat(R"("type":1,"track":[)", Batch({"S1", long_key}), "]"),
      R"("type":2)",
      R"("type":2,"untrack":[])",
      R"("type":3)",
  };
  for (const std::string& members : bad) {
    EXPECT_EQ(Answer(client, Send(client, members)).code, 107u) << members;
  }
  EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 0);
  EXPECT_EQ(Answer(client, SendTrack(client, {std::string(255, 'k')})).kind, Kind::kProlonged);
  // Not a channel whose keys could be tracked, and none that it is subscribed to.
  const std::uint32_t plain = client.Subscribe("flow:a");
  client.Flush();
  Answer(client, plain);
  const std::string track = absl::StrCat(R"("type":1,"track":[)", Batch({"S1"}), "]");
  EXPECT_EQ(Answer(client, Send(client, track, "flow:a")).code, 107u);
  EXPECT_EQ(Answer(client, Send(client, track, "watch:binance")).code, 103u);
  EXPECT_EQ(Answer(client, Send(client, track, "signed:kucoin")).code, 103u);
}

TEST_F(TrackTest, SignaturesAreAskedForWhereTheyAreDue) {
  Begin();
  SimClient& client = Subscribed(0, "", "signed:kucoin");
  const std::string wrong = absl::StrCat(std::time(nullptr), ":0:", std::string(64, '0'));
  for (const std::string& signature : {std::string(), std::string("x"), wrong}) {
    const std::string members =
        absl::StrCat(R"("type":1,"track":[)", Batch({"S1"}, signature), "]");
    EXPECT_EQ(Answer(client, Send(client, members, "signed:kucoin")).code, 103u) << signature;
  }
  EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 0);
}

std::string Hex(const unsigned char* bytes, std::size_t size) {
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(bytes), size));
}

// Of an anonymous user, for `signed:kucoin`.
std::string Sign(const std::vector<std::string>& keys, std::int64_t expiry_s) {
  const std::string nul(1, '\0');
  const std::string joined = absl::StrJoin(keys, nul);
  unsigned char digest[32];
  SHA256(reinterpret_cast<const unsigned char*>(joined.data()), joined.size(), digest);
  const std::int64_t issued_s = std::time(nullptr) - 100;
  const std::string text =
      absl::StrJoin({absl::StrCat(issued_s), absl::StrCat(expiry_s), std::string(),
                     std::string("signed:kucoin"), Hex(digest, sizeof(digest))},
                    nul);
  constexpr std::string_view kSecret = "a secret of these tests";
  HMAC(EVP_sha256(), kSecret.data(), static_cast<int>(kSecret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, nullptr);
  return absl::StrCat(issued_s, ":", expiry_s, ":", Hex(digest, sizeof(digest)));
}

// Without a word: the client has been told when, and asks for a new signature.
TEST_F(TrackTest, KeysGoWhenTheirSignatureHasExpired) {
  for (engine::Namespace& ns : options_.config.channel.namespaces) {
    ns.shared_poll.track_expired_extra_delay_ns = 0;
  }
  Begin(2);
  SimClient& client = Subscribed(1, "", "signed:kucoin");
  const std::int64_t now_s = std::time(nullptr);
  const auto track = [&](const std::vector<std::string>& keys, std::int64_t expiry_s) {
    return Answer(
        client,
        Send(client, absl::StrCat(R"("type":1,"track":[)", Batch(keys, Sign(keys, expiry_s)), "]"),
             "signed:kucoin"));
  };
  EXPECT_EQ(track({"S1", "S2"}, now_s + 3600).text, R"({"expires":true,"ttl":3600})");
  EXPECT_EQ(track({"S3"}, 0).text, "{}");
  EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 3);
  // Still taken, and over at once.
  EXPECT_EQ(track({"S4", "S5"}, now_s - 2).text, R"({"expires":true})");
  cluster_->RunFor(100 * kMillisecond);
  EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 3);
  EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys_expired_total"), 2);
  for (const std::uint32_t symbol : {1, 2, 3, 4, 5}) Tick(symbol);
  cluster_->RunFor(5 * kMillisecond);
  EXPECT_THAT(Pushed(client, "signed:kucoin"), UnorderedElementsAre("S1=1", "S2=1", "S3=1"));
  // What is signed anew stays so long.
  EXPECT_THAT(track({"S1"}, now_s - 2).text, testing::StartsWith(R"({"expires":true,"items":[)"));
  cluster_->RunFor(100 * kMillisecond);
  EXPECT_EQ(cluster_->Metric("tickcast_tracked_keys"), 2);
  EXPECT_EQ(track({"S9"}, now_s - 60).code, 109u);
}

// Whatever the namespace of the watch list says, which has a least interval of its own too.
TEST_F(TrackTest, TheFeedsLeastIntervalHoldsForItsKeys) {
  for (engine::Namespace& ns : options_.config.channel.namespaces) {
    if (ns.name == "ticker") ns.min_interval_ns = 200 * kMillisecond;
    if (ns.name == "watch") ns.min_interval_ns = 50 * kMillisecond;
  }
  Begin();
  SimClient& client = cluster_->AddConnected();
  EXPECT_THAT(Answer(client, SendSubscribe(client, R"(,"data":{"interval_ms":0})")).text,
              HasSubstr(R"("interval_ms":200)"));
}

TEST_F(TrackTest, DeltasAreToldPerKey) {
  Begin();
  padding_bytes_ = 200;
  Tick(1);
  cluster_->RunFor(3 * kMillisecond);
  SimClient& first = Subscribed(0, R"(,"delta":"fossil")");
  Answer(first, SendTrack(first, {"S1"}));
  cluster_->RunFor(3 * kMillisecond);
  SimClient& client = Subscribed(0, R"(,"delta":"fossil")");
  const Heard& reply = Answer(client, SendTrack(client, {"S1", "S2"}));
  ASSERT_EQ(reply.publications.size(), 1u);
  EXPECT_THAT(reply.publications[0].data, HasSubstr("\\\"")) << "an escaped string";
  Tick(1);
  Tick(2);
  cluster_->RunFor(3 * kMillisecond);
  Tick(1);
  Tick(2);
  cluster_->RunFor(3 * kMillisecond);
  std::map<std::string, std::vector<bool>> deltas;
  for (const Heard& heard : client.HeardOf(Kind::kPublication, kWatch)) {
    deltas[heard.publications[0].key].push_back(heard.publications[0].delta);
  }
  EXPECT_THAT(deltas["S1"], ElementsAre(true, true)) << "against what stood in the answer";
  EXPECT_THAT(deltas["S2"], ElementsAre(false, true));
}

}  // namespace
}  // namespace tickcast::shards::sim
