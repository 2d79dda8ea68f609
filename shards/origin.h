// Origins: which pages of a browser may talk to this server (client.allowed_origins), and the CORS
// headers that tell the browser.
//
// A WebSocket of a page that is not listed is refused. An HTTP request is answered all the same,
// without these headers: a browser then keeps the answer from the page, unless the page came from
// this server itself, whose own requests name an Origin too.
// Threading: pure functions. Source: fetch.spec.whatwg.org, internal/middleware/cors.go of
// github.com/centrifugal/centrifugo.
#pragma once

#include <string_view>
#include <vector>

#include "engine/config.h"
#include "protocol/http/request_head.h"
#include "protocol/http/response.h"

namespace tickcast::shards {

// True without the header: only browsers send it.
bool OriginAllowed(const engine::ClientConfig& config, const protocol::RequestHead& head);

// Appends the headers that let a page have the answer. Their values are views into `head`.
void AddCorsHeaders(const engine::ClientConfig& config, const protocol::RequestHead& head,
                    std::vector<protocol::ResponseHeader>& headers);

// The same for an origin that is allowed.
void AddCorsHeaders(std::string_view origin, std::vector<protocol::ResponseHeader>& headers);

// The same for the answer to a preflight request; `methods` are those of the path.
void AddPreflightHeaders(const engine::ClientConfig& config, const protocol::RequestHead& head,
                         std::string_view methods, std::vector<protocol::ResponseHeader>& headers);

}  // namespace tickcast::shards
