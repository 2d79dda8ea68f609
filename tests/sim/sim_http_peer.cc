#include "tests/sim/sim_http_peer.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace tickcast::shards::sim {

void SimHttpPeer::Get(std::string_view target, std::string_view headers) {
  SendRaw(absl::StrCat("GET ", std::string(target), " HTTP/1.1\r\nHost: sim\r\n",
                       std::string(headers), "\r\n"));
}

void SimHttpPeer::Post(std::string_view target, std::string_view body) {
  SendRaw(absl::StrCat("POST ", std::string(target), " HTTP/1.1\r\nHost: sim\r\nContent-Length: ",
                       body.size(), "\r\n\r\n", std::string(body)));
}

const std::vector<HttpResponse>& SimHttpPeer::Responses() {
  for (const std::byte byte : peer_.TakeReceived()) input_ += static_cast<char>(byte);
  for (;;) {
    const std::size_t end = input_.find("\r\n\r\n");
    if (end == std::string::npos) return responses_;
    const std::string head = input_.substr(0, end + 4);
    const std::size_t length = head.find("Content-Length: ");
    const bool no_body = head.starts_with("HTTP/1.1 204 ");
    if (!head.starts_with("HTTP/1.1 ") || (length == std::string::npos && !no_body)) {
      ADD_FAILURE() << "no response: " << head;
      return responses_;
    }
    const std::size_t body_bytes = no_body ? 0 : std::stoul(head.substr(length + 16));
    if (input_.size() < head.size() + body_bytes) return responses_;
    responses_.push_back({.status = std::stoi(head.substr(9, 3)),
                          .head = head,
                          .body = input_.substr(head.size(), body_bytes)});
    input_.erase(0, head.size() + body_bytes);
  }
}

}  // namespace tickcast::shards::sim
