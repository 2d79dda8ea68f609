#include "tools/loadgen/books.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace tickcast::loadgen {
namespace {

using What = Books::Push::What;

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kNow = 5'000 * kMillisecond;
constexpr std::int64_t kWallOffsetNs = 1'000'000 * std::int64_t{1'000'000'000};
constexpr std::uint32_t kRun = 77;

std::string Value(const std::string& symbol, std::uint64_t seq, std::int64_t time_ms) {
  return absl::StrCat(R"({"push":{"channel":"ticker:sim.)", symbol, R"(","pub":{"data":{"seq":)",
                      seq, R"(,"time":)", time_ms, R"(,"price":"1"}}}})");
}

std::string Stamped(const Stamp& stamp) {
  std::string line = R"({"push":{"channel":"bench:0000","pub":{"data":)";
  AppendStamped(stamp, kMinPayloadBytes, line);
  return line + "}}}";
}

// Wall clock in milliseconds at kNow, minus an age.
std::int64_t WallMs(std::int64_t age_ms) {
  return (static_cast<std::int64_t>(kNow) + kWallOffsetNs) / 1'000'000 - age_ms;
}

// Six connections with one of the channels A, B and C each, of which this crew has a part.
class BooksTest : public testing::Test {
 protected:
  Books& Make(bool feed, std::uint32_t crew = 0, std::uint32_t crews = 1,
              const std::string& mix = "") {
    const TopologyOptions topology{.connections = 6, .channels = 3, .subscriptions = 1};
    topology_ = feed ? std::make_unique<Topology>(
                           topology,
                           std::vector<std::string>{"ticker:sim.A", "ticker:sim.B", "ticker:sim.C"})
                     : std::make_unique<Topology>(topology);
    mix_ = std::make_unique<Mix>(*ParseMix(mix, 6, {}));
    books_ = std::make_unique<Books>(BooksOptions{.crew = crew,
                                                  .crews = crews,
                                                  .feed = feed,
                                                  .run = kRun,
                                                  .wall_offset_ns = kWallOffsetNs},
                                     *topology_, *mix_);
    for (std::uint32_t i = 0; i < books_->connections(); ++i) {
      books_->Open(i, false);
      books_->Ready(i, kNow);
    }
    return *books_;
  }

  std::unique_ptr<Topology> topology_;
  std::unique_ptr<Mix> mix_;
  std::unique_ptr<Books> books_;
};

TEST_F(BooksTest, CrewsShareTheConnections) {
  std::vector<std::uint32_t> seen;
  for (std::uint32_t crew = 0; crew < 4; ++crew) {
    const Books& books = Make(true, crew, 4);
    for (std::uint32_t i = 0; i < books.connections(); ++i) seen.push_back(books.global(i));
  }
  EXPECT_EQ(seen, (std::vector<std::uint32_t>{0, 4, 1, 5, 2, 3}));
  EXPECT_EQ(Make(true, 7, 8).connections(), 0U);
}

TEST_F(BooksTest, AnAgeIsTheWallClockMinusTheValuesTime) {
  Books& books = Make(true);
  books.BeginMeasuring(kNow);
  EXPECT_EQ(books.OnPush(0, Value("A", 1, WallMs(250)), kNow).what, What::kPublication);
  const Histogram& ages = books.records()[0].latency;
  EXPECT_EQ(ages.count(), 1U);
  EXPECT_EQ(ages.max(), 250 * kMillisecond);
  EXPECT_EQ(books.counts().early, 0U);
  books.OnPush(0, Value("A", 2, WallMs(-3)), kNow);
  EXPECT_EQ(books.counts().early, 1U);
}

TEST_F(BooksTest, OnlyTheMeasuredTimeIsMeasured) {
  Books& books = Make(true);
  books.OnPush(0, Value("A", 1, WallMs(900)), kNow);
  books.BeginMeasuring(kNow);
  books.OnPush(0, Value("A", 2, WallMs(5)), kNow);
  books.EndMeasuring(kNow);
  books.OnPush(0, Value("A", 3, WallMs(900)), kNow);
  EXPECT_EQ(books.records()[0].latency.count(), 1U);
  EXPECT_EQ(books.records()[0].latency.max(), 5 * kMillisecond);
  EXPECT_EQ(books.TakeInterval().count(), 3U);
  EXPECT_EQ(books.TakeInterval().count(), 0U);
}

TEST_F(BooksTest, TheReplysValueIsTheBeginning) {
  Books& books = Make(true);
  books.OnSubscribed(0, 0,
                     R"({"id":2,"subscribe":{"publications":[{"data":{"seq":10,"time":1}}]}})");
  books.OnPush(0, Value("A", 10, WallMs(0)), kNow);
  books.OnPush(0, Value("A", 14, WallMs(0)), kNow);
  const Ledger::Tally& tally = books.records()[0].counts.tally;
  EXPECT_EQ(tally.duplicate, 1U);
  EXPECT_EQ(tally.missing, 3U);
  EXPECT_EQ(books.counts().first_values, 1U);
  EXPECT_EQ(books.records()[0].counts.deliveries, 2U);
}

TEST_F(BooksTest, AValueOfAnotherChannelIsMisdirected) {
  Books& books = Make(true);
  const Books::Push push = books.OnPush(0, Value("B", 1, WallMs(0)), kNow);
  EXPECT_FALSE(push.first_time);
  books.OnPush(0, Value("UNKNOWN", 1, WallMs(0)), kNow);
  EXPECT_EQ(books.counts().misdirected, 2U);
  EXPECT_EQ(books.records()[0].counts.deliveries, 0U);
}

TEST_F(BooksTest, TheServersWordsAreNoPublications) {
  Books& books = Make(true);
  EXPECT_EQ(books.OnPush(0, R"({"push":{"message":{"data":{"conflated":5}}}})", kNow).what,
            What::kOther);
  EXPECT_EQ(books.records()[0].counts.told, 1U);
  const Books::Push push = books.OnPush(
      1, R"({"push":{"channel":"ticker:sim.B","unsubscribe":{"code":2500,"reason":"x"}}})", kNow);
  EXPECT_EQ(push.what, What::kUnsubscribed);
  EXPECT_EQ(push.subscription, 0U);
  EXPECT_EQ(books.counts().unsubscribed, 1U);
  EXPECT_EQ(books.OnPush(1, R"({"push":{"channel":"ticker:sim.B","join":{}}})", kNow).what,
            What::kOther);
}

TEST_F(BooksTest, AStampIsKnownByItsRunAndCountedInOrder) {
  Books& books = Make(false);
  books.BeginMeasuring(kNow);
  Stamp stamp{.run = kRun, .channel = 0, .number = 0, .publication = 9, .time_ns = kNow + 1};
  const Books::Push push = books.OnPush(0, Stamped(stamp), kNow + 1 + 3 * kMillisecond);
  EXPECT_EQ(push.what, What::kPublication);
  EXPECT_TRUE(push.first_time);
  EXPECT_EQ(push.publication, 9U);
  EXPECT_FALSE(books.OnPush(0, Stamped(stamp), kNow).first_time);
  EXPECT_EQ(books.records()[0].latency.max(), 3 * kMillisecond);
  stamp.run = kRun + 1;
  EXPECT_EQ(books.OnPush(0, Stamped(stamp), kNow).what, What::kOther);
  const Ledger::Tally& tally = books.records()[0].counts.tally;
  EXPECT_EQ(tally.delivered, 1U);
  EXPECT_EQ(tally.duplicate, 1U);
}

TEST_F(BooksTest, SettlingMissesWhatPromptClientsDidNotGet) {
  Books& books = Make(false, 0, 1, "silent=2,fast");
  books.Settle({5, 5, 5});
  std::uint64_t missing[2] = {};
  for (int kind = 0; kind < 2; ++kind) missing[kind] = books.records()[kind].counts.tally.missing;
  EXPECT_EQ(missing[0], 0U);
  EXPECT_EQ(missing[1], 4 * 5U);
}

TEST_F(BooksTest, WhoComesBackIsOwedNothingOfTheTimeBetween) {
  Books& books = Make(false);
  books.OnPush(0, Stamped({.run = kRun, .number = 0}), kNow);
  books.Gone(0, kNow);
  books.Open(0, true);
  books.Ready(0, kNow);
  books.OnPush(0, Stamped({.run = kRun, .number = 50}), kNow);
  EXPECT_EQ(books.records()[0].counts.tally.missing, 0U);
  EXPECT_EQ(books.records()[0].counts.tally.delivered, 2U);
}

TEST_F(BooksTest, AStallIsTheLongestWaitWhileConnected) {
  Books& books = Make(true, 0, 6);  // One connection.
  books.BeginMeasuring(kNow);
  books.OnPush(0, Value("A", 1, WallMs(0)), kNow + 100 * kMillisecond);
  books.OnPush(0, Value("A", 2, WallMs(0)), kNow + 400 * kMillisecond);
  books.Gone(0, kNow + 500 * kMillisecond);
  books.Ready(0, kNow + 5'000 * kMillisecond);
  books.OnPush(0, Value("A", 3, WallMs(0)), kNow + 5'200 * kMillisecond);
  books.EndMeasuring(kNow + 5'250 * kMillisecond);
  EXPECT_EQ(books.records()[0].stall.max(), 300 * kMillisecond);
  EXPECT_EQ(books.lull().LongestNs(kNow + 5'250 * kMillisecond), 4'790 * kMillisecond);
}

TEST_F(BooksTest, AStallThatLastsUntilTheEndCounts) {
  Books& books = Make(true, 0, 6);
  books.BeginMeasuring(kNow);
  books.OnPush(0, Value("A", 1, WallMs(0)), kNow + 100 * kMillisecond);
  books.EndMeasuring(kNow + 900 * kMillisecond);
  EXPECT_EQ(books.records()[0].stall.max(), 800 * kMillisecond);
}

// The end is told by another thread: what has come since must not count backwards.
TEST_F(BooksTest, ADeliveryAfterTheEndIsNoStall) {
  Books& books = Make(true, 0, 6);
  books.BeginMeasuring(kNow);
  books.OnPush(0, Value("A", 1, WallMs(0)), kNow + 100 * kMillisecond);
  books.EndMeasuring(kNow + 90 * kMillisecond);
  EXPECT_EQ(books.records()[0].stall.max(), 100 * kMillisecond);
}

// Connections of two keys each of A to F.
class TrackedBooksTest : public testing::Test {
 protected:
  Books& Make(bool feed, bool scrolling = false) {
    const TopologyOptions topology{.connections = 3, .channels = 6, .subscriptions = 2};
    std::vector<std::string> names;
    for (const char* key : {"A", "B", "C", "D", "E", "F"}) {
      names.push_back(absl::StrCat("ticker:sim.", key));
    }
    topology_ = std::make_unique<Topology>(topology, names);
    mix_ = std::make_unique<Mix>(*ParseMix("", 3, {}));
    books_ = std::make_unique<Books>(BooksOptions{.feed = feed,
                                                  .address = Address::kTrack,
                                                  .scrolling = scrolling,
                                                  .run = kRun,
                                                  .wall_offset_ns = kWallOffsetNs},
                                     *topology_, *mix_);
    for (std::uint32_t i = 0; i < 3; ++i) {
      books_->Open(i, false);
      books_->Ready(i, kNow);
    }
    return *books_;
  }
  static std::string Keyed(const std::string& key, std::uint64_t seq, std::uint64_t version) {
    return absl::StrCat(R"({"push":{"channel":"watch:sim","pub":{"data":{"seq":)", seq,
                        R"(,"time":)", WallMs(0), R"(},"key":")", key, R"(","version":)", version,
                        "}}}");
  }
  const Ledger::Tally& tally() { return books_->records()[0].counts.tally; }

  std::unique_ptr<Topology> topology_;
  std::unique_ptr<Mix> mix_;
  std::unique_ptr<Books> books_;
};

TEST_F(TrackedBooksTest, AKeysValuesAreCountedAsThoseOfItsChannel) {
  Books& books = Make(true);  // Connection 0 has A and D.
  EXPECT_TRUE(books.OnPush(0, Keyed("A", 10, 1), kNow).first_time);
  EXPECT_TRUE(books.OnPush(0, Keyed("D", 70, 1), kNow).first_time);
  EXPECT_TRUE(books.OnPush(0, Keyed("A", 14, 2), kNow).first_time);
  EXPECT_EQ(tally().delivered, 3U);
  EXPECT_EQ(tally().missing, 3U);
  books.OnPush(0, Keyed("B", 1, 1), kNow);
  books.OnPush(0, Keyed("Z", 1, 1), kNow);
  EXPECT_EQ(books.counts().misdirected, 2U);
  // By the name of its slot it was never followed.
  books.OnPush(0, Value("A", 15, WallMs(0)), kNow);
  EXPECT_EQ(books.counts().misdirected, 3U);
  EXPECT_EQ(books.counts().stale, 0U);
}

TEST_F(TrackedBooksTest, WhatIsNoNewerIsStale) {
  Books& books = Make(true);
  books.OnTracked(0, R"({"id":3,"sub_refresh":{"items":[{"data":{"seq":10,"time":1},"key":"D",)"
                     R"("version":5}]}})");
  EXPECT_EQ(books.counts().first_values, 1U);
  books.OnPush(0, Keyed("D", 11, 6), kNow);
  EXPECT_EQ(books.counts().stale, 0U);
  EXPECT_EQ(tally().missing, 0U);
  books.OnPush(0, Keyed("D", 12, 6), kNow);
  books.OnPush(0, Keyed("D", 13, 4), kNow);
  EXPECT_EQ(books.counts().stale, 2U);
  books.OnTracked(0, R"({"id":3,"sub_refresh":{"items":[{"data":{},"key":"B","version":5}]}})");
  EXPECT_EQ(books.counts().misdirected, 1U);
}

TEST_F(TrackedBooksTest, AScrollHoldsFromItsAnswerOn) {
  Books& books = Make(true, true);
  books.BeginMeasuring(kNow);
  books.OnPush(0, Keyed("A", 10, 1), kNow);
  const Screens::Change change = books.NextScroll(0, 1);
  EXPECT_EQ(change.lost, (std::vector<std::uint32_t>{0}));
  ASSERT_EQ(change.gained, (std::vector<std::uint32_t>{1}));
  books.OnPush(0, Keyed("A", 11, 2), kNow);  // On its way before the answer.
  EXPECT_EQ(books.counts().misdirected, 0U);
  books.OnScrolled(0, change,
                   R"({"id":9,"sub_refresh":{"items":[{"data":{"seq":40,"time":1},"key":"B",)"
                   R"("version":7}]}})",
                   kNow, kNow + 3 * kMillisecond);
  books.OnPush(0, Keyed("A", 12, 3), kNow);
  EXPECT_EQ(books.counts().misdirected, 1U);
  books.OnPush(0, Keyed("B", 42, 8), kNow);
  EXPECT_EQ(tally().missing, 1U);
  EXPECT_EQ(books.counts().scrolls, 1U);
  EXPECT_EQ(books.counts().scrolled_keys, 1U);
  EXPECT_EQ(books.records()[0].scroll.max(), 3 * kMillisecond);
  // What it had of A is forgotten when A comes back.
  Screens::Change back = books.NextScroll(0, 2);
  back.gained = {0, 2};
  books.OnScrolled(0, back, R"({"id":10,"sub_refresh":{}})", kNow - 1, kNow);
  books.OnPush(0, Keyed("A", 90, 1), kNow);
  EXPECT_EQ(tally().missing, 1U);
  EXPECT_EQ(books.counts().stale, 0U);
  // Due before the measured time.
  EXPECT_EQ(books.records()[0].scroll.count(), 1U);
}

TEST_F(TrackedBooksTest, AWatchListEndsWithAllItsKeys) {
  Books& books = Make(true);
  books.OnPush(0, Keyed("A", 10, 100), kNow);
  const Books::Push push = books.OnPush(
      0, R"({"push":{"channel":"watch:sim","unsubscribe":{"code":2500,"reason":"x"}}})", kNow);
  EXPECT_EQ(push.what, What::kUnsubscribed);
  EXPECT_EQ(books.counts().unsubscribed, 1U);
  books.OnPush(0, Keyed("A", 50, 1), kNow);  // Counted anew.
  EXPECT_EQ(tally().missing, 0U);
  EXPECT_EQ(books.counts().stale, 0U);
  EXPECT_EQ(
      books.OnPush(0, R"({"push":{"channel":"ticker:sim.A","unsubscribe":{"code":2500}}})", kNow)
          .what,
      What::kOther);
}

TEST(MirroredBooksTest, APageIsTheBeginningAndItsChangesAreNewer) {
  const Topology topology({.connections = 2, .channels = 3, .subscriptions = 3},
                          {"ticker:sim.A", "ticker:sim.B", "ticker:sim.C"});
  const Mix mix(*ParseMix("", 2, {}));
  Books books({.feed = true, .address = Address::kMap, .wall_offset_ns = kWallOffsetNs}, topology,
              mix);
  books.Open(1, false);
  books.OnPage(
      1,
      R"({"id":2,"subscribe":{"type":1,"phase":2,"cursor":"x","state":[)"
      R"({"data":{"seq":10,"time":1},"key":"A"},{"data":{"seq":20,"time":1},"key":"B"}]}})",
      false);
  EXPECT_EQ(books.counts().mirrors, 0U);
  books.OnPage(1,
               R"({"id":3,"subscribe":{"publications":[{"data":{"seq":12,"time":1},"key":"A"}],)"
               R"("type":1,"state":[{"data":{"seq":30,"time":1},"key":"C"}]}})",
               true);
  EXPECT_EQ(books.counts().mirrors, 1U);
  EXPECT_EQ(books.counts().first_values, 4U);
  const auto push = [](const std::string& key, std::uint64_t seq) {
    return absl::StrCat(R"({"push":{"channel":"tickers:sim","pub":{"data":{"seq":)", seq,
                        R"(,"time":)", WallMs(0), R"(},"key":")", key, R"("}}})");
  };
  for (const auto& [key, seq] : {std::pair{"A", 13}, {"B", 21}, {"C", 33}}) {
    EXPECT_TRUE(books.OnPush(1, push(key, seq), kNow).first_time) << key;
  }
  EXPECT_EQ(books.records()[0].counts.tally.missing, 2U);  // Of C.
  EXPECT_EQ(books.counts().stale, 0U);
  books.OnPush(1, push("D", 1), kNow);
  EXPECT_EQ(books.counts().misdirected, 1U);
}

TEST(MirroredBooksTest, AStampInAPageIsTheOneBeforeTheNext) {
  const Topology topology(
      {.connections = 1, .channels = 2, .subscriptions = 2, .channel_prefix = "ticker:t."});
  const Mix mix(*ParseMix("", 1, {}));
  Books books({.address = Address::kMap, .run = kRun}, topology, mix);
  books.Open(0, true);
  const auto keyed = [](std::uint32_t number) {
    std::string text = R"({"data":)";
    AppendStamped({.run = kRun, .channel = 1, .number = number}, kMinPayloadBytes, text);
    return text + R"(,"key":"0001"})";
  };
  books.OnPage(0, R"({"id":2,"subscribe":{"type":1,"state":[)" + keyed(7) + "]}}", true);
  const auto push = [&](std::uint32_t number) {
    return R"({"push":{"channel":"tickers:t","pub":)" + keyed(number) + "}}";
  };
  EXPECT_FALSE(books.OnPush(0, push(7), kNow).first_time);
  EXPECT_TRUE(books.OnPush(0, push(9), kNow).first_time);
  EXPECT_EQ(books.records()[0].counts.tally.missing, 1U);
  EXPECT_EQ(books.records()[0].counts.tally.duplicate, 1U);
}

// Whatever order the topology gives a connection's channels.
TEST(MirroredBooksTest, SettlingLooksAtEachChannelsOwnNumbers) {
  const Topology topology(
      {.connections = 2, .channels = 3, .subscriptions = 3, .channel_prefix = "ticker:t."});
  const Mix mix(*ParseMix("", 2, {}));
  Books books({.address = Address::kMap, .run = kRun}, topology, mix);
  for (std::uint32_t connection = 0; connection < 2; ++connection) {
    for (std::uint32_t channel = 0; channel < 3; ++channel) {
      for (std::uint32_t number = 0; number < channel; ++number) {
        std::string text = R"({"push":{"channel":"tickers:t","pub":{"data":)";
        AppendStamped({.run = kRun, .channel = channel, .number = number}, kMinPayloadBytes, text);
        absl::StrAppend(&text, R"(,"key":"000)", channel, R"("}}})");
        EXPECT_TRUE(books.OnPush(connection, text, kNow).first_time);
      }
    }
  }
  books.Settle({0, 1, 2});
  EXPECT_EQ(books.records()[0].counts.tally.missing, 0U);
  books.Settle({0, 1, 3});
  EXPECT_EQ(books.records()[0].counts.tally.missing, 2U);
}

TEST_F(TrackedBooksTest, AStampHasToComeByItsKey) {
  Books& books = Make(false);
  const auto line = [](const std::string& key, std::uint32_t number) {
    std::string text = R"({"push":{"channel":"watch:sim","pub":{"data":)";
    AppendStamped({.run = kRun, .channel = 3, .number = number}, kMinPayloadBytes, text);
    return absl::StrCat(text, R"(,"key":")", key, R"(","version":)", number + 1, "}}}");
  };
  EXPECT_TRUE(books.OnPush(0, line("D", 0), kNow).first_time);
  EXPECT_FALSE(books.OnPush(0, line("A", 1), kNow).first_time);
  EXPECT_EQ(books.counts().misdirected, 1U);
  EXPECT_TRUE(books.OnPush(0, line("D", 1), kNow).first_time);
  EXPECT_EQ(tally().delivered, 2U);
  EXPECT_EQ(tally().missing, 0U);
}

}  // namespace
}  // namespace tickcast::loadgen
