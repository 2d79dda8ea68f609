#include "shards/stream_handler.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace tickcast::shards {
namespace {

std::string Wrapped(std::string_view request) {
  ConnectFrames frames;
  const std::string padded = std::string(request) + std::string(protocol::kJsonPaddingBytes, '}');
  return std::string(frames.Wrap(std::string_view(padded).substr(0, request.size())));
}

TEST(ConnectFramesTest, AConnectRequestBecomesAConnectCommand) {
  EXPECT_EQ(Wrapped("{}"), R"({"id":1,"connect":{}})");
  EXPECT_EQ(Wrapped("null"), R"({"id":1,"connect":{}})");
  EXPECT_EQ(Wrapped("{\n  \"token\": \"t\",\n  \"subs\": {\"a\": {}}\n}\n"),
            R"({"id":1,"connect":{"token":"t","subs":{"a":{}}}})");
}

// It stands inside a command, which it must not end to begin one of its own.
TEST(ConnectFramesTest, NothingElseIsTaken) {
  for (const char* request : {"", " ", "[]", "1", "\"{}\"", "{", "{}}",
                              "{},\"subscribe\":{\"channel\":\"c\"}", "{}}\n{\"id\":2,\"rpc\":{}",
                              "{}{}", "{\"token\":5}", "{\"subs\":[]}", "{\"a\":\"\xff\"}"}) {
    EXPECT_EQ(Wrapped(request), "") << request;
  }
}

TEST(ConnectFramesTest, ALongOneIsTakenToo) {
  const std::string token(100'000, 't');
  EXPECT_EQ(Wrapped(R"({"token":")" + token + R"("})"),
            R"({"id":1,"connect":{"token":")" + token + R"("}})");
}

}  // namespace
}  // namespace tickcast::shards
