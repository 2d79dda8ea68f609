#include "shards/publish_api.h"

#include <openssl/crypto.h>

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "protocol/abseil.h"
#include "shards/publication.h"

namespace tickcast::shards {
namespace {

constexpr std::size_t kIdleParsers = 8;

// Takes the same time whatever part of the key is right; its length is no secret.
bool SameKey(std::string_view given, std::string_view key) {
  return given.size() == key.size() && CRYPTO_memcmp(given.data(), key.data(), key.size()) == 0;
}

}  // namespace

bool PublishApi::Authorized(const protocol::RequestHead& head) const {
  if (config_.http_api.insecure) return true;
  const std::string_view key = config_.http_api.key;
  if (key.empty()) return false;
  if (const auto given = head.Find("X-API-Key")) return SameKey(*given, key);
  if (const auto given = head.Find("Authorization")) {
    return absl::StartsWithIgnoreCase(protocol::Abseil(*given), "apikey ") &&
           SameKey(given->substr(7), key);
  }
  if (const auto given = protocol::QueryParameter(head.query, "api_key")) {
    return SameKey(*given, key);
  }
  return false;
}

void PublishApi::Run(const HttpAsker& asker, protocol::ApiEndpoint endpoint, std::string_view body,
                     std::uint64_t now_ns) {
  std::unique_ptr<protocol::ApiRequestParser> parser;
  if (idle_parsers_.empty()) {
    parser = std::make_unique<protocol::ApiRequestParser>();
  } else {
    parser = std::move(idle_parsers_.back());
    idle_parsers_.pop_back();
  }
  if (parser->Parse(endpoint, body) == protocol::ApiVerdict::kBadRequest) {
    idle_parsers_.push_back(std::move(parser));
    return responder_.Refuse(asker, 400, "Bad Request");
  }
  const engine::Handle handle = calls_.Allocate();
  Call& call = calls_[handle.index];
  call.asker = asker;
  call.endpoint = endpoint;
  call.parser = std::move(parser);
  std::size_t results = 0;
  for (const protocol::ApiCommand& command : call.parser->commands()) {
    results += command.channels.size();
  }
  call.results.resize(results);
  // Held until every question has been asked, so that no answer finishes the call before.
  call.pending = 1;
  std::size_t result = 0;
  for (const protocol::ApiCommand& command : call.parser->commands()) {
    for (const std::string_view channel : command.channels) {
      if (command.error == protocol::ApiError::kNone) {
        Publish(handle, result, command, channel, now_ns);
      }
      ++result;
    }
  }
  if (--call.pending == 0) Finish(handle);
}

void PublishApi::Publish(engine::Handle handle, std::size_t result,
                         const protocol::ApiCommand& command, std::string_view channel,
                         std::uint64_t now_ns) {
  Call& call = calls_[handle.index];
  Result& outcome = call.results[result];
  if (channel.empty() || channel.size() > config_.channel.max_length) {
    outcome.error = protocol::ApiError::kBadRequest;
    return;
  }
  const engine::Namespace* ns = config_.FindNamespace(channel);
  if (ns == nullptr) {
    outcome.error = protocol::ApiError::kUnknownChannel;
    return;
  }
  const ShardId home = exchange_.HomeOf(channel);
  if (exchange_.congested(home)) {
    metrics_.publications_refused.Add();
    outcome.error = protocol::ApiError::kInternal;
    outcome.congested = true;
    return;
  }
  auto request = std::make_unique<Request>();
  request->kind = Request::Kind::kPublish;
  request->asker = Request::Asker::kApiCall;
  request->origin = exchange_.self();
  request->slot = handle.index;
  request->generation = handle.generation;
  request->command_id = static_cast<std::uint32_t>(result);
  request->channel = channel;
  request->skip_history = command.skip_history;
  request->idempotency_key = command.idempotency_key;
  request->version = command.version;
  request->version_epoch = command.version_epoch;
  request->draft = Publication::Draft({.channel = channel,
                                       .push_prefix = Publication::PushPrefix(channel),
                                       .data = command.data,
                                       .tags = command.tags,
                                       .delta = command.delta || ns->delta_publish,
                                       .ingest_ns = now_ns});
  ++call.pending;
  exchange_.Send(home, {.kind = Message::Kind::kAsk, .request = std::move(request)});
}

void PublishApi::OnAnswer(const Request& answer) {
  const engine::Handle handle{answer.slot, answer.generation};
  Call* call = calls_.Find(handle);
  if (call == nullptr) return;
  Result& outcome = call->results[answer.command_id];
  if (answer.failed) {
    metrics_.publications_refused.Add();
    outcome.congested = answer.error == protocol::ErrorCode::kTooManyRequests;
    outcome.error = answer.error == protocol::ErrorCode::kUnknownChannel
                        ? protocol::ApiError::kUnknownChannel
                        : protocol::ApiError::kInternal;
  } else {
    outcome.offset = answer.offset;
    outcome.epoch = answer.epoch;
  }
  if (--call->pending == 0) Finish(handle);
}

void PublishApi::Finish(engine::Handle handle) {
  Call& call = calls_[handle.index];
  std::string body;
  bool congested = false;
  protocol::ApiReplyWriter writer(call.endpoint, body);
  std::size_t next = 0;
  std::vector<protocol::ApiPublishResult> results;
  for (const protocol::ApiCommand& command : call.parser->commands()) {
    results.clear();
    for (std::size_t i = 0; i < command.channels.size(); ++i, ++next) {
      const Result& outcome = call.results[next];
      congested |= outcome.congested;
      results.push_back({.error = outcome.error, .offset = outcome.offset, .epoch = outcome.epoch});
    }
    if (command.error != protocol::ApiError::kNone) {
      writer.Error(command, command.error);
    } else if (command.method == protocol::ApiMethod::kBroadcast) {
      writer.Broadcast(command, results);
    } else {
      writer.Publish(command, results.front());
    }
  }
  writer.Finish();
  // A way that is full is the one failure that passes by itself: a status that says so.
  const bool whole = call.endpoint == protocol::ApiEndpoint::kPublish;
  responder_.Respond(call.asker, congested && whole ? 503 : 200, "application/json", body);
  if (idle_parsers_.size() < kIdleParsers) idle_parsers_.push_back(std::move(call.parser));
  calls_.Free(handle);
}

}  // namespace tickcast::shards
