// Frame writer: headers and control frames of RFC 6455, into memory the caller has.
//
// A payload lies in memory before its length is final, so a header is written right before it, and
// the caller leaves the room. Servers send unmasked, clients masked frames.
// Threading: pure functions. Source: RFC 6455 section 5.2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tickcast::protocol {

enum class Opcode : std::uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xA,
};

using MaskingKey = std::array<std::uint8_t, 4>;

// Room for the longest header of an unmasked frame: 2 bytes and a 64-bit length.
inline constexpr std::size_t kMaxServerHeaderBytes = 10;
// The same of a masked one.
inline constexpr std::size_t kMaxClientHeaderBytes = 14;
inline constexpr std::size_t kMaxControlPayloadBytes = 125;

constexpr std::size_t FrameHeaderBytes(std::uint64_t payload_bytes, bool masked) {
  return 2 + (payload_bytes < 126 ? 0u : payload_bytes < 65536 ? 2u : 8u) + (masked ? 4u : 0u);
}

// Writes the header of a whole, unmasked message of `payload_bytes` into the bytes that end at
// `payload`, and returns how many that were. REQUIRES: kMaxServerHeaderBytes of room.
std::size_t WriteServerHeader(Opcode opcode, std::uint64_t payload_bytes, std::byte* payload);

inline std::size_t WriteServerTextHeader(std::uint64_t payload_bytes, std::byte* payload) {
  return WriteServerHeader(Opcode::kText, payload_bytes, payload);
}

// The same for a masked message, whose `payload_bytes` bytes behind `payload` are masked in place.
// REQUIRES: kMaxClientHeaderBytes of room. About `mask`: AppendClientFrame().
std::size_t WriteClientHeader(Opcode opcode, std::size_t payload_bytes, MaskingKey mask,
                              std::byte* payload);

// Appends one unmasked frame. REQUIRES: of a control frame, at most kMaxControlPayloadBytes.
void AppendServerFrame(Opcode opcode, std::string_view payload, std::string& out);

inline void AppendTextFrame(std::string_view payload, std::string& out) {
  AppendServerFrame(Opcode::kText, payload, out);
}

// Appends an unmasked close frame. A `code` of 1005 (no code was given) writes an empty payload; a
// `reason` over 123 bytes is cut on a character's boundary. REQUIRES: `reason` is UTF-8, `code` one
// that may be sent (not 1006 or 1015: RFC 6455 section 7.4.1).
void AppendCloseFrame(std::uint16_t code, std::string_view reason, std::string& out);

// Appends one masked frame, as a client sends it. RFC 6455 section 5.3 wants `mask` unpredictable
// where proxies are between; a test or load generator may use any. REQUIRES: as of server frames.
void AppendClientFrame(Opcode opcode, std::string_view payload, MaskingKey mask, std::string& out);

// XORs `bytes` with the masking key, beginning at its byte `phase` (0 to 3); returns the phase
// behind them. The same call masks and unmasks.
std::uint32_t ApplyMask(std::span<std::byte> bytes, MaskingKey mask, std::uint32_t phase);

}  // namespace tickcast::protocol
