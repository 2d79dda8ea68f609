// Options of a subscription: what is granted, changing it on the way, and what is too much.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/options_world.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

// --- What is granted -----------------------------------------------------------------------------

TEST_F(OptionsTest, TheReplySaysWhatIsGranted) {
  Begin();
  struct Case {
    const char* channel;
    const char* data;
    const char* granted;
  };
  const Case cases[] = {
      // Nothing asked for, nothing else than usual granted.
      {"state:1", "", ""},
      {"state:2", "{}", ""},
      {"state:3", R"({"mine":1})", ""},
      {"state:4", R"("text")", ""},
      {"state:5", R"({"interval_ms":null})", ""},
      {"state:6", R"({"interval_ms":0})", kEachTurn},
      {"state:7", R"({"interval_ms":1})", R"({"interval_ms":10,"min_change":0,"priority":false})"},
      {"state:8", R"({"interval_ms":250})",
       R"({"interval_ms":250,"min_change":0,"priority":false})"},
      {"state:9", R"({"interval_ms":1001})",
       R"({"interval_ms":1100,"min_change":0,"priority":false})"},
      {"state:10", R"({"interval_ms":60000})",
       R"({"interval_ms":60000,"min_change":0,"priority":false})"},
      {"state:11", R"({"priority":true})", R"({"interval_ms":0,"min_change":0,"priority":true})"},
      // Who has a filter of its own is not one of a group.
      {"state:12", R"({"min_change":0.001})",
       R"({"interval_ms":10,"min_change":0.001,"priority":false})"},
      // Rounded up to what can be told apart.
      {"state:13", R"({"min_change":0.0000101})",
       R"({"interval_ms":10,"min_change":2e-05,"priority":false})"},
      {"state:14", R"({"interval_ms":70,"min_change":0.5,"priority":true,"mine":[]})",
       R"({"interval_ms":70,"min_change":0.5,"priority":true})"},
      // The namespace's least and default.
      {"paced:1", "", R"({"interval_ms":200,"min_change":0,"priority":false})"},
      {"paced:2", R"({"interval_ms":0})", R"({"interval_ms":50,"min_change":0,"priority":false})"},
      {"paced:3", R"({"interval_ms":49})", R"({"interval_ms":50,"min_change":0,"priority":false})"},
      {"paced:4", R"({"interval_ms":51})", R"({"interval_ms":60,"min_change":0,"priority":false})"},
      {"paced:5", R"({"min_change":0.1})",
       R"({"interval_ms":200,"min_change":0.1,"priority":false})"},
      // Of a stream every publication counts.
      {"flow:1", "", ""},
      {"flow:2", R"({"interval_ms":100,"min_change":0.1})", kEachTurn},
      {"flow:3", R"({"interval_ms":100,"priority":true})",
       R"({"interval_ms":0,"min_change":0,"priority":true})"},
  };
  for (const Case& want : cases) {
    const Heard& reply = Subscribe(want.channel, want.data);
    EXPECT_EQ(reply.kind, Kind::kSubscribed) << want.channel << reply.text;
    EXPECT_EQ(reply.text, want.granted) << want.channel;
  }
}

TEST_F(OptionsTest, WhatIsOutOfRangeIsRefusedByName) {
  Begin();
  const std::pair<const char*, const char*> cases[] = {
      {R"({"interval_ms":-1})", "interval_ms"},  {R"({"interval_ms":60001})", "interval_ms"},
      {R"({"interval_ms":1.5})", "interval_ms"}, {R"({"interval_ms":"250"})", "interval_ms"},
      {R"({"min_change":1})", "min_change"},     {R"({"min_change":-0.1})", "min_change"},
      {R"({"min_change":"0.1"})", "min_change"}, {R"({"priority":1})", "priority"},
      {R"({"priority":"true"})", "priority"},
  };
  for (const auto& [data, name] : cases) {
    const Heard& refused = Subscribe("state:a", data);
    EXPECT_EQ(refused.kind, Kind::kError) << data;
    EXPECT_EQ(refused.code, 107u) << data;
    EXPECT_NE(refused.text.find(name), std::string::npos) << data << refused.text;
  }
  EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 0);
  // The same by rpc, and the subscription keeps what it has.
  Subscribe("state:a", R"({"interval_ms":100})");
  for (const auto& [data, name] : cases) {
    const std::string members = std::string(data).substr(1);
    const Heard& refused =
        Answer(client_->Rpc("tickcast.options", absl::StrCat(R"({"channel":"state:a",)", members)));
    EXPECT_EQ(refused.code, 107u) << data;
    EXPECT_NE(refused.text.find(name), std::string::npos) << data << refused.text;
  }
  EXPECT_EQ(Subscribe("state:a", R"({"interval_ms":100})").code, 105u);
  EXPECT_EQ(client_->close_code(), 0u);
}

// --- Changing it ---------------------------------------------------------------------------------

TEST_F(OptionsTest, SubscribingAnewChangesOptionsAndAnIdenticalRepeatIs105) {
  Begin();
  running_ = true;
  EXPECT_EQ(Subscribe("state:a", "").kind, Kind::kSubscribed);
  EXPECT_EQ(Subscribe("state:a", "").code, 105u);
  EXPECT_EQ(Subscribe("state:a", kEachTurn).code, 105u) << "what it has already";
  const Heard& changed = Subscribe("state:a", R"({"interval_ms":100})");
  EXPECT_EQ(changed.kind, Kind::kSubscribed);
  EXPECT_EQ(changed.text, R"({"interval_ms":100,"min_change":0,"priority":false})");
  EXPECT_TRUE(changed.publications.empty()) << "it has them";
  EXPECT_EQ(Subscribe("state:a", R"({"interval_ms":95})").code, 105u) << "it gets 100 as well";
  EXPECT_EQ(Subscribe("state:a", "").text, kEachTurn);
  EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 1);
  EXPECT_EQ(client_->HeardOf(Kind::kDropped).size(), 0u);
}

TEST_F(OptionsTest, TheRpcChangesWhatItNames) {
  Begin();
  const auto change = [&](std::string_view members) -> const Heard& {
    return Answer(client_->Rpc("tickcast.options",
                               absl::StrCat(R"({"channel":"state:a")", std::string(members), "}")));
  };
  EXPECT_EQ(change("").code, 107u) << "not subscribed";
  EXPECT_NE(client_->HeardOf(Kind::kError).back().text.find("state:a"), std::string::npos);
  Subscribe("state:a", "");
  EXPECT_EQ(change("").text, kEachTurn);
  EXPECT_EQ(change(R"(,"interval_ms":250)").text,
            R"({"interval_ms":250,"min_change":0,"priority":false})");
  EXPECT_EQ(change(R"(,"min_change":0.02)").text,
            R"({"interval_ms":250,"min_change":0.02,"priority":false})");
  EXPECT_EQ(change(R"(,"priority":true)").text,
            R"({"interval_ms":250,"min_change":0.02,"priority":true})");
  EXPECT_EQ(change(R"(,"min_change":0)").text,
            R"({"interval_ms":250,"min_change":0,"priority":true})");
  EXPECT_EQ(change(R"(,"interval_ms":0,"priority":false)").text, kEachTurn);
  EXPECT_EQ(Answer(client_->Rpc("tickcast.options", R"({"interval_ms":1})")).code, 107u);
  EXPECT_EQ(Answer(client_->Rpc("tickcast.options")).code, 107u);
  EXPECT_EQ(Answer(client_->Rpc("tickcast.else", "{}")).code, 108u);
  // Asked for and not answered yet: there is nothing to change.
  client_->Subscribe("state:b");
  const std::uint32_t early = client_->Rpc("tickcast.options", R"({"channel":"state:b"})");
  EXPECT_EQ(Answer(early).code, 107u);
}

TEST_F(OptionsTest, StatsTellWhatEachChannelHasAndHasMissed) {
  Begin();
  EXPECT_EQ(Answer(client_->Rpc("tickcast.stats")).text,
            R"({"pressure":"normal","conflated":0,"channels":{}})");
  Subscribe("state:a", R"({"interval_ms":100,"priority":true})");
  Subscribe("flow:\\\"b", "");
  running_ = true;
  cluster_->RunFor(400 * kMillisecond);
  running_ = false;
  cluster_->RunFor(200 * kMillisecond);
  const std::int64_t conflated = cluster_->Metric("tickcast_publications_conflated_total");
  EXPECT_EQ(static_cast<std::uint64_t>(conflated), number_ - NumbersOf("state:a").size());
  EXPECT_EQ(Answer(client_->Rpc("tickcast.stats")).text,
            absl::StrCat(
                R"({"pressure":"normal","conflated":)", conflated,
                R"(,"channels":{"state:a":{"conflated":)", conflated,
                R"(,"interval_ms":100,"min_change":0,"priority":true},"flow:\"b":{"conflated":0,)",
                std::string_view(kEachTurn).substr(1).data(), "}}"));
}

// Pushed, paced and pushed again, at any moment of a turn and with a socket that is full now and
// then: state only goes forward and arrives, the stream beside it has no hole. The cluster checks
// the ledger after every turn.
TEST_F(OptionsTest, ChangesOnTheWayLoseAndDoubleNothing) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    ClusterOptions options{.ring = {.buffers = 64},
                           .faults = {.refused_send = 0.1,
                                      .short_send = 0.1,
                                      .min_socket_buffer_bytes = 1000,
                                      .max_socket_buffer_bytes = 1000},
                           .meanwhile = static_cast<double>(seed % 3) / 2};
    options.config.engine.send_batch = static_cast<std::uint32_t>(1 + seed % 2);
    options.config.pressure.enabled = seed % 2 == 0;
    Begin(options, {"state:a", "state:b", "flow:a"}, kMillisecond);
    for (int i = 0; i < 6; ++i) {
      SimClient& other = cluster_->AddConnected();
      for (const char* channel : {"state:a", "flow:a"}) other.Subscribe(channel);
      other.Flush();
    }
    for (const char* channel : {"state:a", "state:b", "flow:a"}) Subscribe(channel, "");
    running_ = true;
    const char* const datas[] = {
        kEachTurn,
        R"({"interval_ms":10})",
        R"({"interval_ms":20,"priority":true})",
        R"({"interval_ms":30,"min_change":0.5})",
        R"({"priority":true})",
    };
    for (int round = 0; round < 300 && !HasFailure(); ++round) {
      const char* const channel = round % 3 == 0   ? "state:a"
                                  : round % 3 == 1 ? "state:b"
                                                   : "flow:a";
      client_->Subscribe(channel, {.data = datas[random() % std::size(datas)]});
      client_->Flush();
      if (random() % 20 == 0) client_->peer().SetReading(false);
      if (random() % 10 == 0) client_->peer().SetReading(true);
      cluster_->RunFor(random() % (3 * kMillisecond));
    }
    for (const char* channel : {"state:a", "state:b", "flow:a"}) {
      client_->Subscribe(channel, {.data = R"({"interval_ms":40})"});
      client_->Subscribe(channel, {.data = kEachTurn});
    }
    client_->Flush();
    running_ = false;
    client_->peer().SetReading(true);
    cluster_->world().set_faults({});
    cluster_->RunFor(3 * kSecond);
    for (const char* channel : {"state:a", "state:b"}) {
      const std::vector<std::uint64_t> numbers = NumbersOf(channel);
      ASSERT_TRUE(std::is_sorted(numbers.begin(), numbers.end(), std::less_equal<>())) << channel;
      ASSERT_EQ(numbers.back(), number_) << channel;
    }
    const std::vector<std::uint64_t> stream = NumbersOf("flow:a");
    ASSERT_EQ(stream.size(), number_);
    for (std::size_t i = 0; i < stream.size(); ++i) ASSERT_EQ(stream[i], i + 1);
    ASSERT_EQ(cluster_->ledger().outstanding, 0u);
    ASSERT_EQ(client_->close_code(), 0u);
  }
}

// --- What is too much ----------------------------------------------------------------------------

TEST_F(OptionsTest, WhoSubscribesInALoopIsRefusedAfterTheBurst) {
  ClusterOptions options;
  options.config.client.subscribe_rate = 10;
  options.config.client.channel_limit = 4;
  Begin(options);
  const auto loop = [&] {
    client_->Subscribe("state:a");
    client_->Unsubscribe("state:a");
    client_->Flush();
    cluster_->RunFor(kMillisecond / 2);
  };
  // Twice the channel limit at once.
  for (int i = 0; i < 12; ++i) loop();
  EXPECT_EQ(client_->HeardOf(Kind::kSubscribed).size(), 8u);
  const std::vector<Heard> refused = client_->HeardOf(Kind::kError);
  ASSERT_EQ(refused.size(), 4u);
  for (const Heard& error : refused) EXPECT_EQ(error.code, 111u);
  EXPECT_EQ(client_->HeardOf(Kind::kUnsubscribed).size(), 12u);
  // Then ten a second.
  for (int i = 0; i < 40; ++i) {
    loop();
    cluster_->RunFor(50 * kMillisecond);
  }
  EXPECT_NEAR(static_cast<double>(client_->HeardOf(Kind::kSubscribed).size()), 8 + 20, 1);
  // Who pauses has the burst again, and no more.
  cluster_->RunFor(3 * kSecond);
  const std::size_t before = client_->HeardOf(Kind::kSubscribed).size();
  for (int i = 0; i < 12; ++i) loop();
  EXPECT_EQ(client_->HeardOf(Kind::kSubscribed).size(), before + 8);
  EXPECT_EQ(client_->close_code(), 0u);
  // Another connection has a rate of its own.
  SimClient& other = cluster_->AddConnected();
  const std::uint32_t id = other.Subscribe("state:a");
  other.Flush();
  cluster_->RunFor(20 * kMillisecond);
  EXPECT_EQ(other.ReplyTo(id)->kind, Kind::kSubscribed);
}

TEST_F(OptionsTest, WithoutARateALoopIsNotRefused) {
  ClusterOptions options;
  options.config.client.subscribe_rate = 0;
  options.config.client.channel_limit = 4;
  Begin(options);
  for (int i = 0; i < 500; ++i) {
    client_->Subscribe("state:a");
    client_->Unsubscribe("state:a");
    client_->Flush();
    cluster_->RunFor(kMillisecond / 2);
  }
  EXPECT_EQ(client_->HeardOf(Kind::kSubscribed).size(), 500u);
}

TEST_F(OptionsTest, AFloodOfPingsIsOwedOnePongPerTurn) {
  Begin({.ring = {.buffers = 64, .buffer_bytes = 512}});
  std::uint64_t turns = 0;
  cluster_->on_turn = [&](ShardId) { ++turns; };
  constexpr int kPings = 3000;
  for (int i = 0; i < kPings; ++i) {
    client_->SendFrame(protocol::Opcode::kPing, absl::StrCat("ping ", i));
  }
  turns = 0;
  cluster_->RunFor(20 * kMillisecond);
  const std::vector<Heard> pongs = client_->HeardOf(Kind::kPong);
  ASSERT_FALSE(pongs.empty());
  EXPECT_LE(pongs.size(), turns);
  EXPECT_LT(pongs.size(), 100u);
  EXPECT_EQ(pongs.back().text, absl::StrCat("ping ", kPings - 1)) << "the newest is answered";

  // A peer that does not even read is owed one.
  client_->peer().SetReading(false);
  for (int i = 0; i < 20'000; ++i) client_->SendFrame(protocol::Opcode::kPing, "again");
  cluster_->RunFor(kSecond);
  EXPECT_LT(cluster_->Metric("tickcast_memory_bytes", "replies"), 200);
  EXPECT_EQ(cluster_->Metric("tickcast_reading_paused_total"), 0);
}

}  // namespace
}  // namespace tickcast::shards::sim
