// ServerApiTest: a server API on a shard that is the home of every channel.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/json/payload.h"
#include "shards/home.h"
#include "shards/server_api.h"
#include "shards/user_requests.h"
#include "tests/shards/http_test_world.h"

namespace tickcast::shards {

inline constexpr std::uint64_t kNowNs = 1'000'000'000;

inline constexpr protocol::ApiEndpoint kPublish = {protocol::ApiForm::kSingle,
                                                   protocol::ApiMethod::kPublish};
inline constexpr protocol::ApiEndpoint kBroadcast = {protocol::ApiForm::kSingle,
                                                     protocol::ApiMethod::kBroadcast};
inline constexpr protocol::ApiEndpoint kBatch = {.form = protocol::ApiForm::kBatch};
inline constexpr protocol::ApiEndpoint kLegacy = {.form = protocol::ApiForm::kLegacy};

class ServerApiTest : public testing::Test {
 protected:
  ServerApiTest() {
    config_.channel.namespaces = {
        {.name = "room", .history_size = 10, .history_ttl_ns = 60 * kNowNs}, {.name = "trade"}};
    config_.channel.max_length = 20;
  }

  void Run(const HttpAsker& asker, protocol::ApiEndpoint endpoint, std::string_view body) {
    std::string padded(body);
    padded.resize(body.size() + protocol::kJsonPaddingBytes);
    api_.Run(asker, endpoint, error_status_, std::string_view(padded).substr(0, body.size()),
             kNowNs);
  }
  // What a shard does with a question; of connections it knows none, and tells what the test says.
  void Answer(std::unique_ptr<Request> request) {
    if (!UserRequests::Takes(request->kind)) return home_.Ask(std::move(request), kNowNs);
    asked_.push_back(request->kind);
    user_request_ = request->user_request;
    if (request->kind == Request::Kind::kInfo || request->kind == Request::Kind::kChannels) {
      request->survey = std::make_unique<Survey>(survey_);
    }
    exchange_.Send(0, {.kind = Message::Kind::kAnswer, .request = std::move(request)});
  }
  // The turns of a shard that answers itself.
  void Turn() {
    exchange_.Drain(1000, [this](ShardId, Message&& message) {
      if (message.kind == Message::Kind::kAsk) Answer(std::move(message.request));
      if (message.kind == Message::Kind::kAnswer) api_.OnAnswer(std::move(message.request), kNowNs);
    });
  }
  TestResponse Call(protocol::ApiEndpoint endpoint, std::string_view body) {
    const HttpAsker asker = world_.Client();
    Run(asker, endpoint, body);
    for (int turn = 0; turn < 20 && !world_.answered(asker); ++turn) Turn();
    EXPECT_TRUE(world_.answered(asker)) << body;
    return world_.ResponseTo(asker);
  }
  // Somebody subscribes, elsewhere.
  void Enter(std::string_view channel, const protocol::ClientInfo& info) {
    auto question = std::make_unique<Request>();
    question->kind = Request::Kind::kSubscribe;
    question->channel = channel;
    question->member = MemberInfo(info);
    home_.Ask(std::move(question), kNowNs);
    exchange_.Drain(1000, [](ShardId, Message&&) {});
  }
  std::string EpochOf(std::string_view channel) {
    auto question = std::make_unique<Request>();
    question->kind = Request::Kind::kHistory;
    question->channel = channel;
    home_.Ask(std::move(question), kNowNs);
    std::string epoch;
    exchange_.Drain(1000, [&](ShardId, Message&& message) { epoch = message.request->epoch; });
    return epoch;
  }

  std::vector<Request::Kind> asked_;
  std::shared_ptr<const UserRequest> user_request_;  // The last one.
  Survey survey_;
  engine::Config config_;
  Mesh mesh_{1, 4};
  Exchange exchange_{mesh_, 0};
  Home home_{config_, exchange_, 1};
  HttpTestWorld world_;
  Node node_{.uid = "u-1", .name = "n_1", .started_ns = 0};
  bool error_status_ = false;
  ServerApi api_{config_, exchange_, world_.responder_, world_.metrics_, node_};
};

}  // namespace tickcast::shards
