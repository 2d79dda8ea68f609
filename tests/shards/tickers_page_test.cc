#include "shards/tickers_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "shards/home.h"
#include "tests/shards/fake_ring.h"
#include "tests/shards/http_test_world.h"
#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

std::string Gunzip(const std::string& packed) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return "no stream";
  std::string text(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const int ended = inflate(&stream, Z_FINISH);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return ended == Z_STREAM_END ? text : "broken";
}

// A page on shard 0 of three, each with its home.
class TickersPageTest : public testing::Test {
 protected:
  static constexpr ShardId kShards = 3;
  using Headers = std::vector<std::pair<std::string, std::string>>;

  TickersPageTest() {
    config_.channel.namespaces = {{.name = "ticker", .kind = engine::ChannelKind::kState},
                                  {.name = "trade"}};
    for (ShardId shard = 0; shard < kShards; ++shard) {
      exchanges_.push_back(std::make_unique<Exchange>(mesh_, shard));
      homes_.push_back(std::make_unique<Home>(config_, *exchanges_[shard], shard));
    }
    page_ = std::make_unique<TickersPage>(*exchanges_[0], world_.responder_);
  }

  // Publishes at the channel's home, wherever that is.
  void Publish(std::string_view channel, std::string_view data) {
    homes_[mesh_.HomeOf(channel)]->Take(DraftOf(channel, data), now_ns_);
  }
  HttpAsker Run(std::string_view target, const Headers& headers = {}) {
    const HttpAsker asker = world_.Client();
    const TestHead head(target, headers);
    EXPECT_TRUE(head.ok());
    page_->Run(asker, head, now_ns_);
    return asker;
  }
  // One turn of `shard`.
  void Turn(ShardId shard) {
    exchanges_[shard]->Drain(1000, [&](ShardId, Message&& message) {
      if (message.kind == Message::Kind::kAsk) {
        ++asked_;
        homes_[shard]->Ask(std::move(message.request), now_ns_);
      } else if (message.kind == Message::Kind::kAnswer) {
        page_->OnAnswer(*message.request, now_ns_);
      }
    });
    exchanges_[shard]->Publish(ring_);
  }
  void AllTurns() {
    for (int round = 0; round < 3; ++round) {
      for (ShardId shard = 0; shard < kShards; ++shard) Turn(shard);
    }
  }
  TestResponse Get(std::string_view target, const Headers& headers = {}) {
    const HttpAsker asker = Run(target, headers);
    AllTurns();
    EXPECT_TRUE(world_.answered(asker));
    return world_.ResponseTo(asker);
  }
  void PublishMarket() {
    Publish("ticker:sim.ETH-USDT", R"({"price":"2"})");
    Publish("ticker:sim.BTC-USDT", R"({"price":"1"})");
    Publish("ticker:other.BTC-USDT", R"({"price":"3"})");
    Publish("trade:sim.BTC-USDT", R"({"price":"9"})");
  }

  engine::Config config_;
  Mesh mesh_{kShards, 16};
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::vector<std::unique_ptr<Home>> homes_;
  HttpTestWorld world_;
  std::unique_ptr<TickersPage> page_;
  FakeRing ring_;
  std::uint64_t now_ns_ = 5 * kSecondNs;
  int asked_ = 0;
};

constexpr std::string_view kMarket =
    R"({"tickers":{"other.BTC-USDT":{"price":"3"},"sim.BTC-USDT":{"price":"1"},)"
    R"("sim.ETH-USDT":{"price":"2"}}})"
    "\n";

TEST_F(TickersPageTest, GathersTheLastValuesOfEveryHomeSortedByName) {
  std::string expected = R"({"tickers":{)";
  for (ShardId home = 0; home < kShards; ++home) {
    const std::string prefix = "ticker:" + std::string(1, static_cast<char>('a' + home));
    const std::string name = NameAt(mesh_, home, prefix);
    Publish(name, "0");
    Publish(name, std::to_string(home));
    if (home > 0) expected += ',';
    expected += '"' + name.substr(7) + "\":" + std::to_string(home);
  }
  const TestResponse response = Get("/v1/tickers");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, expected + "}}\n");
  EXPECT_EQ(response.headers.at("Content-Type"), "application/json");
  EXPECT_EQ(response.headers.at("Cache-Control"), "public, max-age=1");
  EXPECT_EQ(response.headers.at("Vary"), "Accept-Encoding");
  EXPECT_EQ(response.headers.at("Access-Control-Allow-Origin"), "*");
  EXPECT_FALSE(response.headers.contains("Content-Encoding"));
}

TEST_F(TickersPageTest, AMarketWithoutTickersIsAnEmptyObject) {
  EXPECT_EQ(Get("/v1/tickers").body, "{\"tickers\":{}}\n");
}

TEST_F(TickersPageTest, AnswersOnlyWhenTheLastShardHas) {
  PublishMarket();
  const HttpAsker asker = Run("/v1/tickers");
  Turn(0);
  Turn(0);
  EXPECT_FALSE(world_.answered(asker));
  Turn(1);
  Turn(0);
  EXPECT_FALSE(world_.answered(asker));
  Turn(2);
  Turn(0);
  EXPECT_TRUE(world_.answered(asker));
}

TEST_F(TickersPageTest, OneGatheringServesAllWhoWait) {
  PublishMarket();
  const HttpAsker first = Run("/v1/tickers");
  const HttpAsker second = Run("/v1/tickers", {{"Accept-Encoding", "gzip"}});
  const HttpAsker gone = Run("/v1/tickers");
  const HttpAsker third = Run("/v1/tickers?symbols=sim.BTC-USDT");
  world_.connections_.Close(gone.slot);
  AllTurns();
  EXPECT_EQ(asked_, kShards);
  EXPECT_EQ(world_.ResponseTo(first).body, kMarket);
  EXPECT_EQ(Gunzip(world_.ResponseTo(second).body), kMarket);
  EXPECT_FALSE(world_.answered(gone));
  EXPECT_EQ(world_.ResponseTo(third).body, "{\"tickers\":{\"sim.BTC-USDT\":{\"price\":\"1\"}}}\n");
}

TEST_F(TickersPageTest, APageIsKeptForASecond) {
  PublishMarket();
  Get("/v1/tickers");
  Publish("ticker:sim.BTC-USDT", R"({"price":"7"})");
  now_ns_ += kSecondNs - 1;
  const HttpAsker asker = Run("/v1/tickers");
  ASSERT_TRUE(world_.answered(asker));  // At once, from the page.
  EXPECT_EQ(world_.ResponseTo(asker).body, kMarket);
  EXPECT_EQ(asked_, kShards);
  now_ns_ += 1;
  EXPECT_THAT(Get("/v1/tickers").body, testing::HasSubstr(R"("7")"));
  EXPECT_EQ(asked_, 2 * kShards);
}

TEST_F(TickersPageTest, GzipIsForThoseWhoTakeIt) {
  PublishMarket();
  const TestResponse packed = Get("/v1/tickers", {{"Accept-Encoding", "br, gzip"}});
  EXPECT_EQ(packed.headers.at("Content-Encoding"), "gzip");
  EXPECT_EQ(packed.headers.at("Content-Length"), std::to_string(packed.body.size()));
  EXPECT_EQ(Gunzip(packed.body), kMarket);
  for (const char* const other : {"br", "gzip;q=0", "gzipped", "identity"}) {
    const TestResponse plain = Get("/v1/tickers", {{"Accept-Encoding", other}});
    EXPECT_FALSE(plain.headers.contains("Content-Encoding")) << other;
    EXPECT_EQ(plain.body, kMarket) << other;
  }
  const TestResponse part =
      Get("/v1/tickers?symbols=other.BTC-USDT", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(part.headers.at("Content-Encoding"), "gzip");
  EXPECT_EQ(Gunzip(part.body), "{\"tickers\":{\"other.BTC-USDT\":{\"price\":\"3\"}}}\n");
}

TEST_F(TickersPageTest, WhoHasThePageGets304) {
  PublishMarket();
  const std::string etag = Get("/v1/tickers").headers.at("ETag");
  for (const std::string& known : {etag, "\"other\", " + etag, etag.substr(2), std::string("*")}) {
    const TestResponse response = Get("/v1/tickers", {{"If-None-Match", known}});
    EXPECT_EQ(response.status, 304) << known;
    EXPECT_EQ(response.body, "") << known;
    EXPECT_EQ(response.headers.at("ETag"), etag);
    EXPECT_FALSE(response.headers.contains("Content-Type"));
  }
  for (const char* const other : {"", "\"other\"", "W/\"0\""}) {
    EXPECT_EQ(Get("/v1/tickers", {{"If-None-Match", other}}).status, 200) << other;
  }
  // A part of the page is another page.
  const TestResponse part = Get("/v1/tickers?symbols=ETH-USDT", {{"If-None-Match", etag}});
  EXPECT_EQ(part.status, 200);
  EXPECT_NE(part.headers.at("ETag"), etag);

  Publish("ticker:sim.BTC-USDT", R"({"price":"7"})");
  now_ns_ += kSecondNs;
  EXPECT_EQ(Get("/v1/tickers", {{"If-None-Match", etag}}).status, 200);
}

// The bytes of the plain and the compressed page differ and share a tag, so it may not be a strong
// one (RFC 9110 section 8.8.3.3).
TEST_F(TickersPageTest, ItsTagIsWeak) {
  PublishMarket();
  const std::string etag = Get("/v1/tickers").headers.at("ETag");
  EXPECT_TRUE(etag.starts_with("W/\"")) << etag;
  EXPECT_EQ(Get("/v1/tickers", {{"Accept-Encoding", "gzip"}}).headers.at("ETag"), etag);
}

TEST_F(TickersPageTest, SymbolsAreWantedByNameOrFromEveryExchange) {
  PublishMarket();
  const std::pair<const char*, const char*> cases[] = {
      {"BTC-USDT", R"("other.BTC-USDT":{"price":"3"},"sim.BTC-USDT":{"price":"1"})"},
      {"sim.BTC-USDT", R"("sim.BTC-USDT":{"price":"1"})"},
      {"ETH-USDT,other.BTC-USDT", R"("other.BTC-USDT":{"price":"3"},"sim.ETH-USDT":{"price":"2"})"},
      {"sim.ETH%2DUSDT", R"("sim.ETH-USDT":{"price":"2"})"},
      {"BTC", ""},
      {"nothing,", ""},
      {"", ""},
  };
  for (const auto& [symbols, expected] : cases) {
    EXPECT_EQ(Get(std::string("/v1/tickers?symbols=") + symbols).body,
              std::string("{\"tickers\":{") + expected + "}}\n")
        << symbols;
  }
}

}  // namespace
}  // namespace tickcast::shards
