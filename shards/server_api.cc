#include "shards/server_api.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "engine/invariant.h"
#include "protocol/abseil.h"
#include "protocol/http/request_head.h"
#include "shards/line_maker.h"
#include "shards/version.h"

namespace tickcast::shards {

using protocol::ApiCommand;
using protocol::ApiError;
using protocol::ApiForm;
using protocol::ApiMethod;

namespace {

constexpr std::size_t kIdleParsers = 8;

// Takes the same time whatever part of the key is right; its length is no secret.
bool SameKey(std::string_view given, std::string_view key) {
  return given.size() == key.size() && CRYPTO_memcmp(given.data(), key.data(), key.size()) == 0;
}

// Clients are told more.
ApiError ApiErrorOf(protocol::ErrorCode error) {
  if (error == protocol::ErrorCode::kUnknownChannel) return ApiError::kUnknownChannel;
  if (error == protocol::ErrorCode::kBadRequest) return ApiError::kBadRequest;
  if (error == protocol::ErrorCode::kNotAvailable) return ApiError::kNotAvailable;
  if (error == protocol::ErrorCode::kUnrecoverablePosition) {
    return ApiError::kUnrecoverablePosition;
  }
  return ApiError::kInternal;
}

void WriteHistory(protocol::ApiReplyWriter& writer, const ApiCommand& command,
                  const Request& answer) {
  std::vector<protocol::PublicationView> views;
  views.reserve(answer.publications.size());
  for (const PublicationRef& publication : answer.publications) {
    // What is no JSON cannot be shown in it: it has no data then.
    views.push_back(WholeViewOf(*publication, protocol::Encoding::kJson));
  }
  writer.History(command, {.publications = views, .epoch = answer.epoch, .offset = answer.offset});
}

void WritePresence(protocol::ApiReplyWriter& writer, const ApiCommand& command,
                   const Request& answer) {
  std::vector<protocol::ClientInfo> present;
  present.reserve(answer.members.size());
  for (const MemberInfo& member : answer.members) present.push_back(member.view());
  std::sort(present.begin(), present.end(),
            [](const auto& a, const auto& b) { return a.client < b.client; });
  writer.Presence(command, present);
}

// What the clock showed when it came in, from how long ago that was.
std::int64_t UnixMsOf(const Publication& publication, std::uint64_t now_ns) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::uint64_t age_ns = now_ns - std::min(now_ns, publication.ingest_ns());
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count() -
         static_cast<std::int64_t>(age_ns / 1'000'000);
}

void WriteMapPage(protocol::ApiReplyWriter& writer, const ApiCommand& command,
                  const Request& answer, std::uint64_t now_ns) {
  std::vector<protocol::ApiMapEntry> entries;
  entries.reserve(answer.publications.size());
  for (const PublicationRef& publication : answer.publications) {
    // What is no JSON cannot be shown in it: it has no data then.
    entries.push_back({.key = publication->key(),
                       .data = publication->data(),
                       .tags = publication->tags(),
                       .offset = publication->offset(),
                       .removed = publication->removed(),
                       .time_ms = UnixMsOf(*publication, now_ns)});
  }
  writer.MapRead(command, {.entries = entries,
                           .offset = answer.offset,
                           .epoch = answer.epoch,
                           .cursor = answer.map->cursor});
}

std::uint32_t CountDifferent(std::vector<std::uint64_t>& hashes) {
  std::sort(hashes.begin(), hashes.end());
  return static_cast<std::uint32_t>(std::unique(hashes.begin(), hashes.end()) - hashes.begin());
}

}  // namespace

bool ServerApi::Authorized(const protocol::RequestHead& head) const {
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

bool ServerApi::WantsErrorStatus(const protocol::RequestHead& head) const {
  return config_.http_api.error_mode == "transport" ||
         head.Find("X-Centrifugo-Error-Mode") == "transport";
}

std::unique_ptr<protocol::ApiRequestParser> ServerApi::TakeParser() {
  if (idle_parsers_.empty()) return std::make_unique<protocol::ApiRequestParser>();
  std::unique_ptr<protocol::ApiRequestParser> parser = std::move(idle_parsers_.back());
  idle_parsers_.pop_back();
  return parser;
}

std::size_t ServerApi::OutcomesOf(const ApiCommand& command) {
  const bool broadcast = command.method == ApiMethod::kBroadcast;
  return broadcast ? std::max<std::size_t>(command.channels.size(), 1) : 1;
}

void ServerApi::Run(const HttpAsker& asker, protocol::ApiEndpoint endpoint, bool error_status,
                    std::string_view body, std::uint64_t now_ns) {
  now_ns_ = now_ns;
  std::unique_ptr<protocol::ApiRequestParser> parser = TakeParser();
  if (parser->Parse(endpoint, body) == protocol::ApiVerdict::kBadRequest) {
    idle_parsers_.push_back(std::move(parser));
    return responder_.Refuse(asker, 400, "Bad Request");
  }
  const engine::Handle handle = calls_.Allocate();
  Call& call = calls_[handle.index];
  call.asker = asker;
  call.form = endpoint.form;
  call.error_status = error_status;
  call.parser = std::move(parser);
  std::size_t outcomes = 0;
  for (const ApiCommand& command : call.parser->commands()) {
    outcomes += OutcomesOf(command);
    metrics_.CountApi(command.method);
  }
  call.outcomes.resize(outcomes);
  Advance(handle, now_ns);
}

void ServerApi::OnAnswer(std::unique_ptr<Request> answer, std::uint64_t now_ns) {
  now_ns_ = now_ns;
  const engine::Handle handle{answer->slot, answer->generation};
  Call* call = calls_.Find(handle);
  if (call == nullptr) return;
  Outcome& outcome = call->outcomes[answer->command_id];
  --call->pending;
  if (answer->failed) {
    const bool publication =
        answer->kind == Request::Kind::kPublish || answer->kind == Request::Kind::kMapPublish;
    if (publication) metrics_.publications_refused.Add();
    outcome.congested = answer->error == protocol::ErrorCode::kTooManyRequests;
    outcome.error = ApiErrorOf(answer->error);
  } else if (outcome.gathered != nullptr) {
    Gather(outcome, *answer);
  } else if (answer->kind == Request::Kind::kPublish) {
    outcome.offset = answer->offset;
    outcome.epoch = std::move(answer->epoch);
  } else {
    outcome.answer = std::move(answer);
  }
  Advance(handle, now_ns);
}

void ServerApi::Gather(Outcome& outcome, Request& answer) {
  if (answer.survey == nullptr) return;
  Survey& survey = outcome.gathered->survey;
  survey.clients += answer.survey->clients;
  survey.subscriptions += answer.survey->subscriptions;
  survey.last_minute.publications += answer.survey->last_minute.publications;
  survey.last_minute.refused += answer.survey->last_minute.refused;
  const auto append = [](std::vector<std::uint64_t>& all, const std::vector<std::uint64_t>& some) {
    all.insert(all.end(), some.begin(), some.end());
  };
  append(survey.users, answer.survey->users);
  append(survey.channels, answer.survey->channels);
  for (auto& [name, subscribers] : answer.survey->subscribers) {
    outcome.gathered->subscribers[std::move(name)] += subscribers;
  }
}

protocol::ApiNode ServerApi::Describe(Survey& survey) const {
  return {.uid = node_.uid,
          .name = node_.name,
          .version = kVersion,
          .clients = survey.clients,
          .users = CountDifferent(survey.users),
          .channels = CountDifferent(survey.channels),
          .uptime_s = static_cast<std::uint32_t>((now_ns_ - std::min(now_ns_, node_.started_ns)) /
                                                 1'000'000'000),
          .subscriptions = survey.subscriptions,
          .metrics_interval_s = MinuteCounts::kMinuteNs / 1'000'000'000,
          .publications = survey.last_minute.publications,
          .connections_refused = survey.last_minute.refused};
}

// REQUIRES: neither the command nor its outcome is an error.
void ServerApi::Write(protocol::ApiReplyWriter& writer, const ApiCommand& command,
                      Outcome& outcome) const {
  using Answer = protocol::ApiMethodFacts::Answer;
  switch (FactsOf(command.method).answer) {
    case Answer::kEmpty:
      return writer.Done(command);
    case Answer::kPosition:
      return writer.Publish(command, {.offset = outcome.offset, .epoch = outcome.epoch});
    case Answer::kHistory:
      return WriteHistory(writer, command, *outcome.answer);
    case Answer::kMapWrite:
      return writer.MapWritten(command,
                               {.offset = outcome.answer->offset,
                                .epoch = outcome.answer->epoch,
                                .suppress_reason = ReasonOf(outcome.answer->map->suppression)});
    case Answer::kMapPage:
      return WriteMapPage(writer, command, *outcome.answer, now_ns_);
    case Answer::kMapStats:
      return writer.MapStats(command, outcome.answer->map->keys);
    case Answer::kPresence:
      return WritePresence(writer, command, *outcome.answer);
    case Answer::kPresenceStats:
      return writer.PresenceStats(command, outcome.answer->clients, outcome.answer->users);
    case Answer::kInfo:
      return writer.Info(command, Describe(outcome.gathered->survey));
    case Answer::kChannels: {
      std::vector<protocol::ApiChannel> channels;
      channels.reserve(outcome.gathered->subscribers.size());
      for (const auto& [name, clients] : outcome.gathered->subscribers) {
        channels.push_back({name, clients});
      }
      std::sort(channels.begin(), channels.end(),
                [](const auto& a, const auto& b) { return a.name < b.name; });
      return writer.Channels(command, channels);
    }
    case Answer::kResponses:
      break;
  }
  INVARIANT(false, "REQUIRES: not a broadcast");
}

// Writes what came of one command; kNone, or why it failed.
ApiError ServerApi::WriteCommand(protocol::ApiReplyWriter& writer, const ApiCommand& command,
                                 Outcome* outcomes) {
  const bool broadcast = command.method == ApiMethod::kBroadcast;
  ApiError error = command.error;
  if (error == ApiError::kNone && !broadcast) error = outcomes->error;
  metrics_.CountApiError(error);
  if (error != ApiError::kNone) {
    writer.Error(command, error);
  } else if (!broadcast) {
    Write(writer, command, *outcomes);
  } else {
    std::vector<protocol::ApiPublishResult> results;
    results.reserve(command.channels.size());
    for (std::size_t i = 0; i < command.channels.size(); ++i) {
      metrics_.CountApiError(outcomes[i].error);
      results.push_back({outcomes[i].error, outcomes[i].offset, outcomes[i].epoch});
    }
    writer.Broadcast(command, results);
  }
  return error;
}

void ServerApi::Finish(engine::Handle handle) {
  // Freed first: a response may lead to the connection's next request.
  Call call = std::move(calls_[handle.index]);
  calls_.Free(handle);
  std::string body;
  protocol::ApiReplyWriter writer(call.form, body);
  Outcome* outcome = call.outcomes.data();
  ApiError last_error = ApiError::kNone;
  for (const ApiCommand& command : call.parser->commands()) {
    last_error = WriteCommand(writer, command, outcome);
    outcome += OutcomesOf(command);
  }
  writer.Finish();
  int status = 200;
  if (call.form == ApiForm::kSingle && last_error != ApiError::kNone) {
    if (call.error_status) {
      status = HttpStatusOf(last_error);
      body.clear();
      AppendApiError(last_error, body);
    }
    // A way that is full is the one failure that passes by itself: a status that says so.
    if (call.outcomes.front().congested) status = 503;
  }
  if (idle_parsers_.size() < kIdleParsers) idle_parsers_.push_back(std::move(call.parser));
  responder_.Respond(call.asker, status, "application/json", body);
}

}  // namespace tickcast::shards
