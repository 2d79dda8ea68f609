// The listening socket of a shard, with every option that its connections inherit.
//
// Accepted sockets are direct descriptors, which setsockopt(2) cannot reach; but TCP_NODELAY,
// SO_SNDBUF, TCP_NOTSENT_LOWAT, keepalive and TCP_USER_TIMEOUT pass from listener to connection, so
// they are set here once and cost no call per connection.
// Threading: set-up, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace tickcast::engine {

struct ListenerOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6 literal; "" and "0.0.0.0" = every IPv4 one.
  std::uint16_t port = 8000;          // 0 = any free port.
  int backlog = 65535;                // The kernel clamps it to net.core.somaxconn.
  // Small on purpose: what a slow reader has not taken stays on our side, where it can still be
  // conflated. 16384 with 4096 held 81 KB of a client that never reads, the defaults 2.6 MB.
  int send_buffer_bytes = 16384;  // 0 = the kernel's autotuning.
  int unsent_low_bytes = 4096;    // TCP_NOTSENT_LOWAT; 0 = the kernel's default.
};

// A listening SO_REUSEPORT socket, one of a group of one per shard; the caller owns it.
// `bound_port` (may be null) gets the port, for port 0. Fails with InvalidArgument for an address
// that is none, AlreadyExists (EADDRINUSE) or what bind(2) says otherwise.
absl::StatusOr<int> OpenListener(const ListenerOptions& options, std::uint16_t* bound_port);

// AlreadyExists when somebody else listens on the port: SO_REUSEPORT would let a second server of
// the same user silently take half of the connections. A port of 0 is always free.
absl::Status CheckPortFree(const ListenerOptions& options);

}  // namespace tickcast::engine
