#include "protocol/jwt/claims_reader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "protocol/abseil.h"

namespace tickcast::protocol {
namespace {

// Every claim that is read.
constexpr std::array<std::string_view, 18> kClaims = {
    "sub", "exp",     "nbf",  "iat",     "expire_at", "info",     "channel", "client", "jti",
    "iss", "b64info", "data", "b64data", "meta",      "channels", "subs",    "aud",    "override"};

// A name of somebody or something. NUL in it would end it early for whoever reads it as C does.
bool ReadName(JsonValue& value, std::string_view& out) {
  return value.Read(out) && out.find('\0') == std::string_view::npos;
}

// A NumericDate (RFC 7519 section 2) in whole seconds. What a double cannot hold exactly is no
// date.
bool ReadSeconds(JsonValue& value, std::optional<std::int64_t>& seconds) {
  constexpr double kExactLimit = 9007199254740992.0;  // 2^53.
  if (value.is_null()) return true;
  double number = 0;
  if (!value.Read(number) || std::abs(number) >= kExactLimit) return false;
  seconds = static_cast<std::int64_t>(number);
  return true;
}

bool ReadNames(JsonValue& value, std::vector<std::string_view>& out) {
  if (value.is_null()) return true;
  return value.ReadArray([&out](JsonValue& item) {
    std::string_view name;
    if (!item.is_string() || !ReadName(item, name)) return false;
    out.push_back(name);
    return true;
  });
}

// A string or an array of strings. Source: RFC 7519 section 4.1.3.
bool ReadAudience(JsonValue& value, std::vector<std::string_view>& out) {
  if (!value.is_string()) return ReadNames(value, out);
  return ReadName(value, out.emplace_back());
}

}  // namespace

ClaimsReader::ClaimsReader(std::string_view user_claim)
    : user_claim_(user_claim.empty() ? "sub" : user_claim) {}

void ClaimsReader::Begin() {
  seen_ = 0;
  b64info_ = {};
  b64data_ = {};
  decoded_.clear();
}

bool ClaimsReader::Read(std::string_view name, JsonValue& value, JwtClaims& claims) {
  constexpr std::uint32_t kUserSeen = 1u << kClaims.size();
  const bool is_user = name == user_claim_;
  const auto* const known = std::find(kClaims.begin(), kClaims.end(), name);
  if (known == kClaims.end() && !is_user) return true;
  const std::uint32_t bit = is_user ? kUserSeen : 1u << (known - kClaims.begin());
  if ((std::exchange(seen_, seen_ | bit) & bit) != 0) return false;

  if (is_user) return ReadUser(value, claims.user);
  if (name == "exp") return ReadSeconds(value, claims.exp_s);
  if (name == "nbf") return ReadSeconds(value, claims.nbf_s);
  if (name == "iat") return ReadSeconds(value, claims.iat_s);
  if (name == "expire_at") return ReadSeconds(value, claims.expire_at_s);
  if (name == "info") return value.ReadJson(claims.info);
  if (name == "channel") return ReadName(value, claims.channel);
  if (name == "client") return ReadName(value, claims.client);
  if (name == "jti") return ReadName(value, claims.jti);
  if (name == "iss") return ReadName(value, claims.iss);
  if (name == "b64info") return value.Read(b64info_);
  if (name == "data") return value.ReadJson(claims.data);
  if (name == "b64data") return value.Read(b64data_);
  if (name == "meta") return value.ReadJson(claims.meta);
  if (name == "aud") return ReadAudience(value, claims.aud);
  if (name == "channels") return ReadNames(value, claims.channels);
  if (name == "subs") return ReadSubscriptions(value, claims);
  if (name == "override") return ReadSubscriptionOverride(value, claims.override_options);
  std::string_view sub;  // Where another claim holds the user.
  return ReadName(value, sub);
}

// `sub` is a string. A claim of the operator's choice may also be a whole number, which issuers
// like to have: its text is the id.
bool ClaimsReader::ReadUser(JsonValue& value, std::string_view& user) {
  if (value.is_string() || value.is_null() || user_claim_ == "sub") return ReadName(value, user);
  if (!value.ReadJson(user)) return false;
  const std::string_view digits = user.starts_with('-') ? user.substr(1) : user;
  return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

bool ClaimsReader::ReadSubscriptions(JsonValue& value, JwtClaims& claims) {
  if (value.is_null()) return true;
  return value.ReadObject([&](std::string_view channel, JsonValue& options) {
    const bool twice =
        std::any_of(claims.subs.begin(), claims.subs.end(),
                    [channel](const TokenSubscription& known) { return known.channel == channel; });
    if (twice || channel.find('\0') != std::string_view::npos) return false;
    return ReadSubscription(options,
                            claims.subs.emplace_back(TokenSubscription{channel, {}, {}, {}}));
  });
}

bool ClaimsReader::ReadSubscription(JsonValue& value, TokenSubscription& subscription) {
  if (value.is_null()) return true;
  std::string_view b64info;
  std::string_view b64data;
  const bool readable = value.ReadObject([&](std::string_view name, JsonValue& member) {
    if (name == "info") return member.ReadJson(subscription.info);
    if (name == "b64info") return member.Read(b64info);
    if (name == "data") return member.ReadJson(subscription.data);
    if (name == "b64data") return member.Read(b64data);
    if (name == "override") {
      return ReadSubscriptionOverride(member, subscription.override_options);
    }
    return true;
  });
  return readable && DecodeJson(b64info, subscription.info) &&
         DecodeJson(b64data, subscription.data);
}

bool ClaimsReader::Finish(JwtClaims& claims) {
  return DecodeJson(b64info_, claims.info) && DecodeJson(b64data_, claims.data);
}

// An empty `base64` leaves `json` as it is.
bool ClaimsReader::DecodeJson(std::string_view base64, std::string_view& json) {
  if (base64.empty()) return true;
  std::string text;
  if (!absl::Base64Unescape(Abseil(base64), &text)) return false;
  const std::size_t size_bytes = text.size();
  text.resize(size_bytes + kJsonPaddingBytes);
  const std::optional<std::string_view> line =
      validator_.Minify(std::string_view(text).substr(0, size_bytes));
  if (!line) return false;
  json = decoded_.emplace_back(*line);
  return true;
}

}  // namespace tickcast::protocol
