// Home: who is in its channels, and who has to be told.
#include <algorithm>
#include <memory>
#include <utility>

#include "shards/home.h"

namespace tickcast::shards {
namespace {

// What one turn announces, in one channel and in all: a crowd that comes at once is told of in
// pieces, each a fraction of a broadcast, so that no tick waits for the whole of it.
constexpr std::size_t kEventsPerChannel = 64;
constexpr std::size_t kEventsPerTurn = 1024;

}  // namespace

bool Home::KeepsMembers(const Channel& channel) {
  return channel.ns->presence || channel.ns->join_leave;
}

template <typename Change>
void Home::ChangeMembers(Channel& channel, Change&& change) {
  Presence& presence = *channel.presence;
  member_count_ -= presence.clients();
  change(presence);
  member_count_ += presence.clients();
  if (presence.has_events() && !channel.announcing) {
    channel.announcing = true;
    announcing_.push_back(channel.index);
  }
  DropPresenceIfEmpty(channel);
}

void Home::DropPresenceIfEmpty(Channel& channel) {
  const Presence& presence = *channel.presence;
  if (!presence.empty() || presence.has_events()) return;
  first_event_ = std::max(first_event_, presence.next_event());
  channel.presence = nullptr;
}

void Home::AddMember(Channel& channel, Request& request) {
  if (!KeepsMembers(channel)) return;
  if (channel.presence == nullptr) {
    channel.presence = std::make_unique<Presence>(channel.ns->join_leave,
                                                  channel.ns->join_leave_max_clients, first_event_);
  }
  // Who came before is no news to this one, its own coming is.
  request.first_event = channel.presence->next_event();
  ChangeMembers(channel, [&](Presence& presence) {
    if (!presence.Add(request.member)) ++joins_not_announced_;
  });
}

void Home::RemoveMember(Channel& channel, const Request& part, std::uint64_t now_ns) {
  channel.touched_ns = now_ns;
  const std::uint64_t grace_ns = part.lost ? channel.ns->presence_grace_ns : 0;
  ChangeMembers(channel, [&](Presence& presence) {
    if (grace_ns == 0) return presence.Remove(part.client);
    MemberInfo lost = presence.Lose(part.client, now_ns + grace_ns);
    if (!lost.empty()) lost_.push({now_ns + grace_ns, channel.index, std::move(lost)});
  });
}

void Home::ExpireLost(std::uint64_t now_ns) {
  while (!lost_.empty() && lost_.top().until_ns <= now_ns) {
    const LostPlace place = lost_.top();
    lost_.pop();
    Channel& channel = channels_[place.channel];
    if (channel.presence == nullptr) continue;
    ChangeMembers(channel,
                  [&](Presence& presence) { presence.Expire(place.lost, place.until_ns); });
  }
}

// Sends up to `most` of what waits to every shard with subscribers. Returns how many that were.
std::size_t Home::SendEvents(Channel& channel, std::size_t most) {
  auto events = std::make_shared<MemberEvents>();
  channel.presence->TakeEvents(most, *events);
  if (events->empty()) return 0;
  for (const Interest& to : channel.interests) {
    auto announcement = std::make_unique<Request>();
    announcement->events = events;
    exchange_.Send(to.shard, {.kind = Message::Kind::kMembers,
                              .local = to.local,
                              .generation = to.generation,
                              .request = std::move(announcement)});
  }
  return events->size();
}

void Home::Announce() {
  std::size_t left = kEventsPerTurn;
  // Each channel once, and first those that had to wait the last time.
  for (std::size_t channels = announcing_.size(); channels > 0 && left > 0; --channels) {
    Channel& channel = channels_[announcing_.front()];
    announcing_.pop_front();
    // Where a way is full events wait here, where they can still cancel each other.
    const bool full = std::any_of(channel.interests.begin(), channel.interests.end(),
                                  [this](const Interest& to) { return exchange_.full(to.shard); });
    if (!full) left -= SendEvents(channel, std::min(kEventsPerChannel, left));
    channel.announcing = channel.presence->has_events();
    if (channel.announcing) announcing_.push_back(channel.index);
    DropPresenceIfEmpty(channel);
  }
}

void Home::AnswerPresence(Request& request) {
  const engine::Namespace* ns = config_.FindNamespace(request.channel);
  request.failed = ns == nullptr || !ns->presence;
  if (request.failed) {
    request.error =
        ns == nullptr ? protocol::ErrorCode::kUnknownChannel : protocol::ErrorCode::kNotAvailable;
    return;
  }
  const Channel* channel = Find(request.channel);
  if (channel == nullptr || channel->presence == nullptr) return;
  request.clients = static_cast<std::uint32_t>(channel->presence->clients());
  request.users = static_cast<std::uint32_t>(channel->presence->users());
  if (request.kind == Request::Kind::kPresence) channel->presence->AppendMembers(request.members);
}

}  // namespace tickcast::shards
