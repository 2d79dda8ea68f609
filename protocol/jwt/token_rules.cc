#include "protocol/jwt/token_rules.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include <re2/re2.h>

#include "absl/strings/str_cat.h"

namespace tickcast::protocol {
namespace {

// Null for an empty pattern.
absl::StatusOr<std::unique_ptr<RE2>> Compile(std::string_view name, const std::string& pattern) {
  if (pattern.empty()) return nullptr;
  auto compiled = std::make_unique<RE2>(pattern, RE2::Quiet);
  if (!compiled->ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(name), " is no regular expression: ", compiled->error()));
  }
  return compiled;
}

bool Matches(const RE2& pattern, std::string_view text) {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

bool IsClaimName(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}

// Claims with a meaning of their own, which a user's id in their place would switch off: a token
// whose `exp` is its user would never expire.
constexpr std::string_view kTaken[] = {
    "exp",    "nbf", "iat", "expire_at", "info", "data", "b64info", "b64data", "channel",
    "client", "jti", "iss", "channels",  "subs", "aud",  "meta",    "override"};

}  // namespace

struct ClaimRules::Patterns {
  std::unique_ptr<RE2> audience;
  std::unique_ptr<RE2> issuer;
};

ClaimRules::ClaimRules(const TokenRules& rules, std::unique_ptr<Patterns> patterns)
    : rules_(rules), patterns_(std::move(patterns)) {}
ClaimRules::~ClaimRules() = default;

absl::StatusOr<std::shared_ptr<const ClaimRules>> ClaimRules::Make(const TokenRules& rules) {
  if (!rules.audience.empty() && !rules.audience_regex.empty()) {
    return absl::InvalidArgumentError("audience and audience_regex: only one of them may be set");
  }
  if (!rules.issuer.empty() && !rules.issuer_regex.empty()) {
    return absl::InvalidArgumentError("issuer and issuer_regex: only one of them may be set");
  }
  if (!IsClaimName(rules.user_id_claim)) {
    return absl::InvalidArgumentError("user_id_claim may only have letters and underscores");
  }
  if (std::find(std::begin(kTaken), std::end(kTaken), rules.user_id_claim) != std::end(kTaken)) {
    return absl::InvalidArgumentError(
        absl::StrCat("user_id_claim: ", rules.user_id_claim, " has a meaning of its own"));
  }
  auto audience = Compile("audience_regex", rules.audience_regex);
  if (!audience.ok()) return audience.status();
  auto issuer = Compile("issuer_regex", rules.issuer_regex);
  if (!issuer.ok()) return issuer.status();
  auto patterns = std::make_unique<Patterns>();
  patterns->audience = *std::move(audience);
  patterns->issuer = *std::move(issuer);
  return std::shared_ptr<const ClaimRules>(new ClaimRules(rules, std::move(patterns)));
}

bool ClaimRules::AcceptAudience(const JwtClaims& claims) const {
  const auto any = [&claims](auto&& accepts) {
    return std::any_of(claims.aud.begin(), claims.aud.end(), accepts);
  };
  if (patterns_->audience != nullptr) {
    return any([this](std::string_view aud) { return Matches(*patterns_->audience, aud); });
  }
  return rules_.audience.empty() ||
         any([this](std::string_view aud) { return aud == rules_.audience; });
}

bool ClaimRules::AcceptIssuer(const JwtClaims& claims) const {
  if (patterns_->issuer != nullptr) return Matches(*patterns_->issuer, claims.iss);
  return rules_.issuer.empty() || claims.iss == rules_.issuer;
}

}  // namespace tickcast::protocol
