#include "shards/feeds/capture_cutter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/shards/feeds/scratch_file.h"

namespace tickcast::shards {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Line = std::pair<std::uint64_t, std::string>;

struct Cut {
  absl::Status opened;
  std::vector<Line> lines;
  absl::Status end;
  std::size_t block_count = 0;
};

void Collect(CaptureCutter& cutter, Cut& cut) {
  for (bool last = false; !last;) {
    const auto block = cutter.Next();
    ++cut.block_count;
    for (const CaptureFrame& frame : block->frames) {
      cut.lines.emplace_back(frame.receive_ns, block->Text(frame));
      // Readable, as promised: the address sanitizer knows where the block ends.
      volatile char last_padding =
          block->Text(frame).data()[frame.length_bytes + CaptureBlock::kPaddingBytes - 1];
      static_cast<void>(last_padding);
    }
    last = block->last;
    cut.end = block->end;
  }
}

Cut CutFile(const std::string& path) {
  Cut cut;
  auto cutter = CaptureCutter::Open(path);
  cut.opened = cutter.status();
  if (cutter.ok()) Collect(**cutter, cut);
  return cut;
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// Frames of many lengths that do not compress to nothing, `total_bytes` of text or a little more.
std::vector<Line> SampleLines(std::size_t total_bytes) {
  std::mt19937_64 random(7);
  std::vector<Line> lines;
  for (std::size_t bytes = 0; bytes < total_bytes; bytes += lines.back().second.size() + 22) {
    std::string frame = "{\"n\":";
    for (auto digits = random() % 20; digits-- > 0;) frame += std::to_string(random());
    lines.emplace_back(1'700'000'000'000'000'000 + lines.size() * 1000, frame + "}");
  }
  return lines;
}

std::string Text(const std::vector<Line>& lines) {
  std::string text;
  for (const auto& [receive_ns, frame] : lines) {
    text += std::to_string(receive_ns) + " " + frame + "\n";
  }
  return text;
}

TEST(CaptureCutterTest, ReadsPlainTextAndGzipAlike) {
  const std::vector<Line> lines = SampleLines(3 * CaptureCutter::kBlockBytes);
  const ScratchFile plain(".frames", Text(lines));
  const ScratchFile packed(".frames.gz", Gzip(Text(lines)));
  const ScratchFile unnamed(".frames", Gzip(Text(lines)));
  for (const ScratchFile* file : {&plain, &packed, &unnamed}) {
    const Cut cut = CutFile(file->path());
    ASSERT_TRUE(cut.opened.ok()) << cut.opened;
    EXPECT_TRUE(cut.end.ok()) << cut.end;
    EXPECT_EQ(cut.lines, lines);
    EXPECT_GE(cut.block_count, 3u);
  }
}

TEST(CaptureCutterTest, ReadsGzipMembersInARowAsOneText) {
  const std::vector<Line> lines = SampleLines(2 * CaptureCutter::kBlockBytes);
  const std::string text = Text(lines);
  // Cut inside a line, and with an empty member between: members know nothing of lines.
  const std::string packed =
      Gzip(text.substr(0, 1000)) + Gzip("") + Gzip(text.substr(1000)) + std::string(512, '\0');
  const ScratchFile file(".frames.gz", packed);
  const Cut cut = CutFile(file.path());
  EXPECT_TRUE(cut.end.ok()) << cut.end;
  EXPECT_EQ(cut.lines, lines);
}

TEST(CaptureCutterTest, TakesALastLineWithoutANewline) {
  for (const bool gzip : {false, true}) {
    const std::string text = "1 {\"a\":1}\n2 {\"b\":2}";
    const ScratchFile file(gzip ? ".gz" : ".txt", gzip ? Gzip(text) : text);
    const Cut cut = CutFile(file.path());
    EXPECT_TRUE(cut.end.ok()) << cut.end;
    EXPECT_EQ(cut.lines, (std::vector<Line>{{1, "{\"a\":1}"}, {2, "{\"b\":2}"}}));
  }
}

TEST(CaptureCutterTest, EveryFrameBeforeACutComesOutAndTheCutIsNamed) {
  const std::vector<Line> lines = SampleLines(3000);
  const std::string text = Text(lines);
  const std::string packed = Gzip(text);
  for (std::size_t cut_byte = 1; cut_byte < packed.size(); ++cut_byte) {
    SCOPED_TRACE(cut_byte);
    const ScratchFile file(".frames.gz", packed.substr(0, cut_byte));
    const Cut cut = CutFile(file.path());
    ASSERT_TRUE(cut.opened.ok()) << cut.opened;
    ASSERT_FALSE(cut.end.ok());
    EXPECT_THAT(Message(cut.end),
                AllOf(HasSubstr(file.path()), HasSubstr("truncated gzip"),
                      HasSubstr("(byte " + std::to_string(cut_byte) + " of the file)"),
                      HasSubstr("after line " + std::to_string(cut.lines.size()))));
    ASSERT_LE(cut.lines.size(), lines.size());
    EXPECT_TRUE(std::equal(cut.lines.begin(), cut.lines.end(), lines.begin()));
    // Everything but the trailer is there: the text is complete, and still it is said.
    if (cut_byte + 8 >= packed.size()) {
      EXPECT_EQ(cut.lines.size(), lines.size());
    }
  }
}

TEST(CaptureCutterTest, ACutBetweenMembersIsAnEndAndGarbageThereIsNot) {
  const std::string first = Gzip("1 a\n");
  const ScratchFile whole(".gz", first);
  EXPECT_TRUE(CutFile(whole.path()).end.ok());
  const ScratchFile follows(".gz", first + std::string("\0\0x", 3));
  const Cut cut = CutFile(follows.path());
  EXPECT_EQ(cut.lines.size(), 1u);
  EXPECT_THAT(Message(cut.end),
              AllOf(HasSubstr("neither another gzip member nor padding"),
                    HasSubstr("(byte " + std::to_string(first.size() + 2) + " of the file)")));
}

TEST(CaptureCutterTest, CorruptGzipIsNamedWithItsByte) {
  const std::string text = Text(SampleLines(20'000));
  std::string packed = Gzip(text);
  packed[packed.size() - 6] ^= 0x55;  // The CRC: every byte came out, and yet it is not the text.
  const ScratchFile file(".frames.gz", packed);
  const Cut cut = CutFile(file.path());
  EXPECT_THAT(Message(cut.end), AllOf(HasSubstr(file.path()), HasSubstr("corrupt gzip"),
                                      HasSubstr("of the file), after line ")));
}

TEST(CaptureCutterTest, RefusesAtOpenWhatIsNamedGzipAndIsNot) {
  const ScratchFile plain(".gz", "1 {}\n");
  EXPECT_THAT(Message(CutFile(plain.path()).opened),
              AllOf(HasSubstr(plain.path()), HasSubstr("not gzip"), HasSubstr("(byte 0")));
  const ScratchFile empty(".gz", "");
  EXPECT_THAT(Message(CutFile(empty.path()).opened),
              AllOf(HasSubstr("not gzip"), HasSubstr("empty"), HasSubstr("(byte 0")));
  EXPECT_THAT(Message(CutFile("/nonexistent/x.gz").opened),
              AllOf(HasSubstr("/nonexistent/x.gz"), HasSubstr("No such file")));
  EXPECT_THAT(Message(CutFile("/").opened), HasSubstr("Is a directory"));
}

TEST(CaptureCutterTest, ALineThatIsNoneOfACaptureEndsItWithItsNumber) {
  for (const char* bad :
       {"x {}", " 1 {}", "1", "1 ", "", "-1 {}", "1\t{}", "1{}", "18446744073709551616 {}"}) {
    SCOPED_TRACE(bad);
    const ScratchFile file(".txt", "1 a\n2 b\n" + std::string(bad) + "\n3 c\n");
    const Cut cut = CutFile(file.path());
    EXPECT_EQ(cut.lines.size(), 2u);
    EXPECT_THAT(Message(cut.end),
                AllOf(HasSubstr(file.path() + ": line 3 is not"), HasSubstr("byte 8 of the text")));
  }
  const ScratchFile largest(".txt", "18446744073709551615 {}\n");
  EXPECT_TRUE(CutFile(largest.path()).end.ok());
}

TEST(CaptureCutterTest, AFrameLargerThanABlockGetsOneOfItsOwn) {
  std::vector<Line> lines = SampleLines(1000);
  lines.emplace_back(5, std::string(5'100'000, 'x'));
  lines.emplace_back(6, "{}");
  const ScratchFile file(".frames.gz", Gzip(Text(lines)));
  const Cut cut = CutFile(file.path());
  EXPECT_TRUE(cut.end.ok()) << cut.end;
  EXPECT_EQ(cut.lines, lines);
}

TEST(CaptureCutterTest, ALineOfAnySizeDoesNotFillTheMemory) {
  const ScratchFile file(".gz",
                         Gzip("1 a\n2 " + std::string(2 * CaptureCutter::kMaxLineBytes, 'x')));
  const Cut cut = CutFile(file.path());
  EXPECT_EQ(cut.lines.size(), 1u);
  EXPECT_THAT(Message(cut.end), AllOf(HasSubstr("no newline in"), HasSubstr("after line 1")));
}

TEST(CaptureCutterTest, AnEmptyTextEndsAtOnce) {
  const ScratchFile packed(".gz", Gzip(""));
  const ScratchFile plain(".txt", "");
  for (const ScratchFile* file : {&packed, &plain}) {
    const Cut cut = CutFile(file->path());
    EXPECT_TRUE(cut.end.ok()) << cut.end;
    EXPECT_TRUE(cut.lines.empty());
  }
}

TEST(CaptureCutterTest, RewindStartsOverAlsoAfterAFault) {
  const std::vector<Line> lines = SampleLines(CaptureCutter::kBlockBytes);
  ScratchFile file(".gz", Gzip(Text(lines)).substr(0, 1000));
  auto cutter = CaptureCutter::Open(file.path());
  ASSERT_TRUE(cutter.ok());
  Cut cut;
  Collect(**cutter, cut);
  EXPECT_FALSE(cut.end.ok());
  file.Write(Gzip(Text(lines)));
  for (int pass = 0; pass < 2; ++pass) {
    ASSERT_TRUE((*cutter)->Rewind().ok());
    Cut again;
    Collect(**cutter, again);
    EXPECT_TRUE(again.end.ok()) << again.end;
    EXPECT_EQ(again.lines, lines);
  }
}

}  // namespace
}  // namespace tickcast::shards
