#include "protocol/http/request_head.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace tickcast::protocol {
namespace {

HeadResult Bad(const HeadFault& fault) {
  return {.verdict = HeadVerdict::kBad, .status = fault.status, .reason = fault.reason};
}

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// uri-host [ ":" port ] of RFC 3986, as characters; empty where the target has no authority.
bool IsHost(std::string_view text) {
  std::size_t name_bytes = text.find(':');
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    const std::string_view address = text.substr(1, close - 1);
    if (!std::all_of(address.begin(), address.end(), [](char c) {
          return absl::ascii_isxdigit(static_cast<unsigned char>(c)) || c == ':' || c == '.';
        })) {
      return false;
    }
    name_bytes = close + 1;
  } else {
    const std::string_view name = text.substr(0, name_bytes);
    if (!std::all_of(name.begin(), name.end(), [](char c) {
          return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                 std::string_view("-._~%!$&'()*+,;=").find(c) != std::string_view::npos;
        })) {
      return false;
    }
  }
  if (name_bytes >= text.size()) return true;
  const std::string_view port = text.substr(name_bytes + 1);
  return text[name_bytes] == ':' && std::all_of(port.begin(), port.end(), IsDigit);
}

HeadFault ParseVersion(std::string_view version, RequestHead& head) {
  if (version.size() != 8 || version.substr(0, 5) != "HTTP/" || !IsDigit(version[5]) ||
      version[6] != '.' || !IsDigit(version[7])) {
    return {400, "malformed HTTP version"};
  }
  if (version[5] != '1' || version[7] > '1') return {505, "HTTP/1.0 and HTTP/1.1 are spoken here"};
  head.minor_version = version[7] - '0';
  return {};
}

// The origin form, "/path?query"; the absolute form, which every server must take (RFC 9112 section
// 3.2.2), without its authority, as there is one site here; "*" of OPTIONS.
HeadFault ParseTarget(std::string_view target, RequestHead& head) {
  constexpr HeadFault kMalformed = {400, "malformed request target"};
  if (target.empty() ||
      !std::all_of(target.begin(), target.end(), [](char c) { return IsVisible(c) && c != '#'; })) {
    return kMalformed;
  }
  head.target = target;
  head.query = {};
  if (target == "*" && head.method == "OPTIONS") {
    head.path = target;
    return {};
  }
  if (target.front() != '/') {
    const absl::string_view form(target.data(), target.size());
    const std::size_t scheme_bytes = absl::StartsWithIgnoreCase(form, "http://")    ? 7
                                     : absl::StartsWithIgnoreCase(form, "https://") ? 8
                                                                                    : 0;
    if (scheme_bytes == 0) return {400, "the request target is no path"};
    const std::size_t authority_end =
        std::min(target.find_first_of("/?", scheme_bytes), target.size());
    const std::string_view authority = target.substr(scheme_bytes, authority_end - scheme_bytes);
    if (authority.empty() || authority.front() == ':' || !IsHost(authority)) return kMalformed;
    target.remove_prefix(authority_end);
  }
  const std::size_t question = target.find('?');
  head.path = target.substr(0, question);
  if (head.path.empty()) head.path = "/";
  if (question != std::string_view::npos) head.query = target.substr(question + 1);
  return {};
}

HeadFault ParseRequestLine(std::string_view line, RequestHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return {400, "malformed request line"};
  head.method = line.substr(0, first);
  if (!IsToken(head.method)) return {400, "malformed method"};
  // Before the target, whose form a later version may change.
  if (const HeadFault fault = ParseVersion(line.substr(last + 1), head)) return fault;
  return ParseTarget(line.substr(first + 1, last - first - 1), head);
}

HeadFault CheckHost(const RequestHead& head) {
  const std::size_t hosts = head.Count("Host");
  if (hosts > 1) return {400, "more than one Host"};
  if (hosts == 0) {
    return head.minor_version == 1 ? HeadFault{400, "Host is missing"} : HeadFault{};
  }
  return IsHost(*head.Find("Host")) ? HeadFault{} : HeadFault{400, "malformed Host"};
}

HeadFault CheckBodyLength(RequestHead& head) {
  const std::optional<std::string_view> length = head.Find("Content-Length");
  if (const auto coding = head.Find("Transfer-Encoding")) {
    if (length) return {400, "Content-Length beside Transfer-Encoding"};
    if (head.minor_version == 0) return {400, "Transfer-Encoding in HTTP/1.0"};
    const bool chunked = head.Count("Transfer-Encoding") == 1 &&
                         absl::EqualsIgnoreCase({coding->data(), coding->size()}, "chunked");
    return chunked ? HeadFault{411, "a body needs a Content-Length"}
                   : HeadFault{501, "unknown transfer coding"};
  }
  if (!length) return {};
  // A second one is refused even where both agree: no client needs it, and a list of equal values
  // ("5, 5") would have to be taken as well.
  if (head.Count("Content-Length") > 1) return {400, "more than one Content-Length"};
  std::uint64_t bytes = 0;
  const char* const end = length->data() + length->size();
  const auto [parsed_end, error] = std::from_chars(length->data(), end, bytes);
  if (error != std::errc() || parsed_end != end) return {400, "malformed Content-Length"};
  head.content_length = bytes;
  return {};
}

HeadFault CheckHeaders(RequestHead& head) {
  if (const HeadFault fault = CheckHost(head)) return fault;
  return CheckBodyLength(head);
}

// Whether the bytes behind `seen_bytes` can neither complete a line nor break one.
bool StaysIncomplete(std::string_view bytes, std::size_t seen_bytes) {
  if (seen_bytes == 0 || seen_bytes > bytes.size() || bytes.size() >= kMaxHeadBytes) return false;
  // From the last seen one on: it may be a CR that waits for its LF.
  const std::string_view fresh = bytes.substr(seen_bytes - 1);
  return std::none_of(fresh.begin(), fresh.end(), IsControl);
}

}  // namespace

bool RequestHead::keep_alive() const {
  if (HasToken("Connection", "close")) return false;
  return minor_version == 1 || HasToken("Connection", "keep-alive");
}

HeadResult ParseRequestHead(std::string_view bytes, RequestHead& head, std::size_t seen_bytes) {
  if (StaysIncomplete(bytes, seen_bytes)) return {.verdict = HeadVerdict::kNeedMore};
  head.method = head.target = head.path = head.query = {};
  head.minor_version = 1;
  head.header_count = 0;
  head.content_length.reset();
  HeadLines lines(bytes);
  std::string_view line;
  bool in_headers = false;
  for (;;) {
    switch (lines.Next(line)) {
      case HeadLines::Verdict::kBad:
        return Bad(lines.fault());
      case HeadLines::Verdict::kNeedMore:
        return {.verdict = HeadVerdict::kNeedMore};
      case HeadLines::Verdict::kLine:
        break;
    }
    HeadFault fault;
    if (!in_headers) {
      if (line.empty() && lines.position() == 2) continue;
      fault = ParseRequestLine(line, head);
      in_headers = true;
    } else if (!line.empty()) {
      fault = ParseHeaderLine(line, head);
    } else {
      fault = CheckHeaders(head);
      if (!fault) return {.verdict = HeadVerdict::kComplete, .head_bytes = lines.position()};
    }
    if (fault) return Bad(fault);
  }
}

namespace {

std::optional<std::string> PercentDecode(std::string_view raw) {
  std::string value;
  value.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      value += raw[i] == '+' ? ' ' : raw[i];
      continue;
    }
    if (raw.size() - i < 3) return std::nullopt;
    unsigned char byte = 0;
    const char* const end = raw.data() + i + 3;
    const auto [parsed_end, error] = std::from_chars(end - 2, end, byte, 16);
    if (error != std::errc() || parsed_end != end) return std::nullopt;
    value += static_cast<char>(byte);
    i += 2;
  }
  return value;
}

}  // namespace

std::optional<std::string> QueryParameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t ampersand = query.find('&');
    const std::string_view part = query.substr(0, ampersand);
    const std::size_t equals = part.find('=');
    if (part.substr(0, equals) == name) {
      return PercentDecode(equals == std::string_view::npos ? "" : part.substr(equals + 1));
    }
    query = ampersand == std::string_view::npos ? "" : query.substr(ampersand + 1);
  }
  return std::nullopt;
}

}  // namespace tickcast::protocol
