#include "engine/pem.h"

#include <absl/status/status.h>
#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include <fstream>
#include <iterator>

namespace tickcast::engine {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kDashes = "-----";

bool IsPem(std::string_view text) { return text.find(kBegin) != std::string_view::npos; }

// A whole block: its begin, and behind that its end.
bool HasBlock(std::string_view text, std::string_view label) {
  for (std::size_t at = text.find(kBegin); at != std::string_view::npos;
       at = text.find(kBegin, at)) {
    at += kBegin.size();
    const std::string_view rest = text.substr(at);
    const std::string_view name = rest.substr(0, rest.find(kDashes));
    if (!name.ends_with(label) || name.find('\n') != std::string_view::npos) continue;
    if (rest.find("-----END " + std::string(name) + "-----") != std::string_view::npos) return true;
  }
  return false;
}

absl::StatusOr<std::string> ReadWhole(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) {
    return absl::NotFoundError("is neither PEM, nor base64 of it, nor a file that can be read");
  }
  std::string text;
  text.resize(kMaxPemBytes + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxPemBytes) return absl::InvalidArgumentError("is a file of more than 1 MiB");
  return text;
}

}  // namespace

absl::StatusOr<std::string> LoadPem(const std::string& value, std::string_view label) {
  std::string text = value;
  if (!IsPem(text) && !(absl::Base64Unescape(value, &text) && IsPem(text))) {
    absl::StatusOr<std::string> file = ReadWhole(value);
    if (!file.ok()) return file.status();
    text = *std::move(file);
  }
  if (!HasBlock(text, label)) {
    return absl::InvalidArgumentError(
        absl::StrCat("has no PEM block ", absl::string_view(label.data(), label.size())));
  }
  return text;
}

}  // namespace tickcast::engine
