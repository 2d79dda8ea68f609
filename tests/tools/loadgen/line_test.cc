#include "tools/loadgen/line.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/loadgen/frame_scanner.h"

namespace tickcast::loadgen {
namespace {

TEST(LineTest, EachKindIsToldFromItsFront) {
  EXPECT_EQ(ReadLine("{}").kind, Line::Kind::kPing);
  EXPECT_EQ(ReadLine(R"({"push":{"channel":"a","pub":{"data":1}}})").kind, Line::Kind::kPush);
  const Line connected = ReadLine(R"({"id":1,"connect":{"client":"x","ping":25,"pong":true}})");
  EXPECT_EQ(connected.kind, Line::Kind::kConnected);
  EXPECT_EQ(connected.id, 1U);
  const Line subscribed = ReadLine(R"({"id":4294967295,"subscribe":{}})");
  EXPECT_EQ(subscribed.kind, Line::Kind::kSubscribed);
  EXPECT_EQ(subscribed.id, 4294967295U);
  EXPECT_EQ(ReadLine(R"({"id":12,"publish":{}})").kind, Line::Kind::kPublished);
  const Line refreshed = ReadLine(R"({"id":7,"sub_refresh":{"items":[]}})");
  EXPECT_EQ(refreshed.kind, Line::Kind::kRefreshed);
  EXPECT_EQ(refreshed.id, 7U);
  const Line error = ReadLine(R"({"id":3,"error":{"code":103,"message":"permission denied"}})");
  EXPECT_EQ(error.kind, Line::Kind::kError);
  EXPECT_EQ(error.id, 3U);
  EXPECT_EQ(error.code, 103U);
}

TEST(LineTest, AnythingElseIsOther) {
  for (const char* line : {"", "{", "x", "{\"id\":", R"({"id":1})", R"({"id":1,"rpc":{}})",
                           R"({"connect":{}})", R"([1,2])"}) {
    EXPECT_EQ(ReadLine(line).kind, Line::Kind::kOther) << line;
  }
}

TEST(LineTest, AMessageIsCutAtItsNewlines) {
  const auto lines = [](std::string_view message) {
    std::vector<std::string> found;
    ForEachLine(message, [&](std::string_view line) {
      found.emplace_back(line);
      return true;
    });
    return found;
  };
  EXPECT_EQ(lines(""), std::vector<std::string>{});
  EXPECT_EQ(lines("{}"), std::vector<std::string>{"{}"});
  EXPECT_EQ(lines("a\nb\nc"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(lines("\na\n\nb\n"), (std::vector<std::string>{"a", "b"}));
}

TEST(LineTest, AStoppedMessageIsNotReadOn) {
  int lines = 0;
  ForEachLine("a\nb\nc", [&](std::string_view) { return ++lines < 2; });
  EXPECT_EQ(lines, 2);
}

TEST(LineTest, CommandsAreWhatTheProtocolAsksFor) {
  std::string commands;
  AppendConnect(1, commands);
  AppendSubscribe(2, "bench:0001", {}, {}, commands);
  EXPECT_EQ(commands, R"({"id":1,"connect":{}}{"id":2,"subscribe":{"channel":"bench:0001"}})");
}

TEST(LineTest, ASubscribeCarriesItsOptionsAsData) {
  std::string command;
  AppendSubscribe(7, "ticker:x", R"({"interval_ms":250})", {}, command);
  EXPECT_EQ(command, R"({"id":7,"subscribe":{"channel":"ticker:x","data":{"interval_ms":250}}})");
  command.clear();
  AppendSubscribe(8, "a", {}, {.delta = true, .compaction = true}, command);
  EXPECT_EQ(command, R"({"id":8,"subscribe":{"channel":"a","delta":"fossil","flag":1}})");
}

// Unmasking by hand gives the payload back, in each of the three length forms.
TEST(LineTest, AMaskedFrameCarriesItsKeyAndLength) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65535U, 65536U}) {
    SCOPED_TRACE(size);
    std::string payload;
    for (std::size_t i = 0; i < size; ++i) payload += static_cast<char>('a' + i % 26);
    std::string frame;
    AppendMaskedFrame(1, payload, 0x04030201, frame);
    ASSERT_NE(frame[1] & 0x80, 0);
    std::string unmasked = frame;
    unmasked[1] = static_cast<char>(unmasked[1] & 0x7f);
    const FrameHeader header = ReadFrameHeader(unmasked);
    const std::size_t begin = header.header_bytes + 4;
    ASSERT_EQ(header.payload_bytes, size);
    ASSERT_EQ(frame.size(), begin + size);
    EXPECT_EQ(frame.substr(header.header_bytes, 4), "\x01\x02\x03\x04");
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_EQ(static_cast<char>(frame[begin + i] ^ "\x01\x02\x03\x04"[i % 4]), payload[i]) << i;
    }
  }
}

// The key and its answer are the sample of RFC 6455 section 1.3.
TEST(LineTest, AnUpgradeIsAcceptedOnlyWithItsAnswer) {
  const std::string request = UpgradeRequest("127.0.0.1:8000", "/connection/websocket");
  EXPECT_TRUE(
      request.starts_with("GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n"));
  EXPECT_TRUE(request.ends_with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
  const std::string accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
  EXPECT_TRUE(IsUpgraded("HTTP/1.1 101 Switching Protocols\r\n" + accept));
  EXPECT_FALSE(IsUpgraded("HTTP/1.1 200 OK\r\n" + accept));
  EXPECT_FALSE(IsUpgraded("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: other"));
}

}  // namespace
}  // namespace tickcast::loadgen
