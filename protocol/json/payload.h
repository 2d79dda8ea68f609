// Json payloads: what a client, a backend or a token may hand us as JSON, checked whole and brought
// to one line.
//
// A publication's bytes go to every subscriber as they are, inside a frame whose commands are told
// apart by newlines, so one bad publisher would break the framing of all readers. simdjson's
// on-demand parser skips what nobody asks for and lets `{"a":tru}` through; the DOM parser checks
// every byte, UTF-8 included. Minifying works on the text and not on the parsed values, because a
// number has to arrive character for character: 0.10 is not 0.1, and a DOM would turn
// 12345678901234567890123 into an error and 1e400 into infinity.
// Threading: a JsonValidator belongs to one thread; the functions are pure.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tickcast::protocol {

// Bytes that must be readable behind every text that is parsed here (simdjson reads in blocks).
inline constexpr std::size_t kJsonPaddingBytes = 64;

// Nesting a text may have. A deeper one is refused, as a client's parser would have to recurse.
inline constexpr std::size_t kMaxJsonDepth = 256;

// Checks JSON texts. Allocates when it meets a text longer than any before, and never otherwise.
class JsonValidator {
 public:
  // Prepares for texts of up to `expected_bytes` each; longer ones are taken too.
  explicit JsonValidator(std::size_t expected_bytes = 0);
  JsonValidator(JsonValidator&&) noexcept;
  JsonValidator& operator=(JsonValidator&&) noexcept;
  ~JsonValidator();

  // True when `text` is exactly one JSON value (RFC 8259) in valid UTF-8, white space around it
  // allowed. Numbers of any size and precision pass.
  // REQUIRES: kJsonPaddingBytes readable bytes behind `text`.
  bool IsValid(std::string_view text);

  // The value of `text` as one line without white space, every token as it was written; nothing
  // when IsValid() would refuse it. The view lives until the next call; behind it there are
  // kJsonPaddingBytes readable bytes.
  // REQUIRES: kJsonPaddingBytes readable bytes behind `text`.
  std::optional<std::string_view> Minify(std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;  // Keeps simdjson's 800 KB header out of everybody's build.
};

// Minifies `valid_text` into `out`, which takes at least valid_text.size() bytes. Returns the
// number of bytes written.
// REQUIRES: `valid_text` passed IsValid(): on other input white space is all that holds two tokens
// apart, and `1 2` would become `12`.
std::size_t MinifyValidJson(std::string_view valid_text, char* out);

// Appends `text` as a JSON string with its quotes. Only what RFC 8259 section 7 demands is escaped.
// REQUIRES: `text` is valid UTF-8, as every string is that came through a JsonValidator.
void AppendQuoted(std::string_view text, std::string& out);

}  // namespace tickcast::protocol
