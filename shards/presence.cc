#include "shards/presence.h"

#include <algorithm>
#include <utility>

#include "engine/invariant.h"

namespace tickcast::shards {

bool Presence::Add(const MemberInfo& info) {
  std::uint32_t subscriptions = 1;
  if (const auto known = places_.find(info.client()); known != places_.end()) {
    Place& place = known->second;
    if (place.lost_until_ns != 0) {
      ForgetLost(place);
      place.subscriptions = 0;
    }
    if (place.holder.LooksLike(info)) {
      ++place.subscriptions;
      return true;
    }
    // Another chan_info by another token: to the others somebody else.
    subscriptions = place.subscriptions + 1;
    Erase(known);
  } else if (TakeOver(info)) {
    return true;
  }
  Place& place = Insert({.info = info, .holder = info, .subscriptions = subscriptions});
  if (!announces_) return true;
  const bool too_large = max_announced_ != 0 && places_.size() > max_announced_;
  if (too_large || events_.size() >= kMaxWaiting) return false;
  place.announced = true;
  place.join_event = next_event();
  events_.push_back({.number = next_event(), .joined = true, .info = info});
  return true;
}

Presence::Place& Presence::Insert(Place place) {
  const protocol::ClientInfo holder = place.holder.view();
  auto user = users_.find(holder.user);
  if (user == users_.end()) user = users_.emplace(holder.user, User{}).first;
  ++user->second.clients;
  return places_.emplace(holder.client, std::move(place)).first->second;
}

// Gives a lost place to a client that looks like its own.
bool Presence::TakeOver(const MemberInfo& info) {
  const auto user = users_.find(info.user());
  if (user == users_.end()) return false;
  std::vector<MemberInfo>& lost = user->second.lost;
  const auto found = std::find_if(lost.begin(), lost.end(), [&info](const MemberInfo& holder) {
    return holder.LooksLike(info);
  });
  if (found == lost.end()) return false;
  const auto old = places_.find(found->client());
  INVARIANT(old != places_.end(), "a lost place is there until it is forgotten");
  Place place = std::move(old->second);
  // The key's text is the holder's, which `lost` still has.
  places_.erase(old);
  lost.erase(found);
  place.holder = info;
  place.lost_until_ns = 0;
  place.subscriptions = 1;
  places_.emplace(place.holder.client(), place);
  return true;
}

void Presence::Remove(std::string_view client) {
  const auto place = places_.find(client);
  if (place == places_.end() || place->second.lost_until_ns != 0) return;
  if (--place->second.subscriptions == 0) Erase(place);
}

void Presence::Erase(Places::iterator found) {
  if (found->second.lost_until_ns != 0) ForgetLost(found->second);
  const Place place = std::move(found->second);
  places_.erase(found);
  const auto user = users_.find(place.holder.user());
  if (--user->second.clients == 0) users_.erase(user);
  if (place.announced) AnnounceLeave(place);
}

void Presence::AnnounceLeave(const Place& place) {
  if (place.join_event >= first_event_) {
    events_[place.join_event - first_event_].info = MemberInfo();
    ++cancelled_;
    return;
  }
  events_.push_back({.number = next_event(), .joined = false, .info = place.info});
}

MemberInfo Presence::Lose(std::string_view client, std::uint64_t until_ns) {
  const auto found = places_.find(client);
  if (found == places_.end() || found->second.lost_until_ns != 0) return {};
  Place& place = found->second;
  if (--place.subscriptions != 0) return {};
  if (place.holder.user().empty()) {
    Erase(found);
    return {};
  }
  place.lost_until_ns = until_ns;
  users_.find(place.holder.user())->second.lost.push_back(place.holder);
  return place.holder;
}

void Presence::ForgetLost(Place& place) {
  std::vector<MemberInfo>& lost = users_.find(place.holder.user())->second.lost;
  std::erase(lost, place.holder);
  place.lost_until_ns = 0;
}

void Presence::Expire(const MemberInfo& lost, std::uint64_t until_ns) {
  const auto place = places_.find(lost.client());
  if (place != places_.end() && place->second.lost_until_ns == until_ns) Erase(place);
}

void Presence::AppendMembers(std::vector<MemberInfo>& out) const {
  out.reserve(out.size() + places_.size());
  for (const auto& [client, place] : places_) out.push_back(place.info);
}

void Presence::TakeEvents(std::size_t most, MemberEvents& out) {
  std::size_t taken = 0;
  std::size_t at = 0;
  for (; at < events_.size() && taken < most; ++at) {
    if (events_[at].info.empty()) {
      --cancelled_;
      continue;
    }
    out.push_back(std::move(events_[at]));
    ++taken;
  }
  first_event_ += at;
  events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace tickcast::shards
