#include "shards/proxies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "engine/metrics_text.h"
#include "engine/sim_http.h"
#include "shards/http_owner.h"

namespace tickcast::shards {
namespace {

using engine::HttpCall;
using engine::HttpOutcome;
using engine::SimHttp;
using protocol::ProxyAnswer;
using protocol::ProxyKind;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1000 * kMillisecond;

engine::Config RpcConfig() {
  engine::Config config;
  config.rpc.without_namespace.proxy_enabled = true;
  config.rpc.proxy.endpoint = "http://backend/rpc";
  config.rpc.proxy.concurrency = 2;
  config.rpc.proxy.breaker_failures = 3;
  return config;
}

class ProxiesTest : public testing::Test, public Proxies::Host {
 protected:
  struct Told {
    Proxies::Question question;
    bool answered = false;
    ProxyAnswer::Verdict verdict = ProxyAnswer::Verdict::kResult;
    std::uint32_t code = 0;
    std::string text;
    std::string data;
  };

  void Begin(engine::Config config) {
    config_ = std::move(config);
    proxies_ = std::make_unique<Proxies>(config_, registry_, ShardId{0}, *this);
    proxies_->UseHttp(http_);
  }

  Proxies::Begun Ask(std::string_view method = "m", engine::Slot slot = 1,
                     protocol::ProxyRequest request = {}) {
    request.client = "c";
    request.transport = "websocket";
    if (request.protocol.empty()) request.protocol = "json";
    request.method = method;
    const Proxies::Begun begun = proxies_->Ask(
        "default", {.kind = ProxyKind::kRpc, .slot = slot, .generation = 7, .client = "c"},
        request);
    http_.Publish();
    return begun;
  }

  // Everything that comes within `ns`.
  void Run(std::uint64_t ns) {
    const std::uint64_t until_ns = now_ns_ + ns;
    for (;;) {
      const std::uint64_t next_ns = http_.next_answer_ns();
      if (next_ns > until_ns) break;
      now_ns_ = std::max(now_ns_, next_ns);
      while (std::unique_ptr<HttpCall> call = http_.Take()) {
        proxies_->OnHttpAnswer(std::move(call));
      }
      http_.Publish();
    }
    now_ns_ = until_ns;
  }

  std::uint64_t NowNs() override { return now_ns_; }
  void OnProxyAnswer(const Proxies::Question& question, const ProxyAnswer* answer) override {
    Told told{.question = question, .answered = answer != nullptr};
    if (answer != nullptr) {
      told.verdict = answer->verdict;
      told.code = answer->code;
      told.text = answer->text;
      told.data = answer->data.bytes;
    }
    told_.push_back(std::move(told));
  }

  std::string Count(ProxyOutcome outcome) {
    const std::string line = "outcome=\"" + std::string(NameOf(outcome)) + "\"} ";
    const std::string text = engine::MetricsText(registry_);
    const std::size_t at = text.find(line);
    return text.substr(at + line.size(), text.find('\n', at) - at - line.size());
  }

  std::uint64_t now_ns_ = 1000;
  SimHttp::Answer answer_ = {.body = R"({"result":{"data":1}})", .after_ns = 10 * kMillisecond};
  std::vector<HttpCall> asked_;
  SimHttp http_{[this] { return now_ns_; },
                [this](const HttpCall& call) {
                  asked_.push_back({.owner = call.owner,
                                    .url = call.url,
                                    .headers = call.headers,
                                    .body = call.body,
                                    .tls = call.tls,
                                    .timeout_ns = call.timeout_ns});
                  return answer_;
                }};
  engine::Registry registry_;
  engine::Config config_;
  std::unique_ptr<Proxies> proxies_;
  std::vector<Told> told_;
};

TEST_F(ProxiesTest, AQuestionIsAPostWhoseAnswerComesBack) {
  Begin(RpcConfig());
  ASSERT_EQ(Ask("sum", 5, {.data = R"({"a":1})", .user = "42", .meta = R"({"m":1})"}),
            Proxies::Begun::kYes);
  EXPECT_TRUE(told_.empty());
  Run(kSecond);
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].owner, static_cast<std::uint32_t>(HttpOwner::kProxy));
  EXPECT_EQ(asked_[0].url, "http://backend/rpc");
  EXPECT_THAT(asked_[0].headers, ElementsAre("Content-Type: application/json"));
  EXPECT_EQ(asked_[0].timeout_ns, kSecond);
  EXPECT_EQ(asked_[0].tls, nullptr) << "the system's authorities are trusted";
  EXPECT_EQ(asked_[0].body,
            R"({"client":"c","transport":"websocket","protocol":"json","encoding":"json",)"
            R"("user":"42","method":"sum","data":{"a":1}})");
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_TRUE(told_[0].answered);
  EXPECT_EQ(told_[0].question.slot, 5u);
  EXPECT_EQ(told_[0].question.generation, 7u);
  EXPECT_EQ(told_[0].data, "1");
  EXPECT_EQ(Count(ProxyOutcome::kResult), "1");
}

TEST_F(ProxiesTest, WhatAProxyIsToldIsItsConfigurations) {
  engine::Config config = RpcConfig();
  config.rpc.proxy.binary_encoding = true;
  config.rpc.proxy.include_connection_meta = true;
  config.rpc.proxy.http_headers = {"cookie", "X-Both"};
  config.rpc.proxy.emulated_headers = {"Authorization", "x-both"};
  config.rpc.proxy.static_headers = {{"X-Static", "s"}, {"X-Both", "s"}};
  Begin(config);
  protocol::HeaderFields head;
  head.headers[head.header_count++] = {"Cookie", "a=1"};
  head.headers[head.header_count++] = {"COOKIE", "b=2"};
  head.headers[head.header_count++] = {"X-Other", "no"};
  head.headers[head.header_count++] = {"Authorization", "not from the request"};
  proxies_->headers().KeepRequest(1, head);
  proxies_->headers().KeepEmulated(1, R"({"authorization":"Bearer t","cookie":"no","X-Both":"e"})");
  ASSERT_EQ(Ask("m", 1, {.data = "1", .meta = R"({"m":1})"}), Proxies::Begun::kYes);
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_THAT(asked_[0].headers,
              ElementsAre("X-Static: s", "authorization: Bearer t", "X-Both: e", "Cookie: a=1",
                          "COOKIE: b=2", "Content-Type: application/json"));
  EXPECT_THAT(asked_[0].body, HasSubstr(R"("encoding":"binary")"));
  EXPECT_THAT(asked_[0].body, HasSubstr(R"("b64data":"MQ==","meta":{"m":1}})"));
  // Another connection, and the slot's next one, have none of it.
  proxies_->headers().Drop(1);
  ASSERT_EQ(Ask(), Proxies::Begun::kYes);
  EXPECT_THAT(asked_[1].headers,
              ElementsAre("X-Static: s", "X-Both: s", "Content-Type: application/json"));
}

TEST_F(ProxiesTest, WhomItTrustsIsItsConfigurations) {
  constexpr char kPem[] = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
  engine::Config config = RpcConfig();
  config.rpc.proxy.tls = {.enabled = true,
                          .server_ca_pem = absl::Base64Escape(kPem),
                          .server_name = "backend.internal",
                          .insecure_skip_verify = true};
  Begin(config);
  ASSERT_EQ(Ask(), Proxies::Begun::kYes);
  ASSERT_NE(asked_[0].tls, nullptr);
  EXPECT_EQ(
      *asked_[0].tls,
      (engine::HttpTls{.ca_pem = kPem, .server_name = "backend.internal", .skip_verify = true}));
}

TEST_F(ProxiesTest, AKindWithoutAProxyIsNotConfigured) {
  Begin(RpcConfig());
  EXPECT_TRUE(proxies_->Has(ProxyKind::kRpc));
  EXPECT_FALSE(proxies_->Has(ProxyKind::kSubscribe));
  EXPECT_EQ(proxies_->Ask("other", {.kind = ProxyKind::kRpc}, {}), Proxies::Begun::kNotConfigured);
  EXPECT_EQ(proxies_->Ask("default", {.kind = ProxyKind::kSubscribe}, {}),
            Proxies::Begun::kNotConfigured);
}

TEST_F(ProxiesTest, NamespacesNameTheirProxies) {
  engine::Config config;
  config.proxies = {{.name = "chat", .endpoint = "http://chat/"}};
  engine::Namespace ns;
  ns.name = "room";
  ns.subscribe_proxy_enabled = true;
  ns.subscribe_proxy_name = "chat";
  ns.publish_proxy_enabled = true;  // The default one.
  config.channel.proxy.publish.endpoint = "http://publish/";
  config.channel.namespaces = {ns, ns};
  config.client.proxy.connect.enabled = true;
  config.client.proxy.connect.endpoint = "http://connect/";
  config.client.proxy.refresh.endpoint = "http://refresh/";  // Not enabled.
  Begin(config);
  ASSERT_NE(proxies_->Find(ProxyKind::kSubscribe, "chat"), nullptr);
  EXPECT_EQ(proxies_->Find(ProxyKind::kSubscribe, "chat")->config().endpoint, "http://chat/");
  EXPECT_EQ(proxies_->Find(ProxyKind::kSubscribe, "default"), nullptr);
  ASSERT_NE(proxies_->Find(ProxyKind::kPublish, "default"), nullptr);
  EXPECT_EQ(proxies_->Find(ProxyKind::kPublish, "default")->config().endpoint, "http://publish/");
  EXPECT_TRUE(proxies_->Has(ProxyKind::kConnect));
  EXPECT_FALSE(proxies_->Has(ProxyKind::kRefresh));
}

TEST_F(ProxiesTest, ErrorsDisconnectsAndStatusesAreTold) {
  engine::Config config = RpcConfig();
  config.rpc.proxy.status_to_code_transforms = {
      {.status_code = 404, .error_code = 1404, .error_message = "none", .error_temporary = true},
      {.status_code = 403, .disconnect_code = 4403, .disconnect_reason = "out"},
      {.status_code = 503, .error_code = 1503, .error_message = "busy"}};
  Begin(config);
  const auto ask = [&](int status, std::string body) {
    answer_ = {.status = status, .body = std::move(body)};
    EXPECT_EQ(Ask(), Proxies::Begun::kYes);
    Run(kSecond);
    return told_.back();
  };
  const Told error = ask(200, R"({"error":{"code":1000,"message":"no"}})");
  EXPECT_TRUE(error.answered);
  EXPECT_EQ(error.verdict, ProxyAnswer::Verdict::kError);
  EXPECT_EQ(error.code, 1000u);
  EXPECT_EQ(error.text, "no");
  const Told disconnect = ask(200, R"({"disconnect":{"code":4500,"reason":"bye"}})");
  EXPECT_EQ(disconnect.verdict, ProxyAnswer::Verdict::kDisconnect);
  EXPECT_EQ(disconnect.code, 4500u);
  const Told from_404 = ask(404, R"({"result":{}})");
  EXPECT_EQ(from_404.verdict, ProxyAnswer::Verdict::kError);
  EXPECT_EQ(from_404.code, 1404u);
  EXPECT_EQ(from_404.text, "none");
  const Told from_403 = ask(403, "");
  EXPECT_EQ(from_403.verdict, ProxyAnswer::Verdict::kDisconnect);
  EXPECT_EQ(from_403.code, 4403u);
  EXPECT_FALSE(ask(500, R"({"result":{}})").answered);
  EXPECT_FALSE(ask(201, R"({"result":{}})").answered);
  EXPECT_FALSE(ask(200, "<html>").answered);
  EXPECT_FALSE(ask(200, std::string(Proxies::kMaxAnswerBytes + 1, ' ')).answered);
  EXPECT_EQ(Count(ProxyOutcome::kError), "2");
  EXPECT_EQ(Count(ProxyOutcome::kDisconnect), "2");
  EXPECT_EQ(Count(ProxyOutcome::kStatus), "2");
  EXPECT_EQ(Count(ProxyOutcome::kGarbage), "1");
  EXPECT_EQ(Count(ProxyOutcome::kTooLarge), "1");
}

TEST_F(ProxiesTest, MoreThanTheConcurrencyWaitTheirTurnAndNoLonger) {
  Begin(RpcConfig());
  answer_.after_ns = 400 * kMillisecond;
  for (int i = 0; i < 8; ++i) ASSERT_EQ(Ask(std::to_string(i)), Proxies::Begun::kYes);
  EXPECT_EQ(asked_.size(), 2u);
  Run(400 * kMillisecond + 1000);
  EXPECT_EQ(asked_.size(), 4u);
  EXPECT_EQ(told_.size(), 2u);
  // What is left of its second is all that one which waited may take.
  EXPECT_LE(asked_[2].timeout_ns, 600 * kMillisecond);
  Run(10 * kSecond);
  ASSERT_EQ(told_.size(), 8u);
  // Two at a time: at 400, at 800, and those that began at 800 had no more than 200 ms.
  for (int i = 0; i < 8; ++i) EXPECT_EQ(told_[static_cast<std::size_t>(i)].answered, i < 4) << i;
  EXPECT_EQ(asked_.size(), 6u);
  EXPECT_EQ(Count(ProxyOutcome::kTimeout), "4");
}

TEST_F(ProxiesTest, MoreThanMayWaitAreRefused) {
  engine::Config config = RpcConfig();
  config.rpc.proxy.concurrency = 1;
  Begin(config);
  for (std::size_t i = 0; i < 1 + Proxy::kMaxWaiting; ++i) ASSERT_EQ(Ask(), Proxies::Begun::kYes);
  EXPECT_EQ(Ask(), Proxies::Begun::kBusy);
  EXPECT_EQ(Count(ProxyOutcome::kRefusedBusy), "1");
  Run(100 * kSecond);
  EXPECT_EQ(told_.size(), 1 + Proxy::kMaxWaiting);
  EXPECT_EQ(Ask(), Proxies::Begun::kYes);
}

TEST_F(ProxiesTest, ADeadBackendIsGivenUpAndTriedAgain) {
  engine::Config config = RpcConfig();
  config.rpc.proxy.concurrency = 1;
  Begin(config);
  answer_ = {.outcome = HttpOutcome::kUnreachable, .after_ns = kMillisecond};
  for (int i = 0; i < 5; ++i) ASSERT_EQ(Ask(), Proxies::Begun::kYes);
  Run(kSecond);
  // The third failure opened the breaker, and those that still waited were told at once.
  EXPECT_EQ(asked_.size(), 3u);
  EXPECT_EQ(told_.size(), 5u);
  EXPECT_EQ(Count(ProxyOutcome::kUnreachable), "3");
  EXPECT_EQ(Count(ProxyOutcome::kRefusedOpen), "2");
  EXPECT_EQ(Ask(), Proxies::Begun::kUnavailable);
  EXPECT_EQ(asked_.size(), 3u);
  EXPECT_THAT(
      engine::MetricsText(registry_),
      HasSubstr("tickcast_proxy_breaker_state{shard=\"0\",event=\"rpc\",proxy=\"default\"} 2"));

  Run(5 * kSecond);
  answer_ = {.body = "{}", .after_ns = kMillisecond};
  EXPECT_EQ(Ask(), Proxies::Begun::kYes);
  EXPECT_EQ(Ask(), Proxies::Begun::kUnavailable);  // One tries, the others do not wait for it.
  Run(kSecond);
  EXPECT_TRUE(told_.back().answered);
  EXPECT_EQ(Ask(), Proxies::Begun::kYes);
  EXPECT_THAT(engine::MetricsText(registry_),
              HasSubstr("tickcast_proxy_breaker_opened_total{shard=\"0\",event=\"rpc\","
                        "proxy=\"default\"} 1"));
}

TEST_F(ProxiesTest, AnAnswerThatIsABadOneIsNoDeadBackend) {
  Begin(RpcConfig());
  for (const int status : {500, 404, 200}) {
    answer_ = {.status = status, .body = "nonsense"};
    for (int i = 0; i < 10; ++i) {
      ASSERT_EQ(Ask(), Proxies::Begun::kYes);
      Run(kMillisecond);
    }
  }
  answer_ = {.status = 502};
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Ask(), Proxies::Begun::kYes);
    Run(kMillisecond);
  }
  EXPECT_EQ(Ask(), Proxies::Begun::kUnavailable);
}

TEST_F(ProxiesTest, WhatIsNoJsonIsNotSent) {
  Begin(RpcConfig());
  EXPECT_EQ(Ask("m", 1, {.protocol = "protobuf", .data = "\xff\x00"}),
            Proxies::Begun::kUnavailable);
  EXPECT_EQ(Ask("m", 1, {.protocol = "protobuf", .data = "{\"a\": 1}"}), Proxies::Begun::kYes);
  EXPECT_EQ(Count(ProxyOutcome::kInvalid), "1");
  EXPECT_EQ(asked_.size(), 1u);
}

}  // namespace
}  // namespace tickcast::shards
