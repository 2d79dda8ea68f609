#include "protocol/centrifuge/reply.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "protocol/json/payload.h"

namespace tickcast::protocol {
namespace {

// What `write` appends: one line of valid JSON, behind what was there.
template <typename Write>
std::string Written(Write&& write) {
  std::string out = "before";
  write(out);
  EXPECT_EQ(out.substr(0, 6), "before");
  out.erase(0, 6);
  EXPECT_EQ(out.find('\n'), std::string::npos);
  const std::string padded = out + std::string(kJsonPaddingBytes, ' ');
  JsonValidator validator;
  EXPECT_TRUE(validator.IsValid(std::string_view(padded).substr(0, out.size()))) << out;
  return out;
}

TEST(ReplyTest, Connect) {
  EXPECT_EQ(
      Written([](std::string& out) {
        AppendConnectReply(
            1, {.client = "c-1", .version = "tickcast 0.1", .ping_s = 25, .pong = true}, out);
      }),
      R"({"id":1,"connect":{"client":"c-1","version":"tickcast 0.1","ping":25,"pong":true}})");
}

TEST(ReplyTest, ConnectWithEverything) {
  const std::array<ConnectSubscription, 2> subs = {{
      {"user:#42", {.recoverable = true, .epoch = "e", .offset = 3}},
      {"a\"b", {}},
  }};
  EXPECT_EQ(Written([&](std::string& out) {
              AppendConnectReply(7,
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
                                  .time_ms = 1628640000123},
                                 out);
            }),
            R"({"id":7,"connect":{"client":"c","version":"v","expires":true,"ttl":60,)"
            R"("data":{"a":1},"subs":{"user:#42":{"recoverable":true,"epoch":"e","offset":3},)"
            R"("a\"b":{}},"ping":25,"pong":true,"session":"s","node":"n","time":1628640000123}})");
}

// An epoch or `recoverable` that nobody meant makes an SDK recover, so nothing empty is written.
TEST(ReplyTest, SubscribeToAStateChannelPromisesNothing) {
  EXPECT_EQ(Written([](std::string& out) { AppendSubscribeReply(2, {}, out); }),
            R"({"id":2,"subscribe":{}})");
}

TEST(ReplyTest, SubscribeWithEverything) {
  const std::array<PublicationView, 2> publications = {{
      {.data = R"({"p":"1.0"})", .offset = 4},
      {.data = "2", .info = R"({"user":"u","client":"c"})", .offset = 5, .tags = R"({"k":"v"})"},
  }};
  EXPECT_EQ(Written([&](std::string& out) {
              AppendSubscribeReply(2,
                                   {.expires = true,
                                    .ttl_s = 30,
                                    .recoverable = true,
                                    .epoch = "abcd",
                                    .publications = publications,
                                    .recovered = true,
                                    .offset = 3,
                                    .positioned = true,
                                    .data = R"({"interval_ms":250})",
                                    .was_recovering = true},
                                   out);
            }),
            R"({"id":2,"subscribe":{"expires":true,"ttl":30,"recoverable":true,"epoch":"abcd",)"
            R"("publications":[{"data":{"p":"1.0"},"offset":4},{"data":2,"info":{"user":"u",)"
            R"("client":"c"},"offset":5,"tags":{"k":"v"}}],"recovered":true,"offset":3,)"
            R"("positioned":true,"data":{"interval_ms":250},"was_recovering":true}})");
}

TEST(ReplyTest, EmptyResults) {
  EXPECT_EQ(Written([](std::string& out) { AppendUnsubscribeReply(3, out); }),
            R"({"id":3,"unsubscribe":{}})");
  EXPECT_EQ(Written([](std::string& out) { AppendPublishReply(4294967295U, out); }),
            R"({"id":4294967295,"publish":{}})");
}

// The one result whose members are written even when empty.
TEST(ReplyTest, History) {
  EXPECT_EQ(Written([](std::string& out) { AppendHistoryReply(5, {}, out); }),
            R"({"id":5,"history":{"publications":[],"epoch":"","offset":0}})");
  const std::array<PublicationView, 1> publications = {{{.data = "{}", .offset = 1}}};
  EXPECT_EQ(Written([&](std::string& out) {
              AppendHistoryReply(
                  5, {.publications = publications, .epoch = "e", .offset = 18446744073709551615U},
                  out);
            }),
            R"({"id":5,"history":{"publications":[{"data":{},"offset":1}],"epoch":"e",)"
            R"("offset":18446744073709551615}})");
}

TEST(ReplyTest, Rpc) {
  EXPECT_EQ(Written([](std::string& out) { AppendRpcReply(7, R"({"conflated":1})", out); }),
            R"({"id":7,"rpc":{"data":{"conflated":1}}})");
  EXPECT_EQ(Written([](std::string& out) { AppendRpcReply(7, "", out); }), R"({"id":7,"rpc":{}})");
}

TEST(ReplyTest, Errors) {
  EXPECT_EQ(
      Written([](std::string& out) { AppendErrorReply(6, ErrorCode::kPermissionDenied, out); }),
      R"({"id":6,"error":{"code":103,"message":"permission denied"}})");
  EXPECT_EQ(
      Written([](std::string& out) { AppendErrorReply(6, ErrorCode::kTooManyRequests, out); }),
      R"({"id":6,"error":{"code":111,"message":"too many requests","temporary":true}})");
  EXPECT_EQ(Written([](std::string& out) {
              AppendErrorReply(6, ErrorCode::kBadRequest, "interval_ms: \"x\" is no number", out);
            }),
            R"({"id":6,"error":{"code":107,"message":"interval_ms: \"x\" is no number"}})");
}

TEST(ReplyTest, ClientInfoAlwaysNamesUserAndClient) {
  EXPECT_EQ(Written([](std::string& out) { AppendClientInfo({}, out); }),
            R"({"user":"","client":""})");
  EXPECT_EQ(Written([](std::string& out) {
              AppendClientInfo(
                  {.user = "u", .client = "c", .conn_info = R"({"n":"N"})", .chan_info = "1"}, out);
            }),
            R"({"user":"u","client":"c","conn_info":{"n":"N"},"chan_info":1})");
}

TEST(ReplyTest, APublicationPushInHalvesIsTheWholeOne) {
  const std::array<PublicationView, 4> publications = {{
      {.data = R"({"price":"1.10"})"},
      {.data = "1", .offset = 9},
      {.data = "\"x\"", .info = R"({"user":"","client":""})", .offset = 9},
      {.data = "null", .tags = R"({"a":"b"})"},
  }};
  for (const PublicationView& publication : publications) {
    const std::string whole =
        Written([&](std::string& out) { AppendPublicationPush("room:\"1\"", publication, out); });
    const std::string joined = Written([&](std::string& out) {
      AppendPublicationPushPrefix("room:\"1\"", out);
      out += publication.data;
      AppendPublicationPushSuffix(publication, out);
    });
    EXPECT_EQ(joined, whole);
  }
  EXPECT_EQ(
      Written([&](std::string& out) { AppendPublicationPush("c", publications[2], out); }),
      R"({"push":{"channel":"c","pub":{"data":"x","info":{"user":"","client":""},"offset":9}}})");
}

TEST(ReplyTest, OtherPushes) {
  EXPECT_EQ(
      Written([](std::string& out) {
        AppendUnsubscribePush("c", UnsubscribeCode::kInsufficientState,
                              ReasonOf(UnsubscribeCode::kInsufficientState), out);
      }),
      R"({"push":{"channel":"c","unsubscribe":{"code":2500,"reason":"insufficient state"}}})");
  EXPECT_EQ(Written([](std::string& out) { AppendMessagePush(R"({"a":1})", out); }),
            R"({"push":{"message":{"data":{"a":1}}}})");
  EXPECT_EQ(Written([](std::string& out) { AppendDisconnectPush(DisconnectCode::kShutdown, out); }),
            R"({"push":{"disconnect":{"code":3001,"reason":"shutdown"}}})");
  EXPECT_EQ(kPingReply, "{}");
}

}  // namespace
}  // namespace tickcast::protocol
