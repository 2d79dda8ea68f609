#include "protocol/http/request_head.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace tickcast::protocol {
namespace {

// A request line, a Host and `headers`, each with its line end.
std::string Get(std::string_view headers = "") {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n";
}

HeadResult Parse(std::string_view bytes) {
  RequestHead head;
  return ParseRequestHead(bytes, head);
}

int StatusOf(std::string_view bytes) {
  const HeadResult result = Parse(bytes);
  EXPECT_EQ(result.verdict, HeadVerdict::kBad) << bytes;
  EXPECT_EQ(result.reason.empty(), result.verdict != HeadVerdict::kBad);
  return result.status;
}

bool IsComplete(std::string_view bytes) {
  const HeadResult result = Parse(bytes);
  return result.verdict == HeadVerdict::kComplete && result.head_bytes == bytes.size();
}

TEST(RequestHeadTest, GivesThePartsOfARequest) {
  const std::string bytes =
      "POST /api/publish?key=1&x=%20 HTTP/1.1\r\n"
      "Host: example.org:8000\r\n"
      "Content-Length: 12\r\n"
      "X-Empty:\r\n"
      "X-Padded: \t a b\t \r\n\r\nbody";
  RequestHead head;
  const HeadResult result = ParseRequestHead(bytes, head);
  ASSERT_EQ(result.verdict, HeadVerdict::kComplete);
  EXPECT_EQ(bytes.substr(result.head_bytes), "body");
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/api/publish?key=1&x=%20");
  EXPECT_EQ(head.path, "/api/publish");
  EXPECT_EQ(head.query, "key=1&x=%20");
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_EQ(head.header_count, 4u);
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_EQ(head.Find("HOST"), "example.org:8000");
  EXPECT_EQ(head.Find("x-empty"), "");
  EXPECT_EQ(head.Find("x-padded"), "a b");
  EXPECT_EQ(head.Find("x"), std::nullopt);
}

TEST(RequestHeadTest, NeedsMoreAtEveryByteBeforeTheEnd) {
  const std::string bytes = "\r\nGET /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_EQ(Parse(bytes.substr(0, cut)).verdict, HeadVerdict::kNeedMore) << "cut at " << cut;
  }
  EXPECT_TRUE(IsComplete(bytes));
}

// What was refused once the whole head lay there is refused with the same status, and for the same
// reason, when it comes byte by byte; the refusal is never taken back.
TEST(RequestHeadTest, AFaultDoesNotDependOnWhereAReadEnds) {
  const std::vector<std::string> faulty = {
      "GET / HTTP/1.1\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n\n",
      "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
      "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
      "GE\x01T / HTTP/1.1\nHost: a\r\n\r\n",
      Get("X: a\rb\r\n"),
      Get("X: a\x7f\r\n"),
      Get(" folded\r\n"),
      Get("Transfer-Encoding: chunked\r\n"),
      "GET / HTTP/3.0\r\n\r\n",
      Get("X: " + std::string(kMaxRequestHeadBytes, 'x')) + "\r\n",
      Get("X: " + std::string(kMaxRequestHeadBytes, 'x')) + "\r\r",
      std::string(kMaxRequestHeadBytes - 1, 'x') + "\r\n\r\n",
      std::string(kMaxRequestHeadBytes, 'x') + "\r\r\n",
  };
  for (const std::string& bytes : faulty) {
    SCOPED_TRACE(bytes.substr(0, 60));
    const HeadResult whole = Parse(bytes);
    ASSERT_EQ(whole.verdict, HeadVerdict::kBad);
    bool refused = false;
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      const HeadResult part = Parse(std::string_view(bytes).substr(0, cut));
      ASSERT_NE(part.verdict, HeadVerdict::kComplete);
      if (refused) {
        ASSERT_EQ(part.verdict, HeadVerdict::kBad);
      }
      if (part.verdict != HeadVerdict::kBad) continue;
      refused = true;
      ASSERT_EQ(part.status, whole.status);
      ASSERT_EQ(part.reason, whole.reason);
    }
  }
}

TEST(RequestHeadTest, GarbageIsRefusedBeforeItsLineEnds) {
  EXPECT_EQ(StatusOf("\x16\x03\x01\x02"), 400);  // The hello of TLS.
  EXPECT_EQ(StatusOf(std::string_view("GET\0", 4)), 400);
  EXPECT_EQ(StatusOf("PRI * HTTP/2.0\r\n"), 505);
}

TEST(RequestHeadTest, TakesAHeadOf8KiBAndNoByteMore) {
  const auto head_of = [](std::size_t bytes) {
    const std::string empty = Get("X: \r\n");
    return Get("X: " + std::string(bytes - empty.size(), 'x') + "\r\n");
  };
  const std::string largest = head_of(kMaxRequestHeadBytes);
  ASSERT_EQ(largest.size(), 8192u);
  EXPECT_TRUE(IsComplete(largest));
  EXPECT_EQ(Parse(largest + "body").verdict, HeadVerdict::kComplete);
  EXPECT_EQ(Parse(largest.substr(0, 8191)).verdict, HeadVerdict::kNeedMore);

  const std::string larger = head_of(kMaxRequestHeadBytes + 1);
  EXPECT_EQ(StatusOf(larger), 431);
  EXPECT_EQ(StatusOf(larger.substr(0, 8192)), 431);
  EXPECT_EQ(Parse(larger.substr(0, 8191)).verdict, HeadVerdict::kNeedMore);
}

TEST(RequestHeadTest, Takes64HeadersAndNoMore) {
  std::string headers;
  for (std::size_t i = 1; i < kMaxRequestHeaders; ++i) headers += "X: 1\r\n";
  EXPECT_TRUE(IsComplete(Get(headers)));
  EXPECT_EQ(StatusOf(Get(headers + "X: 1\r\n")), 431);
}

TEST(RequestHeadTest, RefusesMalformedRequestLines) {
  const std::vector<std::pair<std::string, int>> lines = {
      {"", 400},
      {"\r\n", 400},  // Two empty lines before it, where one is passed over.
      {"GET", 400},
      {"GET /", 400},
      {"GET  / HTTP/1.1", 400},
      {"GET /  HTTP/1.1", 400},
      {"GET / HTTP/1.1 ", 400},
      {" GET / HTTP/1.1", 400},
      {"GET\t/ HTTP/1.1", 400},
      {"GET /a b HTTP/1.1", 400},
      {"GET /a\tb HTTP/1.1", 400},
      {"GET /#a HTTP/1.1", 400},
      {"G(T / HTTP/1.1", 400},
      {"GET / http/1.1", 400},
      {"GET / HTTP/1", 400},
      {"GET / HTTP/1.10", 400},
      {"GET / HTTP/01.1", 400},
      {"GET / HTTP/a.1", 400},
      {"GET / HTTP/1.x", 400},
      {"GET / HTTP/0.9", 505},
      {"GET / HTTP/1.2", 505},
      {"GET / HTTP/2.0", 505},
      {"PRI * HTTP/2.0", 505},
      {"GET a HTTP/1.1", 400},
      {"GET /\xc3\xa9 HTTP/1.1", 400},
      {"GET * HTTP/1.1", 400},
      {"CONNECT a:80 HTTP/1.1", 400},
      {"GET ftp://a/ HTTP/1.1", 400},
      {"GET http:///x HTTP/1.1", 400},
      {"GET http://u@a/x HTTP/1.1", 400},
      {"GET http://:80/x HTTP/1.1", 400},
  };
  for (const auto& [line, status] : lines) {
    EXPECT_EQ(StatusOf("\r\n" + line + "\r\nHost: a\r\n\r\n"), status) << line;
  }
}

TEST(RequestHeadTest, FindsThePathInBothFormsOfATarget) {
  const auto expect = [](std::string_view target, std::string_view path, std::string_view query) {
    const std::string bytes = "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    RequestHead head;
    ASSERT_EQ(ParseRequestHead(bytes, head).verdict, HeadVerdict::kComplete) << target;
    EXPECT_EQ(head.target, target);
    EXPECT_EQ(head.path, path);
    EXPECT_EQ(head.query, query);
  };
  expect("/", "/", "");
  expect("/?", "/", "");
  expect("/a?b?c", "/a", "b?c");
  expect("//a", "//a", "");
  expect("/?{\"a\":[1]}", "/", "{\"a\":[1]}");
  expect("http://h", "/", "");
  expect("HTTP://h:80?q", "/", "q");
  expect("https://[::1]:8000/a/b?q", "/a/b", "q");
}

TEST(RequestHeadTest, RefusesMalformedHeaders) {
  for (const std::string_view line :
       {"X", "X : 1", "X\t: 1", ": 1", " X: 1", "\tX: 1", "X(: 1", "X\xc3: 1"}) {
    EXPECT_EQ(StatusOf(Get(std::string(line) + "\r\n")), 400) << line;
  }
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf(Get(std::string("X: a\0b\r\n", 8))), 400);
  EXPECT_TRUE(IsComplete(Get("X: \xc3\xa9 \"\t(\r\n")));  // obs-text and white space may stand.
  EXPECT_TRUE(IsComplete(Get("!#$%&'*+-.^_`|~09azAZ:1\r\n")));
}

TEST(RequestHeadTest, NeedsOneWellFormedHost) {
  const auto with = [](std::string_view version, std::string_view headers) {
    return "GET / HTTP/1." + std::string(version) + "\r\n" + std::string(headers) + "\r\n";
  };
  EXPECT_EQ(StatusOf(with("1", "")), 400);
  EXPECT_EQ(StatusOf(with("1", "Host: a\r\nhOST: a\r\n")), 400);
  EXPECT_EQ(StatusOf(with("0", "Host: a\r\nHost: b\r\n")), 400);
  EXPECT_TRUE(IsComplete(with("0", "")));
  for (const std::string_view host : {"", "a", "a.b-c_d~", "a:", "a:8000", "127.0.0.1:1", "[::1]",
                                      "[::1]:80", "%41", "xn--e1afmkfd"}) {
    EXPECT_TRUE(IsComplete(with("1", "Host: " + std::string(host) + "\r\n"))) << host;
  }
  for (const std::string_view host : {"a b", "a, b", "a/b", "u@a", "a:b", "a:1:2", "[", "[]",
                                      "[::1", "[::1]x", "[g::]", "http://a", "\xc3\xa9"}) {
    EXPECT_EQ(StatusOf(with("1", "Host: " + std::string(host) + "\r\n")), 400) << host;
  }
}

TEST(RequestHeadTest, ReadsOneContentLength) {
  const auto length_of = [](std::string_view headers) {
    const std::string bytes = Get(headers);
    RequestHead head;
    EXPECT_EQ(ParseRequestHead(bytes, head).verdict, HeadVerdict::kComplete) << headers;
    return head.content_length;
  };
  EXPECT_EQ(length_of(""), std::nullopt);
  EXPECT_EQ(length_of("Content-Length: 0\r\n"), 0u);
  EXPECT_EQ(length_of("content-length: 18446744073709551615\r\n"), 18446744073709551615u);
  for (const std::string_view bad :
       {"", "-1", "+1", "1a", "0x1", "1 2", "1,1", "1.0", "18446744073709551616"}) {
    EXPECT_EQ(StatusOf(Get("Content-Length: " + std::string(bad) + "\r\n")), 400) << bad;
  }
  EXPECT_EQ(StatusOf(Get("Content-Length: 7\r\nContent-Length: 8\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("Content-Length: 7\r\nContent-Length: 7\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("Content-Length: 7\r\nContent-Length: x\r\n")), 400);
}

TEST(RequestHeadTest, RefusesTransferEncoding) {
  EXPECT_EQ(StatusOf(Get("Transfer-Encoding: chunked\r\n")), 411);
  EXPECT_EQ(StatusOf(Get("transfer-encoding: CHUNKED\r\n")), 411);
  EXPECT_EQ(StatusOf(Get("Transfer-Encoding:\r\n")), 501);
  EXPECT_EQ(StatusOf(Get("Transfer-Encoding: gzip, chunked\r\n")), 501);
  EXPECT_EQ(StatusOf(Get("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")), 501);
  EXPECT_EQ(StatusOf("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf(Get("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("Content-Length: 0\r\nTransfer-Encoding: identity\r\n")), 400);
}

TEST(RequestHeadTest, KeepsTheConnectionAsItsVersionSays) {
  const auto keeps = [](std::string_view version, std::string_view connection) {
    const std::string bytes = "GET / HTTP/1." + std::string(version) + "\r\nHost: a\r\n" +
                              std::string(connection) + "\r\n";
    RequestHead head;
    EXPECT_EQ(ParseRequestHead(bytes, head).verdict, HeadVerdict::kComplete);
    return head.keep_alive();
  };
  EXPECT_TRUE(keeps("1", ""));
  EXPECT_FALSE(keeps("0", ""));
  EXPECT_TRUE(keeps("0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(keeps("1", "Connection: CLOSE\r\n"));
  EXPECT_FALSE(keeps("1", "Connection: keep-alive\r\nConnection: x ,close\r\n"));
  EXPECT_TRUE(keeps("1", "Connection: closed\r\n"));
}

TEST(RequestHeadTest, FindsATokenInTheListsOfAllLines) {
  const std::string bytes = Get("A: x, Y ,,z\r\nB: q\r\na: \tw\r\n");
  RequestHead head;
  ASSERT_EQ(ParseRequestHead(bytes, head).verdict, HeadVerdict::kComplete);
  for (const std::string_view token : {"x", "y", "Z", "w"}) EXPECT_TRUE(head.HasToken("A", token));
  EXPECT_FALSE(head.HasToken("A", "q"));
  EXPECT_FALSE(head.HasToken("A", "x, Y"));
  EXPECT_FALSE(head.HasToken("C", "x"));
}

TEST(RequestHeadTest, TakesTheAsteriskOfOptions) {
  RequestHead head;
  ASSERT_EQ(ParseRequestHead("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", head).verdict,
            HeadVerdict::kComplete);
  EXPECT_EQ(head.path, "*");
  EXPECT_EQ(head.query, "");
}

// What a caller remembers of the bytes saves work and changes no answer.
TEST(RequestHeadTest, SeenBytesChangeNoVerdict) {
  const std::vector<std::string> samples = {
      "\r\n" + Get("X: a b\tc\r\nY:\r\n"),
      Get("X: a\rb\r\n"),
      Get("X: a\x7f\r\n"),
      Get("X: \xc3\xa9\r\n folded\r\n"),
      "GET /\xc3 HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\nHost: a\n\n",
      Get("X: " + std::string(kMaxRequestHeadBytes, 'x') + "\r\n"),
  };
  for (const std::string& bytes : samples) {
    SCOPED_TRACE(bytes.substr(0, 60));
    for (const std::size_t step : {1u, 2u, 3u, 7u}) {
      std::size_t seen_bytes = 0;
      for (std::size_t size = 0; size <= bytes.size(); size += step) {
        const std::string_view part = std::string_view(bytes).substr(0, size);
        RequestHead head;
        const HeadResult result = ParseRequestHead(part, head, seen_bytes);
        const HeadResult fresh = Parse(part);
        ASSERT_EQ(result.verdict, fresh.verdict) << size;
        ASSERT_EQ(result.status, fresh.status) << size;
        ASSERT_EQ(result.head_bytes, fresh.head_bytes) << size;
        if (result.verdict != HeadVerdict::kNeedMore) break;
        seen_bytes = size;
      }
    }
  }
}

TEST(RequestHeadTest, ForgetsTheRequestBefore) {
  RequestHead head;
  const std::string first = "POST /a?b HTTP/1.0\r\nContent-Length: 3\r\nX: 1\r\n\r\n";
  ASSERT_EQ(ParseRequestHead(first, head).verdict, HeadVerdict::kComplete);
  ASSERT_EQ(ParseRequestHead("\x01", head).verdict, HeadVerdict::kBad);
  EXPECT_TRUE(head.method.empty() && head.target.empty() && head.path.empty());
  EXPECT_TRUE(head.query.empty());
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_EQ(head.header_count, 0u);
  EXPECT_EQ(head.content_length, std::nullopt);
}

TEST(QueryParameterTest, DecodesTheFirstOfItsName) {
  EXPECT_EQ(QueryParameter("a=1&b=2&a=3", "a"), "1");
  EXPECT_EQ(QueryParameter("a=1&b=2", "b"), "2");
  EXPECT_EQ(QueryParameter("a=1", "b"), std::nullopt);
  EXPECT_EQ(QueryParameter("", "a"), std::nullopt);
  EXPECT_EQ(QueryParameter("aa=1&a", "a"), "");
  EXPECT_EQ(QueryParameter("a=b=c", "a"), "b=c");
  EXPECT_EQ(QueryParameter("a=+%2B%20%c3%a9%26%00", "a"), std::string(" + \xc3\xa9&\0", 7));
}

TEST(QueryParameterTest, RefusesMalformedEscapes) {
  for (const std::string_view value :
       {"%", "%4", "x%", "x%4", "%4g", "%g4", "%0x41", "% 1", "%+1", "%%41"}) {
    EXPECT_EQ(QueryParameter("a=" + std::string(value), "a"), std::nullopt) << value;
  }
  EXPECT_EQ(QueryParameter("b=%&a=%41", "a"), "A");
  EXPECT_EQ(QueryParameter("a=%41", "a"), "A");
}

}  // namespace
}  // namespace tickcast::protocol
