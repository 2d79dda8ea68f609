// What clients write into maps: who may, under which key, and what stands there then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/sim/map_writers.h"

namespace tickcast::shards::sim {
namespace {

using engine::SimHttp;
using testing::HasSubstr;
using testing::Not;

class MapPublishTest : public MapWriterTest {
 protected:
  // 0: it was taken.
  std::uint32_t Publish(SimClient& client, std::string_view channel, std::string_view key,
                        std::string_view more = R"(,"data":1)") {
    const Heard* reply =
        Ask(client, absl::StrCat("\"publish\":{\"channel\":", Quoted(channel),
                                 ",\"type\":1,\"key\":", Quoted(key), protocol::Abseil(more), "}"));
    if (reply == nullptr) return client.close_code();
    return reply->kind == Kind::kPublished ? 0 : reply->code;
  }
  std::uint32_t Remove(SimClient& client, std::string_view channel, std::string_view key) {
    return Publish(client, channel, key, R"(,"removed":true)");
  }
  SimClient& Anonymous() {
    options_.config.client.allow_anonymous_connect_without_token = true;
    SimClient& client = cluster_->AddClient();
    EXPECT_EQ(Reply(client, Connect(client, ""))->kind, Kind::kConnected);
    return client;
  }
};

TEST_F(MapPublishTest, WhatIsWrittenStandsThere) {
  for (const ShardId shards : {1, 3}) {
    SCOPED_TRACE(shards);
    if (shards == 1) OpenForWriting(AddMap("map"));
    Begin(shards);
    SimClient& client = Connected(R"({"sub":"42","info":{"n":1}})", shards - 1);
    EXPECT_EQ(Publish(client, "map:a", "k", R"(,"data":{"v": 1})"), 0u);
    EXPECT_EQ(StateOf("map:a"), R"({"key":"k","data":{"v":1},"offset":1})");
    EXPECT_EQ(Publish(client, "map:a", "empty", ""), 0u);
    EXPECT_THAT(StateOf("map:a"), HasSubstr(R"({"key":"empty","offset":2})"));
    EXPECT_EQ(Remove(client, "map:a", "k"), 0u);
    EXPECT_THAT(StateOf("map:a"), Not(HasSubstr(R"("k")")));
    // There is nothing to remove, and nothing comes of it.
    EXPECT_EQ(Remove(client, "map:a", "k"), 0u);
    EXPECT_EQ(Remove(client, "map:never", "k"), 0u);
    EXPECT_EQ(ChangesOf("map:a"), 3u);
    EXPECT_EQ(cluster_->Metric("tickcast_publications_refused_total"), 0);
  }
}

TEST_F(MapPublishTest, SubscribersAreToldWhoWrote) {
  OpenForWriting(AddMap("map"));
  NamespaceOf("map").allow_subscribe_for_client = true;
  Begin(2);
  SimClient& watches = Connected(R"({"sub":"1"})");
  SimClient& writes = Connected(R"({"sub":"42","info":{"n":1}})", 1);
  ASSERT_EQ(Mirror(watches, "map:a")->kind, Kind::kSubscribed);
  EXPECT_EQ(Publish(writes, "map:a", "k", R"(,"data":{"v": 1})"), 0u);
  EXPECT_EQ(Publish(writes, "map:a", "empty", ""), 0u);
  EXPECT_EQ(Remove(writes, "map:a", "k"), 0u);
  EXPECT_EQ(Remove(writes, "map:a", "k"), 0u);
  cluster_->RunFor(10 * kMillisecond);
  const std::string info =
      absl::StrCat(R"({"user":"42","client":")", writes.id(), R"(","conn_info":{"n":1}})");
  EXPECT_THAT(Told(watches, "map:a"),
              testing::ElementsAre(absl::StrCat(R"(k={"v":1} )", info),
                                   absl::StrCat("empty= ", info), "k removed"));
}

TEST_F(MapPublishTest, SubscribersMayWhileTheyAre) {
  engine::Namespace& map = AddMap("map");
  map.map.allow_publish_for_subscriber = map.map.allow_remove_for_subscriber = true;
  map.allow_subscribe_for_client = true;
  Begin(2);
  SimClient& client = Connected(R"({"sub":"42"})");
  EXPECT_EQ(Publish(client, "map:a", "k"), 103u);
  ASSERT_EQ(Mirror(client, "map:a")->kind, Kind::kSubscribed);
  EXPECT_EQ(Publish(client, "map:a", "k"), 0u);
  EXPECT_EQ(Publish(client, "map:b", "k"), 103u);
  EXPECT_EQ(Remove(client, "map:a", "k"), 0u);
  EXPECT_EQ(Reply(client, client.Unsubscribe("map:a"))->kind, Kind::kUnsubscribed);
  EXPECT_EQ(Publish(client, "map:a", "k"), 103u);
  EXPECT_EQ(Remove(client, "map:a", "k"), 103u);
}

TEST_F(MapPublishTest, AKeyHas1To255Bytes) {
  OpenForWriting(AddMap("map"));
  Begin();
  SimClient& client = Connected(R"({"sub":"42"})");
  EXPECT_EQ(Publish(client, "map:a", ""), 107u);
  EXPECT_EQ(Publish(client, "map:a", std::string(256, 'k')), 107u);
  EXPECT_EQ(KeysOf("map:a"), 0u);
  EXPECT_EQ(Publish(client, "map:a", std::string(255, 'k')), 0u);
  EXPECT_EQ(KeysOf("map:a"), 1u);
  EXPECT_EQ(Remove(client, "map:a", ""), 107u);
  EXPECT_EQ(Remove(client, "map:a", std::string(256, 'k')), 107u);
  EXPECT_EQ(Remove(client, "map:a", std::string(255, 'k')), 0u);
  EXPECT_EQ(KeysOf("map:a"), 0u);
  // A channel's name: of 255 bytes at most, and ASCII.
  EXPECT_EQ(Publish(client, "map:" + std::string(252, 'a'), "k"), 107u);
  EXPECT_EQ(Publish(client, "map:" + std::string(251, 'a'), "k"), 0u);
  EXPECT_EQ(Publish(client, "map:ы", "k"), 107u);
}

TEST_F(MapPublishTest, WhoMayIsSaidForEachOfBoth) {
  options_.config.client.allow_anonymous_connect_without_token = true;
  AddMap("closed");
  AddMap("write").map.allow_publish_for_client = true;
  AddMap("remove").map.allow_remove_for_client = true;
  AddMap("subscriber").map.allow_publish_for_subscriber = true;
  AddMap("nobody").map.allow_publish_for_anonymous = true;
  OpenForWriting(AddMap("open"));
  Begin();
  SimClient& user = Connected(R"({"sub":"42"})");
  SimClient& anonymous = Anonymous();
  const struct {
    const char* channel;
    bool removes;
    std::uint32_t user;
    std::uint32_t anonymous;
  } rows[] = {
      {"closed:a", false, 103, 103},
      {"closed:a", true, 103, 103},
      {"write:a", false, 0, 103},
      {"write:a", true, 103, 103},
      {"remove:a", false, 103, 103},
      {"remove:a", true, 0, 103},
      {"subscriber:a", false, 103, 103},
      {"nobody:a", false, 103, 103},  // An addition, not a
                                      // permission of its own.
      {"open:a", false, 0, 0},
      {"open:a", true, 0, 0},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(absl::StrCat(row.channel, row.removes ? " remove" : " publish"));
    const auto write = [&](SimClient& client) {
      return row.removes ? Remove(client, row.channel, "k") : Publish(client, row.channel, "k");
    };
    EXPECT_EQ(write(user), row.user);
    EXPECT_EQ(write(anonymous), row.anonymous);
  }
}

TEST_F(MapPublishTest, KeysMayBeTheWritersOwn) {
  options_.config.client.allow_anonymous_connect_without_token = true;
  AddMap("client").map.client_key = engine::MapClientKey::kClientId;
  AddMap("user").map.client_key = engine::MapClientKey::kUserId;
  OpenForWriting(NamespaceOf("client"));
  OpenForWriting(NamespaceOf("user"));
  Begin();
  SimClient& client = Connected(R"({"sub":"42"})");
  // Whatever they name, even what is no key.
  for (const std::string& named : {std::string("43"), std::string(), std::string(256, 'k')}) {
    EXPECT_EQ(Publish(client, "client:a", named), 0u);
    EXPECT_EQ(Publish(client, "user:a", named), 0u);
  }
  EXPECT_EQ(KeysOf("client:a"), 1u);
  EXPECT_THAT(StateOf("client:a"), HasSubstr(absl::StrCat(R"("key":")", client.id(), "\"")));
  EXPECT_EQ(KeysOf("user:a"), 1u);
  EXPECT_THAT(StateOf("user:a"), HasSubstr(R"("key":"42")"));
  SimClient& anonymous = Anonymous();
  EXPECT_EQ(Publish(anonymous, "client:a", "42"), 0u);
  EXPECT_EQ(Publish(anonymous, "user:a", "42"), 103u);
  EXPECT_EQ(Remove(anonymous, "user:a", "42"), 103u);
  EXPECT_EQ(KeysOf("client:a"), 2u);
  EXPECT_EQ(Remove(client, "client:a", anonymous.id()), 0u);
  EXPECT_THAT(StateOf("client:a"), HasSubstr(anonymous.id())) << "only its own";
  EXPECT_EQ(Remove(client, "user:a", "43"), 0u);
  EXPECT_EQ(KeysOf("user:a"), 0u);
  SimClient& long_named = Connected(absl::StrCat(R"({"sub":")", std::string(256, 'u'), R"("})"));
  EXPECT_EQ(Publish(long_named, "user:a", "k"), 107u) << "no key can be so long";
}

TEST_F(MapPublishTest, OnlyMapsTakeKeys) {
  engine::Namespace& flow = NamespaceOf("flow");
  flow.allow_publish_for_client = true;
  engine::Namespace& open = AddMap("open");
  OpenForWriting(open);
  open.allow_publish_for_client = true;
  engine::Namespace& feed = AddMap("market", 0);
  feed.map.mode = engine::MapMode::kNone;
  feed.source = "feed:*";
  Begin();
  SimClient& client = Connected(R"({"sub":"42"})");
  EXPECT_EQ(Publish(client, "flow:a", "k"), 103u);
  EXPECT_EQ(Publish(client, "market:kucoin", "k"), 103u);
  EXPECT_EQ(Publish(client, "nowhere:a", "k"), 102u);
  EXPECT_EQ(Ask(client, R"("publish":{"channel":"open:a","data":1})")->code, 103u);
  EXPECT_EQ(Ask(client, R"("publish":{"channel":"open:a","key":"k","data":1})")->code, 103u);
  EXPECT_EQ(Ask(client, R"("publish":{"channel":"open:a","type":2,"key":"k","data":1})")->code,
            103u);
  EXPECT_EQ(KeysOf("open:a"), 0u);
  // Any other type is a stream's, as there.
  for (const char* type : {"0", "2", "-1"}) {
    EXPECT_EQ(
        Ask(client, absl::StrCat(R"("publish":{"channel":"flow:a","data":1,"type":)", type, "}"))
            ->kind,
        Kind::kPublished)
        << type;
  }
  EXPECT_EQ(Ask(client, R"("publish":{"channel":"flow:a"})")->code, 107u);
}

TEST_F(MapPublishTest, WhatMustBeAnObjectIs) {
  engine::Namespace& map = AddMap("map");
  OpenForWriting(map);
  map.publication_data_format = engine::DataFormat::kJsonObject;
  Begin();
  SimClient& client = Connected(R"({"sub":"42"})");
  EXPECT_EQ(Publish(client, "map:a", "k", R"(,"data":1)"), 107u);
  EXPECT_EQ(Publish(client, "map:a", "k", ""), 107u);
  EXPECT_EQ(KeysOf("map:a"), 0u);
  EXPECT_EQ(Publish(client, "map:a", "k", R"(,"data":{})"), 0u);
  EXPECT_EQ(Remove(client, "map:a", "k"), 0u) << "a removal has no data";
}

TEST_F(MapPublishTest, TooManyAreRefused) {
  engine::Namespace& map = AddMap("map");
  OpenForWriting(map);
  map.publish_rate = 2;
  Begin(2);
  SimClient& client = Connected(R"({"sub":"42"})");
  EXPECT_EQ(Publish(client, "map:a", "1"), 0u);
  EXPECT_EQ(Publish(client, "map:a", "2"), 0u);
  EXPECT_EQ(Publish(client, "map:a", "3"), 111u);
  EXPECT_EQ(Remove(client, "map:a", "1"), 111u);
  EXPECT_EQ(KeysOf("map:a"), 2u);
  EXPECT_EQ(cluster_->Metric("tickcast_publications_refused_total"), 2);
  EXPECT_EQ(Publish(client, "map:b", "1"), 0u) << "each channel has its own";
  cluster_->RunFor(1 * kSecond);
  EXPECT_EQ(Remove(client, "map:a", "1"), 0u);
}

// --- By a backend --------------------------------------------------------------------------------

class ProxiedMapPublishTest : public MapPublishTest {
 protected:
  ProxiedMapPublishTest() {
    engine::Namespace& map = AddMap("map");
    map.map.publish_proxy_enabled = map.map.remove_proxy_enabled = true;
    options_.config.channel.proxy.map_publish.endpoint = "http://b/publish";
    options_.config.channel.proxy.map_remove.endpoint = "http://b/remove";
    options_.http = [this](const engine::HttpCall& call) {
      asked_.push_back(absl::StrCat(call.url.substr(8), " ", call.body));
      return SimHttp::Answer{.status = status_, .body = answer_, .after_ns = 3 * kMillisecond};
    };
  }

  int status_ = 200;
  std::string answer_ = R"({"result":{}})";
  std::vector<std::string> asked_;
};

TEST_F(ProxiedMapPublishTest, ABackendSaysWhatIsWritten) {
  Begin(2);
  SimClient& client = Connected(R"({"sub":"42"})");
  const std::string who =
      absl::StrCat(R"({"client":")", client.id(),
                   R"(","transport":"websocket","protocol":"json","encoding":"json","user":"42",)");
  EXPECT_EQ(Publish(client, "map:a", "k", R"(,"data":{"v":1})"), 0u);
  EXPECT_EQ(asked_.back(),
            absl::StrCat("/publish ", who, R"("channel":"map:a","key":"k","data":{"v":1}})"));
  EXPECT_THAT(StateOf("map:a"), HasSubstr(R"({"key":"k","data":{"v":1},)"));
  answer_ = R"({"result":{"key":"other","data":"new","tags":{"x":"y"}}})";
  EXPECT_EQ(Publish(client, "map:a", ""), 0u) << "its key is the backend's to choose";
  EXPECT_THAT(StateOf("map:a"), HasSubstr(R"({"key":"other","data":"new",)"));
  EXPECT_THAT(StateOf("map:a"), HasSubstr(R"("tags":{"x":"y"})"));
  // What comes to nothing is no error.
  answer_ = R"({"result":{"key":"k","data":2,"key_mode":"if_new"}})";
  EXPECT_EQ(Publish(client, "map:a", "k"), 0u);
  answer_ = R"({"result":{"version":7}})";
  EXPECT_EQ(Publish(client, "map:a", "v", R"(,"data":7)"), 0u);
  answer_ = R"({"result":{"version":6}})";
  EXPECT_EQ(Publish(client, "map:a", "v", R"(,"data":6)"), 0u);
  EXPECT_THAT(StateOf("map:a"), HasSubstr(R"({"key":"v","data":7,)"));
  EXPECT_THAT(StateOf("map:a"), HasSubstr(R"({"key":"k","data":{"v":1},)"));
  answer_ = R"({"result":{"key":"other"}})";
  EXPECT_EQ(Remove(client, "map:a", "k"), 0u);
  EXPECT_EQ(asked_.back(), absl::StrCat("/remove ", who, R"("channel":"map:a","key":"k"})"));
  EXPECT_THAT(StateOf("map:a"), Not(HasSubstr("other")));
  EXPECT_EQ(KeysOf("map:a"), 2u);
}

TEST_F(ProxiedMapPublishTest, OrThatItIsNot) {
  Begin();
  SimClient& client = Connected(R"({"sub":"42"})");
  answer_ = R"({"error":{"code":1000,"message":"no"}})";
  EXPECT_EQ(Publish(client, "map:a", "k"), 1000u);
  EXPECT_EQ(Remove(client, "map:a", "k"), 1000u);
  answer_ = R"({"result":{}})";
  EXPECT_EQ(Publish(client, "map:a", ""), 107u);
  EXPECT_EQ(Remove(client, "map:a", ""), 107u);
  answer_ = absl::StrCat(R"({"result":{"key":")", std::string(256, 'k'), R"("}})");
  EXPECT_EQ(Publish(client, "map:a", "k"), 107u);
  status_ = 500;
  EXPECT_EQ(Publish(client, "map:a", "k"), 100u);
  status_ = 200;
  EXPECT_EQ(KeysOf("map:a"), 0u);
  // What is wrong without it is not asked.
  const std::size_t asked = asked_.size();
  EXPECT_EQ(Publish(client, "map:ы", "k"), 107u);
  EXPECT_EQ(asked_.size(), asked);
  answer_ = R"({"disconnect":{"code":4501,"reason":"unauthorized"}})";
  EXPECT_EQ(Publish(client, "map:a", "k"), 4501u);
}

}  // namespace
}  // namespace tickcast::shards::sim
