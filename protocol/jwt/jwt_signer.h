// Tokens of our own making: for trying a server out, and for tests.
// Threading: a pure function. Source: RFC 7515 section 3.1, RFC 7518 section 3.2.
#pragma once

#include <string>
#include <string_view>

namespace tickcast::protocol {

// A token with `claims`, a JSON object, signed with HS256. Empty when libcrypto fails.
// REQUIRES: !secret.empty().
std::string SignToken(std::string_view claims, std::string_view secret);

}  // namespace tickcast::protocol
