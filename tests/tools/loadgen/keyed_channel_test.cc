#include "tools/loadgen/keyed_channel.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace tickcast::loadgen {
namespace {

Topology MakeTopology() {
  return Topology({.connections = 1, .channels = 3, .subscriptions = 3},
                  {"ticker:sim.BTC-USDT", "ticker:sim.ETH-USDT", "ticker:sim.A.B"});
}

TEST(KeyedChannelTest, ANameIsAKeyedChannelAndAKey) {
  EXPECT_TRUE(CheckKeyed("ticker:sim.BTC-USDT").ok());
  EXPECT_TRUE(CheckKeyed("a:b.c").ok());
  for (const char* name :
       {"", "ticker", "ticker:sim", "ticker:sim.", "ticker:.x", ":sim.x", "a.b", "a.b:c"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckKeyed(name))) << name;
  }
  const Topology topology = MakeTopology();
  const KeyedChannel list(topology, Address::kTrack);
  EXPECT_EQ(list.channel(), "watch:sim");
  EXPECT_EQ(list.key(1), "ETH-USDT");
  EXPECT_EQ(list.key(2), "A.B");
  EXPECT_EQ(KeyedChannel(topology, Address::kMap).channel(), "tickers:sim");
}

TEST(KeyedChannelTest, CommandsAreThoseOfTheProtocol) {
  const Topology topology = MakeTopology();
  const KeyedChannel list(topology, Address::kTrack);
  std::string out;
  list.AppendSubscribe(2, "", out);
  EXPECT_EQ(out, R"({"id":2,"subscribe":{"channel":"watch:sim","type":4}})");
  out.clear();
  list.AppendSubscribe(2, R"({"interval_ms":100})", out);
  EXPECT_EQ(out,
            R"({"id":2,"subscribe":{"channel":"watch:sim","type":4,"data":{"interval_ms":100}}})");
  out.clear();
  list.AppendTrack(3, std::array{0U, 2U}, {}, out);
  EXPECT_EQ(out,
            R"({"id":3,"sub_refresh":{"channel":"watch:sim","type":1,"track":[{"signature":"",)"
            R"("items":[{"key":"BTC-USDT"},{"key":"A.B"}]}]}})");
  out.clear();
  list.AppendTrack(4, std::array{1U}, std::array{0U, 2U}, out);
  EXPECT_EQ(out,
            R"({"id":4,"sub_refresh":{"channel":"watch:sim","type":1,"track":[{"signature":"",)"
            R"("items":[{"key":"ETH-USDT"}]}],"untrack":["BTC-USDT","A.B"]}})");
}

TEST(KeyedChannelTest, AMapIsAskedForPageByPage) {
  const Topology topology = MakeTopology();
  const KeyedChannel map(topology, Address::kMap);
  std::string out;
  map.AppendPage(2, R"({"interval_ms":100})", {}, 500, out);
  EXPECT_EQ(out, R"({"id":2,"subscribe":{"channel":"tickers:sim","type":1,"limit":500,"phase":2,)"
                 R"("data":{"interval_ms":100}}})");
  out.clear();
  map.AppendPage(2, "", {.phase = 2, .cursor = "c", .epoch = "e", .offset = 6}, 2, out);
  EXPECT_EQ(out, R"({"id":2,"subscribe":{"channel":"tickers:sim","type":1,"limit":2,"phase":2,)"
                 R"("cursor":"c","epoch":"e","offset":6}})");
  out.clear();
  map.AppendPage(2, "", {.phase = 0, .epoch = "e", .offset = 8}, 2, out);
  EXPECT_EQ(out, R"({"id":2,"subscribe":{"channel":"tickers:sim","type":1,"limit":2,"epoch":"e",)"
                 R"("offset":8}})");
}

// As docs/keyed.md shows them.
TEST(KeyedChannelTest, APageTellsWhatToAskForNext) {
  MapPage next = ReadMapPage(
      R"({"id":2,"subscribe":{"epoch":"JfWK","offset":6,"type":1,"phase":2,"cursor":"k1",)"
      R"("state":[{"data":0,"offset":1,"key":"k0"},{"data":{"cursor":"x"},"offset":2,"key":"k1"}]}})",
      2);
  EXPECT_FALSE(next.live);
  EXPECT_EQ(next.phase, 2);
  EXPECT_EQ(next.cursor, "k1");
  EXPECT_EQ(next.epoch, "JfWK");
  EXPECT_EQ(next.offset, 6U);
  next = ReadMapPage(R"({"id":3,"subscribe":{"epoch":"e","offset":6,"type":1,"phase":2,)"
                     R"("state":[{"data":0,"offset":1,"key":"k0"}]}})",
                     2);
  EXPECT_FALSE(next.live);
  EXPECT_EQ(next.phase, 1);
  const std::string changes =
      R"({"id":5,"subscribe":{"epoch":"JfWK","publications":[{"data":"new","offset":7,"key":"k3"},)"
      R"({"offset":9,"key":"k0","removed":true}],"offset":8,"type":1,"phase":1}})";
  EXPECT_EQ(ReadMapPage(changes, 2).phase, 1);
  next = ReadMapPage(changes, 3);
  EXPECT_FALSE(next.live);
  EXPECT_EQ(next.phase, 0);
  EXPECT_EQ(next.offset, 8U);
  EXPECT_TRUE(ReadMapPage(R"({"id":7,"subscribe":{"recoverable":true,"epoch":"e","offset":8,)"
                          R"("type":1}})",
                          2)
                  .live);
  EXPECT_TRUE(
      ReadMapPage(R"({"id":2,"subscribe":{"type":1,"state":[{"data":1,"key":"a"}]}})", 2).live);
}

constexpr std::string_view kPush =
    R"({"push":{"channel":"watch:sim","pub":{"data":{"seq":7,"time":1,"key":"in the data"},)"
    R"("key":"BTC-USDT","version":18446744073709551615}}})";

TEST(KeyedChannelTest, APushEndsWithItsKeyAndVersion) {
  KeyedEnd end;
  ASSERT_TRUE(ReadKeyedEnd(kPush, end));
  EXPECT_EQ(end.key, "BTC-USDT");
  EXPECT_EQ(end.version, UINT64_MAX);
  EXPECT_TRUE(ReadKeyedEnd(R"({"push":{"pub":{"data":1,"key":"k"}}})", end));
  EXPECT_EQ(end.key, "k");
  EXPECT_EQ(end.version, 0U);
  EXPECT_FALSE(ReadKeyedEnd(R"({"push":{"channel":"ticker:sim.A","pub":{"data":{}}}})", end));
}

// Nothing is read beyond the end of a line that is cut anywhere.
TEST(KeyedChannelTest, ACutLineIsNoKeyOrAShorterOne) {
  for (std::size_t cut = 0; cut < kPush.size(); ++cut) {
    const std::string line(kPush.substr(0, cut));
    KeyedEnd end;
    if (!ReadKeyedEnd(line, end)) continue;
    EXPECT_TRUE(end.key == "BTC-USDT" || end.key == "in the data") << cut;
    EXPECT_LE(ReadKeyedItems(line).size(), 2U) << cut;
  }
}

TEST(KeyedChannelTest, AnAnswerHasItsItemsInOrder) {
  const std::vector<KeyedItem> items = ReadKeyedItems(
      R"({"id":4,"sub_refresh":{"items":[{"data":{"seq":12,"time":1},"key":"A","version":3},)"
      R"({"data":{"seq":5,"time":1},"key":"B","version":9},{"data":{"x":1},"key":"C"}]}})");
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0].end.key, "A");
  EXPECT_EQ(items[0].seq, 12U);
  EXPECT_EQ(items[0].end.version, 3U);
  EXPECT_EQ(items[1].end.key, "B");
  EXPECT_EQ(items[1].seq, 5U);
  EXPECT_EQ(items[1].end.version, 9U);
  EXPECT_EQ(items[2].end.key, "C");
  EXPECT_EQ(items[2].seq, 0U);
  EXPECT_EQ(items[2].end.version, 0U);
  EXPECT_TRUE(ReadKeyedItems(R"({"id":4,"sub_refresh":{}})").empty());
}

}  // namespace
}  // namespace tickcast::loadgen
