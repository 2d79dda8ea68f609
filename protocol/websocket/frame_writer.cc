#include "protocol/websocket/frame_writer.h"

#include <cassert>
#include <cstring>

namespace tickcast::protocol {
namespace {

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::size_t kMaxReasonBytes = kMaxControlPayloadBytes - 2;
constexpr std::uint16_t kNoCode = 1005;

// Writes a header without masking key to `at`; returns its size.
std::size_t WriteHeader(Opcode opcode, std::uint64_t payload_bytes, std::uint8_t masked,
                        std::byte* at) {
  at[0] = static_cast<std::byte>(kFinal | static_cast<std::uint8_t>(opcode));
  if (payload_bytes < 126) {
    at[1] = static_cast<std::byte>(masked | payload_bytes);
    return 2;
  }
  const std::size_t length_bytes = payload_bytes < 65536 ? 2 : 8;
  at[1] = static_cast<std::byte>(masked | (length_bytes == 2 ? 126 : 127));
  for (std::size_t i = 0; i < length_bytes; ++i) {
    at[2 + i] = static_cast<std::byte>(payload_bytes >> (8 * (length_bytes - 1 - i)));
  }
  return 2 + length_bytes;
}

}  // namespace

std::size_t WriteServerHeader(Opcode opcode, std::uint64_t payload_bytes, std::byte* payload) {
  const std::size_t header_bytes = FrameHeaderBytes(payload_bytes, /*masked=*/false);
  return WriteHeader(opcode, payload_bytes, 0, payload - header_bytes);
}

std::size_t WriteClientHeader(Opcode opcode, std::size_t payload_bytes, MaskingKey mask,
                              std::byte* payload) {
  const std::size_t header_bytes = FrameHeaderBytes(payload_bytes, /*masked=*/true);
  WriteHeader(opcode, payload_bytes, kMasked, payload - header_bytes);
  std::memcpy(payload - mask.size(), mask.data(), mask.size());
  ApplyMask({payload, payload_bytes}, mask, 0);
  return header_bytes;
}

void AppendServerFrame(Opcode opcode, std::string_view payload, std::string& out) {
  assert(opcode < Opcode::kClose || payload.size() <= kMaxControlPayloadBytes);
  std::byte header[kMaxServerHeaderBytes];
  const std::size_t header_bytes = WriteHeader(opcode, payload.size(), 0, header);
  out.append(reinterpret_cast<const char*>(header), header_bytes);
  out += payload;
}

void AppendCloseFrame(std::uint16_t code, std::string_view reason, std::string& out) {
  if (code == kNoCode) return AppendServerFrame(Opcode::kClose, {}, out);
  std::size_t reason_bytes = reason.size();
  if (reason_bytes > kMaxReasonBytes) {
    reason_bytes = kMaxReasonBytes;
    // Not in the middle of a UTF-8 sequence: its further bytes are 10xxxxxx.
    while (reason_bytes > 0 && (static_cast<std::uint8_t>(reason[reason_bytes]) & 0xC0) == 0x80) {
      --reason_bytes;
    }
  }
  std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  payload += reason.substr(0, reason_bytes);
  AppendServerFrame(Opcode::kClose, payload, out);
}

void AppendClientFrame(Opcode opcode, std::string_view payload, MaskingKey mask, std::string& out) {
  assert(opcode < Opcode::kClose || payload.size() <= kMaxControlPayloadBytes);
  std::byte header[kMaxClientHeaderBytes];
  const std::size_t header_bytes = WriteHeader(opcode, payload.size(), kMasked, header);
  out.append(reinterpret_cast<const char*>(header), header_bytes);
  out.append(reinterpret_cast<const char*>(mask.data()), mask.size());
  const std::size_t begin = out.size();
  out += payload;
  ApplyMask(std::as_writable_bytes(std::span(out).subspan(begin)), mask, 0);
}

std::uint32_t ApplyMask(std::span<std::byte> bytes, MaskingKey mask, std::uint32_t phase) {
  std::uint8_t turned[8];
  for (std::uint32_t i = 0; i < 8; ++i) turned[i] = mask[(phase + i) & 3];
  std::uint64_t wide = 0;
  std::memcpy(&wide, turned, sizeof(wide));
  std::size_t at = 0;
  for (; at + sizeof(wide) <= bytes.size(); at += sizeof(wide)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    word ^= wide;
    std::memcpy(bytes.data() + at, &word, sizeof(word));
  }
  for (; at < bytes.size(); ++at) bytes[at] ^= static_cast<std::byte>(mask[(phase + at) & 3]);
  return static_cast<std::uint32_t>(phase + bytes.size()) & 3;
}

}  // namespace tickcast::protocol
