#include "shards/feeds/frame_intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/shards/feeds/recording_sink.h"

namespace tickcast::shards {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// An intake with its sink and log.
class Intake {
 public:
  explicit Intake(std::string_view exchange, std::uint32_t copies = 1)
      : intake_(*protocol::FindExchange(exchange), copies,
                [this](std::string_view line) { log.emplace_back(line); }) {}

  FrameIntake::Progress Take(const std::string& frame) {
    // A buffer of its own, so that the address sanitizer sees a read beyond the padding.
    std::string padded = frame;
    padded.append(protocol::kJsonPaddingBytes, '\0');
    const std::string_view text(padded.data(), frame.size());
    return intake_.Take(protocol::PaddedFrame(text), ++ingest_ns, sink);
  }
  FrameIntake::Progress Retry() { return intake_.Retry(sink); }
  void Reset() { intake_.Reset(); }
  const FeedCounters& counters() const { return intake_.counters(); }

  RecordingSink sink;
  std::vector<std::string> log;
  std::uint64_t ingest_ns = 0;

 private:
  FrameIntake intake_;
};

std::string KucoinTicker(const std::string& sequence, const std::string& price,
                         const std::string& time = "1619378326323") {
  return R"({"type":"message","topic":"/market/ticker:BTC-USDT","subject":"trade.ticker",)"
         R"("data":{"sequence":")" +
         sequence + R"(","price":")" + price +
         R"(","size":"1","bestBid":"2","bestBidSize":"3","bestAsk":"4","bestAskSize":"5","time":)" +
         time + "}}";
}

std::string KucoinBook(std::uint64_t first, std::uint64_t last) {
  return R"({"type":"message","topic":"/market/level2:BTC-USDT","subject":"trade.l2update",)"
         R"("data":{"sequenceStart":)" +
         std::to_string(first) +
         R"(,"symbol":"BTC-USDT","changes":{"asks":[],"bids":)"
         R"([["1.5","2","10"]]},"sequenceEnd":)" +
         std::to_string(last) + "}}";
}

std::string BookTicker(std::uint64_t update_id, const std::string& symbol = "BTCUSDT") {
  return R"({"stream":"x@bookTicker","data":{"u":)" + std::to_string(update_id) + R"(,"s":")" +
         symbol + R"(","b":"1.5","B":"1.0","a":"2.5","A":"1.0"}})";
}

std::string BinanceTrade(std::uint64_t id) {
  return R"({"stream":"btcusdt@trade","data":{"e":"trade","E":5,"s":"BTCUSDT","t":)" +
         std::to_string(id) + R"(,"p":"1.5","q":"2.0","T":4,"m":true,"M":true}})";
}

std::string AggregateTrade(std::uint64_t id) {
  return R"({"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":5,"s":"BTCUSDT","a":)" +
         std::to_string(id) + R"(,"p":"1.5","q":"2.0","f":1,"l":1,"T":4,"m":true,"M":true}})";
}

std::string CoinbaseMatch(const std::string& type, std::uint64_t trade_id) {
  return R"({"type":")" + type + R"(","trade_id":)" + std::to_string(trade_id) +
         R"(,"maker_order_id":"a","taker_order_id":"b","side":"sell","size":"985",)"
         R"("price":"0.00001305","product_id":"SKL-BTC","sequence":177100030,)"
         R"("time":"2021-04-17T16:43:37.089723Z"})";
}

TEST(FrameIntakeTest, KucoinPushesThatChangeNothingAreDropped) {
  Intake intake("kucoin");
  intake.Take(KucoinTicker("10", "7"));
  intake.Take(KucoinTicker("11", "7", "1619378326423"));
  intake.Take(KucoinTicker("12", "8"));
  EXPECT_EQ(intake.sink.published.size(), 2u);
  EXPECT_EQ(intake.counters().unchanged_tickers, 1u);
  EXPECT_EQ(intake.sink.published[1].payload,
            R"({"seq":12,"time":1619378326323,"price":"8","size":"1","bid":"2","bid_size":"3",)"
            R"("ask":"4","ask_size":"5"})");
}

// The others push on events: that the value is the same again is what happened.
TEST(FrameIntakeTest, OtherExchangesPushesAreNewsAlsoWhenTheyAreEqual) {
  Intake intake("binance");
  intake.Take(BookTicker(10));
  intake.Take(BookTicker(11));
  EXPECT_EQ(intake.sink.published.size(), 2u);
  EXPECT_EQ(intake.counters().unchanged_tickers, 0u);
}

TEST(FrameIntakeTest, StaleTickersAndTradesAreDroppedEverywhere) {
  Intake kucoin("kucoin");
  kucoin.Take(KucoinTicker("10", "7"));
  kucoin.Take(KucoinTicker("9", "8"));
  EXPECT_EQ(kucoin.counters().stale_tickers, 1u);
  EXPECT_EQ(kucoin.sink.published.size(), 1u);

  Intake binance("binance");
  binance.Take(BookTicker(10));
  binance.Take(BookTicker(9));
  binance.Take(BinanceTrade(5));
  binance.Take(BinanceTrade(5));
  EXPECT_EQ(binance.counters().stale_tickers, 1u);
  EXPECT_EQ(binance.counters().stale_trades, 1u);
  EXPECT_EQ(binance.sink.published.size(), 2u);
}

TEST(FrameIntakeTest, AGapInTradesIsCountedLoggedAndPublishedOver) {
  Intake intake("binance");
  for (const std::uint64_t id : {5, 6, 9, 10}) intake.Take(BinanceTrade(id));
  EXPECT_EQ(intake.sink.published.size(), 4u);
  EXPECT_EQ(intake.counters().sequence_gaps, 1u);
  EXPECT_EQ(intake.counters().missing_sequences, 2u);
  EXPECT_THAT(intake.log, ElementsAre("binance BTCUSDT: 2 missing in the sequence of trades"));
}

TEST(FrameIntakeTest, AggregatedTradesCountByThemselves) {
  Intake intake("binance");
  intake.Take(BinanceTrade(500));
  intake.Take(AggregateTrade(7));
  intake.Take(BinanceTrade(501));
  intake.Take(AggregateTrade(8));
  EXPECT_EQ(intake.sink.published.size(), 4u);
  EXPECT_EQ(intake.counters().sequence_gaps + intake.counters().stale_trades, 0u);
}

TEST(FrameIntakeTest, BooksAreFollowedByTheirSequence) {
  Intake intake("kucoin");
  intake.Take(KucoinBook(10, 12));
  intake.Take(KucoinBook(13, 13));
  intake.Take(KucoinBook(13, 13));
  intake.Take(KucoinBook(20, 21));
  EXPECT_EQ(intake.counters().books, 4u);
  EXPECT_EQ(intake.counters().stale_books, 1u);
  EXPECT_EQ(intake.counters().sequence_gaps, 1u);
  EXPECT_TRUE(intake.sink.published.empty());
  EXPECT_TRUE(intake.sink.channels.empty());
  ASSERT_EQ(intake.log.size(), 1u);
  EXPECT_THAT(intake.log[0], HasSubstr("kucoin BTC-USDT"));
  EXPECT_THAT(intake.log[0], HasSubstr("sequence of book"));
}

// The state at subscription is no trade, but a trade lost right behind it has to show.
TEST(FrameIntakeTest, CoinbasesLastMatchIsNotPublishedAndTakesItsPlace) {
  Intake intake("coinbase");
  intake.Take(CoinbaseMatch("last_match", 100));
  EXPECT_TRUE(intake.sink.published.empty());
  EXPECT_EQ(intake.counters().repeated_trades, 1u);
  intake.Take(CoinbaseMatch("match", 102));
  EXPECT_EQ(intake.sink.published.size(), 1u);
  EXPECT_EQ(intake.counters().sequence_gaps, 1u);
}

TEST(FrameIntakeTest, AfterAResetEverythingIsAFirst) {
  Intake intake("kucoin");
  intake.Take(KucoinTicker("10", "7"));
  intake.Take(KucoinBook(10, 12));
  intake.Reset();
  intake.Take(KucoinTicker("3", "7"));
  intake.Take(KucoinBook(2, 2));
  EXPECT_EQ(intake.sink.published.size(), 2u);
  EXPECT_EQ(intake.sink.channels.size(), 1u) << "the channel was opened twice";
  EXPECT_EQ(intake.counters().stale_tickers + intake.counters().stale_books, 0u);
  EXPECT_EQ(intake.counters().sequence_gaps, 0u);
}

TEST(FrameIntakeTest, AHeldPublicationGoesOnAtTheCopyThatWasRefused) {
  Intake intake("binance", 3);
  intake.sink.is_full = [](const std::string& channel) { return channel.ends_with("~2"); };
  EXPECT_EQ(intake.Take(BinanceTrade(1)), FrameIntake::Progress::kHeld);
  EXPECT_EQ(intake.Retry(), FrameIntake::Progress::kHeld);
  ASSERT_EQ(intake.sink.published.size(), 1u);
  EXPECT_EQ(intake.counters().trades_published, 1u);
  intake.sink.is_full = nullptr;
  EXPECT_EQ(intake.Retry(), FrameIntake::Progress::kTaken);
  EXPECT_EQ(intake.Retry(), FrameIntake::Progress::kTaken);
  ASSERT_EQ(intake.sink.published.size(), 3u);
  EXPECT_EQ(intake.sink.published[1].channel, "trade:binance.BTCUSDT~2");
  EXPECT_EQ(intake.sink.published[2].channel, "trade:binance.BTCUSDT~3");
  EXPECT_EQ(intake.sink.published[2].ingest_ns, 1u);
  EXPECT_EQ(intake.counters().retried_full, 2u);
}

TEST(FrameIntakeDeathTest, AFrameIsNotTakenWhileAnotherIsHeld) {
  Intake intake("binance");
  intake.sink.is_full = [](const std::string&) { return true; };
  ASSERT_EQ(intake.Take(BinanceTrade(1)), FrameIntake::Progress::kHeld);
  EXPECT_DEATH(intake.Take(BinanceTrade(2)), "held");
}

TEST(FrameIntakeTest, SymbolsBeyondTheLimitAreRefusedAndTheKnownOnesGoOn) {
  Intake intake("binance");
  for (std::size_t n = 0; n < FrameIntake::kMaxSymbols + 3; ++n) {
    intake.Take(BookTicker(1, "S" + std::to_string(n)));
  }
  EXPECT_EQ(intake.sink.channels.size(), FrameIntake::kMaxSymbols);
  EXPECT_EQ(intake.counters().refused_tickers, 3u);
  intake.Take(BookTicker(2, "S0"));
  EXPECT_EQ(intake.counters().ticks_published, FrameIntake::kMaxSymbols + 1);
}

// Cut at every byte, a frame is malformed and costs itself only.
TEST(FrameIntakeTest, ACutFrameIsCountedAndTheNextOneTaken) {
  const std::string whole = KucoinTicker("10", "7");
  Intake intake("kucoin");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) intake.Take(whole.substr(0, cut));
  EXPECT_EQ(intake.counters().malformed, whole.size());
  EXPECT_TRUE(intake.sink.published.empty());
  intake.Take(whole);
  EXPECT_EQ(intake.sink.published.size(), 1u);
  EXPECT_EQ(intake.counters().frames, whole.size() + 1);
}

}  // namespace
}  // namespace tickcast::shards
