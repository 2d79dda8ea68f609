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
  EXPECT_TRUE(OriginAllowed(Allowing({}), head));
  AddCorsHeaders(Allowing({"*"}), head, headers);
  EXPECT_TRUE(headers.empty());
}

TEST(OriginTest, AListedPageIsToldSo) {
  const TestHead head("/emulation", {{"Origin", "https://App.example.com"}});
  for (const char* pattern : {"*", "https://app.example.com", "https://*.example.com"}) {
    std::vector<protocol::ResponseHeader> headers;
    EXPECT_TRUE(OriginAllowed(Allowing({"https://a.b", pattern}), head)) << pattern;
    AddCorsHeaders(Allowing({pattern}), head, headers);
    EXPECT_EQ(MapOf(headers), (std::map<std::string, std::string>{
                                  {"Access-Control-Allow-Origin", "https://App.example.com"},
                                  {"Access-Control-Allow-Credentials", "true"},
                                  {"Vary", "Origin"}}));
  }
}

TEST(OriginTest, AnotherPageIsToldNothing) {
  const TestHead head("/emulation", {{"Origin", "https://evil.example"},
                                     {"Access-Control-Request-Headers", "x-secret"}});
  const engine::ClientConfig config = Allowing({"https://app.example.com"});
  std::vector<protocol::ResponseHeader> headers;
  EXPECT_FALSE(OriginAllowed(config, head));
  AddCorsHeaders(config, head, headers);
  EXPECT_TRUE(headers.empty());
  AddPreflightHeaders(config, head, "POST, OPTIONS", headers);
  EXPECT_EQ(MapOf(headers).count("Access-Control-Allow-Origin"), 0u);
  EXPECT_EQ(MapOf(headers).count("Access-Control-Allow-Headers"), 0u);
}

TEST(OriginTest, APreflightIsGrantedTheHeadersItAsksFor) {
  const TestHead head("/emulation", {{"Origin", "https://a.b"},
                                     {"Access-Control-Request-Headers", "content-type, x-b"}});
  std::vector<protocol::ResponseHeader> headers;
  AddPreflightHeaders(Allowing({"*"}), head, "POST, OPTIONS", headers);
  const auto map = MapOf(headers);
  EXPECT_EQ(map.at("Access-Control-Max-Age"), "300");
  EXPECT_EQ(map.at("Access-Control-Allow-Methods"), "POST, OPTIONS");
  EXPECT_EQ(map.at("Access-Control-Allow-Headers"), "content-type, x-b");
  EXPECT_EQ(map.at("Access-Control-Allow-Origin"), "https://a.b");
}

}  // namespace
}  // namespace tickcast::shards
