#include "tests/sim/sim_stream_peer.h"

#include <gtest/gtest.h>

#include <charconv>

#include "absl/strings/str_cat.h"

namespace tickcast::shards::sim {

void SimStreamPeer::Post(std::string_view target, std::string_view body, std::string_view headers) {
  peer_.Send(absl::StrCat("POST ", std::string(target), " HTTP/1.1\r\nHost: sim\r\n",
                          std::string(headers), "Content-Length: ", body.size(), "\r\n\r\n",
                          std::string(body)));
}

void SimStreamPeer::Get(std::string_view target) {
  peer_.Send(absl::StrCat("GET ", std::string(target), " HTTP/1.1\r\nHost: sim\r\n\r\n"));
}

const std::string& SimStreamPeer::Body() {
  for (const std::byte byte : peer_.TakeReceived()) input_ += static_cast<char>(byte);
  if (head_.empty()) {
    const std::size_t end = input_.find("\r\n\r\n");
    if (end == std::string::npos) return body_;
    head_ = input_.substr(0, end + 4);
    input_.erase(0, end + 4);
    EXPECT_NE(head_.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos) << head_;
  }
  TakeChunks();
  return body_;
}

void SimStreamPeer::TakeChunks() {
  for (;;) {
    const std::size_t end = input_.find("\r\n");
    if (end == std::string::npos) return;
    EXPECT_FALSE(ended_) << "behind the last chunk: " << input_;
    std::size_t size_bytes = 0;
    const auto [rest, error] = std::from_chars(input_.data(), input_.data() + end, size_bytes, 16);
    ASSERT_TRUE(error == std::errc() && rest == input_.data() + end) << input_.substr(0, 100);
    if (input_.size() < end + 2 + size_bytes + 2) return;
    ASSERT_EQ(input_.substr(end + 2 + size_bytes, 2), "\r\n");
    body_ += input_.substr(end + 2, size_bytes);
    ended_ = size_bytes == 0;
    input_.erase(0, end + 2 + size_bytes + 2);
  }
}

std::vector<std::string> SimStreamPeer::Lines() {
  std::vector<std::string> lines;
  std::string_view rest = Body();
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  EXPECT_TRUE(rest.empty()) << "a chunk ends within a line: " << rest;
  return lines;
}

std::vector<std::string> SimStreamPeer::Events() {
  constexpr std::string_view kData = "data: ";
  std::vector<std::string> events;
  for (const std::string& line : Lines()) {
    if (line.empty() || line == "\r") continue;
    EXPECT_TRUE(line.starts_with(kData)) << line;
    events.push_back(line.substr(kData.size()));
  }
  return events;
}

std::string MemberOf(std::string_view line, std::string_view name) {
  const std::string key = absl::StrCat("\"", std::string(name), "\":\"");
  const std::size_t begin = line.find(key);
  if (begin == std::string_view::npos) return {};
  const std::size_t end = line.find('"', begin + key.size());
  return std::string(line.substr(begin + key.size(), end - begin - key.size()));
}

}  // namespace tickcast::shards::sim
