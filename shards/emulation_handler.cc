#include "shards/emulation_handler.h"

#include <memory>
#include <utility>
#include <vector>

#include "protocol/json/payload.h"
#include "shards/session_key.h"

namespace tickcast::shards {

using protocol::RequestHead;
using protocol::ResponseHeader;

namespace {

constexpr std::string_view kMethods = "POST, OPTIONS";

}  // namespace

bool EmulationHandler::Run(const HttpAsker& asker, const RequestHead& head, std::string_view body) {
  if (!config_.http_stream.enabled && !config_.sse.enabled) return false;
  if (head.path != config_.emulation.handler_prefix) return false;
  std::vector<ResponseHeader> headers;
  if (head.method == "OPTIONS") {
    origins_.AddPreflightHeaders(head, kMethods, headers);
    responder_.Respond(asker, 204, {}, {}, headers);
    return true;
  }
  // Refusals carry them too, so that a page sees why.
  origins_.AddCorsHeaders(head, headers);
  if (head.method != "POST") {
    headers.push_back({"Allow", kMethods});
    responder_.Refuse(asker, 405, "this path has another method", false, headers);
  } else if (body.size() > config_.emulation.max_request_body_size) {
    responder_.Refuse(asker, 413, "the body is larger than emulation.max_request_body_size", false,
                      headers);
  } else {
    Emulate(asker, head, body, headers);
  }
  return true;
}

void EmulationHandler::Emulate(const HttpAsker& asker, const RequestHead& head,
                               std::string_view body, std::span<const ResponseHeader> headers) {
  const protocol::Encoding encoding = head.Find("Content-Type") == "application/octet-stream"
                                          ? protocol::Encoding::kProtobuf
                                          : protocol::Encoding::kJson;
  protocol::EmulationRequest emulated;
  if (!parser_.Parse(encoding, body, emulated)) {
    return responder_.Refuse(asker, 400, "an emulation request has session, node and data", false,
                             headers);
  }
  if (emulated.node != node_uid_) {
    metrics_.emulation_refused.Add();
    return responder_.Refuse(asker, 404, "no such node", false, headers);
  }
  const auto address = AddressOf(emulated.session);
  if (!address || address->shard >= exchange_.shards()) {
    metrics_.emulation_refused.Add();
    return responder_.Respond(asker, 204, {}, {}, headers);
  }
  if (exchange_.congested(address->shard)) {
    return responder_.Refuse(asker, 503, "the server is busy, try again", false, headers);
  }
  auto request = std::make_unique<Request>();
  request->kind = Request::Kind::kEmulation;
  request->asker = Request::Asker::kEmulation;
  request->origin = exchange_.self();
  request->slot = asker.slot;
  request->generation = asker.generation;
  request->emulated = std::make_unique<EmulatedCommands>();
  request->emulated->session_key = emulated.session;
  request->emulated->encoding = encoding;
  request->emulated->frame = emulated.data;
  request->emulated->frame.append(protocol::kJsonPaddingBytes, '\0');
  const auto origin = headers.empty() ? std::nullopt : head.Find("Origin");
  calls_[asker.slot] = {.asker = asker, .origin = std::string(origin.value_or(""))};
  exchange_.Send(address->shard, {.kind = Message::Kind::kAsk, .request = std::move(request)});
}

void EmulationHandler::OnAnswer(const Request& answer) {
  const auto found = calls_.find(answer.slot);
  // The connection has gone, and another one with its slot asks meanwhile.
  if (found == calls_.end() || found->second.asker.generation != answer.generation) return;
  const Call call = std::move(found->second);
  calls_.erase(found);
  if (!answer.emulated->taken) metrics_.emulation_refused.Add();
  std::vector<ResponseHeader> headers;
  if (!call.origin.empty()) AddCorsHeaders(call.origin, headers);
  responder_.Respond(call.asker, 204, {}, {}, headers);
}

}  // namespace tickcast::shards
