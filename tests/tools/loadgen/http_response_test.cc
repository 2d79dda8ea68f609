#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tools/loadgen/http_get.h"

namespace tickcast::loadgen {
namespace {

using testing::HasSubstr;

const std::string kResponse =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\nhello";

TEST(HttpResponseTest, TheBodyIsAsLongAsItSays) {
  EXPECT_EQ(*ReadBody(kResponse), "hello");
  EXPECT_EQ(*ReadBody(kResponse + "!"), "hello");
  EXPECT_EQ(*ReadBody("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "");
}

TEST(HttpResponseTest, AResponseThatIsCutAnywhereIsNone) {
  for (std::size_t cut = 0; cut < kResponse.size(); ++cut) {
    EXPECT_TRUE(absl::IsDataLoss(ReadBody(kResponse.substr(0, cut)).status())) << cut;
  }
}

TEST(HttpResponseTest, AnotherStatusIsNamed) {
  const auto body = ReadBody("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(absl::IsUnavailable(body.status()));
  EXPECT_THAT(std::string(body.status().message()), HasSubstr("404 Not Found"));
}

TEST(HttpResponseTest, ALengthThatIsMissingOrNoNumberIsDataLoss) {
  EXPECT_TRUE(absl::IsDataLoss(ReadBody("HTTP/1.1 200 OK\r\n\r\nhello").status()));
  EXPECT_TRUE(
      absl::IsDataLoss(ReadBody("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhello").status()));
}

}  // namespace
}  // namespace tickcast::loadgen
