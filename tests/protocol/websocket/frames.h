// Frames: the wire form of any frame, also of one that no writer would write.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/websocket/frame_writer.h"

namespace tickcast::protocol {

inline constexpr MaskingKey kSampleMask = {0x37, 0xfa, 0x21, 0x3d};  // RFC 6455 section 5.7.

struct RawFrame {
  std::uint8_t first = 0x81;  // FIN, RSV and opcode.
  std::string_view payload = {};
  bool masked = true;
  int length_bytes = 0;  // Of the extended length: 0, 2 or 8.
};

inline std::string Wire(const RawFrame& frame) {
  const std::size_t bytes = frame.payload.size();
  const int length_bytes = frame.length_bytes;
  const std::uint8_t length = length_bytes == 0   ? static_cast<std::uint8_t>(bytes)
                              : length_bytes == 2 ? std::uint8_t{126}
                                                  : std::uint8_t{127};
  std::string wire = {static_cast<char>(frame.first),
                      static_cast<char>((frame.masked ? 0x80 : 0) | length)};
  for (int i = length_bytes - 1; i >= 0; --i) {
    wire += static_cast<char>(static_cast<std::uint64_t>(bytes) >> (8 * i));
  }
  std::string payload(frame.payload);
  if (frame.masked) {
    wire.append(kSampleMask.begin(), kSampleMask.end());
    ApplyMask(std::as_writable_bytes(std::span(payload)), kSampleMask, 0);
  }
  return wire + payload;
}

// A masked frame with the shortest length, as a client sends it.
inline std::string Masked(std::uint8_t first, std::string_view payload) {
  const std::size_t bytes = payload.size();
  return Wire({.first = first,
               .payload = payload,
               .length_bytes = bytes < 126     ? 0
                               : bytes < 65536 ? 2
                                               : 8});
}

// Only the header of a masked frame, with any length.
inline std::string MaskedHeader(std::uint8_t first, std::uint64_t payload_bytes) {
  std::string wire = {static_cast<char>(first),
                      static_cast<char>(payload_bytes < 126     ? 0x80 | payload_bytes
                                        : payload_bytes < 65536 ? 0x80 | 126
                                                                : 0x80 | 127)};
  const int length_bytes = payload_bytes < 126 ? 0 : payload_bytes < 65536 ? 2 : 8;
  for (int i = length_bytes - 1; i >= 0; --i) wire += static_cast<char>(payload_bytes >> (8 * i));
  return wire.append(kSampleMask.begin(), kSampleMask.end());
}

}  // namespace tickcast::protocol
