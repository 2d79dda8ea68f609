#include "tools/loadgen/frame_scanner.h"

namespace tickcast::loadgen {
namespace {

std::uint64_t ReadBigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

bool IsKnown(int opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

}  // namespace

FrameHeader ReadFrameHeader(std::string_view bytes) {
  FrameHeader frame;
  if (bytes.size() < 2) return frame;
  const int first = static_cast<unsigned char>(bytes[0]);
  const int second = static_cast<unsigned char>(bytes[1]);
  frame.opcode = static_cast<Opcode>(first & 0x0f);
  frame.final = (first & 0x80) != 0;
  frame.header_bytes = 2;
  std::uint64_t payload = static_cast<std::uint64_t>(second & 0x7f);
  const std::size_t length_bytes = payload == 126 ? 2 : payload == 127 ? 8 : 0;
  if ((first & 0x70) != 0 || (second & 0x80) != 0 || !IsKnown(first & 0x0f)) {
    frame.kind = FrameHeader::Kind::kViolation;
    return frame;
  }
  if (length_bytes != 0) {
    frame.header_bytes += length_bytes;
    if (bytes.size() < frame.header_bytes) return frame;
    payload = ReadBigEndian(bytes.substr(2, length_bytes));
  }
  if (payload > kMaxMessageBytes) {
    frame.kind = FrameHeader::Kind::kViolation;
    return frame;
  }
  frame.payload_bytes = static_cast<std::size_t>(payload);
  if (bytes.size() - frame.header_bytes >= frame.payload_bytes) {
    frame.kind = FrameHeader::Kind::kComplete;
  }
  return frame;
}

}  // namespace tickcast::loadgen
