// Utf8Checker: tells as early as possible that bytes which come in pieces are no UTF-8.
//
// RFC 6455 section 8.1 wants a connection with invalid text failed; failing at the first byte that
// cannot be continued, and not at the end of the message, is what conformance suites ask for.
// Threading: a value. Source: RFC 3629 section 4 (the table of well-formed sequences).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tickcast::protocol {

class Utf8Checker {
 public:
  // Takes the next bytes. False when what came so far cannot be the beginning of valid text; the
  // checker is of no further use then.
  bool Feed(std::span<const std::byte> bytes);

  // Whether the text may end here: no sequence is open.
  bool complete() const { return missing_ == 0; }

 private:
  bool Step(std::uint8_t byte);

  std::uint8_t missing_ = 0;  // Bytes that the open sequence still needs, …
  std::uint8_t low_ = 0x80;   // … and the range of the next of them.
  std::uint8_t high_ = 0xBF;
};

}  // namespace tickcast::protocol
