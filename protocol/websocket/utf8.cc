#include "protocol/websocket/utf8.h"

#include <simdjson.h>

#include <algorithm>

namespace tickcast::protocol {
namespace {

// Pieces from this size on are checked by vectors, all but the last bytes.
constexpr std::size_t kVectorBytes = 64;

// Where the last sequence that may be incomplete begins: within the last three bytes. A sequence
// that an earlier byte begins is either complete or invalid here.
std::size_t LastBoundary(std::span<const std::byte> bytes) {
  for (std::size_t back = 1; back <= 3; ++back) {
    const auto byte = std::to_integer<std::uint8_t>(bytes[bytes.size() - back]);
    if (byte >= 0xC0) return bytes.size() - back;
    if (byte < 0x80) break;
  }
  return bytes.size();
}

}  // namespace

bool Utf8Checker::Feed(std::span<const std::byte> bytes) {
  // What an earlier piece left open comes first: vectors can only begin at a boundary.
  while (missing_ > 0 && !bytes.empty()) {
    if (!Step(std::to_integer<std::uint8_t>(bytes.front()))) return false;
    bytes = bytes.subspan(1);
  }
  if (bytes.size() >= kVectorBytes) {
    const std::size_t whole = LastBoundary(bytes);
    if (!simdjson::validate_utf8(reinterpret_cast<const char*>(bytes.data()), whole)) return false;
    bytes = bytes.subspan(whole);
  }
  return std::all_of(bytes.begin(), bytes.end(),
                     [this](std::byte raw) { return Step(std::to_integer<std::uint8_t>(raw)); });
}

bool Utf8Checker::Step(std::uint8_t byte) {
  if (missing_ > 0) {
    if (byte < low_ || byte > high_) return false;
    low_ = 0x80;
    high_ = 0xBF;
    --missing_;
    return true;
  }
  if (byte < 0x80) return true;
  if (byte < 0xC2 || byte > 0xF4) return false;
  missing_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  // No overlong forms, no surrogates, nothing above U+10FFFF.
  low_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
  high_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
  return true;
}

}  // namespace tickcast::protocol
