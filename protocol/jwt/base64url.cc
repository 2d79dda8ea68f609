#include "protocol/jwt/base64url.h"

#include <array>
#include <cstdint>

namespace tickcast::protocol {
namespace {

constexpr std::uint8_t kForeign = 0xff;

constexpr std::array<std::uint8_t, 256> kSextets = [] {
  std::array<std::uint8_t, 256> sextets{};
  sextets.fill(kForeign);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    sextets[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return sextets;
}();

}  // namespace

std::optional<std::size_t> DecodeBase64Url(std::string_view text, char* out) {
  char* const begin = out;
  std::uint32_t bits = 0;  // The lowest `held` bits are read and not yet written.
  int held = 0;
  for (const char c : text) {
    const std::uint8_t sextet = kSextets[static_cast<unsigned char>(c)];
    if (sextet == kForeign) return std::nullopt;
    bits = (bits << 6) | sextet;
    held += 6;
    if (held >= 8) {
      held -= 8;
      *out++ = static_cast<char>(bits >> held);
      bits &= (1U << held) - 1;
    }
  }
  // One character alone carries no byte; two or three leave 4 or 2 bits, which must be 0.
  if (held == 6 || bits != 0) return std::nullopt;
  return static_cast<std::size_t>(out - begin);
}

}  // namespace tickcast::protocol
