#include "protocol/exchange/binance.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/protocol/exchange/decoding.h"

namespace tickcast::protocol {
namespace {

constexpr std::string_view kSpotTicker =
    R"({"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000",)"
    R"("a":"61837.64000000","A":"1.54698000"})";
constexpr std::string_view kUsdmTicker =
    R"({"e":"bookTicker","u":5123107839020,"s":"BTCUSDT","b":"61800.20","B":"2.507",)"
    R"("a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256315})";
constexpr std::string_view kTrade =
    R"({"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000",)"
    R"("q":"0.02000000","T":1723161255342,"m":true,"M":true})";
constexpr std::string_view kAggTrade =
    R"({"e":"aggTrade","E":1633998523963,"s":"NKNUSDT","a":15683430,"p":"0.35280000",)"
    R"("q":"58.00000000","f":19862790,"l":19862790,"T":1633998523962,"m":false,"M":true})";
constexpr std::string_view kSpotDepth =
    R"({"e":"depthUpdate","E":1633998512068,"s":"NKNUSDT","U":499869750,"u":499869752,)"
    R"("b":[["0.35130000","6195.00000000"],["0.34750000","0.00000000"]],"a":[["0.36","1"]]})";
constexpr std::string_view kUsdmDepth =
    R"({"e":"depthUpdate","E":1723161256299,"T":1723161256298,"s":"BTCUSDT","U":5123107832006,)"
    R"("u":5123107837557,"pu":5123107831937,"b":[["58710.20","0.014"]],"a":[]})";
constexpr std::string_view kSnapshot =
    R"({"lastUpdateId":50093239218,"bids":[["61837.63000000","3.78826000"],["61837.62","0.617"]],)"
    R"("asks":[["61837.64000000","1.54698000"]]})";

std::string Combined(std::string_view event) {
  return R"({"stream":"btcusdt@any","data":)" + std::string(event) + "}";
}

TEST(BinanceDecoderTest, SpotBookTickerHasNoTime) {
  Decoding decoding("binance");
  for (const std::string& frame : {std::string(kSpotTicker), Combined(kSpotTicker)}) {
    ASSERT_EQ(decoding.Decode(frame), Outcome::kTicker);
    const TickerEvent& ticker = decoding.ticker();
    EXPECT_EQ(ticker.symbol, "BTCUSDT");
    EXPECT_EQ(ticker.sequence, 50'093'239'212U);
    EXPECT_FALSE(ticker.time_ms);
    EXPECT_TRUE(ticker.price.empty());
    EXPECT_TRUE(ticker.size.empty());
    EXPECT_EQ(ticker.bid, "61837.63000000");
    EXPECT_EQ(ticker.bid_size, "3.78826000");
    EXPECT_EQ(ticker.ask, "61837.64000000");
    EXPECT_EQ(ticker.ask_size, "1.54698000");
  }
}

TEST(BinanceDecoderTest, UsdmBookTickerHasTheTransactionsTime) {
  Decoding decoding("binance_usdm");
  for (const std::string& frame : {std::string(kUsdmTicker), Combined(kUsdmTicker)}) {
    ASSERT_EQ(decoding.Decode(frame), Outcome::kTicker);
    EXPECT_EQ(decoding.ticker().sequence, 5'123'107'839'020U);
    EXPECT_EQ(decoding.ticker().time_ms, 1'723'161'256'313);
    EXPECT_EQ(decoding.ticker().bid, "61800.20");
    EXPECT_EQ(decoding.ticker().ask_size, "2.510");
  }
}

TEST(BinanceDecoderTest, TheWrapperMayNameItsStreamLast) {
  Decoding decoding("binance");
  const std::string frame =
      R"({"data":)" + std::string(kSpotTicker) + R"(,"stream":"btcusdt@bookTicker"})";
  EXPECT_EQ(decoding.Decode(frame), Outcome::kTicker);
}

TEST(BinanceDecoderTest, AnEmptySideHasNoPrice) {
  Decoding decoding("binance");
  ASSERT_EQ(decoding.Decode(Replaced(kSpotTicker, "61837.63000000", "0.00000000")),
            Outcome::kTicker);
  EXPECT_TRUE(decoding.ticker().bid.empty());
  EXPECT_TRUE(decoding.ticker().bid_size.empty());
  EXPECT_EQ(decoding.ticker().ask, "61837.64000000");
}

TEST(BinanceDecoderTest, TheBuyersFlagTellsTheTakersSide) {
  Decoding decoding("binance");
  ASSERT_EQ(decoding.Decode(Combined(kTrade)), Outcome::kTrade);
  const TradeEvent& trade = decoding.trade();
  EXPECT_EQ(trade.symbol, "BTCUSDT");
  EXPECT_EQ(trade.sequence, 3'735'683'259U);
  EXPECT_EQ(trade.id, "3735683259");
  EXPECT_EQ(trade.id_number, 3'735'683'259U);
  EXPECT_EQ(trade.time_ms, 1'723'161'255'342);
  EXPECT_FALSE(trade.time_ns);
  EXPECT_EQ(trade.price, "61837.63000000");
  EXPECT_EQ(trade.size, "0.02000000");
  EXPECT_EQ(trade.side, Side::kSell);
  EXPECT_FALSE(trade.is_aggregate);
  ASSERT_EQ(decoding.Decode(Replaced(kTrade, R"("m":true)", R"("m":false)")), Outcome::kTrade);
  EXPECT_EQ(decoding.trade().side, Side::kBuy);
}

TEST(BinanceDecoderTest, AnAggregateTradeCountsAggregates) {
  Decoding decoding("binance");
  ASSERT_EQ(decoding.Decode(kAggTrade), Outcome::kTrade);
  EXPECT_EQ(decoding.trade().id, "15683430");
  EXPECT_TRUE(decoding.trade().is_aggregate);
  EXPECT_EQ(decoding.trade().side, Side::kBuy);
  ASSERT_EQ(decoding.Decode(kTrade), Outcome::kTrade);
  EXPECT_FALSE(decoding.trade().is_aggregate);
}

TEST(BinanceDecoderTest, TimesInMicrosecondsAreTold) {
  Decoding decoding("binance");
  ASSERT_EQ(decoding.Decode(Replaced(kTrade, "1723161255342", "1723161255342678")),
            Outcome::kTrade);
  EXPECT_EQ(decoding.trade().time_ms, 1'723'161'255'342);
  EXPECT_EQ(decoding.trade().time_ns, 1'723'161'255'342'678'000);
}

TEST(BinanceDecoderTest, ATradeOfNothingIsNoTrade) {
  Decoding decoding("binance_usdm");
  EXPECT_EQ(decoding.Decode(Replaced(kTrade, "0.02000000", "0")), Outcome::kUnknown);
}

TEST(BinanceDecoderTest, SpotDepthNamesItsFirstUpdate) {
  Decoding decoding("binance");
  ASSERT_EQ(decoding.Decode(Combined(kSpotDepth)), Outcome::kBook);
  const BookEvent& book = decoding.book();
  EXPECT_EQ(book.symbol, "NKNUSDT");
  EXPECT_EQ(book.first_sequence, 499'869'750U);
  EXPECT_EQ(book.last_sequence, 499'869'752U);
  EXPECT_FALSE(book.previous_sequence);
  EXPECT_EQ(book.time_ms, 1'633'998'512'068);
  EXPECT_FALSE(book.is_snapshot);
  ASSERT_EQ(book.levels.size(), 3U);
  EXPECT_EQ(book.levels[1].price, "0.34750000");
  EXPECT_EQ(book.levels[1].size, "0.00000000");
  EXPECT_EQ(book.levels[1].side, Side::kBuy);
  EXPECT_EQ(book.levels[2].side, Side::kSell);
}

TEST(BinanceDecoderTest, UsdmDepthNamesThePreviousUpdate) {
  Decoding decoding("binance_usdm");
  ASSERT_EQ(decoding.Decode(kUsdmDepth), Outcome::kBook);
  EXPECT_EQ(decoding.book().previous_sequence, 5'123'107'831'937U);
  EXPECT_EQ(decoding.book().time_ms, 1'723'161'256'298);
  ASSERT_EQ(decoding.book().levels.size(), 1U);
}

TEST(BinanceDecoderTest, TheSnapshotOfADepthRequestHasNoSymbol) {
  Decoding decoding("binance");
  ASSERT_EQ(decoding.Decode(kSpotDepth), Outcome::kBook);
  ASSERT_EQ(decoding.Decode(kSnapshot), Outcome::kBook);
  const BookEvent& book = decoding.book();
  EXPECT_TRUE(book.is_snapshot);
  EXPECT_TRUE(book.symbol.empty());
  EXPECT_FALSE(book.first_sequence);
  EXPECT_EQ(book.last_sequence, 50'093'239'218U);
  EXPECT_FALSE(book.time_ms);
  ASSERT_EQ(book.levels.size(), 3U);
  EXPECT_EQ(book.levels[2].side, Side::kSell);
}

TEST(BinanceDecoderTest, RepliesAndTheAnnouncedShutdownAreControl) {
  Decoding decoding("binance");
  for (const std::string_view frame :
       {R"({"result":null,"id":1})", R"({"result":["btcusdt@trade"],"id":3})",
        R"({"error":{"code":2,"msg":"Invalid request"},"id":1})", R"({"code":2,"msg":"x"})",
        R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1723161255343}})"}) {
    EXPECT_EQ(decoding.Decode(frame), Outcome::kControl) << frame;
  }
}

TEST(BinanceDecoderTest, OtherStreamsAreUnknown) {
  Decoding decoding("binance");
  for (const std::string_view frame :
       {R"({"e":"24hrTicker","E":1,"s":"A","p":"1","b":"2","a":"3","u":[1],"t":-1})",
        R"({"stream":"a@kline_1m","data":{"e":"kline","E":1,"s":"A","k":{"t":1,"B":"0"}}})",
        R"([{"e":"24hrMiniTicker","s":"A"},{"e":"24hrMiniTicker","s":"B"}])",
        R"({"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker","s":"A"}]})",
        R"({"e":"outboundAccountPosition","B":[{"a":"BTC","f":"0.1"}],"b":[["x"]],"a":"y"})",
        "{}"}) {
    EXPECT_EQ(decoding.Decode(frame), Outcome::kUnknown) << frame;
  }
}

TEST(BinanceDecoderTest, AMissingOrWrongMemberIsMalformed) {
  Decoding decoding("binance");
  for (const std::string_view member :
       {R"("b":"61837.63000000",)", R"("B":"3.78826000",)", R"(,"A":"1.54698000")"}) {
    EXPECT_EQ(decoding.Decode(Replaced(kSpotTicker, member, "")), Outcome::kMalformed) << member;
  }
  for (const std::string_view member :
       {R"("s":"BTCUSDT",)", R"("t":3735683259,)", R"("p":"61837.63000000",)",
        R"("q":"0.02000000",)", R"(,"m":true)"}) {
    EXPECT_EQ(decoding.Decode(Replaced(kTrade, member, "")), Outcome::kMalformed) << member;
  }
  for (const std::string_view member :
       {R"("s":"NKNUSDT",)", R"("U":499869750,)", R"("u":499869752,)", R"(,"a":[["0.36","1"]])"}) {
    EXPECT_EQ(decoding.Decode(Replaced(kSpotDepth, member, "")), Outcome::kMalformed) << member;
  }
  for (const std::string_view levels : {"{}", R"("x")", R"([["0.36"]])", R"([["x","1"]])",
                                        R"(["0.36","1"])", R"([["0.36",null]])", R"([[{},"1"]])"}) {
    EXPECT_EQ(decoding.Decode(Replaced(kSpotDepth, R"([["0.36","1"]])", levels)),
              Outcome::kMalformed)
        << levels;
  }
  EXPECT_EQ(decoding.Decode(Replaced(kUsdmDepth, R"("pu":5123107831937)", R"("pu":"x")")),
            Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(Replaced(kSpotTicker, "50093239212", "-1")), Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(Replaced(kSpotTicker, R"("s":)", R"("u":1,"s":)")),
            Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(Replaced(kTrade, R"("m":true)", R"("m":tru)")), Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(Replaced(kTrade, R"("M":true)", R"("M":tru)")), Outcome::kMalformed);
}

// Found by fuzzing: an iterator that skips a string before a colon takes it for a key.
TEST(BinanceDecoderTest, AStringBeforeAColonIsNoValue) {
  Decoding decoding("binance");
  for (const std::string_view frame : {R"(["e":"ickker":"A"}])", R"(["e":1])", R"({"a":"b":"c"})",
                                       R"({"a":"b":{"c":1}})", R"([{"a":["b":"c"}]])"}) {
    for (const char padding : {'}', ']', ',', '"', ' '}) {
      EXPECT_EQ(decoding.Decode(frame, padding), Outcome::kMalformed) << frame;
    }
  }
}

TEST(BinanceDecoderTest, LargeUpdateIdsStayExact) {
  Decoding decoding("binance");
  ASSERT_EQ(decoding.Decode(Replaced(kSpotTicker, "50093239212", "18446744073709551615")),
            Outcome::kTicker);
  EXPECT_EQ(decoding.ticker().sequence, 18'446'744'073'709'551'615U);
  EXPECT_EQ(decoding.Decode(Replaced(kSpotTicker, "50093239212", "18446744073709551616")),
            Outcome::kMalformed);
}

TEST(BinanceDecoderTest, AFrameIsTakenWholeOrNotAtAll) {
  for (const std::string_view event :
       {kSpotTicker, kUsdmTicker, kTrade, kAggTrade, kSpotDepth, kUsdmDepth, kSnapshot}) {
    ExpectMalformedWhenCut("binance", event);
    ExpectMalformedWhenCut("binance", Combined(event));
    ExpectMalformedWhenDamaged("binance", event);
    ExpectMalformedWhenDamaged("binance", Combined(event));
  }
}

}  // namespace
}  // namespace tickcast::protocol
