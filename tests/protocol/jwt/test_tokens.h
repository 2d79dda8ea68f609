// Keys and tokens for tests, made by libcrypto and not by what is tested.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <absl/strings/escaping.h>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "protocol/jwt/jwks.h"
#include "protocol/jwt/jwt.h"

namespace tickcast::protocol {

inline std::string Base64Url(std::string_view bytes) {
  std::string out;
  absl::WebSafeBase64Escape({bytes.data(), bytes.size()}, &out);
  while (out.ends_with('=')) out.pop_back();
  return out;
}

inline std::string FromBase64Url(std::string_view text) {
  std::string out;
  EXPECT_TRUE(absl::WebSafeBase64Unescape({text.data(), text.size()}, &out)) << text;
  return out;
}

inline const EVP_MD* TestHash(std::string_view alg) {
  if (alg.ends_with("256")) return EVP_sha256();
  if (alg.ends_with("384")) return EVP_sha384();
  if (alg.ends_with("512")) return EVP_sha512();
  return nullptr;
}

inline std::string Hmac(std::string_view alg, std::string_view secret, std::string_view text) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int mac_bytes = 0;
  HMAC(TestHash(alg), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &mac_bytes);
  return {reinterpret_cast<const char*>(mac), mac_bytes};
}

// A key pair.
class TestKey {
 public:
  static TestKey Rsa(int bits = 2048) {
    return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits)));
  }
  static TestKey Ec(const char* curve) {
    return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve));
  }
  static TestKey Ed25519() { return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }
  explicit TestKey(EVP_PKEY* key) : key_(key, EVP_PKEY_free) {}

  EVP_PKEY* get() const { return key_.get(); }

  std::string PublicPem() const {
    return Pem([this](BIO* bio) { PEM_write_bio_PUBKEY(bio, key_.get()); });
  }
  std::string PrivatePem() const {
    return Pem([this](BIO* bio) {
      PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }

  // What libcrypto gives out: of EC keys that is DER.
  std::string RawSignature(std::string_view alg, std::string_view text) const {
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    std::size_t size = 0;
    EVP_DigestSignInit(context, nullptr, TestHash(alg), nullptr, key_.get());
    EVP_DigestSign(context, nullptr, &size, bytes, text.size());
    std::string out(size, '\0');
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size, bytes,
                   text.size());
    EVP_MD_CTX_free(context);
    out.resize(size);
    return out;
  }

  std::string Sign(std::string_view alg, std::string_view text) const {
    const std::string raw = RawSignature(alg, text);
    return EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_EC ? RawPair(raw) : raw;
  }

  // r and s side by side, as a JWS has them.
  std::string RawPair(const std::string& der) const {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size()));
    const int half = (EVP_PKEY_get_bits(key_.get()) + 7) / 8;
    std::string out(static_cast<std::size_t>(2 * half), '\0');
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), to, half);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), to + half, half);
    ECDSA_SIG_free(pair);
    return out;
  }

  // A big-endian number of the key, `width` bytes long, or as short as it goes (0).
  std::string Number(const char* name, int width = 0) const {
    BIGNUM* number = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(key_.get(), name, &number), 1) << name;
    std::string out(static_cast<std::size_t>(width == 0 ? BN_num_bytes(number) : width), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(out.data()),
                 static_cast<int>(out.size()));
    BN_free(number);
    return out;
  }

  // The key as a JWK with this `kid`; `more` are further members, with a comma before them.
  std::string Jwk(std::string_view kid, std::string_view more = "") const {
    const std::string head = "{\"kid\":\"" + std::string(kid) + "\"" + std::string(more);
    const auto member = [](std::string_view name, std::string_view bytes) {
      return ",\"" + std::string(name) + "\":\"" + Base64Url(bytes) + "\"";
    };
    if (EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_RSA) {
      return head + R"(,"kty":"RSA")" + member("n", Number("n")) + member("e", Number("e")) + "}";
    }
    if (EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_EC) {
      const int width = (EVP_PKEY_get_bits(key_.get()) + 7) / 8;
      const std::string curve = width == 32 ? "P-256" : width == 48 ? "P-384" : "P-521";
      return head + R"(,"kty":"EC","crv":")" + curve + "\"" + member("x", Number("qx", width)) +
             member("y", Number("qy", width)) + "}";
    }
    std::string raw(32, '\0');
    std::size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size);
    return head + R"(,"kty":"OKP","crv":"Ed25519")" + member("x", raw) + "}";
  }

 private:
  template <typename Write>
  static std::string Pem(Write&& write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    std::string out(text, static_cast<std::size_t>(size));
    BIO_free(bio);
    return out;
  }

  std::shared_ptr<EVP_PKEY> key_;
};

inline std::string Joined(std::string_view header, std::string_view payload) {
  return Base64Url(header) + "." + Base64Url(payload);
}

inline std::string HmacToken(std::string_view header, std::string_view payload,
                             std::string_view alg, std::string_view secret) {
  const std::string text = Joined(header, payload);
  return text + "." + Base64Url(Hmac(alg, secret, text));
}

inline std::string SignedToken(const TestKey& key, std::string_view alg, std::string_view header,
                               std::string_view payload) {
  const std::string text = Joined(header, payload);
  return text + "." + Base64Url(key.Sign(alg, text));
}

inline std::shared_ptr<const ClaimRules> Rules(const TokenRules& rules = {}) {
  return ClaimRules::Make(rules).value();
}

inline std::shared_ptr<const KeySet> Keys(absl::StatusOr<JwtKey> key) {
  auto keys = std::make_shared<KeySet>();
  keys->Add(std::move(key).value());
  return keys;
}

inline std::shared_ptr<const KeySet> KeysOfJwks(std::string_view text) {
  return std::make_shared<KeySet>(ParseJwks(text).value().keys);
}

}  // namespace tickcast::protocol
