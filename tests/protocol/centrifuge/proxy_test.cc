#include "protocol/centrifuge/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/json/payload.h"

namespace tickcast::protocol {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Verdict = ProxyAnswer::Verdict;

std::string RequestOf(ProxyKind kind, const ProxyRequest& request) {
  std::string out;
  AppendProxyRequest(kind, request, out);
  return out;
}

// The shapes are those that Centrifugo's own encoder writes for these values.
TEST(ProxyRequestTest, EachKindSaysWhatTheOriginalSays) {
  const std::string_view channels[] = {"a:1", "b\"2"};
  const ProxyRequest request{.client = "c1",
                             .transport = "websocket",
                             .protocol = "json",
                             .data = R"({"x":1})",
                             .user = "42",
                             .meta = R"({"role":"admin"})",
                             .channel = "room:1",
                             .token = "t.t.t",
                             .method = "sum",
                             .name = "js",
                             .version = "5.8",
                             .channels = channels};
  const std::string who =
      R"({"client":"c1","transport":"websocket","protocol":"json","encoding":"json",)";
  EXPECT_EQ(RequestOf(ProxyKind::kConnect, request),
            who + R"("data":{"x":1},"name":"js","version":"5.8","channels":["a:1","b\"2"]})");
  EXPECT_EQ(RequestOf(ProxyKind::kRefresh, request),
            who + R"("user":"42","meta":{"role":"admin"}})");
  EXPECT_EQ(RequestOf(ProxyKind::kRpc, request),
            who + R"("user":"42","method":"sum","data":{"x":1},"meta":{"role":"admin"}})");
  EXPECT_EQ(
      RequestOf(ProxyKind::kSubscribe, request),
      who +
          R"("user":"42","channel":"room:1","token":"t.t.t","data":{"x":1},"meta":{"role":"admin"}})");
  EXPECT_EQ(RequestOf(ProxyKind::kPublish, request),
            who + R"("user":"42","channel":"room:1","data":{"x":1},"meta":{"role":"admin"}})");
  EXPECT_EQ(RequestOf(ProxyKind::kSubRefresh, request),
            who + R"("user":"42","channel":"room:1","meta":{"role":"admin"}})");
}

TEST(ProxyRequestTest, OfKeysToo) {
  const ProxyPolledKey keys[] = {{"BTC\"", 0}, {"ETH", 18446744073709551615u}};
  ProxyRequest request{.client = "c1",
                       .transport = "websocket",
                       .protocol = "json",
                       .data = R"({"x":1})",
                       .user = "42",
                       .meta = R"({"role":"admin"})",
                       .channel = "table:1",
                       .key = "k\"",
                       .items = keys};
  const std::string who =
      R"({"client":"c1","transport":"websocket","protocol":"json","encoding":"json",)";
  EXPECT_EQ(
      RequestOf(ProxyKind::kMapPublish, request),
      who +
          R"("user":"42","channel":"table:1","key":"k\"","data":{"x":1},"meta":{"role":"admin"}})");
  EXPECT_EQ(RequestOf(ProxyKind::kMapRemove, request),
            who + R"("user":"42","channel":"table:1","key":"k\"","meta":{"role":"admin"}})");
  EXPECT_EQ(
      RequestOf(ProxyKind::kSharedPollRefresh, request),
      R"({"channel":"table:1","items":[{"key":"BTC\""},{"key":"ETH","version":18446744073709551615}]})");
  request.user = "";
  EXPECT_EQ(RequestOf(ProxyKind::kMapRemove, request),
            who + R"("channel":"table:1","key":"k\"","meta":{"role":"admin"}})");
  request.binary = true;
  EXPECT_EQ(RequestOf(ProxyKind::kMapPublish, {.binary = true, .data = "\xff", .key = "k"}),
            R"({"encoding":"binary","key":"k","b64data":"/w=="})");
  EXPECT_EQ(RequestOf(ProxyKind::kSharedPollRefresh, {}), "{}");
}

TEST(ProxyRequestTest, WhatIsEmptyIsLeftOutButTheUser) {
  EXPECT_EQ(RequestOf(ProxyKind::kRpc, {}), R"({"encoding":"json","user":""})");
  EXPECT_EQ(RequestOf(ProxyKind::kConnect, {}), R"({"encoding":"json"})");
}

TEST(ProxyRequestTest, BinaryDataGoesAsBase64WithItsPadding) {
  EXPECT_EQ(RequestOf(ProxyKind::kRpc, {.binary = true, .data = std::string_view("\x00\xff", 2)}),
            R"({"encoding":"binary","user":"","b64data":"AP8="})");
}

class ProxyAnswerTest : public testing::Test {
 protected:
  bool Parse(ProxyKind kind, std::string_view body) {
    // A block of its own, so that a sanitizer sees a read beyond the padding.
    body_.assign(body.begin(), body.end());
    body_.resize(body.size() + kJsonPaddingBytes, '"');
    body_.shrink_to_fit();
    const bool parsed = parser_.Parse(kind, std::string_view(body_.data(), body.size()));
    body_.assign(body_.size(), '#');  // The answer may not need it any more.
    return parsed;
  }
  const ProxyAnswer& answer() const { return parser_.answer(); }

  ProxyAnswerParser parser_;
  std::vector<char> body_;
};

constexpr std::string_view kConnectAnswer =
    R"( {"result": {"user":"42","expire_at":1700000000,"info":{"n":"\u00e9"},"data":[1, 2.50],
     "channels":["a","b:\"2"],"meta":{"role":"x"},"caps":[{"channels":["*"]}],
     "subs":{"s:1":{"info":{"i":1},"data":"d","override":{"presence":{"value":true},
     "join_leave":{"value":false},"force_recovery":{},"force_positioning":null},
     "cache_recover":true,"expire_at":5},"s:\"2":null,"s3":{"b64info":"eyAiYSI6IDEgfQ==",
     "b64data":"AP8="}}}} )";

TEST_F(ProxyAnswerTest, AConnectAnswerIsReadWhole) {
  ASSERT_TRUE(Parse(ProxyKind::kConnect, kConnectAnswer));
  EXPECT_EQ(answer().verdict, Verdict::kResult);
  EXPECT_TRUE(answer().has_result);
  EXPECT_EQ(answer().user, "42");
  EXPECT_EQ(answer().expire_at_s, 1700000000);
  EXPECT_EQ(answer().info.bytes, R"({"n":"\u00e9"})");
  EXPECT_EQ(answer().data.bytes, "[1,2.50]");
  EXPECT_EQ(answer().meta, R"({"role":"x"})");
  EXPECT_THAT(answer().channels, ElementsAre("a", "b:\"2"));
  ASSERT_EQ(answer().subs.size(), 3u);
  const ProxySubscription& first = answer().subs[0];
  EXPECT_EQ(first.channel, "s:1");
  EXPECT_EQ(first.info.bytes, R"({"i":1})");
  EXPECT_EQ(first.data.bytes, R"("d")");
  EXPECT_EQ(first.expire_at_s, 5);
  EXPECT_TRUE(first.cache_recover);
  EXPECT_EQ(first.override,
            (SubscriptionOverride{.presence = true, .join_leave = false, .force_recovery = false}));
  EXPECT_EQ(answer().subs[1].channel, "s:\"2");
  EXPECT_TRUE(answer().subs[1].info.empty());
  const ProxySubscription& third = answer().subs[2];
  EXPECT_EQ(third.info, (ProxyBytes{.bytes = R"({"a":1})", .is_json = true}));
  EXPECT_EQ(third.data, (ProxyBytes{.bytes = std::string_view("\x00\xff", 2), .is_json = false}));
}

TEST_F(ProxyAnswerTest, CutAtEveryByteItIsNone) {
  for (std::size_t cut = 0; cut + 2 < kConnectAnswer.size(); ++cut) {
    EXPECT_FALSE(Parse(ProxyKind::kConnect, kConnectAnswer.substr(0, cut))) << "cut at " << cut;
  }
  EXPECT_TRUE(Parse(ProxyKind::kConnect, kConnectAnswer.substr(0, kConnectAnswer.size() - 1)));
}

TEST_F(ProxyAnswerTest, EachKindHasItsOwnMembers) {
  ASSERT_TRUE(Parse(ProxyKind::kRefresh, R"({"result":{"expired":true,"expire_at":7,"info":1,
                                             "meta":{"m":1},"data":[]}})"));
  EXPECT_TRUE(answer().expired);
  EXPECT_EQ(answer().expire_at_s, 7);
  EXPECT_EQ(answer().info.bytes, "1");
  EXPECT_EQ(answer().meta, R"({"m":1})");
  EXPECT_TRUE(answer().data.empty());

  ASSERT_TRUE(Parse(ProxyKind::kSubRefresh, R"({"result":{"expire_at":-1,"b64info":"MQ=="}})"));
  EXPECT_FALSE(answer().expired);
  EXPECT_EQ(answer().expire_at_s, -1);
  EXPECT_EQ(answer().info.bytes, "1");

  ASSERT_TRUE(Parse(ProxyKind::kRpc, R"({"result":{"data":null,"info":1}})"));
  EXPECT_EQ(answer().data.bytes, "null");
  EXPECT_TRUE(answer().info.empty());

  ASSERT_TRUE(Parse(ProxyKind::kSubscribe,
                    R"({"result":{"override":{"force_push_join_leave":{"value":true}}}})"));
  EXPECT_EQ(answer().override, SubscriptionOverride{.force_push_join_leave = true});

  ASSERT_TRUE(Parse(ProxyKind::kPublish,
                    R"({"result":{"data":{"a":1},"b64data":"Mg==","skip_history":true,
                        "tags":{"k":"v"},"idempotency_key":"i","delta":true,"version":9,
                        "version_epoch":"e"}})"));
  EXPECT_EQ(answer().data.bytes, R"({"a":1})");
  EXPECT_TRUE(answer().skip_history);
  EXPECT_EQ(answer().tags, R"({"k":"v"})");
  EXPECT_EQ(answer().idempotency_key, "i");
  EXPECT_TRUE(answer().delta);
  EXPECT_EQ(answer().version, 9u);
  EXPECT_EQ(answer().version_epoch, "e");
}

TEST_F(ProxyAnswerTest, OfDataAndItsBase64TheOneTheOriginalPrefersCounts) {
  ASSERT_TRUE(Parse(ProxyKind::kRpc, R"({"result":{"data":1,"b64data":"Mg=="}})"));
  EXPECT_EQ(answer().data.bytes, "2");
  ASSERT_TRUE(Parse(ProxyKind::kPublish, R"({"result":{"b64data":"Mg==","data":1}})"));
  EXPECT_EQ(answer().data.bytes, "1");
}

TEST_F(ProxyAnswerTest, AMapPublishIsAPublishOfAKey) {
  ASSERT_TRUE(Parse(ProxyKind::kMapPublish,
                    R"({"result":{"key":"k2","data":{"a":1},"b64data":"Mg==","tags":{"k":"v"},
                        "key_mode":"if_exists","idempotency_key":"i","delta":true,"version":9,
                        "version_epoch":"e","skip_history":1,"stream_data":2,"score":3}})"));
  EXPECT_EQ(answer().key, "k2");
  EXPECT_EQ(answer().data.bytes, R"({"a":1})");
  EXPECT_EQ(answer().tags, R"({"k":"v"})");
  EXPECT_EQ(answer().key_mode, KeyMode::kIfExists);
  EXPECT_EQ(answer().idempotency_key, "i");
  EXPECT_TRUE(answer().delta);
  EXPECT_EQ(answer().version, 9u);
  EXPECT_EQ(answer().version_epoch, "e");
  EXPECT_FALSE(answer().skip_history);
  ASSERT_TRUE(Parse(ProxyKind::kMapPublish, R"({"result":{"b64data":"/w=="}})"));
  EXPECT_EQ(answer().data, (ProxyBytes{.bytes = "\xff", .is_json = false}));
  EXPECT_EQ(answer().key, "");
  EXPECT_EQ(answer().key_mode, KeyMode::kReplace);
  EXPECT_FALSE(Parse(ProxyKind::kMapPublish, R"({"result":{"key_mode":"if_old"}})"));
  EXPECT_FALSE(Parse(ProxyKind::kMapPublish, R"({"result":{"key":1}})"));

  ASSERT_TRUE(Parse(ProxyKind::kMapRemove, R"({"result":{"key":"k2","tags":{"k":"v"},
                        "idempotency_key":"i","data":7,"key_mode":"any","version":"x"}})"));
  EXPECT_EQ(answer().key, "k2");
  EXPECT_EQ(answer().tags, R"({"k":"v"})");
  EXPECT_EQ(answer().idempotency_key, "i");
  EXPECT_TRUE(answer().data.empty());
}

constexpr std::string_view kPolled =
    R"( {"result": {"epoch":"ep", "items":[{"key":"a\"","data":{"v": 1},"version":7,"prev_data":0},
     {"key":"b","removed":true,"new":{}},{"data":"x","key":"c","version":18446744073709551615},{}]}} )";

TEST_F(ProxyAnswerTest, PolledValuesAreReadWhole) {
  ASSERT_TRUE(Parse(ProxyKind::kSharedPollRefresh, kPolled));
  EXPECT_EQ(answer().epoch, "ep");
  ASSERT_EQ(answer().items.size(), 4u);
  EXPECT_EQ(answer().items[0].key, "a\"");
  EXPECT_EQ(answer().items[0].data, R"({"v":1})");
  EXPECT_EQ(answer().items[0].version, 7u);
  EXPECT_FALSE(answer().items[0].removed);
  EXPECT_EQ(answer().items[1].key, "b");
  EXPECT_TRUE(answer().items[1].removed);
  EXPECT_EQ(answer().items[1].data, "");
  EXPECT_EQ(answer().items[2].version, 18446744073709551615u);
  EXPECT_EQ(answer().items[3].key, "");
  for (const char* body : {"{}", R"({"result":{}})", R"({"result":{"items":null}})",
                           R"({"result":{"items":[{"key":"a"}],"items":[]}})"}) {
    ASSERT_TRUE(Parse(ProxyKind::kSharedPollRefresh, body)) << body;
    EXPECT_THAT(answer().items, IsEmpty()) << body;
  }
}

TEST_F(ProxyAnswerTest, PolledValuesCutAtEveryByteAreNone) {
  for (std::size_t cut = 0; cut + 2 < kPolled.size(); ++cut) {
    EXPECT_FALSE(Parse(ProxyKind::kSharedPollRefresh, kPolled.substr(0, cut))) << "cut at " << cut;
    EXPECT_THAT(answer().items, IsEmpty());
  }
  for (const char* items : {R"([null])", R"({"a":1})", "[1]", R"([{"key":1}])",
                            R"([{"key":"a","version":-1}])", R"([{"key":"a","version":1.5}])",
                            R"([{"key":"a","version":"1"}])", R"([{"key":"a","removed":1}])"}) {
    EXPECT_FALSE(
        Parse(ProxyKind::kSharedPollRefresh, R"({"result":{"items":)" + std::string(items) + "}}"))
        << items;
  }
}

TEST_F(ProxyAnswerTest, AnAnswerMayBeEmpty) {
  for (const char* body : {"{}", R"({"result":null})", R"({"error":null,"disconnect":null})",
                           R"({"whatever":[1,{"x":2}]})"}) {
    SCOPED_TRACE(body);
    ASSERT_TRUE(Parse(ProxyKind::kSubscribe, body));
    EXPECT_EQ(answer().verdict, Verdict::kResult);
    EXPECT_FALSE(answer().has_result);
  }
  ASSERT_TRUE(Parse(ProxyKind::kSubscribe, R"({"result":{}})"));
  EXPECT_TRUE(answer().has_result);
}

TEST_F(ProxyAnswerTest, ErrorsAndDisconnectsComeBeforeResults) {
  ASSERT_TRUE(Parse(
      ProxyKind::kRpc,
      R"({"result":{"data":1},"error":{"code":1000,"message":"no \"way\"","temporary":true}})"));
  EXPECT_EQ(answer().verdict, Verdict::kError);
  EXPECT_EQ(answer().code, 1000u);
  EXPECT_EQ(answer().text, "no \"way\"");
  EXPECT_TRUE(answer().temporary);
  EXPECT_TRUE(answer().data.empty());

  ASSERT_TRUE(
      Parse(ProxyKind::kRpc, R"({"disconnect":{"code":4500,"reason":"bye"},"error":{"code":1}})"));
  EXPECT_EQ(answer().verdict, Verdict::kDisconnect);
  EXPECT_EQ(answer().code, 4500u);
  EXPECT_EQ(answer().text, "bye");
}

TEST_F(ProxyAnswerTest, CodesHaveTheirLimits) {
  EXPECT_FALSE(Parse(ProxyKind::kRpc, R"({"error":{}})"));
  EXPECT_FALSE(Parse(ProxyKind::kRpc, R"({"error":{"code":0}})"));
  EXPECT_TRUE(Parse(ProxyKind::kRpc, R"({"error":{"code":1}})"));
  EXPECT_TRUE(Parse(ProxyKind::kRpc, R"({"error":{"code":4294967295}})"));
  EXPECT_FALSE(Parse(ProxyKind::kRpc, R"({"error":{"code":4294967296}})"));
  EXPECT_FALSE(Parse(ProxyKind::kRpc, R"({"disconnect":{}})"));
  EXPECT_FALSE(Parse(ProxyKind::kRpc, R"({"disconnect":{"code":2999}})"));
  EXPECT_TRUE(Parse(ProxyKind::kRpc, R"({"disconnect":{"code":3000}})"));
  EXPECT_TRUE(Parse(ProxyKind::kRpc, R"({"disconnect":{"code":4999}})"));
  EXPECT_FALSE(Parse(ProxyKind::kRpc, R"({"disconnect":{"code":5000}})"));
}

TEST_F(ProxyAnswerTest, WhatIsNoAnswerIsRefusedAndLeavesNothingBehind) {
  for (const char* body : {"",
                           " ",
                           "null",
                           "[]",
                           "1",
                           "\"x\"",
                           "{",
                           "{}{}",
                           "<html>",
                           R"({"result":1})",
                           R"({"result":[]})",
                           R"({"error":"no"})",
                           R"({"disconnect":true})",
                           R"({"result":{"user":1}})",
                           R"({"result":{"channels":"a"}})",
                           R"({"result":{"channels":[1]}})",
                           R"({"result":{"subs":[]}})",
                           R"({"result":{"subs":{"a":1}}})",
                           R"({"result":{"expire_at":"1"}})",
                           R"({"result":{"expire_at":1.5}})",
                           R"({"result":{"b64data":"***"}})",
                           R"({"result":{"b64info":7}})",
                           R"({"result":{"b64info":"/w=="}})",
                           R"({"result":{"subs":{"a":{"b64info":"/w=="}}}})",
                           R"({"result":{"subs":{"a":{"override":1}}}})",
                           R"({"result":{"subs":{"a":{"override":{"presence":true}}}}})",
                           R"({"result":{"data":tru}})",
                           "{\"result\":{\"user\":\"\xff\"}}"}) {
    SCOPED_TRACE(body);
    EXPECT_FALSE(Parse(ProxyKind::kConnect, body));
    EXPECT_FALSE(answer().has_result);
    EXPECT_THAT(answer().subs, IsEmpty());
    EXPECT_TRUE(answer().user.empty());
  }
}

TEST(ProxyHeadersTest, TheLastSourceWinsWhateverTheCase) {
  ProxyHeaders headers;
  headers.Set("X-Key", "static");
  headers.Set("x-key", "emulated");
  headers.Set("Cookie", "a=1");
  headers.Add("cookie", "b=2");
  headers.Set("Empty", "");
  EXPECT_THAT(headers.Take(), ElementsAre("x-key: emulated", "Cookie: a=1", "cookie: b=2",
                                          "Empty: ", "Content-Type: application/json"));
  EXPECT_THAT(headers.Take(), ElementsAre("Content-Type: application/json"));
}

TEST(ProxyHeadersTest, NothingIsSmuggledIn) {
  ProxyHeaders headers;
  headers.Set("X-A", "b\r\nX-B: c");
  headers.Set("X-A\r\nX-B", "c");
  headers.Set("X-A", std::string_view("b\0c", 3));
  headers.Set("X-A", "b\x7f");
  headers.Set("", "c");
  headers.Set("X A", "c");
  headers.Set("X:A", "c");
  headers.Add("X-A", "b\nc");
  for (const char* name : {"Host", "host", "Connection", "Content-Length", "Transfer-Encoding",
                           "TE", "Trailer", "Upgrade", "Expect", "Keep-Alive", "Content-Type"}) {
    headers.Set(name, "x");
    headers.Add(name, "x");
  }
  EXPECT_THAT(headers.Take(), ElementsAre("Content-Type: application/json"));
  headers.Set("X-Tab", "a\tb");
  headers.Set("X-Latin", "caf\xe9");
  EXPECT_THAT(headers.Take(),
              ElementsAre("X-Tab: a\tb", "X-Latin: caf\xe9", "Content-Type: application/json"));
}

}  // namespace
}  // namespace tickcast::protocol
