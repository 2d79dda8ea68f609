// What the floor says and hears: frame headers, masking, the canned handshake.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tickcast::perf {

// Answers the key that loadgen always sends, the sample of RFC 6455 section 1.3.
inline constexpr std::string_view kUpgraded =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

[[noreturn]] inline void Die(std::string_view what, int error = 0) {
  fprintf(stderr, "floor: %.*s%s%s\n", static_cast<int>(what.size()), what.data(),
          error == 0 ? "" : ": ", error == 0 ? "" : strerror(error));
  exit(1);
}

// Writes the header of an unmasked text frame (RFC 6455 section 5.2). Returns its size.
inline std::size_t WriteHeader(char* out, std::size_t payload_bytes) {
  out[0] = static_cast<char>(0x81);
  if (payload_bytes < 126) {
    out[1] = static_cast<char>(payload_bytes);
    return 2;
  }
  if (payload_bytes > 0xffff) Die("a message over 64 KiB: the window is too large");
  out[1] = 126;
  out[2] = static_cast<char>(payload_bytes >> 8);
  out[3] = static_cast<char>(payload_bytes);
  return 4;
}

inline char* Append(char* out, std::string_view text) {
  memcpy(out, text.data(), text.size());
  return out + text.size();
}

inline void Unmask(char* payload, std::size_t size, const char* key) {
  std::uint64_t key8 = 0;
  memcpy(&key8, key, 4);
  key8 |= key8 << 32;
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word = 0;
    memcpy(&word, payload + i, 8);
    word ^= key8;
    memcpy(payload + i, &word, 8);
  }
  for (; i < size; ++i) payload[i] = static_cast<char>(payload[i] ^ key[i & 3]);
}

// The number that a channel's name ends with.
inline std::uint32_t ChannelNumber(std::string_view name) {
  std::uint32_t number = 0;
  std::uint32_t scale = 1;
  for (std::size_t i = name.size(); i > 0 && name[i - 1] >= '0' && name[i - 1] <= '9'; --i) {
    number += scale * static_cast<std::uint32_t>(name[i - 1] - '0');
    scale *= 10;
  }
  if (number >= 1'000'000) Die("channels are numbered from 0");
  return number;
}

}  // namespace tickcast::perf
