#include "shards/framing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tickcast::shards {
namespace {

using protocol::Encoding;
using std::string_literals::operator""s;
using testing::ElementsAre;

std::string Framed(Transport transport, Encoding encoding,
                   const std::vector<std::string_view>& lines) {
  std::size_t bytes = 0;
  for (const std::string_view line : lines) bytes += line.size();
  // Exactly the bound, so that a sanitizer sees one byte more.
  std::vector<std::byte> memory(FramedBytesBound(transport, lines.size(), bytes));
  const std::span<std::byte> framed = FrameLines(transport, encoding, lines, memory);
  EXPECT_GE(framed.data(), memory.data());
  EXPECT_LE(framed.data() + framed.size(), memory.data() + memory.size());
  return {reinterpret_cast<const char*>(framed.data()), framed.size()};
}

TEST(FramingTest, AWebSocketMessageHoldsAllLines) {
  EXPECT_EQ(Framed(Transport::kWebSocket, Encoding::kJson, {"{}"}), "\x81\x02{}"s);
  EXPECT_EQ(Framed(Transport::kWebSocket, Encoding::kJson, {"{}", R"({"a":1})"}),
            "\x81\x0a{}\n{\"a\":1}"s);
  EXPECT_EQ(Framed(Transport::kWebSocket, Encoding::kProtobuf, {"\x01x", "\x02yz"}),
            "\x82\x05\x01x\x02yz"s);
}

// Plain readers of a unidirectional WebSocket take one message for one push.
TEST(FramingTest, AUnidirectionalWebSocketGetsAMessageForEachLine) {
  EXPECT_EQ(Framed(Transport::kUniWebSocket, Encoding::kJson, {"{}", "[1]"}),
            "\x81\x02{}\x81\x03[1]"s);
}

// RFC 9112 section 7.1: the size in hexadecimal digits, without what ends the chunk.
TEST(FramingTest, AStreamGetsOneChunkOfLines) {
  for (const Transport transport : {Transport::kHttpStream, Transport::kUniHttpStream}) {
    EXPECT_EQ(Framed(transport, Encoding::kJson, {"{}", R"({"a":1})"}), "b\r\n{}\n{\"a\":1}\n\r\n");
  }
  EXPECT_EQ(Framed(Transport::kHttpStream, Encoding::kProtobuf, {"\x01x", "\x02yz"}),
            "5\r\n\x01x\x02yz\r\n");
}

TEST(FramingTest, AnEventStreamGetsOneEventForEachLine) {
  for (const Transport transport : {Transport::kSse, Transport::kUniSse}) {
    EXPECT_EQ(Framed(transport, Encoding::kJson, {"{}", "[1]"}),
              "15\r\ndata: {}\n\ndata: [1]\n\n\r\n");
  }
}

TEST(FramingTest, SizesOfEveryLengthAreWrittenRight) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{14}, std::size_t{15}, std::size_t{125},
                                 std::size_t{126}, std::size_t{255}, std::size_t{4095},
                                 std::size_t{65535}, std::size_t{65536}, std::size_t{70000}}) {
    SCOPED_TRACE(size);
    const std::string line(size, 'x');
    char digits[20];
    std::snprintf(digits, sizeof(digits), "%zx", size + 1);
    EXPECT_EQ(Framed(Transport::kHttpStream, Encoding::kJson, {line}),
              digits + "\r\n"s + line + "\n\r\n");
    const std::string message = Framed(Transport::kWebSocket, Encoding::kJson, {line});
    EXPECT_EQ(message.substr(message.size() - size), line);
    EXPECT_EQ(message.size() - size, size < 126 ? 2u : size < 65536 ? 4u : 10u);
    EXPECT_EQ(Framed(Transport::kUniWebSocket, Encoding::kJson, {line}), message);
  }
}

TEST(FramingTest, RepliesAreSplitWhereTheyWereJoined) {
  std::vector<std::string_view> lines;
  SplitLines(Encoding::kJson, "{}\n[1]\n2", lines);
  EXPECT_THAT(lines, ElementsAre("{}", "[1]", "2"));
  lines.clear();
  SplitLines(Encoding::kJson, "{}", lines);
  EXPECT_THAT(lines, ElementsAre("{}"));
  lines.clear();
  SplitLines(Encoding::kProtobuf, "\x01\n\x01\n", lines);
  EXPECT_THAT(lines, ElementsAre("\x01\n\x01\n"));
}

TEST(FramingTest, AppendsWhatAnOutboxHolds) {
  std::string out = "head";
  AppendFramed(Transport::kSse, Encoding::kJson, "{}\n[1]", out);
  EXPECT_EQ(out, "head15\r\ndata: {}\n\ndata: [1]\n\n\r\n");
  out.clear();
  AppendFramed(Transport::kWebSocket, Encoding::kJson, "{}\n[1]", out);
  EXPECT_EQ(out, "\x81\x06{}\n[1]"s);
}

}  // namespace
}  // namespace tickcast::shards
