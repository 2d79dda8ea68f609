#include "protocol/centrifuge/track_signature.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <limits>
#include <optional>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "protocol/jwt/openssl_ptr.h"

namespace tickcast::protocol {
namespace {

constexpr std::size_t kSha256Bytes = 32;
using Hex = std::array<char, 2 * kSha256Bytes>;
constexpr std::string_view kNul("\0", 1);

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view Text(const Hex& hex) { return {hex.data(), hex.size()}; }

Hex HexOf(const std::array<unsigned char, kSha256Bytes>& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  Hex hex;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    hex[2 * i] = kDigits[bytes[i] >> 4];
    hex[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return hex;
}

// The three parts of a signature. The times stay as they were written too, as that was signed.
struct Parts {
  std::string_view issued;
  std::string_view expiry;
  std::string_view hex;
  std::int64_t issued_s = 0;
  std::int64_t expiry_s = 0;
};

bool ReadTime(std::string_view digits, std::int64_t& time_s) {
  const char* const end = digits.data() + digits.size();
  if (digits.empty() || digits.front() == '-') return false;
  const auto [stop, error] = std::from_chars(digits.data(), end, time_s);
  return error == std::errc() && stop == end;
}

std::optional<Parts> Split(std::string_view signature) {
  if (signature.size() > kMaxTrackSignatureBytes) return std::nullopt;
  const std::size_t first = signature.find(':');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = signature.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  Parts parts{.issued = signature.substr(0, first),
              .expiry = signature.substr(first + 1, second - first - 1),
              .hex = signature.substr(second + 1)};
  if (parts.hex.size() != Hex().size() || !ReadTime(parts.issued, parts.issued_s) ||
      !ReadTime(parts.expiry, parts.expiry_s)) {
    return std::nullopt;
  }
  return parts;
}

// HMAC-SHA256 with a key that was set once; each signature works on a copy.
class KeyedHmac {
 public:
  // Nothing where `secret` is empty.
  explicit KeyedHmac(const std::string& secret) {
    if (secret.empty()) return;
    const OpenSslPtr<EVP_MAC> hmac(EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr));
    keyed_.reset(EVP_MAC_CTX_new(hmac.get()));
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    if (EVP_MAC_init(keyed_.get(), Bytes(secret), secret.size(), parameters) != 1) keyed_.reset();
  }

  bool Matches(std::string_view expected_hex, std::initializer_list<std::string_view> parts) const {
    if (keyed_ == nullptr) return false;
    const OpenSslPtr<EVP_MAC_CTX> context(EVP_MAC_CTX_dup(keyed_.get()));
    bool good = context != nullptr;
    for (const std::string_view part : parts) {
      good = good && EVP_MAC_update(context.get(), Bytes(part), part.size()) == 1;
    }
    std::array<unsigned char, kSha256Bytes> mac{};
    std::size_t size_bytes = 0;
    good = good && EVP_MAC_final(context.get(), mac.data(), &size_bytes, mac.size()) == 1 &&
           size_bytes == mac.size();
    if (!good) {
      ERR_clear_error();  // What libcrypto had to say stays, or the next caller would find it.
      return false;
    }
    const Hex hex = HexOf(mac);
    return expected_hex.size() == hex.size() &&
           CRYPTO_memcmp(expected_hex.data(), hex.data(), hex.size()) == 0;
  }

 private:
  OpenSslPtr<EVP_MAC_CTX> keyed_;
};

}  // namespace

struct TrackSignatureVerifier::Impl {
  explicit Impl(const TrackSecrets& secrets)
      : current(secrets.current),
        previous(secrets.previous),
        previous_valid_until_s(secrets.previous_valid_until_s),
        sha256(EVP_MD_fetch(nullptr, OSSL_DIGEST_NAME_SHA2_256, nullptr)),
        digest(EVP_MD_CTX_new()) {}

  const KeyedHmac current;
  const KeyedHmac previous;
  const std::int64_t previous_valid_until_s;
  const OpenSslPtr<EVP_MD> sha256;
  const OpenSslPtr<EVP_MD_CTX> digest;  // Used again for each batch.

  bool Append(std::string_view text) {
    return EVP_DigestUpdate(digest.get(), text.data(), text.size()) == 1;
  }

  // hex(SHA-256(keys joined by NUL)); nothing where a key holds a NUL itself.
  std::optional<Hex> DigestOf(std::span<const TrackItem> items) {
    bool good = EVP_DigestInit_ex(digest.get(), sha256.get(), nullptr) == 1;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].key.find('\0') != std::string_view::npos) return std::nullopt;
      good = good && (i == 0 || Append(kNul)) && Append(items[i].key);
    }
    std::array<unsigned char, kSha256Bytes> bytes{};
    unsigned int size_bytes = 0;
    if (!good || EVP_DigestFinal_ex(digest.get(), bytes.data(), &size_bytes) != 1) {
      ERR_clear_error();
      return std::nullopt;
    }
    return HexOf(bytes);
  }

  bool IsSigned(const Parts& parts, std::string_view user, std::string_view channel,
                const Hex& keys) const {
    const auto matches = [&](const KeyedHmac& hmac) {
      return hmac.Matches(parts.hex, {parts.issued, kNul, parts.expiry, kNul, user, kNul, channel,
                                      kNul, Text(keys)});
    };
    if (matches(current)) return true;
    const bool too_late = previous_valid_until_s > 0 && parts.issued_s > previous_valid_until_s;
    return !too_late && matches(previous);
  }
};

TrackSignatureVerifier::TrackSignatureVerifier(const TrackSecrets& secrets)
    : impl_(std::make_unique<Impl>(secrets)) {}
TrackSignatureVerifier::TrackSignatureVerifier(TrackSignatureVerifier&&) noexcept = default;
TrackSignatureVerifier& TrackSignatureVerifier::operator=(TrackSignatureVerifier&&) noexcept =
    default;
TrackSignatureVerifier::~TrackSignatureVerifier() = default;

TrackSignature TrackSignatureVerifier::Verify(const TrackBatch& batch, std::string_view user,
                                              std::string_view channel, std::int64_t now_s) {
  const std::optional<Parts> parts = Split(batch.signature);
  if (!parts) return {};
  const std::optional<Hex> keys = impl_->DigestOf(batch.items);
  if (!keys || !impl_->IsSigned(*parts, user, channel, *keys)) return {};
  if (parts->expiry_s > 0 && parts->expiry_s < now_s - kTrackSignatureGraceS) {
    return {.verdict = TrackSignatureVerdict::kExpired};
  }
  return {.verdict = TrackSignatureVerdict::kGood, .expires_s = parts->expiry_s};
}

std::uint32_t TrackSignature::TtlS(std::int64_t now_s) const {
  const std::int64_t left_s = expires_s > now_s ? expires_s - now_s : 0;
  return static_cast<std::uint32_t>(
      std::min<std::int64_t>(left_s, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace tickcast::protocol
