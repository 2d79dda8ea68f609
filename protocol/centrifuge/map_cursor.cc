#include "protocol/centrifuge/map_cursor.h"

#include <array>
#include <cstdint>

namespace tickcast::protocol {
namespace {

using Digest = std::array<char, 8>;

// FNV-1a, 32 bits, as hexadecimal digits: the same in every process, so that a page can be asked of
// another one. Source: draft-eastlake-fnv.
Digest DigestOf(std::string_view channel) {
  std::uint32_t hash = 2'166'136'261;
  for (const char byte : channel) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 16'777'619;
  }
  Digest digits;
  for (char& digit : digits) {
    digit = "0123456789abcdef"[hash >> 28];
    hash <<= 4;
  }
  return digits;
}

}  // namespace

void AppendMapCursor(std::string_view channel, std::string_view last_key, std::string& out) {
  const Digest digest = DigestOf(channel);
  out.append(digest.data(), digest.size());
  out += last_key;
}

std::optional<std::string_view> ReadMapCursor(std::string_view channel, std::string_view cursor) {
  const Digest digest = DigestOf(channel);
  if (cursor.size() <= digest.size()) return std::nullopt;
  if (cursor.substr(0, digest.size()) != std::string_view(digest.data(), digest.size())) {
    return std::nullopt;
  }
  return cursor.substr(digest.size());
}

}  // namespace tickcast::protocol
