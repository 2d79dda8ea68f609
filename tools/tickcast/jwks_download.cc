#include "tools/tickcast/jwks_download.h"

#include <absl/cleanup/cleanup.h>
#include <absl/strings/str_cat.h>
#include <curl/curl.h>

#include <utility>

#include "protocol/jwt/jwks.h"

namespace tickcast::tools {
namespace {

constexpr long kTimeoutSeconds = 10;
constexpr std::size_t kMaxBytes = 1024 * 1024;

std::size_t Take(const char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& text = *static_cast<std::string*>(into);
  // Another number than it was given ends the transfer.
  if (text.size() + size * count > kMaxBytes) return 0;
  text.append(bytes, size * count);
  return size * count;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const protocol::KeySet>> DownloadJwks(const std::string& url) {
  CURL* curl = curl_easy_init();
  if (curl == nullptr) return absl::InternalError("libcurl could not be set up");
  const absl::Cleanup end = [curl] { curl_easy_cleanup(curl); };
  std::string text;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, kTimeoutSeconds);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
  if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK) {
    return absl::UnavailableError(absl::StrCat(url, ": ", curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return absl::UnavailableError(absl::StrCat(url, ": status ", status));
  auto jwks = protocol::ParseJwks(text);
  if (!jwks.ok()) return absl::InvalidArgumentError(absl::StrCat(url, ": is no JWKS document"));
  return std::make_shared<const protocol::KeySet>(std::move(jwks->keys));
}

}  // namespace tickcast::tools
