// Shard: what other shards and other people's servers send it.
#include <utility>

#include "shards/http_owner.h"
#include "shards/shard.h"

namespace tickcast::shards {
namespace {

// Messages taken from one lane per turn: a busy sender does not keep a shard from its flush.
constexpr std::size_t kDrainBatch = 1024;

}  // namespace

// A publication of this shard's own client to a channel at home here takes three steps: question,
// delivery and answer. All in one turn, it leaves with the flush at its end.
void Shard::DrainLanes() {
  for (Held& held : held_) OnMessage(held.from, std::move(held.message));
  held_.clear();
  held_channels_.clear();
  constexpr int kSteps = 3;
  for (int step = 0; step == 0 || (step < kSteps && exchange_.has_own()); ++step) {
    exchange_.Drain(kDrainBatch, [this](ShardId from, Message&& message) {
      OnMessage(from, std::move(message));
    });
  }
}

// In the middle of a long flush: questions and answers, so that nobody's reply waits for its end.
// Publications do wait, because the flush sends from the channels as they are, and with them the
// answers that rely on their having come before.
void Shard::DrainLanesInFlush() {
  if (held_.size() > kDrainBatch) return;
  exchange_.Drain(kDrainBatch, [this](ShardId from, Message&& message) {
    if (MustWait(message)) {
      held_.push_back({from, std::move(message)});
    } else {
      OnMessage(from, std::move(message));
    }
  });
  exchange_.Publish(ring_);
}

bool Shard::MustWait(const Message& message) {
  if (message.kind == Message::Kind::kDeliver || message.kind == Message::Kind::kMembers ||
      message.kind == Message::Kind::kReset) {
    held_channels_.insert(message.local);
    return true;
  }
  return message.kind == Message::Kind::kAnswer &&
         message.request->kind == Request::Kind::kSubscribe &&
         held_channels_.contains(message.request->local);
}

void Shard::OnMessage(ShardId from, Message&& message) {
  switch (message.kind) {
    case Message::Kind::kTick:
      return home_.Take(std::move(message.publication), now_ns_);
    case Message::Kind::kAsk:
      return OnQuestion(std::move(message.request));
    case Message::Kind::kLeave:
      return home_.Leave(from, *message.request, now_ns_);
    case Message::Kind::kPart:
      return home_.Part(*message.request, now_ns_);
    case Message::Kind::kMembers:
      if (channels_.Find(message.local, message.generation) != nullptr) {
        join_leave_.Take(message.local, std::move(message.request->events));
      }
      return;
    case Message::Kind::kSlot:
      return commands_.OnNewSlot(message.local, message.generation, message.publication->channel());
    case Message::Kind::kReset:
      return commands_.OnReset(message.local, message.generation);
    case Message::Kind::kDeliver:
      if (Channel* channel = channels_.Find(message.local, message.generation);
          channel != nullptr) {
        fan_out_.Apply(message.local, *channel, std::move(message.publication),
                       std::move(message.replaced));
        if (channel->waiting != 0) commands_.AdmitWaiting(message.local);
        if (!channel->mirrors.empty()) commands_.OnSlotChanged(message.local);
      }
      return;
    case Message::Kind::kAnswer:
      if (message.request->asker == Request::Asker::kSession) {
        commands_.OnAnswer(std::move(message.request));
      } else if (message.request->asker == Request::Asker::kMirror) {
        commands_.OnMirrorAnswer(*message.request);
      } else {
        http_.OnAnswer(std::move(message.request));
      }
      return;
  }
}

void Shard::OnQuestion(std::unique_ptr<Request> request) {
  if (request->kind == Request::Kind::kSlowClients) return AnswerSlowClients(std::move(request));
  if (request->kind == Request::Kind::kEmulation) return RunEmulated(std::move(request));
  if (!UserRequests::Takes(request->kind)) return home_.Ask(std::move(request), now_ns_);
  user_requests_.Answer(std::move(request));
}

void Shard::TakeHttpAnswers() {
  if (http_port_ == nullptr) return;
  for (std::size_t taken = 0; taken < kDrainBatch; ++taken) {
    std::unique_ptr<engine::HttpCall> call = http_port_->Take();
    if (call == nullptr) return;
    OnHttpAnswer(std::move(call));
  }
}

void Shard::OnHttpAnswer(std::unique_ptr<engine::HttpCall> call) {
  switch (static_cast<HttpOwner>(call->owner)) {
    case HttpOwner::kProxy:
      return proxies_.OnHttpAnswer(std::move(call));
    case HttpOwner::kKeys:
      server_.tokens->OnAnswer(*call, now_ns_);
      break;
  }
}

void Shard::OnProxyAnswer(const Proxies::Question& question, const protocol::ProxyAnswer* answer) {
  if (question.kind == protocol::ProxyKind::kSharedPollRefresh) {
    return polled_.OnProxyAnswer(question, answer, now_ns_);
  }
  commands_.OnProxyAnswer(question, answer);
}

void Shard::OnSubscribedByServer(const Request& answer) { user_requests_.OnSubscribed(answer); }

}  // namespace tickcast::shards
