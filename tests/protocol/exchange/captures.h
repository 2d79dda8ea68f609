// Captures: recorded frames for tests and benchmarks, padded as decoders need them.
//
// A file is gzip text, a frame per line: "<receive time, unix ns> <frame>". The folder is the
// environment's TICKCAST_CAPTURES, else ../shared/data/captures as seen from the source tree.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/exchange/decoder.h"

namespace tickcast::protocol {

// One text with padding behind it that a parser must not be led by.
class PaddedText {
 public:
  explicit PaddedText(std::string_view text, char padding = '}')
      : bytes_(text), size_(text.size()) {
    bytes_.append(kJsonPaddingBytes, padding);
  }

  std::string_view text() const { return {bytes_.data(), size_}; }
  PaddedFrame frame() const { return PaddedFrame(text()); }

 private:
  std::string bytes_;
  std::size_t size_;
};

// The frames of one capture, in one piece of memory.
class Capture {
 public:
  // Reads `name`, as "kucoin/kucoin_spot_20210425". Without the file there are no frames.
  static Capture Read(std::string_view name) {
    Capture capture;
    const std::filesystem::path path = Folder() / (std::string(name) + ".frames.gz");
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
    if (file == nullptr) return capture;
    std::vector<char> block(std::size_t{1} << 20);
    int count = 0;
    while ((count = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()))) > 0) {
      capture.bytes_.append(block.data(), static_cast<std::size_t>(count));
    }
    capture.FindFrames();
    return capture;
  }

  static std::filesystem::path Folder() {
    if (const char* const folder = std::getenv("TICKCAST_CAPTURES")) return folder;
    return TICKCAST_CAPTURES_FOLDER;  // Set by the build.
  }

  const std::vector<std::string_view>& frames() const { return frames_; }

  // Those that hold `mark`.
  std::vector<std::string_view> FramesWith(std::string_view mark) const {
    std::vector<std::string_view> chosen;
    for (const std::string_view frame : frames_) {
      if (frame.find(mark) != std::string_view::npos) chosen.push_back(frame);
    }
    return chosen;
  }

 private:
  void FindFrames() {
    const std::size_t size = bytes_.size();
    bytes_.append(kJsonPaddingBytes, ' ');
    std::size_t begin = 0;
    while (begin < size) {
      const std::size_t end = std::min(bytes_.find('\n', begin), size);
      const std::size_t frame = bytes_.find(' ', begin) + 1;
      if (frame < end) frames_.emplace_back(bytes_.data() + frame, end - frame);
      begin = end + 1;
    }
  }

  std::string bytes_;
  std::vector<std::string_view> frames_;  // Into bytes_; the next frame is each one's padding.
};

}  // namespace tickcast::protocol
