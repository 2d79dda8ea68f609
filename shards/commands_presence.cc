// Commands: who else is in a channel.
#include <utility>
#include <vector>

#include "engine/invariant.h"
#include "protocol/centrifuge/reply.h"
#include "shards/commands.h"

namespace tickcast::shards {

using protocol::CommandKind;
using protocol::ErrorCode;

// presence and presence_stats.
void Commands::Presence(engine::Slot slot, const Command& command) {
  const std::string_view channel = command.channel.channel;
  const engine::Namespace* ns = config_.FindNamespace(channel);
  if (ns == nullptr) return ReplyError(slot, command.id, ErrorCode::kUnknownChannel);
  if (!access_.IsValidName(*ns, channel)) {
    return ReplyError(slot, command.id, ErrorCode::kBadRequest);
  }
  if (!ns->presence) return ReplyError(slot, command.id, ErrorCode::kNotAvailable);
  const bool subscribed = ns->allow_presence_for_subscriber && IsSubscribed(slot, channel);
  if (!access_.MayReadPresence(*ns, connections_[slot].session->user, subscribed)) {
    return ReplyError(slot, command.id, ErrorCode::kPermissionDenied);
  }
  if (exchange_.congested(exchange_.HomeOf(channel))) {
    return ReplyError(slot, command.id, ErrorCode::kTooManyRequests);
  }
  Ask(NewRequest(slot, command,
                 command.kind == CommandKind::kPresence ? Request::Kind::kPresence
                                                        : Request::Kind::kPresenceStats,
                 channel));
}

void Commands::OnPresence(const Request& answer) {
  if (!Listens(answer)) return;
  const engine::Slot slot = answer.slot;
  if (answer.failed) return ReplyError(slot, answer.command_id, answer.error);
  if (OwesTooMuch(slot)) return ReplyError(slot, answer.command_id, ErrorCode::kTooManyRequests);
  const protocol::Form form = connections_[slot].form;
  if (answer.kind == Request::Kind::kPresenceStats) {
    protocol::AppendPresenceStatsReply(form, answer.command_id,
                                       {.num_clients = answer.clients, .num_users = answer.users},
                                       connections_.NewLine(slot));
  } else {
    std::vector<protocol::ClientInfo> present;
    present.reserve(answer.members.size());
    for (const MemberInfo& member : answer.members) present.push_back(member.view());
    protocol::AppendPresenceReply(form, answer.command_id, present, connections_.NewLine(slot));
  }
  fan_out_.OwesReplies(slot);
}

// Adds to a question to subscribe what the home tells others of the client, and whether it is told
// of them.
void Commands::AskForPlace(engine::Slot slot, const Command& command, const engine::Namespace& ns,
                           Request& request) {
  if (!ns.presence && !ns.join_leave) return;
  Session& session = *connections_[slot].session;
  const SubscriptionDetails plain = DetailsBy(ns);
  const SubscriptionDetails* const own = session.DetailsOf(request.local);
  const SubscriptionDetails& details = own == nullptr ? plain : *own;
  if ((details.presence && ns.presence) || (details.join_leave && ns.join_leave)) {
    request.member = MemberInfo({.user = session.user,
                                 .client = session.client,
                                 .conn_info = session.extras().info,
                                 .chan_info = details.info});
  }
  request.push_join_leave =
      ns.join_leave &&
      (details.force_push_join_leave ||
       (command.subscribe.join_leave && access_.MayReadPresence(ns, session.user, true)));
}

// The client is no longer in the channel. A question that put it there is before this in the lane.
void Commands::Part(engine::Slot slot, ChannelIndex view, Departure departure, bool answered) {
  const ChannelIndex index = channels_.primary(view);
  const Channel& channel = channels_[index];
  const bool has_members = channel.ns->presence || channel.ns->join_leave;
  if (!has_members && channel.ns->subscriber_limit == 0) return;
  if (has_members) join_leave_.Unwatch(index, slot);
  if (departure == Departure::kRefused) return;
  auto part = std::make_unique<Request>();
  part->channel = channel.name;
  part->client = connections_[slot].session->client;
  part->lost = departure == Departure::kLost;
  part->counted = answered;
  exchange_.Send(channel.home, {.kind = Message::Kind::kPart, .request = std::move(part)});
}

// Whom the home has let in is gone since it asked: its place is another's.
void Commands::GiveBackPlace(const Request& answer) {
  const Channel& channel = channels_[answer.local];
  if (answer.failed || answer.tracked || channel.ns->subscriber_limit == 0) return;
  if (answer.map != nullptr && !answer.map->live) return;
  auto part = std::make_unique<Request>();
  part->channel = channel.name;
  part->counted = true;
  exchange_.Send(channel.home, {.kind = Message::Kind::kPart, .request = std::move(part)});
}

}  // namespace tickcast::shards
