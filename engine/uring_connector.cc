#include "engine/uring_connector.h"

#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"

namespace tickcast::engine {
namespace {

sockaddr_in ToSockaddr(const Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(endpoint.address);
  address.sin_port = htons(endpoint.port);
  return address;
}

int SetOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

int BindSource(int fd, const Endpoint& source) {
  if (source.address == 0 && source.port == 0) return 0;
  // Without it bind(2) would pick a port that no other destination could use.
  if (const int error = SetOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)) return error;
  const sockaddr_in address = ToSockaddr(source);
  return bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : -errno;
}

int BeginConnect(int fd, const ConnectOptions& options) {
  if (options.no_delay) {
    if (const int error = SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1)) return error;
  }
  // Before connecting: the window's scale is agreed in the handshake.
  if (options.receive_buffer_bytes > 0) {
    if (const int error = SetOption(fd, SOL_SOCKET, SO_RCVBUF, options.receive_buffer_bytes)) {
      return error;
    }
  }
  if (const int error = BindSource(fd, options.source)) return error;
  const sockaddr_in address = ToSockaddr(options.destination);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return 0;
  return errno == EINPROGRESS ? 0 : -errno;
}

}  // namespace

int UringConnector::Connect(Slot slot, const ConnectOptions& options) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const absl::Cleanup close_fd = [fd] { close(fd); };
  if (const int error = BeginConnect(fd, options)) return error;
  io_uring_files_update update{};
  update.offset = slot;
  update.fds = reinterpret_cast<std::uint64_t>(&fd);
  const int updated = io_uring_register(static_cast<unsigned>(ring_handle_),
                                        IORING_REGISTER_FILES_UPDATE, &update, 1);
  return updated == 1 ? 0 : updated;
}

}  // namespace tickcast::engine
