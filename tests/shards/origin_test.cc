#include "shards/origin.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/shards/http_test_world.h"

namespace tickcast::shards {
namespace {

std::map<std::string, std::string> MapOf(const std::vector<protocol::ResponseHeader>& headers) {
  std::map<std::string, std::string> map;
  for (const auto& header : headers) map[std::string(header.name)] = header.value;
  return map;
}

engine::ClientConfig Allowing(std::vector<std::string> origins) {
  engine::ClientConfig config;
  config.allowed_origins = std::move(origins);
  return config;
}

TEST(OriginTest, WithoutTheHeaderEverythingPassesAndNothingIsSaid) {
  const TestHead head("/emulation");
  std::vector<protocol::ResponseHeader> headers;
  EXPECT_TRUE(Origins(Allowing({})).Allow(head));
  Origins(Allowing({"*"})).AddCorsHeaders(head, headers);
  EXPECT_TRUE(headers.empty());
}

TEST(OriginTest, AListedPageIsToldSo) {
  const TestHead head("/emulation", {{"Origin", "https://App.example.com"}});
  for (const char* pattern : {"*", "https://app.example.com", "https://*.example.com"}) {
    std::vector<protocol::ResponseHeader> headers;
    EXPECT_TRUE(Origins(Allowing({"https://a.b", pattern})).Allow(head)) << pattern;
    Origins(Allowing({pattern})).AddCorsHeaders(head, headers);
    EXPECT_EQ(MapOf(headers), (std::map<std::string, std::string>{
                                  {"Access-Control-Allow-Origin", "https://App.example.com"},
                                  {"Access-Control-Allow-Credentials", "true"},
                                  {"Vary", "Origin"}}));
  }
}

bool Allows(const std::string& pattern, const std::string& origin) {
  return Origins(Allowing({pattern})).Allow(TestHead("/", {{"Origin", origin}}));
}

// As the original has them (internal/origin of github.com/centrifugal/centrifugo), and case does
// not matter in ours either way.
TEST(OriginTest, PatternsMatchTheWholeOrigin) {
  EXPECT_TRUE(Allows("*", "https://a.example"));
  EXPECT_TRUE(Allows("https://A.example", "https://a.Example"));
  EXPECT_TRUE(Allows("*.example.com", "https://two.Example.com"));
  EXPECT_TRUE(Allows("http://localhost:300?", "http://localhost:3001"));
  EXPECT_TRUE(Allows("http://localhost:*", "http://localhost:"));
  EXPECT_TRUE(Allows("http{,s}://{www,app-[0-9]}.example.com", "https://app-7.example.com"));
  EXPECT_TRUE(Allows("http{,s}://{www,app-[0-9]}.example.com", "http://www.example.com"));
  EXPECT_TRUE(Allows("https://[!x].example.com", "https://y.example.com"));
  EXPECT_TRUE(Allows("file://*", "file://"));
  EXPECT_TRUE(Allows("null", "null"));
  EXPECT_FALSE(Allows("http{,s}://{www,app-[0-9]}.example.com", "https://app-x.example.com"));
  EXPECT_FALSE(Allows("https://[!x].example.com", "https://x.example.com"));
  EXPECT_FALSE(Allows("http://localhost:300?", "http://localhost:300"));
  EXPECT_FALSE(Allows("https://*.example.com", "https://example.com"));
  EXPECT_FALSE(Allows("https://*.example.com", "https://a.example.com.evil.org"));
  EXPECT_FALSE(Allows("https://a.example", "https://a.example:8443"));
  EXPECT_FALSE(Allows("*.example.com", "https://two.\xd0\xb5xample.com"));
  EXPECT_FALSE(Allows("https://a.example", "https://a.example\xff"));
  EXPECT_FALSE(Allows("https://a.example", ""));
}

TEST(OriginTest, WhatIsNoPatternIsNamed) {
  EXPECT_TRUE(Origins::Check(Allowing({"*", "https://[ab].c"})).ok());
  const absl::Status status = Origins::Check(Allowing({"*", "https://[ab.c"}));
  EXPECT_NE(status.message().find("https://[ab.c"), absl::string_view::npos) << status;
}

TEST(OriginTest, AnotherPageIsToldNothing) {
  const TestHead head("/emulation", {{"Origin", "https://evil.example"},
                                     {"Access-Control-Request-Headers", "x-secret"}});
  const engine::ClientConfig config = Allowing({"https://app.example.com"});
  std::vector<protocol::ResponseHeader> headers;
  EXPECT_FALSE(Origins(config).Allow(head));
  Origins(config).AddCorsHeaders(head, headers);
  EXPECT_TRUE(headers.empty());
  Origins(config).AddPreflightHeaders(head, "POST, OPTIONS", headers);
  EXPECT_EQ(MapOf(headers).count("Access-Control-Allow-Origin"), 0u);
  EXPECT_EQ(MapOf(headers).count("Access-Control-Allow-Headers"), 0u);
}

TEST(OriginTest, APreflightIsGrantedTheHeadersItAsksFor) {
  const TestHead head("/emulation", {{"Origin", "https://a.b"},
                                     {"Access-Control-Request-Headers", "content-type, x-b"}});
  std::vector<protocol::ResponseHeader> headers;
  Origins(Allowing({"*"})).AddPreflightHeaders(head, "POST, OPTIONS", headers);
  const auto map = MapOf(headers);
  EXPECT_EQ(map.at("Access-Control-Max-Age"), "300");
  EXPECT_EQ(map.at("Access-Control-Allow-Methods"), "POST, OPTIONS");
  EXPECT_EQ(map.at("Access-Control-Allow-Headers"), "content-type, x-b");
  EXPECT_EQ(map.at("Access-Control-Allow-Origin"), "https://a.b");
}

}  // namespace
}  // namespace tickcast::shards
