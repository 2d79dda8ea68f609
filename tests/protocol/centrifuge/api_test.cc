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
      ApiEndpoint::kPublish,
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
  const ApiCommand& command =
      One(ApiEndpoint::kPublish, R"({"data":null,"channel":"c","tags":{}})");
  EXPECT_EQ(command.error, ApiError::kNone);
  EXPECT_EQ(command.data, "null");
  EXPECT_EQ(command.tags, "{}");
  EXPECT_FALSE(command.skip_history);
}

TEST_F(ApiRequestParserTest, Base64DataIsDecodedAndHeldToTheSameRules) {
  // { "a" : 1.0 }
  EXPECT_EQ(One(ApiEndpoint::kPublish, R"({"channel":"c","b64data":"eyAiYSIgOiAxLjAgfQ=="})").data,
            R"({"a":1.0})");
  // It wins over data, as in the original.
  EXPECT_EQ(One(ApiEndpoint::kPublish, R"({"channel":"c","data":5,"b64data":"Nw=="})").data, "7");
  for (const std::string_view b64data : {"***", "eyAi", "/w=="}) {
    const std::string body = R"({"channel":"c","b64data":")" + std::string(b64data) + "\"}";
    EXPECT_EQ(One(ApiEndpoint::kPublish, body).error, ApiError::kBadRequest) << b64data;
  }
}

TEST_F(ApiRequestParserTest, Broadcast) {
  const ApiCommand& command =
      One(ApiEndpoint::kBroadcast, R"({"channels":["a","","b\n"],"data":"x","channel":"ignored"})");
  EXPECT_EQ(command.method, ApiMethod::kBroadcast);
  EXPECT_EQ(command.error, ApiError::kNone);
  EXPECT_THAT(command.channels, ElementsAre("a", "", "b\n"));
  EXPECT_EQ(command.data, "\"x\"");
}

TEST_F(ApiRequestParserTest, WhatIsMissingFailsTheCommandAlone) {
  for (const std::string_view body : {R"({})", R"({"data":1})", R"({"channel":"","data":1})",
                                      R"({"channel":"c"})", R"({"channel":null,"data":1})"}) {
    EXPECT_EQ(One(ApiEndpoint::kPublish, body).error, ApiError::kBadRequest) << body;
  }
  for (const std::string_view body :
       {R"({})", R"({"channels":[],"data":1})", R"({"channels":["a"]})", R"({"channels":null})"}) {
    EXPECT_EQ(One(ApiEndpoint::kBroadcast, body).error, ApiError::kBadRequest) << body;
  }
}

TEST_F(ApiRequestParserTest, AWrongBodyIsABadRequest) {
  for (const std::string_view body :
       {"", " ", "null", "[]", "{", "{}{}", "garbage", R"({"channel":1,"data":1})",
        R"({"channel":"c","data":tru})", R"({"channel":"c","data":1,"skip_history":1})",
        R"({"channel":"c","data":1,"tags":{"a":1}})", R"({"channel":"c","data":1,"tags":[]})",
        R"({"channel":"c","data":1,"version":-1})", R"({"channel":"c","data":1,"b64data":2})",
        "{\"channel\":\"\xff\",\"data\":1}"}) {
    EXPECT_EQ(Parse(ApiEndpoint::kPublish, body), ApiVerdict::kBadRequest) << body;
  }
  EXPECT_EQ(Parse(ApiEndpoint::kBroadcast, R"({"channels":"a","data":1})"),
            ApiVerdict::kBadRequest);
  EXPECT_EQ(Parse(ApiEndpoint::kBroadcast, R"({"channels":[1],"data":1})"),
            ApiVerdict::kBadRequest);
  EXPECT_EQ(Parse(ApiEndpoint::kBatch, R"({"commands":{}})"), ApiVerdict::kBadRequest);
  EXPECT_EQ(Parse(ApiEndpoint::kBatch, R"({"commands":[1]})"), ApiVerdict::kBadRequest);
  EXPECT_EQ(Parse(ApiEndpoint::kBatch, R"({"commands":[{"publish":{"channel":1}}]})"),
            ApiVerdict::kBadRequest);
}

TEST_F(ApiRequestParserTest, Batch) {
  ASSERT_EQ(Parse(ApiEndpoint::kBatch,
                  R"({"parallel":true,"commands":[{"publish":{"channel":"a","data":1}},null,
                     {"broadcast":{"channels":["b","c"],"data":[2]}},{"history":{"channel":"x"}},{},
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
    const ApiCommand& command = One(ApiEndpoint::kBatch, body);
    EXPECT_EQ(command.method, ApiMethod::kPublish);
    EXPECT_THAT(command.channels, ElementsAre("a"));
    EXPECT_EQ(command.data, "2");
  }
}

TEST_F(ApiRequestParserTest, ABatchMayBeEmpty) {
  for (const std::string_view body : {"{}", R"({"commands":[]})", R"({"commands":null})"}) {
    EXPECT_EQ(Parse(ApiEndpoint::kBatch, body), ApiVerdict::kOk) << body;
    EXPECT_TRUE(parser_.commands().empty());
    EXPECT_FALSE(parser_.parallel());
  }
}

TEST_F(ApiRequestParserTest, LegacyTakesSeveralCommandsAndEchoesTheirIds) {
  ASSERT_EQ(
      Parse(ApiEndpoint::kLegacy,
            "{\"id\":1,\"method\":\"publish\",\"params\":{\"channel\":\"a\",\"data\":\"}{\\\"\"}}\n"
            "{\"params\":{\"channels\":[\"b\"],\"data\":2},\"method\":\"BroadCast\"}"
            "{\"id\":3,\"method\":0,\"params\":{\"channel\":\"c\",\"data\":3}}  "
            "{\"id\":4,\"method\":\"presence\",\"params\":{}}\r\n"
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
  EXPECT_EQ(commands[7].data, "4");
  EXPECT_EQ(commands[7].id, 8U);
}

TEST_F(ApiRequestParserTest, LegacyRefusesABodyWithAnyWrongCommand) {
  for (const std::string_view body :
       {"", "  ", "null", "{\"method\":\"publishh\"}", "{\"method\":\"\"}", "{\"method\":null}",
        "{\"id\":-1}", "{} x", "{}}", "x {}", "{\"params\":{}} {\"method\":[]}"}) {
    EXPECT_EQ(Parse(ApiEndpoint::kLegacy, body), ApiVerdict::kBadRequest) << body;
  }
}

TEST_F(ApiRequestParserTest, ABodyCutAnywhereIsABadRequest) {
  constexpr std::string_view kBatch =
      R"({"commands":[{"publish":{"channel":"a\u0041","data":[1.5]}},{"broadcast":{"channels":["b"],"data":2}}]})";
  for (std::size_t cut = 0; cut < kBatch.size(); ++cut) {
    EXPECT_EQ(Parse(ApiEndpoint::kBatch, kBatch.substr(0, cut)), ApiVerdict::kBadRequest) << cut;
  }
  EXPECT_EQ(Parse(ApiEndpoint::kBatch, kBatch), ApiVerdict::kOk);
}

TEST_F(ApiRequestParserTest, ManyCommandsKeepTheirChannels) {
  std::string body = R"({"commands":[)";
  for (int i = 0; i < 2000; ++i) {
    body += (i == 0 ? "" : ",");
    body += R"({"publish":{"channel":"c)" + std::to_string(i) + R"(","b64data":"MQ=="}})";
  }
  body += "]}";
  ASSERT_EQ(Parse(ApiEndpoint::kBatch, body), ApiVerdict::kOk);
  ASSERT_EQ(parser_.commands().size(), 2000U);
  for (int i = 0; i < 2000; ++i) {
    EXPECT_EQ(parser_.commands()[static_cast<std::size_t>(i)].channels[0], "c" + std::to_string(i));
    EXPECT_EQ(parser_.commands()[static_cast<std::size_t>(i)].data, "1");
  }
}

constexpr ApiPublishResult kStored = {ApiError::kNone, 7, "ep"};
constexpr ApiPublishResult kUnstored = {};
constexpr ApiPublishResult kFailed = {ApiError::kUnknownChannel, 0, ""};

template <typename Write>
std::string Reply(ApiEndpoint endpoint, Write&& write) {
  std::string out;
  ApiReplyWriter writer(endpoint, out);
  write(writer);
  writer.Finish();
  return out;
}

TEST(ApiReplyWriterTest, Publish) {
  const ApiCommand command;
  EXPECT_EQ(Reply(ApiEndpoint::kPublish, [&](auto& w) { w.Publish(command, kStored); }),
            R"({"result":{"offset":7,"epoch":"ep"}})");
  EXPECT_EQ(Reply(ApiEndpoint::kPublish, [&](auto& w) { w.Publish(command, kUnstored); }),
            R"({"result":{}})");
  EXPECT_EQ(Reply(ApiEndpoint::kPublish, [&](auto& w) { w.Publish(command, kFailed); }),
            R"({"error":{"code":102,"message":"unknown channel"}})");
  EXPECT_EQ(Reply(ApiEndpoint::kPublish, [&](auto& w) { w.Error(command, ApiError::kBadRequest); }),
            R"({"error":{"code":107,"message":"bad request"}})");
}

TEST(ApiReplyWriterTest, Broadcast) {
  const ApiCommand command;
  const std::array results = {kStored, kFailed, kUnstored};
  EXPECT_EQ(Reply(ApiEndpoint::kBroadcast, [&](auto& w) { w.Broadcast(command, results); }),
            R"({"result":{"responses":[{"result":{"offset":7,"epoch":"ep"}},)"
            R"({"error":{"code":102,"message":"unknown channel"}},{"result":{}}]}})");
}

TEST(ApiReplyWriterTest, Batch) {
  const ApiCommand command;
  const std::array results = {kUnstored};
  EXPECT_EQ(Reply(ApiEndpoint::kBatch,
                  [&](auto& w) {
                    w.Publish(command, kStored);
                    w.Error(command, ApiError::kNotFound);
                    w.Broadcast(command, results);
                  }),
            R"({"replies":[{"publish":{"offset":7,"epoch":"ep"}},)"
            R"({"error":{"code":104,"message":"not found"}},)"
            R"({"broadcast":{"responses":[{"result":{}}]}}]})");
  EXPECT_EQ(Reply(ApiEndpoint::kBatch, [](auto&) {}), "{}");
}

TEST(ApiReplyWriterTest, LegacyRepliesAreLinesWithIds) {
  const ApiCommand with_id{.id = 9};
  const ApiCommand without_id;
  EXPECT_EQ(Reply(ApiEndpoint::kLegacy,
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
