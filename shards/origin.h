// Origins: which pages of a browser may talk to this server (client.allowed_origins), and the CORS
// headers that tell the browser.
//
// A WebSocket of a page that is not listed is refused. An HTTP request is answered all the same,
// without these headers: a browser then keeps the answer from the page, unless the page came from
// this server itself, whose own requests name an Origin too.
// Threading: one thread. Source: fetch.spec.whatwg.org, internal/middleware/cors.go and
// internal/origin of github.com/centrifugal/centrifugo.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/config.h"
#include "protocol/glob.h"
#include "protocol/http/request_head.h"
#include "protocol/http/response.h"

namespace tickcast::shards {

class Origins {
 public:
  // Fails where one of the patterns is none, and names it.
  static absl::Status Check(const engine::ClientConfig& config);

  // REQUIRES: Check(config).ok().
  explicit Origins(const engine::ClientConfig& config);

  // True without the header: only browsers send it. Case does not matter, as the parts of an origin
  // have none.
  bool Allow(const protocol::RequestHead& head);

  // Appends the headers that let a page have the answer. Their values are views into `head`.
  void AddCorsHeaders(const protocol::RequestHead& head,
                      std::vector<protocol::ResponseHeader>& headers);

  // The same for the answer to a preflight request; `methods` are those of the path.
  void AddPreflightHeaders(const protocol::RequestHead& head, std::string_view methods,
                           std::vector<protocol::ResponseHeader>& headers);

 private:
  std::vector<protocol::Glob> patterns_;
  std::string origin_;  // Scratch.
};

// Appends the headers that let the page of `origin`, which is allowed, have the answer.
void AddCorsHeaders(std::string_view origin, std::vector<protocol::ResponseHeader>& headers);

}  // namespace tickcast::shards
