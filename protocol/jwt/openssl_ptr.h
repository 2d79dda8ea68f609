// OpenSslPtr: what libcrypto gives out, freed by the function that belongs to its type.
// For .cc files only: it includes OpenSSL. Threading: as unique_ptr.
#pragma once

#include <memory>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

namespace tickcast::protocol {

struct OpenSslDeleter {
  void operator()(BIO* value) const { BIO_free(value); }
  void operator()(BIGNUM* value) const { BN_free(value); }
  void operator()(ECDSA_SIG* value) const { ECDSA_SIG_free(value); }
  void operator()(EVP_MAC* value) const { EVP_MAC_free(value); }
  void operator()(EVP_MAC_CTX* value) const { EVP_MAC_CTX_free(value); }
  void operator()(EVP_MD* value) const { EVP_MD_free(value); }
  void operator()(EVP_MD_CTX* value) const { EVP_MD_CTX_free(value); }
  void operator()(EVP_PKEY* value) const { EVP_PKEY_free(value); }
  void operator()(EVP_PKEY_CTX* value) const { EVP_PKEY_CTX_free(value); }
  void operator()(OSSL_PARAM* value) const { OSSL_PARAM_free(value); }
  void operator()(OSSL_PARAM_BLD* value) const { OSSL_PARAM_BLD_free(value); }
  void operator()(X509* value) const { X509_free(value); }
};

template <typename Value>
using OpenSslPtr = std::unique_ptr<Value, OpenSslDeleter>;

}  // namespace tickcast::protocol
