// Connecting: a connect command that is under way, from its arrival to its reply.
//
// It may wait for the home shards of the channels that the server subscribes it to; it is run again
// when they have answered (shards/parked.h), and what it has done so far is here. What these
// channels publish meanwhile waits in the fan-out (FanOut::Hold), so that nothing goes out before
// the reply. A connection that dies takes it along. Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/centrifuge/codes.h"
#include "protocol/centrifuge/connect_subs.h"
#include "shards/request.h"
#include "shards/session.h"

namespace tickcast::shards {

// A subscription that the server makes.
struct ServerSubscription {
  std::string channel;
  SubscriptionDetails details;  // Without `channel`.
  std::string data;             // For the client: a payload.
  // The client's position, if it knows one.
  bool recover = false;
  std::uint64_t offset = 0;
  std::string epoch;
  std::unique_ptr<Request> answer;  // Of the home, once it has come.
};

struct Connecting {
  std::uint32_t command_id = 0;
  bool by_header = false;  // client.user_id_http_header says who it is.

  std::vector<protocol::ConnectSub> asked;  // What the client asks for, with its positions.
  std::vector<ServerSubscription> subscriptions;
  std::size_t answers_due = 0;
  bool failed = false;
  protocol::ErrorCode error = protocol::ErrorCode::kInternal;
  std::string data;  // For the client, of the connect proxy: a payload.
};

}  // namespace tickcast::shards
