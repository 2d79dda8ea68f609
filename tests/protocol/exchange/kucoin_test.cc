#include "protocol/exchange/kucoin.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/protocol/exchange/decoding.h"

namespace tickcast::protocol {
namespace {

// Shapes as documented and recorded; the members stand in the order of 2026, the topic first.
constexpr std::string_view kTicker =
    R"({"topic":"/market/ticker:SNX-BTC","type":"message","subject":"trade.ticker","data":{)"
    R"("bestAsk":"0.00028717","bestAskSize":"14.04274325","bestBid":"0.00028678",)"
    R"("bestBidSize":"3.70422021","price":"0.00028676","sequence":"1612844051653",)"
    R"("size":"0.01745248","time":1619378326323}})";
// The order of 2021.
constexpr std::string_view kTickerDataFirst =
    R"({"data":{"sequence":"1612844051653","bestAsk":"0.00028717","size":"0.01745248",)"
    R"("bestBidSize":"3.70422021","price":"0.00028676","time":1619378326323,)"
    R"("bestAskSize":"14.04274325","bestBid":"0.00028678"},"subject":"trade.ticker",)"
    R"("topic":"/market/ticker:SNX-BTC","type":"message"})";
constexpr std::string_view kLevel1 =
    R"({"type":"message","topic":"/spotMarket/level1:ETH-USDT","subject":"level1","data":{)"
    R"("asks":["9989","8"],"bids":["9984","10"],"timestamp":1586948108193}})";
constexpr std::string_view kLevel2 =
    R"({"type":"message","topic":"/market/level2:BTC-USDT","subject":"trade.l2update","data":{)"
    R"("changes":{"asks":[["18906","0.00331","14103845"],["0","0","14103844"]],)"
    R"("bids":[["18891.9","0","14103847"]]},"sequenceEnd":14103847,"sequenceStart":14103844,)"
    R"("symbol":"BTC-USDT","time":1663747970273}})";
constexpr std::string_view kMatch =
    R"({"topic":"/market/match:BTC-USDT","type":"message","subject":"trade.l3match","data":{)"
    R"("sequence":"11067996711960577","type":"match","symbol":"BTC-USDT","side":"sell",)"
    R"("price":"0.08200000000000000000","size":"0.01022222000000000000",)"
    R"("tradeId":"5c24c5da03aa673885cd67aa","takerOrderId":"5c24c5d903aa6772d55b371e",)"
    R"("makerOrderId":"5c2187d003aa677bd09d5c93","time":"1545913818099033203"}})";

void ExpectSnxTicker(const TickerEvent& ticker) {
  EXPECT_EQ(ticker.symbol, "SNX-BTC");
  EXPECT_EQ(ticker.sequence, 1'612'844'051'653U);
  EXPECT_EQ(ticker.time_ms, 1'619'378'326'323);
  EXPECT_EQ(ticker.price, "0.00028676");
  EXPECT_EQ(ticker.size, "0.01745248");
  EXPECT_EQ(ticker.bid, "0.00028678");
  EXPECT_EQ(ticker.bid_size, "3.70422021");
  EXPECT_EQ(ticker.ask, "0.00028717");
  EXPECT_EQ(ticker.ask_size, "14.04274325");
}

TEST(KucoinDecoderTest, TheOrderOfMembersDoesNotMatter) {
  Decoding decoding("kucoin");
  ASSERT_EQ(decoding.Decode(kTicker), Outcome::kTicker);
  ExpectSnxTicker(decoding.ticker());
  ASSERT_EQ(decoding.Decode(kTickerDataFirst), Outcome::kTicker);
  ExpectSnxTicker(decoding.ticker());
}

TEST(KucoinDecoderTest, WhiteSpaceDoesNotMatter) {
  std::string spaced;
  for (const char c : kTicker) {
    const bool token = c == '{' || c == '}' || c == ',';
    spaced += token ? std::string(" \n\t") + c + " \r\n" : std::string(1, c);
  }
  Decoding decoding("kucoin");
  ASSERT_EQ(decoding.Decode(Replaced(spaced, "1619378326323", "1619378326323\t")),
            Outcome::kTicker);
  ExpectSnxTicker(decoding.ticker());
}

TEST(KucoinDecoderTest, TheAllTopicNamesTheSymbolInItsSubject) {
  const std::string frame =
      Replaced(Replaced(kTicker, "ticker:SNX-BTC", "ticker:all"), "trade.ticker", "FTM-ETH");
  Decoding decoding("kucoin");
  ASSERT_EQ(decoding.Decode(frame), Outcome::kTicker);
  EXPECT_EQ(decoding.ticker().symbol, "FTM-ETH");
  EXPECT_EQ(decoding.Decode(Replaced(frame, R"("subject":"FTM-ETH",)", "")), Outcome::kMalformed);
}

TEST(KucoinDecoderTest, Level1IsATickerWithoutSequence) {
  Decoding decoding("kucoin");
  ASSERT_EQ(decoding.Decode(kLevel1), Outcome::kTicker);
  const TickerEvent& ticker = decoding.ticker();
  EXPECT_EQ(ticker.symbol, "ETH-USDT");
  EXPECT_FALSE(ticker.sequence);
  EXPECT_EQ(ticker.time_ms, 1'586'948'108'193);
  EXPECT_TRUE(ticker.price.empty());
  EXPECT_EQ(ticker.bid, "9984");
  EXPECT_EQ(ticker.bid_size, "10");
  EXPECT_EQ(ticker.ask, "9989");
  EXPECT_EQ(ticker.ask_size, "8");
}

TEST(KucoinDecoderTest, AnEmptySideHasNoPrice) {
  Decoding decoding("kucoin");
  for (const std::string_view empty : {"[]", R"(["0","0"])", "[null,null]", R"(["",""])"}) {
    ASSERT_EQ(decoding.Decode(Replaced(kLevel1, R"(["9984","10"])", empty)), Outcome::kTicker);
    EXPECT_TRUE(decoding.ticker().bid.empty()) << empty;
    EXPECT_TRUE(decoding.ticker().bid_size.empty()) << empty;
    EXPECT_EQ(decoding.ticker().ask, "9989");
  }
  ASSERT_EQ(decoding.Decode(Replaced(kTicker, R"("0.00028678")", "null")), Outcome::kTicker);
  EXPECT_TRUE(decoding.ticker().bid.empty());
  ASSERT_EQ(decoding.Decode(Replaced(kTicker, R"("0.00028678")", R"("0.00000000")")),
            Outcome::kTicker);
  EXPECT_TRUE(decoding.ticker().bid.empty());
  EXPECT_TRUE(decoding.ticker().bid_size.empty());
}

TEST(KucoinDecoderTest, Level2ChangesOfPriceZeroOnlyAdvanceTheSequence) {
  Decoding decoding("kucoin");
  ASSERT_EQ(decoding.Decode(kLevel2), Outcome::kBook);
  const BookEvent& book = decoding.book();
  EXPECT_EQ(book.symbol, "BTC-USDT");
  EXPECT_EQ(book.first_sequence, 14'103'844U);
  EXPECT_EQ(book.last_sequence, 14'103'847U);
  EXPECT_FALSE(book.previous_sequence);
  EXPECT_EQ(book.time_ms, 1'663'747'970'273);
  EXPECT_FALSE(book.is_snapshot);
  EXPECT_EQ(book.sequence_only_changes, 1U);
  ASSERT_EQ(book.levels.size(), 2U);
  EXPECT_EQ(book.levels[0].side, Side::kSell);
  EXPECT_EQ(book.levels[0].price, "18906");
  EXPECT_EQ(book.levels[0].size, "0.00331");
  EXPECT_EQ(book.levels[0].sequence, 14'103'845U);
  EXPECT_EQ(book.levels[1].side, Side::kBuy);
  EXPECT_EQ(book.levels[1].price, "18891.9");
  EXPECT_EQ(book.levels[1].size, "0");
}

TEST(KucoinDecoderTest, TheTimeOfLevel2MayBeMissing) {
  Decoding decoding("kucoin");
  ASSERT_EQ(decoding.Decode(Replaced(kLevel2, R"(,"time":1663747970273)", "")), Outcome::kBook);
  EXPECT_FALSE(decoding.book().time_ms);
}

TEST(KucoinDecoderTest, TradesKeepSequencesBeyond2To53AndNanoseconds) {
  Decoding decoding("kucoin");
  ASSERT_EQ(decoding.Decode(kMatch), Outcome::kTrade);
  const TradeEvent& trade = decoding.trade();
  EXPECT_EQ(trade.symbol, "BTC-USDT");
  EXPECT_EQ(trade.sequence, 11'067'996'711'960'577U);
  EXPECT_EQ(trade.id, "5c24c5da03aa673885cd67aa");
  EXPECT_FALSE(trade.id_number);
  EXPECT_EQ(trade.time_ms, 1'545'913'818'099);
  EXPECT_EQ(trade.time_ns, 1'545'913'818'099'033'203);
  EXPECT_EQ(trade.price, "0.08200000000000000000");
  EXPECT_EQ(trade.size, "0.01022222000000000000");
  EXPECT_EQ(trade.side, Side::kSell);
}

TEST(KucoinDecoderTest, EscapedTextIsReadAsWhatItMeans) {
  Decoding decoding("kucoin");
  std::string frame = Replaced(kTicker, "/market/ticker:", R"(\/market\/ticker:)");
  frame = Replaced(frame, R"("price")", R"("\u0070rice")");
  frame = Replaced(frame, "SNX-BTC", R"(\u5e01-BTC)");
  ASSERT_EQ(decoding.Decode(frame), Outcome::kTicker);
  EXPECT_EQ(decoding.ticker().symbol, "\u5e01-BTC");
  EXPECT_EQ(decoding.ticker().price, "0.00028676");
}

TEST(KucoinDecoderTest, SymbolsThatWouldBreakANameAreRefused) {
  Decoding decoding("kucoin");
  for (const std::string_view symbol : {"", R"(A\"B)", R"(A\\B)", R"(A\nB)", "A B", R"(A\u0000)",
                                        R"(A\ud800)", R"(A\q)", "A\x7f"}) {
    EXPECT_EQ(decoding.Decode(Replaced(kTicker, "SNX-BTC", symbol)), Outcome::kMalformed) << symbol;
  }
  EXPECT_EQ(decoding.Decode(Replaced(kTicker, "SNX-BTC", std::string(kMaxSymbolBytes, 'A'))),
            Outcome::kTicker);
  EXPECT_EQ(decoding.Decode(Replaced(kTicker, "SNX-BTC", std::string(kMaxSymbolBytes + 1, 'A'))),
            Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(Replaced(kTicker, "SNX-BTC", "A\xff")), Outcome::kMalformed)
      << "invalid UTF-8";
}

TEST(KucoinDecoderTest, ControlMessagesAreTold) {
  Decoding decoding("kucoin");
  for (const std::string_view frame :
       {R"({"id":"NSkIrWGB1s","type":"welcome"})", R"({"id":"1","type":"ack"})",
        R"({"id":"1545910590801","type":"pong"})",
        R"({"id":"1","type":"error","code":509,"data":"exceed max subscription count"})"}) {
    EXPECT_EQ(decoding.Decode(frame), Outcome::kControl) << frame;
  }
}

TEST(KucoinDecoderTest, OtherTopicsAreUnknown) {
  Decoding decoding("kucoin");
  for (const std::string_view frame :
       {R"({"topic":"/market/candles:BTC-USDT_1min","type":"message","subject":"x","data":{)"
        R"("symbol":"BTC-USDT","candles":["1","2"],"time":1589970010253893337}})",
        R"({"topic":"/market/snapshot:BTC","type":"message","subject":"trade.snapshot","data":{)"
        R"("sequence":1714767640013,"data":{"buy":-1.0e-5,"markets":["USDS"]}}})",
        R"({"topic":"/spotMarket/level2Depth5:A-B","type":"message","data":{"asks":[["1","2"],)"
        R"(["2","3"],["4","5"]],"bids":[],"timestamp":1}})",
        R"({"topic":"/account/balance","type":"message","data":{"total":"88"}})",
        R"({"topic":"/market/ticker","type":"message"})", R"({"code":"200000","data":{}})",
        R"({"type":5})", "{}", "[]", R"([{"type":"message"}])"}) {
    EXPECT_EQ(decoding.Decode(frame), Outcome::kUnknown) << frame;
  }
}

TEST(KucoinDecoderTest, WrongMembersOfATakenTopicAreMalformed) {
  Decoding decoding("kucoin");
  for (const std::string_view value :
       {R"("abc")", R"("1.2.3")", "true", "{}", "[]", R"(["1"])", R"("1\"2")", R"("--1")"}) {
    EXPECT_EQ(decoding.Decode(Replaced(kTicker, R"("0.00028676")", value)), Outcome::kMalformed)
        << value;
  }
  for (const std::string_view value :
       {R"("-1")", R"("18446744073709551616")", R"("1e5")", "1.5", R"("")", "null", R"("12x")"}) {
    EXPECT_EQ(decoding.Decode(Replaced(kTicker, R"("1612844051653")", value)), Outcome::kMalformed)
        << value;
    EXPECT_EQ(decoding.Decode(Replaced(kMatch, R"("11067996711960577")", value)),
              Outcome::kMalformed)
        << value;
  }
  EXPECT_EQ(decoding.Decode(Replaced(kMatch, R"("side":"sell")", R"("side":"hold")")),
            Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(Replaced(kLevel2, R"(["18906","0.00331","14103845"])", R"(["18906"])")),
            Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(
                Replaced(kLevel2, R"("sequenceStart":14103844)", R"("sequenceStart":14103848)")),
            Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(Replaced(kLevel1, R"(["9989","8"])", R"([["9989","8"]])")),
            Outcome::kMalformed);
}

TEST(KucoinDecoderTest, AMemberGivenTwiceIsMalformed) {
  Decoding decoding("kucoin");
  EXPECT_EQ(decoding.Decode(Replaced(kTicker, R"("time":)", R"("price":"1","time":)")),
            Outcome::kMalformed);
}

TEST(KucoinDecoderTest, AFrameIsTakenWholeOrNotAtAll) {
  for (const std::string_view frame : {kTicker, kTickerDataFirst, kLevel1, kLevel2, kMatch}) {
    ExpectMalformedWhenCut("kucoin", frame);
    ExpectMalformedWhenDamaged("kucoin", frame);
  }
}

TEST(KucoinDecoderTest, SkippedMembersAreCheckedToo) {
  Decoding decoding("kucoin");
  for (const std::string_view value : {"tru",
                                       "nul",
                                       "01",
                                       "1.",
                                       "-",
                                       "1e",
                                       "+1",
                                       R"("\q")",
                                       R"("\u12")",
                                       "[1,]",
                                       "[,1]",
                                       R"({"a"})",
                                       R"({"a":1,})",
                                       R"({1:2})",
                                       R"("b":1)",
                                       R"("b":"c")",
                                       R"(["b":1])",
                                       R"(["b":"c":1])",
                                       R"({"b":"c":1})",
                                       "\"\n\"",
                                       R"(1"x")",
                                       "[1 2]",
                                       R"({"a":[}]})"}) {
    const std::string member = R"("time":1,"other":)" + std::string(value) + ",";
    EXPECT_EQ(
        decoding.Decode(Replaced(kTicker, R"("time":1619378326323)", member + R"("more":[{}])")),
        Outcome::kMalformed)
        << value;
  }
  ASSERT_EQ(decoding.Decode(Replaced(kTicker, R"("time":)",
                                     R"("other":[1e5,-0.5,{"a":[null,"\u00e9"]}],"time":)")),
            Outcome::kTicker);
}

TEST(KucoinDecoderTest, NestingIsBounded) {
  Decoding decoding("kucoin");
  const auto nested = [](int depth) {
    const auto count = static_cast<std::size_t>(depth);
    return Replaced(
        kTicker, R"("time":)",
        R"("deep":)" + std::string(count, '[') + std::string(count, ']') + R"(,"time":)");
  };
  EXPECT_EQ(decoding.Decode(nested(32)), Outcome::kTicker);
  EXPECT_EQ(decoding.Decode(nested(33)), Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(nested(100'000)), Outcome::kMalformed);
}

TEST(KucoinDecoderTest, GarbageIsMalformedAndLeavesNoTrace) {
  Decoding decoding("kucoin");
  for (const std::string_view frame : {"", " ", "pong", "5", "\"text\"", "null", "\xff\xfe", "{",
                                       "}", "[", "]", "{]", "[}", "{{}}", ",", ":"}) {
    EXPECT_EQ(decoding.Decode(frame), Outcome::kMalformed) << frame;
    ASSERT_EQ(decoding.Decode(kTicker), Outcome::kTicker);
    ExpectSnxTicker(decoding.ticker());
  }
}

}  // namespace
}  // namespace tickcast::protocol
