// Recordings: every frame of the captures through its decoder, against simdjson's DOM parser and
// the counts that were taken of them independently (data/captures/README.md).
#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/exchange/decimal.h"
#include "protocol/exchange/last_ticker.h"
#include "protocol/exchange/payload.h"
#include "protocol/exchange/sequence.h"
#include "tests/protocol/exchange/decoding.h"

namespace tickcast::protocol {
namespace {

using simdjson::dom::element;

struct Counts {
  std::size_t tickers = 0;
  std::size_t unchanged_tickers = 0;
  std::size_t stale_tickers = 0;
  std::size_t trades = 0;
  std::size_t last_matches = 0;
  std::size_t deltas = 0;
  std::size_t snapshots = 0;
  std::size_t sequence_only_changes = 0;
  std::size_t control = 0;
  std::size_t unknown = 0;
  std::size_t malformed = 0;
  std::size_t book_gaps = 0;
  std::size_t trade_gaps = 0;
};

// Runs a whole capture as a feed would.
Counts Replay(const Exchange& exchange, const Capture& capture) {
  Counts counts;
  Event event;
  const std::unique_ptr<Decoder> decoder = exchange.make_decoder();
  std::map<std::string, LastTicker, std::less<>> tickers;
  std::map<std::string, SequenceTracker, std::less<>> books;
  std::map<std::string, SequenceTracker, std::less<>> trades;
  for (const std::string_view frame : capture.frames()) {
    switch (decoder->Decode(PaddedFrame(frame), event)) {
      case Outcome::kTicker: {
        ++counts.tickers;
        const auto change = tickers[std::string(event.ticker.symbol)].Update(event.ticker);
        counts.unchanged_tickers += change == LastTicker::Change::kUnchanged;
        counts.stale_tickers += change == LastTicker::Change::kStale;
        break;
      }
      case Outcome::kTrade:
        ++counts.trades;
        counts.last_matches += event.trade.is_last_match;
        if (exchange.trade_rule && !event.trade.is_aggregate) {
          auto& tracker = trades.try_emplace(std::string(event.trade.symbol), *exchange.trade_rule)
                              .first->second;
          counts.trade_gaps += tracker.Check(event.trade) == SequenceVerdict::kGap;
        }
        break;
      case Outcome::kBook:
        ++(event.book.is_snapshot ? counts.snapshots : counts.deltas);
        counts.sequence_only_changes += event.book.sequence_only_changes;
        if (exchange.book_rule && !event.book.is_snapshot) {
          auto& tracker =
              books.try_emplace(std::string(event.book.symbol), *exchange.book_rule).first->second;
          counts.book_gaps += tracker.Check(event.book) != SequenceVerdict::kContiguous;
        }
        break;
      case Outcome::kControl:
        ++counts.control;
        break;
      case Outcome::kUnknown:
        ++counts.unknown;
        break;
      case Outcome::kMalformed:
        ++counts.malformed;
        break;
    }
  }
  return counts;
}

#define READ_OR_SKIP(capture, name)                                                       \
  const Capture capture = Capture::Read(name);                                            \
  if (capture.frames().empty()) {                                                         \
    GTEST_SKIP() << "RECORDING MISSING: " << (name) << " is not in " << Capture::Folder() \
                 << "; set TICKCAST_CAPTURES to the folder of captures";                  \
  }

TEST(RecordingTest, KucoinCountsAndSequences) {
  READ_OR_SKIP(capture, "kucoin/kucoin_spot_20210425");
  const Counts counts = Replay(*FindExchange("kucoin"), capture);
  EXPECT_EQ(counts.deltas, 3'853U);
  EXPECT_EQ(counts.sequence_only_changes, 1'355U);
  EXPECT_EQ(counts.tickers, 830U);
  EXPECT_EQ(counts.unchanged_tickers, 485U);
  EXPECT_EQ(counts.stale_tickers, 0U);
  EXPECT_EQ(counts.trades, 18U);
  EXPECT_EQ(counts.control, 14U);  // A welcome and 13 acknowledgements.
  EXPECT_EQ(counts.unknown, 6U);   // Candles.
  EXPECT_EQ(counts.malformed, 0U);
  EXPECT_EQ(counts.book_gaps, 0U);
}

struct BinanceRecording {
  const char* capture;
  const char* exchange;
  std::size_t tickers;
  std::size_t trades;
  std::size_t deltas;
  std::size_t snapshots;
  std::size_t unknown;
};

class BinanceRecordingTest : public testing::TestWithParam<BinanceRecording> {};

TEST_P(BinanceRecordingTest, CountsAndSequences) {
  READ_OR_SKIP(capture, GetParam().capture);
  const Counts counts = Replay(*FindExchange(GetParam().exchange), capture);
  EXPECT_EQ(counts.tickers, GetParam().tickers);
  EXPECT_EQ(counts.stale_tickers, 0U);
  EXPECT_EQ(counts.trades, GetParam().trades);
  EXPECT_EQ(counts.deltas, GetParam().deltas);
  EXPECT_EQ(counts.snapshots, GetParam().snapshots);
  EXPECT_EQ(counts.unknown, GetParam().unknown);
  EXPECT_EQ(counts.control, 0U);
  EXPECT_EQ(counts.malformed, 0U);
  EXPECT_EQ(counts.book_gaps, 0U);
  EXPECT_EQ(counts.trade_gaps, 0U);
}

INSTANTIATE_TEST_SUITE_P(Captures, BinanceRecordingTest,
                         testing::Values(BinanceRecording{"binance/binance_spot_btcusdt_20240808",
                                                          "binance", 28'040, 9'757, 3'451, 1, 0},
                                         BinanceRecording{"binance/binance_spot_btcusdt_20240809",
                                                          "binance", 45'134, 10'147, 3'044, 0, 0},
                                         BinanceRecording{"binance/binance_spot_ethusdt_20240808",
                                                          "binance", 24'077, 6'106, 3'434, 1, 0},
                                         BinanceRecording{"binance/binance_usdm_btcusdt_20240808",
                                                          "binance_usdm", 66'089, 21'313, 6'551, 1,
                                                          0},
                                         BinanceRecording{"binance/binance_spot_20211012",
                                                          "binance", 84, 2, 177, 0, 2}));

TEST(RecordingTest, CoinbaseCountsAndTradeIds) {
  READ_OR_SKIP(capture, "coinbase/coinbase_exchange_20210417");
  const Counts counts = Replay(*FindExchange("coinbase"), capture);
  EXPECT_EQ(counts.deltas, 9'719U);
  EXPECT_EQ(counts.snapshots, 10U);
  EXPECT_EQ(counts.tickers, 107U);
  EXPECT_EQ(counts.trades, 97U + 10U);
  EXPECT_EQ(counts.last_matches, 10U);
  EXPECT_EQ(counts.control, 3U);
  EXPECT_EQ(counts.unknown, 0U);
  EXPECT_EQ(counts.malformed, 0U);
  EXPECT_EQ(counts.trade_gaps, 0U);
}

std::string_view Text(element object, std::string_view pointer) {
  std::string_view text;
  if (object.at_pointer(pointer).get(text) != simdjson::SUCCESS) return {};
  return text;
}

std::uint64_t Number(element object, std::string_view pointer) {
  std::uint64_t number = 0;
  EXPECT_EQ(object.at_pointer(pointer).get(number), simdjson::SUCCESS) << pointer;
  return number;
}

// The oracle walks the capture with a parser of its own kind and knows each exchange's names.
class OracleTest : public testing::Test {
 protected:
  template <typename Check>
  void ForEach(std::string_view exchange, const std::vector<std::string_view>& frames,
               Outcome outcome, Check check) {
    const std::unique_ptr<Decoder> decoder = MakeDecoder(exchange);
    Event event;
    for (const std::string_view frame : frames) {
      ASSERT_EQ(decoder->Decode(PaddedFrame(frame), event), outcome) << frame;
      element root;
      ASSERT_EQ(parser_.parse(frame.data(), frame.size(), false).get(root), simdjson::SUCCESS);
      check(root, event);
      if (HasFailure()) FAIL() << frame;
    }
  }

  simdjson::dom::parser parser_;
};

TEST_F(OracleTest, KucoinTickersAndTheirPayloads) {
  READ_OR_SKIP(capture, "kucoin/kucoin_spot_20210425");
  std::string payload;
  simdjson::dom::parser payload_parser;
  ForEach("kucoin", capture.FramesWith("trade.ticker"), Outcome::kTicker,
          [&](element root, const Event& event) {
            const TickerEvent& ticker = event.ticker;
            EXPECT_EQ("/market/ticker:" + std::string(ticker.symbol), Text(root, "/topic"));
            EXPECT_EQ(std::to_string(*ticker.sequence), Text(root, "/data/sequence"));
            EXPECT_EQ(ticker.time_ms, Number(root, "/data/time"));
            EXPECT_EQ(ticker.price, Text(root, "/data/price"));
            EXPECT_EQ(ticker.size, Text(root, "/data/size"));
            EXPECT_EQ(ticker.bid, Text(root, "/data/bestBid"));
            EXPECT_EQ(ticker.bid_size, Text(root, "/data/bestBidSize"));
            EXPECT_EQ(ticker.ask, Text(root, "/data/bestAsk"));
            EXPECT_EQ(ticker.ask_size, Text(root, "/data/bestAskSize"));

            payload.clear();
            AppendTickerPayload(ticker, payload);
            element written;
            ASSERT_EQ(payload_parser.parse(payload).get(written), simdjson::SUCCESS);
            EXPECT_EQ(Text(written, "/price"), Text(root, "/data/price"));
            EXPECT_EQ(Text(written, "/bid"), Text(root, "/data/bestBid"));
            EXPECT_EQ(Text(written, "/ask_size"), Text(root, "/data/bestAskSize"));
            EXPECT_EQ(Number(written, "/seq"), *ticker.sequence);
          });
}

TEST_F(OracleTest, KucoinTrades) {
  READ_OR_SKIP(capture, "kucoin/kucoin_spot_20210425");
  ForEach("kucoin", capture.FramesWith("trade.l3match"), Outcome::kTrade,
          [](element root, const Event& event) {
            EXPECT_EQ(event.trade.symbol, Text(root, "/data/symbol"));
            EXPECT_EQ(event.trade.id, Text(root, "/data/tradeId"));
            EXPECT_EQ(event.trade.price, Text(root, "/data/price"));
            EXPECT_EQ(event.trade.size, Text(root, "/data/size"));
            EXPECT_EQ(event.trade.side == Side::kBuy ? "buy" : "sell", Text(root, "/data/side"));
            EXPECT_EQ(std::to_string(event.trade.sequence), Text(root, "/data/sequence"));
            EXPECT_EQ(std::to_string(*event.trade.time_ns), Text(root, "/data/time"));
          });
}

TEST_F(OracleTest, KucoinChanges) {
  READ_OR_SKIP(capture, "kucoin/kucoin_spot_20210425");
  ForEach("kucoin", capture.FramesWith("trade.l2update"), Outcome::kBook,
          [](element root, const Event& event) {
            EXPECT_EQ(event.book.symbol, Text(root, "/data/symbol"));
            EXPECT_EQ(event.book.first_sequence, Number(root, "/data/sequenceStart"));
            EXPECT_EQ(event.book.last_sequence, Number(root, "/data/sequenceEnd"));
            const bool is_ask = !Text(root, "/data/changes/asks/0/0").empty();
            const std::string side = is_ask ? "/data/changes/asks/0" : "/data/changes/bids/0";
            if (Text(root, side + "/0") == "0") {
              EXPECT_TRUE(event.book.levels.empty());
              return;
            }
            ASSERT_EQ(event.book.levels.size(), 1U);
            const BookLevel& level = event.book.levels[0];
            EXPECT_EQ(level.side, is_ask ? Side::kSell : Side::kBuy);
            EXPECT_EQ(level.price, Text(root, side + "/0"));
            EXPECT_EQ(level.size, Text(root, side + "/1"));
            EXPECT_EQ(std::to_string(level.sequence), Text(root, side + "/2"));
          });
}

TEST_F(OracleTest, BinanceTickers) {
  for (const char* const name :
       {"binance/binance_spot_btcusdt_20240808", "binance/binance_usdm_btcusdt_20240808"}) {
    READ_OR_SKIP(capture, name);
    ForEach("binance", capture.FramesWith("@bookTicker"), Outcome::kTicker,
            [](element root, const Event& event) {
              EXPECT_EQ(event.ticker.symbol, Text(root, "/data/s"));
              EXPECT_EQ(event.ticker.sequence, Number(root, "/data/u"));
              EXPECT_EQ(event.ticker.bid, Text(root, "/data/b"));
              EXPECT_EQ(event.ticker.bid_size, Text(root, "/data/B"));
              EXPECT_EQ(event.ticker.ask, Text(root, "/data/a"));
              EXPECT_EQ(event.ticker.ask_size, Text(root, "/data/A"));
              if (event.ticker.time_ms) {
                EXPECT_EQ(event.ticker.time_ms, Number(root, "/data/T"));
              }
            });
  }
}

TEST_F(OracleTest, BinanceTrades) {
  READ_OR_SKIP(capture, "binance/binance_usdm_btcusdt_20240808");
  ForEach("binance_usdm", capture.FramesWith("@trade"), Outcome::kTrade,
          [](element root, const Event& event) {
            EXPECT_EQ(event.trade.id_number, Number(root, "/data/t"));
            EXPECT_EQ(event.trade.price, Text(root, "/data/p"));
            EXPECT_EQ(event.trade.size, Text(root, "/data/q"));
            EXPECT_EQ(static_cast<std::uint64_t>(event.trade.time_ms), Number(root, "/data/T"));
            EXPECT_EQ(event.trade.side == Side::kSell,
                      bool(root["data"]["m"].get_bool().value_unsafe()));
          });
}

void ExpectLevels(element root, std::string_view pointer, Side side,
                  std::span<const BookLevel>& rest) {
  simdjson::dom::array entries;
  ASSERT_EQ(root.at_pointer(pointer).get(entries), simdjson::SUCCESS);
  for (const element entry : entries) {
    ASSERT_FALSE(rest.empty());
    EXPECT_EQ(rest.front().side, side);
    EXPECT_EQ(rest.front().price, Text(entry, "/0"));
    EXPECT_EQ(rest.front().size, Text(entry, "/1"));
    rest = rest.subspan(1);
  }
}

TEST_F(OracleTest, BinanceDepth) {
  READ_OR_SKIP(capture, "binance/binance_usdm_btcusdt_20240808");
  ForEach("binance_usdm", capture.FramesWith("@depth"), Outcome::kBook,
          [](element root, const Event& event) {
            EXPECT_EQ(event.book.first_sequence, Number(root, "/data/U"));
            EXPECT_EQ(event.book.last_sequence, Number(root, "/data/u"));
            EXPECT_EQ(event.book.previous_sequence, Number(root, "/data/pu"));
            std::span<const BookLevel> rest = event.book.levels;
            ExpectLevels(root, "/data/b", Side::kBuy, rest);
            ExpectLevels(root, "/data/a", Side::kSell, rest);
            EXPECT_TRUE(rest.empty());
          });
}

TEST_F(OracleTest, CoinbaseTickersAndSnapshots) {
  READ_OR_SKIP(capture, "coinbase/coinbase_exchange_20210417");
  ForEach("coinbase", capture.FramesWith(R"("type":"ticker")"), Outcome::kTicker,
          [](element root, const Event& event) {
            EXPECT_EQ(event.ticker.symbol, Text(root, "/product_id"));
            EXPECT_EQ(event.ticker.price, Text(root, "/price"));
            EXPECT_EQ(event.ticker.size, Text(root, "/last_size"));
            EXPECT_EQ(event.ticker.bid, Text(root, "/best_bid"));
            EXPECT_EQ(event.ticker.ask, Text(root, "/best_ask"));
            EXPECT_EQ(event.ticker.sequence, Number(root, "/sequence"));
          });
  ForEach("coinbase", capture.FramesWith(R"("type":"snapshot")"), Outcome::kBook,
          [](element root, const Event& event) {
            std::span<const BookLevel> rest = event.book.levels;
            ExpectLevels(root, "/asks", Side::kSell, rest);
            ExpectLevels(root, "/bids", Side::kBuy, rest);
            EXPECT_TRUE(rest.empty());
          });
}

// Exactness where somebody calculates: each recorded price survives mantissa and decimals.
TEST(RecordingTest, EveryPriceComesBackFromItsMantissa) {
  READ_OR_SKIP(capture, "coinbase/coinbase_exchange_20210417");
  const std::unique_ptr<Decoder> decoder = MakeDecoder("coinbase");
  Event event;
  std::string rewritten;
  for (const std::string_view frame : capture.frames()) {
    if (decoder->Decode(PaddedFrame(frame), event) != Outcome::kBook) continue;
    for (const BookLevel& level : event.book.levels) {
      for (const std::string_view text : {level.price, level.size}) {
        const Decimal value = *Decimal::Parse(text);
        ASSERT_FALSE(value.is_text()) << text;
        rewritten.clear();
        value.AppendTo(rewritten);
        ASSERT_EQ(rewritten, text);
      }
    }
  }
}

// The first frame of each type of each capture, cut at every byte, with the rest of the capture
// behind it as it is in a feed's buffer.
TEST(RecordingTest, ARecordedFrameThatWasCutIsMalformed) {
  const struct {
    const char* exchange;
    const char* capture;
    std::vector<const char*> marks;
  } kSamples[] = {
      {"kucoin",
       "kucoin/kucoin_spot_20210425",
       {"trade.ticker", "trade.l2update", "trade.l3match", "candles", "welcome", "ack"}},
      {"binance", "binance/binance_spot_btcusdt_20240808", {"@bookTicker", "@trade", "@depth"}},
      {"binance_usdm",
       "binance/binance_usdm_btcusdt_20240808",
       {"@bookTicker", "@trade", "@depth"}},
      {"coinbase",
       "coinbase/coinbase_exchange_20210417",
       {"\"ticker\",\"seq", "l2update", "\"match\"", "last_match", "subscriptions"}},
  };
  for (const auto& sample : kSamples) {
    READ_OR_SKIP(capture, sample.capture);
    Decoding decoding(sample.exchange);
    for (const char* const mark : sample.marks) {
      const std::string_view frame = capture.FramesWith(mark).at(0);
      EXPECT_NE(decoding.DecodeInPlace(frame), Outcome::kMalformed) << frame;
      for (std::size_t cut = 0; cut < frame.size(); ++cut) {
        ASSERT_EQ(decoding.DecodeInPlace(frame.substr(0, cut)), Outcome::kMalformed)
            << "cut at byte " << cut << " of " << frame;
      }
    }
  }
}

}  // namespace
}  // namespace tickcast::protocol
