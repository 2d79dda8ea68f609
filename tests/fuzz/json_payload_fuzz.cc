// Payloads: what is taken is one line that is taken again unchanged, and a quoted text is JSON.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/json/payload.h"

namespace {

using tickcast::protocol::JsonValidator;
using tickcast::protocol::kJsonPaddingBytes;

// A copy of exactly the bytes that may be read, so that the address sanitizer sees any more.
std::string Padded(std::string_view text, char padding) {
  std::string bytes(text);
  bytes.append(kJsonPaddingBytes, padding);
  bytes.shrink_to_fit();
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static JsonValidator validator;
  static JsonValidator second_validator;
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const std::string input = Padded(text, '1');
  const std::optional<std::string_view> line =
      validator.Minify(std::string_view(input).substr(0, size));
  // What stands behind the text has no say.
  const std::string other_input = Padded(text, '"');
  if (second_validator.IsValid(std::string_view(other_input).substr(0, size)) != line.has_value()) {
    std::abort();
  }
  if (!line) return 0;

  if (line->empty() || line->size() > size || line->find_first_of("\n\r") != line->npos) {
    std::abort();
  }
  const std::string again = Padded(*line, ' ');
  const std::optional<std::string_view> twice =
      second_validator.Minify(std::string_view(again).substr(0, line->size()));
  if (twice != line) std::abort();

  // Valid JSON is valid UTF-8, so it may stand inside a string as well.
  std::string quoted;
  tickcast::protocol::AppendQuoted(text, quoted);
  const std::size_t quoted_bytes = quoted.size();
  const std::string padded_quoted = Padded(quoted, ' ');
  if (!second_validator.IsValid(std::string_view(padded_quoted).substr(0, quoted_bytes))) {
    std::abort();
  }
  return 0;
}
