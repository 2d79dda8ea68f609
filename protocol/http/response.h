// Response heads of HTTP/1.1.
//
// Appended to the bytes that a connection owes its peer, so nothing is allocated but what they grow
// by.
// Threading: pure functions. Source: RFC 9112 section 4, RFC 9110.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tickcast::protocol {

struct ResponseHeader {
  std::string_view name;
  std::string_view value;
};

struct ResponseHead {
  int status = 200;
  std::string_view content_type = {};  // Empty: no such header.
  std::uint64_t content_length = 0;    // Of the body, also where it is not sent (HEAD).
  bool chunked = false;                // The body has no length yet: it comes in chunks.
  bool keep_alive = true;
  std::span<const ResponseHeader> headers = {};  // Further ones.
};

// "Not Found" for 404; "" for a status that is not answered here.
std::string_view ReasonPhrase(int status);

// Appends the head with its empty line. Statuses that have no body (204, 304) get no
// Content-Length, nor does a chunked one (RFC 9112 section 7.1); 426 names `upgrade` in Connection,
// as its Upgrade header demands (RFC 9110 section 7.8). REQUIRES: names and values that a header
// may have; nothing is escaped.
void AppendResponseHead(const ResponseHead& head, std::string& out);

}  // namespace tickcast::protocol
