// CaptureCutter: cuts a capture's text into blocks of whole frames.
//
// A capture holds one received frame per line: `<receive time, unix ns> <frame bytes>`. Lines are
// inflated straight into the block they stay in, so a frame's bytes are copied only when a line
// straddles two blocks. Memory is one block at a time, whatever the file's size.
// Threading: one thread at a time, a helper's: it blocks on the disk.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shards/feeds/capture_text.h"

namespace tickcast::shards {

// One recorded frame within its block.
struct CaptureFrame {
  std::uint64_t receive_ns = 0;  // Unix time at which the recorder got it. May go backwards.
  std::uint32_t offset_bytes = 0;
  std::uint32_t length_bytes = 0;
};

struct CaptureBlock {
  // Readable behind every frame, as simdjson wants it (its SIMDJSON_PADDING, or more).
  static constexpr std::size_t kPaddingBytes = 64;

  std::unique_ptr<char[]> bytes;
  std::vector<CaptureFrame> frames;
  bool begins_pass = false;  // The capture starts (again) with this block.
  bool last = false;         // Nothing follows; `end` says why.
  absl::Status end;          // OK: the capture was read to its end.

  // Valid as long as the block, with kPaddingBytes readable behind it.
  std::string_view Text(const CaptureFrame& frame) const {
    return {bytes.get() + frame.offset_bytes, frame.length_bytes};
  }
};

class CaptureCutter {
 public:
  static constexpr std::size_t kBlockBytes = 256 * 1024;
  // Coinbase sends a book snapshot of 5.1 MB in one frame; a line beyond three times that is no
  // frame but a file of another kind.
  static constexpr std::size_t kMaxLineBytes = 16 * 1024 * 1024;

  // Fails as CaptureText::Open() does.
  static absl::StatusOr<std::unique_ptr<CaptureCutter>> Open(std::string path);

  // The next frames. A fault (a cut or corrupt file, a line that is none of a capture) ends the
  // capture: the block holds the frames before it, is the last, and its `end` names the file, the
  // byte and the line. A last line without a newline counts, except where the file is cut there.
  // REQUIRES: the block before was not the last, or Rewind() since.
  std::unique_ptr<CaptureBlock> Next();

  // Starts over at the first line.
  absl::Status Rewind();

 private:
  explicit CaptureCutter(std::unique_ptr<CaptureText> text) : text_(std::move(text)) {}

  std::size_t Fill(CaptureBlock& block);
  void Index(CaptureBlock& block, std::size_t used_bytes);
  bool IndexLine(CaptureBlock& block, std::size_t begin, std::size_t end);
  void End(CaptureBlock& block, absl::Status why);

  const std::unique_ptr<CaptureText> text_;
  std::string carry_;  // The beginning of a line whose end the last block had no room for.
  std::uint64_t line_count_ = 0;  // Lines indexed so far.
  std::uint64_t text_bytes_ = 0;  // Text indexed so far.
};

}  // namespace tickcast::shards
