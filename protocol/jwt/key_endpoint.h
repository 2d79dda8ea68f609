// KeyEndpoint: the URLs of JWKS documents, where it depends on the token which of them has its
// keys.
//
// `https://auth.example/{{tenant}}/jwks.json` with the issuer_regex `^https://(?P<tenant>a|b)\.x$`:
// what a group of issuer_regex or audience_regex matches in a token's `iss` or `aud` takes the
// place of its name. That is read before anybody has proven who signed the token, so a group may
// only list its values, one beside the other: all URLs are known from the start, and no token can
// make us ask another. The original demands the same (internal/jwtverify/validate.go of
// github.com/centrifugal/centrifugo), and puts the URL together for each token.
// Threading: a value that is not changed after it is made; every thread may look into it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/jwt/claims.h"
#include "protocol/jwt/token_rules.h"

namespace tickcast::protocol {

class KeyEndpoint {
 public:
  // All combinations of the values of all groups.
  static constexpr std::size_t kMaxUrls = 64;

  // Whether `url` has a `{{` in it; without, it is a URL as it stands.
  static bool IsTemplate(std::string_view url) { return url.find("{{") != url.npos; }

  // Fails where a name is no group of one of the patterns, or a group is no list of values; the
  // message says which. REQUIRES: the patterns of `rules` are good (ClaimRules::Make()).
  static absl::StatusOr<KeyEndpoint> Make(std::string_view url, const TokenRules& rules);
  KeyEndpoint(KeyEndpoint&&) noexcept;
  KeyEndpoint& operator=(KeyEndpoint&&) noexcept;
  ~KeyEndpoint();

  // At least one.
  const std::vector<std::string>& urls() const { return urls_; }

  // Index in urls() of the one for a token with these `iss` and `aud`. Nothing: none is.
  std::optional<std::size_t> Find(const JwtClaims& claims) const;

 private:
  struct Group;
  struct Patterns;
  KeyEndpoint();
  std::string UrlAt(const std::vector<std::string_view>& pieces, std::size_t index) const;

  std::vector<Group> groups_;
  std::unique_ptr<Patterns> patterns_;
  std::vector<std::string> urls_;
};

}  // namespace tickcast::protocol
