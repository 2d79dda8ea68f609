#include "shards/feeds/replay_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/shards/feeds/capture_oracle.h"
#include "tests/shards/feeds/recording_sink.h"
#include "tests/shards/feeds/scratch_file.h"

namespace tickcast::shards {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kStartNs = 1'000'000'000;
constexpr std::uint64_t kForEverNs = ~std::uint64_t{0} - 1;

// Runs the feed until it is finished or virtual time has come to `end_ns`. Virtual time stands
// still until the reader's helper has brought the first block: the replay's clock starts then.
std::uint64_t RunUntil(ReplayFeed& feed, RecordingSink& sink, std::uint64_t end_ns,
                       std::uint64_t now_ns = kStartNs) {
  while (now_ns <= end_ns) {
    const std::uint64_t next_ns = feed.Run(now_ns, sink);
    if (next_ns == Feed::kFinished) return next_ns;
    if (next_ns == now_ns + ReplayFeed::kStarvedPauseNs) {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
      if (feed.counters().passes == 0) continue;
    }
    now_ns = next_ns;
  }
  return now_ns;
}

std::unique_ptr<ReplayFeed> OpenFeed(const ReplayOptions& options, FeedLog log = {}) {
  auto feed = ReplayFeed::Open(options, std::move(log));
  EXPECT_TRUE(feed.ok()) << feed.status();
  return feed.ok() ? *std::move(feed) : nullptr;
}

Expected ChannelsAndPayloads(const RecordingSink& sink) {
  Expected published;
  for (const Published& each : sink.published) published.emplace_back(each.channel, each.payload);
  return published;
}

void ExpectLedgerCloses(const FeedCounters& c, std::uint64_t copies) {
  EXPECT_EQ(c.frames, c.tickers + c.trades + c.books + c.control + c.unknown + c.malformed);
  EXPECT_EQ(c.ticks_published,
            (c.tickers - c.unchanged_tickers - c.stale_tickers - c.refused_tickers) * copies);
  EXPECT_EQ(c.trades_published,
            (c.trades - c.stale_trades - c.repeated_trades - c.refused_trades) * copies);
}

std::string BookTicker(std::uint64_t update_id, const std::string& symbol = "BTCUSDT") {
  const std::string id = std::to_string(update_id);
  return R"({"stream":"x@bookTicker","data":{"u":)" + id + R"(,"s":")" + symbol + R"(","b":"1.)" +
         id + R"(","B":"1.0","a":"2.)" + id + R"(","A":"1.0"}})";
}

std::string Trade(std::uint64_t id) {
  const std::string text = std::to_string(id);
  return R"({"stream":"btcusdt@trade","data":{"e":"trade","E":5,"s":"BTCUSDT","t":)" + text +
         R"(,"p":"1.5","q":"2.0","T":4,"m":true,"M":true}})";
}

std::string Lines(const std::vector<std::pair<std::uint64_t, std::string>>& frames) {
  std::string text;
  for (const auto& [receive_ns, frame] : frames) {
    text += std::to_string(receive_ns) + " " + frame + "\n";
  }
  return text;
}

struct Recording {
  const char* file;
  const char* exchange;
  // As README.md beside the recordings counts them.
  std::uint64_t frames;
  std::uint64_t tickers;
  std::uint64_t trades;
  std::uint64_t books;
  std::uint64_t control;
  std::uint64_t unknown;
};

class ReplayOfRecordings : public ::testing::TestWithParam<Recording> {
 protected:
  void SetUp() override {
    const auto folder = CapturesFolder();
    if (!folder) GTEST_SKIP() << "NO RECORDINGS: set TICKCAST_CAPTURES to their folder";
    path_ = *folder + "/" + GetParam().file;
  }
  std::string path_;
};

TEST_P(ReplayOfRecordings, PublishesWhatTheOracleFindsInThem) {
  const Recording& recording = GetParam();
  CaptureOracle oracle(recording.exchange);
  const Expected expected = oracle.Expect(ReadCapture(path_));
  std::vector<std::string> log;
  const auto feed = OpenFeed({.file = path_, .exchange = recording.exchange, .speed = 0},
                             [&](std::string_view line) { log.emplace_back(line); });
  ASSERT_NE(feed, nullptr);
  RecordingSink sink;
  EXPECT_EQ(RunUntil(*feed, sink, kForEverNs), Feed::kFinished);
  EXPECT_TRUE(feed->finished());
  EXPECT_TRUE(feed->end().ok()) << feed->end();

  const Expected published = ChannelsAndPayloads(sink);
  ASSERT_EQ(published.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(published[i], expected[i]) << i;
  std::map<std::string, std::string> last;
  for (const auto& [channel, payload] : expected) last[channel] = payload;
  EXPECT_EQ(sink.LastPayloads(), last);

  const FeedCounters& counters = feed->counters();
  EXPECT_EQ(counters.frames, recording.frames);
  EXPECT_EQ(counters.tickers, recording.tickers);
  EXPECT_EQ(counters.trades, recording.trades);
  EXPECT_EQ(counters.books, recording.books);
  EXPECT_EQ(counters.control, recording.control);
  EXPECT_EQ(counters.unknown, recording.unknown);
  EXPECT_EQ(counters.malformed, 0u);
  EXPECT_EQ(counters.unchanged_tickers, static_cast<std::uint64_t>(oracle.unchanged_tickers));
  EXPECT_EQ(counters.stale_tickers, 0u);
  EXPECT_EQ(counters.stale_trades, 0u);
  EXPECT_EQ(counters.stale_books, 0u);
  EXPECT_EQ(counters.sequence_gaps, 0u) << log.front();
  EXPECT_EQ(counters.retried_full, 0u);
  ExpectLedgerCloses(counters, 1);
  ASSERT_EQ(log.size(), 1u);
  EXPECT_THAT(log[0], HasSubstr("replayed to its end"));
}

INSTANTIATE_TEST_SUITE_P(
    All, ReplayOfRecordings,
    ::testing::Values(
        Recording{"kucoin/kucoin_spot_20210425.frames.gz", "kucoin", 4'721, 830, 18, 3'853, 14, 6},
        Recording{"binance/binance_spot_20211012.frames.gz", "binance", 265, 84, 2, 177, 0, 2},
        Recording{"binance/binance_spot_btcusdt_20240808.frames.gz", "binance", 41'249, 28'040,
                  9'757, 3'451 + 1, 0, 0},
        Recording{"binance/binance_spot_btcusdt_20240809.frames.gz", "binance", 58'325, 45'134,
                  10'147, 3'044, 0, 0},
        Recording{"binance/binance_spot_ethusdt_20240808.frames.gz", "binance", 33'618, 24'077,
                  6'106, 3'434 + 1, 0, 0},
        Recording{"binance/binance_usdm_btcusdt_20240808.frames.gz", "binance_usdm", 93'954, 66'089,
                  21'313, 6'551 + 1, 0, 0},
        Recording{"coinbase/coinbase_exchange_20210417.frames.gz", "coinbase", 9'946, 107, 97 + 10,
                  9'719 + 10, 3, 0}),
    [](const auto& recording) {
      const std::string file = recording.param.file;
      const std::size_t slash = file.find('/');
      return file.substr(slash + 1, file.find('.') - slash - 1);
    });

// 830 pushes for 9 symbols: 821 have one before them, and 485 of those say nothing new.
TEST(ReplayFeedTest, MoreThanHalfOfKucoinsPushesAreDropped) {
  const auto folder = CapturesFolder();
  if (!folder) GTEST_SKIP() << "NO RECORDINGS: set TICKCAST_CAPTURES to their folder";
  const auto feed = OpenFeed({.file = *folder + "/kucoin/kucoin_spot_20210425.frames.gz",
                              .exchange = "kucoin",
                              .speed = 0});
  ASSERT_NE(feed, nullptr);
  RecordingSink sink;
  RunUntil(*feed, sink, kForEverNs);
  EXPECT_EQ(feed->counters().unchanged_tickers, 485u);
  EXPECT_EQ(feed->counters().ticks_published, 830u - 485u);
}

TEST(ReplayFeedTest, FramesComeAtTheirRecordedDistanceOverTheSpeed) {
  const std::uint64_t first = 1'700'000'000'000'000'000;
  // The fourth frame's clock stepped back; it keeps its place.
  const ScratchFile file(".frames", Lines({{first, BookTicker(1)},
                                           {first + 1'000, BookTicker(2)},
                                           {first + 10'000'000'000, BookTicker(3)},
                                           {first + 9'000'000'000, BookTicker(4)},
                                           {first + 20'000'000'000, BookTicker(5)}}));
  for (const double speed : {1.0, 2.0, 0.5, 1000.0}) {
    SCOPED_TRACE(speed);
    const auto feed = OpenFeed({.file = file.path(), .exchange = "binance", .speed = speed});
    ASSERT_NE(feed, nullptr);
    RecordingSink sink;
    EXPECT_EQ(RunUntil(*feed, sink, kForEverNs), Feed::kFinished);
    std::vector<std::uint64_t> at_ns;
    for (const Published& each : sink.published) at_ns.push_back(each.ingest_ns - kStartNs);
    const auto scaled = [&](double ns) { return static_cast<std::uint64_t>(ns / speed); };
    EXPECT_EQ(at_ns, (std::vector<std::uint64_t>{0, scaled(1e3), scaled(1e10), scaled(1e10),
                                                 scaled(2e10)}));
  }
}

TEST(ReplayFeedTest, NothingIsPublishedBeforeItsTimeAndRunSaysWhenThatIs) {
  const ScratchFile file(".frames", Lines({{0, BookTicker(1)}, {1'000'000, BookTicker(2)}}));
  const auto feed = OpenFeed({.file = file.path(), .exchange = "binance"});
  ASSERT_NE(feed, nullptr);
  RecordingSink sink;
  RunUntil(*feed, sink, kStartNs);
  EXPECT_EQ(sink.published.size(), 1u);
  EXPECT_EQ(feed->Run(kStartNs + 999'999, sink), kStartNs + 1'000'000);
  EXPECT_EQ(sink.published.size(), 1u);
  EXPECT_FALSE(feed->finished());
  // Late, and the frame is stamped with the time it was due.
  EXPECT_EQ(feed->Run(kStartNs + 5'000'000, sink), Feed::kFinished);
  EXPECT_EQ(sink.published.back().ingest_ns, kStartNs + 1'000'000);
  EXPECT_EQ(feed->Run(kStartNs + 6'000'000, sink), Feed::kFinished);
  EXPECT_EQ(sink.published.size(), 2u);
}

TEST(ReplayFeedTest, ATurnIsBoundedWhateverIsDue) {
  std::vector<std::pair<std::uint64_t, std::string>> frames;
  for (std::uint64_t n = 1; n <= 1000; ++n) frames.emplace_back(7, BookTicker(n));
  const ScratchFile file(".frames", Lines(frames));
  for (const double speed : {0.0, 1.0}) {
    const auto feed = OpenFeed({.file = file.path(), .exchange = "binance", .speed = speed});
    ASSERT_NE(feed, nullptr);
    RecordingSink sink;
    std::uint64_t before = 0;
    for (std::uint64_t next_ns = 0; next_ns != Feed::kFinished;) {
      next_ns = feed->Run(kStartNs, sink);
      EXPECT_LE(feed->counters().frames - before, ReplayFeed::kMaxFramesPerTurn);
      before = feed->counters().frames;
    }
    EXPECT_EQ(sink.published.size(), 1000u);
  }
}

TEST(ReplayFeedTest, EveryPublicationGoesOutUnderEachOfItsCopies) {
  const ScratchFile file(".frames", Lines({{1, BookTicker(1)}, {2, Trade(8)}}));
  const auto feed = OpenFeed({.file = file.path(), .exchange = "binance", .speed = 0, .copies = 3});
  ASSERT_NE(feed, nullptr);
  RecordingSink sink;
  RunUntil(*feed, sink, kForEverNs);
  std::vector<std::string> channels;
  for (const Published& each : sink.published) channels.push_back(each.channel);
  EXPECT_EQ(channels,
            (std::vector<std::string>{"ticker:binance.BTCUSDT", "ticker:binance.BTCUSDT~2",
                                      "ticker:binance.BTCUSDT~3", "trade:binance.BTCUSDT",
                                      "trade:binance.BTCUSDT~2", "trade:binance.BTCUSDT~3"}));
  EXPECT_EQ(sink.published[0].payload, sink.published[2].payload);
  EXPECT_EQ(sink.channels.size(), 6u);
  ExpectLedgerCloses(feed->counters(), 3);
}

// As after a reconnect: the recorded sequences go back, and that is neither stale nor a gap.
TEST(ReplayFeedTest, ALoopBeginsAnewAfterAPause) {
  const ScratchFile file(".frames", Lines({{50, BookTicker(7)}, {60, Trade(8)}, {70, Trade(9)}}));
  const auto feed = OpenFeed({.file = file.path(), .exchange = "binance", .loop = true});
  ASSERT_NE(feed, nullptr);
  RecordingSink sink;
  const std::uint64_t pass_ns = 20 + ReplayFeed::kPassPauseNs;
  RunUntil(*feed, sink, kStartNs + 4 * pass_ns + 15);
  ASSERT_EQ(sink.published.size(), 4u * 3 + 2);
  for (std::size_t i = 0; i < sink.published.size(); ++i) {
    EXPECT_EQ(sink.published[i].payload, sink.published[i % 3].payload);
    EXPECT_EQ(sink.published[i].ingest_ns, kStartNs + i / 3 * pass_ns + i % 3 * 10);
  }
  const FeedCounters& counters = feed->counters();
  EXPECT_EQ(counters.passes, 5u);
  EXPECT_EQ(counters.stale_tickers + counters.stale_trades + counters.sequence_gaps, 0u);
  EXPECT_FALSE(feed->finished());
}

TEST(ReplayFeedTest, AFullSinkDelaysAndChangesNothing) {
  const auto folder = CapturesFolder();
  if (!folder) GTEST_SKIP() << "NO RECORDINGS: set TICKCAST_CAPTURES to their folder";
  const ReplayOptions options{.file = *folder + "/coinbase/coinbase_exchange_20210417.frames.gz",
                              .exchange = "coinbase",
                              .speed = 0,
                              .copies = 2};
  RecordingSink free_sink;
  RunUntil(*OpenFeed(options), free_sink, kForEverNs);

  RecordingSink full_sink;
  full_sink.is_full = [&](const std::string& channel) {
    return channel.rfind("trade:", 0) == 0 && full_sink.offers % 5 != 0;
  };
  const auto feed = OpenFeed(options);
  RunUntil(*feed, full_sink, kForEverNs);
  EXPECT_EQ(ChannelsAndPayloads(full_sink), ChannelsAndPayloads(free_sink));
  EXPECT_EQ(feed->counters().retried_full, full_sink.offers - full_sink.published.size());
  EXPECT_GT(feed->counters().retried_full, 0u);
  ExpectLedgerCloses(feed->counters(), 2);
}

TEST(ReplayFeedTest, NothingOvertakesAPublicationThatWaitsForRoom) {
  const ScratchFile file(".frames", Lines({{1, Trade(1)}, {1, BookTicker(1)}, {1, Trade(2)}}));
  const auto feed = OpenFeed({.file = file.path(), .exchange = "binance"});
  ASSERT_NE(feed, nullptr);
  RecordingSink sink;
  bool full = true;
  sink.is_full = [&](const std::string& channel) { return full && channel[1] == 'r'; };
  for (int turn = 0; turn < 1000 && feed->counters().retried_full < 10; ++turn) {
    const std::uint64_t next_ns = feed->Run(kStartNs, sink);
    if (feed->counters().retried_full == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } else {
      EXPECT_EQ(next_ns, kStartNs);
    }
  }
  EXPECT_EQ(feed->counters().retried_full, 10u);
  EXPECT_EQ(feed->counters().frames, 1u);
  EXPECT_TRUE(sink.published.empty());
  EXPECT_FALSE(feed->finished());
  full = false;
  EXPECT_EQ(feed->Run(kStartNs, sink), Feed::kFinished);
  ASSERT_EQ(sink.published.size(), 3u);
  EXPECT_EQ(sink.published[0].channel, "trade:binance.BTCUSDT");
  EXPECT_EQ(sink.published[1].channel, "ticker:binance.BTCUSDT");
}

TEST(ReplayFeedTest, AMalformedFrameIsCountedAndSkipped) {
  const ScratchFile file(".frames", Lines({{1, BookTicker(1)},
                                           {2, BookTicker(2).substr(0, 40)},
                                           {3, "not json"},
                                           {4, R"({"result":null,"id":1})"},
                                           {5, BookTicker(3)}}));
  const auto feed = OpenFeed({.file = file.path(), .exchange = "binance", .speed = 0});
  ASSERT_NE(feed, nullptr);
  RecordingSink sink;
  EXPECT_EQ(RunUntil(*feed, sink, kForEverNs), Feed::kFinished);
  EXPECT_EQ(sink.published.size(), 2u);
  EXPECT_EQ(feed->counters().malformed, 2u);
  EXPECT_EQ(feed->counters().control, 1u);
  EXPECT_TRUE(feed->end().ok());
}

TEST(ReplayFeedTest, ACutCaptureIsReplayedToTheCutAndThenSaid) {
  std::vector<std::pair<std::uint64_t, std::string>> frames;
  for (std::uint64_t n = 1; n <= 10'000; ++n) frames.emplace_back(n, BookTicker(n));
  const std::string packed = Gzip(Lines(frames));
  for (const std::size_t cut_byte : {packed.size() - 1, packed.size() - 9, packed.size() * 3 / 4}) {
    const ScratchFile file(".frames.gz", packed.substr(0, cut_byte));
    std::vector<std::string> log;
    const auto feed =
        OpenFeed({.file = file.path(), .exchange = "binance", .speed = 0, .loop = true},
                 [&](std::string_view line) { log.emplace_back(line); });
    ASSERT_NE(feed, nullptr);
    RecordingSink sink;
    EXPECT_EQ(RunUntil(*feed, sink, kForEverNs), Feed::kFinished);
    EXPECT_TRUE(feed->finished());
    EXPECT_THAT(std::string(feed->end().message()),
                AllOf(HasSubstr(file.path()), HasSubstr("truncated gzip"),
                      HasSubstr("byte " + std::to_string(cut_byte) + " of the file"),
                      HasSubstr("after line " + std::to_string(sink.published.size()))));
    EXPECT_GT(sink.published.size(), 2'000u);
    EXPECT_EQ(feed->counters().failures, 1u);
    ASSERT_EQ(log.size(), 1u);
    EXPECT_THAT(log[0], HasSubstr("truncated gzip"));
  }
}

TEST(ReplayFeedTest, WhatCannotBeReplayedIsRefusedAtOpen) {
  const ScratchFile file(".frames", Lines({{1, BookTicker(1)}}));
  const auto message = [](const ReplayOptions& options) {
    return std::string(ReplayFeed::Open(options, {}).status().message());
  };
  EXPECT_THAT(message({.file = file.path(), .exchange = "mtgox"}),
              AllOf(HasSubstr("\"mtgox\""), HasSubstr("kucoin"), HasSubstr("coinbase")));
  for (const double speed : {-1.0, 1e-4, 1e7, std::nan("")}) {
    EXPECT_THAT(message({.file = file.path(), .exchange = "kucoin", .speed = speed}),
                HasSubstr("speed"));
  }
  for (const std::uint32_t copies : {0u, ReplayFeed::kMaxCopies + 1}) {
    EXPECT_THAT(message({.file = file.path(), .exchange = "kucoin", .copies = copies}),
                HasSubstr("copies"));
  }
  EXPECT_THAT(message({.file = "/nonexistent.gz", .exchange = "kucoin"}),
              HasSubstr("/nonexistent.gz"));
  EXPECT_TRUE(ReplayFeed::Open({.file = file.path(), .exchange = "binance"}, {}).ok());
}

}  // namespace
}  // namespace tickcast::shards
