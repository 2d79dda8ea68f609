// The cursor of a map's pages: where the next page of the state begins.
//
// Opaque to clients, who send it back as it came. It says after which key to go on, in the order of
// the keys' bytes, so the server keeps nothing between two pages and keys may come and go there:
// what is there all the time is seen exactly once. Before the key stands a digest of the channel's
// name: with another channel's cursor a client would miss keys and never know, so it is refused
// (103, as Centrifugo answers a cursor without a state phase; its own cursors are bare keys).
// The digest is no secret and keeps nobody from making a cursor; all that it could reach is what it
// may subscribe to anyway. Threading: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tickcast::protocol {

// Appends the cursor of the page behind `last_key` of `channel`. REQUIRES: `last_key` is not empty.
void AppendMapCursor(std::string_view channel, std::string_view last_key, std::string& out);

// The key behind which the page begins, a view into `cursor`; it need not be there any more.
// Nothing where `cursor` was not made for `channel`.
std::optional<std::string_view> ReadMapCursor(std::string_view channel, std::string_view cursor);

}  // namespace tickcast::protocol
