// What each method of the server API takes.
#include "protocol/centrifuge/api_members.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/protocol/centrifuge/api_parser_test.h"

namespace tickcast::protocol {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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

TEST_F(ApiMethodTest, MapPublish) {
  const ApiCommand& command = Of(ApiMethod::kMapPublish, R"({
    "channel": "c", "key": "k \"1\"", "data": {"a": 1}, "tags": {"x": "y"}, "key_mode": "if_new",
    "idempotency_key": "i", "delta": true, "version": 18446744073709551615, "version_epoch": "ve",
    "stream_data": {"b": 2}, "b64stream_data": "x", "score": 4, "skip_history": 5})");
  EXPECT_EQ(command.error, ApiError::kNone);
  EXPECT_EQ(command.channel(), "c");
  EXPECT_EQ(command.key, "k \"1\"");
  EXPECT_EQ(command.data, R"({"a":1})");
  EXPECT_EQ(command.tags, R"({"x":"y"})");
  EXPECT_EQ(command.key_mode, KeyMode::kIfNew);
  EXPECT_EQ(command.idempotency_key, "i");
  EXPECT_TRUE(command.delta);
  EXPECT_EQ(command.version, 18446744073709551615u);
  EXPECT_EQ(command.version_epoch, "ve");
  EXPECT_FALSE(command.skip_history) << "no member of this request";
  const auto mode_of = [this](std::string_view mode) {
    return Of(ApiMethod::kMapPublish,
              R"({"channel":"c","key":"k","key_mode":")" + std::string(mode) + "\"}")
        .key_mode;
  };
  EXPECT_EQ(mode_of(""), KeyMode::kReplace);
  EXPECT_EQ(mode_of("if_exists"), KeyMode::kIfExists);
  for (const char* const mode : {"IF_NEW", "if_new ", "replace"}) {
    EXPECT_EQ(ErrorOf(ApiMethod::kMapPublish,
                      R"({"channel":"c","key":"k","key_mode":")" + std::string(mode) + "\"}"),
              ApiError::kBadRequest)
        << mode;
  }
}

TEST_F(ApiMethodTest, AKeyMayHaveAnyDataOrNone) {
  for (const ApiMethod method : {ApiMethod::kMapPublish, ApiMethod::kSharedPollPublish}) {
    const auto with = [&](std::string_view data) {
      return Of(method, R"({"channel":"c","key":"k","version":1)" + std::string(data) + "}");
    };
    EXPECT_EQ(with("").error, ApiError::kNone);
    EXPECT_EQ(with("").data, "");
    EXPECT_EQ(with(R"(,"data":null)").data, "null");
    EXPECT_EQ(with(R"(,"data":1,"b64data":"eyJ2IjogMX0=")").data, R"({"v":1})");
    EXPECT_EQ(with(R"(,"data":1,"b64data":"eyJ2IjogMX0=")").raw, R"({"v": 1})");
    EXPECT_EQ(with(R"(,"data":1,"b64data":"aGVsbG8=")").data, "");
    EXPECT_EQ(with(R"(,"data":1,"b64data":"aGVsbG8=")").raw, "hello");
    EXPECT_EQ(with(R"(,"b64data":"!!")").error, ApiError::kBadRequest);
  }
}

TEST_F(ApiMethodTest, MapRemoveAndReads) {
  const ApiCommand remove =
      Of(ApiMethod::kMapRemove, R"({"channel":"c","key":"k","idempotency_key":"i","version":"x"})");
  EXPECT_EQ(remove.key, "k");
  EXPECT_EQ(remove.idempotency_key, "i");
  const ApiCommand state = Of(
      ApiMethod::kMapReadState,
      R"({"channel":"c","key":"k","cursor":"cu","limit":-1,"revision_offset":7,"revision_epoch":"e","asc":1})");
  EXPECT_EQ(state.key, "k");
  EXPECT_EQ(state.cursor, "cu");
  EXPECT_EQ(state.limit, -1);
  EXPECT_TRUE(state.has_since);
  EXPECT_EQ(state.since_offset, 7u);
  EXPECT_EQ(state.since_epoch, "e");
  const ApiCommand stream =
      Of(ApiMethod::kMapReadStream,
         R"({"channel":"c","limit":5,"reverse":true,"since_offset":7,"since_epoch":"e"})");
  EXPECT_EQ(stream.limit, 5);
  EXPECT_TRUE(stream.reverse);
  EXPECT_TRUE(stream.has_since);
  EXPECT_EQ(stream.since_offset, 7u);
  EXPECT_EQ(stream.since_epoch, "e");
  for (const ApiMethod method : {ApiMethod::kMapReadState, ApiMethod::kMapReadStream}) {
    const std::string prefix = method == ApiMethod::kMapReadState ? "revision_" : "since_";
    EXPECT_FALSE(Of(method, R"({"channel":"c"})").has_since);
    EXPECT_FALSE(Of(method, R"({"channel":"c",")" + prefix + R"(offset":0})").has_since);
    EXPECT_TRUE(Of(method, R"({"channel":"c",")" + prefix + R"(offset":1})").has_since);
    EXPECT_TRUE(Of(method, R"({"channel":"c",")" + prefix + R"(epoch":"e"})").has_since);
  }
}

TEST_F(ApiMethodTest, SharedPollPublish) {
  const ApiCommand& command =
      Of(ApiMethod::kSharedPollPublish,
         R"({"channel":"c","key":"k","data":[1],"version":9,"epoch":"e","tags":1})");
  EXPECT_EQ(command.key, "k");
  EXPECT_EQ(command.data, "[1]");
  EXPECT_EQ(command.version, 9u);
  EXPECT_EQ(command.version_epoch, "e");
  EXPECT_EQ(command.tags, "") << "no member of this request";
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
           {kMapPublish, R"({"channel":"c","key":"k","key_mode":1})"},
           {kMapPublish, R"({"channel":"c","key":"k","tags":{"a":1}})"},
           {kMapPublish, R"({"channel":"c","key":"k","version":-1})"},
           {kMapRemove, R"({"channel":"c","key":"k","idempotency_key":1})"},
           {kMapReadState, R"({"channel":"c","limit":"x"})"},
           {kMapReadState, R"({"channel":"c","cursor":1})"},
           {kMapReadState, R"({"channel":"c","revision_offset":-1})"},
           {kMapReadStream, R"({"channel":"c","since_epoch":1})"},
           {kMapReadStream, R"({"channel":"c","reverse":1})"},
           {kSharedPollPublish, R"({"channel":"c","key":"k","version":1,"epoch":1})"},
           {kRevokeToken, R"({"uid":1})"},
           {kBlockUser, R"({"user":"u","expire_at":""})"},
           {kInfo, "[]"},
           {kInfo, ""}}) {
    EXPECT_FALSE(Readable(method, body)) << NameOf(method) << ' ' << body;
  }
}

}  // namespace
}  // namespace tickcast::protocol
