#include "protocol/exchange/coinbase.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/protocol/exchange/decoding.h"

namespace tickcast::protocol {
namespace {

constexpr std::string_view kTicker =
    R"({"type":"ticker","sequence":333938798,"product_id":"BAND-GBP","price":"14.7775",)"
    R"("open_24h":"14.6647","volume_24h":"94381.28000000","low_24h":"14.3691","high_24h":"16.55",)"
    R"("volume_30d":"2295579.57000000","best_bid":"14.7550","best_bid_size":"3.10",)"
    R"("best_ask":"14.8060","best_ask_size":"7","side":"buy",)"
    R"("time":"2021-04-17T16:43:30.244075Z","trade_id":881613,"last_size":"0.04"})";
constexpr std::string_view kMatch =
    R"({"type":"match","trade_id":881613,"maker_order_id":"27fff20b-af29-4f45",)"
    R"("taker_order_id":"1da6ce16-c8da-4732","side":"sell","size":"0.04","price":"14.7775",)"
    R"("product_id":"BAND-GBP","sequence":333938798,"time":"2021-04-17T16:43:30.244075Z"})";
constexpr std::string_view kUpdate =
    R"({"type":"l2update","product_id":"SKL-BTC","changes":[["sell","0.00001306","660.5"],)"
    R"(["buy","0.00001300","0"]],"time":"2021-04-17T16:43:37.075687Z"})";
constexpr std::string_view kSnapshot =
    R"({"type":"snapshot","product_id":"BAND-GBP","asks":[["14.8024","12.77"]],)"
    R"("bids":[["14.7","1.0"],["14.6","2"]]})";

TEST(CoinbaseDecoderTest, TickerHasLastTradeAndBestLevels) {
  Decoding decoding("coinbase");
  ASSERT_EQ(decoding.Decode(kTicker), Outcome::kTicker);
  const TickerEvent& ticker = decoding.ticker();
  EXPECT_EQ(ticker.symbol, "BAND-GBP");
  EXPECT_EQ(ticker.sequence, 333'938'798U);
  EXPECT_EQ(ticker.time_ms, 1'618'677'810'244);
  EXPECT_EQ(ticker.price, "14.7775");
  EXPECT_EQ(ticker.size, "0.04");
  EXPECT_EQ(ticker.bid, "14.7550");
  EXPECT_EQ(ticker.bid_size, "3.10");
  EXPECT_EQ(ticker.ask, "14.8060");
  EXPECT_EQ(ticker.ask_size, "7");
}

TEST(CoinbaseDecoderTest, TickersOf2021HaveNoSizes) {
  std::string frame = Replaced(kTicker, R"("best_bid_size":"3.10",)", "");
  frame = Replaced(frame, R"("best_ask_size":"7",)", "");
  Decoding decoding("coinbase");
  ASSERT_EQ(decoding.Decode(frame), Outcome::kTicker);
  EXPECT_EQ(decoding.ticker().bid, "14.7550");
  EXPECT_TRUE(decoding.ticker().bid_size.empty());
  EXPECT_TRUE(decoding.ticker().ask_size.empty());
}

// A match tells what the maker did, and subscribers are told what the taker did.
TEST(CoinbaseDecoderTest, AMatchTellsTheMakersSide) {
  Decoding decoding("coinbase");
  ASSERT_EQ(decoding.Decode(kMatch), Outcome::kTrade);
  const TradeEvent& trade = decoding.trade();
  EXPECT_EQ(trade.symbol, "BAND-GBP");
  EXPECT_EQ(trade.sequence, 333'938'798U);
  EXPECT_EQ(trade.id, "881613");
  EXPECT_EQ(trade.id_number, 881'613U);
  EXPECT_EQ(trade.time_ms, 1'618'677'810'244);
  EXPECT_EQ(trade.time_ns, 1'618'677'810'244'075'000);
  EXPECT_EQ(trade.price, "14.7775");
  EXPECT_EQ(trade.size, "0.04");
  EXPECT_EQ(trade.side, Side::kBuy);
  EXPECT_FALSE(trade.is_last_match);
  ASSERT_EQ(decoding.Decode(Replaced(kMatch, R"("side":"sell")", R"("side":"buy")")),
            Outcome::kTrade);
  EXPECT_EQ(decoding.trade().side, Side::kSell);
}

TEST(CoinbaseDecoderTest, TheLastMatchIsMarked) {
  Decoding decoding("coinbase");
  ASSERT_EQ(decoding.Decode(Replaced(kMatch, "match", "last_match")), Outcome::kTrade);
  EXPECT_TRUE(decoding.trade().is_last_match);
  ASSERT_EQ(decoding.Decode(kMatch), Outcome::kTrade);
  EXPECT_FALSE(decoding.trade().is_last_match);
}

TEST(CoinbaseDecoderTest, AnUpdateNamesTheSideOfEachChange) {
  Decoding decoding("coinbase");
  ASSERT_EQ(decoding.Decode(kUpdate), Outcome::kBook);
  const BookEvent& book = decoding.book();
  EXPECT_EQ(book.symbol, "SKL-BTC");
  EXPECT_FALSE(book.is_snapshot);
  EXPECT_FALSE(book.first_sequence);
  EXPECT_FALSE(book.last_sequence);
  EXPECT_EQ(book.time_ms, 1'618'677'817'075);
  ASSERT_EQ(book.levels.size(), 2U);
  EXPECT_EQ(book.levels[0].side, Side::kSell);
  EXPECT_EQ(book.levels[0].price, "0.00001306");
  EXPECT_EQ(book.levels[0].size, "660.5");
  EXPECT_EQ(book.levels[1].side, Side::kBuy);
  EXPECT_EQ(book.levels[1].size, "0");
}

TEST(CoinbaseDecoderTest, ASnapshotReplacesTheBook) {
  Decoding decoding("coinbase");
  ASSERT_EQ(decoding.Decode(kSnapshot), Outcome::kBook);
  EXPECT_TRUE(decoding.book().is_snapshot);
  EXPECT_FALSE(decoding.book().time_ms);
  ASSERT_EQ(decoding.book().levels.size(), 3U);
  EXPECT_EQ(decoding.book().levels[0].side, Side::kSell);
  EXPECT_EQ(decoding.book().levels[2].price, "14.6");
}

TEST(CoinbaseDecoderTest, ControlAndUnknownTypesAreTold) {
  Decoding decoding("coinbase");
  for (const std::string_view frame :
       {R"({"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD",)"
        R"("time":"2014-11-07T08:19:28.464459Z"})",
        R"({"type":"subscriptions","channels":[{"name":"level2","product_ids":["A-B"]}]})",
        R"({"type":"error","message":"failed","reason":"x"})"}) {
    EXPECT_EQ(decoding.Decode(frame), Outcome::kControl) << frame;
  }
  for (const std::string_view frame :
       {R"({"type":"open","price":"1","sequence":"x"})", R"({"type":"received"})", "{}", "[]",
        R"({"channel":"l2_data","sequence_num":0,"events":[]})"}) {
    EXPECT_EQ(decoding.Decode(frame), Outcome::kUnknown) << frame;
  }
}

TEST(CoinbaseDecoderTest, AMissingOrWrongMemberIsMalformed) {
  Decoding decoding("coinbase");
  for (const std::string_view member :
       {R"("sequence":333938798,)", R"("product_id":"BAND-GBP",)"}) {
    EXPECT_EQ(decoding.Decode(Replaced(kTicker, member, "")), Outcome::kMalformed) << member;
    EXPECT_EQ(decoding.Decode(Replaced(kMatch, member, "")), Outcome::kMalformed) << member;
  }
  for (const std::string_view time :
       {"2021-04-17", "yesterday", "", "2021-04-17T16:43:30.244075"}) {
    EXPECT_EQ(decoding.Decode(Replaced(kTicker, "2021-04-17T16:43:30.244075Z", time)),
              Outcome::kMalformed);
    EXPECT_EQ(decoding.Decode(Replaced(kMatch, "2021-04-17T16:43:30.244075Z", time)),
              Outcome::kMalformed);
  }
  EXPECT_EQ(decoding.Decode(Replaced(kUpdate, R"("sell")", R"("hold")")), Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(Replaced(kUpdate, R"("660.5")", "{}")), Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(R"({"type":"l2update","product_id":"A-B","changes":{}})"),
            Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(R"({"type":"l2update","product_id":"A-B"})"), Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(R"({"type":"snapshot","product_id":"A-B","bids":[]})"),
            Outcome::kMalformed);
  EXPECT_EQ(decoding.Decode(R"({"type":"ticker","product_id":"A-B","sequence":1})"),
            Outcome::kMalformed);
}

TEST(CoinbaseDecoderTest, AFrameIsTakenWholeOrNotAtAll) {
  for (const std::string_view frame : {kTicker, kMatch, kUpdate, kSnapshot}) {
    ExpectMalformedWhenCut("coinbase", frame);
    ExpectMalformedWhenDamaged("coinbase", frame);
  }
}

}  // namespace
}  // namespace tickcast::protocol
