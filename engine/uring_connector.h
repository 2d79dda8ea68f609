// UringConnector: opens client connections in a ring's table of direct descriptors.
//
// An ordinary socket gets its options, its source address and a non-blocking connect(2), is put
// into the table, and its descriptor is closed, so a process holds as many connections as its
// tables have slots whatever RLIMIT_NOFILE says. The chain of IORING_OP_SOCKET, URING_CMD, BIND and
// CONNECT does the same in one submit, but only from Linux 6.11 on (BIND), reports which link
// failed only indirectly, and saves little: the handshake inside connect(2) is most of the cost.
//
// There is no completion of its own. A socket that is still connecting refuses sends with -EAGAIN
// and then reports kPollOut, and one that could not connect ends its receive with the reason.
// Threading: the thread of the ring.
#pragma once

#include <cstdint>

#include "engine/ring.h"

namespace tickcast::engine {

// An IPv4 address and port in host byte order; 0 = the kernel chooses.
struct Endpoint {
  std::uint32_t address = 0;
  std::uint16_t port = 0;
};

struct ConnectOptions {
  Endpoint source;  // A port is chosen when connecting, so that pairs may share it.
  Endpoint destination;
  bool no_delay = true;
  int receive_buffer_bytes = 0;  // SO_RCVBUF; 0 = the kernel's autotuning.
};

class UringConnector {
 public:
  // `ring` must outlive the connector.
  explicit UringConnector(const Ring& ring) : ring_handle_(ring.handle()) {}

  // Begins to connect in `slot`. Returns 0, or -errno of the call that failed (-EADDRNOTAVAIL: the
  // pair of addresses has no port left; -ECONNREFUSED may also come later, see above).
  // REQUIRES: the slot is free, and a CancelAndClose() of it was submitted.
  int Connect(Slot slot, const ConnectOptions& options);

 private:
  int ring_handle_;
};

}  // namespace tickcast::engine
