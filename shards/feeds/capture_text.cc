#include "shards/feeds/capture_text.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "engine/invariant.h"

namespace tickcast::shards {
namespace {

constexpr unsigned char kMagic0 = 0x1f;
constexpr unsigned char kMagic1 = 0x8b;
// RFC 1952 wrapper around the largest window; zlib checks the header, the length and the CRC.
constexpr int kGzipWindowBits = 16 + MAX_WBITS;

std::string ErrnoText(int error) { return std::strerror(error); }

}  // namespace

absl::StatusOr<std::unique_ptr<CaptureText>> CaptureText::Open(std::string path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot be opened: ", ErrnoText(errno)));
  }
  std::unique_ptr<CaptureText> text(new CaptureText(std::move(path), file));
  if (absl::Status started = text->Start(); !started.ok()) return started;
  return text;
}

CaptureText::CaptureText(std::string path, int file) : path_(std::move(path)), file_(file) {}

CaptureText::~CaptureText() {
  if (inflating_) inflateEnd(&stream_);
  ::close(file_);
}

absl::Status CaptureText::Start() {
  Refill();
  if (!fault_.ok()) return fault_;
  const bool named_gzip = absl::EndsWith(path_, ".gz");
  gzip_ = stream_.avail_in > 0 && input_[0] == kMagic0 &&
          (stream_.avail_in == 1 ? named_gzip : input_[1] == kMagic1);
  if (!gzip_) {
    return named_gzip ? Fault(stream_.avail_in == 0 ? "not gzip: the file is empty"
                                                    : "not gzip: 1f 8b is missing")
                      : absl::OkStatus();
  }
  if (!inflating_) {
    INVARIANT(inflateInit2(&stream_, kGzipWindowBits) == Z_OK, "zlib has no memory for a window");
    inflating_ = true;
  }
  return absl::OkStatus();
}

absl::Status CaptureText::Rewind() {
  if (::lseek(file_, 0, SEEK_SET) != 0) {
    return Fault(absl::StrCat("cannot be rewound: ", ErrnoText(errno)));
  }
  if (inflating_) inflateReset(&stream_);
  stream_.avail_in = 0;
  between_members_ = false;
  ended_ = false;
  read_bytes_ = 0;
  fault_ = absl::OkStatus();
  return Start();
}

absl::StatusOr<std::size_t> CaptureText::Read(std::span<char> out) {
  INVARIANT(!out.empty(), "no room to read into");
  // One turn of inflate() is given at most what its 32-bit counter holds.
  const std::size_t room_bytes = std::min<std::size_t>(out.size(), 1u << 30);
  stream_.next_out = reinterpret_cast<unsigned char*>(out.data());
  stream_.avail_out = static_cast<unsigned>(room_bytes);
  while (stream_.avail_out > 0 && !ended_ && fault_.ok()) {
    if (gzip_) {
      Inflate();
    } else {
      CopyPlain();
    }
  }
  const std::size_t taken_bytes = room_bytes - stream_.avail_out;
  if (taken_bytes == 0 && !fault_.ok()) return fault_;
  return taken_bytes;
}

void CaptureText::CopyPlain() {
  if (stream_.avail_in == 0 && !Refill()) {
    ended_ = fault_.ok();
    return;
  }
  const unsigned copy_bytes = std::min(stream_.avail_in, stream_.avail_out);
  std::memcpy(stream_.next_out, stream_.next_in, copy_bytes);
  stream_.next_in += copy_bytes;
  stream_.avail_in -= copy_bytes;
  stream_.next_out += copy_bytes;
  stream_.avail_out -= copy_bytes;
}

void CaptureText::Inflate() {
  if (between_members_ && !BeginMember()) return;
  // Asked before more input is read: a full `out` may have left text inside the inflater.
  const int result = inflate(&stream_, Z_NO_FLUSH);
  if (result == Z_STREAM_END) {
    between_members_ = true;
    return;
  }
  if (result != Z_OK && result != Z_BUF_ERROR) {
    fault_ = Fault(
        absl::StrCat("corrupt gzip: ", stream_.msg != nullptr ? stream_.msg : zError(result)));
    return;
  }
  if (stream_.avail_out > 0 && stream_.avail_in == 0 && !Refill() && fault_.ok()) {
    fault_ = Fault("truncated gzip: the file ends inside a member");
  }
}

// After a member's trailer. Zero bytes are padding there, as gzip(1) holds it.
bool CaptureText::BeginMember() {
  while (stream_.avail_in > 0 || Refill()) {
    if (*stream_.next_in == kMagic0) {
      inflateReset(&stream_);
      between_members_ = false;
      return true;
    }
    if (*stream_.next_in != 0) {
      fault_ = Fault("neither another gzip member nor padding follows the last one");
      return false;
    }
    ++stream_.next_in;
    --stream_.avail_in;
  }
  ended_ = fault_.ok();
  return false;
}

// False at the file's end, and at a fault, which it notes.
bool CaptureText::Refill() {
  ssize_t result = 0;
  do {
    result = ::read(file_, input_.data(), input_.size());
  } while (result < 0 && errno == EINTR);
  if (result < 0) {
    fault_ = Fault(absl::StrCat("cannot be read: ", ErrnoText(errno)));
    return false;
  }
  stream_.next_in = input_.data();
  stream_.avail_in = static_cast<unsigned>(result);
  read_bytes_ += static_cast<std::uint64_t>(result);
  return result > 0;
}

absl::Status CaptureText::Fault(std::string_view what) const {
  return absl::DataLossError(absl::StrCat(path_, ": ", absl::string_view(what.data(), what.size()),
                                          " (byte ", position_bytes(), " of the file)"));
}

}  // namespace tickcast::shards
