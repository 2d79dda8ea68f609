// MapTest: maps of every mode, a server API that writes them, and the market of WatchTest, of which
// `tickers` is a map too. Threading: as SimWorld.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protocol/abseil.h"
#include "simdjson.h"
#include "tests/sim/map_mirror.h"
#include "tests/sim/sim_http_peer.h"
#include "tests/sim/watch_world.h"

namespace tickcast::shards::sim {

inline constexpr const char* kTickers = "tickers:kucoin";

class MapTest : public WatchTest {
 protected:
  using Wants = MapMirror::Wants;
  using Keys = std::map<std::string, std::string>;
  static constexpr std::string_view kOnlyA = R"({"key":"g","cmp":"eq","val":"a"})";

  // Namespaces `live` (ephemeral), `rec` (recoverable), `keep` (persistent) and `tickers`.
  MapTest() {
    engine::Namespace base{.name = "live"};
    base.subscription_type = engine::SubscriptionType::kMap;
    base.allow_subscribe_for_client = base.allow_subscribe_for_anonymous = true;
    base.allow_tags_filter = true;
    base.allowed_delta_types = {"fossil"};
    base.delta_publish = true;
    base.map.min_page_size = 1;
    base.map.key_ttl_ns = 600 * kSecond;
    base.map.mode = engine::MapMode::kEphemeral;
    engine::Namespace rec = base;
    rec.name = "rec";
    rec.map.mode = engine::MapMode::kRecoverable;
    engine::Namespace keep = base;
    keep.name = "keep";
    keep.map.mode = engine::MapMode::kPersistent;
    keep.map.key_ttl_ns = 0;
    engine::Namespace tickers = base;
    tickers.name = "tickers";
    tickers.source = "feed:*";
    tickers.map.mode = engine::MapMode::kNone;
    tickers.map.key_ttl_ns = 0;
    for (engine::Namespace* each : {&base, &rec, &keep, &tickers}) {
      options_.config.channel.namespaces.push_back(*each);
    }
  }

  engine::Namespace& NamespaceOf(std::string_view name) {
    for (engine::Namespace& ns : options_.config.channel.namespaces) {
      if (ns.name == name) return ns;
    }
    ADD_FAILURE() << name;
    return options_.config.channel.namespaces.front();
  }

  void Begin(ShardId shards = 1, std::uint64_t seed = 1) {
    mirrors_.clear();
    WatchTest::Begin(shards, seed);
    cluster_->on_heard = [this](SimClient& client, const Heard& heard) {
      for (const auto& [of, mirror] : mirrors_) {
        if (of == &client) mirror->OnHeard(heard);
      }
    };
  }

  // The answer of a method of the server API.
  std::string Call(std::string_view method, std::string_view body, ShardId shard = 0) {
    SimHttpPeer peer(cluster_->world(), cluster_->ring(shard));
    peer.Post(absl::StrCat("/api/", protocol::Abseil(method)), body);
    EXPECT_TRUE(cluster_->RunUntil([&] { return !peer.Responses().empty(); }));
    peer.peer().Reset();
    return peer.Responses().empty() ? "" : peer.Responses().front().body;
  }
  static std::string About(std::string_view channel, std::string_view key) {
    return absl::StrCat(R"("channel":")", protocol::Abseil(channel), R"(","key":")",
                        protocol::Abseil(key), "\"");
  }
  static std::string ValueOf(int n, std::size_t padding = 0) {
    return absl::StrCat(R"({"n":)", n, R"(,"pad":")", std::string(padding, 'x'), "\"}");
  }
  // The key's next value, tagged with its group `g` where one is given.
  static std::string PublishBody(std::string_view channel, std::string_view key, int n,
                                 std::string_view group = "", std::size_t padding = 0) {
    std::string body = absl::StrCat("{", About(channel, key), R"(,"data":)", ValueOf(n, padding),
                                    R"(,"delta":true)");
    if (!group.empty()) {
      absl::StrAppend(&body, R"(,"tags":{"g":")", protocol::Abseil(group), "\"}");
    }
    return body + "}";
  }
  void Publish(std::string_view channel, std::string_view key, int n, std::string_view group = "",
               std::size_t padding = 0) {
    const std::string answer = Call("map_publish", PublishBody(channel, key, n, group, padding));
    EXPECT_NE(answer.find("result"), answer.npos) << answer;
  }
  void PublishAll(std::string_view channel, int keys, int n = 0) {
    for (int i = 0; i < keys; ++i) Publish(channel, absl::StrCat("k", i), n);
  }
  void Remove(std::string_view channel, std::string_view key) {
    const std::string answer = Call("map_remove", absl::StrCat("{", About(channel, key), "}"));
    EXPECT_NE(answer.find("result"), answer.npos) << answer;
  }
  void Clear(std::string_view channel) {
    Call("map_clear", absl::StrCat(R"({"channel":")", protocol::Abseil(channel), "\"}"));
  }
  // What the map's home has; of a map over a feed what the feed has published.
  Keys Source(std::string_view channel, std::string_view group = "") {
    Keys keys;
    if (channel == kTickers) {
      for (const auto& [symbol, number] : newest_) {
        if (number != 0) keys[Key(symbol)] = WritePayload({symbol, number}, padding_bytes_);
      }
      return keys;
    }
    const std::string answer =
        Call("map_read_state",
             absl::StrCat(R"({"channel":")", protocol::Abseil(channel), R"(","limit":-1})"));
    simdjson::dom::parser parser;
    simdjson::dom::object result;
    simdjson::dom::array state;
    const simdjson::padded_string padded(answer);
    EXPECT_EQ(parser.parse(padded)["result"].get(result), simdjson::SUCCESS) << answer;
    // Left out where there is none.
    if (result["entries"].get(state) != simdjson::SUCCESS) return keys;
    for (const simdjson::dom::element each : state) {
      std::string_view key;
      std::string_view g;
      EXPECT_EQ(each["key"].get(key), simdjson::SUCCESS);
      const bool tagged = each["tags"]["g"].get(g) == simdjson::SUCCESS;
      if (!group.empty() && (!tagged || g != group)) continue;
      keys[std::string(key)] = simdjson::minify(each["data"]);
    }
    return keys;
  }

  // A mirror on a connection of its own, not begun.
  MapMirror& NewMirror(const Wants& wants, ShardId shard = 0) {
    auto mirror = std::make_unique<MapMirror>(wants);
    mirrors_.emplace_back(&cluster_->AddConnected(shard), std::move(mirror));
    return *mirrors_.back().second;
  }
  SimClient& ClientOf(const MapMirror& mirror) {
    for (const auto& [client, each] : mirrors_) {
      if (each.get() == &mirror) return *client;
    }
    ADD_FAILURE();
    return *mirrors_.front().first;
  }
  void BeginMirror(MapMirror& mirror) { mirror.Begin(ClientOf(mirror)); }
  MapMirror& Live(const Wants& wants, ShardId shard = 0) {
    MapMirror& mirror = NewMirror(wants, shard);
    BeginMirror(mirror);
    EXPECT_TRUE(cluster_->RunUntil([&] { return mirror.live(); })) << mirror.end_code();
    return mirror;
  }
  // The connection is lost, and another one made.
  void Reconnect(MapMirror& mirror, ShardId shard = 0) {
    for (auto& [client, each] : mirrors_) {
      if (each.get() != &mirror) continue;
      client->Reset();
      mirror.Lose();
      client = nullptr;
      SimClient& next = cluster_->AddConnected(shard);
      client = &next;
    }
  }
  // As an SDK: it begins again where it has to, until it is live.
  void RunUntilLive(MapMirror& mirror) {
    EXPECT_TRUE(cluster_->RunUntil([&] {
      if (mirror.ended()) BeginMirror(mirror);
      return mirror.live();
    })) << mirror.end_code();
  }
  void Settle(std::uint64_t ms = 20) { cluster_->RunFor(ms * kMillisecond); }

  // A command about a map by hand.
  std::uint32_t SendMap(SimClient& client, std::string_view channel, std::string_view members) {
    const std::uint32_t id =
        client.Command(absl::StrCat("\"subscribe\":{\"channel\":", Quoted(channel), ",\"type\":1",
                                    protocol::Abseil(members), "}"));
    client.Flush();
    return id;
  }
  Heard AskMap(SimClient& client, std::string_view channel, std::string_view members) {
    return Answer(client, SendMap(client, channel, members));
  }
  // Nobody has left anything behind.
  void ExpectNothingLeft() {
    Settle(150);  // Some metrics are copied ten times a second.
    EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 0);
    EXPECT_EQ(cluster_->Metric("tickcast_channels"), 0);
    for (ShardId shard = 0; shard < cluster_->shards(); ++shard) {
      EXPECT_EQ(cluster_->shard(shard).filters().size(), 0u);
    }
  }

  std::deque<std::pair<SimClient*, std::unique_ptr<MapMirror>>> mirrors_;
};

}  // namespace tickcast::shards::sim
