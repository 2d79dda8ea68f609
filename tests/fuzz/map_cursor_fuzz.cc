// Cursors of maps: whatever a client sends, what is accepted is what would have been made for the
// same channel and key, and for no other channel.
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/centrifuge/map_cursor.h"
#include "tests/fuzz/require.h"

namespace {

using tickcast::fuzz::Require;
using tickcast::protocol::AppendMapCursor;
using tickcast::protocol::ReadMapCursor;

std::string CursorOf(std::string_view channel, std::string_view last_key) {
  std::string out;
  AppendMapCursor(channel, last_key, out);
  return out;
}

}  // namespace

// A channel and a cursor, a newline between them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t newline = input.find('\n');
  const std::string_view channel = input.substr(0, newline);
  const std::string_view cursor =
      newline == std::string_view::npos ? std::string_view() : input.substr(newline + 1);

  const auto key = ReadMapCursor(channel, cursor);
  if (key) {
    Require(!key->empty() && CursorOf(channel, *key) == cursor);
    Require(!ReadMapCursor(std::string(channel) + "x", cursor));
  }
  if (!cursor.empty()) {
    const std::string made = CursorOf(channel, cursor);
    Require(ReadMapCursor(channel, made) == cursor);
  }
  return 0;
}
