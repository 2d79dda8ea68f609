// Uninterrupted: blocking socket calls with a timeout, to their end.
//
// A call on a socket with SO_RCVTIMEO or SO_SNDTIMEO is not restarted after a signal, nor when a
// ring of the same thread has completions to run (signal(7)): it fails with EINTR although nothing
// is wrong. Threading: blocks its thread.
#pragma once

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

namespace tickcast::loadgen {

// Repeats `call` as long as it was interrupted; its result and errno.
template <typename Call>
ssize_t Uninterrupted(Call&& call) {
  ssize_t result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// connect(2), which goes on in the background when it was interrupted. False: errno says why.
inline bool ConnectUninterrupted(int fd, const sockaddr_in& address) {
  while (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EISCONN) return true;
    if (errno != EINTR && errno != EALREADY) return false;
  }
  return true;
}

}  // namespace tickcast::loadgen
