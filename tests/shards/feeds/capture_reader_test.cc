#include "shards/feeds/capture_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/shards/feeds/scratch_file.h"

namespace tickcast::shards {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string NumberedLines(std::uint64_t count) {
  std::string text;
  for (std::uint64_t n = 0; n < count; ++n) {
    const std::string number = std::to_string(n);
    text +=
        number + " {\"n\":" + number + ",\"pad\":\"" + std::string(n * 7919 % 200, 'p') + "\"}\n";
  }
  return text;
}

// What a shard does, only that a test may wait.
std::unique_ptr<CaptureBlock> WaitForBlock(CaptureReader& reader) {
  for (;;) {
    if (auto block = reader.Take(); block != nullptr) return block;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

std::string OpenMessage(const std::string& path) {
  return std::string(CaptureReader::Open(path, false).status().message());
}

TEST(CaptureReaderTest, HandsOverEveryFrameInOrder) {
  constexpr std::uint64_t kLines = 30'000;  // About 4 MB: more blocks than the lane holds.
  const ScratchFile file(".frames.gz", Gzip(NumberedLines(kLines)));
  auto reader = CaptureReader::Open(file.path(), false);
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::uint64_t n = 0;
  std::size_t block_count = 0;
  for (bool last = false; !last;) {
    const auto block = WaitForBlock(**reader);
    EXPECT_EQ(block->begins_pass, block_count++ == 0);
    for (const CaptureFrame& frame : block->frames) {
      ASSERT_EQ(frame.receive_ns, n);
      ASSERT_EQ(block->Text(frame).substr(0, 6 + std::to_string(n).size()),
                "{\"n\":" + std::to_string(n) + ",");
      ++n;
    }
    last = block->last;
    EXPECT_TRUE(block->end.ok()) << block->end;
  }
  EXPECT_EQ(n, kLines);
  EXPECT_GT(block_count, 2 * CaptureReader::kAheadBlocks);
}

TEST(CaptureReaderTest, LoopsAndMarksEveryPass) {
  constexpr std::uint64_t kLines = 5'000;
  const ScratchFile file(".frames.gz", Gzip(NumberedLines(kLines)));
  auto reader = CaptureReader::Open(file.path(), true);
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::uint64_t pass_count = 0;
  std::uint64_t n = 0;
  while (pass_count < 4) {
    const auto block = WaitForBlock(**reader);
    ASSERT_FALSE(block->last);
    if (block->begins_pass) {
      EXPECT_EQ(n, pass_count * kLines);
      ++pass_count;
    }
    for (const CaptureFrame& frame : block->frames) ASSERT_EQ(frame.receive_ns, n++ % kLines);
  }
}

// A reader that nobody takes from fills its lane and sleeps; its owner must not wait for it.
TEST(CaptureReaderTest, CanBeDestroyedWhateverTheHelperIsAt) {
  const ScratchFile file(".frames.gz", Gzip(NumberedLines(30'000)));
  for (int taken = 0; taken < 12; ++taken) {
    auto reader = CaptureReader::Open(file.path(), taken % 2 == 0);
    ASSERT_TRUE(reader.ok()) << reader.status();
    for (int block = 0; block < taken; ++block) WaitForBlock(**reader);
  }
  const ScratchFile tiny(".frames", "1 {}\n");
  for (const bool loop : {false, true}) ASSERT_TRUE(CaptureReader::Open(tiny.path(), loop).ok());
}

TEST(CaptureReaderTest, FindsAtOpenWhatIsNoCapture) {
  const ScratchFile not_gzip(".gz", "1 {}\n");
  EXPECT_THAT(OpenMessage(not_gzip.path()), AllOf(HasSubstr("not gzip"), HasSubstr("byte 0")));
  const ScratchFile no_frame(".gz", Gzip(""));
  EXPECT_THAT(OpenMessage(no_frame.path()),
              AllOf(HasSubstr(no_frame.path()), HasSubstr("holds no frame")));
  const ScratchFile no_capture(".gz", Gzip("{\"a\":1}\n"));
  EXPECT_THAT(OpenMessage(no_capture.path()), HasSubstr("line 1 is not"));
  const std::string packed = Gzip(NumberedLines(100));
  const ScratchFile cut_early(".gz", packed.substr(0, packed.size() / 2));
  EXPECT_THAT(OpenMessage(cut_early.path()),
              AllOf(HasSubstr("truncated gzip"),
                    HasSubstr("byte " + std::to_string(packed.size() / 2) + " of the file")));
  EXPECT_THAT(OpenMessage("/nonexistent.gz"), HasSubstr("/nonexistent.gz: cannot be opened"));
}

TEST(CaptureReaderTest, ALaterCutEndsTheCaptureAfterWhatCameBefore) {
  const std::string packed = Gzip(NumberedLines(30'000));
  const ScratchFile file(".gz", packed.substr(0, packed.size() - 9));
  for (const bool loop : {false, true}) {
    auto reader = CaptureReader::Open(file.path(), loop);
    ASSERT_TRUE(reader.ok()) << reader.status();
    std::uint64_t n = 0;
    for (bool last = false; !last;) {
      const auto block = WaitForBlock(**reader);
      n += block->frames.size();
      last = block->last;
      EXPECT_EQ(block->end.ok(), !last);
      if (last) {
        EXPECT_THAT(std::string(block->end.message()), HasSubstr("truncated gzip"));
      }
    }
    EXPECT_GT(n, 29'000u);
  }
}

}  // namespace
}  // namespace tickcast::shards
