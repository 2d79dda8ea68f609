// HeaderFields: the header lines of an HTTP/1.x head, and the cutting of a head into its lines.
//
// Shared by whoever reads a head: the server its requests, a WebSocket client the answer to its
// upgrade. What two parsers could read differently is refused and not repaired.
// Threading: values; their views point into the caller's bytes. Source: RFC 9112 sections 2.2
// and 5.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace tickcast::protocol {

inline constexpr std::size_t kMaxHeadBytes = 8 * 1024;  // First line and line ends included.
inline constexpr std::size_t kMaxHeaders = 64;

struct HeaderField {
  std::string_view name;   // A token, as sent.
  std::string_view value;  // Without the white space around it.
};

struct HeaderFields {
  std::array<HeaderField, kMaxHeaders> headers;
  std::size_t header_count = 0;

  // The value of the first header of that name, in any case. No list is joined.
  std::optional<std::string_view> Find(std::string_view name) const;
  // How many header lines have that name.
  std::size_t Count(std::string_view name) const;
  // Whether a comma-separated header of that name has `token`, in any case; all its lines count.
  bool HasToken(std::string_view name, std::string_view token) const;
};

// What is wrong with a head, as the status that a server answers.
struct HeadFault {
  int status = 0;                // 0: nothing is wrong.
  std::string_view reason = {};  // A literal.

  explicit operator bool() const { return status != 0; }
};

// Adds a header line, given without its line end. 400: folded onto the line before it (obs-fold),
// white space before the colon, a character that a name or value may not have. 431: one too many.
// REQUIRES: !line.empty().
HeadFault ParseHeaderLine(std::string_view line, HeaderFields& fields);

// Takes the next element off the front of a comma-separated list, white space around it removed;
// it may be empty. False at the list's end.
bool NextListElement(std::string_view& list, std::string_view& element);

// Cuts a head into lines. A line ends with CR LF; either of them alone and every other control
// character but a tab is refused as soon as it is seen, and not only when the line is whole: a TLS
// client's hello need not wait for the time limit, and the verdict does not depend on where the
// reads happened to end.
class HeadLines {
 public:
  enum class Verdict {
    kLine,      // `line` is the next one, without its line end; empty behind the last header.
    kNeedMore,  // The next line is not whole yet.
    kBad,       // fault() says why.
  };

  explicit HeadLines(std::string_view bytes) : bytes_(bytes) {}

  Verdict Next(std::string_view& line);

  // Bytes of the lines given so far, line ends included.
  std::size_t position() const { return position_; }
  const HeadFault& fault() const { return fault_; }

 private:
  const std::string_view bytes_;
  std::size_t position_ = 0;
  HeadFault fault_;
};

// Visible ASCII: what stands in a request target. RFC 3986 would have some of it encoded, which not
// every client does, a `{` of JSON in a query for one.
constexpr bool IsVisible(char c) { return c > 0x20 && c < 0x7F; }

// What stands nowhere in a head, but for the CR LF of a line's end.
constexpr bool IsControl(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
}

// A method or header name (RFC 9110 section 5.6.2). False for an empty text.
bool IsToken(std::string_view text);

}  // namespace tickcast::protocol
