// Base64url without padding, as tokens write it (RFC 7515 section 2, RFC 4648 section 5).
//
// Strict: no padding, no white space, no foreign characters, and unused bits must be 0, so that no
// two spellings decode to the same bytes. abseil's decoder takes all of those.
// Threading: a pure function.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tickcast::protocol {

// Decodes `text` into `out`, which takes at least text.size() * 3 / 4 bytes. Returns the number of
// bytes written, or nothing when `text` is not strict base64url.
std::optional<std::size_t> DecodeBase64Url(std::string_view text, char* out);

}  // namespace tickcast::protocol
