#include "shards/key_url.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/log.h"
#include "protocol/jwt/jwks.h"
#include "shards/http_owner.h"

namespace tickcast::shards {

KeyUrl::Metrics::Metrics(engine::Registry& registry, const char* use)
    : loads(registry.AddCounter("tickcast_token_keys_loads_total",
                                "JWKS documents that were taken over",
                                {{"source", "url"}, {"use", use}})),
      failures(registry.AddCounter("tickcast_token_keys_failures_total",
                                   "JWKS documents that could not be had or read",
                                   {{"source", "url"}, {"use", use}})) {}

KeyUrl::KeyUrl(std::string url, std::uint32_t slot, SharedKeys& keys,
               std::shared_ptr<const Metrics> metrics)
    : url_(std::move(url)), slot_(slot), keys_(keys), metrics_(std::move(metrics)) {}

void KeyUrl::Poll(std::uint64_t now_ns, engine::HttpPort* http) {
  const bool wanted = wanted_.load(std::memory_order_acquire);
  if (http == nullptr || fetching_.load(std::memory_order_relaxed) ||
      (now_ns < due_ns_ && !wanted)) {
    return;
  }
  auto call = std::make_unique<engine::HttpCall>();
  call->owner = static_cast<std::uint32_t>(HttpOwner::kKeys);
  call->slot = slot_;
  call->method = engine::HttpCall::Method::kGet;
  call->url = url_;
  call->headers = {"Accept: application/json"};
  call->max_response_bytes = protocol::kMaxJwksBytes;
  // Too many calls are under way: the next Poll() tries again.
  if (!http->Submit(std::move(call))) return;
  fetching_.store(true, std::memory_order_release);
  wanted_.store(false, std::memory_order_release);
}

void KeyUrl::OnAnswer(const engine::HttpCall& call, std::uint64_t now_ns) {
  if (TakeOver(call)) {
    metrics_->loads.Add();
    retry_ns_ = kFirstRetryNs;
    due_ns_ = now_ns + kLifeNs;
  } else {
    metrics_->failures.Add();
    due_ns_ = now_ns + retry_ns_;
    retry_ns_ = std::min(retry_ns_ * 2, kLastRetryNs);
  }
  refetch_from_ns_.store(now_ns + kRefetchNs, std::memory_order_release);
  fetching_.store(false, std::memory_order_release);
  tries_.fetch_add(1, std::memory_order_release);
}

bool KeyUrl::TakeOver(const engine::HttpCall& call) {
  const auto refuse = [this](absl::string_view what) {
    engine::Log(engine::LogLevel::kWarn, "token-keys",
                absl::StrCat("the keys stay as they are: ", url_, ": ", what));
    return false;
  };
  if (call.outcome != engine::HttpOutcome::kAnswered) {
    return refuse(engine::HttpOutcomeName(call.outcome));
  }
  if (call.status != 200) return refuse(absl::StrCat("status ", call.status));
  absl::StatusOr<protocol::Jwks> jwks = protocol::ParseJwks(call.response);
  if (!jwks.ok()) return refuse(jwks.status().message());
  keys_.Replace(std::make_shared<protocol::KeySet>(std::move(jwks->keys)));
  return true;
}

bool KeyUrl::OnUnknownKey(std::uint64_t now_ns) {
  // Until the first answer nothing is known, and whoever asks waits for it.
  if (fetching_.load(std::memory_order_acquire) || tries() == 0) return true;
  if (now_ns < refetch_from_ns_.load(std::memory_order_acquire)) return false;
  wanted_.store(true, std::memory_order_release);
  return true;
}

}  // namespace tickcast::shards
