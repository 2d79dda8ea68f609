#include "shards/origin.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/invariant.h"

namespace tickcast::shards {

using protocol::Glob;
using protocol::ResponseHeader;

absl::Status Origins::Check(const engine::ClientConfig& config) {
  for (const std::string& pattern : config.allowed_origins) {
    if (Glob::Compile(pattern)) continue;
    return absl::InvalidArgumentError(absl::StrCat("client.allowed_origins: \"", pattern,
                                                   "\" is no pattern: a `[` needs its `]`"));
  }
  return absl::OkStatus();
}

Origins::Origins(const engine::ClientConfig& config) {
  for (const std::string& pattern : config.allowed_origins) {
    std::optional<Glob> compiled = Glob::Compile(absl::AsciiStrToLower(pattern));
    INVARIANT(compiled.has_value(), "REQUIRES: Check(config).ok()");
    patterns_.push_back(*std::move(compiled));
  }
}

bool Origins::Allow(const protocol::RequestHead& head) {
  const auto origin = head.Find("Origin");
  if (!origin) return true;
  origin_ = *origin;
  absl::AsciiStrToLower(&origin_);
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [this](Glob& pattern) { return pattern.Matches(origin_); });
}

void Origins::AddCorsHeaders(const protocol::RequestHead& head,
                             std::vector<ResponseHeader>& headers) {
  const auto origin = head.Find("Origin");
  if (origin && Allow(head)) shards::AddCorsHeaders(*origin, headers);
}

void Origins::AddPreflightHeaders(const protocol::RequestHead& head, std::string_view methods,
                                  std::vector<ResponseHeader>& headers) {
  headers.push_back({"Access-Control-Max-Age", "300"});
  headers.push_back({"Access-Control-Allow-Methods", methods});
  const auto asked = head.Find("Access-Control-Request-Headers");
  if (asked && !asked->empty() && Allow(head)) {
    headers.push_back({"Access-Control-Allow-Headers", *asked});
  }
  AddCorsHeaders(head, headers);
}

void AddCorsHeaders(std::string_view origin, std::vector<ResponseHeader>& headers) {
  headers.push_back({"Access-Control-Allow-Origin", origin});
  headers.push_back({"Access-Control-Allow-Credentials", "true"});
  // The answer differs from origin to origin: a cache must not give it to another.
  headers.push_back({"Vary", "Origin"});
}

}  // namespace tickcast::shards
