// Every reply and push in both encodings, byte for byte as the Go package of
// github.com/centrifugal/protocol encodes the same message; its output was taken over by hand.
#include "protocol/centrifuge/reply.h"

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/centrifuge/push.h"
#include "protocol/json/payload.h"

namespace tickcast::protocol {
namespace {

constexpr Form kJson{};
constexpr Form kProtobuf{.encoding = Encoding::kProtobuf};
constexpr Form kBareJson{.bare = true};
constexpr Form kBareProtobuf{.encoding = Encoding::kProtobuf, .bare = true};

using Append = std::function<void(Form, std::string&)>;

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    hex += kDigits[value >> 4];
    hex += kDigits[value & 15];
  }
  return hex;
}

// What `append` writes in `form`, behind what was there.
std::string Written(Form form, const Append& append) {
  std::string out = "before";
  append(form, out);
  EXPECT_EQ(out.substr(0, 6), "before");
  return out.substr(6);
}

void ExpectJson(Form form, const Append& append, std::string_view expected) {
  const std::string json = Written(form, append);
  EXPECT_EQ(json, expected);
  EXPECT_EQ(json.find('\n'), std::string::npos);
  const std::string padded = json + std::string(kJsonPaddingBytes, ' ');
  JsonValidator validator;
  EXPECT_TRUE(validator.IsValid(std::string_view(padded).substr(0, json.size()))) << json;
}

void ExpectReply(const Append& append, std::string_view json, std::string_view hex) {
  ExpectJson(kJson, append, json);
  EXPECT_EQ(Hex(Written(kProtobuf, append)), hex);
}

// A push, and the same bare. Both are derived from the bare one: the wrapping is the same for all.
void ExpectPush(const Append& append, std::string_view bare_json, std::string_view bare_hex) {
  ExpectJson(kBareJson, append, bare_json);
  ExpectJson(kJson, append, R"({"push":)" + std::string(bare_json) + "}");
  EXPECT_EQ(Hex(Written(kBareProtobuf, append)), bare_hex);
  const std::size_t bare_bytes = bare_hex.size() / 2;
  const std::string size = Hex(std::string(1, static_cast<char>(bare_bytes + 1)));
  EXPECT_EQ(Hex(Written(kProtobuf, append)), size + "22" + std::string(bare_hex));
}

constexpr ClientInfo kInfo = {
    .user = "u", .client = "c", .conn_info = R"({"n":"N"})", .chan_info = "1"};
constexpr PublicationView kPublication = {.data = R"({"p":"1.0"})", .offset = 4};
constexpr PublicationView kEverything = {
    .data = "2",
    .info = {.user = "u", .client = "c"},
    .offset = 18446744073709551615U,
    .tags = R"({"k":"v"})",
    .delta = true,
    .time_ms = 1628640000123,
    .channel = "a:b",
    .key = "key",
    .removed = true,
    .score = -3,
    .epoch = "e",
    .version = 7,
};
constexpr std::string_view kEverythingJson =
    R"({"data":2,"info":{"user":"u","client":"c"},"offset":18446744073709551615,"tags":{"k":"v"},)"
    R"("delta":true,"time":1628640000123,"channel":"a:b","key":"key","removed":true,"score":-3,)"
    R"("epoch":"e","version":7})";

TEST(ReplyTest, Connect) {
  ExpectReply(
      [](Form form, std::string& out) {
        AppendConnectReply(
            form, 1, {.client = "c-1", .version = "tickcast 0.1", .ping_s = 25, .pong = true}, out);
      },
      R"({"id":1,"connect":{"client":"c-1","version":"tickcast 0.1","ping":25,"pong":true}})",
      "1b08012a170a03632d31120c7469636b6361737420302e3138194001");
}

TEST(ReplyTest, ConnectWithEverything) {
  const std::array<ConnectSubscription, 1> subs = {{
      {"a\"b", {.recoverable = true, .epoch = "e", .offset = 3}},
  }};
  ExpectReply(
      [&](Form form, std::string& out) {
        AppendConnectReply(form, 7,
                           {.client = "c",
                            .version = "v",
                            .expires = true,
                            .ttl_s = 60,
                            .data = R"({"a":1})",
                            .subs = subs,
                            .ping_s = 25,
                            .pong = true,
                            .session = "s",
                            .node = "n",
                            .time_ms = 1628640000123,
                            .flag = 1},
                           out);
      },
      R"({"id":7,"connect":{"client":"c","version":"v","expires":true,"ttl":60,"data":{"a":1},)"
      R"("subs":{"a\"b":{"recoverable":true,"epoch":"e","offset":3}},"ping":25,"pong":true,)"
      R"("session":"s","node":"n","time":1628640000123,"flag":1}})",
      "3a08072a360a01631201761801203c2a077b2261223a317d320e0a03612262120718013201654803381940014a01"
      "7352016e58fbf08894b32f6001");
}

TEST(ReplyTest, ConnectWithASubscriptionThatSaysNothing) {
  const std::array<ConnectSubscription, 1> subs = {{{"c", {}}}};
  ExpectReply(
      [&](Form form, std::string& out) { AppendConnectReply(form, 7, {.subs = subs}, out); },
      R"({"id":7,"connect":{"subs":{"c":{}}}})", "0b08072a0732050a01631200");
}

// An epoch or `recoverable` that nobody meant makes an SDK recover, so nothing empty is written.
TEST(ReplyTest, SubscribeToAStateChannelPromisesNothing) {
  ExpectReply([](Form form, std::string& out) { AppendSubscribeReply(form, 2, {}, out); },
              R"({"id":2,"subscribe":{}})", "0408023200");
}

TEST(ReplyTest, SubscribeWithEverything) {
  const std::array<PublicationView, 2> publications = {{kPublication, kEverything}};
  const std::array<PublicationView, 1> state = {{kPublication}};
  ExpectReply(
      [&](Form form, std::string& out) {
        AppendSubscribeReply(form, 2,
                             {.expires = true,
                              .ttl_s = 30,
                              .recoverable = true,
                              .epoch = "abcd",
                              .publications = publications,
                              .recovered = true,
                              .offset = 3,
                              .positioned = true,
                              .data = R"({"interval_ms":250})",
                              .was_recovering = true,
                              .delta = true,
                              .id = 300,
                              .type = 1,
                              .phase = 2,
                              .cursor = "cu",
                              .state = state,
                              .publish_debounce_ms = 100},
                             out);
      },
      R"({"id":2,"subscribe":{"expires":true,"ttl":30,"recoverable":true,"epoch":"abcd",)"
      R"("publications":[{"data":{"p":"1.0"},"offset":4},)" +
          std::string(kEverythingJson) +
          R"(],"recovered":true,"offset":3,"positioned":true,"data":{"interval_ms":250},)"
          R"("was_recovering":true,"delta":true,"id":300,"type":1,"phase":2,"cursor":"cu",)"
          R"("state":[{"data":{"p":"1.0"},"offset":4}],"publish_debounce":100}})",
      "a0010802329b010801101e18013204616263643a0f220b7b2270223a22312e30227d30043a3b2201322a060a0175"
      "12016330ffffffffffffffffff013a060a016b120176400148fbf08894b32f5203613a625a036b65796001680572"
      "01658001074001480350015a137b22696e74657276616c5f6d73223a3235307d6001680170ac0278018001028a01"
      "02637592010f220b7b2270223a22312e30227d3004980164");
}

// Many answers share a page that was written once.
TEST(ReplyTest, AWrittenStateIsAsItsKeysWouldBe) {
  const std::array<PublicationView, 2> state = {
      {{.data = R"({"p":1})", .key = "a"},
       {.data = "2", .offset = 7, .key = std::string_view("b")}}};
  for (const Encoding encoding : {Encoding::kJson, Encoding::kProtobuf}) {
    std::string page;
    AppendState(encoding, state, page);
    std::string written;
    std::string by_keys;
    AppendSubscribeReply({.encoding = encoding}, 2, {.type = 1, .written_state = page}, written);
    AppendSubscribeReply({.encoding = encoding}, 2, {.type = 1, .state = state}, by_keys);
    EXPECT_EQ(written, by_keys);
    EXPECT_GT(written.size(), page.size());
  }
}

TEST(ReplyTest, EmptyResults) {
  ExpectReply([](Form form, std::string& out) { AppendUnsubscribeReply(form, 3, out); },
              R"({"id":3,"unsubscribe":{}})", "0408033a00");
  ExpectReply([](Form form, std::string& out) { AppendPublishReply(form, 4294967295U, out); },
              R"({"id":4294967295,"publish":{}})", "0808ffffffff0f4200");
}

TEST(ReplyTest, Presence) {
  const auto reply = [](std::vector<ClientInfo> present) {
    return [present](Form form, std::string& out) { AppendPresenceReply(form, 4, present, out); };
  };
  ExpectReply(reply({}), R"({"id":4,"presence":{"presence":{}}})", "0408044a00");
  ExpectReply(
      reply({kInfo}),
      R"({"id":4,"presence":{"presence":{"c":{"user":"u","client":"c","conn_info":{"n":"N"},)"
      R"("chan_info":1}}}})",
      "1f08044a1b0a190a016312140a01751201631a097b226e223a224e227d220131");
  ExpectReply(reply({{.client = "c"}}),
              R"({"id":4,"presence":{"presence":{"c":{"user":"","client":"c"}}}})",
              "0e08044a0a0a080a01631203120163");
  ExpectJson(kJson, reply({{.client = "a"}, {.client = "b"}}),
             R"({"id":4,"presence":{"presence":{"a":{"user":"","client":"a"},)"
             R"("b":{"user":"","client":"b"}}}})");
}

// Some results show their members even when they are 0.
TEST(ReplyTest, PresenceStats) {
  ExpectReply([](Form form, std::string& out) { AppendPresenceStatsReply(form, 4, {}, out); },
              R"({"id":4,"presence_stats":{"num_clients":0,"num_users":0}})", "0408045200");
  ExpectReply(
      [](Form form, std::string& out) {
        AppendPresenceStatsReply(form, 4, {300, 2}, out);
      },
      R"({"id":4,"presence_stats":{"num_clients":300,"num_users":2}})", "090804520508ac021002");
}

TEST(ReplyTest, History) {
  ExpectReply([](Form form, std::string& out) { AppendHistoryReply(form, 5, {}, out); },
              R"({"id":5,"history":{"publications":[],"epoch":"","offset":0}})", "0408055a00");
  const std::array<PublicationView, 1> publications = {{{.data = "{}", .offset = 1}}};
  ExpectReply(
      [&](Form form, std::string& out) {
        AppendHistoryReply(
            form, 5, {.publications = publications, .epoch = "e", .offset = 18446744073709551615U},
            out);
      },
      R"({"id":5,"history":{"publications":[{"data":{},"offset":1}],"epoch":"e",)"
      R"("offset":18446744073709551615}})",
      "1a08055a160a0622027b7d300112016518ffffffffffffffffff01");
}

TEST(ReplyTest, Rpc) {
  ExpectReply(
      [](Form form, std::string& out) { AppendRpcReply(form, 7, R"({"conflated":1})", out); },
      R"({"id":7,"rpc":{"data":{"conflated":1}}})", "1508076a110a0f7b22636f6e666c61746564223a317d");
  ExpectReply([](Form form, std::string& out) { AppendRpcReply(form, 7, "", out); },
              R"({"id":7,"rpc":{}})", "0408076a00");
}

TEST(ReplyTest, RefreshAndSubRefresh) {
  ExpectReply(
      [](Form form, std::string& out) {
        AppendRefreshReply(form, 8, {.client = "c", .version = "v", .expires = true, .ttl_s = 3600},
                           out);
      },
      R"({"id":8,"refresh":{"client":"c","version":"v","expires":true,"ttl":3600}})",
      "0f0808720b0a0163120176180120901c");
  const std::array<PublicationView, 1> items = {
      {{.data = "1", .key = "k", .epoch = "e", .version = 3}}};
  ExpectReply(
      [&](Form form, std::string& out) {
        AppendSubRefreshReply(form, 9, {.expires = true, .ttl_s = 60, .items = items}, out);
      },
      R"({"id":9,"sub_refresh":{"expires":true,"ttl":60,)"
      R"("items":[{"data":1,"key":"k","epoch":"e","version":3}]}})",
      "1608097a120801103c1a0c2201315a016b720165800103");
}

// The removal of a key has no data. Where deltas make all data texts, it is a text that parses.
TEST(ReplyTest, RemovalsOfKeys) {
  constexpr PublicationView kRemoval = {.offset = 7, .key = "k", .removed = true};
  PublicationView among_deltas = kRemoval;
  among_deltas.data_as_text = true;
  const auto subscribe = [](const PublicationView& publication) {
    return [&publication](Form form, std::string& out) {
      AppendSubscribeReply(form, 1, {.publications = {&publication, 1}}, out);
    };
  };
  ExpectReply(subscribe(kRemoval),
              R"({"id":1,"subscribe":{"publications":[{"offset":7,"key":"k","removed":true}]}})",
              "0d080132093a0730075a016b6001");
  ExpectReply(subscribe(among_deltas),
              R"({"id":1,"subscribe":{"publications":[)"
              R"({"data":"null","offset":7,"key":"k","removed":true}]}})",
              "0d080132093a0730075a016b6001");
  ExpectPush(
      [&](Form form, std::string& out) {
        AppendPublicationPush(form, {.channel = "c"}, among_deltas, out);
      },
      R"({"channel":"c","pub":{"data":"null","offset":7,"key":"k","removed":true}})",
      "0c120163220730075a016b6001");
}

TEST(ReplyTest, Errors) {
  ExpectReply(
      [](Form form, std::string& out) {
        AppendErrorReply(form, 6, ErrorCode::kPermissionDenied, out);
      },
      R"({"id":6,"error":{"code":103,"message":"permission denied"}})",
      "1908061215086712117065726d697373696f6e2064656e696564");
  ExpectReply([](Form form,
                 std::string& out) { AppendErrorReply(form, 6, ErrorCode::kTooManyRequests, out); },
              R"({"id":6,"error":{"code":111,"message":"too many requests","temporary":true}})",
              "1b08061217086f1211746f6f206d616e792072657175657374731801");
  ExpectReply(
      [](Form form, std::string& out) {
        AppendErrorReply(form, 6, {.code = 1999, .message = "say \"x\""}, out);
      },
      R"({"id":6,"error":{"code":1999,"message":"say \"x\""}})",
      "100806120c08cf0f120773617920227822");
  ExpectJson(
      kJson,
      [](Form form, std::string& out) {
        AppendErrorReply(form, 6, ErrorCode::kBadRequest, "interval_ms: \"x\" is no number", out);
      },
      R"({"id":6,"error":{"code":107,"message":"interval_ms: \"x\" is no number"}})");
}

TEST(ReplyTest, ClientInfoAlwaysNamesUserAndClient) {
  const auto json = [](const ClientInfo& info) {
    std::string out;
    AppendClientInfo(info, out);
    return out;
  };
  EXPECT_EQ(json({}), R"({"user":"","client":""})");
  EXPECT_EQ(json(kInfo), R"({"user":"u","client":"c","conn_info":{"n":"N"},"chan_info":1})");
}

TEST(PushTest, Publication) {
  ExpectPush(
      [](Form form, std::string& out) {
        AppendPublicationPush(form, {.channel = "room:\"1\""}, kPublication, out);
      },
      R"({"channel":"room:\"1\"","pub":{"data":{"p":"1.0"},"offset":4}})",
      "1b1208726f6f6d3a223122220f220b7b2270223a22312e30227d3004");
  ExpectPush(
      [](Form form, std::string& out) {
        AppendPublicationPush(form, {.channel = "c"}, kEverything, out);
      },
      R"({"channel":"c","pub":)" + std::string(kEverythingJson) + "}",
      "40120163223b2201322a060a017512016330ffffffffffffffffff013a060a016b120176400148fbf08894b32f52"
      "03613a625a036b657960016805720165800107");
  ExpectPush(
      [](Form form, std::string& out) {
        AppendPublicationPush(form, {.channel = "c"}, {.data = R"("x")", .info = {.client = "c1"}},
                              out);
      },
      R"({"channel":"c","pub":{"data":"x","info":{"user":"","client":"c1"}}})",
      "10120163220b22032278222a0412026331");
}

// Channel compaction: the number that the subscribe reply gave stands for the name.
TEST(PushTest, AnIdReplacesTheChannel) {
  ExpectPush(
      [](Form form, std::string& out) {
        AppendPublicationPush(form, {.channel = "c", .id = 5}, kPublication, out);
      },
      R"({"id":5,"pub":{"data":{"p":"1.0"},"offset":4}})",
      "130805220f220b7b2270223a22312e30227d3004");
}

TEST(PushTest, WithDeltaJsonDataIsAStringAndProtobufDataStaysAsItIs) {
  PublicationView patch = kPublication;
  patch.data_as_text = true;
  const auto append = [&](Form form, std::string& out) {
    AppendPublicationPush(form, {.channel = "c"}, patch, out);
  };
  ExpectJson(kJson, append,
             R"({"push":{"channel":"c","pub":{"data":"{\"p\":\"1.0\"}","offset":4}}})");
  EXPECT_EQ(Hex(Written(kBareProtobuf, append)), "14120163220f220b7b2270223a22312e30227d3004");
}

TEST(PushTest, JsonBeginningOfAPublication) {
  std::string out;
  AppendPublicationPushPrefix("room:\"1\"", out);
  const std::string whole = Written(kJson, [](Form form, std::string& text) {
    AppendPublicationPush(form, {.channel = "room:\"1\""}, kPublication, text);
  });
  EXPECT_EQ(out + std::string(kPublication.data) + R"(,"offset":4}}})", whole);
}

TEST(PushTest, JoinAndLeave) {
  ExpectPush(
      [](Form form, std::string& out) { AppendJoinPush(form, {.channel = "c"}, kInfo, out); },
      R"({"channel":"c","join":{"info":{"user":"u","client":"c","conn_info":{"n":"N"},)"
      R"("chan_info":1}}})",
      "1b1201632a160a140a01751201631a097b226e223a224e227d220131");
  ExpectPush(
      [](Form form, std::string& out) { AppendLeavePush(form, {.channel = "c"}, kInfo, out); },
      R"({"channel":"c","leave":{"info":{"user":"u","client":"c","conn_info":{"n":"N"},)"
      R"("chan_info":1}}})",
      "1b12016332160a140a01751201631a097b226e223a224e227d220131");
}

TEST(PushTest, SubscribeAndUnsubscribe) {
  ExpectPush(
      [](Form form, std::string& out) {
        AppendSubscribePush(
            form, {.channel = "c"},
            {.recoverable = true, .epoch = "e", .offset = 3, .positioned = true, .data = "{}"},
            out);
      },
      R"({"channel":"c","subscribe":{"recoverable":true,"epoch":"e","offset":3,"positioned":true,)"
      R"("data":{}}})",
      "121201634a0d0801220165280330013a027b7d");
  ExpectPush(
      [](Form form, std::string& out) {
        AppendUnsubscribePush(form, {.channel = "c"}, UnsubscribeCode::kInsufficientState,
                              ReasonOf(UnsubscribeCode::kInsufficientState), out);
      },
      R"({"channel":"c","unsubscribe":{"code":2500,"reason":"insufficient state"}})",
      "1c1201633a1710c4131a12696e73756666696369656e74207374617465");
}

TEST(PushTest, Message) {
  ExpectPush([](Form form, std::string& out) { AppendMessagePush(form, R"({"a":1})", out); },
             R"({"message":{"data":{"a":1}}})", "0b42090a077b2261223a317d");
}

// The same members as in the reply, in another order; and what a bare form makes of the reply.
TEST(PushTest, Connect) {
  const std::array<ConnectSubscription, 1> subs = {{
      {"a", {.recoverable = true, .epoch = "e", .offset = 3}},
  }};
  const ConnectResult result = {.client = "c",
                                .version = "v",
                                .expires = true,
                                .ttl_s = 60,
                                .data = R"({"a":1})",
                                .subs = subs,
                                .ping_s = 25,
                                .pong = true,
                                .session = "s",
                                .node = "n",
                                .time_ms = 1628640000123};
  const Append push = [&](Form form, std::string& out) { AppendConnectPush(form, result, out); };
  ExpectPush(push,
             R"({"connect":{"client":"c","version":"v","data":{"a":1},)"
             R"("subs":{"a":{"recoverable":true,"epoch":"e","offset":3}},"expires":true,"ttl":60,)"
             R"("ping":25,"pong":true,"session":"s","node":"n","time":1628640000123}})",
             "3452320a01631201761a077b2261223a317d220c0a01611207180132016548032801303c381940014a01"
             "7352016e58fbf08894b32f");
  const Append reply = [&](Form form, std::string& out) {
    AppendConnectReply(form, 1, result, out);
  };
  for (const Form form : {kBareJson, kBareProtobuf}) {
    EXPECT_EQ(Written(form, reply), Written(form, push));
  }
}

TEST(PushTest, DisconnectAndRefresh) {
  ExpectPush([](Form form,
                std::string& out) { AppendDisconnectPush(form, DisconnectCode::kShutdown, out); },
             R"({"disconnect":{"code":3001,"reason":"shutdown"}})",
             "0f5a0d08b917120873687574646f776e");
  ExpectPush([](Form form, std::string& out) { AppendRefreshPush(form, true, 60, out); },
             R"({"refresh":{"expires":true,"ttl":60}})", "0662040801103c");
  ExpectPush([](Form form, std::string& out) { AppendRefreshPush(form, false, 0, out); },
             R"({"refresh":{}})", "026200");
}

TEST(PushTest, Ping) {
  for (const Form form : {kJson, kBareJson}) EXPECT_EQ(Written(form, AppendPing), kPingReply);
  for (const Form form : {kProtobuf, kBareProtobuf})
    EXPECT_EQ(Hex(Written(form, AppendPing)), "00");
}

// Lengths take one byte up to 127 and two up to 16383, at each of the three levels by itself.
TEST(PushTest, ProtobufLengthsOfEverySize) {
  struct Vector {
    std::size_t data_bytes;
    std::string_view head;  // All before the data, in hex.
  };
  constexpr Vector kVectors[] = {
      {100, "6d226b12016322662264"},
      {117, "7e227c12016322772275"},
      {118, "7f227d12016322782276"},
      {119, "8001227e12016322792277"},
      {120, "8101227f120163227a2278"},
      {121, "8301228001120163227b2279"},
      {125, "8701228401120163227f227d"},
      {126, "8901228601120163228001227e"},
      {127, "8a01228701120163228101227f"},
      {128, "8c01228901120163228301228001"},
      {16366, "fa7f22f77f12016322f17f22ee7f"},
      {16370, "fe7f22fb7f12016322f57f22f27f"},
      {16372, "80800122fd7f12016322f77f22f47f"},
      {16375, "8480012280800112016322fa7f22f77f"},
      {16380, "8980012285800112016322ff7f22fc7f"},
      {16383, "8d8001228980011201632282800122ff7f"},
      {16384, "8f8001228b80011201632284800122808001"},
      {70000, "ffa20422fba20412016322f4a20422f0a204"},
  };
  for (const Vector& vector : kVectors) {
    const std::string data(vector.data_bytes, '1');
    const std::string push = Written(kProtobuf, [&](Form form, std::string& out) {
      AppendPublicationPush(form, {.channel = "c"}, {.data = data}, out);
    });
    ASSERT_GT(push.size(), data.size());
    EXPECT_EQ(Hex(push.substr(0, push.size() - data.size())), vector.head);
    EXPECT_TRUE(push.ends_with(data));
  }
}

}  // namespace
}  // namespace tickcast::protocol
