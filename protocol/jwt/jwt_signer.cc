#include "protocol/jwt/jwt_signer.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "protocol/abseil.h"

namespace tickcast::protocol {

std::string SignToken(std::string_view claims, std::string_view secret) {
  std::string token = absl::StrCat(absl::WebSafeBase64Escape(R"({"alg":"HS256","typ":"JWT"})"), ".",
                                   absl::WebSafeBase64Escape(Abseil(claims)));
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int mac_bytes = 0;
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(token.data()), token.size(), mac,
           &mac_bytes) == nullptr) {
    return {};
  }
  absl::StrAppend(
      &token, ".",
      absl::WebSafeBase64Escape(absl::string_view(reinterpret_cast<const char*>(mac), mac_bytes)));
  return token;
}

}  // namespace tickcast::protocol
