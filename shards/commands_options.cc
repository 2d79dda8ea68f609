// Commands: our own options of a subscription, and what a client is told of its pressure.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "protocol/abseil.h"
#include "protocol/centrifuge/reply.h"
#include "protocol/json/payload.h"
#include "shards/commands.h"
#include "shards/rate_bucket.h"

namespace tickcast::shards {

using protocol::ErrorCode;

namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

std::uint32_t ToMs(std::uint64_t ns) { return static_cast<std::uint32_t>(ns / kMillisecond); }

double ChangeOf(const Terms& terms) {
  return static_cast<double>(terms.min_change) * Subscription::kChangeUnit;
}

}  // namespace

// What a wish gets: of a stream only its place in the order, because every publication counts; of a
// map no least change, as its keys have no one value.
Terms Commands::Grant(const engine::Namespace& ns,
                      const protocol::SubscriptionOptions& options) const {
  Terms terms{.priority = options.priority};
  if (ns.kind == engine::ChannelKind::kStream && !ns.is_map()) return terms;
  // Rounded up: who asks for a change worth sending gets no smaller one.
  const double units = std::ceil(options.min_change / Subscription::kChangeUnit - 1e-6);
  terms.min_change = ns.is_map() ? 0 : static_cast<std::uint32_t>(units);
  // A feed's namespace says how often its values may go out, by whatever name.
  const std::uint64_t slots_ns =
      ns.source.empty() ? 0 : addresses_.SlotNamespace(ns).min_interval_ns;
  const std::uint32_t least = ToMs(std::max(ns.min_interval_ns, slots_ns));
  std::uint32_t wanted = options.has_interval ? options.interval_ms : ToMs(ns.default_interval_ns);
  wanted = std::max(wanted, least);
  // A group gets identical bytes, so a client with a filter of its own is pulled.
  if (terms.min_change != 0) wanted = std::max(wanted, Pacer::kLeastMs);
  terms.interval_ms = Pacer::Grant(wanted);
  return terms;
}

// A subscribe to what is subscribed to: other options are taken over, with its position as it is.
void Commands::SubscribeAgain(engine::Slot slot, const Command& command, std::uint32_t subscription,
                              const Terms& terms) {
  const bool live = connections_[slot].subscriptions[subscription].live();
  if (!live || fan_out_.TermsOf(slot, subscription) == terms) {
    return ReplyError(slot, command.id, ErrorCode::kAlreadySubscribed);
  }
  SetTerms(slot, subscription, terms);
  protocol::SubscribeResult result;
  result.data = WriteTerms(slot, subscription);
  protocol::AppendSubscribeReply(connections_[slot].form, command.id, result,
                                 connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

// Valid until the next call.
std::string_view Commands::WriteTerms(engine::Slot slot, std::uint32_t subscription) {
  const Terms terms = fan_out_.TermsOf(slot, subscription);
  terms_.clear();
  protocol::AppendGrantedOptions(terms.interval_ms, ChangeOf(terms), terms.priority, terms_);
  return terms_;
}

// A leaky bucket: each subscribe costs 1 / client.subscribe_rate of a second, and twice the
// channel_limit of them may be owed: a client that comes back with all its channels twice in a row
// is no nuisance, one that turns a subscription on and off in a loop is.
bool Commands::MaySubscribeSoon(engine::Slot slot) {
  // What has waited for a backend has paid before.
  if (config_.client.subscribe_rate == 0 || again_) return true;
  return TakeFromBucket(connections_[slot].session->subscribed_until_ns,
                        config_.client.subscribe_rate, 2 * config_.client.channel_limit,
                        host_.NowNs());
}

// Every command costs 1 / client.command_rate of a second, but for pongs, which the server asked
// for. An unsubscribe is counted and never refused: it makes less work, and an SDK that is refused
// one ends its connection.
bool Commands::MayRunSoon(engine::Slot slot, const Command& command) {
  const engine::ClientConfig& client = config_.client;
  if (client.command_rate == 0 || again_ || command.kind == protocol::CommandKind::kPong) {
    return true;
  }
  const std::uint32_t burst =
      client.command_burst != 0 ? client.command_burst : client.command_rate;
  const bool taken = TakeFromBucket(connections_[slot].session->commanded_until_ns,
                                    client.command_rate, burst, host_.NowNs());
  return taken || command.kind == protocol::CommandKind::kUnsubscribe;
}

// A command without a reply cannot be refused by one. False when the connection was ended.
bool Commands::RefuseTooSoon(engine::Slot slot, const Command& command) {
  metrics_.CountLimited(Limit::kCommandRate);
  if (command.kind == protocol::CommandKind::kSend) {
    host_.Disconnect(slot, protocol::DisconnectCode::kTooManyRequests);
    return false;
  }
  ReplyError(slot, command.id, ErrorCode::kTooManyRequests);
  return true;
}

// Grows by one up to four, then by a quarter: most connections subscribe once and keep what they
// have, and doubling would cost a hundred thousand of them more than their subscriptions.
void Commands::AddSubscription(engine::Slot slot, const Subscription& subscription) {
  std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  if (subscriptions.size() == subscriptions.capacity()) {
    subscriptions.reserve(
        subscriptions.size() +
        std::max<std::size_t>(subscriptions.size() / 4, subscriptions.size() < 4 ? 1 : 4));
  }
  subscriptions.push_back(subscription);
}

void Commands::Rpc(engine::Slot slot, const Command& command) {
  if (command.rpc.method == "tickcast.options") return ChangeOptions(slot, command);
  if (command.rpc.method == "tickcast.stats") return ReplyStats(slot, command);
  RpcByProxy(slot, command);
}

// The SDKs' subscribe() does nothing on a live subscription, so their users change options by this.
void Commands::ChangeOptions(engine::Slot slot, const Command& command) {
  protocol::OptionsRequest request;
  const std::string_view wrong = options_.ParseRequest(command.rpc.data, request);
  if (!wrong.empty()) return ReplyError(slot, command.id, ErrorCode::kBadRequest, wrong);
  const ChannelIndex index = channels_.Find(request.channel);
  const std::vector<Subscription>& subscriptions = connections_[slot].subscriptions;
  const std::uint32_t subscription =
      index == kNoChannel ? ~std::uint32_t{0} : FindSubscription(slot, index);
  if (subscription >= subscriptions.size() || !subscriptions[subscription].live()) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest,
                      absl::StrCat("bad request: not subscribed to ", request.channel));
  }
  // What is not named stays as it is.
  const Terms before = fan_out_.TermsOf(slot, subscription);
  protocol::SubscriptionOptions options = request.options;
  if (!options.has_interval) options.interval_ms = before.interval_ms;
  if (!options.has_min_change) options.min_change = ChangeOf(before);
  if (!options.has_priority) options.priority = before.priority;
  options.has_interval = true;
  SetTerms(slot, subscription, Grant(*channels_[index].ns, options));
  protocol::AppendRpcReply(connections_[slot].form, command.id, WriteTerms(slot, subscription),
                           connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

std::uint64_t Commands::ConflatedOf(engine::Slot slot) const {
  std::uint64_t conflated = 0;
  for (const Subscription& subscription : connections_[slot].subscriptions) {
    conflated += subscription.conflated;
  }
  return conflated;
}

void Commands::ReplyStats(engine::Slot slot, const Command& command) {
  const Connection& connection = connections_[slot];
  std::string stats = absl::StrCat(R"({"pressure":")", protocol::Abseil(NameOf(connection.level)),
                                   R"(","conflated":)", ConflatedOf(slot), R"(,"channels":{)");
  std::string_view separator;
  for (std::uint32_t i = 0; i < connection.subscriptions.size(); ++i) {
    const Subscription& subscription = connection.subscriptions[i];
    // Keys are counted by the channel that they are tracked by.
    if (!subscription.live() || IsKey(subscription)) continue;
    stats += separator;
    protocol::AppendQuoted(channels_.name(subscription.channel), stats);
    absl::StrAppend(&stats, R"(:{"conflated":)",
                    subscription.conflated + ConflatedOfKeys(slot, subscription.channel), ",");
    stats += WriteTerms(slot, i).substr(1);
    separator = ",";
  }
  stats += "}}";
  protocol::AppendRpcReply(connections_[slot].form, command.id, stats, connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

void Commands::TellPressure(engine::Slot slot) {
  const PressureLevel level = connections_[slot].level;
  const std::uint32_t interval_ms = level == PressureLevel::kNormal
                                        ? 0
                                        : Pacer::Grant(ToMs(config_.pressure.degraded_interval_ns));
  const std::string data =
      absl::StrCat(R"({"conflated":)", ConflatedOf(slot), R"(,"pressure":")",
                   protocol::Abseil(NameOf(level)), R"(","interval_ms":)", interval_ms, "}");
  protocol::AppendMessagePush(connections_[slot].form, data, connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
}

}  // namespace tickcast::shards
