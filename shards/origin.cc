#include "shards/origin.h"

#include <algorithm>

#include "protocol/http/origin.h"

namespace tickcast::shards {

using protocol::ResponseHeader;

bool OriginAllowed(const engine::ClientConfig& config, const protocol::RequestHead& head) {
  const auto origin = head.Find("Origin");
  if (!origin) return true;
  return std::any_of(
      config.allowed_origins.begin(), config.allowed_origins.end(),
      [&](const std::string& pattern) { return protocol::OriginMatches(pattern, *origin); });
}

void AddCorsHeaders(const engine::ClientConfig& config, const protocol::RequestHead& head,
                    std::vector<ResponseHeader>& headers) {
  const auto origin = head.Find("Origin");
  if (origin && OriginAllowed(config, head)) AddCorsHeaders(*origin, headers);
}

void AddCorsHeaders(std::string_view origin, std::vector<ResponseHeader>& headers) {
  headers.push_back({"Access-Control-Allow-Origin", origin});
  headers.push_back({"Access-Control-Allow-Credentials", "true"});
  // The answer differs from origin to origin: a cache must not give it to another.
  headers.push_back({"Vary", "Origin"});
}

void AddPreflightHeaders(const engine::ClientConfig& config, const protocol::RequestHead& head,
                         std::string_view methods, std::vector<ResponseHeader>& headers) {
  headers.push_back({"Access-Control-Max-Age", "300"});
  headers.push_back({"Access-Control-Allow-Methods", methods});
  const auto asked = head.Find("Access-Control-Request-Headers");
  if (asked && !asked->empty() && OriginAllowed(config, head)) {
    headers.push_back({"Access-Control-Allow-Headers", *asked});
  }
  AddCorsHeaders(config, head, headers);
}

}  // namespace tickcast::shards
