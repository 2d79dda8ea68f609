// Proxies: the headers of a request to the backend.
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "protocol/abseil.h"
#include "protocol/centrifuge/proxy.h"

namespace tickcast::protocol {
namespace {

// Of the message between client and us, not of who sent it (RFC 9110 section 7.6.1).
constexpr std::string_view kOfTheMessage[] = {
    "host",       "connection", "content-length", "transfer-encoding", "trailer", "upgrade",
    "keep-alive", "te",         "expect",         "content-type"};

bool SameName(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(Abseil(a), Abseil(b));
}

// RFC 9110 section 5.6.2.
bool IsToken(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool IsValue(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

bool Passes(std::string_view name, std::string_view value) {
  return IsToken(name) && IsValue(value) &&
         std::none_of(std::begin(kOfTheMessage), std::end(kOfTheMessage),
                      [name](std::string_view other) { return SameName(name, other); });
}

}  // namespace

void ProxyHeaders::Set(std::string_view name, std::string_view value) {
  if (!Passes(name, value)) return;
  std::erase_if(fields_, [name](const auto& field) { return SameName(field.first, name); });
  fields_.emplace_back(name, value);
}

void ProxyHeaders::Add(std::string_view name, std::string_view value) {
  if (Passes(name, value)) fields_.emplace_back(name, value);
}

std::vector<std::string> ProxyHeaders::Take() {
  std::vector<std::string> lines;
  lines.reserve(fields_.size() + 1);
  for (const auto& [name, value] : fields_) lines.push_back(absl::StrCat(name, ": ", value));
  lines.emplace_back("Content-Type: application/json");
  fields_.clear();
  return lines;
}

}  // namespace tickcast::protocol
