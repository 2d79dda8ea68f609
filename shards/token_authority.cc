#include "shards/token_authority.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "shards/key_file.h"
#include "shards/key_url.h"

namespace tickcast::shards {
namespace {

// Adds the key that `text` holds, if any; `read` makes it.
template <typename Read>
absl::Status AddKey(const char* name, std::string_view text, Read&& read, protocol::KeySet& keys) {
  if (text.empty()) return absl::OkStatus();
  absl::StatusOr<protocol::JwtKey> key = read(text);
  if (!key.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", key.status().message()));
  }
  keys.Add(*std::move(key));
  return absl::OkStatus();
}

absl::Status AddConfiguredKeys(const engine::TokenConfig& config, protocol::KeySet& keys) {
  using protocol::JwtKey;
  absl::Status status = AddKey("hmac_secret_key", config.hmac_secret_key, JwtKey::FromSecret, keys);
  status.Update(AddKey(
      "hmac_previous_secret_key", config.hmac_previous_secret_key,
      [&config](std::string_view secret) {
        absl::StatusOr<JwtKey> key = JwtKey::FromSecret(secret);
        if (key.ok()) key->set_valid_until_s(config.hmac_previous_secret_key_valid_until);
        return key;
      },
      keys));
  status.Update(AddKey("rsa_public_key", config.rsa_public_key, JwtKey::FromRsaPem, keys));
  status.Update(AddKey("ecdsa_public_key", config.ecdsa_public_key, JwtKey::FromEcdsaPem, keys));
  return status;
}

absl::Status AddKeys(const engine::TokenConfig& config, std::uint32_t slot,
                     TokenAuthority::Trust& trust, engine::Registry& registry) {
  if (!config.jwks_file.empty() && !config.jwks_public_endpoint.empty()) {
    return absl::InvalidArgumentError(
        "jwks_file and jwks_public_endpoint: only one of them may be set");
  }
  if (config.jwks_public_endpoint.find("{{") != std::string::npos) {
    return absl::InvalidArgumentError(
        "jwks_public_endpoint: a URL that depends on the token ({{…}}) is not supported");
  }
  if (!config.jwks_file.empty()) {
    auto file = KeyFile::Start(config.jwks_file, trust.keys, registry);
    if (!file.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("jwks_file: ", file.status().message()));
    }
    trust.source = *std::move(file);
    return absl::OkStatus();
  }
  if (!config.jwks_public_endpoint.empty()) {
    // Until the first answer: every token names a key that is not known.
    auto none = std::make_shared<protocol::KeySet>();
    none->set_by_id(true);
    trust.keys.Replace(std::move(none));
    trust.source =
        std::make_unique<KeyUrl>(config.jwks_public_endpoint, slot, trust.keys, registry);
    return absl::OkStatus();
  }
  auto keys = std::make_shared<protocol::KeySet>();
  const absl::Status status = AddConfiguredKeys(config, *keys);
  trust.keys.Replace(std::move(keys));
  return status;
}

absl::StatusOr<std::unique_ptr<TokenAuthority::Trust>> MakeTrust(const engine::TokenConfig& config,
                                                                 bool skip_signature,
                                                                 std::uint32_t slot,
                                                                 engine::Registry& registry) {
  auto trust = std::make_unique<TokenAuthority::Trust>();
  auto rules = protocol::ClaimRules::Make({.audience = config.audience,
                                           .audience_regex = config.audience_regex,
                                           .issuer = config.issuer,
                                           .issuer_regex = config.issuer_regex,
                                           .user_id_claim = config.user_id_claim});
  if (!rules.ok()) return rules.status();
  trust->rules = *std::move(rules);
  trust->skip_signature = skip_signature;
  if (absl::Status status = AddKeys(config, slot, *trust, registry); !status.ok()) return status;
  return trust;
}

absl::Status Named(const char* section, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(section, ".", status.message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenAuthority>> TokenAuthority::Make(
    const engine::ClientConfig& config, engine::Registry& registry) {
  std::unique_ptr<TokenAuthority> authority(new TokenAuthority());
  auto connection =
      MakeTrust(config.token, config.insecure_skip_token_signature_verify, 0, registry);
  if (!connection.ok()) return Named("client.token", connection.status());
  authority->connection_ = *std::move(connection);
  if (config.subscription_token.enabled) {
    auto subscription = MakeTrust(config.subscription_token,
                                  config.insecure_skip_token_signature_verify, 1, registry);
    if (!subscription.ok()) return Named("client.subscription_token", subscription.status());
    authority->subscription_ = *std::move(subscription);
  }
  return authority;
}

void TokenAuthority::Poll(std::uint64_t now_ns, engine::HttpPort* http) {
  for (Trust* trust : {connection_.get(), subscription_.get()}) {
    if (trust != nullptr && trust->source != nullptr) trust->source->Poll(now_ns, http);
  }
}

void TokenAuthority::OnAnswer(const engine::HttpCall& call, std::uint64_t now_ns) {
  Trust* const trust = call.slot == 0 ? connection_.get() : subscription_.get();
  if (trust != nullptr && trust->source != nullptr) trust->source->OnAnswer(call, now_ns);
}

TokenChecker::TokenChecker(const TokenAuthority::Trust& trust)
    : trust_(trust), version_(trust.keys.version()), verifier_(trust.rules, trust.skip_signature) {
  verifier_.SetKeys(trust.keys.Get());
}

protocol::JwtResult TokenChecker::Verify(std::string_view token, std::int64_t now_s,
                                         protocol::JwtClaims& claims) {
  // Read before the keys: those that come in between are taken once more, and none is missed.
  if (const std::uint64_t version = trust_.keys.version(); version != version_) {
    version_ = version;
    verifier_.SetKeys(trust_.keys.Get());
  }
  return verifier_.Verify(token, now_s, claims);
}

bool TokenChecker::LooksForKeys(std::uint64_t now_ns) const {
  return trust_.source != nullptr && trust_.source->OnUnknownKey(now_ns);
}

std::uint64_t TokenChecker::tries() const {
  return trust_.source == nullptr ? 0 : trust_.source->tries();
}

bool TokenChecker::has_no_keys() const {
  return trust_.source != nullptr && trust_.keys.Get()->empty();
}

}  // namespace tickcast::shards
