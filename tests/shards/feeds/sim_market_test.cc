#include "shards/feeds/sim_market.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/shards/feeds/recording_sink.h"

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kMillisecondNs = 1'000'000;
constexpr std::uint64_t kSecondNs = 1'000 * kMillisecondNs;
constexpr std::uint64_t kStartNs = 5 * kSecondNs;
constexpr std::int64_t kWallOffsetNs = 1'700'000'000'000'000'000;

// When to run next, given now and what Run() asked for.
using Polling = std::function<std::uint64_t(std::uint64_t now_ns, std::uint64_t wanted_ns)>;

std::uint64_t AsWanted(std::uint64_t now_ns, std::uint64_t wanted_ns) {
  return std::max(wanted_ns, now_ns + 1);
}

void RunUntil(SimMarket& market, RecordingSink& sink, std::uint64_t end_ns,
              const Polling& polling = AsWanted, std::uint64_t now_ns = kStartNs) {
  while (now_ns < end_ns) now_ns = polling(now_ns, market.Run(now_ns, sink));
  while (market.Run(end_ns, sink) == end_ns) {
  }
}

std::vector<Published> PublicationsOf(const SimMarketOptions& options, std::uint64_t duration_ns,
                                      const Polling& polling = AsWanted) {
  SimMarket market(options, kWallOffsetNs);
  RecordingSink sink;
  RunUntil(market, sink, kStartNs + duration_ns, polling);
  return std::move(sink.published);
}

TEST(SimMarketTest, PublishesTheSameHoweverItIsPolled) {
  const SimMarketOptions options;
  const auto exact = PublicationsOf(options, 2 * kSecondNs);
  ASSERT_NEAR(static_cast<double>(exact.size()), 40'000, 80);
  const auto each_millisecond = [](auto now_ns, auto) { return now_ns + kMillisecondNs; };
  EXPECT_TRUE(PublicationsOf(options, 2 * kSecondNs, each_millisecond) == exact);
  const auto too_often = [](auto now_ns, auto) { return now_ns + 13'001; };
  EXPECT_TRUE(PublicationsOf(options, 2 * kSecondNs, too_often) == exact);
  std::mt19937_64 random(1);
  const auto at_random = [&](auto now_ns, auto) { return now_ns + random() % 40'000'000; };
  EXPECT_TRUE(PublicationsOf(options, 2 * kSecondNs, at_random) == exact);
}

// Fixed numbers, so that a compiler or a library that rolls other dice shows here.
TEST(SimMarketTest, ASeedIsOneMarketOnEveryMachine) {
  const auto published = PublicationsOf({}, kSecondNs);
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a.
  for (const Published& each : published) {
    for (const char c : each.channel + each.payload + std::to_string(each.ingest_ns)) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
  }
  EXPECT_EQ(published.size(), 19'985u);
  EXPECT_EQ(published.front().channel, "ticker:sim.ETH-USDT");
  EXPECT_EQ(published.front().payload,
            R"({"seq":1,"time":1700000005000,"price":"2683.81","size":"27.3407415",)"
            R"("bid":"2683.79","bid_size":"7.0565148","ask":"2683.82","ask_size":"29.2799112"})");
  EXPECT_EQ(hash, 15'471'973'445'553'003'329u);
}

TEST(SimMarketTest, AnotherSeedIsAnotherMarket) {
  SimMarketOptions options;
  const auto one = PublicationsOf(options, kSecondNs / 10);
  options.seed = 2;
  EXPECT_FALSE(PublicationsOf(options, kSecondNs / 10) == one);
}

TEST(SimMarketTest, CountsAddUpToTheRate) {
  SimMarket market({}, kWallOffsetNs);
  RecordingSink sink;
  for (std::uint64_t second = 1; second <= 10; ++second) {
    RunUntil(market, sink, kStartNs + second * kSecondNs, AsWanted,
             kStartNs + (second - 1) * kSecondNs);
    EXPECT_LE(sink.published.size(), second * 20'000);
    EXPECT_GE(sink.published.size(), second * 20'000 - 80);
  }
  const FeedCounters& counters = market.counters();
  EXPECT_EQ(counters.ticks_published + counters.trades_published, sink.published.size());
  EXPECT_EQ(counters.tickers, counters.ticks_published);
  EXPECT_EQ(counters.trades, counters.trades_published);
  EXPECT_EQ(counters.frames, sink.published.size());
  EXPECT_EQ(counters.skipped_ns, 0u);
  // One in eleven.
  EXPECT_NEAR(static_cast<double>(counters.trades) * 11 / 200'000, 1, 0.03);
}

TEST(SimMarketTest, AllChannelsAreNamedAtTheStart) {
  SimMarketOptions options;
  options.symbols = 30;
  options.exchange = "demo";
  SimMarket market(options, 0);
  RecordingSink sink;
  market.Run(kStartNs, sink);
  ASSERT_EQ(sink.channels.size(), 60u);
  EXPECT_EQ(sink.channels[0], "ticker:demo.BTC-USDT");
  EXPECT_EQ(sink.channels[1], "trade:demo.BTC-USDT");
  EXPECT_EQ(sink.channels[59], "trade:demo.SYM0029-USDT");
}

// Reads every payload back with a parser of its own kind.
TEST(SimMarketTest, PayloadsAreAMarket) {
  const auto published = PublicationsOf({}, 5 * kSecondNs);
  simdjson::dom::parser parser;
  std::map<std::string, std::uint64_t> sequences;
  std::string traded_symbol;
  std::string traded_price;
  for (const Published& each : published) {
    simdjson::dom::object payload;
    ASSERT_EQ(parser.parse(each.payload).get(payload), simdjson::SUCCESS) << each.payload;
    const auto text = [&](const char* key) {
      return std::string(payload[key].get_string().value());
    };
    EXPECT_EQ(payload["time"].get_uint64().value(),
              (static_cast<std::uint64_t>(kWallOffsetNs) + each.ingest_ns) / kMillisecondNs);
    const std::string symbol = each.channel.substr(each.channel.find('.') + 1);
    std::uint64_t& last_sequence = sequences[symbol];
    const std::uint64_t sequence = payload["seq"].get_uint64().value();
    if (each.channel.rfind("trade:", 0) == 0) {
      EXPECT_EQ(sequence, last_sequence + 1);
      EXPECT_TRUE(traded_symbol.empty()) << "a trade was not followed by its ticker";
      traded_symbol = symbol;
      traded_price = text("price");
      EXPECT_TRUE(text("side") == "buy" || text("side") == "sell");
    } else {
      if (traded_symbol.empty()) {
        EXPECT_EQ(sequence, last_sequence + 1);
      } else {
        EXPECT_EQ(sequence, last_sequence);
        EXPECT_EQ(symbol, traded_symbol);
        EXPECT_EQ(text("price"), traded_price);
        traded_symbol.clear();
      }
      // Decimals of one symbol have one scale, so that a double tells at least the order.
      EXPECT_GT(std::atof(text("bid").c_str()), 0);
      EXPECT_LT(std::atof(text("bid").c_str()), std::atof(text("ask").c_str())) << each.payload;
      EXPECT_GT(std::atof(text("bid_size").c_str()), 0);
      EXPECT_GT(std::atof(text("ask_size").c_str()), 0);
      EXPECT_GT(std::atof(text("size").c_str()), 0);
    }
    last_sequence = sequence;
  }
  EXPECT_EQ(sequences.size(), 600u) << "a symbol was silent for five seconds";
}

TEST(SimMarketTest, ActivityIsZipfs) {
  const auto published = PublicationsOf({}, 20 * kSecondNs);
  std::map<std::string, int> counts;
  for (const Published& each : published) ++counts[each.channel.substr(each.channel.find('.') + 1)];
  double weights = 0;
  for (int k = 1; k <= 600; ++k) weights += 1.0 / k;
  const double first = static_cast<double>(published.size()) / weights;
  EXPECT_NEAR(counts["BTC-USDT"] / first, 1, 0.06);
  EXPECT_NEAR(counts["ETH-USDT"] / first, 1.0 / 2, 0.06);
  EXPECT_NEAR(counts["ALGO-USDT"] / first, 1.0 / 24, 0.02);
  EXPECT_GT(counts["SYM0599-USDT"], 20);
}

// Of one symbol, as a client sees it: clumps of tens of microseconds with milliseconds between.
TEST(SimMarketTest, ASymbolsUpdatesComeInClumps) {
  const auto published = PublicationsOf({}, 20 * kSecondNs);
  for (const char* channel :
       {"ticker:sim.BTC-USDT", "ticker:sim.SOL-USDT", "ticker:sim.ALGO-USDT"}) {
    std::vector<std::uint64_t> gaps;
    std::uint64_t last_ns = 0;
    for (const Published& each : published) {
      if (each.channel != channel) continue;
      if (last_ns != 0) gaps.push_back(each.ingest_ns - last_ns);
      last_ns = each.ingest_ns;
    }
    std::sort(gaps.begin(), gaps.end());
    EXPECT_LT(gaps[gaps.size() / 2], 100'000u);
    EXPECT_GT(gaps[gaps.size() * 9 / 10], 1'000'000u);
  }
}

TEST(SimMarketTest, AFullSinkGetsTheSamePublicationsInTheSameOrder) {
  const auto expected = PublicationsOf({}, kSecondNs);
  SimMarket market({}, kWallOffsetNs);
  RecordingSink sink;
  // Refuses three offers of four, trades and tickers alike.
  sink.is_full = [&](const std::string&) { return sink.offers % 4 != 0; };
  RunUntil(market, sink, kStartNs + kSecondNs);
  EXPECT_TRUE(sink.published == expected);
  EXPECT_EQ(market.counters().retried_full, sink.offers - sink.published.size());
}

TEST(SimMarketTest, ATurnIsBoundedAndALateShardCatchesUp) {
  const auto expected = PublicationsOf({}, kSecondNs);
  SimMarket market({}, kWallOffsetNs);
  RecordingSink sink;
  market.Run(kStartNs, sink);
  const std::size_t before = sink.published.size();
  const std::uint64_t late_ns = kStartNs + kSecondNs;
  EXPECT_EQ(market.Run(late_ns, sink), late_ns);
  EXPECT_EQ(sink.published.size(), before + SimMarket::kMaxEventsPerTurn);
  while (market.Run(late_ns, sink) == late_ns) {
  }
  EXPECT_EQ(market.counters().skipped_ns, 0u);
  EXPECT_TRUE(sink.published == expected);
}

TEST(SimMarketTest, BeyondASecondTimeIsSkippedAndNoEvent) {
  SimMarket market({}, kWallOffsetNs);
  RecordingSink sink;
  RunUntil(market, sink, kStartNs + kSecondNs);
  const std::uint64_t lag_ns = 3 * kSecondNs;
  const std::uint64_t next_due_ns = market.Run(kStartNs + kSecondNs, sink);
  RunUntil(market, sink, next_due_ns + lag_ns + kSecondNs, AsWanted, next_due_ns + lag_ns);
  const std::uint64_t skipped_ns = market.counters().skipped_ns;
  EXPECT_GE(skipped_ns, lag_ns);
  EXPECT_LT(skipped_ns, lag_ns + SimMarket::kGridNs);
  const std::uint64_t first_late_ns = next_due_ns + lag_ns - skipped_ns;

  const auto unhindered = PublicationsOf({}, 3 * kSecondNs);
  ASSERT_LE(sink.published.size(), unhindered.size());
  for (std::size_t i = 0; i < sink.published.size(); ++i) {
    ASSERT_EQ(sink.published[i].channel, unhindered[i].channel);
    const bool late = unhindered[i].ingest_ns >= first_late_ns;
    ASSERT_EQ(sink.published[i].ingest_ns, unhindered[i].ingest_ns + (late ? skipped_ns : 0));
  }
  EXPECT_NEAR(static_cast<double>(sink.published.size()), 40'000, 80);
}

}  // namespace
}  // namespace tickcast::shards
