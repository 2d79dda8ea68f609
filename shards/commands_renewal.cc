// Commands: what the server renews by itself, because a backend says how long it lasts.
//
// With a refresh proxy a connection that expires is the backend's to lengthen or end, and with a
// sub_refresh proxy so is a subscription; clients neither are told when nor may ask. Until the
// answer is there all stays as it was.
// Source: expire() and checkSubscriptionExpiration() in client.go of
// github.com/centrifugal/centrifuge; internal/proxy/refresh_handler.go and sub_refresh_handler.go
// of github.com/centrifugal/centrifugo.
#include <utility>

#include "shards/commands.h"

namespace tickcast::shards {

using protocol::DisconnectCode;
using protocol::ProxyAnswer;
using protocol::ProxyKind;

namespace {

// A backend that does not answer costs nobody a connection: it is asked again after this.
constexpr std::int64_t kAskAgainS = 60;

// Whether the backend lets it live on. An error of its own does not, as in the original.
bool Prolongs(const ProxyAnswer& answer) {
  return answer.verdict == ProxyAnswer::Verdict::kResult && answer.has_result && !answer.expired;
}

}  // namespace

void Commands::AskToRefresh(engine::Slot slot) {
  Session& session = *connections_[slot].session;
  session.renewing = true;
  Proxies::Question question{.kind = ProxyKind::kRefresh,
                             .slot = slot,
                             .generation = connections_.generation(slot),
                             .client = session.client,
                             .by_command = false};
  const Proxies::Begun begun =
      AskProxy("default", std::move(question),
               {.client = session.client, .user = session.user, .meta = session.extras().meta});
  if (begun != Proxies::Begun::kYes) TakeRefreshAnswer(slot, nullptr);
}

void Commands::AskToSubRefresh(engine::Slot slot, SubscriptionDetails& details) {
  details.renewing = true;
  const Session& session = *connections_[slot].session;
  const Channel& channel = channels_[details.channel];
  Proxies::Question question{.kind = ProxyKind::kSubRefresh,
                             .slot = slot,
                             .generation = connections_.generation(slot),
                             .client = session.client,
                             .channel = channel.name,
                             .by_command = false};
  const Proxies::Begun begun = AskProxy(channel.ns->sub_refresh_proxy_name, std::move(question),
                                        {.client = session.client,
                                         .user = session.user,
                                         .meta = session.extras().meta,
                                         .channel = channel.name});
  if (begun != Proxies::Begun::kYes) TakeSubRefreshAnswer(slot, details, nullptr);
}

void Commands::OnRenewal(const Proxies::Question& question, const ProxyAnswer* answer) {
  const Connection* const connection = connections_.Find(question.slot, question.generation);
  if (connection == nullptr || connection->state != Connection::State::kWebSocket) return;
  Session* const session = connection->session.get();
  // Its connect may have failed meanwhile, and another one begun.
  if (session == nullptr || session->client != question.client) return;
  if (question.kind == ProxyKind::kRefresh) {
    if (session->renewing) TakeRefreshAnswer(question.slot, answer);
    return;
  }
  // Left, and perhaps made anew: that one nobody has asked about.
  SubscriptionDetails* const details = session->DetailsOf(channels_.Find(question.channel));
  if (details == nullptr || !details->renewing) return;
  TakeSubRefreshAnswer(question.slot, *details, answer);
}

void Commands::TakeRefreshAnswer(engine::Slot slot, const ProxyAnswer* answer) {
  Session& session = *connections_[slot].session;
  session.renewing = false;
  if (answer == nullptr) {
    session.expires_ns = MonotonicAfter(kAskAgainS);
    return host_.OnDeadlines(slot);
  }
  if (!Prolongs(*answer)) return host_.Disconnect(slot, DisconnectCode::kExpired);
  if (!answer->meta.empty()) session.MutableExtras().meta = answer->meta;
  // Without a time nothing has changed, so it has expired.
  if (answer->expire_at_s > 0) {
    session.expires_ns = MonotonicAfter(answer->expire_at_s - host_.UnixSeconds());
    if (!answer->info.empty()) session.MutableExtras().info = answer->info.bytes;
  }
  if (session.expires_ns != 0 && session.expires_ns <= host_.NowNs()) {
    return host_.Disconnect(slot, DisconnectCode::kExpired);
  }
  host_.OnDeadlines(slot);
}

void Commands::TakeSubRefreshAnswer(engine::Slot slot, SubscriptionDetails& details,
                                    const ProxyAnswer* answer) {
  details.renewing = false;
  if (answer == nullptr) {
    details.expires_ns = MonotonicAfter(kAskAgainS);
    return host_.OnDeadlines(slot);
  }
  const std::int64_t left_s = answer->expire_at_s - host_.UnixSeconds();
  if (!Prolongs(*answer) || (answer->expire_at_s > 0 && left_s < 0)) {
    ExpireSubscription(slot, details);
    return host_.OnDeadlines(slot);
  }
  // Without a time it lasts from here on.
  details.expires_ns = answer->expire_at_s > 0 ? MonotonicAfter(left_s) : 0;
  if (!answer->info.empty()) details.info = answer->info.bytes;
  host_.OnDeadlines(slot);
}

}  // namespace tickcast::shards
