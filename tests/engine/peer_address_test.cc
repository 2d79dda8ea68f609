#include "engine/peer_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace tickcast::engine {
namespace {

PeerAddress Of4(const char* ip, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET, ip, &address.sin_addr), 1) << ip;
  return PeerAddress::From(reinterpret_cast<const sockaddr*>(&address));
}

PeerAddress Of6(const char* ip, std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET6, ip, &address.sin6_addr), 1) << ip;
  return PeerAddress::From(reinterpret_cast<const sockaddr*>(&address));
}

TEST(PeerAddressTest, IsWrittenAsAUrlWritesIt) {
  EXPECT_EQ(Of4("127.0.0.1", 1).Text(), "127.0.0.1:1");
  EXPECT_EQ(Of4("203.0.113.254", 65535).Text(), "203.0.113.254:65535");
  EXPECT_EQ(Of6("::1", 8000).Text(), "[::1]:8000");
  EXPECT_EQ(Of6("2001:db8:0:0:1:0:0:1", 443).Text(), "[2001:db8::1:0:0:1]:443");
  EXPECT_EQ(Of6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535).Text(),
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

// A listener on "::" gets IPv4 clients so, and one client has one address.
TEST(PeerAddressTest, AnIpv4AddressInIpv6IsAnIpv4Address) {
  EXPECT_EQ(Of6("::ffff:192.0.2.7", 443), Of4("192.0.2.7", 443));
  EXPECT_EQ(Of6("::ffff:192.0.2.7", 443).Text(), "192.0.2.7:443");
  EXPECT_EQ(Of6("::fffe:192.0.2.7", 443).Text(), "[::fffe:c000:207]:443");
}

TEST(PeerAddressTest, AnotherFamilyIsUnknown) {
  sockaddr_storage address{};
  address.ss_family = AF_UNIX;
  const PeerAddress peer = PeerAddress::From(reinterpret_cast<const sockaddr*>(&address));
  EXPECT_EQ(peer.family, PeerAddress::Family::kUnknown);
  EXPECT_EQ(peer, PeerAddress{});
  EXPECT_EQ(peer.Text(), "");
}

}  // namespace
}  // namespace tickcast::engine
