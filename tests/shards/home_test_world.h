// A home for tests, with two shards that ask it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shards/home.h"
#include "tests/shards/fake_ring.h"
#include "tests/shards/test_publications.h"

namespace tickcast::shards {

inline constexpr std::uint64_t kSecondNs = 1'000'000'000;
inline constexpr std::uint64_t kTtlNs = 60 * kSecondNs;

// A home on shard 0 of two; what it sends to either is kept.
class HomeTest : public testing::Test {
 protected:
  struct Delivery {
    ShardId to;
    ChannelIndex local;
    std::uint32_t generation;
    std::string data;
    std::uint64_t sequence;
    friend bool operator==(const Delivery&, const Delivery&) = default;
  };

  HomeTest() {
    config_.channel.namespaces = {
        {.name = "ticker", .kind = engine::ChannelKind::kState},
        {.name = "trade"},
        {.name = "room", .history_size = 5, .history_ttl_ns = kTtlNs},
    };
    config_.client.recovery_max_publication_limit = 3;
    config_.client.history_max_publication_limit = 4;
  }

  static std::unique_ptr<Request> New(Request::Kind kind, std::string_view channel) {
    auto request = std::make_unique<Request>();
    request->kind = kind;
    request->channel = channel;
    return request;
  }

  // Asks, and gives the answer that came back; deliveries are kept.
  std::unique_ptr<Request> Ask(std::unique_ptr<Request> request) {
    home_.Ask(std::move(request), now_ns_);
    Pump();
    EXPECT_NE(answer_, nullptr);
    return std::move(answer_);
  }
  std::unique_ptr<Request> Subscribe(std::string_view channel, ShardId origin = 0,
                                     ChannelIndex local = 1, std::uint32_t generation = 1) {
    auto request = New(Request::Kind::kSubscribe, channel);
    request->origin = origin;
    request->local = local;
    request->local_generation = generation;
    return Ask(std::move(request));
  }
  std::unique_ptr<Request> Recover(std::uint64_t offset, std::string_view epoch,
                                   bool reject_unrecovered = false) {
    auto request = New(Request::Kind::kSubscribe, "room:1");
    request->recoverable = true;
    request->recover = true;
    request->since_offset = offset;
    request->since_epoch = epoch;
    request->reject_unrecovered = reject_unrecovered;
    return Ask(std::move(request));
  }
  // As a client with this place among the others; an empty id for one whose place is not kept.
  static MemberInfo MemberOf(std::string_view client, std::string_view user = {},
                             std::string_view conn_info = {}) {
    if (client.empty()) return {};
    return MemberInfo({.user = user, .client = client, .conn_info = conn_info});
  }
  std::unique_ptr<Request> Enter(std::string_view channel, const MemberInfo& member,
                                 ShardId origin = 0) {
    auto request = New(Request::Kind::kSubscribe, channel);
    request->origin = origin;
    request->local = 1;
    request->local_generation = 1;
    request->member = member;
    return Ask(std::move(request));
  }
  void Part(std::string_view channel, std::string_view client, bool lost = false) {
    Request part;
    part.channel = channel;
    part.client = client;
    part.lost = lost;
    home_.Part(part, now_ns_);
  }
  // What a turn's end tells.
  void Announce() {
    home_.Announce();
    Pump();
  }
  std::unique_ptr<Request> Publish(std::string_view channel, std::string_view data,
                                   bool skip_history = false) {
    auto request = New(Request::Kind::kPublish, channel);
    request->draft = DraftOf(channel, data);
    request->skip_history = skip_history;
    return Ask(std::move(request));
  }
  std::unique_ptr<Request> HistoryOf(std::string_view channel, std::int32_t limit,
                                     bool reverse = false) {
    auto request = New(Request::Kind::kHistory, channel);
    request->limit = limit;
    request->reverse = reverse;
    return Ask(std::move(request));
  }
  std::unique_ptr<Request> HistorySince(std::uint64_t offset, std::string_view epoch,
                                        std::int32_t limit, bool reverse = false) {
    auto request = New(Request::Kind::kHistory, "room:1");
    request->limit = limit;
    request->reverse = reverse;
    request->has_since = true;
    request->since_offset = offset;
    request->since_epoch = epoch;
    return Ask(std::move(request));
  }
  void PublishRoom(int count) {
    for (int i = 0; i < count; ++i) Publish("room:1", std::to_string(++published_));
  }
  std::string EpochOf(std::string_view channel) { return HistoryOf(channel, 0)->epoch; }

  // Moves what was sent to where it goes.
  void Pump() {
    exchange_.Publish(ring_);
    exchange_.Drain(1000, [this](ShardId, Message&& message) { Keep(0, std::move(message)); });
    peer_.Drain(1000, [this](ShardId, Message&& message) { Keep(1, std::move(message)); });
  }
  void Keep(ShardId to, Message&& message) {
    if (message.kind == Message::Kind::kAnswer) {
      EXPECT_EQ(message.request->origin, to);
      answer_ = std::move(message.request);
      return;
    }
    if (message.kind == Message::Kind::kMembers) {
      ++announcements_;
      for (const MemberEvent& event : *message.request->events) {
        numbers_.push_back(event.number);
        const char sign = event.joined ? '+' : '-';
        heard_[to].push_back(sign + std::string(event.info.client()));
      }
      return;
    }
    if (message.kind == Message::Kind::kReset) {
      resets_.emplace_back(to, message.local);
      return;
    }
    ASSERT_EQ(message.kind, Message::Kind::kDeliver);
    lines_of_deliveries_.emplace_back(message.publication->line());
    heard_[to].emplace_back(message.publication->data());
    deliveries_.push_back({to, message.local, message.generation,
                           std::string(message.publication->data()),
                           message.publication->sequence()});
  }
  // Many calls, as a shard makes them: one looks at a bounded number of channels.
  void SweepAll() {
    for (int i = 0; i < 8; ++i) home_.Sweep(now_ns_);
  }

  engine::Config config_;
  Mesh mesh_{2, 16};
  Exchange exchange_{mesh_, 0};
  Exchange peer_{mesh_, 1};
  Home home_{config_, exchange_, 1};
  FakeRing ring_;
  std::uint64_t now_ns_ = kSecondNs;
  std::unique_ptr<Request> answer_;
  std::vector<Delivery> deliveries_;
  std::vector<std::string> lines_of_deliveries_;
  std::vector<std::pair<ShardId, ChannelIndex>> resets_;
  // What each shard was sent, in order: publications as they are, joins as "+id", leaves as "-id".
  std::vector<std::string> heard_[2];
  int announcements_ = 0;               // Messages of joins and leaves.
  std::vector<std::uint64_t> numbers_;  // Of the events in them.
  int published_ = 0;
};

}  // namespace tickcast::shards
