#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/loadgen/http_get.h"

namespace tickcast::loadgen {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

absl::StatusOr<std::string> ReadBody(std::string_view response) {
  const std::size_t end = response.find("\r\n\r\n");
  if (end == std::string_view::npos) return absl::DataLossError("a response without a head");
  const std::string_view head = response.substr(0, end);
  if (!head.starts_with("HTTP/1.1 200 ")) {
    return absl::UnavailableError(absl::StrCat("'", View(head.substr(0, head.find("\r\n"))), "'"));
  }
  const std::string_view body = response.substr(end + 4);
  for (const absl::string_view line : absl::StrSplit(View(head), "\r\n")) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (!absl::EqualsIgnoreCase(field.first, "content-length")) continue;
    std::size_t length = 0;
    if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(field.second), &length) ||
        length > body.size()) {
      return absl::DataLossError(absl::StrCat(body.size(), " bytes of", field.second));
    }
    return std::string(body.substr(0, length));
  }
  return absl::DataLossError("a response without Content-Length");
}

}  // namespace tickcast::loadgen
