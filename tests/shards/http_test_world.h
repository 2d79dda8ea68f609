// HttpTestWorld: what an HTTP handler needs of its shard, with connections that are no sockets.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/metrics.h"
#include "protocol/http/request_head.h"
#include "shards/http_responder.h"

namespace tickcast::shards {

struct TestResponse {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;
};

// The responses of one connection's outbox. The head is cut at its empty line; the body is the
// rest.
inline TestResponse ParseResponse(const std::string& raw) {
  TestResponse response;
  const std::size_t head_end = raw.find("\r\n\r\n");
  if (head_end == std::string::npos) return response;
  response.body = raw.substr(head_end + 4);
  response.status = std::stoi(raw.substr(9, 3));
  std::size_t at = raw.find("\r\n") + 2;
  while (at < head_end + 2) {
    const std::size_t end = raw.find("\r\n", at);
    const std::size_t colon = raw.find(": ", at);
    response.headers[raw.substr(at, colon - at)] = raw.substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  return response;
}

// A parsed head whose bytes live as long as it does.
class TestHead {
 public:
  explicit TestHead(std::string_view target,
                    const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    bytes_ = "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n";
    for (const auto& [name, value] : headers) bytes_ += name + ": " + value + "\r\n";
    bytes_ += "\r\n";
    ok_ = protocol::ParseRequestHead(bytes_, head_).verdict == protocol::HeadVerdict::kComplete;
  }
  TestHead(const TestHead&) = delete;
  TestHead& operator=(const TestHead&) = delete;
  bool ok() const { return ok_; }
  operator const protocol::RequestHead&() const { return head_; }

 private:
  std::string bytes_;
  protocol::RequestHead head_;
  bool ok_ = false;
};

class HttpTestWorld : public HttpResponder::Host {
 public:
  static constexpr std::uint32_t kSlots = 64;

  void OnResponse(engine::Slot slot, After after) override { after_[slot] = after; }

  // A client on its own connection.
  HttpAsker Client(bool keep_alive = true) {
    const engine::Slot slot = next_++;
    connections_.Open(slot);
    return {.slot = slot, .generation = connections_.generation(slot), .keep_alive = keep_alive};
  }
  bool answered(const HttpAsker& asker) const { return after_.contains(asker.slot); }
  After after(const HttpAsker& asker) const { return after_.at(asker.slot); }
  TestResponse ResponseTo(const HttpAsker& asker) {
    return ParseResponse(connections_.OutboxOf(asker.slot).raw);
  }

  engine::Registry registry_;
  ShardMetrics metrics_{registry_, 0};
  ConnectionTable connections_{kSlots};
  HttpResponder responder_{connections_, metrics_, *this};

 private:
  engine::Slot next_ = 0;
  std::map<engine::Slot, After> after_;
};

}  // namespace tickcast::shards
