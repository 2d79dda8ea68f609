// UserRequests: a shard's answers to what the server API asks every shard: of a user's connections,
// and about itself.
//
// All is answered at once but a subscribe, which waits for the homes of its channel, one answer per
// connection: who asked may then read the presence and finds the user there.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/slab.h"
#include "shards/channel.h"
#include "shards/commands.h"
#include "shards/connection.h"
#include "shards/exchange.h"
#include "shards/minute_counts.h"
#include "shards/request.h"
#include "shards/users.h"

namespace tickcast::shards {

class UserRequests {
 public:
  // What answering asks of the shard.
  class Host {
   public:
    virtual ~Host() = default;
    virtual void Disconnect(engine::Slot slot, protocol::DisconnectCode code) = 0;
    // Ends the connection with a close frame, as the server API wants it.
    virtual void DisconnectAs(engine::Slot slot, std::uint16_t code, std::string_view reason) = 0;
    // Wall-clock time since 1970.
    virtual std::int64_t UnixMs() = 0;
  };

  UserRequests(ConnectionTable& connections, ChannelTable& channels, Users& users,
               Commands& commands, Exchange& exchange, Host& host)
      : connections_(connections),
        channels_(channels),
        users_(users),
        commands_(commands),
        exchange_(exchange),
        host_(host) {}

  // Whether every shard is asked this, and not a channel's home.
  static bool Takes(Request::Kind kind);

  // Does what `request` asks, and sends it back as its answer, now or when the homes have answered.
  // REQUIRES: Takes(request->kind).
  void Answer(std::unique_ptr<Request> request);

  // Totals of the shard, for what is asked about its last minute. Some times a second.
  void Sample(const ShardCounts& totals, std::uint64_t now_ns) { counts_.Sample(totals, now_ns); }

  // A home has answered what one of the connections of a subscribe asked it.
  void OnSubscribed(const Request& answer);

 private:
  // A subscribe, and how many homes have not answered it.
  struct Waiting {
    std::unique_ptr<Request> request;
    std::size_t answers_due = 0;
  };

  void Run(Request& request);
  void Send(std::unique_ptr<Request> request);
  void Subscribe(std::unique_ptr<Request> request);
  void FinishSubscribe(std::uint32_t place);
  void Revoke(Request& request);
  template <typename Act>
  void ForEachTarget(const UserRequest& request, Act&& act);
  void Disconnect(const UserRequest& request);
  void SurveyInfo(Survey& survey);
  void SurveyChannels(Request& request);

  ConnectionTable& connections_;
  ChannelTable& channels_;
  Users& users_;
  Commands& commands_;
  Exchange& exchange_;
  Host& host_;
  engine::Slab<Waiting> waiting_;
  MinuteCounts counts_;
};

}  // namespace tickcast::shards
