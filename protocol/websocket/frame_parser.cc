#include "protocol/websocket/frame_parser.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "protocol/websocket/frame_writer.h"
#include "protocol/websocket/utf8.h"

namespace tickcast::protocol {
namespace {

constexpr std::uint16_t kProtocolError = 1002;
constexpr std::uint16_t kInvalidPayload = 1007;
constexpr std::uint16_t kMessageTooBig = 1009;
constexpr std::uint16_t kNoCode = 1005;

bool IsControl(Opcode opcode) { return (static_cast<std::uint8_t>(opcode) & 0x8) != 0; }

// RFC 6455 section 7.4 and the IANA registry: what may stand in a close frame.
bool IsValidCloseCode(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

bool IsUtf8(std::span<const std::byte> bytes) {
  return simdjson::validate_utf8(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// A payload that comes in parts. It grows by doubling, so that the time is linear in its bytes and
// a long one that was only promised costs nothing, but never beyond what it may become.
class Collected {
 public:
  // REQUIRES: size_bytes() + piece.size() <= max_bytes.
  void Append(std::span<const std::byte> piece, std::size_t max_bytes) {
    if (piece.empty()) return;
    const std::size_t needed = bytes_.size() + piece.size() + FrameParser::kSlackBytes;
    if (needed > bytes_.capacity()) {
      const std::size_t limit = max_bytes + FrameParser::kSlackBytes;
      bytes_.reserve(std::min(std::max(2 * bytes_.capacity(), needed), limit));
    }
    bytes_.insert(bytes_.end(), piece.begin(), piece.end());
  }

  // The payload, with slack behind it. REQUIRES: called once, last.
  std::span<const std::byte> Finish() {
    const std::size_t payload_bytes = bytes_.size();
    bytes_.resize(payload_bytes + FrameParser::kSlackBytes);
    return std::span<const std::byte>(bytes_).first(payload_bytes);
  }

  std::size_t size_bytes() const { return bytes_.size(); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace

static_assert(sizeof(FrameParser) <= 16, "there is one per connection");

struct FrameParser::Frame {
  Opcode opcode = Opcode::kContinuation;
  bool final = false;
  bool reserved = false;  // An RSV bit or an opcode without a meaning.
  bool masked = false;
  bool minimal = true;  // The length has its shortest form.
  std::uint64_t payload_bytes = 0;
  MaskingKey mask{};
};

// What is open: a header of which a part has come, a frame of which a part has come, a message of
// which some frames have come.
struct FrameParser::Partial {
  std::array<std::byte, kMaxClientHeaderBytes> header{};
  std::size_t header_bytes = 0;

  bool in_frame = false;
  Frame frame;
  std::uint64_t left_bytes = 0;  // Of the frame's payload.
  std::uint32_t mask_phase = 0;
  Collected control;  // Payload of a control frame.

  bool in_message = false;
  bool message_done = false;  // Handed out: let go of at the next call.
  Opcode message_opcode = Opcode::kText;
  Collected message;
  Utf8Checker utf8;
};

FrameParser::FrameParser(Role role, std::uint32_t max_message_bytes)
    : max_message_bytes_(max_message_bytes), role_(role) {}
FrameParser::FrameParser(FrameParser&&) noexcept = default;
FrameParser& FrameParser::operator=(FrameParser&&) noexcept = default;
FrameParser::~FrameParser() = default;

FrameParser::Partial& FrameParser::partial() {
  if (partial_ == nullptr) partial_ = std::make_unique<Partial>();
  return *partial_;
}

FrameParser::Verdict FrameParser::Fail(std::uint16_t close_code) {
  partial_.reset();
  close_code_ = close_code;
  return Verdict::kViolation;
}

void FrameParser::Release() {
  if (partial_ == nullptr) return;
  if (partial_->message_done) {
    partial_->message_done = false;
    partial_->in_message = false;
    partial_->message = Collected();
  }
  if (!partial_->in_frame && !partial_->in_message && partial_->header_bytes == 0) partial_.reset();
}

FrameParser::Verdict FrameParser::Next(std::span<std::byte>& bytes, FrameEvent& event) {
  if (close_code_ != 0) return Verdict::kViolation;
  Release();
  for (;;) {
    const bool in_frame = partial_ != nullptr && partial_->in_frame;
    // The end of a frame with an empty payload needs no further byte.
    if (bytes.empty() && !(in_frame && partial_->left_bytes == 0)) {
      Release();
      return Verdict::kNeedMore;
    }
    const Verdict verdict = in_frame ? ContinueFrame(bytes, event) : BeginFrame(bytes, event);
    if (verdict != Verdict::kNeedMore) return verdict;
  }
}

std::size_t FrameParser::ParseHeader(const std::byte* header, std::size_t available,
                                     Frame& frame) const {
  if (available < 2) return 0;
  const auto first = std::to_integer<std::uint8_t>(header[0]);
  const auto second = std::to_integer<std::uint8_t>(header[1]);
  const std::uint8_t opcode = first & 0x0F;
  frame.opcode = static_cast<Opcode>(opcode);
  frame.final = (first & 0x80) != 0;
  frame.reserved = (first & 0x70) != 0 || (opcode > 2 && opcode < 8) || opcode > 10;
  frame.masked = (second & 0x80) != 0;
  const std::uint8_t length = second & 0x7F;
  frame.payload_bytes = length;
  frame.minimal = true;
  // What is wrong already is not waited for any further.
  if (CheckHeader(frame) != 0) return 2;
  const std::size_t length_bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
  const std::size_t header_bytes = 2 + length_bytes + (frame.masked ? 4 : 0);
  if (available < header_bytes) return 0;
  if (length_bytes > 0) {
    frame.payload_bytes = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) {
      frame.payload_bytes =
          frame.payload_bytes << 8 | std::to_integer<std::uint64_t>(header[2 + i]);
    }
    frame.minimal = FrameHeaderBytes(frame.payload_bytes, false) == 2 + length_bytes;
  }
  if (frame.masked) std::memcpy(frame.mask.data(), header + 2 + length_bytes, 4);
  return header_bytes;
}

std::uint16_t FrameParser::CheckHeader(const Frame& frame) const {
  const bool in_message = partial_ != nullptr && partial_->in_message;
  if (frame.reserved || !frame.minimal || frame.masked != (role_ == Role::kServer) ||
      frame.payload_bytes >> 63 != 0) {
    return kProtocolError;
  }
  if (IsControl(frame.opcode)) {
    return frame.final && frame.payload_bytes <= kMaxControlPayloadBytes ? 0 : kProtocolError;
  }
  if ((frame.opcode == Opcode::kContinuation) != in_message) return kProtocolError;
  const std::uint64_t kept = in_message ? partial_->message.size_bytes() : 0;
  return frame.payload_bytes >
                 max_message_bytes_ - std::min<std::uint64_t>(kept, max_message_bytes_)
             ? kMessageTooBig
             : 0;
}

FrameParser::Verdict FrameParser::BeginFrame(std::span<std::byte>& bytes, FrameEvent& event) {
  Frame frame;
  if (partial_ != nullptr && partial_->header_bytes > 0) {
    Partial& open = *partial_;
    // Byte by byte: the header's size is known only on the way, and this is the rare path.
    std::size_t header_bytes = 0;
    while (header_bytes == 0 && !bytes.empty()) {
      open.header[open.header_bytes++] = bytes.front();
      bytes = bytes.subspan(1);
      header_bytes = ParseHeader(open.header.data(), open.header_bytes, frame);
    }
    if (header_bytes == 0) return Verdict::kNeedMore;
    open.header_bytes = 0;
  } else {
    const std::size_t header_bytes = ParseHeader(bytes.data(), bytes.size(), frame);
    if (header_bytes == 0) {
      Partial& open = partial();
      std::copy(bytes.begin(), bytes.end(), open.header.begin());
      open.header_bytes = bytes.size();
      bytes = {};
      return Verdict::kNeedMore;
    }
    bytes = bytes.subspan(std::min(header_bytes, bytes.size()));
  }
  if (const std::uint16_t code = CheckHeader(frame); code != 0) return Fail(code);

  const bool whole_message =
      IsControl(frame.opcode) || (frame.final && frame.opcode != Opcode::kContinuation);
  if (whole_message && frame.payload_bytes <= bytes.size()) {
    const std::span<std::byte> payload = bytes.first(static_cast<std::size_t>(frame.payload_bytes));
    bytes = bytes.subspan(payload.size());
    return WholeFrame(frame, payload, event);
  }
  Partial& open = partial();
  open.in_frame = true;
  open.frame = frame;
  open.left_bytes = frame.payload_bytes;
  open.mask_phase = 0;
  open.control = Collected();
  if (frame.opcode == Opcode::kText || frame.opcode == Opcode::kBinary) {
    open.in_message = true;
    open.message_opcode = frame.opcode;
    open.utf8 = Utf8Checker();
  }
  return Verdict::kNeedMore;
}

FrameParser::Verdict FrameParser::WholeFrame(const Frame& frame, std::span<std::byte> payload,
                                             FrameEvent& event) {
  if (frame.masked) ApplyMask(payload, frame.mask, 0);
  if (IsControl(frame.opcode)) return Control(frame, payload, event);
  if (frame.opcode == Opcode::kText && !IsUtf8(payload)) return Fail(kInvalidPayload);
  event = {
      .kind = frame.opcode == Opcode::kText ? FrameEvent::Kind::kText : FrameEvent::Kind::kBinary,
      .payload = payload};
  return Verdict::kEvent;
}

FrameParser::Verdict FrameParser::ContinueFrame(std::span<std::byte>& bytes, FrameEvent& event) {
  Partial& open = *partial_;
  const std::span<std::byte> piece =
      bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(open.left_bytes, bytes.size())));
  bytes = bytes.subspan(piece.size());
  if (open.frame.masked) open.mask_phase = ApplyMask(piece, open.frame.mask, open.mask_phase);
  open.left_bytes -= piece.size();
  if (IsControl(open.frame.opcode)) {
    open.control.Append(piece, kMaxControlPayloadBytes);
  } else {
    if (open.message_opcode == Opcode::kText && !open.utf8.Feed(piece)) {
      return Fail(kInvalidPayload);
    }
    open.message.Append(piece, max_message_bytes_);
  }
  return open.left_bytes == 0 ? EndFrame(event) : Verdict::kNeedMore;
}

FrameParser::Verdict FrameParser::EndFrame(FrameEvent& event) {
  Partial& open = *partial_;
  open.in_frame = false;
  if (IsControl(open.frame.opcode)) {
    return Control(open.frame, open.control.Finish(), event);
  }
  if (!open.frame.final) return Verdict::kNeedMore;
  if (open.message_opcode == Opcode::kText && !open.utf8.complete()) return Fail(kInvalidPayload);
  open.message_done = true;
  event = {.kind = open.message_opcode == Opcode::kText ? FrameEvent::Kind::kText
                                                        : FrameEvent::Kind::kBinary,
           .payload = open.message.Finish()};
  return Verdict::kEvent;
}

FrameParser::Verdict FrameParser::Control(const Frame& frame, std::span<const std::byte> payload,
                                          FrameEvent& event) {
  event = {.kind = FrameEvent::Kind::kPong, .payload = payload};
  if (frame.opcode == Opcode::kPong) return Verdict::kEvent;
  if (frame.opcode == Opcode::kPing) {
    event.kind = FrameEvent::Kind::kPing;
    return Verdict::kEvent;
  }
  event.kind = FrameEvent::Kind::kClose;
  event.close_code = kNoCode;
  if (payload.empty()) return Verdict::kEvent;
  if (payload.size() == 1) return Fail(kProtocolError);
  event.close_code = static_cast<std::uint16_t>(std::to_integer<unsigned>(payload[0]) << 8 |
                                                std::to_integer<unsigned>(payload[1]));
  event.payload = payload.subspan(2);
  if (!IsValidCloseCode(event.close_code)) return Fail(kProtocolError);
  if (!IsUtf8(event.payload)) return Fail(kInvalidPayload);
  return Verdict::kEvent;
}

}  // namespace tickcast::protocol
