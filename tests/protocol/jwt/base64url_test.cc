#include "protocol/jwt/base64url.h"

#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tickcast::protocol {
namespace {

std::optional<std::string> Decoded(std::string_view text) {
  std::string out(text.size(), '\0');
  const std::optional<std::size_t> size_bytes = DecodeBase64Url(text, out.data());
  if (!size_bytes) return std::nullopt;
  EXPECT_LE(*size_bytes, text.size() * 3 / 4);
  return out.substr(0, *size_bytes);
}

// Source: RFC 4648 section 10, without the padding.
TEST(Base64UrlTest, DecodesTheVectorsOfTheRfc) {
  EXPECT_EQ(Decoded(""), "");
  EXPECT_EQ(Decoded("Zg"), "f");
  EXPECT_EQ(Decoded("Zm8"), "fo");
  EXPECT_EQ(Decoded("Zm9v"), "foo");
  EXPECT_EQ(Decoded("Zm9vYg"), "foob");
  EXPECT_EQ(Decoded("Zm9vYmE"), "fooba");
  EXPECT_EQ(Decoded("Zm9vYmFy"), "foobar");
  EXPECT_EQ(Decoded("-_-_"), "\xfb\xff\xbf");
}

TEST(Base64UrlTest, HasNoSecondSpelling) {
  for (const std::string_view text :
       {"Zg==", "Zm8=", "Z", "Zm9vY", "Zh", "Zm9", "Zm 8", "Zm8\n", "+/+/", "Zm9v.", "\xff\xff"}) {
    EXPECT_EQ(Decoded(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace tickcast::protocol
