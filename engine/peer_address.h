// PeerAddress: IP address and port of the far end of a connection.
// Threading: a plain value.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>

namespace tickcast::engine {

struct PeerAddress {
  enum class Family : std::uint8_t { kUnknown, kIpv4, kIpv6 };

  // Of an AF_INET or AF_INET6 socket; any other family is unknown. An IPv4 address that came as
  // IPv6 (::ffff:192.0.2.1, RFC 4291 section 2.5.5.2) is an IPv4 address again.
  // REQUIRES: as many readable bytes as the family's structure has.
  static PeerAddress From(const sockaddr* address);

  // "192.0.2.1:443" or "[2001:db8::1]:443" (RFC 3986, RFC 5952); "" when it is unknown.
  std::string Text() const;

  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;

  std::array<std::uint8_t, 16> ip{};  // In the order of the network; of IPv4 the first four.
  std::uint16_t port = 0;
  Family family = Family::kUnknown;
};

}  // namespace tickcast::engine
