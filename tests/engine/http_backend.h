// HttpBackend: a small HTTP/1.1 server for tests, which answers as a function says.
// Threading: its own threads; `answer` is called on them.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tickcast::engine {

struct BackendRequest {
  std::string head;  // Request line and fields, each with its line end.
  std::string body;
};

class HttpBackend {
 public:
  // Returns the bytes of a whole response; "" closes the connection without one.
  using Answer = std::function<std::string(const BackendRequest&)>;

  static std::string Response(int status, std::string_view body) {
    return "HTTP/1.1 " + std::to_string(status) +
           " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }

  explicit HttpBackend(Answer answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
        listen(listener_, 512) == 0 &&
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
      port_ = ntohs(address.sin_port);
    }
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~HttpBackend() {
    stopping_.store(true);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    close(listener_);
  }

  int port() const { return port_; }
  std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  int connections() const { return connections_.load(); }
  int requests() const { return requests_.load(); }

 private:
  // False at the end.
  bool Readable(int fd) const {
    while (!stopping_.load()) {
      pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
      if (poll(&poll_fd, 1, 20) > 0) return true;
    }
    return false;
  }

  void Accept() {
    while (Readable(listener_)) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      connections_.fetch_add(1);
      threads_.emplace_back([this, fd] {
        Serve(fd);
        close(fd);
      });
    }
  }

  static std::size_t ContentLength(const std::string& head) {
    std::string lower = head;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
    const std::size_t at = lower.find("content-length: ");
    std::size_t length = 0;
    if (at != std::string::npos) {
      std::from_chars(lower.data() + at + 16, lower.data() + lower.size(), length);
    }
    return length;
  }

  void Serve(int fd) {
    std::string input;
    char bytes[65536];
    while (true) {
      const std::size_t end = input.find("\r\n\r\n");
      const std::size_t whole =
          end == std::string::npos ? end : end + 4 + ContentLength(input.substr(0, end + 2));
      if (end == std::string::npos || input.size() < whole) {
        if (!Readable(fd)) return;
        const ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
        if (got <= 0) return;
        input.append(bytes, static_cast<std::size_t>(got));
        continue;
      }
      requests_.fetch_add(1);
      const std::string response = answer_(
          {.head = input.substr(0, end + 2), .body = input.substr(end + 4, whole - end - 4)});
      if (response.empty()) return;
      input.erase(0, whole);
      for (std::size_t sent = 0; sent < response.size();) {
        const ssize_t took = send(fd, response.data() + sent, response.size() - sent, MSG_NOSIGNAL);
        if (took <= 0) return;
        sent += static_cast<std::size_t>(took);
      }
    }
  }

  const Answer answer_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::atomic<int> requests_{0};
  std::thread acceptor_;
  std::vector<std::thread> threads_;  // Grown by the acceptor, read when it has ended.
};

}  // namespace tickcast::engine
