#include "protocol/centrifuge/api.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/json/payload.h"

namespace tickcast::protocol {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr ApiEndpoint kPublish = {ApiForm::kSingle, ApiMethod::kPublish};
constexpr ApiEndpoint kBroadcast = {ApiForm::kSingle, ApiMethod::kBroadcast};
constexpr ApiEndpoint kBatch = {.form = ApiForm::kBatch};
constexpr ApiEndpoint kLegacy = {.form = ApiForm::kLegacy};

class ApiRequestParserTest : public testing::Test {
 protected:
  // Parses from a buffer that is overwritten afterwards: views may not point into it.
  ApiVerdict Parse(ApiEndpoint endpoint, std::string_view body) {
    std::string padded = std::string(body) + std::string(kJsonPaddingBytes, '"');
    const ApiVerdict verdict =
        parser_.Parse(endpoint, std::string_view(padded).substr(0, body.size()));
    padded.assign(padded.size(), '#');
    EXPECT_TRUE(verdict == ApiVerdict::kOk || parser_.commands().empty());
    return verdict;
  }

  const ApiCommand& One(ApiEndpoint endpoint, std::string_view body) {
    EXPECT_EQ(Parse(endpoint, body), ApiVerdict::kOk) << body;
    EXPECT_EQ(parser_.commands().size(), 1U) << body;
    return parser_.commands()[0];
  }

  ApiRequestParser parser_;
};

TEST_F(ApiRequestParserTest, Publish) {
  const ApiCommand& command = One(
      kPublish,
      R"({"channel": "caf\u00e9", "data": {"price": 1.10, "wei": 123456789012345678901234567890},
              "skip_history": true, "tags": {"a": "b", "c": "d\u0041"}, "idempotency_key": "k",
              "delta": true, "version": 18446744073709551615, "version_epoch": "e", "x": [1]})");
  EXPECT_EQ(command.method, ApiMethod::kPublish);
  EXPECT_EQ(command.error, ApiError::kNone);
  EXPECT_THAT(command.channels, ElementsAre("caf\xc3\xa9"));
  EXPECT_EQ(command.data, R"({"price":1.10,"wei":123456789012345678901234567890})");
  EXPECT_TRUE(command.skip_history);
  EXPECT_EQ(command.tags, R"({"a":"b","c":"d\u0041"})");
  EXPECT_EQ(command.idempotency_key, "k");
  EXPECT_TRUE(command.delta);
  EXPECT_EQ(command.version, 18446744073709551615U);
  EXPECT_EQ(command.version_epoch, "e");
}

TEST_F(ApiRequestParserTest, PublishOfTheLeast) {
  const ApiCommand& command = One(kPublish, R"({"data":null,"channel":"c","tags":{}})");
  EXPECT_EQ(command.error, ApiError::kNone);
  EXPECT_EQ(command.data, "null");
  EXPECT_EQ(command.tags, "{}");
  EXPECT_FALSE(command.skip_history);
}

TEST_F(ApiRequestParserTest, Base64DataIsDecodedAndHeldToTheSameRules) {
  // { "a" : 1.0 }
  EXPECT_EQ(One(kPublish, R"({"channel":"c","b64data":"eyAiYSIgOiAxLjAgfQ=="})").data,
            R"({"a":1.0})");
  // It wins over data, as in the original.
  EXPECT_EQ(One(kPublish, R"({"channel":"c","data":5,"b64data":"Nw=="})").data, "7");
  EXPECT_EQ(One(kPublish, R"({"channel":"c","b64data":"***"})").error, ApiError::kBadRequest);
  // What is no JSON is for Protobuf subscribers.
  for (const std::string_view b64data : {"eyAi", "/w=="}) {
    const std::string body =
        R"({"channel":"c","data":1,"b64data":")" + std::string(b64data) + "\"}";
    const ApiCommand& command = One(kPublish, body);
    EXPECT_EQ(command.error, ApiError::kNone);
    EXPECT_EQ(command.data, "");
    EXPECT_EQ(command.raw, b64data == "/w==" ? "\xff" : "{ \"");
  }
}

TEST_F(ApiRequestParserTest, Broadcast) {
  const ApiCommand& command =
      One(kBroadcast, R"({"channels":["a","","b\n"],"data":"x","channel":"ignored"})");
  EXPECT_EQ(command.method, ApiMethod::kBroadcast);
  EXPECT_EQ(command.error, ApiError::kNone);
  EXPECT_THAT(command.channels, ElementsAre("a", "", "b\n"));
  EXPECT_EQ(command.data, "\"x\"");
}

TEST_F(ApiRequestParserTest, WhatIsMissingFailsTheCommandAlone) {
  for (const std::string_view body : {R"({})", R"({"data":1})", R"({"channel":"","data":1})",
                                      R"({"channel":"c"})", R"({"channel":null,"data":1})"}) {
    EXPECT_EQ(One(kPublish, body).error, ApiError::kBadRequest) << body;
  }
  for (const std::string_view body :
       {R"({})", R"({"channels":[],"data":1})", R"({"channels":["a"]})", R"({"channels":null})"}) {
    EXPECT_EQ(One(kBroadcast, body).error, ApiError::kBadRequest) << body;
  }
}

TEST_F(ApiRequestParserTest, AWrongBodyIsABadRequest) {
  for (const std::string_view body :
       {"", " ", "null", "[]", "{", "{}{}", "garbage", R"({"channel":1,"data":1})",
        R"({"channel":"c","data":tru})", R"({"channel":"c","data":1,"skip_history":1})",
        R"({"channel":"c","data":1,"tags":{"a":1}})", R"({"channel":"c","data":1,"tags":[]})",
        R"({"channel":"c","data":1,"version":-1})", R"({"channel":"c","data":1,"b64data":2})",
        "{\"channel\":\"\xff\",\"data\":1}"}) {
    EXPECT_EQ(Parse(kPublish, body), ApiVerdict::kBadRequest) << body;
  }
  EXPECT_EQ(Parse(kBroadcast, R"({"channels":"a","data":1})"), ApiVerdict::kBadRequest);
  EXPECT_EQ(Parse(kBroadcast, R"({"channels":[1],"data":1})"), ApiVerdict::kBadRequest);
  EXPECT_EQ(Parse(kBatch, R"({"commands":{}})"), ApiVerdict::kBadRequest);
  EXPECT_EQ(Parse(kBatch, R"({"commands":[1]})"), ApiVerdict::kBadRequest);
  EXPECT_EQ(Parse(kBatch, R"({"commands":[{"publish":{"channel":1}}]})"), ApiVerdict::kBadRequest);
}

TEST_F(ApiRequestParserTest, Batch) {
  ASSERT_EQ(Parse(kBatch,
                  R"({"parallel":true,"commands":[{"publish":{"channel":"a","data":1}},null,
                     {"broadcast":{"channels":["b","c"],"data":[2]}},{"connections":{"user":"x"}},{},
                     {"publish":{"channel":""}},{"publish":{"channel":"d","data":3}}]})"),
            ApiVerdict::kOk);
  EXPECT_TRUE(parser_.parallel());
  const std::span<const ApiCommand> commands = parser_.commands();
  ASSERT_EQ(commands.size(), 7U);
  EXPECT_THAT(commands[0].channels, ElementsAre("a"));
  EXPECT_EQ(commands[1].error, ApiError::kBadRequest);
  EXPECT_EQ(commands[2].method, ApiMethod::kBroadcast);
  EXPECT_THAT(commands[2].channels, ElementsAre("b", "c"));
  EXPECT_EQ(commands[2].data, "[2]");
  EXPECT_EQ(commands[3].error, ApiError::kNotFound);
  EXPECT_EQ(commands[4].error, ApiError::kNotFound);
  EXPECT_EQ(commands[5].error, ApiError::kBadRequest);
  EXPECT_EQ(commands[6].error, ApiError::kNone);
  EXPECT_THAT(commands[6].channels, ElementsAre("d"));
}

TEST_F(ApiRequestParserTest, OfTwoMethodsInABatchCommandPublishCounts) {
  for (
      const std::string_view body :
      {R"({"commands":[{"broadcast":{"channels":["b"],"data":1},"publish":{"channel":"a","data":2}}]})",
       R"({"commands":[{"publish":{"channel":"a","data":2},"broadcast":{"channels":["b"],"data":1}}]})"}) {
    const ApiCommand& command = One(kBatch, body);
    EXPECT_EQ(command.method, ApiMethod::kPublish);
    EXPECT_THAT(command.channels, ElementsAre("a"));
    EXPECT_EQ(command.data, "2");
  }
}

TEST_F(ApiRequestParserTest, OfMoreMethodsTheFirstInTheOriginalsOrder) {
  for (
      const std::string_view body :
      {R"({"commands":[{"channels":{"pattern":"p"},"history":{"channel":"h","limit":3},"rpc":{}}]})",
       R"({"commands":[{"history":{"channel":"h","limit":3},"channels":{"pattern":"p"}}]})",
       R"({"commands":[{"publish":null,"info":{},"history":{"channel":"h","limit":3}}]})"}) {
    const ApiCommand& command = One(kBatch, body);
    EXPECT_EQ(command.method, ApiMethod::kHistory) << body;
    EXPECT_EQ(command.channel(), "h");
    EXPECT_EQ(command.limit, 3);
    EXPECT_EQ(command.pattern, "");
  }
}

// --- The other methods ---------------------------------------------------------------------------

class ApiMethodTest : public ApiRequestParserTest {
 protected:
  const ApiCommand& Of(ApiMethod method, std::string_view body) {
    const ApiCommand& command = One({ApiForm::kSingle, method}, body);
    EXPECT_EQ(command.method, method);
    return command;
  }
  ApiError ErrorOf(ApiMethod method, std::string_view body) { return Of(method, body).error; }
  bool Readable(ApiMethod method, std::string_view body) {
    return Parse({ApiForm::kSingle, method}, body) == ApiVerdict::kOk;
  }
};

TEST_F(ApiMethodTest, Subscribe) {
  const ApiCommand& command = Of(ApiMethod::kSubscribe, R"({
    "user": "u", "channel": "c", "client": "cl", "session": "s", "expire_at": -5,
    "info": {"a": 1}, "data": [1, 2], "recover_since": {"offset": 7, "epoch": "e"},
    "override": {"presence": {"value": true}, "join_leave": {}, "force_recovery": null,
                 "force_positioning": {"value": false}, "force_push_join_leave": {"value": true}},
    "label_filter": {"op": "eq"}, "all_users": true})");
  EXPECT_EQ(command.error, ApiError::kNone);
  EXPECT_THAT(command.channels, ElementsAre("c"));
  EXPECT_EQ(command.user, "u");
  EXPECT_EQ(command.client, "cl");
  EXPECT_EQ(command.session, "s");
  EXPECT_EQ(command.expire_at, -5);
  EXPECT_EQ(command.info, R"({"a":1})");
  EXPECT_EQ(command.data, "[1,2]");
  EXPECT_TRUE(command.has_since);
  EXPECT_EQ(command.since_offset, 7u);
  EXPECT_EQ(command.since_epoch, "e");
  EXPECT_EQ(command.override_options.presence, true);
  EXPECT_EQ(command.override_options.join_leave, false);
  EXPECT_EQ(command.override_options.force_recovery, std::nullopt);
  EXPECT_EQ(command.override_options.force_positioning, false);
  EXPECT_EQ(command.override_options.force_push_join_leave, true);
}

TEST_F(ApiMethodTest, SubscribeTakesBase64First) {
  const ApiCommand& command =
      Of(ApiMethod::kSubscribe,
         R"({"channel":"c","data":1,"b64data":"eyAiYSIgOiAxLjAgfQ==","info":2,"b64info":"Nw=="})");
  EXPECT_EQ(command.data, R"({"a":1.0})");
  EXPECT_EQ(command.raw, R"({ "a" : 1.0 })") << "as it came, for Protobuf";
  EXPECT_EQ(command.info, "7");
  EXPECT_EQ(command.user, "");
  EXPECT_FALSE(command.has_since);
  for (const char* const body :
       {R"({})", R"({"user":"u"})", R"({"channel":""})", R"({"channel":"c","b64data":"*"})",
        R"({"channel":"c","b64info":"/w=="})"}) {
    EXPECT_EQ(ErrorOf(ApiMethod::kSubscribe, body), ApiError::kBadRequest) << body;
  }
  // Data may be anything, for those who speak Protobuf.
  const ApiCommand& binary = Of(ApiMethod::kSubscribe, R"({"channel":"c","b64data":"/w=="})");
  EXPECT_EQ(binary.data, "");
  EXPECT_EQ(binary.raw, "\xff");
}

TEST_F(ApiMethodTest, Unsubscribe) {
  const ApiCommand& command =
      Of(ApiMethod::kUnsubscribe, R"({"channel":"c","user":"u","client":"cl","session":"s"})");
  EXPECT_EQ(command.channel(), "c");
  EXPECT_EQ(command.user, "u");
  EXPECT_EQ(command.client, "cl");
  EXPECT_EQ(command.session, "s");
  EXPECT_EQ(ErrorOf(ApiMethod::kUnsubscribe, "{}"), ApiError::kNone);
}

TEST_F(ApiMethodTest, Disconnect) {
  const ApiCommand& plain = Of(ApiMethod::kDisconnect, R"({"user":"u","disconnect":null})");
  EXPECT_EQ(plain.disconnect_code, 3503);
  EXPECT_EQ(plain.disconnect_reason, "force disconnect");
  EXPECT_THAT(plain.whitelist, IsEmpty());
  const ApiCommand& own = Of(ApiMethod::kDisconnect, R"({"user":"u","client":"cl","session":"s",
      "whitelist":["a","b"],"disconnect":{"code":4501,"reason":"no \"more\""}})");
  EXPECT_EQ(own.error, ApiError::kNone);
  EXPECT_EQ(own.disconnect_code, 4501);
  EXPECT_EQ(own.disconnect_reason, "no \"more\"");
  EXPECT_THAT(own.whitelist, ElementsAre("a", "b"));
  EXPECT_THAT(own.channels, IsEmpty());
}

TEST_F(ApiMethodTest, ADisconnectThatNoCloseFrameCanCarryIsRefused) {
  const auto error_of = [this](std::string_view disconnect) {
    return ErrorOf(ApiMethod::kDisconnect,
                   R"({"user":"u","disconnect":)" + std::string(disconnect) + "}");
  };
  EXPECT_EQ(error_of(R"({"code":3000})"), ApiError::kNone);
  EXPECT_EQ(error_of(R"({"code":4999})"), ApiError::kNone);
  EXPECT_EQ(error_of(R"({"code":2999})"), ApiError::kBadRequest);
  EXPECT_EQ(error_of(R"({"code":5000})"), ApiError::kBadRequest);
  EXPECT_EQ(error_of(R"({"code":69535})"), ApiError::kBadRequest);
  EXPECT_EQ(error_of("{}"), ApiError::kBadRequest);
  const std::string reason(123, 'x');
  EXPECT_EQ(error_of(R"({"code":4000,"reason":")" + reason + "\"}"), ApiError::kNone);
  EXPECT_EQ(error_of(R"({"code":4000,"reason":"x)" + reason + "\"}"), ApiError::kBadRequest);
}

TEST_F(ApiMethodTest, Refresh) {
  const ApiCommand& command = Of(ApiMethod::kRefresh, R"({"user":"u","client":"cl","session":"s",
      "expired":true,"expire_at":1700000000,"info":{"n": 1}})");
  EXPECT_EQ(command.user, "u");
  EXPECT_TRUE(command.expired);
  EXPECT_EQ(command.expire_at, 1700000000);
  EXPECT_EQ(command.info, R"({"n":1})");
  EXPECT_EQ(ErrorOf(ApiMethod::kRefresh, "{}"), ApiError::kNone);
}

TEST_F(ApiMethodTest, History) {
  const ApiCommand& command =
      Of(ApiMethod::kHistory,
         R"({"channel":"c","limit":-1,"since":{"offset":18446744073709551615},"reverse":true})");
  EXPECT_EQ(command.limit, -1);
  EXPECT_TRUE(command.has_since);
  EXPECT_EQ(command.since_offset, 18446744073709551615u);
  EXPECT_EQ(command.since_epoch, "");
  EXPECT_TRUE(command.reverse);
  EXPECT_FALSE(Of(ApiMethod::kHistory, R"({"channel":"c","since":null})").has_since);
  EXPECT_TRUE(Of(ApiMethod::kHistory, R"({"channel":"c","since":{}})").has_since);
}

TEST_F(ApiMethodTest, WhatAskAboutAChannelNeedIt) {
  for (const ApiMethod method :
       {ApiMethod::kHistory, ApiMethod::kHistoryRemove, ApiMethod::kPresence,
        ApiMethod::kPresenceStats, ApiMethod::kMapReadState, ApiMethod::kMapReadStream,
        ApiMethod::kMapStats, ApiMethod::kMapClear}) {
    SCOPED_TRACE(NameOf(method));
    EXPECT_EQ(ErrorOf(method, R"({"channel":"c"})"), ApiError::kNone);
    EXPECT_EQ(Of(method, R"({"channel":"c"})").channel(), "c");
    EXPECT_EQ(ErrorOf(method, R"({"channel":""})"), ApiError::kBadRequest);
    EXPECT_EQ(ErrorOf(method, R"({"channel":null})"), ApiError::kBadRequest);
    EXPECT_EQ(ErrorOf(method, "{}"), ApiError::kBadRequest);
    EXPECT_FALSE(Readable(method, R"({"channel":1})"));
  }
}

TEST_F(ApiMethodTest, MapsNeedAKeyAndSharedPollsAVersion) {
  for (const ApiMethod method : {ApiMethod::kMapPublish, ApiMethod::kMapRemove}) {
    EXPECT_EQ(ErrorOf(method, R"({"channel":"c","key":"k"})"), ApiError::kNone);
    EXPECT_EQ(ErrorOf(method, R"({"channel":"c"})"), ApiError::kBadRequest);
    EXPECT_EQ(ErrorOf(method, R"({"key":"k"})"), ApiError::kBadRequest);
  }
  EXPECT_EQ(ErrorOf(ApiMethod::kSharedPollPublish, R"({"channel":"c","key":"k","version":1})"),
            ApiError::kNone);
  EXPECT_EQ(ErrorOf(ApiMethod::kSharedPollPublish, R"({"channel":"c","key":"k"})"),
            ApiError::kBadRequest);
}

TEST_F(ApiMethodTest, InfoChannelsAndRpc) {
  EXPECT_EQ(ErrorOf(ApiMethod::kInfo, R"({"x":1})"), ApiError::kNone);
  EXPECT_EQ(Of(ApiMethod::kChannels, R"({"pattern":"a*"})").pattern, "a*");
  EXPECT_EQ(ErrorOf(ApiMethod::kChannels, "{}"), ApiError::kNone);
  // Nothing is compiled into the original that would answer it, either.
  EXPECT_EQ(ErrorOf(ApiMethod::kRpc, R"({"method":"m","params":{}})"), ApiError::kNotFound);
  EXPECT_EQ(ErrorOf(ApiMethod::kRpc, R"({"params":{}})"), ApiError::kBadRequest);
}

TEST_F(ApiMethodTest, Revocations) {
  const ApiCommand& token = Of(ApiMethod::kRevokeToken, R"({"uid":"jti","expire_at":9})");
  EXPECT_EQ(token.uid, "jti");
  EXPECT_EQ(token.expire_at, 9);
  EXPECT_EQ(ErrorOf(ApiMethod::kRevokeToken, "{}"), ApiError::kBadRequest);
  const ApiCommand& tokens = Of(ApiMethod::kInvalidateUserTokens,
                                R"({"user":"u","channel":"c","issued_before":8,"expire_at":9})");
  EXPECT_EQ(tokens.user, "u");
  EXPECT_EQ(tokens.channel(), "c");
  EXPECT_EQ(tokens.issued_before, 8);
  for (const ApiMethod method :
       {ApiMethod::kBlockUser, ApiMethod::kUnblockUser, ApiMethod::kInvalidateUserTokens}) {
    EXPECT_EQ(ErrorOf(method, R"({"user":"u"})"), ApiError::kNone);
    EXPECT_EQ(ErrorOf(method, R"({"uid":"u"})"), ApiError::kBadRequest);
  }
}

TEST_F(ApiMethodTest, AWrongTypeAnywhereIsABadRequest) {
  using enum ApiMethod;
  for (const auto& [method, body] : std::initializer_list<std::pair<ApiMethod, const char*>>{
           {kSubscribe, R"({"channel":"c","user":1})"},
           {kSubscribe, R"({"channel":"c","expire_at":1.5})"},
           {kSubscribe, R"({"channel":"c","recover_since":7})"},
           {kSubscribe, R"({"channel":"c","recover_since":{"offset":-1}})"},
           {kSubscribe, R"({"channel":"c","override":{"presence":true}})"},
           {kSubscribe, R"({"channel":"c","override":{"presence":{"value":1}}})"},
           {kUnsubscribe, R"({"channel":["c"]})"},
           {kDisconnect, R"({"whitelist":"a"})"},
           {kDisconnect, R"({"whitelist":[1]})"},
           {kDisconnect, R"({"disconnect":{"code":"3503"}})"},
           {kDisconnect, R"({"disconnect":{"code":4294967296}})"},
           {kDisconnect, R"({"disconnect":[]})"},
           {kRefresh, R"({"expired":"yes"})"},
           {kRefresh, R"({"expire_at":"soon"})"},
           {kHistory, R"({"channel":"c","limit":2147483648})"},
           {kHistory, R"({"channel":"c","since":[]})"},
           {kHistory, R"({"channel":"c","reverse":1})"},
           {kChannels, R"({"pattern":1})"},
           {kRpc, R"({"method":1})"},
           {kMapPublish, R"({"channel":"c","key":1})"},
           {kRevokeToken, R"({"uid":1})"},
           {kBlockUser, R"({"user":"u","expire_at":""})"},
           {kInfo, "[]"},
           {kInfo, ""}}) {
    EXPECT_FALSE(Readable(method, body)) << NameOf(method) << ' ' << body;
  }
}

TEST_F(ApiRequestParserTest, ABatchMayBeEmpty) {
  for (const std::string_view body : {"{}", R"({"commands":[]})", R"({"commands":null})"}) {
    EXPECT_EQ(Parse(kBatch, body), ApiVerdict::kOk) << body;
    EXPECT_TRUE(parser_.commands().empty());
    EXPECT_FALSE(parser_.parallel());
  }
}

TEST_F(ApiRequestParserTest, LegacyTakesSeveralCommandsAndEchoesTheirIds) {
  ASSERT_EQ(
      Parse(kLegacy,
            "{\"id\":1,\"method\":\"publish\",\"params\":{\"channel\":\"a\",\"data\":\"}{\\\"\"}}\n"
            "{\"params\":{\"channels\":[\"b\"],\"data\":2},\"method\":\"BroadCast\"}"
            "{\"id\":3,\"method\":0,\"params\":{\"channel\":\"c\",\"data\":3}}  "
            "{\"id\":4,\"method\":\"device_list\",\"params\":{}}\r\n"
            "{\"id\":5,\"method\":\"publish\"} {\"id\":6,\"method\":1,\"params\":[]}"
            "{\"id\":7,\"method\":99}{\"id\":8,\"params\":{\"channel\":\"d\",\"data\":4}}\n"),
      ApiVerdict::kOk);
  const std::span<const ApiCommand> commands = parser_.commands();
  ASSERT_EQ(commands.size(), 8U);
  EXPECT_EQ(commands[0].id, 1U);
  EXPECT_EQ(commands[0].data, R"("}{\"")");
  EXPECT_THAT(commands[0].channels, ElementsAre("a"));
  EXPECT_EQ(commands[1].id, 0U);
  EXPECT_EQ(commands[1].method, ApiMethod::kBroadcast);
  EXPECT_THAT(commands[1].channels, ElementsAre("b"));
  EXPECT_EQ(commands[2].method, ApiMethod::kPublish);
  EXPECT_THAT(commands[2].channels, ElementsAre("c"));
  EXPECT_EQ(commands[3].error, ApiError::kNotFound);
  EXPECT_EQ(commands[3].id, 4U);
  EXPECT_EQ(commands[4].error, ApiError::kBadRequest);
  EXPECT_EQ(commands[5].error, ApiError::kBadRequest);
  EXPECT_EQ(commands[6].error, ApiError::kNotFound);
  EXPECT_EQ(commands[6].method, ApiMethod::kNone);
  EXPECT_EQ(commands[7].data, "4");
  EXPECT_EQ(commands[7].id, 8U);
}

TEST_F(ApiRequestParserTest, LegacyInfoNeedsNoParams) {
  for (const std::string_view body : {R"({"method":"info"})", R"({"method":9,"params":[1]})",
                                      R"({"method":"info","params":{}})"}) {
    const ApiCommand& command = One(kLegacy, body);
    EXPECT_EQ(command.method, ApiMethod::kInfo);
    EXPECT_EQ(command.error, ApiError::kNone);
  }
  EXPECT_EQ(One(kLegacy, R"({"method":"channels"})").error, ApiError::kBadRequest);
}

TEST_F(ApiRequestParserTest, LegacyRefusesABodyWithAnyWrongCommand) {
  for (const std::string_view body :
       {"", "  ", "null", "{\"method\":\"publishh\"}", "{\"method\":\"\"}", "{\"method\":null}",
        "{\"id\":-1}", "{} x", "{}}", "x {}", "{\"params\":{}} {\"method\":[]}"}) {
    EXPECT_EQ(Parse(kLegacy, body), ApiVerdict::kBadRequest) << body;
  }
}

TEST_F(ApiRequestParserTest, ABodyCutAnywhereIsABadRequest) {
  constexpr std::string_view kBody =
      R"({"commands":[{"publish":{"channel":"a\u0041","data":[1.5]}},{"broadcast":{"channels":["b"],"data":2}}]})";
  for (std::size_t cut = 0; cut < kBody.size(); ++cut) {
    EXPECT_EQ(Parse(kBatch, kBody.substr(0, cut)), ApiVerdict::kBadRequest) << cut;
  }
  EXPECT_EQ(Parse(kBatch, kBody), ApiVerdict::kOk);
}

TEST_F(ApiRequestParserTest, ManyCommandsKeepTheirChannels) {
  std::string body = R"({"commands":[)";
  for (int i = 0; i < 2000; ++i) {
    body += (i == 0 ? "" : ",");
    body += R"({"publish":{"channel":"c)" + std::to_string(i) + R"(","b64data":"MQ=="}})";
  }
  body += "]}";
  ASSERT_EQ(Parse(kBatch, body), ApiVerdict::kOk);
  ASSERT_EQ(parser_.commands().size(), 2000U);
  for (int i = 0; i < 2000; ++i) {
    EXPECT_EQ(parser_.commands()[static_cast<std::size_t>(i)].channels[0], "c" + std::to_string(i));
    EXPECT_EQ(parser_.commands()[static_cast<std::size_t>(i)].data, "1");
  }
}

}  // namespace
}  // namespace tickcast::protocol
