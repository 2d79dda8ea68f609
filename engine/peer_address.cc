#include "engine/peer_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace tickcast::engine {
namespace {

constexpr std::size_t kIpv4Bytes = 4;

std::string IpText(int family, const std::uint8_t* ip) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(family, ip, text, sizeof(text));
  return text;
}

}  // namespace

PeerAddress PeerAddress::From(const sockaddr* address) {
  PeerAddress peer;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof(v4));
    std::memcpy(peer.ip.data(), &v4.sin_addr, kIpv4Bytes);
    peer.port = ntohs(v4.sin_port);
    peer.family = Family::kIpv4;
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof(v6));
    const std::uint8_t* const ip = v6.sin6_addr.s6_addr;
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
    const std::size_t skipped = mapped ? peer.ip.size() - kIpv4Bytes : 0;
    std::copy(ip + skipped, ip + peer.ip.size(), peer.ip.begin());
    peer.port = ntohs(v6.sin6_port);
    peer.family = mapped ? Family::kIpv4 : Family::kIpv6;
  }
  return peer;
}

std::string PeerAddress::Text() const {
  switch (family) {
    case Family::kIpv4:
      return absl::StrCat(IpText(AF_INET, ip.data()), ":", port);
    case Family::kIpv6:
      return absl::StrCat("[", IpText(AF_INET6, ip.data()), "]:", port);
    case Family::kUnknown:
      break;
  }
  return {};
}

}  // namespace tickcast::engine
