#include "tools/loadgen/http_get.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "tools/loadgen/uninterrupted.h"

namespace tickcast::loadgen {
namespace {

constexpr int kPatienceSeconds = 10;
constexpr std::size_t kMaxResponseBytes = 64 << 20;

absl::Status Failed(const std::string& path) {
  return absl::UnavailableError(absl::StrCat(path, ": ", strerror(errno)));
}

}  // namespace

absl::StatusOr<std::string> HttpGet(const engine::Endpoint& server, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Failed(path);
  const absl::Cleanup close_fd = [fd] { close(fd); };
  const timeval patience{.tv_sec = kPatienceSeconds, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(server.address);
  address.sin_port = htons(server.port);
  if (!ConnectUninterrupted(fd, address)) return Failed(path);
  const std::string request =
      absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: loadgen\r\nConnection: close\r\n\r\n");
  const auto send_all = [&] { return send(fd, request.data(), request.size(), MSG_NOSIGNAL); };
  if (Uninterrupted(send_all) < 0) return Failed(path);
  std::string response;
  char buffer[65536];
  ssize_t size = 0;
  while ((size = Uninterrupted([&] { return recv(fd, buffer, sizeof(buffer), 0); })) > 0) {
    response.append(buffer, static_cast<std::size_t>(size));
    if (response.size() > kMaxResponseBytes) return absl::DataLossError("a page without end");
  }
  if (size < 0) return Failed(path);
  absl::StatusOr<std::string> body = ReadBody(response);
  if (body.ok()) return body;
  return absl::Status(body.status().code(), absl::StrCat(path, ": ", body.status().message()));
}

}  // namespace tickcast::loadgen
