// ConsoleAsset: one file of the web page that the server answers at `/`, as it lies in the program.
//
// The page is built into the binary, so that one file is all there is to install. Shards only pass
// on what they are given: tools/console makes the list, tools/tickcast hands it to the server.
// Threading: constants.
#pragma once

#include <span>
#include <string_view>

namespace tickcast::shards {

struct ConsoleAsset {
  std::string_view path;          // Of the request, exactly: "/", "/console.js".
  std::string_view content_type;  // The header's value, with its charset.
  std::string_view bytes;         // The body, not compressed.
  std::string_view etag;          // The header's value, quotes included; changes with the bytes.
};

// The files of the page, in no order, "/" among them. Lives as long as the program.
// Defined by tools/console/embed.py's output: only a program that links it may call this.
std::span<const ConsoleAsset> ConsoleAssets();

}  // namespace tickcast::shards
