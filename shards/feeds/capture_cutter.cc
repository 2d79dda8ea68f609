#include "shards/feeds/capture_cutter.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>
#include <utility>

namespace tickcast::shards {
namespace {

// Frames are 100 to 300 bytes; a guess too low costs the helper thread a reallocation.
constexpr std::size_t kTypicalLineBytes = 128;

std::unique_ptr<char[]> NewBytes(std::size_t capacity_bytes) {
  return std::make_unique_for_overwrite<char[]>(capacity_bytes + CaptureBlock::kPaddingBytes);
}

}  // namespace

absl::StatusOr<std::unique_ptr<CaptureCutter>> CaptureCutter::Open(std::string path) {
  auto text = CaptureText::Open(std::move(path));
  if (!text.ok()) return text.status();
  return std::unique_ptr<CaptureCutter>(new CaptureCutter(*std::move(text)));
}

absl::Status CaptureCutter::Rewind() {
  carry_.clear();
  line_count_ = 0;
  text_bytes_ = 0;
  return text_->Rewind();
}

std::unique_ptr<CaptureBlock> CaptureCutter::Next() {
  auto block = std::make_unique<CaptureBlock>();
  block->frames.reserve(kBlockBytes / kTypicalLineBytes);
  const std::size_t used_bytes = Fill(*block);
  const absl::Status fault = block->end;
  Index(*block, used_bytes);
  // The text knows the byte of its fault; the line is known now. A bad line before it names both.
  if (!fault.ok() && block->end == fault) {
    End(*block,
        absl::Status(fault.code(), absl::StrCat(fault.message(), ", after line ", line_count_)));
  }
  return block;
}

// Puts text into the block until it is full and holds the end of a line, or the text is over.
// Returns the bytes in it.
std::size_t CaptureCutter::Fill(CaptureBlock& block) {
  std::size_t capacity_bytes = std::max(kBlockBytes, 2 * carry_.size());
  block.bytes = NewBytes(capacity_bytes);
  std::size_t used_bytes = carry_.size();
  std::memcpy(block.bytes.get(), carry_.data(), used_bytes);
  carry_.clear();
  for (;;) {
    char* const free = block.bytes.get() + used_bytes;
    const auto taken_bytes = text_->Read(std::span<char>(free, capacity_bytes - used_bytes));
    if (!taken_bytes.ok()) {
      End(block, taken_bytes.status());
      return used_bytes;
    }
    if (*taken_bytes == 0) {
      End(block, absl::OkStatus());
      return used_bytes;
    }
    used_bytes += *taken_bytes;
    if (used_bytes < capacity_bytes) continue;
    if (memrchr(block.bytes.get(), '\n', used_bytes) != nullptr) return used_bytes;
    if (capacity_bytes >= kMaxLineBytes) {
      End(block, absl::DataLossError(absl::StrCat(text_->path(), ": no newline in ", kMaxLineBytes,
                                                  " bytes (near byte ", text_->position_bytes(),
                                                  " of the file)")));
      return used_bytes;
    }
    // One frame larger than a block: it gets a block of its own.
    auto larger = NewBytes(2 * capacity_bytes);
    std::memcpy(larger.get(), block.bytes.get(), used_bytes);
    block.bytes = std::move(larger);
    capacity_bytes *= 2;
  }
}

void CaptureCutter::Index(CaptureBlock& block, std::size_t used_bytes) {
  const char* const bytes = block.bytes.get();
  std::size_t begin = 0;
  while (begin < used_bytes) {
    const void* const newline = std::memchr(bytes + begin, '\n', used_bytes - begin);
    if (newline == nullptr) break;
    const auto end = static_cast<std::size_t>(static_cast<const char*>(newline) - bytes);
    if (!IndexLine(block, begin, end)) return;
    begin = end + 1;
  }
  if (begin == used_bytes) return;
  if (!block.last) {
    carry_.assign(bytes + begin, used_bytes - begin);
    return;
  }
  // The rest of a cut file is half a frame; the rest of a whole one is its last frame.
  if (block.end.ok()) IndexLine(block, begin, used_bytes);
}

// False when [begin, end) is no line of a capture, which ends it.
bool CaptureCutter::IndexLine(CaptureBlock& block, std::size_t begin, std::size_t end) {
  const char* const first = block.bytes.get() + begin;
  const char* const past = block.bytes.get() + end;
  CaptureFrame frame;
  const auto [space, error] = std::from_chars(first, past, frame.receive_ns);
  if (error != std::errc{} || past - space < 2 || *space != ' ') {
    End(block, absl::DataLossError(absl::StrCat(text_->path(), ": line ", line_count_ + 1,
                                                " is not `<receive time in ns> <frame>` (byte ",
                                                text_bytes_, " of the text, near byte ",
                                                text_->position_bytes(), " of the file)")));
    return false;
  }
  frame.offset_bytes = static_cast<std::uint32_t>(space + 1 - block.bytes.get());
  frame.length_bytes = static_cast<std::uint32_t>(past - (space + 1));
  block.frames.push_back(frame);
  ++line_count_;
  text_bytes_ += end - begin + 1;
  return true;
}

void CaptureCutter::End(CaptureBlock& block, absl::Status why) {
  block.last = true;
  block.end = std::move(why);
}

}  // namespace tickcast::shards
