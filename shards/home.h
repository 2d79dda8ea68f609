// Home: the channels whose home this shard is. It gives offsets, keeps history and last values, and
// knows which shards have subscribers.
//
// Every publication of a channel passes here, whoever made it, and goes from here to the shards
// that asked for it. A question is answered on the same lane as later publications, so what an
// asker sees after its answer is exactly what came after it. What is announced of members takes the
// same lanes, so joins and leaves have their place among the publications.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config.h"
#include "shards/exchange.h"
#include "shards/history.h"
#include "shards/idempotent_results.h"
#include "shards/map_state.h"
#include "shards/message.h"
#include "shards/presence.h"
#include "shards/string_map.h"

namespace tickcast::shards {

class Home {
 public:
  // Who is told which slots of channels with backends of their own somebody wants.
  class SlotWatcher {
   public:
    virtual ~SlotWatcher() = default;
    // A shard asked for it, perhaps not for the first time.
    virtual void OnSlotWanted(const engine::Namespace& ns, std::string_view slot,
                              std::uint64_t now_ns) = 0;
    // No shard has it any more.
    virtual void OnSlotUnwanted(std::string_view slot, std::uint64_t now_ns) = 0;
    // A value that the application published by itself. True: it is news, and somebody tracks it.
    virtual bool OnSlotPublished(std::string_view slot, std::uint64_t version,
                                 std::string_view epoch, std::uint64_t now_ns) = 0;
    // Of the versions of the channel's keys. Lives until the next call of anything here.
    virtual std::string_view EpochOf(const engine::Namespace& ns, std::string_view channel) = 0;
  };

  // `config` and `exchange` outlive the home. `seed` makes the epochs; no two runs may share one.
  Home(const engine::Config& config, Exchange& exchange, std::uint64_t seed);

  // Publishes the draft of a feed of this shard. False when its way to the subscribers is full:
  // nothing was taken.
  bool Offer(const PublicationRef& draft, std::uint64_t now_ns);

  // Publishes the draft of another shard's feed, which was accepted when that shard sent it: its
  // source looked at Exchange::congested() then, so what comes now is at most a lane's worth.
  void Take(PublicationRef draft, std::uint64_t now_ns);

  // Sets who is told; it outlives the home.
  void Watch(SlotWatcher& watcher) { watcher_ = &watcher; }
  // Who asks for `channel` from now on is given no value.
  void ForgetValue(std::string_view channel);
  // The subscribers of `channel` begin anew: they are ended with 2500.
  void Reset(std::string_view channel);

  // Answers `request` in place and sends it back to its origin.
  void Ask(std::unique_ptr<Request> request, std::uint64_t now_ns);

  // Forgets the interest of `shard`, if it is still the one that `leave` names.
  void Leave(ShardId shard, const Request& leave, std::uint64_t now_ns);

  // A client has left a channel, or was lost.
  void Part(const Request& part, std::uint64_t now_ns);
  // Sends what is to be announced of members. Once a turn, when questions have been answered.
  void Announce();
  // Whether Announce() has something left to do.
  bool announcing() const { return !announcing_.empty(); }
  // Clients in all channels, each counted once in each.
  std::size_t member_count() const { return member_count_; }
  // Keys of maps that ended by their time.
  std::uint64_t keys_expired() const { return keys_expired_; }
  // Questions of Request::Asker::kNobody that came to nothing.
  std::uint64_t unasked_refused() const { return unasked_refused_; }
  // Joins that nobody is told of, because the room is too large or too much waited.
  std::uint64_t joins_not_announced() const { return joins_not_announced_; }

  // Expires histories and lost clients, and drops channels nobody knows any more; looks at a
  // bounded number of channels, so call it often.
  void Sweep(std::uint64_t now_ns);

  // Histories keep at most this share of their size from now on; Sweep() shortens those that are
  // longer, and they grow back by themselves. REQUIRES: 0 < share <= 1.
  void LimitHistory(double share) { history_share_ = share; }
  // What the histories hold.
  std::size_t history_bytes() const { return history_bytes_; }

  std::size_t channel_count() const { return by_name_.size(); }
  std::uint64_t published() const { return published_; }

 private:
  struct Interest {
    ShardId shard;
    ChannelIndex local;
    std::uint32_t generation;
  };
  // Of the newest publication in a history, where its publisher gave one.
  struct Version {
    std::uint64_t version;
    std::string epoch;
  };
  struct Channel {
    std::string name;
    const engine::Namespace* ns = nullptr;
    std::string epoch;
    std::int64_t id = 0;                   // Of no other channel of this run.
    std::uint64_t published_until_ns = 0;  // By clients; see TakeFromBucket().
    std::uint64_t sequence = 0;            // Publications ever, in history or not.
    std::uint64_t offset = 0;              // Of the newest publication in the history's order.
    std::uint64_t touched_ns = 0;
    std::vector<Interest> interests;
    std::unique_ptr<Version> version;
    PublicationRef last;                 // State channels.
    History history;                     // Stream channels.
    std::unique_ptr<MapState> map;       // Map channels with keys of their own.
    std::unique_ptr<Presence> presence;  // While somebody is in it and that is kept.
    std::uint32_t index = 0;
    std::uint32_t subscribers = 0;  // Counted where their number is limited.
    bool announcing = false;        // Stands in announcing_.
    bool expiring = false;          // Stands in expiring_.
    bool in_use = false;
  };
  // When the place of a lost client is free.
  struct LostPlace {
    std::uint64_t until_ns;
    std::uint32_t channel;
    MemberInfo lost;
    bool operator>(const LostPlace& other) const { return until_ns > other.until_ns; }
  };
  // When a map may have a key that is over: not before, and maybe later.
  struct MapExpiry {
    std::uint64_t at_ns;
    std::uint32_t channel;
    std::int64_t id;  // Of the channel: the place may have another by then.
    bool operator>(const MapExpiry& other) const { return at_ns > other.at_ns; }
  };

  static bool KeepsHistory(const Channel& channel);
  std::size_t HistorySize(const Channel& channel) const;
  // Runs `change` on a channel's history and keeps the sum of all.
  template <typename Change>
  void ChangeHistory(Channel& channel, Change&& change) {
    history_bytes_ -= channel.history.footprint_bytes();
    change(channel.history);
    history_bytes_ += channel.history.footprint_bytes();
  }
  // The same with a map.
  template <typename Change>
  void ChangeMap(Channel& channel, Change&& change) {
    history_bytes_ -= channel.map->footprint_bytes();
    change(*channel.map);
    history_bytes_ += channel.map->footprint_bytes();
  }
  Channel* Find(std::string_view name);
  // Null when the name's namespace is unknown.
  Channel* FindOrAdd(std::string_view name, std::uint64_t now_ns);
  void Remove(std::uint32_t index);
  bool Unused(const Channel& channel) const;
  std::uint64_t MetaTtl(const Channel& channel) const;
  // Begins anew with a channel whose position nobody has asked for long enough.
  void Renew(Channel& channel, std::uint64_t now_ns);
  std::string NewEpoch();

  // Returns the offset it gave, 0 where the channel has none.
  std::uint64_t PublishTo(Channel& channel, PublicationRef draft, bool skip_history,
                          std::uint64_t now_ns);
  // To every shard with subscribers.
  void Deliver(const Channel& channel, const PublicationRef& publication, bool conflatable,
               const PublicationRef& replaced = {});
  bool Congested(const Channel& channel) const;
  bool OverRate(Channel& channel, Request& request, std::uint64_t now_ns);
  // Notes that the asker's shard wants the channel, and counts its client in.
  void LetIn(Channel& channel, Request& request);
  // Whether the publication must not go out (again); the answer has its position then.
  bool Suppress(Channel& channel, Request& request, std::uint64_t now_ns);
  void AnswerPublish(Request& request, std::uint64_t now_ns);
  void AnswerSubscribe(Request& request, std::uint64_t now_ns);
  void AnswerPollPublish(Request& request, std::uint64_t now_ns);

  // Past publications (home_history.cc).
  void Recover(Channel& channel, Request& request) const;
  void RecoverNewest(Channel& channel, Request& request) const;
  void AnswerHistory(Request& request, std::uint64_t now_ns);
  void AnswerHistoryRemove(Request& request, std::uint64_t now_ns);

  // Members (home_presence.cc).
  static bool KeepsMembers(const Channel& channel);
  void RemoveMember(Channel& channel, const Request& part, std::uint64_t now_ns);
  void AddMember(Channel& channel, Request& request);
  // Runs `change` on a channel's presence, and what follows from it.
  template <typename Change>
  void ChangeMembers(Channel& channel, Change&& change);
  std::size_t SendEvents(Channel& channel, std::size_t most);
  void DropPresenceIfEmpty(Channel& channel);
  void ExpireLost(std::uint64_t now_ns);
  void AnswerPresence(Request& request);
  void AnswerTickers(Request& request) const;

  // Maps (home_map.cc).
  void AnswerMap(Request& request, std::uint64_t now_ns);
  void AnswerMapWrite(Request& request, std::uint64_t now_ns);
  void AnswerMapReadState(Channel& channel, Request& request) const;
  void AnswerMapReadStream(Channel& channel, Request& request) const;
  static PublicationRef DraftRemoval(const Channel& channel, std::string_view key,
                                     std::string_view tags, std::uint64_t now_ns);
  void ChangeKey(Channel& channel, const MapWrite& write, PublicationRef draft,
                 std::uint64_t now_ns);
  void ClearMap(Channel& channel, std::uint64_t now_ns);
  // How long an unused channel's position is remembered.
  static std::uint64_t MapTtl(const Channel& channel);
  void SweepMap(Channel& channel, std::uint64_t now_ns);
  void WatchExpiry(Channel& channel);
  void ExpireKeys(std::uint64_t now_ns);

  // Subscribing to maps (home_map_subscribe.cc).
  void AnswerMapSubscribe(Channel& channel, Request& request, std::uint64_t now_ns);
  void ReadMapState(Channel& channel, Request& request);
  void ReadMapStream(Channel& channel, Request& request);
  void JoinMap(Channel& channel, Request& request);
  void GoLive(Channel& channel, Request& request, std::uint64_t since, std::size_t limit);

  // Of those who mirror a market: which slots are there now, and which come later.
  void AnswerMirror(Request& request);
  void TellOfSlot(const Channel& channel);

  const engine::Config& config_;
  Exchange& exchange_;
  SlotWatcher* watcher_ = nullptr;
  struct Follower {
    ShardId shard;
    ChannelIndex local;
    std::uint32_t generation;
    std::string prefix;
  };
  std::vector<Follower> followers_;  // Few: one per market and shard.
  std::mt19937_64 random_;
  std::deque<Channel> channels_;  // Stable addresses; holes are in free_.
  std::vector<std::uint32_t> free_;
  StringMap<std::uint32_t> by_name_;
  IdempotentResults results_;
  std::deque<std::uint32_t> announcing_;  // Channels with something to announce.
  std::priority_queue<LostPlace, std::vector<LostPlace>, std::greater<>> lost_;
  std::priority_queue<MapExpiry, std::vector<MapExpiry>, std::greater<>> expiring_;
  std::uint64_t keys_expired_ = 0;
  std::uint64_t first_event_ = 1;  // Of the next Presence, so that numbers rise in every channel.
  std::size_t member_count_ = 0;
  std::uint64_t joins_not_announced_ = 0;
  std::uint64_t unasked_refused_ = 0;
  std::uint32_t sweep_at_ = 0;
  std::int64_t next_id_;  // Each home has the ids of one remainder.
  std::uint64_t published_ = 0;
  double history_share_ = 1;
  std::size_t history_bytes_ = 0;
};

}  // namespace tickcast::shards
