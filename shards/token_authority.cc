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

// In HttpCall::slot, so that an answer finds its way back: the use, and above it the realm.
std::uint32_t SlotOf(TokenAuthority::Use use, std::size_t realm) {
  return static_cast<std::uint32_t>(realm * 2) + static_cast<std::uint32_t>(use);
}

// A realm for each of the URLs.
absl::Status AddUrls(const engine::TokenConfig& config, const protocol::TokenRules& rules,
                     TokenAuthority::Use use, TokenAuthority::Trust& trust,
                     engine::Registry& registry) {
  std::vector<std::string> urls = {config.jwks_public_endpoint};
  if (protocol::KeyEndpoint::IsTemplate(config.jwks_public_endpoint)) {
    auto endpoint = protocol::KeyEndpoint::Make(config.jwks_public_endpoint, rules);
    if (!endpoint.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("jwks_public_endpoint: ", endpoint.status().message()));
    }
    urls = endpoint->urls();
    trust.endpoint = *std::move(endpoint);
  }
  trust.realms = std::vector<TokenAuthority::Realm>(urls.size());
  const auto metrics = std::make_shared<const KeyUrl::Metrics>(
      registry, use == TokenAuthority::Use::kConnection ? "connection" : "subscription");
  for (std::size_t i = 0; i < urls.size(); ++i) {
    // Until the first answer: every token names a key that is not known.
    auto none = std::make_shared<protocol::KeySet>();
    none->set_by_id(true);
    TokenAuthority::Realm& realm = trust.realms[i];
    realm.keys.Replace(std::move(none));
    realm.source = std::make_unique<KeyUrl>(urls[i], SlotOf(use, i), realm.keys, metrics);
  }
  return absl::OkStatus();
}

absl::Status AddKeys(const engine::TokenConfig& config, const protocol::TokenRules& rules,
                     TokenAuthority::Use use, TokenAuthority::Trust& trust,
                     engine::Registry& registry) {
  if (!config.jwks_file.empty() && !config.jwks_public_endpoint.empty()) {
    return absl::InvalidArgumentError(
        "jwks_file and jwks_public_endpoint: only one of them may be set");
  }
  TokenAuthority::Realm& realm = trust.realms.front();
  if (!config.jwks_file.empty()) {
    auto file = KeyFile::Start(config.jwks_file, realm.keys, registry);
    if (!file.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("jwks_file: ", file.status().message()));
    }
    realm.source = *std::move(file);
    return absl::OkStatus();
  }
  if (!config.jwks_public_endpoint.empty()) return AddUrls(config, rules, use, trust, registry);
  auto keys = std::make_shared<protocol::KeySet>();
  const absl::Status status = AddConfiguredKeys(config, *keys);
  realm.keys.Replace(std::move(keys));
  return status;
}

absl::StatusOr<std::unique_ptr<TokenAuthority::Trust>> MakeTrust(const engine::TokenConfig& config,
                                                                 bool skip_signature,
                                                                 TokenAuthority::Use use,
                                                                 engine::Registry& registry) {
  auto trust = std::make_unique<TokenAuthority::Trust>();
  const protocol::TokenRules asked = {.audience = config.audience,
                                      .audience_regex = config.audience_regex,
                                      .issuer = config.issuer,
                                      .issuer_regex = config.issuer_regex,
                                      .user_id_claim = config.user_id_claim};
  auto rules = protocol::ClaimRules::Make(asked);
  if (!rules.ok()) return rules.status();
  trust->rules = *std::move(rules);
  trust->skip_signature = skip_signature;
  if (absl::Status status = AddKeys(config, asked, use, *trust, registry); !status.ok()) {
    return status;
  }
  return trust;
}

absl::Status Named(const char* section, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(section, ".", status.message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenAuthority>> TokenAuthority::Make(
    const engine::ClientConfig& config, engine::Registry& registry) {
  std::unique_ptr<TokenAuthority> authority(new TokenAuthority());
  auto connection = MakeTrust(config.token, config.insecure_skip_token_signature_verify,
                              Use::kConnection, registry);
  if (!connection.ok()) return Named("client.token", connection.status());
  authority->connection_ = *std::move(connection);
  if (config.subscription_token.enabled) {
    auto subscription =
        MakeTrust(config.subscription_token, config.insecure_skip_token_signature_verify,
                  Use::kSubscription, registry);
    if (!subscription.ok()) return Named("client.subscription_token", subscription.status());
    authority->subscription_ = *std::move(subscription);
  }
  return authority;
}

void TokenAuthority::Poll(std::uint64_t now_ns, engine::HttpPort* http) {
  for (Trust* trust : {connection_.get(), subscription_.get()}) {
    if (trust == nullptr) continue;
    for (Realm& realm : trust->realms) {
      if (realm.source != nullptr) realm.source->Poll(now_ns, http);
    }
  }
}

void TokenAuthority::OnAnswer(const engine::HttpCall& call, std::uint64_t now_ns) {
  Trust* const trust =
      call.slot % 2 == SlotOf(Use::kConnection, 0) ? connection_.get() : subscription_.get();
  const std::size_t realm = call.slot / 2;
  if (trust == nullptr || realm >= trust->realms.size()) return;
  KeySource* const source = trust->realms[realm].source.get();
  if (source != nullptr) source->OnAnswer(call, now_ns);
}

TokenChecker::TokenChecker(const TokenAuthority::Trust& trust)
    : trust_(trust), verifier_(trust.rules, trust.skip_signature), known_(trust.realms.size()) {}

// Before anybody knows whether it is true, what a token claims chooses its realm.
protocol::JwtResult TokenChecker::Verify(std::string_view token, std::int64_t now_s,
                                         protocol::JwtClaims& claims) {
  std::size_t realm = 0;
  if (trust_.endpoint) {
    const protocol::JwtResult result = verifier_.ReadUnverified(token, claims);
    const auto found =
        result == protocol::JwtResult::kOk ? trust_.endpoint->Find(claims) : std::nullopt;
    claims = {};
    if (result != protocol::JwtResult::kOk) return result;
    if (!found) return protocol::JwtResult::kWrongIssuer;
    realm = *found;
  }
  UseKeysOf(realm);
  return verifier_.Verify(token, now_s, claims);
}

void TokenChecker::UseKeysOf(std::size_t realm) {
  // Read before the keys: those that come in between are taken once more, and none is missed.
  tries_before_ = tries(realm);
  const SharedKeys& keys = trust_.realms[realm].keys;
  Known& known = known_[realm];
  const std::uint64_t version = keys.version();
  const bool same = known.keys != nullptr && known.version == version;
  if (!same) known = {.version = version, .keys = keys.Get()};
  if (!same || realm != realm_) verifier_.SetKeys(known.keys);
  realm_ = realm;
}

bool TokenChecker::LooksForKeys(std::uint64_t now_ns) const {
  const auto& source = trust_.realms[realm_].source;
  return source != nullptr && source->OnUnknownKey(now_ns);
}

std::uint64_t TokenChecker::tries(std::size_t realm) const {
  const auto& source = trust_.realms[realm].source;
  return source == nullptr ? 0 : source->tries();
}

bool TokenChecker::has_no_keys() const {
  const TokenAuthority::Realm& realm = trust_.realms[realm_];
  return realm.source != nullptr && realm.keys.Get()->empty();
}

}  // namespace tickcast::shards
