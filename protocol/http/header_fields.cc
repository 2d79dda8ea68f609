#include "protocol/http/header_fields.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace tickcast::protocol {
namespace {

constexpr std::array<bool, 256> kTokenCharacters = [] {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = table[c + ('a' - 'A')] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned>(c)] = true;
  return table;
}();

// Debian's absl::string_view is a type of its own, to which nothing converts.
bool SameIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && absl::EqualsIgnoreCase({a.data(), a.size()}, {b.data(), b.size()});
}

// Visible characters, spaces, tabs and bytes above ASCII (RFC 9110 section 5.5).
bool IsFieldValue(std::string_view text) {
  return std::none_of(text.begin(), text.end(), IsControl);
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return kTokenCharacters[static_cast<unsigned char>(c)];
  });
}

bool NextListElement(std::string_view& list, std::string_view& element) {
  if (list.data() == nullptr) return false;
  const std::size_t comma = list.find(',');
  element = Trim(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return true;
}

std::optional<std::string_view> HeaderFields::Find(std::string_view name) const {
  for (std::size_t i = 0; i < header_count; ++i) {
    if (SameIgnoringCase(headers[i].name, name)) return headers[i].value;
  }
  return std::nullopt;
}

std::size_t HeaderFields::Count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.begin() + header_count,
                    [&](const HeaderField& field) { return SameIgnoringCase(field.name, name); }));
}

bool HeaderFields::HasToken(std::string_view name, std::string_view token) const {
  for (std::size_t i = 0; i < header_count; ++i) {
    if (!SameIgnoringCase(headers[i].name, name)) continue;
    std::string_view list = headers[i].value;
    std::string_view element;
    while (NextListElement(list, element)) {
      if (SameIgnoringCase(element, token)) return true;
    }
  }
  return false;
}

HeadFault ParseHeaderLine(std::string_view line, HeaderFields& fields) {
  if (line.front() == ' ' || line.front() == '\t') return {400, "folded header line"};
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {400, "header line without a colon"};
  const HeaderField field{line.substr(0, colon), Trim(line.substr(colon + 1))};
  if (!IsToken(field.name)) return {400, "malformed header name"};
  if (!IsFieldValue(field.value)) return {400, "malformed header value"};
  if (fields.header_count == kMaxHeaders) return {431, "more than 64 headers"};
  fields.headers[fields.header_count++] = field;
  return {};
}

HeadLines::Verdict HeadLines::Next(std::string_view& line) {
  // What lies beyond the limit is no part of a head, so it is not searched either.
  std::string_view rest = bytes_.substr(0, kMaxHeadBytes).substr(position_);
  const std::size_t end = rest.find('\n');
  const bool whole = end != std::string_view::npos;
  if (whole) rest = rest.substr(0, end);
  const auto control = std::find_if(rest.begin(), rest.end(), IsControl);
  const bool ends_in_cr = control != rest.end() && control + 1 == rest.end() && *control == '\r';
  if (control != rest.end() && !ends_in_cr) {
    fault_ = {400, *control == '\r' ? "bare CR" : "control character"};
    return Verdict::kBad;
  }
  if (!whole) {
    if (bytes_.size() < kMaxHeadBytes) return Verdict::kNeedMore;
    fault_ = {431, "the head is larger than 8 KiB"};
    return Verdict::kBad;
  }
  if (!ends_in_cr) {
    fault_ = {400, "bare LF"};
    return Verdict::kBad;
  }
  line = rest.substr(0, rest.size() - 1);
  position_ += end + 1;
  return Verdict::kLine;
}

}  // namespace tickcast::protocol
