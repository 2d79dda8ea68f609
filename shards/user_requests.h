// UserRequests: a shard's answers to what the server API asks every shard: of a user's connections,
// and about itself.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "shards/channel.h"
#include "shards/commands.h"
#include "shards/connection.h"
#include "shards/request.h"
#include "shards/users.h"

namespace tickcast::shards {

class UserRequests {
 public:
  // What answering asks of the shard.
  class Host {
   public:
    virtual ~Host() = default;
    // Ends the connection with a close frame, as the server API wants it.
    virtual void DisconnectAs(engine::Slot slot, std::uint16_t code, std::string_view reason) = 0;
  };

  UserRequests(ConnectionTable& connections, ChannelTable& channels, Users& users,
               Commands& commands, Host& host)
      : connections_(connections),
        channels_(channels),
        users_(users),
        commands_(commands),
        host_(host) {}

  // Whether every shard is asked this, and not a channel's home.
  static bool Takes(Request::Kind kind);

  // Does what `request` asks and writes the answer into it. REQUIRES: Takes(request.kind).
  void Answer(Request& request);

 private:
  template <typename Act>
  void ForEachTarget(const UserRequest& request, Act&& act);
  void Disconnect(const UserRequest& request);
  void SurveyInfo(Survey& survey);
  void SurveyChannels(Request& request);

  ConnectionTable& connections_;
  ChannelTable& channels_;
  Users& users_;
  Commands& commands_;
  Host& host_;
};

}  // namespace tickcast::shards
