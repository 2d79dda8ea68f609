#include "engine/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace tickcast::engine {
namespace {

// Dead peers are found by TCP itself where the protocol's pings do not run (plain HTTP): a minute
// of silence, then three probes, ten seconds apart.
constexpr int kKeepIdleSeconds = 60;
constexpr int kKeepIntervalSeconds = 10;
constexpr int kKeepProbes = 3;
constexpr int kUserTimeoutMs = 60'000;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

absl::StatusOr<Address> ParseAddress(const ListenerOptions& options) {
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  const std::string text = options.address.empty() ? "0.0.0.0" : options.address;
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(options.port);
    address.size = sizeof(sockaddr_in);
    return address;
  }
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(options.port);
    address.size = sizeof(sockaddr_in6);
    return address;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("http_server.address: '", text, "' is no IPv4 or IPv6 address"));
}

absl::Status BindError(const ListenerOptions& options, int error) {
  const std::string what = absl::StrCat(options.address, ":", options.port, ": ", strerror(error));
  if (error == EADDRINUSE) {
    return absl::AlreadyExistsError(
        absl::StrCat(what,
                     " (EADDRINUSE): another server listens there; stop it or choose another "
                     "http_server.port"));
  }
  return absl::InvalidArgumentError(absl::StrCat("http_server.address and port: ", what));
}

bool SetOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

bool SetInheritedOptions(int fd, const ListenerOptions& options) {
  return SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1) && SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
         SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepIdleSeconds) &&
         SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepIntervalSeconds) &&
         SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepProbes) &&
         SetOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs) &&
         (options.send_buffer_bytes == 0 ||
          SetOption(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer_bytes)) &&
         (options.unsent_low_bytes == 0 ||
          SetOption(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, options.unsent_low_bytes));
}

}  // namespace

absl::StatusOr<int> OpenListener(const ListenerOptions& options, std::uint16_t* bound_port) {
  absl::StatusOr<Address> address = ParseAddress(options);
  if (!address.ok()) return address.status();
  const int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ResourceExhaustedError(absl::StrCat("socket: ", strerror(errno)));
  absl::Cleanup close_fd = [fd] { close(fd); };

  if (!SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1) || !SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1) ||
      !SetInheritedOptions(fd, options)) {
    return absl::InternalError(absl::StrCat("setsockopt: ", strerror(errno)));
  }
  if (bind(fd, reinterpret_cast<sockaddr*>(&address->storage), address->size) != 0 ||
      listen(fd, options.backlog) != 0) {
    return BindError(options, errno);
  }
  if (bound_port != nullptr) {
    sockaddr_storage bound{};
    socklen_t size = sizeof(bound);
    getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
    // sin_port and sin6_port lie at the same place.
    *bound_port = ntohs(reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  }
  std::move(close_fd).Cancel();
  return fd;
}

absl::Status CheckPortFree(const ListenerOptions& options) {
  if (options.port == 0) return absl::OkStatus();
  absl::StatusOr<Address> address = ParseAddress(options);
  if (!address.ok()) return address.status();
  const int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ResourceExhaustedError(absl::StrCat("socket: ", strerror(errno)));
  const absl::Cleanup close_fd = [fd] { close(fd); };
  // REUSEADDR passes over connections in TIME_WAIT; a listener, also one with REUSEPORT, refuses.
  SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address->storage), address->size) != 0) {
    return BindError(options, errno);
  }
  return absl::OkStatus();
}

}  // namespace tickcast::engine
