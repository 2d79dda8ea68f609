#include "protocol/centrifuge/api_reply.h"

#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tickcast::protocol {
namespace {

constexpr ApiPublishResult kStored = {ApiError::kNone, 7, "ep"};
constexpr ApiPublishResult kUnstored = {};
constexpr ApiPublishResult kFailed = {ApiError::kUnknownChannel, 0, ""};

template <typename Write>
std::string Reply(ApiForm form, Write&& write) {
  std::string out;
  ApiReplyWriter writer(form, out);
  write(writer);
  writer.Finish();
  return out;
}

TEST(ApiReplyWriterTest, Publish) {
  const ApiCommand command;
  EXPECT_EQ(Reply(ApiForm::kSingle, [&](auto& w) { w.Publish(command, kStored); }),
            R"({"result":{"offset":7,"epoch":"ep"}})");
  EXPECT_EQ(Reply(ApiForm::kSingle, [&](auto& w) { w.Publish(command, kUnstored); }),
            R"({"result":{}})");
  EXPECT_EQ(Reply(ApiForm::kSingle, [&](auto& w) { w.Publish(command, kFailed); }),
            R"({"error":{"code":102,"message":"unknown channel"}})");
  EXPECT_EQ(Reply(ApiForm::kSingle, [&](auto& w) { w.Error(command, ApiError::kBadRequest); }),
            R"({"error":{"code":107,"message":"bad request"}})");
}

TEST(ApiReplyWriterTest, Broadcast) {
  const ApiCommand command;
  const std::array results = {kStored, kFailed, kUnstored};
  EXPECT_EQ(Reply(ApiForm::kSingle, [&](auto& w) { w.Broadcast(command, results); }),
            R"({"result":{"responses":[{"result":{"offset":7,"epoch":"ep"}},)"
            R"({"error":{"code":102,"message":"unknown channel"}},{"result":{}}]}})");
}

// As the original answers, each way its members can be there or not.
TEST(ApiReplyWriterTest, Maps) {
  const ApiCommand command;
  const auto written = [&](const ApiMapResult& result) {
    return Reply(ApiForm::kSingle, [&](auto& w) { w.MapWritten(command, result); });
  };
  EXPECT_EQ(written({.offset = 1, .epoch = "ep"}), R"({"result":{"offset":1,"epoch":"ep"}})");
  EXPECT_EQ(written({.epoch = "ep"}), R"({"result":{"epoch":"ep"}})");
  EXPECT_EQ(written({.offset = 5, .epoch = "ep", .suppress_reason = "key_exists"}),
            R"({"result":{"offset":5,"epoch":"ep","suppressed":true,)"
            R"("suppress_reason":"key_exists"}})");
  const auto read = [&](const ApiMapPage& page) {
    return Reply(ApiForm::kSingle, [&](auto& w) { w.MapRead(command, page); });
  };
  const std::array entries = {
      ApiMapEntry{.key = "k\"", .data = "1", .tags = R"({"x":"y"})", .offset = 2, .time_ms = 9},
      ApiMapEntry{.key = "k2", .tags = "{}", .offset = 3, .removed = true}};
  EXPECT_EQ(read({.entries = entries, .offset = 3, .epoch = "ep", .cursor = "cu"}),
            R"({"result":{"entries":[{"key":"k\"","data":1,"tags":{"x":"y"},"offset":2,"time":9},)"
            R"({"key":"k2","offset":3,"removed":true}],"offset":3,"epoch":"ep","cursor":"cu"}})");
  EXPECT_EQ(read({.epoch = "ep"}), R"({"result":{"epoch":"ep"}})");
  EXPECT_EQ(Reply(ApiForm::kSingle, [&](auto& w) { w.MapStats(command, 5); }),
            R"({"result":{"num_keys":5}})");
  EXPECT_EQ(Reply(ApiForm::kSingle, [&](auto& w) { w.MapStats(command, 0); }), R"({"result":{}})");
}

TEST(ApiReplyWriterTest, MapsInABatch) {
  EXPECT_EQ(Reply(ApiForm::kBatch,
                  [](auto& w) {
                    w.MapWritten({.method = ApiMethod::kMapPublish}, {.offset = 1, .epoch = "e"});
                    w.MapWritten({.method = ApiMethod::kMapRemove},
                                 {.epoch = "e", .suppress_reason = "key_not_found"});
                    w.MapRead({.method = ApiMethod::kMapReadState}, {.epoch = "e"});
                    w.MapRead({.method = ApiMethod::kMapReadStream}, {.epoch = "e"});
                    w.MapStats({.method = ApiMethod::kMapStats}, 1);
                    w.Done({.method = ApiMethod::kMapClear});
                    w.Done({.method = ApiMethod::kSharedPollPublish});
                  }),
            R"({"replies":[{"map_publish":{"offset":1,"epoch":"e"}},)"
            R"({"map_remove":{"epoch":"e","suppressed":true,"suppress_reason":"key_not_found"}},)"
            R"({"map_read_state":{"epoch":"e"}},{"map_read_stream":{"epoch":"e"}},)"
            R"({"map_stats":{"num_keys":1}},{"map_clear":{}},{"shared_poll_publish":{}}]})");
}

TEST(ApiReplyWriterTest, Batch) {
  const ApiCommand publish{.method = ApiMethod::kPublish};
  const ApiCommand broadcast{.method = ApiMethod::kBroadcast};
  const ApiCommand unsubscribe{.method = ApiMethod::kUnsubscribe};
  const ApiCommand stats{.method = ApiMethod::kPresenceStats};
  const std::array results = {kUnstored};
  EXPECT_EQ(Reply(ApiForm::kBatch,
                  [&](auto& w) {
                    w.Publish(publish, kStored);
                    w.Error({}, ApiError::kNotFound);
                    w.Broadcast(broadcast, results);
                    w.Done(unsubscribe);
                    w.PresenceStats(stats, 2, 1);
                  }),
            R"({"replies":[{"publish":{"offset":7,"epoch":"ep"}},)"
            R"({"error":{"code":104,"message":"not found"}},)"
            R"({"broadcast":{"responses":[{"result":{}}]}},)"
            R"({"unsubscribe":{}},{"presence_stats":{"num_clients":2,"num_users":1}}]})");
  EXPECT_EQ(Reply(ApiForm::kBatch, [](auto&) {}), "{}");
}

TEST(ApiReplyWriterTest, Done) {
  EXPECT_EQ(Reply(ApiForm::kSingle, [](auto& w) { w.Done({}); }), R"({"result":{}})");
}

TEST(ApiReplyWriterTest, Presence) {
  const std::array clients = {
      ClientInfo{.user = "u\"", .client = "c1", .conn_info = R"({"a":1})", .chan_info = "2"},
      ClientInfo{.client = "c2"}};
  EXPECT_EQ(Reply(ApiForm::kSingle, [&](auto& w) { w.Presence({}, clients); }),
            R"({"result":{"presence":{)"
            R"("c1":{"user":"u\"","client":"c1","conn_info":{"a":1},"chan_info":2},)"
            R"("c2":{"user":"","client":"c2"}}}})");
  EXPECT_EQ(Reply(ApiForm::kSingle, [](auto& w) { w.Presence({}, {}); }),
            R"({"result":{"presence":{}}})");
}

TEST(ApiReplyWriterTest, PresenceStatsAreWrittenWhenZero) {
  EXPECT_EQ(Reply(ApiForm::kSingle, [](auto& w) { w.PresenceStats({}, 0, 0); }),
            R"({"result":{"num_clients":0,"num_users":0}})");
}

TEST(ApiReplyWriterTest, History) {
  const std::array publications = {
      PublicationView{.data = "1", .offset = 3, .tags = R"({"a":"b\"","c":""})"},
      PublicationView{.data = "[]", .info = {.user = "", .client = "x"}, .offset = 4, .tags = "{}"},
      PublicationView{.data = "{}", .info = {.user = "u", .client = "c"}, .offset = 5}};
  EXPECT_EQ(Reply(ApiForm::kSingle,
                  [&](auto& w) {
                    w.History({}, {.publications = publications, .epoch = "ep", .offset = 5});
                  }),
            R"({"result":{"publications":[{"data":1,"offset":3,"tags":{"a":"b\"","c":""}},)"
            R"({"data":[],"info":{"user":"","client":"x"},"offset":4},)"
            R"({"data":{},"info":{"user":"u","client":"c"},"offset":5}],)"
            R"("epoch":"ep","offset":5}})");
  EXPECT_EQ(Reply(ApiForm::kSingle, [](auto& w) { w.History({}, {}); }),
            R"({"result":{"publications":[],"epoch":"","offset":0}})");
}

TEST(ApiReplyWriterTest, Info) {
  const ApiNode node{.uid = "id",
                     .name = "host",
                     .version = "1",
                     .clients = 4,
                     .users = 3,
                     .channels = 2,
                     .uptime_s = 9,
                     .subscriptions = 5};
  EXPECT_EQ(Reply(ApiForm::kSingle, [&](auto& w) { w.Info({}, node); }),
            R"({"result":{"nodes":[{"uid":"id","name":"host","version":"1","num_clients":4,)"
            R"("num_users":3,"num_channels":2,"uptime":9,"num_subs":5}]}})");
  ApiNode counting = node;
  counting.metrics_interval_s = 60;
  counting.publications = 18446744073709551615u;
  counting.connections_refused = 6;
  EXPECT_EQ(Reply(ApiForm::kSingle, [&](auto& w) { w.Info({}, counting); }),
            R"({"result":{"nodes":[{"uid":"id","name":"host","version":"1","num_clients":4,)"
            R"("num_users":3,"num_channels":2,"uptime":9,"metrics":{"interval":60,"items":{)"
            R"("centrifugo.node.client_connection_limit":6,)"
            R"("centrifugo.node.messages_received_count.type.publication":18446744073709551615,)"
            R"("centrifugo.node.messages_sent_count.type.publication":18446744073709551615,)"
            R"("centrifugo.node.num_channels":2,"centrifugo.node.num_clients":4,)"
            R"("centrifugo.node.num_nodes":1,"centrifugo.node.num_subscriptions":5,)"
            R"("centrifugo.node.num_users":3}},"num_subs":5}]}})");
  EXPECT_EQ(Reply(ApiForm::kSingle, [](auto& w) { w.Info({}, {}); }),
            R"({"result":{"nodes":[{"uid":"","name":"","version":"","num_clients":0,)"
            R"("num_users":0,"num_channels":0,"num_subs":0}]}})");
}

TEST(ApiReplyWriterTest, Channels) {
  const std::array channels = {ApiChannel{"a:\n", 2}, ApiChannel{"b", 1}};
  EXPECT_EQ(Reply(ApiForm::kSingle, [&](auto& w) { w.Channels({}, channels); }),
            R"({"result":{"channels":{"a:\n":{"num_clients":2},"b":{"num_clients":1}}}})");
  EXPECT_EQ(Reply(ApiForm::kSingle, [](auto& w) { w.Channels({}, {}); }),
            R"({"result":{"channels":{}}})");
}

TEST(ApiReplyWriterTest, LegacyRepliesAreLinesWithIds) {
  const ApiCommand with_id{.id = 9};
  const ApiCommand without_id;
  EXPECT_EQ(Reply(ApiForm::kLegacy,
                  [&](auto& w) {
                    w.Publish(with_id, kStored);
                    w.Error(without_id, ApiError::kInternal);
                  }),
            "{\"id\":9,\"result\":{\"offset\":7,\"epoch\":\"ep\"}}\n"
            "{\"error\":{\"code\":100,\"message\":\"internal server error\"}}");
}

TEST(ApiErrorTest, TransportModeHasStatusAndBareBody) {
  std::string out;
  AppendApiError(ApiError::kUnknownChannel, out);
  EXPECT_EQ(out, R"({"code":102,"message":"unknown channel"})");
  EXPECT_EQ(HttpStatusOf(ApiError::kUnknownChannel), 404);
  EXPECT_EQ(HttpStatusOf(ApiError::kBadRequest), 400);
  EXPECT_EQ(HttpStatusOf(ApiError::kUnrecoverablePosition), 416);
  EXPECT_EQ(HttpStatusOf(ApiError::kConflict), 409);
  EXPECT_EQ(HttpStatusOf(ApiError::kInternal), 500);
}

}  // namespace
}  // namespace tickcast::protocol
