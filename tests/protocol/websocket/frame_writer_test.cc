#include "protocol/websocket/frame_writer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/protocol/websocket/frame_events.h"

namespace tickcast::protocol {
namespace {

std::string ServerFrame(Opcode opcode, std::string_view payload) {
  std::string out;
  AppendServerFrame(opcode, payload, out);
  return out;
}

TEST(FrameWriterTest, WritesTheSamplesOfTheRfc) {
  EXPECT_EQ(ServerFrame(Opcode::kText, "Hello"), "\x81\x05Hello");
  EXPECT_EQ(ServerFrame(Opcode::kPing, "Hello"), "\x89\x05Hello");
  const std::string long256(256, 'x');
  EXPECT_EQ(ServerFrame(Opcode::kBinary, long256), std::string("\x82\x7E\x01\x00", 4) + long256);
  const std::string long64k(65536, 'x');
  EXPECT_EQ(ServerFrame(Opcode::kBinary, long64k),
            std::string("\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00", 10) + long64k);

  std::string masked = "before|";
  AppendClientFrame(Opcode::kText, "Hello", {0x37, 0xfa, 0x21, 0x3d}, masked);
  EXPECT_EQ(masked, "before|" + std::string("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11));
}

TEST(FrameWriterTest, LengthsHaveTheirShortestForm) {
  EXPECT_EQ(FrameHeaderBytes(0, false), 2u);
  EXPECT_EQ(FrameHeaderBytes(125, false), 2u);
  EXPECT_EQ(FrameHeaderBytes(126, false), 4u);
  EXPECT_EQ(FrameHeaderBytes(65535, false), 4u);
  EXPECT_EQ(FrameHeaderBytes(65536, false), kMaxServerHeaderBytes);
  EXPECT_EQ(FrameHeaderBytes(65536, true), kMaxClientHeaderBytes);
  EXPECT_EQ(FrameHeaderBytes(0, true), 6u);
}

// A strict parser of the other side takes what is written, and gives it back.
TEST(FrameWriterTest, TheOtherSideReadsWhatIsWritten) {
  for (const std::size_t bytes : {0u, 1u, 125u, 126u, 127u, 65535u, 65536u, 70001u}) {
    const std::string payload(bytes, 'x');
    const FrameEvents expected = {{{FrameEvent::Kind::kText, payload}}};
    std::string server;
    AppendTextFrame(payload, server);
    EXPECT_EQ(ParseWhole(FrameParser(Role::kClient, 1 << 20), server), expected);
    std::string client;
    AppendClientFrame(Opcode::kText, payload, {1, 2, 3, 250}, client);
    EXPECT_EQ(ParseWhole(FrameParser(Role::kServer, 1 << 20), client), expected);
  }
}

TEST(FrameWriterTest, AHeaderIsWrittenRightBeforeItsPayload) {
  for (const std::size_t bytes : {0u, 125u, 126u, 65535u, 65536u}) {
    const std::string payload(bytes, 'x');
    std::string room(kMaxClientHeaderBytes, '?');
    room += payload;
    auto* const at = reinterpret_cast<std::byte*>(room.data()) + kMaxClientHeaderBytes;
    const std::size_t server = WriteServerTextHeader(bytes, at);
    EXPECT_EQ(room.substr(kMaxClientHeaderBytes - server), ServerFrame(Opcode::kText, payload));
    EXPECT_EQ(room.substr(0, kMaxClientHeaderBytes - server),
              std::string(kMaxClientHeaderBytes - server, '?'));

    const MaskingKey mask = {9, 8, 7, 6};
    const std::size_t client = WriteClientHeader(Opcode::kBinary, bytes, mask, at);
    std::string expected;
    AppendClientFrame(Opcode::kBinary, payload, mask, expected);
    EXPECT_EQ(room.substr(kMaxClientHeaderBytes - client), expected);
  }
}

std::string CloseFrame(std::uint16_t code, std::string_view reason) {
  std::string out;
  AppendCloseFrame(code, reason, out);
  return out;
}

TEST(FrameWriterTest, ACloseFrameHasItsCodeAndReason) {
  EXPECT_EQ(CloseFrame(1000, ""), std::string("\x88\x02\x03\xE8", 4));
  EXPECT_EQ(CloseFrame(3001, "shutdown"), std::string("\x88\x0A\x0B\xB9", 4) + "shutdown");
  EXPECT_EQ(CloseFrame(1005, "not sent"), std::string("\x88\x00", 2));
}

TEST(FrameWriterTest, ALongReasonIsCutBetweenCharacters) {
  const auto reason_of = [](std::string_view reason) {
    const FrameEvents seen = ParseWhole(FrameParser(Role::kClient), CloseFrame(4000, reason));
    EXPECT_EQ(seen.violation, 0);
    EXPECT_EQ(seen.events.size(), 1u);
    return seen.events.empty() ? "?" : seen.events[0].payload;
  };
  const std::string most(123, 'x');
  EXPECT_EQ(reason_of(most), most);
  EXPECT_EQ(reason_of(most + "x"), most);
  for (const std::string_view character : {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    // The character ends at byte 123, then later and later.
    for (std::size_t over = 0; over <= character.size(); ++over) {
      const std::string before(123 - character.size() + over, 'x');
      const std::string text = before + std::string(character);
      EXPECT_EQ(reason_of(text + "tail"), over == 0 ? text : before);
    }
  }
}

TEST(FrameWriterTest, MaskingInPiecesIsMaskingAtOnce) {
  std::mt19937 random(7);
  const MaskingKey mask = {0x11, 0x22, 0x44, 0x88};
  for (int round = 0; round < 300; ++round) {
    std::string text(random() % 100, 'x');
    for (char& c : text) c = static_cast<char>(random());
    std::string expected = text;
    for (std::size_t i = 0; i < text.size(); ++i) {
      expected[i] = static_cast<char>(static_cast<std::uint8_t>(text[i]) ^ mask[i % 4]);
    }
    std::string pieces = text;
    std::span<std::byte> left = std::as_writable_bytes(std::span(pieces));
    std::uint32_t phase = 0;
    while (!left.empty()) {
      const std::size_t bytes = std::min<std::size_t>(random() % 30, left.size());
      phase = ApplyMask(left.first(bytes), mask, phase);
      left = left.subspan(bytes);
    }
    ASSERT_EQ(pieces, expected);
    ASSERT_EQ(phase, text.size() % 4);
  }
}

#ifndef NDEBUG
TEST(FrameWriterDeathTest, AControlFrameHoldsAtMost125Bytes) {
  EXPECT_EQ(ServerFrame(Opcode::kPing, std::string(125, 'x')).size(), 127u);
  EXPECT_DEATH(ServerFrame(Opcode::kPing, std::string(126, 'x')), "kMaxControlPayloadBytes");
}
#endif

}  // namespace
}  // namespace tickcast::protocol
