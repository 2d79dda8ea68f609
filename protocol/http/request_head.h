// RequestHead: the head of an HTTP/1.1 request, strictly.
//
// What two parsers could read differently is refused and not repaired: that is how requests are
// smuggled past a proxy. The head is given whole or not at all. While it is incomplete nothing is
// kept but the caller's bytes, so a connection that is being read costs no parser; what came before
// is looked at again only when a line has ended, at most some 200 times for the longest head, and
// not once per byte of a peer that drips.
// Threading: a value; its views point into the caller's bytes. Source: RFC 9112, RFC 9110.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/http/header_fields.h"

namespace tickcast::protocol {

inline constexpr std::size_t kMaxRequestHeadBytes = kMaxHeadBytes;
inline constexpr std::size_t kMaxRequestHeaders = kMaxHeaders;

struct RequestHead : HeaderFields {
  std::string_view method;
  std::string_view target;  // As sent.
  std::string_view path;    // Of the target, before '?'; not decoded. "*" of an OPTIONS *.
  std::string_view query;   // After '?', or empty.
  int minor_version = 1;    // HTTP/1.x
  std::optional<std::uint64_t> content_length;

  // Whether the connection may carry another request (RFC 9112 section 9.3).
  bool keep_alive() const;
};

enum class HeadVerdict : std::uint8_t {
  kComplete,
  kNeedMore,
  kBad,  // Answer with `status` and close: where the next request begins is not known.
};

struct HeadResult {
  HeadVerdict verdict = HeadVerdict::kNeedMore;
  std::size_t head_bytes = 0;    // kComplete: the body begins here.
  int status = 0;                // kBad: 400, 411, 431, 501 or 505.
  std::string_view reason = {};  // kBad: what was wrong, a literal.
};

// Parses the head at the start of `bytes`; one empty line before it is passed over, as RFC 9112
// section 2.2 asks. `head` is complete with kComplete; after kBad it holds what came before the
// fault.
//
// `seen_bytes`: an earlier call answered kNeedMore to that many of these bytes. 0 is always right.
//
// Refused with 431: a head over 8 KiB or 64 headers. 505: versions other than 1.0 and 1.1. 501: a
// transfer coding other than chunked. 411: chunked, as a body here has to tell its length first.
// 400: all else, that is bare CR or LF, folded lines, white space before a colon, a character out
// of place, other than one Host in 1.1, two or malformed Content-Length, Transfer-Encoding beside
// Content-Length or in 1.0, a target that is no path and no http URI.
HeadResult ParseRequestHead(std::string_view bytes, RequestHead& head, std::size_t seen_bytes = 0);

// The value of the first query parameter `name`, percent-decoded, '+' as a space, any byte
// possible; nothing when it is not there or its encoding is malformed. Names are compared as sent.
std::optional<std::string> QueryParameter(std::string_view query, std::string_view name);

}  // namespace tickcast::protocol
