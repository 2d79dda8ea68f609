#include "protocol/http/response.h"

#include <gtest/gtest.h>

#include <string>

namespace tickcast::protocol {
namespace {

std::string HeadOf(const ResponseHead& head) {
  std::string out = "before|";
  AppendResponseHead(head, out);
  EXPECT_EQ(out.substr(0, 7), "before|");
  return out.substr(7);
}

TEST(ResponseTest, WritesStatusLengthAndHeaders) {
  const ResponseHeader headers[] = {{"ETag", "\"1\""}, {"Cache-Control", "public, max-age=1"}};
  EXPECT_EQ(HeadOf({.status = 200,
                    .content_type = "application/json",
                    .content_length = 18446744073709551615u,
                    .headers = headers}),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            "Content-Length: 18446744073709551615\r\nETag: \"1\"\r\n"
            "Cache-Control: public, max-age=1\r\nConnection: keep-alive\r\n\r\n");
}

TEST(ResponseTest, SaysWhenTheConnectionEnds) {
  EXPECT_EQ(HeadOf({.status = 400, .keep_alive = false}),
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

// An Upgrade header counts only where Connection names it (RFC 9110 section 7.8).
TEST(ResponseTest, NamesTheUpgradeThatIsRequired) {
  const ResponseHeader headers[] = {{"Upgrade", "websocket"}};
  EXPECT_EQ(HeadOf({.status = 426, .keep_alive = false, .headers = headers}),
            "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nUpgrade: websocket\r\n"
            "Connection: upgrade, close\r\n\r\n");
}

// RFC 9110 section 8.6.
TEST(ResponseTest, WritesNoLengthWhereThereIsNoBody) {
  for (const int status : {204, 304}) {
    EXPECT_EQ(HeadOf({.status = status}).find("Content-Length"), std::string::npos) << status;
  }
}

TEST(ResponseTest, NamesEveryStatusThatIsAnswered) {
  for (const int status :
       {101, 200, 204, 304, 400, 401, 403, 404, 405, 408, 411, 413, 426, 431, 500, 501, 503, 505}) {
    EXPECT_FALSE(ReasonPhrase(status).empty()) << status;
  }
  // The space behind the number stays where there is no phrase (RFC 9112 section 4).
  EXPECT_EQ(HeadOf({.status = 299}).substr(0, 15), "HTTP/1.1 299 \r\n");
}

}  // namespace
}  // namespace tickcast::protocol
