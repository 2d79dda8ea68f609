// Presence: who is in one channel, and what has to be announced of their coming and going.
//
// A client has a place from its subscribe to its leave. Numbers of clients and of users are counted
// as they change, so asking for them costs the same in a room of ten thousand as in one of two.
//
// Announcements wait here until the home takes them, at the end of its turn or before the channel's
// next publication. A join that nobody has been told of yet and its leave cancel each other, so
// what waits is never more than the places announced and those to be. Above `max_announced` clients
// a join is not announced any more, and neither is its leave: at every moment those who listen know
// the same part of the room.
//
// A place whose client was lost may be kept for a time. Whoever then looks like it to the others
// (same user, conn_info and chan_info; the client id is new with every connection) takes the place,
// and nobody is told: presence, join and leave go on naming the client id that was announced.
// Threading: owned by the channel's home shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "shards/member.h"
#include "shards/string_map.h"

namespace tickcast::shards {

class Presence {
 public:
  // `announces`: joins and leaves are wanted at all; `max_announced`: 0 = any number of clients;
  // `first_event`: the number of the first one.
  Presence(bool announces, std::uint32_t max_announced, std::uint64_t first_event = 1)
      : announces_(announces), max_announced_(max_announced), first_event_(first_event) {}

  // What may wait to be announced before further joins are not.
  static constexpr std::size_t kMaxWaiting = 4096;

  // `info` has subscribed. False when its join is wanted and not announced: the room is too large,
  // or too much waits.
  bool Add(const MemberInfo& info);

  // One subscription of `client` has ended. A client that has unsubscribed and subscribed again
  // before the home knew has two for a moment. Ignored when it is not here.
  void Remove(std::string_view client);

  // The client was lost: what is left of it keeps its place until `until_ns`, when Expire() is to
  // be called with what this returns. Empty, and removed at once, where nobody could take its place
  // again: it has no user. REQUIRES: until_ns > 0.
  MemberInfo Lose(std::string_view client, std::uint64_t until_ns);
  // Removes the lost client, unless its place was taken or lost again.
  void Expire(const MemberInfo& lost, std::uint64_t until_ns);

  std::size_t clients() const { return places_.size(); }
  std::size_t users() const { return users_.size(); }
  bool empty() const { return places_.empty(); }
  // Appends everybody, in no order.
  void AppendMembers(std::vector<MemberInfo>& out) const;

  // What has to be announced, oldest first.
  bool has_events() const { return !events_.empty(); }
  std::size_t waiting_events() const { return events_.size() - cancelled_; }
  // The number that the next event will have.
  std::uint64_t next_event() const { return first_event_ + events_.size(); }
  // Appends up to `most` of it to `out`, which is done with then.
  void TakeEvents(std::size_t most, MemberEvents& out);

 private:
  static constexpr std::uint64_t kNone = 0;
  struct Place {
    MemberInfo info;    // As the others know it.
    MemberInfo holder;  // As its connection is; differs in the client id once it was taken over.
    std::uint64_t lost_until_ns = 0;   // 0: here.
    std::uint64_t join_event = kNone;  // Number of the join that waits.
    std::uint32_t subscriptions = 1;
    bool announced = false;  // Its join was, or waits to be.
  };
  struct User {
    std::uint32_t clients = 0;
    std::vector<MemberInfo> lost;  // Holders of its lost places, longest lost first.
  };
  // Keys are the client ids in `holder`.
  using Places = absl::flat_hash_map<std::string_view, Place, StringHash, std::equal_to<>>;

  Place& Insert(Place place);
  void Erase(Places::iterator place);
  bool TakeOver(const MemberInfo& info);
  void ForgetLost(Place& place);
  void AnnounceLeave(const Place& place);

  const bool announces_;
  const std::uint32_t max_announced_;
  Places places_;
  StringMap<User> users_;
  MemberEvents events_;        // One that was cancelled has an empty info.
  std::uint64_t first_event_;  // Number of events_.front().
  std::size_t cancelled_ = 0;
};

}  // namespace tickcast::shards
