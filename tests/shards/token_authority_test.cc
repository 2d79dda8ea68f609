#include "shards/token_authority.h"

#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/http_call.h"
#include "shards/key_url.h"
#include "tests/protocol/jwt/test_tokens.h"

namespace tickcast::shards {
namespace {

using engine::HttpCall;
using engine::HttpOutcome;
using protocol::JwtClaims;
using protocol::JwtResult;
using protocol::TestKey;

constexpr std::uint64_t kSecond = 1'000'000'000;

// Keeps what is submitted for the test to answer.
class FakePort final : public engine::HttpPort {
 public:
  bool Submit(std::unique_ptr<HttpCall>&& call) override {
    if (full) return false;
    calls.push_back(std::move(call));
    return true;
  }
  void Publish() override {}
  std::unique_ptr<HttpCall> Take() override { return nullptr; }
  bool has_answers() const override { return false; }

  bool full = false;
  std::deque<std::unique_ptr<HttpCall>> calls;
};

std::string Document(const TestKey& key, std::string_view kid) {
  return "{\"keys\":[" + key.Jwk(kid) + "]}";
}

std::string TokenOf(const TestKey& key, std::string_view kid) {
  return protocol::SignedToken(key, "EdDSA", R"({"alg":"EdDSA","kid":")" + std::string(kid) + "\"}",
                               R"({"sub":"u"})");
}

class TokenAuthorityTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<TokenAuthority>> Make() {
    return TokenAuthority::Make(config_, registry_);
  }
  JwtResult Check(TokenChecker& checker, std::string_view token) {
    JwtClaims claims;
    return checker.Verify(token, 1700000000, claims);
  }

  engine::ClientConfig config_;
  engine::Registry registry_;
};

TEST_F(TokenAuthorityTest, WithoutKeysNoTokenIsGood) {
  auto authority = Make();
  ASSERT_TRUE(authority.ok());
  TokenChecker checker((*authority)->trust(TokenAuthority::Use::kConnection));
  EXPECT_EQ(Check(checker, protocol::HmacToken(R"({"alg":"HS256"})", "{}", "HS256", "s")),
            JwtResult::kWrongAlgorithm);
  EXPECT_FALSE(checker.LooksForKeys(0));
}

TEST_F(TokenAuthorityTest, SubscriptionsMayHaveKeysOfTheirOwn) {
  const std::string token = protocol::HmacToken(R"({"alg":"HS256"})", "{}", "HS256", "one");
  config_.token.hmac_secret_key = "one";
  config_.subscription_token.hmac_secret_key = "two";
  for (const bool own : {false, true}) {
    config_.subscription_token.enabled = own;
    engine::Registry registry;
    auto authority = TokenAuthority::Make(config_, registry);
    ASSERT_TRUE(authority.ok());
    TokenChecker connection((*authority)->trust(TokenAuthority::Use::kConnection));
    TokenChecker subscription((*authority)->trust(TokenAuthority::Use::kSubscription));
    EXPECT_EQ(Check(connection, token), JwtResult::kOk);
    EXPECT_EQ(Check(subscription, token), own ? JwtResult::kWrongSignature : JwtResult::kOk);
  }
}

TEST_F(TokenAuthorityTest, TakesPemKeysAndThePreviousSecret) {
  const TestKey rsa = TestKey::Rsa();
  const TestKey ec = TestKey::Ec("P-384");
  config_.token.rsa_public_key = rsa.PublicPem();
  config_.token.ecdsa_public_key = ec.PublicPem();
  config_.token.hmac_secret_key = "new";
  config_.token.hmac_previous_secret_key = "old";
  config_.token.hmac_previous_secret_key_valid_until = 1700000000;
  auto authority = Make();
  ASSERT_TRUE(authority.ok()) << authority.status();
  TokenChecker checker((*authority)->trust(TokenAuthority::Use::kConnection));
  EXPECT_EQ(Check(checker, protocol::SignedToken(rsa, "RS256", R"({"alg":"RS256"})", "{}")),
            JwtResult::kOk);
  EXPECT_EQ(Check(checker, protocol::SignedToken(ec, "ES384", R"({"alg":"ES384"})", "{}")),
            JwtResult::kOk);
  const std::string old = protocol::HmacToken(R"({"alg":"HS256"})", "{}", "HS256", "old");
  EXPECT_EQ(Check(checker, old), JwtResult::kOk);
  JwtClaims claims;
  EXPECT_EQ(checker.Verify(old, 1700000001, claims), JwtResult::kWrongSignature);
}

TEST_F(TokenAuthorityTest, SaysWhatIsWrongWithTheConfiguration) {
  const auto message = [this](auto&& change) {
    config_ = {};
    change(config_);
    engine::Registry registry;
    return std::string(TokenAuthority::Make(config_, registry).status().message());
  };
  EXPECT_EQ(message([](auto& config) { config.token.rsa_public_key = "x"; }),
            "client.token.rsa_public_key: not a public key or a certificate in PEM");
  EXPECT_EQ(message([](auto& config) { config.token.audience_regex = "("; }),
            "client.token.audience_regex is no regular expression: missing ): (");
  EXPECT_EQ(message([](auto& config) {
              config.subscription_token.enabled = true;
              config.subscription_token.ecdsa_public_key = "x";
            }),
            "client.subscription_token.ecdsa_public_key: not a public key or a certificate in PEM");
  EXPECT_EQ(message([](auto& config) { config.token.jwks_file = "/no/such/file"; }),
            "client.token.jwks_file: /no/such/file: No such file or directory");
  EXPECT_NE(message([](auto& config) { config.token.jwks_public_endpoint = "http://{{t}}/"; }), "");
}

TEST_F(TokenAuthorityTest, AFileIsReadAgainWhenItChanges) {
  const std::string path = testing::TempDir() + "/keys-" + std::to_string(getpid()) + ".json";
  const auto write = [&path](std::string_view text) {
    std::ofstream(path + ".new", std::ios::binary) << text;
    std::filesystem::rename(path + ".new", path);
  };
  const TestKey one = TestKey::Ed25519();
  const TestKey two = TestKey::Ed25519();
  write(Document(one, "1"));
  config_.token.jwks_file = path;
  config_.token.hmac_secret_key = "left over";
  auto authority = Make();
  ASSERT_TRUE(authority.ok()) << authority.status();
  const TokenAuthority::Trust& trust = (*authority)->trust(TokenAuthority::Use::kConnection);
  TokenChecker checker(trust);
  EXPECT_EQ(Check(checker, TokenOf(one, "1")), JwtResult::kOk);
  EXPECT_EQ(Check(checker, TokenOf(two, "2")), JwtResult::kUnknownKey);
  EXPECT_EQ(Check(checker, protocol::HmacToken(R"({"alg":"HS256"})", "{}", "HS256", "left over")),
            JwtResult::kUnknownKey);

  const std::uint64_t before = trust.realms[0].keys.version();
  write("no document");
  write(Document(two, "2"));
  for (int i = 0; i < 1000 && trust.realms[0].keys.version() == before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(Check(checker, TokenOf(two, "2")), JwtResult::kOk);
  EXPECT_EQ(Check(checker, TokenOf(one, "1")), JwtResult::kUnknownKey);
  std::filesystem::remove(path);
}

class KeyUrlTest : public TokenAuthorityTest {
 protected:
  KeyUrlTest() {
    config_.token.jwks_public_endpoint = "https://issuer.example/jwks.json";
    authority_ = Make().value();
    checker_ = std::make_unique<TokenChecker>(authority_->trust(TokenAuthority::Use::kConnection));
  }
  void Poll(std::uint64_t now_ns) { authority_->Poll(now_ns, &port_); }
  void Answer(std::uint64_t now_ns, HttpOutcome outcome, int status, std::string response) {
    ASSERT_EQ(port_.calls.size(), 1);
    std::unique_ptr<HttpCall> call = std::move(port_.calls.front());
    port_.calls.pop_front();
    call->outcome = outcome;
    call->status = status;
    call->response = std::move(response);
    authority_->OnAnswer(*call, now_ns);
  }

  const TestKey one_ = TestKey::Ed25519();
  const TestKey two_ = TestKey::Ed25519();
  FakePort port_;
  std::unique_ptr<TokenAuthority> authority_;
  std::unique_ptr<TokenChecker> checker_;
};

TEST_F(KeyUrlTest, IsFetchedAtTheStartAndEveryHour) {
  EXPECT_EQ(Check(*checker_, TokenOf(one_, "1")), JwtResult::kUnknownKey);
  EXPECT_TRUE(checker_->LooksForKeys(0)) << "the first answer is still to come";
  Poll(0);
  ASSERT_EQ(port_.calls.size(), 1);
  EXPECT_EQ(port_.calls.front()->url, "https://issuer.example/jwks.json");
  EXPECT_EQ(port_.calls.front()->method, HttpCall::Method::kGet);
  Poll(kSecond);
  EXPECT_EQ(port_.calls.size(), 1) << "one call at a time";
  Answer(kSecond, HttpOutcome::kAnswered, 200, Document(one_, "1"));
  EXPECT_EQ(checker_->tries(0), 1);
  EXPECT_EQ(Check(*checker_, TokenOf(one_, "1")), JwtResult::kOk);
  Poll(kSecond + KeyUrl::kLifeNs - 1);
  EXPECT_TRUE(port_.calls.empty());
  Poll(kSecond + KeyUrl::kLifeNs);
  EXPECT_EQ(port_.calls.size(), 1);
}

TEST_F(KeyUrlTest, AnUnknownKeyIsAskedForButNotAgainAndAgain) {
  Poll(0);
  Answer(0, HttpOutcome::kAnswered, 200, Document(one_, "1"));
  EXPECT_FALSE(checker_->LooksForKeys(KeyUrl::kRefetchNs - 1)) << "too soon";
  EXPECT_TRUE(checker_->LooksForKeys(KeyUrl::kRefetchNs));
  Poll(KeyUrl::kRefetchNs);
  Answer(KeyUrl::kRefetchNs, HttpOutcome::kAnswered, 200, Document(two_, "2"));
  EXPECT_EQ(Check(*checker_, TokenOf(two_, "2")), JwtResult::kOk);
  EXPECT_FALSE(checker_->LooksForKeys(KeyUrl::kRefetchNs + 1));
  Poll(KeyUrl::kRefetchNs + 1);
  EXPECT_TRUE(port_.calls.empty());
}

TEST_F(KeyUrlTest, FailuresKeepTheKeysAndAreTriedAgainLessAndLessOften) {
  Poll(0);
  Answer(0, HttpOutcome::kAnswered, 200, Document(one_, "1"));
  std::uint64_t now_ns = KeyUrl::kLifeNs;
  std::uint64_t retry_ns = KeyUrl::kFirstRetryNs;
  const struct {
    HttpOutcome outcome;
    int status;
    std::string response;
  } failures[] = {{HttpOutcome::kTimeout, 0, ""},
                  {HttpOutcome::kUnreachable, 0, ""},
                  {HttpOutcome::kAnswered, 500, Document(two_, "2")},
                  {HttpOutcome::kAnswered, 301, ""},
                  {HttpOutcome::kAnswered, 200, "<html>"},
                  {HttpOutcome::kAnswered, 200, ""},
                  {HttpOutcome::kTooLarge, 0, ""},
                  {HttpOutcome::kBroken, 0, ""}};
  for (const auto& failure : failures) {
    Poll(now_ns);
    Answer(now_ns, failure.outcome, failure.status, failure.response);
    EXPECT_EQ(Check(*checker_, TokenOf(one_, "1")), JwtResult::kOk);
    Poll(now_ns + retry_ns - 1);
    EXPECT_TRUE(port_.calls.empty());
    now_ns += retry_ns;
    retry_ns = std::min(retry_ns * 2, KeyUrl::kLastRetryNs);
  }
  Poll(now_ns);
  Answer(now_ns, HttpOutcome::kAnswered, 200, Document(two_, "2"));
  EXPECT_EQ(Check(*checker_, TokenOf(two_, "2")), JwtResult::kOk);
}

TEST_F(KeyUrlTest, AFullPortIsTriedAgain) {
  port_.full = true;
  Poll(0);
  port_.full = false;
  Poll(1);
  EXPECT_EQ(port_.calls.size(), 1);
}

// Two tenants with keys of the same id: each signs for itself alone.
class RealmsTest : public TokenAuthorityTest {
 protected:
  RealmsTest() {
    config_.token.jwks_public_endpoint = "https://issuer.example/{{tenant}}.json";
    config_.token.issuer_regex = "^https://(?P<tenant>one|two)\\.example$";
    config_.subscription_token = config_.token;
    config_.subscription_token.enabled = true;
    authority_ = Make().value();
    checker_ = std::make_unique<TokenChecker>(authority_->trust(TokenAuthority::Use::kConnection));
  }
  // Answers the call to `url` that is under way for connections or subscriptions.
  void Answer(std::string_view url, bool subscription, std::string response) {
    for (auto call = port_.calls.begin(); call != port_.calls.end(); ++call) {
      if ((*call)->url != url || ((*call)->slot % 2 == 1) != subscription) continue;
      (*call)->outcome = HttpOutcome::kAnswered;
      (*call)->status = 200;
      (*call)->response = std::move(response);
      authority_->OnAnswer(**call, 0);
      port_.calls.erase(call);
      return;
    }
    ADD_FAILURE() << "nobody asks " << url;
  }
  static std::string TokenFor(const TestKey& key, std::string_view tenant) {
    return protocol::SignedToken(
        key, "EdDSA", R"({"alg":"EdDSA","kid":"k"})",
        "{\"sub\":\"u\",\"iss\":\"https://" + std::string(tenant) + ".example\"}");
  }

  const TestKey one_ = TestKey::Ed25519();
  const TestKey two_ = TestKey::Ed25519();
  FakePort port_;
  std::unique_ptr<TokenAuthority> authority_;
  std::unique_ptr<TokenChecker> checker_;
};

TEST_F(RealmsTest, AKeyIsGoodForItsOwnIssuerAlone) {
  authority_->Poll(0, &port_);
  ASSERT_EQ(port_.calls.size(), 4u) << "every URL, for connections and for subscriptions";
  EXPECT_EQ(Check(*checker_, TokenFor(two_, "two")), JwtResult::kUnknownKey);
  const std::size_t two = checker_->realm();
  EXPECT_TRUE(checker_->has_no_keys());
  EXPECT_TRUE(checker_->LooksForKeys(0));
  EXPECT_EQ(checker_->tries_before(), 0u);
  Answer("https://issuer.example/one.json", false, Document(one_, "k"));
  EXPECT_EQ(checker_->tries(two), 0u) << "another's answer is none to it";
  EXPECT_EQ(Check(*checker_, TokenFor(one_, "one")), JwtResult::kOk);
  EXPECT_NE(checker_->realm(), two);
  Answer("https://issuer.example/two.json", false, Document(two_, "k"));
  EXPECT_EQ(checker_->tries(two), 1u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Check(*checker_, TokenFor(two_, "two")), JwtResult::kOk);
    EXPECT_EQ(Check(*checker_, TokenFor(one_, "one")), JwtResult::kOk);
    EXPECT_EQ(Check(*checker_, TokenFor(one_, "two")), JwtResult::kWrongSignature);
    EXPECT_EQ(Check(*checker_, TokenFor(two_, "one")), JwtResult::kWrongSignature);
  }
  EXPECT_EQ(Check(*checker_, TokenFor(one_, "three")), JwtResult::kWrongIssuer);
  EXPECT_EQ(Check(*checker_, TokenOf(one_, "k")), JwtResult::kWrongIssuer);
  EXPECT_EQ(Check(*checker_, "a.b"), JwtResult::kMalformed);
  EXPECT_EQ(Check(*checker_, "a.!.c"), JwtResult::kWrongClaims);
  // Subscriptions have keys of their own.
  TokenChecker subscriptions(authority_->trust(TokenAuthority::Use::kSubscription));
  EXPECT_EQ(Check(subscriptions, TokenFor(one_, "one")), JwtResult::kUnknownKey);
  Answer("https://issuer.example/one.json", true, Document(two_, "k"));
  EXPECT_EQ(Check(subscriptions, TokenFor(one_, "one")), JwtResult::kWrongSignature);
  EXPECT_EQ(Check(subscriptions, TokenFor(two_, "one")), JwtResult::kOk);
}

TEST_F(RealmsTest, NewKeysOfOneAreTakenOver) {
  authority_->Poll(0, &port_);
  Answer("https://issuer.example/one.json", false, Document(one_, "k"));
  Answer("https://issuer.example/two.json", false, Document(one_, "k"));
  EXPECT_EQ(Check(*checker_, TokenFor(one_, "one")), JwtResult::kOk);
  EXPECT_EQ(Check(*checker_, TokenFor(one_, "two")), JwtResult::kOk);
  port_.calls.clear();
  authority_->Poll(KeyUrl::kLifeNs, &port_);
  Answer("https://issuer.example/two.json", false, Document(two_, "k"));
  EXPECT_EQ(Check(*checker_, TokenFor(one_, "one")), JwtResult::kOk);
  EXPECT_EQ(Check(*checker_, TokenFor(one_, "two")), JwtResult::kWrongSignature);
  EXPECT_EQ(Check(*checker_, TokenFor(two_, "two")), JwtResult::kOk);
}

}  // namespace
}  // namespace tickcast::shards
