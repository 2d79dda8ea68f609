#include "protocol/delta/fossil.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/exchange/decoder.h"
#include "protocol/exchange/payload.h"
#include "protocol/websocket/utf8.h"
#include "tests/protocol/exchange/captures.h"

namespace tickcast::protocol {
namespace {

using testing::AnyOf;

std::string Delta(std::string_view base, std::string_view target) {
  // In blocks of exactly their size, so that the address sanitizer sees a byte read too far.
  const auto base_block = std::make_unique<char[]>(base.size());
  const auto target_block = std::make_unique<char[]>(target.size());
  base.copy(base_block.get(), base.size());
  target.copy(target_block.get(), target.size());
  static DeltaScratch scratch;
  std::string delta;
  AppendDelta({base_block.get(), base.size()}, {target_block.get(), target.size()}, delta, scratch);
  return delta;
}

bool IsUtf8(std::string_view text) {
  Utf8Checker checker;
  return checker.Feed(std::as_bytes(std::span(text))) && checker.complete();
}

// What the delta makes of the base, or "refused".
std::string Applied(std::string_view base, std::string_view delta) {
  const auto base_block = std::make_unique<char[]>(base.size());
  const auto delta_block = std::make_unique<char[]>(delta.size());
  base.copy(base_block.get(), base.size());
  delta.copy(delta_block.get(), delta.size());
  std::string out = "before ";
  const bool applied =
      ApplyDelta({base_block.get(), base.size()}, {delta_block.get(), delta.size()}, out);
  EXPECT_EQ(out.substr(0, 7), "before ") << "what was in `out` is kept";
  if (!applied) {
    EXPECT_EQ(out.size(), 7u) << "a refused delta leaves nothing behind";
    return "refused";
  }
  return out.substr(7);
}

TEST(FossilTest, CopiesWhatStaysAndInsertsWhatChanges) {
  EXPECT_EQ(Delta(R"({"seq":41,"price":"61837.6"})", R"({"seq":42,"price":"61837.6"})"),
            "S\n8@0,1:2J@9,IWfiO;");
}

TEST(FossilTest, OfEqualTextsIsOneCopy) {
  EXPECT_EQ(Delta("the same text", "the same text"), "D\nD@0,1xFZVy;");
}

TEST(FossilTest, OfEmptyTexts) {
  EXPECT_EQ(Delta("", ""), "0\n0;");
  EXPECT_EQ(Applied("", "0\n0;"), "");
  EXPECT_EQ(Delta("", "new"), "3\n3:new1jPNS0;");
  EXPECT_EQ(Applied("", Delta("", "new")), "new");
  EXPECT_EQ(Applied("gone", Delta("gone", "")), "");
}

// Made by the original, github.com/shadowspore/fossil-delta, which looks for 16 bytes at a time.
TEST(FossilTest, TakesWhatTheOriginalWrites) {
  constexpr std::string_view kBase =
      R"({"seq":1613277183873,"time":1619378326330,"price":"243.65","size":"0.08000012"})";
  constexpr std::string_view kTarget =
      R"({"seq":1613277183889,"time":1619378326430,"price":"243.65","size":"0.08000012"})";
  EXPECT_EQ(Applied(kBase, "1F\nI@0,L:89,\"time\":16193783264d@c,HN0BG;"), kTarget);
}

TEST(FossilTest, RefusesEveryDeltaThatIsCutShortOrHasMore) {
  const std::string base = R"({"seq":41,"price":"61837.6","bid":"61837.5"})";
  const std::string target = R"({"seq":42,"price":"61837.7","bid":"61837.5"})";
  const std::string delta = Delta(base, target);
  ASSERT_EQ(Applied(base, delta), target);
  for (std::size_t size = 0; size < delta.size(); ++size) {
    EXPECT_EQ(Applied(base, delta.substr(0, size)), "refused") << size << " bytes";
  }
  EXPECT_EQ(Applied(base, delta + ";"), "refused");
  EXPECT_EQ(Applied(base, delta + "\n"), "refused");
}

// Whatever one byte is turned into, the result is refused or the target all the same (a number may
// be written in two ways, and an inserted byte is what the checksum is there for).
TEST(FossilTest, NoChangedByteGivesAnotherText) {
  const std::string base = R"({"seq":41,"price":"61837.6","bid":"61837.5"})";
  const std::string target = R"({"seq":42,"price":"61837.7","bid":"61837.5"})";
  const std::string delta = Delta(base, target);
  for (std::size_t at = 0; at < delta.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = delta;
      changed[at] = static_cast<char>(byte);
      EXPECT_THAT(Applied(base, changed), AnyOf("refused", target)) << at << ": " << byte;
    }
  }
}

TEST(FossilTest, RefusesWhatIsMalformed) {
  constexpr std::string_view kBase = "0123456789";
  ASSERT_EQ(Applied(kBase, "A\nA@0,2ScrXf;"), kBase);
  for (const std::string_view delta : {
           "",
           "\n0;",                    // No size.
           "A",                       // Nothing behind it.
           "A;A@0,2ScrXf;",           // Not ended by a newline.
           "A\nA@0,;",                // No checksum.
           "A\nA@0,2ScrXg;",          // Another checksum.
           "B\nA@0,2ScrXf;",          // Another size.
           "9\nA@0,2ScrXf;",          // Less than is copied.
           "A\nA@02ScrXf;",           // A copy without its comma.
           "A\nA@,2ScrXf;",           // … without its offset.
           "A\n@0,2ScrXf;",           // … without its size.
           "A\nB@0,2ScrXf;",          // … over the end.
           "A\nA@1,2ScrXf;",          // … from too far behind.
           "A\n1@B,9@1,2ScrXf;",      // … from behind the end.
           "A\nA@3~~~~~,2ScrXf;",     // An offset that wraps round 32 bits with the size.
           "A\nA@0,2ScrXf2ScrXf;",    // More than 32 bits.
           "A\nA#0,2ScrXf;",          // An unknown command.
           "A\nB:01234567892ScrXf;",  // An insertion larger than what is left.
           "F~~~~\nA@0,2ScrXf;",      // A target of more than may be promised.
       }) {
    EXPECT_EQ(Applied(kBase, delta), "refused") << delta;
  }
}

TEST(FossilTest, APromiseOfALargeTargetTakesNoMemory) {
  std::string out;
  EXPECT_FALSE(ApplyDelta("0123456789", "~~~~\nA@0,2ScrXf;", out));
  EXPECT_LT(out.capacity(), 1000u);
}

// Insertions are whole characters, so that a delta can be carried in a JSON string.
TEST(FossilTest, OfUtf8IsUtf8) {
  const std::string_view words[] = {"ä", "ö", "ü", "€", "₤", "😀", "😁", "a", "\"price\":", "é"};
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string base, target;
    for (int word = 0; word < 20; ++word) {
      const std::string_view both = words[random() % std::size(words)];
      base += random() % 4 == 0 ? words[random() % std::size(words)] : both;
      target += random() % 4 == 0 ? words[random() % std::size(words)] : both;
    }
    const std::string delta = Delta(base, target);
    EXPECT_TRUE(IsUtf8(delta)) << base << "\n" << target << "\n" << delta;
    EXPECT_EQ(Applied(base, delta), target);
  }
}

// Texts over few letters have many equal stretches that overlap, repeat and end anywhere.
TEST(FossilTest, AppliedGivesTheTarget) {
  std::mt19937 random(2);
  for (int round = 0; round < 20000; ++round) {
    const int letters = 1 + static_cast<int>(random() % 5);
    std::string base(random() % 200, '\0');
    for (char& byte : base) byte = static_cast<char>('~' + random() % letters);
    std::string target = base;
    for (std::size_t edit = random() % 6; edit > 0; --edit) {
      const std::size_t at = random() % (target.size() + 1);
      const std::string piece =
          base.substr(base.empty() ? 0 : random() % base.size(), random() % 90);
      target.replace(at, random() % 30, piece + static_cast<char>(random()));
    }
    const std::string delta = Delta(base, target);
    ASSERT_EQ(Applied(base, delta), target) << "round " << round;
  }
}

// One repeated byte makes every stretch match everywhere, the worst that a payload can do to a
// writer of deltas. A quadratic one would take minutes here.
TEST(FossilTest, RepeatedBytesCostNoMore) {
  const std::string base = "<" + std::string(1 << 20, 'a') + ">";
  const std::string target = "(" + std::string((1 << 20) + 17, 'a') + ")";
  const std::string delta = Delta(base, target);
  EXPECT_LT(delta.size(), 60u);
  EXPECT_EQ(Applied(base, delta), target);
}

TEST(FossilTest, AllocatesNothingOnceItHasGrown) {
  const std::string base = R"({"seq":41,"price":"61837.6","bid":"61837.5"})";
  const std::string target = R"({"seq":42,"price":"61837.7","bid":"61837.5"})";
  DeltaScratch scratch;
  std::string out;
  AppendDelta(base, target, out, scratch);
  const std::size_t capacity = out.capacity();
  const char* const place = out.data();
  for (int round = 0; round < 100; ++round) {
    out.clear();
    AppendDelta(base, target, out, scratch);
  }
  EXPECT_EQ(out.capacity(), capacity);
  EXPECT_EQ(out.data(), place);
}

// The promise of the feature: recorded tickers, each against the one before of its symbol, take
// less than 40 % of their bytes.
TEST(FossilTest, RecordedTickersTakeTwoFifthsAtMost) {
  const Capture capture = Capture::Read("kucoin/kucoin_spot_20210425");
  const auto frames = capture.FramesWith("trade.ticker");
  if (frames.empty()) GTEST_SKIP() << "the capture is not there (TICKCAST_CAPTURES)";
  const std::unique_ptr<Decoder> decoder = MakeDecoder("kucoin");
  std::unordered_map<std::string, std::string> last;
  Event event;
  std::size_t full_bytes = 0, delta_bytes = 0;
  for (const std::string_view frame : frames) {
    ASSERT_EQ(decoder->Decode(PaddedFrame(frame), event), Outcome::kTicker);
    std::string payload;
    AppendTickerPayload(event.ticker, payload);
    std::string& base = last[std::string(event.ticker.symbol)];
    if (!base.empty()) {
      const std::string delta = Delta(base, payload);
      ASSERT_EQ(Applied(base, delta), payload);
      full_bytes += payload.size();
      delta_bytes += delta.size();
    }
    base = payload;
  }
  EXPECT_GT(full_bytes, 100'000u);
  EXPECT_LT(delta_bytes * 10, full_bytes * 4) << delta_bytes << " of " << full_bytes;
}

}  // namespace
}  // namespace tickcast::protocol
