// ApiWorldTest: a cluster of three shards with a server API, and users that connect by tokens. With
// an odd parameter its network is hostile. Threading: as SimWorld.
#pragma once

#include <gtest/gtest.h>
#include <time.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "protocol/abseil.h"
#include "tests/protocol/jwt/test_tokens.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_http_peer.h"

namespace tickcast::shards::sim {

class ApiWorldTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  static constexpr std::string_view kSecret = "a secret of these tests";

  static engine::Config Config() {
    engine::Config config = SimConfig();
    config.client.insecure = false;
    config.client.allow_anonymous_connect_without_token = true;
    config.client.token.hmac_secret_key = kSecret;
    config.http_stream.enabled = true;
    for (engine::Namespace& ns : config.channel.namespaces) {
      ns.allow_subscribe_for_client = true;
      ns.allow_subscribe_for_anonymous = true;
      if (ns.name == "log") ns.presence = ns.join_leave = true;
    }
    return config;
  }

  ApiWorldTest()
      : cluster_(GetParam(), {.shards = 3,
                              .faults = GetParam() % 2 == 0 ? engine::SimFaults{}
                                                            : engine::SimFaults::Hostile(),
                              .config = Config()}) {
    cluster_.Start();
  }

  static std::string Token(std::string_view claims) {
    return protocol::HmacToken(R"({"alg":"HS256"})", claims, "HS256", kSecret);
  }

  // A client of `user`, "" = anonymous, that is subscribed to `channels`.
  SimClient& Connect(ShardId shard, std::string_view user,
                     const std::vector<std::string>& channels = {}) {
    const std::string claims = absl::StrCat(R"({"sub":")", protocol::Abseil(user), "\"}");
    return ConnectWith(shard, user.empty() ? "" : claims, channels);
  }
  // The same with any token; `claims` "": none.
  SimClient& ConnectWith(ShardId shard, std::string_view claims,
                         const std::vector<std::string>& channels = {}) {
    SimClient& client = Begin(shard, claims);
    for (const std::string& channel : channels) client.Subscribe(channel);
    client.Flush();
    EXPECT_TRUE(cluster_.RunUntil([&] {
      return client.HeardOf(Heard::Kind::kSubscribed).size() == channels.size() &&
             client.HeardOf(Heard::Kind::kConnected).size() == 1;
    }));
    return client;
  }
  // One whose connect is in its batch.
  SimClient& Begin(ShardId shard, std::string_view claims) {
    SimClient& client = cluster_.AddClient(shard);
    client.Command(claims.empty() ? R"("connect":{})"
                                  : absl::StrCat(R"("connect":{"token":")", Token(claims), "\"}"));
    return client;
  }

  std::string Call(std::string_view path, std::string_view body, ShardId shard = 0) {
    SimHttpPeer peer(cluster_.world(), cluster_.ring(shard));
    peer.Post(path, body);
    EXPECT_TRUE(cluster_.RunUntil([&] { return !peer.Responses().empty(); }));
    return peer.Responses().empty() ? "" : peer.Responses().front().body;
  }

  // A channel whose home is another shard than `shard`.
  std::string RemoteChannel(ShardId shard) {
    for (int i = 0;; ++i) {
      const std::string channel = absl::StrCat("log:", i);
      if (cluster_.mesh().HomeOf(channel) != shard) return channel;
    }
  }

  // Lets what is on its way arrive.
  void Settle() { cluster_.RunFor(300 * kMillisecond); }

  SimCluster cluster_;
};

}  // namespace tickcast::shards::sim
