// Commands: what a backend decides, and what waits for it.
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "protocol/abseil.h"
#include "protocol/centrifuge/reply.h"
#include "shards/commands.h"

namespace tickcast::shards {

using protocol::DisconnectCode;
using protocol::ErrorCode;
using protocol::ProxyAnswer;
using protocol::ProxyKind;

namespace {

// A frame that is a pong and nothing else, in either encoding: it changes nothing that a command
// could depend on, so it need not wait behind one, and a slow backend costs nobody a pong.
bool IsPong(std::string_view frame) {
  if (frame == std::string_view("\0", 1)) return true;
  const absl::string_view text = absl::StripAsciiWhitespace(protocol::Abseil(frame));
  return text == "{}";
}

std::string_view NameOf(protocol::Encoding encoding) {
  return encoding == protocol::Encoding::kJson ? "json" : "protobuf";
}

std::string_view NameOf(Transport transport) {
  switch (transport) {
    case Transport::kWebSocket:
      return "websocket";
    case Transport::kHttpStream:
      return "http_stream";
    case Transport::kSse:
      return "sse";
    case Transport::kUniWebSocket:
      return "uni_websocket";
    case Transport::kUniHttpStream:
      return "uni_http_stream";
    case Transport::kUniSse:
      return "uni_sse";
  }
  return "";
}

}  // namespace

void Commands::OnFrame(engine::Slot slot, std::string_view frame) {
  if (!parked_.Holds(slot)) return RunFrame(slot, frame);
  if (connections_[slot].connected() && IsPong(frame)) {
    Pong(slot);
    return;
  }
  const std::size_t waiting_bytes = parked_.Append(slot, frame);
  if (waiting_bytes > Parked::kMaxBytes) {
    return host_.Disconnect(slot, DisconnectCode::kTooManyRequests);
  }
  if (waiting_bytes > Parked::kPauseBytes) host_.HoldInput(slot);
}

void Commands::RunAgain(engine::Slot slot, std::uint32_t generation) {
  // Who is gone took along what waited.
  if (connections_.Find(slot, generation) == nullptr || !parked_.Holds(slot)) {
    decision_ = nullptr;
    return;
  }
  again_ = true;
  std::optional<std::string> frame = parked_.Take(slot);
  while (frame) {
    const std::size_t size_bytes = frame->size();
    frame->resize(size_bytes + protocol::kJsonPaddingBytes);
    RunFrame(slot, std::string_view(*frame).substr(0, size_bytes));
    // Ended meanwhile, or the next command waits: what is left stays where it is.
    if (!parked_.Holds(slot) || command_waits_) return;
    frame = parked_.Take(slot);
  }
  host_.ReleaseInput(slot);
}

void Commands::OnProxyAnswer(const Proxies::Question& question, const ProxyAnswer* answer) {
  if (!question.by_command) return OnRenewal(question, answer);
  const Decision decision{.answer = answer, .client = question.client};
  decision_ = &decision;
  RunAgain(question.slot, question.generation);
}

const ProxyAnswer* Commands::Decide(engine::Slot slot, const Command& command, ProxyKind kind,
                                    std::string_view proxy_name, protocol::ProxyRequest request) {
  if (decision_ != nullptr) return TakeDecision(slot, command);
  Proxies::Question question{.kind = kind,
                             .slot = slot,
                             .generation = connections_.generation(slot),
                             .client = std::string(request.client)};
  switch (AskProxy(proxy_name, std::move(question), request)) {
    case Proxies::Begun::kYes:
      Wait();
      return nullptr;
    case Proxies::Begun::kUnavailable:
      ReplyError(slot, command.id, ErrorCode::kInternal);
      return nullptr;
    case Proxies::Begun::kBusy:
      ReplyError(slot, command.id, ErrorCode::kTooManyRequests);
      return nullptr;
    case Proxies::Begun::kNotConfigured:
      ReplyError(slot, command.id, ErrorCode::kNotAvailable);
      return nullptr;
  }
  return nullptr;
}

Proxies::Begun Commands::AskProxy(std::string_view proxy_name, Proxies::Question question,
                                  protocol::ProxyRequest request) {
  const Connection& connection = connections_[question.slot];
  request.transport = NameOf(connection.transport);
  request.protocol = NameOf(connection.form.encoding);
  return proxies_.Ask(proxy_name, std::move(question), request);
}

// The answer to the question that the running command asked before it waited.
const ProxyAnswer* Commands::TakeDecision(engine::Slot slot, const Command& command) {
  const ProxyAnswer* const answer = std::exchange(decision_, nullptr)->answer;
  if (answer == nullptr) {
    ReplyError(slot, command.id, ErrorCode::kInternal);
    return nullptr;
  }
  switch (answer->verdict) {
    case ProxyAnswer::Verdict::kResult:
      return answer;
    case ProxyAnswer::Verdict::kError:
      ReplyErrorOf(slot, command.id, *answer);
      return nullptr;
    case ProxyAnswer::Verdict::kDisconnect:
      host_.DisconnectAs(slot, static_cast<std::uint16_t>(answer->code), answer->text);
      return nullptr;
  }
  return nullptr;
}

// An error of the backend's own.
void Commands::ReplyErrorOf(engine::Slot slot, std::uint32_t id, const ProxyAnswer& answer) {
  const protocol::Form form = connections_[slot].form;
  if (form.bare) return host_.RefuseOneWay(slot, answer.code, answer.text);
  protocol::AppendErrorReply(
      form, id, {.code = answer.code, .message = answer.text, .temporary = answer.temporary},
      connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

void Commands::RpcByProxy(engine::Slot slot, const Command& command) {
  const std::string_view method = command.rpc.method;
  const engine::RpcConfig& rpc = config_.rpc;
  if (rpc.ping.enabled && method == rpc.ping.method) {
    protocol::AppendRpcReply(connections_[slot].form, command.id, {}, connections_.NewLine(slot));
    return fan_out_.OwesReplies(slot);
  }
  // Without any backend there are no methods at all, as in the original.
  if (!proxies_.Has(ProxyKind::kRpc)) {
    return ReplyError(slot, command.id,
                      rpc.ping.enabled ? ErrorCode::kMethodNotFound : ErrorCode::kNotAvailable);
  }
  const engine::RpcNamespace* const ns = rpc.FindNamespace(method);
  if (ns == nullptr) return ReplyError(slot, command.id, ErrorCode::kMethodNotFound);
  if (!ns->proxy_enabled) return ReplyError(slot, command.id, ErrorCode::kNotAvailable);
  const Session& session = *connections_[slot].session;
  const ProxyAnswer* const answer = Decide(slot, command, ProxyKind::kRpc, ns->proxy_name,
                                           {.client = session.client,
                                            .data = command.rpc.data,
                                            .user = session.user,
                                            .meta = session.extras().meta,
                                            .method = command.rpc.method});
  if (answer == nullptr) return;
  if (!CanTake(slot, answer->data)) {
    return host_.Disconnect(slot, DisconnectCode::kInappropriateProtocol);
  }
  protocol::AppendRpcReply(connections_[slot].form, command.id, answer->data.bytes,
                           connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

// A token goes past it; a private channel takes nothing else, and one that names its users needs
// nobody to say who they are.
bool Commands::AsksBackend(const engine::Namespace& ns,
                           const protocol::SubscribeRequest& subscribe) const {
  return ns.subscribe_proxy_enabled && subscribe.token.empty() &&
         !access_.IsPrivate(subscribe.channel) && !access_.IsUserLimited(ns, subscribe.channel);
}

// What the backend grants goes into `details`.
const ProxyAnswer* Commands::DecideSubscribe(engine::Slot slot, const Command& command,
                                             const engine::Namespace& ns,
                                             SubscriptionDetails& details) {
  const Session& session = *connections_[slot].session;
  const ProxyAnswer* const answer =
      Decide(slot, command, ProxyKind::kSubscribe, ns.subscribe_proxy_name,
             {.client = session.client,
              .data = command.subscribe.data,
              .user = session.user,
              .meta = session.extras().meta,
              .channel = command.subscribe.channel});
  if (answer == nullptr) return nullptr;
  if (!CanTake(slot, answer->data)) {
    host_.Disconnect(slot, DisconnectCode::kInappropriateProtocol);
    return nullptr;
  }
  Override(answer->override, details);
  details.info = answer->info.bytes;
  if (answer->expire_at_s <= 0) return answer;
  const std::int64_t left_s = answer->expire_at_s - host_.UnixSeconds();
  if (left_s <= 0) {
    ReplyError(slot, command.id, ErrorCode::kExpired);
    return nullptr;
  }
  details.expires_ns = MonotonicAfter(left_s);
  return answer;
}

// What the client asked for does not count: the backend, and else the namespace, says it all.
void Commands::ApplyDecision(const ProxyAnswer& decision, const engine::Namespace& ns,
                             Request& request) {
  request.recoverable = decision.override.force_recovery.value_or(ns.force_recovery);
  request.wants_position =
      request.recoverable || decision.override.force_positioning.value_or(ns.force_positioning);
  request.reply_data = decision.data.bytes;
}

const ProxyAnswer* Commands::DecidePublish(engine::Slot slot, const Command& command,
                                           const engine::Namespace& ns) {
  const Session& session = *connections_[slot].session;
  return Decide(slot, command, ProxyKind::kPublish, ns.publish_proxy_name,
                {.client = session.client,
                 .data = command.publish.data,
                 .user = session.user,
                 .meta = session.extras().meta,
                 .channel = command.publish.channel});
}

// Of the namespace only what the backend says nothing about: whether deltas are made is its word.
void Commands::ApplyDecision(const ProxyAnswer& decision, PublicationDraft& draft,
                             Request& request) {
  if (!decision.data.empty()) {
    draft.data = decision.data.is_json ? decision.data.bytes : std::string_view();
    draft.raw = decision.data.is_json ? std::string_view() : decision.data.bytes;
  }
  draft.tags = decision.tags;
  draft.delta = decision.delta;
  request.skip_history = decision.skip_history;
  request.idempotency_key = decision.idempotency_key;
  request.version = decision.version;
  request.version_epoch = decision.version_epoch;
}

// Bytes that are no JSON cannot stand in a JSON reply.
bool Commands::CanTake(engine::Slot slot, const protocol::ProxyBytes& bytes) const {
  return bytes.is_json || connections_[slot].form.encoding == protocol::Encoding::kProtobuf;
}

}  // namespace tickcast::shards
