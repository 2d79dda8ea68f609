#include "engine/pem.h"

#include <absl/strings/escaping.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace tickcast::engine {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kCertificate[] = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
constexpr char kKey[] = "-----BEGIN EC PRIVATE KEY-----\nMA==\n-----END EC PRIVATE KEY-----\n";

std::string MessageOf(const std::string& value, std::string_view label = "CERTIFICATE") {
  const absl::StatusOr<std::string> loaded = LoadPem(value, label);
  return loaded.ok() ? "" : std::string(loaded.status().message());
}

TEST(PemTest, TextBase64AndFilesAreTheSame) {
  const std::string path = testing::TempDir() + "pem_test.pem";
  std::ofstream(path) << kCertificate;
  for (const std::string& value :
       {std::string(kCertificate), absl::Base64Escape(kCertificate), path}) {
    const absl::StatusOr<std::string> loaded = LoadPem(value, "CERTIFICATE");
    ASSERT_TRUE(loaded.ok()) << value;
    EXPECT_EQ(*loaded, kCertificate);
  }
  std::remove(path.c_str());
  EXPECT_THAT(MessageOf(path), HasSubstr("nor a file"));
}

TEST(PemTest, OneBlockOfTheLabelIsEnoughAndNeeded) {
  EXPECT_TRUE(LoadPem(std::string(kKey) + kCertificate, "CERTIFICATE").ok());
  EXPECT_TRUE(LoadPem(std::string(kKey) + kCertificate, "PRIVATE KEY").ok());
  EXPECT_EQ(MessageOf(kKey), "has no PEM block CERTIFICATE");
  EXPECT_EQ(MessageOf(kCertificate, "PRIVATE KEY"), "has no PEM block PRIVATE KEY");
}

TEST(PemTest, CutAnywhereItIsNone) {
  const std::string whole = kKey;
  for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
    EXPECT_FALSE(LoadPem(whole.substr(0, size), "PRIVATE KEY").ok()) << size;
  }
  EXPECT_TRUE(LoadPem(whole.substr(0, whole.size() - 1), "PRIVATE KEY").ok());
  for (const char* value : {"", "/", "no such file", "-----BEGIN ", "-----BEGIN CERTIFICATE\n-----",
                            "-----END CERTIFICATE----------BEGIN CERTIFICATE-----"}) {
    EXPECT_NE(MessageOf(value), "") << value;
  }
}

TEST(PemTest, NoSecretIsToldAndNothingEndlessIsRead) {
  const std::string secret = "-----BEGIN SECRET-----\nc2VjcmV0\n-----END SECRET-----";
  EXPECT_THAT(MessageOf(secret), Not(HasSubstr("c2VjcmV0")));
  EXPECT_THAT(MessageOf("/dev/zero"), HasSubstr("1 MiB"));
}

}  // namespace
}  // namespace tickcast::engine
