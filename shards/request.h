// Request: a question to another shard, mostly to a channel's home, which travels back as its own
// answer.
//
// What asks is named by shard, kind and a slot with a generation, so an answer that comes after
// its asker went away is recognised and dropped. The same object goes both ways: the way back
// needs no look-up and no second allocation.
// Threading: owned by one shard at a time; moves through lanes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/centrifuge/codes.h"
#include "protocol/centrifuge/form.h"
#include "shards/map_request.h"
#include "shards/member.h"
#include "shards/publication.h"
#include "shards/shard_id.h"
#include "shards/slow_client.h"
#include "shards/user_request.h"

namespace tickcast::shards {

// Index of a channel in the table of one shard's subscribed channels.
using ChannelIndex = std::uint32_t;
inline constexpr ChannelIndex kNoChannel = ~ChannelIndex{0};

// A frame of commands that came on another connection than its client's.
struct EmulatedCommands {
  std::string session_key;
  protocol::Encoding encoding = protocol::Encoding::kJson;
  std::string frame;   // With kJsonPaddingBytes at its end.
  bool taken = false;  // The answer: the key was that of a connection.
};

struct Request {
  static constexpr std::uint32_t kNotByServer = ~std::uint32_t{0};

  enum class Kind : std::uint8_t {
    kSubscribe,  // Position, recovered publications or last value, and an exact cut to live.
    kPublish,    // By a client or the HTTP API; feeds publish without waiting for an answer.
    kHistory,
    kHistoryRemove,
    kPresence,
    kPresenceStats,
    // Of map channels, each with `map`. kSubscribe too has one there.
    kMapPublish,  // `draft` with the key.
    kMapRemove,
    kMapReadState,   // `limit` keys behind the cursor (0: none, below: all).
    kMapReadStream,  // As kHistory.
    kMapStats,
    kMapClear,
    kPollPublish,  // `draft` of a key of a shared poll, with `version` and its epoch.
    kTickers,      // Every last value whose channel begins with `channel` ("ticker:").
    kMirror,       // The same, and of slots to come Message::kSlot to `local`, until Home::Leave().
    // What every shard is asked, and nothing of a home:
    kSlowClients,      // Its worst `limit` connections.
    kDisconnectUser,   // `user_request`.
    kUnsubscribeUser,  // The same, from `channel`.
    kRefreshUser,
    kSubscribeUser,  // To `channel`; answered when all homes have answered.
    kRevoke,
    kInfo,       // `survey`.
    kChannels,   // `survey`; `channel` is what Glob takes.
    kEmulation,  // Of the shard that has the client's connection: `emulated`.
  };
  enum class Asker : std::uint8_t {
    kSession,
    kApiCall,
    kTickersPage,
    kSlowClients,
    kEmulation,
    kMirror,  // For itself: see shards/mirror.h.
    kNobody,  // Nobody waits for the answer: none is sent.
  };

  Kind kind = Kind::kSubscribe;
  Asker asker = Asker::kSession;
  ShardId origin = 0;
  std::uint32_t slot = 0;  // Of the connection or call on the origin shard.
  std::uint32_t generation = 0;
  std::uint32_t command_id = 0;  // kSession: id of the client's command; kApiCall: its place.
  std::string channel;

  // kSubscribe: where publications will be delivered to on the origin shard.
  ChannelIndex local = kNoChannel;
  std::uint32_t local_generation = 0;
  ChannelIndex view = kNoChannel;  // Of the channel there, which the subscription is to.
  // Not a client asks, but the server API: the place of its question in UserRequests.
  std::uint32_t by_server = kNotByServer;
  bool tracked = false;             // The channel is the slot of a key that a client tracks.
  bool wants_position = false;      // Granted positioned or recoverable.
  bool recoverable = false;         // Granted.
  bool recover = false;             // Asked for; the home sets it where it recovers by itself.
  bool reject_unrecovered = false;  // Answer 112 instead of recovered:false.
  MemberInfo member;                // Where the channel keeps who is in it: the client.
  bool push_join_leave = false;     // Granted.
  bool wants_terms = false;         // The reply says what was granted of our own options.
  std::string reply_data;           // What a backend wants the client to be told: a payload.
  // kSubscribe with recover or of a map; kHistory, kMapReadStream and kMapReadState with has_since,
  // the last one for its epoch only.
  bool has_since = false;
  std::uint64_t since_offset = 0;
  std::string since_epoch;
  // kHistory, kSlowClients.
  std::int32_t limit = 0;
  // kHistory.
  bool reverse = false;
  // kPublish.
  PublicationRef draft;
  // kEmulation.
  std::unique_ptr<EmulatedCommands> emulated;
  std::unique_ptr<MapRequest> map;  // Of a map channel.
  bool skip_history = false;
  std::string idempotency_key;  // "" = none.
  // Where the channel keeps history: 0 = none; one that is not above the last one of the same
  // epoch ("" = any) is old, and its publication goes nowhere.
  std::uint64_t version = 0;
  std::string version_epoch;

  // Not a question, but what became of a member (Message::kPart, kMembers).
  std::string client;
  bool lost = false;  // It may come back: keep its place where there is a grace.
  // kPart: the home has let it in, which while a question is under way nobody knows.
  bool counted = false;
  std::shared_ptr<const MemberEvents> events;

  // Of a user's connections; all shards are given the same.
  std::shared_ptr<const UserRequest> user_request;

  // The answer.
  protocol::ErrorCode error = protocol::ErrorCode::kInternal;
  bool failed = false;  // `error` says why.
  void Fail(protocol::ErrorCode why) {
    failed = true;
    error = why;
  }
  bool over_rate = false;  // kPublish that failed: by the namespace's publish_rate.
  bool recovered = false;
  // kPublish: a repetition, or an old version; kMapPublish, kMapRemove: see map->suppression.
  // Nobody was sent it.
  bool suppressed = false;
  std::uint64_t sequence = 0;     // kSubscribe: the cut; what comes later has a higher one.
  std::uint64_t first_event = 0;  // kSubscribe: of the members' events it is to be told of.
  std::uint64_t offset = 0;
  std::string epoch;
  std::int64_t channel_id = 0;  // kSubscribe: stands for the channel's name in compact pushes.
  std::vector<PublicationRef> publications;
  std::vector<MemberInfo> members;  // kPresence; in no order.
  std::uint32_t clients = 0;        // kPresence, kPresenceStats.
  std::uint32_t users = 0;
  std::vector<SlowClient> slow_clients;  // Worst first.
  std::unique_ptr<Survey> survey;
};

}  // namespace tickcast::shards
