// Commands: who else is in a channel.
#include <utility>
#include <vector>

#include "engine/invariant.h"
#include "protocol/centrifuge/reply.h"
#include "shards/commands.h"

namespace tickcast::shards {

using protocol::CommandKind;
using protocol::ErrorCode;

bool Commands::MayAskPresence(engine::Slot slot, const engine::Namespace& ns, bool subscribed) {
  if (config_.client.insecure) return true;
  const bool known = !connections_[slot].session->user.empty() || ns.allow_presence_for_anonymous;
  return known &&
         (ns.allow_presence_for_client || (ns.allow_presence_for_subscriber && subscribed));
}

// presence and presence_stats.
void Commands::Presence(engine::Slot slot, const Command& command) {
  const std::string_view channel = command.channel.channel;
  const engine::Namespace* ns = config_.FindNamespace(channel);
  if (ns == nullptr) return ReplyError(slot, command.id, ErrorCode::kUnknownChannel);
  if (!ns->presence) return ReplyError(slot, command.id, ErrorCode::kNotAvailable);
  const bool subscribed = ns->allow_presence_for_subscriber && IsSubscribed(slot, channel);
  if (!MayAskPresence(slot, *ns, subscribed)) {
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
  const Session& session = *connections_[slot].session;
  request.member = MemberInfo({.user = session.user,
                               .client = session.client,
                               .conn_info = session.info,
                               .chan_info = chan_info_});
  request.push_join_leave =
      ns.join_leave && (ns.force_push_join_leave ||
                        (command.subscribe.join_leave && MayAskPresence(slot, ns, true)));
}

// The client is no longer in the channel. A question that put it there is before this in the lane.
void Commands::Part(engine::Slot slot, ChannelIndex view, Departure departure) {
  const ChannelIndex index = channels_.primary(view);
  const Channel& channel = channels_[index];
  if (!channel.ns->presence && !channel.ns->join_leave) return;
  join_leave_.Unwatch(index, slot);
  if (departure == Departure::kRefused) return;
  auto part = std::make_unique<Request>();
  part->channel = channel.name;
  part->client = connections_[slot].session->client;
  part->lost = departure == Departure::kLost;
  exchange_.Send(channel.home, {.kind = Message::Kind::kPart, .request = std::move(part)});
}

}  // namespace tickcast::shards
