// CaptureText: the text of a capture file, in order, inflated on the way when the file is gzip.
//
// A file is gzip when it opens with gzip's two magic bytes, and must be when its name says `.gz`;
// anything else is read as plain text. Several gzip members in a row are one text (RFC 1952 §2.2),
// as `cat a.gz b.gz` makes them. Nothing but the 64 KiB being inflated is in memory.
// Threading: one thread at a time. It blocks on the disk, so that thread is never a shard's.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <zlib.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace tickcast::shards {

class CaptureText {
 public:
  // Opens `path` and looks at its first bytes. Fails with the name and byte 0 when the file cannot
  // be read, or is named `.gz` and is not gzip.
  static absl::StatusOr<std::unique_ptr<CaptureText>> Open(std::string path);
  ~CaptureText();
  CaptureText(const CaptureText&) = delete;
  CaptureText& operator=(const CaptureText&) = delete;

  // Puts the next bytes of the text into `out` and returns how many: all of it unless the text ends
  // or fails there, 0 when it has ended. Text before a fault is handed out first, then the fault
  // at every call, naming the file and the byte. REQUIRES: !out.empty().
  absl::StatusOr<std::size_t> Read(std::span<char> out);

  // Starts over at the first byte.
  absl::Status Rewind();

  // Bytes of the file (compressed, if it is) that Read() has used up.
  std::uint64_t position_bytes() const { return read_bytes_ - stream_.avail_in; }
  const std::string& path() const { return path_; }

 private:
  static constexpr std::size_t kInputBytes = 64 * 1024;

  CaptureText(std::string path, int file);

  absl::Status Start();
  bool Refill();
  bool BeginMember();
  void Inflate();
  void CopyPlain();
  absl::Status Fault(std::string_view what) const;

  const std::string path_;
  const int file_;
  std::array<unsigned char, kInputBytes> input_;
  // Of both kinds of file: next_in and next_out are where the bytes come from and go to.
  z_stream stream_{};
  bool gzip_ = false;
  bool inflating_ = false;  // inflateInit2() has been called.
  bool between_members_ = false;
  bool ended_ = false;
  std::uint64_t read_bytes_ = 0;
  absl::Status fault_;
};

}  // namespace tickcast::shards
