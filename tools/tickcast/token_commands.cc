#include "tools/tickcast/token_commands.h"

#include <absl/status/statusor.h>
#include <absl/strings/escaping.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <utility>
#include <vector>

#include "engine/metrics.h"
#include "protocol/json/object_writer.h"
#include "protocol/jwt/jwt.h"
#include "protocol/jwt/jwt_signer.h"
#include "shards/token_authority.h"
#include "tools/tickcast/check_config.h"
#include "tools/tickcast/jwks_download.h"
#include "tools/tickcast/subcommand_options.h"

namespace tickcast::tools {
namespace {

constexpr std::int64_t kWithoutEnd = -1;
constexpr std::int64_t kWeekSeconds = 7 * 24 * 3600;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

SubcommandResult Failed(absl::string_view what) {
  return {kSubcommandFailed, {}, absl::StrCat(what, "\n")};
}

const engine::TokenConfig& TokenConfigFor(const engine::Config& config, bool subscription) {
  const engine::ClientConfig& client = config.client;
  return subscription && client.subscription_token.enabled ? client.subscription_token
                                                           : client.token;
}

std::string UserText(std::string_view user) {
  return user.empty() ? "an anonymous user" : absl::StrCat("user \"", View(user), "\"");
}

std::string Claims(const engine::TokenConfig& token, const SubcommandOptions& options,
                   std::int64_t ttl_s) {
  const std::int64_t now_s = absl::ToUnixSeconds(absl::Now());
  const std::string user = options.Get("user");
  std::string claims;
  protocol::ObjectWriter writer(claims);
  writer.QuotedUnlessEmpty("sub", user);
  if (!token.user_id_claim.empty()) writer.Quoted(token.user_id_claim, user);
  writer.QuotedUnlessEmpty("channel", options.Get("channel"));
  writer.Number("iat", now_s);
  if (ttl_s != kWithoutEnd) writer.Number("exp", now_s + ttl_s);
  writer.Close();
  return claims;
}

SubcommandResult Generate(std::span<const std::string> arguments, engine::ConfigSources sources,
                          bool subscription) {
  const std::string_view name = subscription ? "gensubtoken" : "gentoken";
  std::vector<SubcommandOption> known = {
      kConfigOption, {'u', "user", true}, {'t', "ttl", true}, {'q', "quiet", false}};
  if (subscription) known.push_back({'s', "channel", true});
  SubcommandOptions options;
  const std::string wrong = ReadSubcommandOptions(arguments, known, options);
  if (!wrong.empty()) return SubcommandUsage(name, wrong);
  if (!options.operands.empty()) return SubcommandUsage(name, "takes no operands");
  if (subscription && options.Get("channel").empty())
    return SubcommandUsage(name, "--channel is missing");
  std::int64_t ttl_s = kWeekSeconds;
  if (options.Has("ttl") && (!absl::SimpleAtoi(options.Get("ttl"), &ttl_s) || ttl_s == 0 ||
                             ttl_s < kWithoutEnd || ttl_s > 1'000'000'000)) {
    return SubcommandUsage(
        name, "--ttl must be seconds from 1 to 1000000000, or -1 for a token without end");
  }

  engine::LoadedConfig loaded;
  std::string mistakes = LoadForSubcommand(options, std::move(sources), loaded);
  if (!mistakes.empty()) return {kSubcommandUsage, {}, std::move(mistakes)};
  const engine::TokenConfig& token = TokenConfigFor(loaded.config, subscription);
  if (token.hmac_secret_key.empty()) {
    return Failed(
        "there is no hmac_secret_key to sign with; tokens for other keys are made by whoever has "
        "the private one");
  }
  const std::string made =
      protocol::SignToken(Claims(token, options, ttl_s), token.hmac_secret_key);
  if (made.empty()) return Failed("libcrypto cannot sign with HS256");
  if (options.Has("quiet")) return {0, made, {}};
  const std::string channel =
      subscription ? absl::StrCat(" and channel \"", options.Get("channel"), "\"") : "";
  const std::string end =
      ttl_s == kWithoutEnd ? "without end"
                           : absl::StrCat("good for ", absl::FormatDuration(absl::Seconds(ttl_s)));
  return {0,
          absl::StrCat("token for ", UserText(options.Get("user")), channel, ", ", end, ":\n", made,
                       "\n"),
          {}};
}

// Fails where a key is wrong or cannot be had.
absl::StatusOr<protocol::JwtVerifier> MakeVerifier(const engine::Config& config,
                                                   const std::string& token, bool subscription) {
  engine::ClientConfig client;
  client.token = TokenConfigFor(config, subscription);
  client.insecure_skip_token_signature_verify = config.client.insecure_skip_token_signature_verify;
  engine::Registry registry;
  auto authority = shards::TokenAuthority::Make(client, registry);
  if (!authority.ok()) return authority.status();
  const auto& trust = (*authority)->trust(shards::TokenAuthority::Use::kConnection);
  protocol::JwtVerifier verifier(trust.rules, trust.skip_signature);
  verifier.SetKeys(trust.realms.front().keys.Get());
  if (!client.token.jwks_public_endpoint.empty()) {
    std::string url = client.token.jwks_public_endpoint;
    if (trust.endpoint) {
      protocol::JwtClaims claims;
      verifier.ReadUnverified(token, claims);
      const auto found = trust.endpoint->Find(claims);
      if (!found) return absl::NotFoundError("its iss and aud name none of the JWKS documents");
      url = trust.endpoint->urls()[*found];
    }
    auto keys = DownloadJwks(url);
    if (!keys.ok()) return keys.status();
    verifier.SetKeys(*std::move(keys));
  }
  return verifier;
}

// The claims as they stand in `token`, whoever signed it; empty when it is not three parts.
std::string Payload(const std::string& token) {
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  std::string payload;
  if (parts.size() != 3 || !absl::WebSafeBase64Unescape(parts[1], &payload)) return {};
  return payload;
}

// Why a token that is rightly signed is not for this: empty, or a sentence.
std::string WrongUse(const engine::Config& config, const protocol::JwtClaims& claims,
                     bool subscription) {
  if (subscription) return claims.channel.empty() ? "it has no channel" : "";
  if (!claims.channel.empty()) return "it is for a subscription: it has a channel";
  if (claims.user.empty() && config.client.disallow_anonymous_connection_tokens) {
    return "it has no user, which client.disallow_anonymous_connection_tokens asks for";
  }
  return {};
}

SubcommandResult Check(std::span<const std::string> arguments, engine::ConfigSources sources,
                       bool subscription) {
  const std::string_view name = subscription ? "checksubtoken" : "checktoken";
  const SubcommandOption known[] = {kConfigOption};
  SubcommandOptions options;
  const std::string wrong = ReadSubcommandOptions(arguments, known, options);
  if (!wrong.empty()) return SubcommandUsage(name, wrong);
  if (options.operands.size() != 1) return SubcommandUsage(name, "takes one token");

  engine::LoadedConfig loaded;
  std::string mistakes = LoadForSubcommand(options, std::move(sources), loaded);
  if (!mistakes.empty()) return {kSubcommandUsage, {}, std::move(mistakes)};
  const std::string& token = options.operands.front();
  auto verifier = MakeVerifier(loaded.config, token, subscription);
  if (!verifier.ok()) return Failed(verifier.status().message());

  protocol::JwtClaims claims;
  const protocol::JwtResult verdict =
      verifier->Verify(token, absl::ToUnixSeconds(absl::Now()), claims);
  const std::string payload = Payload(token);
  const std::string shown = payload.empty() ? "" : absl::StrCat("\nclaims: ", payload);
  if (verdict != protocol::JwtResult::kOk) {
    return Failed(absl::StrCat("the token is not good: ", View(NameOf(verdict)), shown));
  }
  const std::string use = WrongUse(loaded.config, claims, subscription);
  if (!use.empty()) return Failed(absl::StrCat("the token is not good: ", use, shown));
  const std::string channel =
      subscription ? absl::StrCat(" and channel \"", View(claims.channel), "\"") : "";
  return {0, absl::StrCat("good token for ", UserText(claims.user), channel, shown, "\n"), {}};
}

}  // namespace

SubcommandResult GenerateToken(std::span<const std::string> arguments,
                               engine::ConfigSources sources) {
  return Generate(arguments, std::move(sources), /*subscription=*/false);
}
SubcommandResult GenerateSubToken(std::span<const std::string> arguments,
                                  engine::ConfigSources sources) {
  return Generate(arguments, std::move(sources), /*subscription=*/true);
}
SubcommandResult CheckToken(std::span<const std::string> arguments, engine::ConfigSources sources) {
  return Check(arguments, std::move(sources), /*subscription=*/false);
}
SubcommandResult CheckSubToken(std::span<const std::string> arguments,
                               engine::ConfigSources sources) {
  return Check(arguments, std::move(sources), /*subscription=*/true);
}

}  // namespace tickcast::tools
