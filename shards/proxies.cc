#include "shards/proxies.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/invariant.h"
#include "engine/log.h"
#include "protocol/abseil.h"
#include "shards/http_owner.h"

namespace tickcast::shards {

using protocol::Abseil;
using protocol::ProxyAnswer;
using protocol::ProxyKind;

namespace {

constexpr std::string_view kDefaultName = "default";

ProxyOutcome OutcomeOf(engine::HttpOutcome outcome) {
  switch (outcome) {
    case engine::HttpOutcome::kAnswered:
      return ProxyOutcome::kResult;
    case engine::HttpOutcome::kTimeout:
      return ProxyOutcome::kTimeout;
    case engine::HttpOutcome::kUnreachable:
      return ProxyOutcome::kUnreachable;
    case engine::HttpOutcome::kBroken:
      return ProxyOutcome::kBroken;
    case engine::HttpOutcome::kTooLarge:
      return ProxyOutcome::kTooLarge;
    case engine::HttpOutcome::kInvalid:
      return ProxyOutcome::kInvalid;
  }
  return ProxyOutcome::kInvalid;
}

bool IsAnswer(ProxyOutcome outcome) {
  return outcome == ProxyOutcome::kResult || outcome == ProxyOutcome::kError ||
         outcome == ProxyOutcome::kDisconnect;
}

// Whether the backend itself seems to be down, and not only this question to be a bad one.
bool SeemsDown(ProxyOutcome outcome, int status) {
  return outcome == ProxyOutcome::kTimeout || outcome == ProxyOutcome::kUnreachable ||
         outcome == ProxyOutcome::kBroken || status == 502 || status == 503 || status == 504;
}

}  // namespace

Proxies::Proxies(const engine::Config& config, engine::Registry& registry, ShardId shard,
                 Host& host)
    : registry_(registry), shard_(shard), host_(host), headers_(config) {
  const auto add = [&](ProxyKind kind, bool enabled, const std::string& name,
                       const engine::ProxyConfig& in_section) {
    if (!enabled) return;
    const auto named =
        std::find_if(config.proxies.begin(), config.proxies.end(),
                     [&name](const engine::ProxyConfig& proxy) { return proxy.name == name; });
    if (name == kDefaultName) {
      Add(kind, name, in_section);
    } else if (named != config.proxies.end()) {
      Add(kind, name, *named);
    }
  };
  const engine::ClientProxyConfig& client = config.client.proxy;
  add(ProxyKind::kConnect, client.connect.enabled, std::string(kDefaultName), client.connect);
  add(ProxyKind::kRefresh, client.refresh.enabled, std::string(kDefaultName), client.refresh);
  const auto add_rpc = [&](const engine::RpcNamespace& ns) {
    add(ProxyKind::kRpc, ns.proxy_enabled, ns.proxy_name, config.rpc.proxy);
  };
  add_rpc(config.rpc.without_namespace);
  for (const engine::RpcNamespace& ns : config.rpc.namespaces) add_rpc(ns);
  const engine::ChannelProxyConfig& channel = config.channel.proxy;
  const auto add_channel = [&](const engine::Namespace& ns) {
    add(ProxyKind::kSubscribe, ns.subscribe_proxy_enabled, ns.subscribe_proxy_name,
        channel.subscribe);
    add(ProxyKind::kPublish, ns.publish_proxy_enabled, ns.publish_proxy_name, channel.publish);
    add(ProxyKind::kSubRefresh, ns.sub_refresh_proxy_enabled, ns.sub_refresh_proxy_name,
        channel.sub_refresh);
    add(ProxyKind::kMapPublish, ns.map.publish_proxy_enabled, ns.map.publish_proxy_name,
        channel.map_publish);
    add(ProxyKind::kMapRemove, ns.map.remove_proxy_enabled, ns.map.remove_proxy_name,
        channel.map_remove);
    add(ProxyKind::kSharedPollRefresh, ns.is_polled(), ns.shared_poll.proxy_name,
        channel.shared_poll_refresh);
  };
  add_channel(config.channel.without_namespace);
  for (const engine::Namespace& ns : config.channel.namespaces) add_channel(ns);
}

void Proxies::Add(ProxyKind kind, std::string_view name, const engine::ProxyConfig& config) {
  std::unique_ptr<Proxy>& proxy = tables_[static_cast<std::size_t>(kind)][std::string(name)];
  // Several namespaces may name it.
  if (proxy == nullptr) {
    proxy = std::make_unique<Proxy>(kind, name, config, registry_, shard_);
  }
}

Proxy* Proxies::Find(ProxyKind kind, std::string_view name) {
  const auto found = table(kind).find(name);
  return found == table(kind).end() ? nullptr : found->second.get();
}

// What is no JSON cannot stand in a JSON request; a Protobuf client may send anything.
bool Proxies::PrepareData(const Proxy& proxy, protocol::ProxyRequest& request) {
  request.binary = proxy.config().binary_encoding;
  if (!proxy.config().include_connection_meta) request.meta = {};
  if (request.binary || request.data.empty() || request.protocol == "json") return true;
  std::string padded(request.data);
  padded.append(protocol::kJsonPaddingBytes, ' ');
  return validator_.IsValid(std::string_view(padded).substr(0, request.data.size()));
}

Proxies::Begun Proxies::Refuse(Proxy& proxy, CircuitBreaker::Pass pass, ProxyOutcome outcome,
                               Begun begun) {
  proxy.breaker.Withdraw(pass);
  proxy.Count(outcome);
  return begun;
}

Proxies::Begun Proxies::Ask(std::string_view proxy_name, Question question,
                            protocol::ProxyRequest request) {
  Proxy* const proxy = Find(question.kind, proxy_name);
  if (proxy == nullptr) return Begun::kNotConfigured;
  const std::uint64_t now_ns = host_.NowNs();
  const std::optional<CircuitBreaker::Pass> pass = proxy->breaker.Allow(now_ns);
  proxy->ShowState();
  if (!pass) {
    proxy->Count(ProxyOutcome::kRefusedOpen);
    return Begun::kUnavailable;
  }
  if (port_ == nullptr || !PrepareData(*proxy, request)) {
    return Refuse(*proxy, *pass, ProxyOutcome::kInvalid, Begun::kUnavailable);
  }
  auto call = std::make_unique<engine::HttpCall>();
  call->owner = static_cast<std::uint32_t>(HttpOwner::kProxy);
  call->id = ++last_id_;
  call->url = proxy->config().endpoint;
  const bool of_client = question.kind != ProxyKind::kSharedPollRefresh;
  call->headers = headers_.For(of_client ? question.slot : ClientHeaders::kNobody, proxy->config());
  call->tls = proxy->tls();
  call->timeout_ns = proxy->config().timeout_ns;
  call->max_response_bytes = kMaxAnswerBytes;
  protocol::AppendProxyRequest(question.kind, request, call->body);
  if (proxy->full()) {
    if (proxy->waiting.size() >= Proxy::kMaxWaiting) {
      return Refuse(*proxy, *pass, ProxyOutcome::kRefusedBusy, Begun::kBusy);
    }
    proxy->waiting.push_back(std::move(call));
  } else if (!Submit(*proxy, call)) {
    return Refuse(*proxy, *pass, ProxyOutcome::kRefusedBusy, Begun::kBusy);
  }
  pending_.emplace(
      last_id_,
      Pending{.question = std::move(question), .proxy = proxy, .pass = *pass, .asked_ns = now_ns});
  return Begun::kYes;
}

bool Proxies::Submit(Proxy& proxy, std::unique_ptr<engine::HttpCall>& call) {
  if (!port_->Submit(std::move(call))) return false;
  proxy.Begun();
  return true;
}

void Proxies::OnHttpAnswer(std::unique_ptr<engine::HttpCall> call) {
  const auto found = pending_.find(call->id);
  INVARIANT(found != pending_.end(), "a call is answered once");
  Proxy& proxy = *found->second.proxy;
  proxy.Ended();
  const ProxyOutcome outcome = Judge(proxy, *call);
  Report(proxy, found->second, *call, outcome);
  Finish(proxy, *call, outcome);
  DispatchWaiting(proxy);
}

ProxyOutcome Proxies::Judge(const Proxy& proxy, engine::HttpCall& call) {
  const ProxyOutcome outcome = OutcomeOf(call.outcome);
  if (call.outcome != engine::HttpOutcome::kAnswered) return outcome;
  if (call.status != 200) return JudgeStatus(proxy, call.status);
  const std::size_t size_bytes = call.response.size();
  call.response.resize(size_bytes + protocol::kJsonPaddingBytes, ' ');
  const std::string_view body = std::string_view(call.response).substr(0, size_bytes);
  if (!parser_.Parse(proxy.kind(), body)) return ProxyOutcome::kGarbage;
  switch (parser_.answer().verdict) {
    case ProxyAnswer::Verdict::kResult:
      return ProxyOutcome::kResult;
    case ProxyAnswer::Verdict::kError:
      return ProxyOutcome::kError;
    case ProxyAnswer::Verdict::kDisconnect:
      return ProxyOutcome::kDisconnect;
  }
  return ProxyOutcome::kGarbage;
}

ProxyOutcome Proxies::JudgeStatus(const Proxy& proxy, int status) {
  for (const engine::StatusTransform& transform : proxy.config().status_to_code_transforms) {
    if (transform.status_code != static_cast<std::uint32_t>(status)) continue;
    if (transform.error_code != 0) {
      from_status_ = {.verdict = ProxyAnswer::Verdict::kError,
                      .code = transform.error_code,
                      .text = transform.error_message,
                      .temporary = transform.error_temporary};
      return ProxyOutcome::kError;
    }
    if (transform.disconnect_code != 0) {
      from_status_ = {.verdict = ProxyAnswer::Verdict::kDisconnect,
                      .code = transform.disconnect_code,
                      .text = transform.disconnect_reason};
      return ProxyOutcome::kDisconnect;
    }
  }
  return ProxyOutcome::kStatus;
}

void Proxies::Report(Proxy& proxy, const Pending& pending, const engine::HttpCall& call,
                     ProxyOutcome outcome) {
  const std::uint64_t now_ns = host_.NowNs();
  proxy.Took(now_ns - pending.asked_ns);
  const bool down = SeemsDown(outcome, call.status);
  const bool changed = proxy.breaker.Report(pending.pass, down, now_ns);
  proxy.ShowState();
  const auto describe = [&](std::string_view what) {
    return absl::StrCat(Abseil(protocol::NameOf(proxy.kind())), " proxy ", proxy.name(), " (",
                        proxy.config().endpoint, ") ", Abseil(what), ": ", Abseil(NameOf(outcome)),
                        call.status != 0 ? absl::StrCat(" ", call.status) : "");
  };
  if (changed && down) {
    proxy.opened.Add();
    engine::Log(engine::LogLevel::kWarn, "proxy_down", describe("is given up for a while"));
  } else if (changed) {
    engine::Log(engine::LogLevel::kInfo, "proxy_back", describe("answers again"));
  } else if (!IsAnswer(outcome) && proxy.MayLog(now_ns)) {
    engine::Log(engine::LogLevel::kWarn, "proxy_failed", describe("gave no answer"));
  }
}

// The asker gets it, and the call is done with.
void Proxies::Finish(Proxy& proxy, const engine::HttpCall& call, ProxyOutcome outcome) {
  proxy.Count(outcome);
  const auto found = pending_.find(call.id);
  const Question question = std::move(found->second.question);
  pending_.erase(found);
  const ProxyAnswer* const answer =
      call.outcome == engine::HttpOutcome::kAnswered && call.status == 200 ? &parser_.answer()
                                                                           : &from_status_;
  host_.OnProxyAnswer(question, IsAnswer(outcome) ? answer : nullptr);
}

// Room for those that wait. Whoever has waited longer than an answer may take, and all of them once
// the backend is given up, is told so: they would only wait for the next failure.
void Proxies::DispatchWaiting(Proxy& proxy) {
  while (!proxy.waiting.empty()) {
    const bool open = proxy.breaker.state() == CircuitBreaker::State::kOpen;
    if (!open && proxy.full()) return;
    std::unique_ptr<engine::HttpCall> call = std::move(proxy.waiting.front());
    proxy.waiting.pop_front();
    const Pending& pending = pending_.find(call->id)->second;
    const std::uint64_t waited_ns = host_.NowNs() - pending.asked_ns;
    if (open) {
      Finish(proxy, *call, ProxyOutcome::kRefusedOpen);
    } else if (waited_ns >= proxy.config().timeout_ns) {
      proxy.breaker.Withdraw(pending.pass);
      Finish(proxy, *call, ProxyOutcome::kTimeout);
    } else {
      call->timeout_ns = proxy.config().timeout_ns - waited_ns;
      if (Submit(proxy, call)) continue;
      proxy.breaker.Withdraw(pending.pass);
      Finish(proxy, *call, ProxyOutcome::kRefusedBusy);
    }
  }
}

}  // namespace tickcast::shards
