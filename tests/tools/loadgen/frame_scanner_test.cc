#include "tools/loadgen/frame_scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace tickcast::loadgen {
namespace {

using Messages = std::vector<std::pair<Opcode, std::string>>;

std::string Frame(int first, const std::string& payload) {
  std::string frame(1, static_cast<char>(first));
  if (payload.size() < 126) {
    frame += static_cast<char>(payload.size());
  } else if (payload.size() <= 0xffff) {
    frame += {126, static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())};
  } else {
    frame += 127;
    for (int shift = 56; shift >= 0; shift -= 8)
      frame += static_cast<char>(payload.size() >> shift);
  }
  return frame + payload;
}

// The messages of `wire` when reads end after each of `sizes` and the rest comes last.
Messages ScanInPieces(const std::string& wire, const std::vector<std::size_t>& sizes,
                      bool* legal = nullptr) {
  Messages messages;
  Unfinished unfinished;
  std::string_view rest = wire;
  bool all_legal = true;
  const auto scan = [&](std::string_view piece) {
    all_legal =
        all_legal && ScanFrames(unfinished, piece, [&](Opcode opcode, std::string_view text) {
          messages.emplace_back(opcode, text);
          return true;
        });
  };
  for (const std::size_t size : sizes) {
    scan(rest.substr(0, size));
    rest.remove_prefix(std::min(size, rest.size()));
  }
  scan(rest);
  if (legal != nullptr) *legal = all_legal;
  return messages;
}

std::string Conversation() {
  return Frame(0x81, R"({"id":1,"connect":{}})") + Frame(0x89, "are you there") + Frame(0x81, "") +
         Frame(0x81, std::string(126, 'b')) + Frame(0x01, "frag") + Frame(0x8a, "") +
         Frame(0x00, "men") + Frame(0x80, "ted") + Frame(0x82, std::string(300, 'c')) +
         Frame(0x88, "\x03\xe8");
}

const Messages& Expected() {
  static const Messages expected = {{Opcode::kText, R"({"id":1,"connect":{}})"},
                                    {Opcode::kPing, "are you there"},
                                    {Opcode::kText, ""},
                                    {Opcode::kText, std::string(126, 'b')},
                                    {Opcode::kPong, ""},
                                    {Opcode::kText, "fragmented"},
                                    {Opcode::kBinary, std::string(300, 'c')},
                                    {Opcode::kClose, "\x03\xe8"}};
  return expected;
}

TEST(FrameScannerTest, AWholeConversationIsHandedOutInOrder) {
  EXPECT_EQ(ScanInPieces(Conversation(), {}), Expected());
}

// TCP keeps no boundaries: nothing may depend on where a read ends.
TEST(FrameScannerTest, MessagesDoNotDependOnWhereAReadEnds) {
  const std::string wire = Conversation();
  for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
    ASSERT_EQ(ScanInPieces(wire, {cut}), Expected()) << "cut at byte " << cut;
    ASSERT_EQ(ScanInPieces(wire, {cut / 2, cut - cut / 2}), Expected()) << "cut at " << cut;
  }
  EXPECT_EQ(ScanInPieces(wire, std::vector<std::size_t>(wire.size(), 1)), Expected());
}

TEST(FrameScannerTest, EveryLengthFormWorksOnBothSidesOfItsLimit) {
  for (const std::size_t size : {0U, 125U, 126U, 127U, 65535U, 65536U, 70000U}) {
    const std::string wire = Frame(0x81, std::string(size, 'x')) + Frame(0x81, "next");
    const Messages messages = ScanInPieces(wire, {1, 2, 8, 1000});
    ASSERT_EQ(messages.size(), 2U) << size;
    EXPECT_EQ(messages[0].second.size(), size);
    EXPECT_EQ(messages[1].second, "next");
  }
}

TEST(FrameScannerTest, WhatAServerMayNotSendIsAViolation) {
  const std::string masked("\x81\x82\x01\x02\x03\x04xy", 8);
  const std::string reserved = Frame(0xc1, "x");
  const std::string unknown = Frame(0x83, "x");
  const std::string huge("\x81\x7f\x00\x00\x00\x00\x04\x00\x00\x01", 10);
  for (const std::string& wire : {masked, reserved, unknown, huge}) {
    bool legal = true;
    EXPECT_TRUE(ScanInPieces(wire, {}, &legal).empty());
    EXPECT_FALSE(legal);
    legal = true;
    ScanInPieces(wire, std::vector<std::size_t>(wire.size(), 1), &legal);
    EXPECT_FALSE(legal);
  }
}

TEST(FrameScannerTest, AFinishedReadLeavesNothingBehind) {
  Unfinished unfinished;
  const auto ignore = [](Opcode, std::string_view) { return true; };
  const std::string frame = Frame(0x81, "hello");
  EXPECT_TRUE(ScanFrames(unfinished, frame + frame.substr(0, 3), ignore));
  EXPECT_EQ(unfinished.bytes.size(), 3U);
  EXPECT_TRUE(ScanFrames(unfinished, frame.substr(3), ignore));
  EXPECT_TRUE(unfinished.bytes.empty());
  EXPECT_TRUE(unfinished.fragments.empty());
}

TEST(FrameScannerTest, AHandlerThatStopsGetsNoMore) {
  Unfinished unfinished;
  int messages = 0;
  EXPECT_TRUE(ScanFrames(unfinished, Frame(0x81, "one") + Frame(0x81, "two"),
                         [&](Opcode, std::string_view) { return ++messages < 1; }));
  EXPECT_EQ(messages, 1);
}

}  // namespace
}  // namespace tickcast::loadgen
