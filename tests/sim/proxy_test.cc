// Backends that say who connects and how long it lasts, and what the clients notice of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "tests/sim/sim_http_peer.h"
#include "tests/sim/sim_stream_peer.h"
#include "tests/sim/token_world.h"

namespace tickcast::shards::sim {
namespace {

using engine::SimHttp;
using testing::HasSubstr;
using testing::Not;

// What expires does so by the wall clock, which a busy machine moves on between two steps of the
// virtual one: times here are so long that half a minute of it changes nothing.
class ProxyTest : public TokenTest {
 protected:
  using Answer = SimHttp::Answer;

  ProxyTest() {
    options_.http = [this](const engine::HttpCall& call) {
      asked_.push_back({.headers = call.headers, .body = call.body});
      kinds_.push_back(call.url);
      return backend_(call.url, CountOf(call.url));
    };
  }

  void UseConnect() {
    options_.config.client.proxy.connect.enabled = true;
    options_.config.client.proxy.connect.endpoint = "http://b/connect";
  }
  void UseRefresh() {
    options_.config.client.proxy.refresh.enabled = true;
    options_.config.client.proxy.refresh.endpoint = "http://b/refresh";
  }
  // Of the namespace `flow`.
  void UseSubRefresh() {
    options_.config.channel.proxy.sub_refresh.endpoint = "http://b/sub_refresh";
    options_.config.channel.namespaces[1].sub_refresh_proxy_enabled = true;
  }

  int CountOf(std::string_view url) const {
    return static_cast<int>(std::count(kinds_.begin(), kinds_.end(), url));
  }
  static Answer Result(std::string_view members) {
    return {.body = absl::StrCat("{\"result\":{", protocol::Abseil(members), "}}"),
            .after_ns = 3 * kMillisecond};
  }
  static std::string ExpireAt(int seconds) {
    return absl::StrCat("\"expire_at\":", std::time(nullptr) + seconds);
  }
  // What a connect without a token comes to.
  const Heard* Connecting(SimClient& client, std::string_view members = "") {
    return Reply(client, Connect(client, members));
  }

  std::function<Answer(std::string_view url, int count)> backend_ = [](std::string_view, int) {
    return Result(R"("user":"56")");
  };
  std::vector<engine::HttpCall> asked_;
  std::vector<std::string> kinds_;
};

TEST_F(ProxyTest, ABackendSaysWhoConnectsAndWhatItHas) {
  UseConnect();
  options_.config.client.proxy.connect.emulated_headers = {"X-Tenant"};
  options_.config.client.proxy.connect.static_headers = {{"X-Static", "s"}};
  backend_ = [](std::string_view, int) {
    return Result(R"("user":"56","info":{"name":"Bo"},"data":{"welcome":true},)"
                  R"("channels":["flow:a","log:a"],"subs":{"log:a":{"data":{"n":1},)"
                  R"("override":{"force_recovery":{"value":true}}}})");
  };
  Begin(2);
  SimClient& client = cluster_->AddClient(0);
  const Heard* reply = Connecting(
      client, R"("data":{"from":"page"},"name":"web","version":"1.2","subs":{"flow:x":{}},)"
              R"("headers":{"x-tenant":"acme","cookie":"no"})");
  ASSERT_NE(reply, nullptr);
  ASSERT_EQ(reply->kind, Kind::kConnected);
  EXPECT_THAT(reply->text, HasSubstr(R"("data":{"welcome":true})"));
  EXPECT_THAT(reply->text, HasSubstr(R"("flow:a":{)"));
  EXPECT_THAT(reply->text, HasSubstr(R"("recoverable":true)")) << "by `subs`, not `channels`";
  EXPECT_THAT(reply->text, HasSubstr(R"("data":{"n":1})"));
  EXPECT_THAT(reply->text, Not(HasSubstr("flow:x"))) << "the backend says it all";
  EXPECT_THAT(reply->text, Not(HasSubstr("expires")));
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].body,
            absl::StrCat(R"({"client":")", client.id(),
                         R"(","transport":"websocket","protocol":"json","encoding":"json",)"
                         R"("data":{"from":"page"},"name":"web","version":"1.2",)"
                         R"("channels":["flow:x"]})"));
  EXPECT_THAT(asked_[0].headers, testing::ElementsAre("X-Static: s", "x-tenant: acme",
                                                      "Content-Type: application/json"));
}

TEST_F(ProxyTest, ATokenGoesPastIt) {
  UseConnect();
  Begin();
  Connected(R"({"sub":"u"})");
  EXPECT_TRUE(asked_.empty());
}

TEST_F(ProxyTest, WhatABackendDoesNotSayHoldsWithoutOne) {
  UseConnect();
  backend_ = [](std::string_view, int) { return Answer{.body = "{}"}; };
  Begin();
  SimClient& nobody = cluster_->AddClient();
  Connect(nobody, "");
  EXPECT_EQ(CloseCodeOf(nobody), 3501);
  options_.config.client.allow_anonymous_connect_without_token = true;
  options_.config.channel.namespaces[1].allow_subscribe_for_client = true;
  options_.config.channel.namespaces[1].allow_subscribe_for_anonymous = true;
  Begin();
  SimClient& anonymous = cluster_->AddClient();
  const Heard* reply = Connecting(anonymous, R"("subs":{"flow:x":{}})");
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->kind, Kind::kConnected);
  EXPECT_THAT(reply->text, HasSubstr("flow:x"));
}

TEST_F(ProxyTest, AnErrorLeavesTheConnectionAndADisconnectEndsIt) {
  UseConnect();
  backend_ = [](std::string_view, int count) {
    if (count == 1) return Answer{.body = R"({"error":{"code":1000,"message":"not yet"}})"};
    if (count == 2) return Answer{.status = 500};
    if (count == 3) return Result(R"("user":"56","channels":["nowhere:x"])");
    if (count == 4) return Result("\"user\":\"56\"," + ExpireAt(-5));
    if (count == 5) return Result(R"("user":"56")");
    return Answer{.body = R"({"disconnect":{"code":4501,"reason":"unauthorized"}})"};
  };
  Begin();
  SimClient& client = cluster_->AddClient();
  const Heard* reply = Connecting(client);
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->code, 1000u);
  EXPECT_EQ(reply->text, "not yet");
  for (const std::uint32_t code : {100u, 102u, 110u}) EXPECT_EQ(Connecting(client)->code, code);
  EXPECT_EQ(Connecting(client)->kind, Kind::kConnected);
  SimClient& other = cluster_->AddClient();
  Connect(other, "");
  EXPECT_EQ(CloseCodeOf(other), 4501);
}

TEST_F(ProxyTest, WhatIsSentBehindAConnectWaitsForItAndOthersDoNot) {
  UseConnect();
  options_.config.channel.namespaces[1].allow_subscribe_for_client = true;
  backend_ = [](std::string_view, int) {
    Answer answer = Result(R"("user":"56")");
    answer.after_ns = 500 * kMillisecond;
    return answer;
  };
  ticking_ = {"flow:a"};
  Begin(2);
  SimClient& slow = cluster_->AddClient(0);
  const std::uint32_t connect = Connect(slow, "");
  const std::uint32_t subscribe = slow.Subscribe("flow:b");
  slow.Flush();
  SimClient& other = Connected(R"({"sub":"u"})");
  ASSERT_NE(Ask(other, R"("subscribe":{"channel":"flow:a"})"), nullptr);
  const std::size_t before = other.DataOf("flow:a").size();
  cluster_->RunFor(100 * kMillisecond);
  EXPECT_GE(other.DataOf("flow:a").size(), before + 90) << "a backend delays no publication";
  EXPECT_EQ(slow.ReplyTo(connect), nullptr);
  cluster_->RunFor(500 * kMillisecond);
  ASSERT_NE(slow.ReplyTo(connect), nullptr);
  EXPECT_EQ(slow.ReplyTo(connect)->kind, Kind::kConnected);
  ASSERT_NE(slow.ReplyTo(subscribe), nullptr);
  EXPECT_EQ(slow.ReplyTo(subscribe)->kind, Kind::kSubscribed);
}

TEST_F(ProxyTest, WhoIsGoneWhenTheAnswerComesIsNobody) {
  UseConnect();
  backend_ = [](std::string_view, int) {
    Answer answer = Result(R"("user":"56","channels":["flow:a"])");
    answer.after_ns = 50 * kMillisecond;
    return answer;
  };
  Begin(2);
  for (int i = 0; i < 4; ++i) {
    SimClient& client = cluster_->AddClient();
    Connect(client, "");
    cluster_->RunUntil([&] { return CountOf("http://b/connect") > i; });
    i % 2 == 0 ? client.Reset() : client.SendClose(1000);
  }
  // Their places are others' by now.
  Connected(R"({"sub":"u"})");
  cluster_->RunFor(kSecond);
  EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 0);
  EXPECT_EQ(cluster_->Metric("tickcast_connections"), 1);
}

TEST_F(ProxyTest, ADeadBackendIsGivenUpForAWhile) {
  UseConnect();
  options_.config.client.proxy.connect.breaker_failures = 3;
  backend_ = [](std::string_view, int) {
    return Answer{.outcome = engine::HttpOutcome::kUnreachable, .after_ns = kMillisecond};
  };
  Begin();
  SimClient& client = cluster_->AddClient();
  for (int i = 0; i < 5; ++i) {
    const Heard* reply = Connecting(client);
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(reply->code, 100u);
  }
  EXPECT_EQ(asked_.size(), 3u);
  EXPECT_EQ(cluster_->Metric("tickcast_proxy_calls_total", "refused_open"), 2);
}

TEST_F(ProxyTest, UnidirectionalClientsAreToldByTheirPushes) {
  UseConnect();
  options_.config.uni_sse.enabled = true;
  options_.config.uni_http_stream.enabled = true;
  backend_ = [](std::string_view, int count) {
    if (count <= 2) return Result(R"("user":"56","data":{"a":1},"channels":["flow:a"])");
    if (count == 3) return Answer{.body = R"({"error":{"code":1000,"message":"no"}})"};
    if (count == 4) return Answer{.body = R"({"error":{"code":111,"message":"no"}})"};
    if (count == 5) return Answer{.status = 500};
    return Answer{.body = R"({"disconnect":{"code":4501,"reason":"unauthorized"}})"};
  };
  Begin();
  SimStreamPeer sse(cluster_->world(), cluster_->ring(0));
  sse.Get("/connection/uni_sse");
  ASSERT_TRUE(cluster_->RunUntil([&] { return !sse.Events().empty(); }));
  EXPECT_THAT(sse.Events()[0], HasSubstr(R"("data":{"a":1})"));
  EXPECT_THAT(sse.Events()[0], HasSubstr(R"("flow:a")"));
  SimStreamPeer stream(cluster_->world(), cluster_->ring(0));
  stream.Post("/connection/uni_http_stream", R"({"data":{"b":2},"name":"uni"})");
  ASSERT_TRUE(cluster_->RunUntil([&] { return !stream.Lines().empty(); }));
  EXPECT_THAT(asked_[0].body, HasSubstr(R"("transport":"uni_sse","protocol":"json")"));
  EXPECT_THAT(asked_[1].body, HasSubstr(R"("transport":"uni_http_stream")"));
  EXPECT_THAT(asked_[1].body, HasSubstr(R"("data":{"b":2},"name":"uni")"));
  for (const char* code : {"3004", "3013", "3004", "4501"}) {
    SimStreamPeer refused(cluster_->world(), cluster_->ring(0));
    refused.Get("/connection/uni_sse");
    ASSERT_TRUE(cluster_->RunUntil([&] { return !refused.Events().empty(); }));
    EXPECT_THAT(refused.Events()[0], HasSubstr(absl::StrCat(R"("disconnect":{"code":)", code)));
  }
}

// What the configuration makes of a code holds for a backend's own errors as for ours.
TEST_F(ProxyTest, TheErrorsOfABackendAreTransformedToo) {
  UseConnect();
  options_.config.uni_sse.enabled = true;
  options_.config.uni_http_stream.enabled = true;
  options_.config.client.connect_code_to_unidirectional_disconnect = {
      .enabled = true, .transforms = {{.code = 1000, .to_code = 4777, .to_reason = "log in"}}};
  options_.config.uni_http_stream.connect_code_to_http_response = {
      .enabled = true, .transforms = {{.code = 1000, .to_status_code = 402}}};
  backend_ = [](std::string_view, int) {
    return Answer{.body = R"({"error":{"code":1000,"message":"pay first"}})"};
  };
  Begin();
  SimStreamPeer sse(cluster_->world(), cluster_->ring(0));
  sse.Get("/connection/uni_sse");
  ASSERT_TRUE(cluster_->RunUntil([&] { return !sse.Events().empty(); }));
  EXPECT_EQ(sse.Events()[0], R"({"disconnect":{"code":4777,"reason":"log in"}})");
  SimHttpPeer stream(cluster_->world(), cluster_->ring(0));
  stream.Post("/connection/uni_http_stream", "{}");
  ASSERT_TRUE(cluster_->RunUntil([&] { return !stream.Responses().empty(); }));
  EXPECT_EQ(stream.Responses()[0].status, 402);
  EXPECT_EQ(stream.Responses()[0].body, "pay first");
}

TEST_F(ProxyTest, TheBackendLengthensAConnectionAndEndsIt) {
  UseConnect();
  UseRefresh();
  options_.config.client.proxy.refresh.include_connection_meta = true;
  backend_ = [](std::string_view url, int count) {
    if (url == "http://b/connect") {
      return Result("\"user\":\"56\",\"meta\":{\"m\":1}," + ExpireAt(100));
    }
    if (count == 1) return Result("\"meta\":{\"m\":2}," + ExpireAt(300));
    return Result(R"("expired":true)");
  };
  Begin();
  SimClient& client = cluster_->AddClient();
  const Heard* reply = Connecting(client);
  ASSERT_NE(reply, nullptr);
  ASSERT_EQ(reply->kind, Kind::kConnected);
  EXPECT_THAT(reply->text, Not(HasSubstr("expires"))) << "nothing that the client should do";
  cluster_->RunFor(70 * kSecond);
  EXPECT_EQ(CountOf("http://b/refresh"), 0);
  cluster_->RunFor(32 * kSecond);
  ASSERT_EQ(CountOf("http://b/refresh"), 1) << "without a grace";
  EXPECT_EQ(asked_.back().body,
            absl::StrCat(R"({"client":")", client.id(),
                         R"(","transport":"websocket","protocol":"json","encoding":"json",)"
                         R"("user":"56","meta":{"m":1}})"));
  cluster_->RunFor(200 * kSecond);
  EXPECT_EQ(client.close_code(), 0u);
  cluster_->RunFor(102 * kSecond);
  EXPECT_EQ(CountOf("http://b/refresh"), 2);
  EXPECT_THAT(asked_.back().body, HasSubstr(R"("meta":{"m":2})"));
  EXPECT_EQ(client.close_code(), 3005u);
}

TEST_F(ProxyTest, WhatEndsAConnectionThatExpires) {
  UseRefresh();
  for (const Answer& answer :
       {Result(""), Result(R"("expired":true,"expire_at":99999999999)"), Result(R"("expire_at":5)"),
        Answer{.body = "{}"}, Answer{.body = R"({"error":{"code":1000,"message":"no"}})"},
        Answer{.body = R"({"disconnect":{"code":4501,"reason":"no"}})"}}) {
    SCOPED_TRACE(answer.body);
    backend_ = [&](std::string_view, int) { return answer; };
    Begin();
    SimClient& client = Connected("{\"sub\":\"u\"," + Exp(30) + "}");
    cluster_->RunFor(32 * kSecond);
    EXPECT_EQ(client.close_code(), 3005u);
  }
}

TEST_F(ProxyTest, ABackendThatDoesNotAnswerEndsNoConnection) {
  UseRefresh();
  for (const Answer& answer :
       {Answer{.status = 500}, Answer{.body = "<html>"}, Answer{.after_ns = 100 * kSecond},
        Answer{.outcome = engine::HttpOutcome::kUnreachable}}) {
    kinds_.clear();
    backend_ = [&](std::string_view, int count) {
      return count == 1 ? answer : Result("\"expired\":true");
    };
    Begin();
    SimClient& client = Connected("{\"sub\":\"u\"," + Exp(30) + "}");
    cluster_->RunFor(60 * kSecond);
    EXPECT_EQ(CountOf("http://b/refresh"), 1);
    EXPECT_EQ(client.close_code(), 0u);
    cluster_->RunFor(40 * kSecond);
    EXPECT_EQ(CountOf("http://b/refresh"), 2) << "a minute later";
    EXPECT_EQ(client.close_code(), 3005u);
  }
}

TEST_F(ProxyTest, WhereABackendRefreshesClientsMayNot) {
  UseRefresh();
  UseSubRefresh();
  Begin();
  SimClient& client = Connected("{\"sub\":\"u\"," + Exp(100) + "}");
  client.Command(absl::StrCat(R"("refresh":{"token":)", Quoted(Token(R"({"sub":"u"})")), "}"));
  EXPECT_EQ(CloseCodeOf(client), 3501);
  SimClient& other = Connected(R"({"sub":"u"})");
  const Heard* reply =
      Subscribe(other, "flow:a", R"({"sub":"u","channel":"flow:a",)" + Exp(100) + "}");
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->kind, Kind::kSubscribed);
  EXPECT_EQ(reply->ttl_s, 0u);
  other.Command(absl::StrCat(R"("sub_refresh":{"channel":"flow:a","token":)",
                             Quoted(Token(R"({"sub":"u","channel":"flow:a"})")), "}"));
  EXPECT_EQ(CloseCodeOf(other), 3501);
}

TEST_F(ProxyTest, TheBackendLengthensASubscriptionAndEndsIt) {
  UseSubRefresh();
  backend_ = [](std::string_view, int count) {
    if (count == 1) return Answer{.status = 502};
    if (count == 2) return Result(R"("info":{"seat":1},)" + ExpireAt(300));
    return Result(R"("expired":true)");
  };
  Begin(2);
  SimClient& client = Connected(R"({"sub":"u"})");
  Subscribe(client, "flow:a", R"({"sub":"u","channel":"flow:a",)" + Exp(100) + "}");
  cluster_->RunFor(100 * kSecond);
  EXPECT_EQ(CountOf("http://b/sub_refresh"), 0) << "25 s of grace";
  cluster_->RunFor(27 * kSecond);
  ASSERT_EQ(CountOf("http://b/sub_refresh"), 1);
  EXPECT_THAT(asked_[0].body, HasSubstr(R"("user":"u","channel":"flow:a"})"));
  cluster_->RunFor(50 * kSecond);
  EXPECT_EQ(CountOf("http://b/sub_refresh"), 1) << "a minute, and the grace";
  cluster_->RunFor(35 * kSecond);
  EXPECT_EQ(CountOf("http://b/sub_refresh"), 2);
  cluster_->RunFor(200 * kSecond);
  EXPECT_TRUE(client.HeardOf(Kind::kDropped).empty());
  cluster_->RunFor(127 * kSecond);
  EXPECT_EQ(CountOf("http://b/sub_refresh"), 3);
  ASSERT_EQ(client.HeardOf(Kind::kDropped, "flow:a").size(), 1u);
  EXPECT_EQ(client.HeardOf(Kind::kDropped)[0].code, 2501u);
  EXPECT_EQ(client.close_code(), 0u);
  EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 0);
}

TEST_F(ProxyTest, WithoutATimeASubscriptionLastsFromThenOn) {
  UseSubRefresh();
  backend_ = [](std::string_view, int) { return Result(""); };
  Begin();
  SimClient& client = Connected(R"({"sub":"u"})");
  Subscribe(client, "flow:a", R"({"sub":"u","channel":"flow:a",)" + Exp(30) + "}");
  cluster_->RunFor(500 * kSecond);
  EXPECT_EQ(CountOf("http://b/sub_refresh"), 1);
  EXPECT_TRUE(client.HeardOf(Kind::kDropped).empty());
}

TEST_F(ProxyTest, AnAnswerAboutASubscriptionThatWasLeftMeansNothing) {
  UseSubRefresh();
  backend_ = [](std::string_view, int) {
    Answer answer = Result(R"("expired":true)");
    answer.after_ns = 500 * kMillisecond;
    return answer;
  };
  Begin();
  SimClient& client = Connected(R"({"sub":"u"})");
  Subscribe(client, "flow:a", R"({"sub":"u","channel":"flow:a",)" + Exp(30) + "}");
  ASSERT_TRUE(cluster_->RunUntil([&] { return !asked_.empty(); }, 100 * kSecond));
  client.Unsubscribe("flow:a");
  Subscribe(client, "flow:a", R"({"sub":"u","channel":"flow:a",)" + Exp(100) + "}");
  cluster_->RunFor(5 * kSecond);
  EXPECT_TRUE(client.HeardOf(Kind::kDropped).empty());
  EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 1);
}

TEST_F(ProxyTest, RefreshesOfClientsThatComeAndGo) {
  UseConnect();
  UseRefresh();
  UseSubRefresh();
  options_.config.channel.namespaces[1].allow_subscribe_for_client = true;
  options_.config.client.expired_sub_close_delay_ns = kSecond;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    SCOPED_TRACE(seed);
    options_.faults = seed % 2 == 1 ? engine::SimFaults::Hostile() : engine::SimFaults{};
    backend_ = [](std::string_view url, int count) {
      if (count % 7 == 0) return Answer{.status = 503, .after_ns = 20 * kMillisecond};
      if (url == "http://b/sub_refresh" && count % 3 == 0) return Result(R"("expired":true)");
      if (url == "http://b/refresh" && count % 5 == 0) return Result(R"("expired":true)");
      Answer answer = Result("\"user\":\"56\"," + ExpireAt(20 + count % 3 * 10));
      answer.after_ns = static_cast<std::uint64_t>(count % 11) * 100 * kMillisecond;
      return answer;
    };
    Begin(2);
    for (int i = 0; i < 20; ++i) {
      SimClient& client = cluster_->AddClient(static_cast<ShardId>(i % 2));
      Connect(client, "");
      client.Command(absl::StrCat(R"("subscribe":{"channel":"flow:)", i % 4, R"(","token":)",
                                  Quoted(Token(absl::StrCat(R"({"sub":"56","channel":"flow:)",
                                                            i % 4, "\",", Exp(30), "}"))),
                                  "}"));
      client.Flush();
      cluster_->RunFor(700 * kMillisecond);
      if (i % 4 == 3) client.Reset();
    }
    cluster_->RunFor(400 * kSecond);
    EXPECT_GT(CountOf("http://b/refresh"), 20);
    EXPECT_GT(CountOf("http://b/sub_refresh"), 10);
    backend_ = [](std::string_view, int) { return Result(R"("expired":true)"); };
    cluster_->RunFor(120 * kSecond);
    EXPECT_EQ(cluster_->Metric("tickcast_connections"), 0);
    EXPECT_EQ(cluster_->Metric("tickcast_subscriptions"), 0);
    EXPECT_EQ(cluster_->Metric("tickcast_proxy_calls_in_flight"), 0);
    kinds_.clear();
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
