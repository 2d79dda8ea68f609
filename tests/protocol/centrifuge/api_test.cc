#include "protocol/centrifuge/api.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/protocol/centrifuge/api_parser_test.h"

namespace tickcast::protocol {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr ApiEndpoint kPublish = {ApiForm::kSingle, ApiMethod::kPublish};
constexpr ApiEndpoint kBroadcast = {ApiForm::kSingle, ApiMethod::kBroadcast};
constexpr ApiEndpoint kBatch = {.form = ApiForm::kBatch};
constexpr ApiEndpoint kLegacy = {.form = ApiForm::kLegacy};

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
