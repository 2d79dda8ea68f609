#include "protocol/websocket/frame_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/protocol/websocket/frame_events.h"
#include "tests/protocol/websocket/frames.h"

namespace tickcast::protocol {
namespace {

using Kind = FrameEvent::Kind;

std::string_view Bytes(const char* text, std::size_t size) { return {text, size}; }

// The samples of RFC 6455 section 5.7, and what is easy to get wrong.
struct Conversation {
  std::string name;
  Role role = Role::kServer;
  std::string wire;
  FrameEvents expected;
};

std::vector<Conversation> SampleConversations() {
  const std::string long256(256, 'b');
  const std::string long64k(65536, 'c');
  const std::string euro = "\xE2\x82\xAC";
  std::vector<Conversation> samples = {
      {"unmasked text", Role::kClient, "\x81\x05Hello", {{{Kind::kText, "Hello"}}}},
      {"masked text",
       Role::kServer,
       std::string(Bytes("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11)),
       {{{Kind::kText, "Hello"}}}},
      {"fragmented unmasked text",
       Role::kClient,
       std::string(Bytes("\x01\x03Hel\x80\x02lo", 9)),
       {{{Kind::kText, "Hello"}}}},
      {"unmasked ping", Role::kClient, "\x89\x05Hello", {{{Kind::kPing, "Hello"}}}},
      {"masked pong",
       Role::kServer,
       std::string(Bytes("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11)),
       {{{Kind::kPong, "Hello"}}}},
      {"256 bytes, unmasked",
       Role::kClient,
       std::string(Bytes("\x82\x7E\x01\x00", 4)) + long256,
       {{{Kind::kBinary, long256}}}},
      {"64 KiB, unmasked",
       Role::kClient,
       std::string(Bytes("\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00", 10)) + long64k,
       {{{Kind::kBinary, long64k}}}},
  };
  samples.push_back(
      {"empty messages and control frames",
       Role::kServer,
       Masked(0x81, "") + Masked(0x82, "") + Masked(0x89, "") + Masked(0x8A, ""),
       {{{Kind::kText, ""}, {Kind::kBinary, ""}, {Kind::kPing, ""}, {Kind::kPong, ""}}}});
  samples.push_back(
      {"control frames between fragments",
       Role::kServer,
       Masked(0x01, "a") + Masked(0x89, "1") + Masked(0x00, "b") + Masked(0x8A, "2") +
           Masked(0x00, "") + Masked(0x80, "c") + Masked(0x82, "d"),
       {{{Kind::kPing, "1"}, {Kind::kPong, "2"}, {Kind::kText, "abc"}, {Kind::kBinary, "d"}}}});
  samples.push_back({"empty fragments",
                     Role::kServer,
                     Masked(0x02, "") + Masked(0x00, "") + Masked(0x80, "") + Masked(0x81, "x"),
                     {{{Kind::kBinary, ""}, {Kind::kText, "x"}}}});
  samples.push_back({"a character over three fragments",
                     Role::kServer,
                     Masked(0x01, euro.substr(0, 1)) + Masked(0x00, euro.substr(1, 1)) +
                         Masked(0x80, euro.substr(2)),
                     {{{Kind::kText, euro}}}});
  samples.push_back({"binary is no text",
                     Role::kServer,
                     Masked(0x82, "\xFF\xC0"),
                     {{{Kind::kBinary, "\xFF\xC0"}}}});
  samples.push_back({"lengths around 126",
                     Role::kServer,
                     Masked(0x82, std::string(125, '1')) + Masked(0x82, std::string(126, '2')) +
                         Masked(0x89, std::string(125, '3')),
                     {{{Kind::kBinary, std::string(125, '1')},
                       {Kind::kBinary, std::string(126, '2')},
                       {Kind::kPing, std::string(125, '3')}}}});
  samples.push_back(
      {"close without a code", Role::kServer, Masked(0x88, ""), {{{Kind::kClose, "", 1005}}}});
  samples.push_back({"close with a reason amid a message",
                     Role::kServer,
                     Masked(0x01, "a") + Masked(0x88, "\x03\xE8" + euro),
                     {{{Kind::kClose, euro, 1000}}}});
  samples.push_back(
      {"text that is wrong behind an event",
       Role::kServer,
       Masked(0x81, "a") + Masked(0x01, "b\xE2") + Masked(0x80, "\x28") + Masked(0x81, "never"),
       {{{Kind::kText, "a"}}, 1007}});
  samples.push_back({"reserved opcode behind a ping",
                     Role::kServer,
                     Masked(0x89, "a") + Masked(0x83, "b"),
                     {{{Kind::kPing, "a"}}, 1002}});
  return samples;
}

FrameParser ParserOf(const Conversation& sample) { return FrameParser(sample.role, 65536); }

// A TCP stream keeps no message boundaries, so nothing may depend on where a read happened to end.
// Each sample is parsed whole, then cut at every byte.
TEST(FrameParserTest, EventsDoNotDependOnWhereAReadEnds) {
  for (const Conversation& sample : SampleConversations()) {
    SCOPED_TRACE(sample.name);
    EXPECT_EQ(ParseWhole(ParserOf(sample), sample.wire), sample.expected);
    EXPECT_EQ(ParseByteByByte(ParserOf(sample), sample.wire), sample.expected);
    // Of the longest, a payload's inside is cut here and there only.
    const std::size_t step = sample.wire.size() > 4096 ? 509 : 1;
    for (std::size_t cut = 0; cut <= sample.wire.size(); cut += cut < 32 ? 1 : step) {
      EXPECT_EQ(ParseInPieces(ParserOf(sample), sample.wire, {cut}), sample.expected)
          << "cut at byte " << cut;
    }
  }
}

TEST(FrameParserTest, EventsDoNotDependOnRandomPieces) {
  std::mt19937 random(1);
  for (const Conversation& sample : SampleConversations()) {
    SCOPED_TRACE(sample.name);
    for (int round = 0; round < 100; ++round) {
      const std::size_t longest = sample.wire.size() > 4096 ? 9000 : 12;
      std::vector<std::size_t> sizes;
      for (std::size_t sum = 0; sum < sample.wire.size(); sum += sizes.back()) {
        sizes.push_back(random() % longest);
      }
      ASSERT_EQ(ParseInPieces(ParserOf(sample), sample.wire, sizes), sample.expected);
    }
  }
}

TEST(FrameParserTest, AWholeMessageIsHandedOutInPlace) {
  std::string wire = Masked(0x81, "abc") + Masked(0x89, "p") + Masked(0x82, "d");
  std::span<std::byte> bytes = std::as_writable_bytes(std::span(wire));
  const std::byte* const begin = bytes.data();
  FrameParser parser;
  FrameEvent event;
  ASSERT_EQ(parser.Next(bytes, event), FrameParser::Verdict::kEvent);
  EXPECT_EQ(event.payload.data(), begin + 6);
  EXPECT_EQ(wire.substr(6, 3), "abc");
  // One event per call, and the bytes move on by its frame.
  EXPECT_EQ(bytes.data(), begin + 9);
  ASSERT_EQ(parser.Next(bytes, event), FrameParser::Verdict::kEvent);
  EXPECT_EQ(event.kind, Kind::kPing);
  ASSERT_EQ(parser.Next(bytes, event), FrameParser::Verdict::kEvent);
  EXPECT_EQ(event.kind, Kind::kBinary);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(parser.Next(bytes, event), FrameParser::Verdict::kNeedMore);
}

TEST(FrameParserTest, ACollectedPayloadHasReadableBytesBehindIt) {
  for (const std::uint8_t first : {0x81, 0x82, 0x89}) {
    const std::string wire = Masked(first, std::string(125, 'x'));
    for (std::size_t cut = 1; cut < wire.size(); ++cut) {
      FrameParser parser;
      FrameEvents seen;
      ParsePiece(parser, std::string_view(wire).substr(0, cut), seen);
      std::string rest = wire.substr(cut);
      std::span<std::byte> bytes = std::as_writable_bytes(std::span(rest));
      FrameEvent event;
      ASSERT_EQ(parser.Next(bytes, event), FrameParser::Verdict::kEvent);
      if (cut <= 6) continue;  // Only the header was in parts: in place.
      // Read for the sanitizers; what they hold is not said.
      const std::byte* const slack = event.payload.data() + event.payload.size();
      ASSERT_GE(std::to_integer<int>(slack[0]) +
                    std::to_integer<int>(slack[FrameParser::kSlackBytes - 1]),
                0);
    }
  }
}

TEST(FrameParserTest, AMovedParserGoesOn) {
  const std::string wire = Masked(0x01, "ab") + Masked(0x80, "cd");
  FrameParser parser;
  FrameEvents seen;
  ParsePiece(parser, std::string_view(wire).substr(0, 9), seen);
  FrameParser moved = std::move(parser);
  ParsePiece(moved, std::string_view(wire).substr(9), seen);
  EXPECT_EQ(seen, (FrameEvents{{{Kind::kText, "abcd"}}}));
}

TEST(FrameParserTest, StaysFailed) {
  FrameParser parser;
  EXPECT_EQ(parser.close_code(), 0);
  FrameEvents seen;
  ParsePiece(parser, Masked(0x83, ""), seen);
  EXPECT_EQ(parser.close_code(), 1002);
  ParsePiece(parser, Masked(0x81, "x"), seen);
  ParsePiece(parser, "", seen);
  EXPECT_EQ(seen, (FrameEvents{{}, 1002}));
}

}  // namespace
}  // namespace tickcast::protocol
