#include "protocol/jwt/jwt_key.h"

#include <array>
#include <utility>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "protocol/jwt/openssl_ptr.h"

namespace tickcast::protocol {
namespace {

constexpr std::uint32_t Bit(JwtAlgorithm algorithm) { return 1u << static_cast<int>(algorithm); }

constexpr std::uint32_t kHs =
    Bit(JwtAlgorithm::kHs256) | Bit(JwtAlgorithm::kHs384) | Bit(JwtAlgorithm::kHs512);
constexpr std::uint32_t kRs =
    Bit(JwtAlgorithm::kRs256) | Bit(JwtAlgorithm::kRs384) | Bit(JwtAlgorithm::kRs512);

// A curve is good for one algorithm. Source: RFC 7518 section 3.4.
struct Curve {
  std::string_view jwk_name;
  std::string_view openssl_name;
  std::size_t field_bytes;
  JwtAlgorithm algorithm;
};
constexpr Curve kCurves[] = {{"P-256", "prime256v1", 32, JwtAlgorithm::kEs256},
                             {"P-384", "secp384r1", 48, JwtAlgorithm::kEs384},
                             {"P-521", "secp521r1", 66, JwtAlgorithm::kEs512}};

constexpr std::size_t kEd25519Bytes = 32;

// nullptr: Ed25519 hashes by itself.
const EVP_MD* HashOf(JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::kHs256:
    case JwtAlgorithm::kRs256:
    case JwtAlgorithm::kEs256:
      return EVP_sha256();
    case JwtAlgorithm::kHs384:
    case JwtAlgorithm::kRs384:
    case JwtAlgorithm::kEs384:
      return EVP_sha384();
    case JwtAlgorithm::kHs512:
    case JwtAlgorithm::kRs512:
    case JwtAlgorithm::kEs512:
      return EVP_sha512();
    case JwtAlgorithm::kEdDsa:
      return nullptr;
  }
  return nullptr;
}

const Curve* CurveOf(JwtAlgorithm algorithm) {
  for (const Curve& curve : kCurves) {
    if (curve.algorithm == algorithm) return &curve;
  }
  return nullptr;
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Whatever libcrypto had to say stays with the thread, or the next caller would find it.
absl::Status Refused(const char* message) {
  ERR_clear_error();
  return absl::InvalidArgumentError(message);
}

// The public key in a PEM text, which may also be that of a certificate.
std::shared_ptr<EVP_PKEY> ReadPem(std::string_view pem) {
  OpenSslPtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr); key != nullptr) {
    return {key, EVP_PKEY_free};
  }
  bio.reset(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const OpenSslPtr<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return nullptr;
  return {X509_get_pubkey(certificate.get()), EVP_PKEY_free};
}

// An operator who hands over the private half has mixed up two files.
bool HoldsPrivateKey(std::string_view pem) {
  return pem.find("PRIVATE KEY") != std::string_view::npos;
}

std::shared_ptr<EVP_PKEY> Build(const char* type, OSSL_PARAM_BLD* parameters) {
  const OpenSslPtr<OSSL_PARAM> list(OSSL_PARAM_BLD_to_param(parameters));
  const OpenSslPtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (list == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, list.get()) != 1) {
    return nullptr;
  }
  return {key, EVP_PKEY_free};
}

// A JWS has r and s side by side (RFC 7518 section 3.4), libcrypto wants them in DER. Empty when
// the length is not the curve's.
std::string ToDer(std::string_view raw, std::size_t field_bytes) {
  if (raw.size() != 2 * field_bytes) return {};
  const int half = static_cast<int>(field_bytes);
  OpenSslPtr<BIGNUM> r(BN_bin2bn(Bytes(raw), half, nullptr));
  OpenSslPtr<BIGNUM> s(BN_bin2bn(Bytes(raw) + field_bytes, half, nullptr));
  const OpenSslPtr<ECDSA_SIG> pair(ECDSA_SIG_new());
  if (r == nullptr || s == nullptr || pair == nullptr ||
      ECDSA_SIG_set0(pair.get(), r.release(), s.release()) != 1) {
    return {};
  }
  std::string der(static_cast<std::size_t>(i2d_ECDSA_SIG(pair.get(), nullptr)), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(pair.get(), &out);
  return der;
}

}  // namespace

absl::StatusOr<JwtKey> JwtKey::FromSecret(std::string_view secret) {
  if (secret.empty()) return Refused("an empty secret: anybody could sign with it");
  JwtKey key(kHs);
  key.secret_ = secret;
  return key;
}

absl::StatusOr<JwtKey> JwtKey::FromRsaPem(std::string_view pem) {
  if (HoldsPrivateKey(pem)) return Refused("a private key; the public key belongs here");
  PublicKey key = ReadPem(pem);
  if (key == nullptr) return Refused("not a public key or a certificate in PEM");
  return FromRsa(std::move(key));
}

absl::StatusOr<JwtKey> JwtKey::FromEcdsaPem(std::string_view pem) {
  if (HoldsPrivateKey(pem)) return Refused("a private key; the public key belongs here");
  PublicKey key = ReadPem(pem);
  if (key == nullptr) return Refused("not a public key or a certificate in PEM");
  return FromEc(std::move(key));
}

absl::StatusOr<JwtKey> JwtKey::FromRsaNumbers(std::string_view modulus, std::string_view exponent) {
  // One bit more than allowed is enough to be refused for its size below.
  if (modulus.size() > kMaxRsaBits / 8 + 1 || exponent.size() > 8) {
    return Refused("an RSA key with numbers that are too large");
  }
  const OpenSslPtr<BIGNUM> n(BN_bin2bn(Bytes(modulus), static_cast<int>(modulus.size()), nullptr));
  const OpenSslPtr<BIGNUM> e(
      BN_bin2bn(Bytes(exponent), static_cast<int>(exponent.size()), nullptr));
  const OpenSslPtr<OSSL_PARAM_BLD> parameters(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(parameters.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(parameters.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  PublicKey key = Build("RSA", parameters.get());
  if (key == nullptr) return Refused("an RSA key with numbers that are none");
  return FromRsa(std::move(key));
}

absl::StatusOr<JwtKey> JwtKey::FromRsa(PublicKey key) {
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return Refused("not an RSA key");
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits < kMinRsaBits) return Refused("an RSA key of less than 2048 bits");
  if (bits > kMaxRsaBits) return Refused("an RSA key of more than 8192 bits");
  // With an exponent of 1 every text would be its own signature.
  BIGNUM* exponent = nullptr;
  const bool read = EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_E, &exponent) == 1;
  const OpenSslPtr<BIGNUM> e(exponent);
  if (!read || BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) != 0) {
    return Refused("an RSA key whose exponent is even or 1");
  }
  JwtKey made(kRs);
  made.public_key_ = std::move(key);
  return made;
}

absl::StatusOr<JwtKey> JwtKey::FromPoint(std::string_view curve_name, std::string_view x,
                                         std::string_view y) {
  const Curve* curve = nullptr;
  for (const Curve& known : kCurves) {
    if (known.jwk_name == curve_name) curve = &known;
  }
  if (curve == nullptr) return Refused("a curve other than P-256, P-384 and P-521");
  if (x.size() > curve->field_bytes || y.size() > curve->field_bytes) {
    return Refused("a coordinate that is longer than the curve's field");
  }
  // Uncompressed (SEC 1 section 2.3.3): 4, x, y; leading zeros that somebody left out come back.
  std::string point(1 + 2 * curve->field_bytes, '\0');
  point[0] = 4;
  point.replace(1 + curve->field_bytes - x.size(), x.size(), x);
  point.replace(point.size() - y.size(), y.size(), y);
  const OpenSslPtr<OSSL_PARAM_BLD> parameters(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(parameters.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                  curve->openssl_name.data(), curve->openssl_name.size());
  OSSL_PARAM_BLD_push_octet_string(parameters.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  PublicKey key = Build("EC", parameters.get());
  if (key == nullptr) return Refused("a point that is not on its curve");
  return FromEc(std::move(key));
}

absl::StatusOr<JwtKey> JwtKey::FromEc(PublicKey key) {
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC) return Refused("not an ECDSA key");
  std::array<char, 64> group{};
  std::size_t group_bytes = 0;
  if (EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), &group_bytes) != 1) {
    return Refused("an ECDSA key without a named curve");
  }
  const OpenSslPtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (context == nullptr || EVP_PKEY_public_check(context.get()) != 1) {
    return Refused("a point that is not on its curve");
  }
  for (const Curve& curve : kCurves) {
    if (curve.openssl_name != std::string_view(group.data(), group_bytes)) continue;
    JwtKey made(Bit(curve.algorithm));
    made.public_key_ = std::move(key);
    return made;
  }
  return Refused("a curve other than P-256, P-384 and P-521");
}

absl::StatusOr<JwtKey> JwtKey::FromEd25519(std::string_view public_key) {
  if (public_key.size() != kEd25519Bytes) return Refused("an Ed25519 key that is not 32 bytes");
  EVP_PKEY* key =
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(public_key), public_key.size());
  if (key == nullptr) return Refused("not an Ed25519 key");
  JwtKey made(Bit(JwtAlgorithm::kEdDsa));
  made.public_key_ = {key, EVP_PKEY_free};
  return made;
}

bool JwtKey::RestrictTo(JwtAlgorithm algorithm) {
  if (!Takes(algorithm)) return false;
  algorithms_ = Bit(algorithm);
  return true;
}

bool JwtKey::HasSigned(JwtAlgorithm algorithm, std::string_view text,
                       std::string_view signature) const {
  if (!Takes(algorithm)) return false;
  return public_key_ == nullptr ? HasMac(algorithm, text, signature)
                                : HasPublicSignature(algorithm, text, signature);
}

bool JwtKey::HasMac(JwtAlgorithm algorithm, std::string_view text, std::string_view mac) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> expected;
  unsigned int expected_bytes = 0;
  if (HMAC(HashOf(algorithm), secret_.data(), static_cast<int>(secret_.size()), Bytes(text),
           text.size(), expected.data(), &expected_bytes) == nullptr) {
    ERR_clear_error();
    return false;
  }
  return mac.size() == expected_bytes &&
         CRYPTO_memcmp(expected.data(), mac.data(), expected_bytes) == 0;
}

bool JwtKey::HasPublicSignature(JwtAlgorithm algorithm, std::string_view text,
                                std::string_view signature) const {
  std::string der;
  if (const Curve* curve = CurveOf(algorithm); curve != nullptr) {
    der = ToDer(signature, curve->field_bytes);
    if (der.empty()) return false;
    signature = der;
  }
  const OpenSslPtr<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const bool signed_by_it = context != nullptr &&
                            EVP_DigestVerifyInit(context.get(), nullptr, HashOf(algorithm), nullptr,
                                                 public_key_.get()) == 1 &&
                            EVP_DigestVerify(context.get(), Bytes(signature), signature.size(),
                                             Bytes(text), text.size()) == 1;
  if (!signed_by_it) ERR_clear_error();
  return signed_by_it;
}

}  // namespace tickcast::protocol
