// Origins: which web pages a browser may let talk to us.
// Threading: a pure function.
#pragma once

#include <string_view>

namespace tickcast::protocol {

// Whether `pattern` stands for `origin`, the header's value (RFC 6454 section 7). In a pattern `*`
// is any text, none too, and `?` any one character; case does not matter, as the parts of an origin
// have none. Takes time in the product of the lengths at most.
bool OriginMatches(std::string_view pattern, std::string_view origin);

}  // namespace tickcast::protocol
