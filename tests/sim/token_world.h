// TokenTest: a cluster that asks for tokens, and clients that have some.
// Threading: as SimWorld.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "protocol/abseil.h"
#include "tests/protocol/jwt/test_tokens.h"
#include "tests/sim/function_feed.h"
#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {

class TokenTest : public testing::Test {
 protected:
  using Kind = Heard::Kind;
  static constexpr std::string_view kSecret = "a secret of these tests";

  void Begin(ShardId shards = 1) {
    options_.shards = shards;
    options_.config.client.insecure = false;
    options_.config.client.token.hmac_secret_key = kSecret;
    cluster_ = std::make_unique<SimCluster>(1, options_);
    if (!ticking_.empty()) {
      cluster_->shard(0).AddFeed(std::make_unique<FunctionFeed>([this,
                                                                 ids =
                                                                     std::vector<FeedChannelId>()](
                                                                    std::uint64_t now_ns,
                                                                    FeedSink& sink) mutable {
        for (std::size_t i = 0; i < ticking_.size(); ++i) {
          if (ids.size() <= i) ids.push_back(sink.OpenChannel(ticking_[i]));
          sink.Publish(ids[i], WritePayload({static_cast<std::uint32_t>(i), ticks_ + 1}), now_ns);
        }
        ++ticks_;
        return now_ns + kMillisecond;
      }));
    }
    cluster_->Start();
  }

  static std::string Token(std::string_view claims) {
    return protocol::HmacToken(R"({"alg":"HS256"})", claims, "HS256", kSecret);
  }
  // `"exp":…` for so many seconds from now on.
  static std::string Exp(int seconds) {
    return absl::StrCat("\"exp\":", std::time(nullptr) + seconds);
  }
  static std::string Quoted(std::string_view text) {
    return absl::StrCat("\"", protocol::Abseil(text), "\"");
  }

  // Sends a connect with these members, in a frame of its own.
  std::uint32_t Connect(SimClient& client, std::string_view members) {
    const std::uint32_t id =
        client.Command(absl::StrCat("\"connect\":{", protocol::Abseil(members), "}"));
    client.Flush();
    return id;
  }
  std::uint32_t ConnectWith(SimClient& client, std::string_view claims,
                            std::string_view more = "") {
    return Connect(client,
                   absl::StrCat("\"token\":", Quoted(Token(claims)), protocol::Abseil(more)));
  }
  SimClient& Connected(std::string_view claims, ShardId shard = 0) {
    SimClient& client = cluster_->AddClient(shard);
    const std::uint32_t id = ConnectWith(client, claims);
    EXPECT_TRUE(cluster_->RunUntil([&] { return client.ReplyTo(id) != nullptr; }));
    EXPECT_EQ(client.ReplyTo(id)->kind, Kind::kConnected);
    return client;
  }
  // The reply to a command that is sent now; null when none came.
  const Heard* Reply(SimClient& client, std::uint32_t id) {
    client.Flush();
    cluster_->RunUntil([&] { return client.ReplyTo(id) != nullptr || client.close_code() != 0; });
    return client.ReplyTo(id);
  }
  const Heard* Ask(SimClient& client, std::string_view member) {
    return Reply(client, client.Command(member));
  }
  const Heard* Subscribe(SimClient& client, std::string_view channel, std::string_view claims) {
    return Ask(client, absl::StrCat("\"subscribe\":{\"channel\":", Quoted(channel),
                                    ",\"token\":", Quoted(Token(claims)), "}"));
  }
  std::uint32_t CloseCodeOf(SimClient& client) {
    client.Flush();
    cluster_->RunUntil([&] { return client.close_code() != 0; });
    return client.close_code();
  }

  ClusterOptions options_;
  std::vector<std::string> ticking_;  // A publication each millisecond.
  std::uint64_t ticks_ = 0;
  std::unique_ptr<SimCluster> cluster_;
};

}  // namespace tickcast::shards::sim
