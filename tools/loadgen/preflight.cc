#include "tools/loadgen/preflight.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tools/loadgen/frame_scanner.h"
#include "tools/loadgen/line.h"
#include "tools/loadgen/uninterrupted.h"

namespace tickcast::loadgen {
namespace {

constexpr int kPatienceSeconds = 3;
constexpr std::size_t kMaxAnswerBytes = 16 << 10;

std::string Where(const Options& options) { return absl::StrCat(options.host, ":", options.port); }

// The front of what a server said, printable.
std::string Excerpt(std::string_view text) {
  text = text.substr(0, std::min<std::size_t>(text.find("\r\n"), 80));
  return absl::CHexEscape(absl::string_view(text.data(), text.size()));
}

absl::Status Tell(const Options& options, absl::StatusCode code, const std::string& what) {
  return absl::Status(code, absl::StrCat(Where(options), ": ", what));
}

// Reads until `complete(answer)`, or says why there is no more.
template <typename Complete>
absl::Status ReadUntil(const Options& options, int fd, std::string& answer, const char* what,
                       Complete complete) {
  char buffer[4096];
  while (!complete(answer)) {
    if (answer.size() > kMaxAnswerBytes) {
      return Tell(options, absl::StatusCode::kFailedPrecondition,
                  absl::StrCat(what, " has no end; it begins '", Excerpt(answer), "'"));
    }
    const ssize_t size = Uninterrupted([&] { return recv(fd, buffer, sizeof(buffer), 0); });
    if (size > 0) {
      answer.append(buffer, static_cast<std::size_t>(size));
      continue;
    }
    const bool silent = size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    const std::string why = silent ? absl::StrCat("did not come within ", kPatienceSeconds, " s")
                            : size == 0
                                ? std::string("did not come: the server ended the connection")
                                : absl::StrCat("did not come: ", strerror(errno));
    const std::string rest = answer.empty() ? "" : absl::StrCat(" after '", Excerpt(answer), "'");
    return Tell(options,
                silent ? absl::StatusCode::kUnavailable : absl::StatusCode::kFailedPrecondition,
                absl::StrCat(what, " ", why, rest));
  }
  return absl::OkStatus();
}

absl::Status Upgrade(const Options& options, int fd, std::string& answer) {
  const std::string request = UpgradeRequest(Where(options), options.path);
  if (Uninterrupted([&] { return send(fd, request.data(), request.size(), MSG_NOSIGNAL); }) < 0) {
    return Tell(options, absl::StatusCode::kUnavailable, strerror(errno));
  }
  absl::Status status =
      ReadUntil(options, fd, answer, "the answer to the upgrade", [](const std::string& bytes) {
        return bytes.find("\r\n\r\n") != std::string::npos ||
               !std::string_view(bytes).substr(0, 5).starts_with(
                   std::string_view("HTTP/").substr(0, std::min<std::size_t>(5, bytes.size())));
      });
  if (!status.ok()) return status;
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos || !IsUpgraded(std::string_view(answer).substr(0, end))) {
    return Tell(options, absl::StatusCode::kFailedPrecondition,
                absl::StrCat("no WebSocket at ", options.path, ": '", Excerpt(answer), "'"));
  }
  answer.erase(0, end + 4);
  return absl::OkStatus();
}

absl::Status SayConnect(const Options& options, int fd, std::string& answer) {
  std::string command;
  AppendConnect(1, command);
  std::string frame;
  AppendMaskedFrame(static_cast<std::uint8_t>(Opcode::kText), command, 0x5aa5'1234, frame);
  if (Uninterrupted([&] { return send(fd, frame.data(), frame.size(), MSG_NOSIGNAL); }) < 0) {
    return Tell(options, absl::StatusCode::kUnavailable, strerror(errno));
  }
  absl::Status status = ReadUntil(
      options, fd, answer, "the reply to the connect command", [](const std::string& bytes) {
        return ReadFrameHeader(bytes).kind != FrameHeader::Kind::kUnfinished;
      });
  if (!status.ok()) return status;
  const FrameHeader frame_header = ReadFrameHeader(answer);
  std::string_view payload =
      std::string_view(answer).substr(frame_header.header_bytes, frame_header.payload_bytes);
  const bool text =
      frame_header.kind == FrameHeader::Kind::kComplete && frame_header.opcode == Opcode::kText;
  if (text && ReadLine(payload).kind == Line::Kind::kConnected) return absl::OkStatus();
  const bool close = frame_header.opcode == Opcode::kClose && payload.size() > 2;
  return Tell(options, absl::StatusCode::kFailedPrecondition,
              absl::StrCat("no Centrifuge protocol (or not without a token): the connect command "
                           "was answered '",
                           Excerpt(close ? payload.substr(2) : payload), "'"));
}

}  // namespace

absl::StatusOr<engine::Endpoint> ParseEndpoint(const Options& options) {
  in_addr address{};
  if (inet_pton(AF_INET, options.host.c_str(), &address) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", options.host, "' is no IPv4 address; names are not looked up"));
  }
  return engine::Endpoint{.address = ntohl(address.s_addr), .port = options.port};
}

absl::Status CheckServer(const Options& options, const engine::Endpoint& server) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Tell(options, absl::StatusCode::kResourceExhausted, strerror(errno));
  const absl::Cleanup close_fd = [fd] { close(fd); };
  const timeval patience{.tv_sec = kPatienceSeconds, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(server.address);
  address.sin_port = htons(server.port);
  if (!ConnectUninterrupted(fd, address)) {
    const char* remedy = errno == ECONNREFUSED ? ": no server listens there" : "";
    return Tell(options, absl::StatusCode::kUnavailable, absl::StrCat(strerror(errno), remedy));
  }
  std::string answer;
  if (absl::Status status = Upgrade(options, fd, answer); !status.ok()) return status;
  return SayConnect(options, fd, answer);
}

}  // namespace tickcast::loadgen
