#include "shards/slow_clients.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

struct Candidate {
  Slowness slowness;
  engine::Slot slot;
};

Slowness SlownessOf(const Connection& connection, std::uint64_t now_ns,
                    const engine::PressureConfig& config) {
  return {.level = connection.level,
          .blocked_share = connection.trouble->pressure.BlockedShareAt(now_ns, config),
          .unsent_bytes = connection.unsent == nullptr ? 0 : connection.unsent->left().size()};
}

SlowClient Describe(ConnectionTable& connections, const Candidate& candidate, ShardId shard,
                    std::uint64_t now_ns) {
  const Connection& connection = connections[candidate.slot];
  SlowClient slow{.slowness = candidate.slowness,
                  .address = connection.trouble->peer,
                  .shard = shard,
                  .rtt_us = connection.rtt_us,
                  .subscriptions = connection.subscriptions.size()};
  if (connection.session != nullptr) {
    slow.user = connection.session->user;
    slow.client = connection.session->client;
  }
  if (connection.blocked_since_ns != 0) {
    slow.blocked_ms = (now_ns - std::min(now_ns, connection.blocked_since_ns)) / kMillisecond;
  }
  if (connection.outbox != OutboxPool::kNone) {
    slow.reply_bytes = connections.outboxes()[connection.outbox].size_bytes();
  }
  for (const Subscription& subscription : connection.subscriptions) {
    slow.conflated += subscription.conflated;
  }
  return slow;
}

// Nothing when `text` is no number from 1 to kMaxLimit.
std::optional<std::size_t> ParseLimit(std::string_view text) {
  std::size_t limit = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, limit);
  if (error != std::errc() || rest != end) return std::nullopt;
  if (limit == 0 || limit > SlowClients::kMaxLimit) return std::nullopt;
  return limit;
}

}  // namespace

std::vector<SlowClient> WorstOf(ConnectionTable& connections, std::size_t limit, ShardId shard,
                                std::uint64_t now_ns, const engine::PressureConfig& config) {
  std::vector<Candidate> candidates;
  for (engine::Slot slot = 0; slot < connections.slots(); ++slot) {
    if (!connections.hot(slot).Is(Hot::kOpen)) continue;
    const Connection& connection = connections[slot];
    if (connection.trouble == nullptr) continue;
    candidates.push_back({SlownessOf(connection, now_ns, config), slot});
  }
  const std::size_t count = std::min(limit, candidates.size());
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(count),
                    candidates.end(),
                    [](const Candidate& a, const Candidate& b) { return a.slowness > b.slowness; });
  std::vector<SlowClient> worst;
  worst.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    worst.push_back(Describe(connections, candidates[i], shard, now_ns));
  }
  return worst;
}

void SlowClients::Run(const HttpAsker& asker, const protocol::RequestHead& head) {
  std::optional<std::size_t> limit = kDefaultLimit;
  if (const auto given = protocol::QueryParameter(head.query, "limit")) limit = ParseLimit(*given);
  if (!limit) return responder_.Refuse(asker, 400, "limit is a number from 1 to 1000");
  const engine::Handle handle = calls_.Allocate();
  Call& call = calls_[handle.index];
  call.asker = asker;
  call.limit = *limit;
  call.pending_shards = exchange_.shards();
  for (ShardId shard = 0; shard < exchange_.shards(); ++shard) {
    auto request = std::make_unique<Request>();
    request->kind = Request::Kind::kSlowClients;
    request->asker = Request::Asker::kSlowClients;
    request->origin = exchange_.self();
    request->slot = handle.index;
    request->generation = handle.generation;
    request->limit = static_cast<std::int32_t>(*limit);
    exchange_.Send(shard, {.kind = Message::Kind::kAsk, .request = std::move(request)});
  }
}

void SlowClients::OnAnswer(Request& answer) {
  const engine::Handle handle{answer.slot, answer.generation};
  Call* call = calls_.Find(handle);
  if (call == nullptr) return;
  std::vector<SlowClient> merged;
  merged.reserve(call->worst.size() + answer.slow_clients.size());
  std::merge(std::move_iterator(answer.slow_clients.begin()),
             std::move_iterator(answer.slow_clients.end()), std::move_iterator(call->worst.begin()),
             std::move_iterator(call->worst.end()), std::back_inserter(merged),
             [](const SlowClient& a, const SlowClient& b) { return a.slowness > b.slowness; });
  if (merged.size() > call->limit) merged.resize(call->limit);
  call->worst = std::move(merged);
  if (--call->pending_shards == 0) Finish(handle);
}

void SlowClients::Finish(engine::Handle handle) {
  // Freed first: a response may lead to the connection's next request.
  const Call call = std::move(calls_[handle.index]);
  calls_.Free(handle);
  std::string page = R"({"slow_clients":[)";
  for (const SlowClient& slow : call.worst) {
    if (page.back() != '[') page += ',';
    slow.AppendJson(page);
  }
  page += "]}\n";
  const protocol::ResponseHeader headers[] = {{"Cache-Control", "no-store"}};
  responder_.Respond(call.asker, 200, "application/json", page, headers);
}

}  // namespace tickcast::shards
