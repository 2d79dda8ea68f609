// What a FrameParser refuses, and the close code it names; every limit on both sides.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "protocol/websocket/frame_parser.h"
#include "tests/protocol/websocket/frame_events.h"
#include "tests/protocol/websocket/frames.h"

namespace tickcast::protocol {
namespace {

using Kind = FrameEvent::Kind;

// The close code that `wire` ends with, however it is cut; 0 = none.
std::uint16_t CodeOf(std::string_view wire, Role role = Role::kServer,
                     std::uint32_t max_message_bytes = 65536) {
  const FrameEvents whole = ParseWhole(FrameParser(role, max_message_bytes), wire);
  EXPECT_EQ(ParseByteByByte(FrameParser(role, max_message_bytes), wire), whole);
  return whole.violation;
}

// How many bytes must have come before the violation is seen.
std::size_t SeenAfter(std::string_view wire, std::uint32_t max_message_bytes = 65536) {
  FrameParser parser(Role::kServer, max_message_bytes);
  FrameEvents seen;
  for (std::size_t bytes = 1; bytes <= wire.size(); ++bytes) {
    ParsePiece(parser, wire.substr(bytes - 1, 1), seen);
    if (seen.violation != 0) return bytes;
  }
  return 0;
}

TEST(FrameParserLimitsTest, EachRoleExpectsTheOthersMasking) {
  const std::string masked = Wire({.payload = "a", .masked = true});
  const std::string unmasked = Wire({.payload = "a", .masked = false});
  EXPECT_EQ(CodeOf(masked, Role::kServer), 0);
  EXPECT_EQ(CodeOf(unmasked, Role::kServer), 1002);
  EXPECT_EQ(CodeOf(unmasked, Role::kClient), 0);
  EXPECT_EQ(CodeOf(masked, Role::kClient), 1002);
  EXPECT_EQ(CodeOf(Wire({.first = 0x89, .masked = false}), Role::kServer), 1002);
}

TEST(FrameParserLimitsTest, ReservedBitsAreAViolation) {
  for (const std::uint8_t rsv : {0x40, 0x20, 0x10, 0x70}) {
    for (const std::uint8_t first : {0x81, 0x82, 0x01, 0x88, 0x89, 0x8A}) {
      EXPECT_EQ(CodeOf(Masked(static_cast<std::uint8_t>(first | rsv), "")), 1002);
    }
  }
}

TEST(FrameParserLimitsTest, ReservedOpcodesAreAViolation) {
  for (std::uint8_t opcode = 0; opcode < 16; ++opcode) {
    const bool known = opcode == 1 || opcode == 2 || (opcode >= 8 && opcode <= 10);
    EXPECT_EQ(CodeOf(Masked(static_cast<std::uint8_t>(0x80 | opcode), "")), known ? 0 : 1002)
        << int{opcode};
    EXPECT_EQ(SeenAfter(Masked(static_cast<std::uint8_t>(0x80 | opcode), "")), known ? 0u : 2u);
  }
}

TEST(FrameParserLimitsTest, LengthsMustHaveTheirShortestForm) {
  const auto code_of = [](std::size_t bytes, int length_bytes) {
    const std::string payload(bytes, 'x');
    return CodeOf(Wire({.first = 0x82, .payload = payload, .length_bytes = length_bytes}),
                  Role::kServer, 1 << 20);
  };
  EXPECT_EQ(code_of(0, 2), 1002);
  EXPECT_EQ(code_of(125, 2), 1002);
  EXPECT_EQ(code_of(126, 2), 0);
  EXPECT_EQ(code_of(65535, 2), 0);
  EXPECT_EQ(code_of(0, 8), 1002);
  EXPECT_EQ(code_of(125, 8), 1002);
  EXPECT_EQ(code_of(65535, 8), 1002);
  EXPECT_EQ(code_of(65536, 8), 0);
}

TEST(FrameParserLimitsTest, TheTopBitOfALengthIsReserved) {
  EXPECT_EQ(CodeOf(MaskedHeader(0x82, std::uint64_t{1} << 63)), 1002);
  EXPECT_EQ(CodeOf(MaskedHeader(0x82, (std::uint64_t{1} << 63) - 1)), 1009);
}

TEST(FrameParserLimitsTest, ControlFramesAreShortAndWhole) {
  for (const std::uint8_t opcode : {0x9, 0xA}) {
    const auto whole = static_cast<std::uint8_t>(0x80 | opcode);
    EXPECT_EQ(CodeOf(Masked(whole, std::string(125, 'x'))), 0);
    EXPECT_EQ(CodeOf(Masked(whole, std::string(126, 'x'))), 1002);
    EXPECT_EQ(SeenAfter(Masked(whole, std::string(126, 'x'))), 2u);
    EXPECT_EQ(CodeOf(Masked(opcode, "x")), 1002);
  }
  EXPECT_EQ(CodeOf(Masked(0x88, "\x03\xE8" + std::string(123, 'x'))), 0);
  EXPECT_EQ(CodeOf(Masked(0x88, "\x03\xE8" + std::string(124, 'x'))), 1002);
  EXPECT_EQ(CodeOf(Masked(0x08, "")), 1002);
  // Their length is no message's: a small limit of those does not touch them.
  EXPECT_EQ(CodeOf(Masked(0x89, std::string(125, 'x')), Role::kServer, 1), 0);
}

TEST(FrameParserLimitsTest, FragmentsComeInOrder) {
  EXPECT_EQ(CodeOf(Masked(0x80, "a")), 1002);
  EXPECT_EQ(CodeOf(Masked(0x00, "a")), 1002);
  EXPECT_EQ(CodeOf(Masked(0x01, "a") + Masked(0x81, "b")), 1002);
  EXPECT_EQ(CodeOf(Masked(0x01, "a") + Masked(0x02, "b")), 1002);
  EXPECT_EQ(CodeOf(Masked(0x01, "a") + Masked(0x80, "b") + Masked(0x80, "c")), 1002);
  EXPECT_EQ(CodeOf(Masked(0x01, "") + Masked(0x01, "")), 1002);
  EXPECT_EQ(CodeOf(Masked(0x01, "a") + Masked(0x00, "b") + Masked(0x80, "c") + Masked(0x81, "")),
            0);
}

TEST(FrameParserLimitsTest, TextIsUtf8) {
  for (const std::string_view text :
       {"\xE2\x82", "\xC0\x80", "\xED\xA0\x80", "a\xFF", "\xF4\x90"}) {
    EXPECT_EQ(CodeOf(Masked(0x81, text)), 1007);
    EXPECT_EQ(CodeOf(Masked(0x01, text) + Masked(0x80, "")), 1007);
  }
}

// Not only when the message ends, nor when its frame does.
TEST(FrameParserLimitsTest, InvalidTextFailsWithItsFirstWrongByte) {
  const std::string frame = Masked(0x81, "abc\xF4\x90zzzzzz");
  EXPECT_EQ(SeenAfter(frame), 6u + 5u);
  const std::string first = Masked(0x01, "abc\xE2");
  EXPECT_EQ(SeenAfter(first + Masked(0x00, "\x28zz") + Masked(0x80, "")), first.size() + 6 + 1);
}

TEST(FrameParserLimitsTest, CloseFramesSayWhatTheyMay) {
  const auto code_of = [](unsigned code, std::string_view reason = "") {
    const std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
    return CodeOf(Masked(0x88, payload + std::string(reason)));
  };
  for (unsigned code = 0; code <= 65535; ++code) {
    const bool valid =
        (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
        (code >= 3000 && code <= 4999);
    ASSERT_EQ(code_of(code), valid ? 0 : 1002) << code;
  }
  EXPECT_EQ(CodeOf(Masked(0x88, "\x03")), 1002);
  EXPECT_EQ(code_of(1000, "caf\xC3\xA9"), 0);
  EXPECT_EQ(code_of(1000, "caf\xC3"), 1007);
  EXPECT_EQ(code_of(999, "caf\xC3"), 1002);
}

TEST(FrameParserLimitsTest, AMessageOverTheLimitFailsAtItsHeader) {
  for (const std::uint32_t limit : {1u, 125u, 126u, 65535u, 65536u, 64u << 20}) {
    SCOPED_TRACE(limit);
    for (const std::uint8_t first : {0x81, 0x82, 0x02}) {
      EXPECT_EQ(CodeOf(MaskedHeader(first, limit), Role::kServer, limit), 0);
      EXPECT_EQ(CodeOf(MaskedHeader(first, limit + 1), Role::kServer, limit), 1009);
    }
    // Of the fragments together.
    EXPECT_EQ(CodeOf(Masked(0x02, "x") + MaskedHeader(0x80, limit - 1), Role::kServer, limit), 0);
    EXPECT_EQ(CodeOf(Masked(0x02, "x") + MaskedHeader(0x80, limit), Role::kServer, limit), 1009);
    EXPECT_EQ(CodeOf(Masked(0x02, "x") + MaskedHeader(0x00, limit), Role::kServer, limit), 1009);
  }
}

TEST(FrameParserLimitsTest, TheLimitBeginsAnewWithEveryMessage) {
  const std::string wire = Masked(0x02, "abc") + Masked(0x89, "pingpong") + Masked(0x80, "d") +
                           Masked(0x82, "efgh") + Masked(0x01, "ij") + Masked(0x80, "kl");
  EXPECT_EQ(CodeOf(wire, Role::kServer, 4), 0);
  EXPECT_EQ(CodeOf(wire, Role::kServer, 3), 1009);
}

TEST(FrameParserLimitsTest, TakesAMessageOf64KiBAndNoByteMore) {
  const std::string most(65536, 'x');
  const FrameEvents seen = ParseWhole(FrameParser(), Masked(0x81, most));
  EXPECT_EQ(seen, (FrameEvents{{{Kind::kText, most}}}));
  EXPECT_EQ(ParseByteByByte(FrameParser(), Masked(0x81, most)), seen);
  EXPECT_EQ(CodeOf(Masked(0x81, most + "x")), 1009);
}

// The echo endpoint's limit. Text of three bytes a character, in reads of an odd size.
TEST(FrameParserLimitsTest, TakesAMessageOf64MiB) {
  constexpr std::uint32_t kLimit = 64 << 20;
  std::string text;
  text.reserve(kLimit);
  while (text.size() + 3 <= kLimit) text += "\xE2\x82\xAC";
  text.resize(kLimit, 'x');
  const std::string wire = Masked(0x81, text);
  FrameParser parser(Role::kServer, kLimit);
  FrameEvents seen;
  for (std::size_t at = 0; at < wire.size(); at += 16381) {
    ParsePiece(parser, std::string_view(wire).substr(at, 16381), seen);
  }
  ASSERT_EQ(seen.violation, 0);
  ASSERT_EQ(seen.events.size(), 1u);
  EXPECT_TRUE(seen.events[0].payload == text);
}

}  // namespace
}  // namespace tickcast::protocol
