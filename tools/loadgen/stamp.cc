#include "tools/loadgen/stamp.h"

#include <cstring>

namespace tickcast::loadgen {
namespace {

constexpr std::string_view kMarker = R"({"stamp":")";
constexpr std::size_t kDigits = 48;
constexpr std::string_view kEnd = R"("})";
static_assert(kMinPayloadBytes == kMarker.size() + kDigits + kEnd.size());

void AppendHex(std::uint64_t value, int digits, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kHex[(value >> shift) & 0xf];
}

// Eight hex digits at once: each byte becomes its nibble, then neighbours are folded together.
// Digits that are none give some number; the run number in front of a stamp catches that.
std::uint32_t ReadHex8(const char* digits) {
  std::uint64_t word = 0;
  std::memcpy(&word, digits, sizeof(word));
  const std::uint64_t letters = (word >> 6) & 0x0101'0101'0101'0101;
  word = (word & 0x0f0f'0f0f'0f0f'0f0f) + letters * 9;
  // The first digit is the lowest byte (little endian) and the highest nibble.
  word = (word << 4 | word >> 8) & 0x00ff'00ff'00ff'00ff;
  word = (word << 8 | word >> 16) & 0x0000'ffff'0000'ffff;
  return static_cast<std::uint32_t>(word << 16 | word >> 32);
}

}  // namespace

void AppendStamped(const Stamp& stamp, std::size_t payload_bytes, std::string& out) {
  out += kMarker;
  AppendHex(stamp.run, 8, out);
  AppendHex(stamp.channel, 8, out);
  AppendHex(stamp.number, 8, out);
  AppendHex(stamp.publication, 8, out);
  AppendHex(stamp.time_ns, 16, out);
  out.append(payload_bytes - kMinPayloadBytes, '.');
  out += kEnd;
}

bool StampFinder::Find(std::string_view line, Stamp& stamp) {
  std::size_t offset = last_offset_;
  if (line.size() < offset + kMarker.size() || line.substr(offset, kMarker.size()) != kMarker) {
    offset = line.find(kMarker);
    if (offset == std::string_view::npos) return false;
    last_offset_ = offset;
  }
  if (line.size() < offset + kMarker.size() + kDigits) return false;
  const char* digits = line.data() + offset + kMarker.size();
  stamp = {
      .run = ReadHex8(digits),
      .channel = ReadHex8(digits + 8),
      .number = ReadHex8(digits + 16),
      .publication = ReadHex8(digits + 24),
      .time_ns = static_cast<std::uint64_t>(ReadHex8(digits + 32)) << 32 | ReadHex8(digits + 40)};
  return true;
}

}  // namespace tickcast::loadgen
