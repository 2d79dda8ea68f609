// Session: who a connection is after its connect command, and what it was granted.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shards/map_reading.h"
#include "shards/request.h"
#include "shards/subscription_details.h"
#include "shards/token_stamp.h"
#include "shards/tracking.h"

namespace tickcast::shards {

struct Session {
  // The client's id as Centrifugo writes it: a version 4 UUID (RFC 9562), 36 characters.
  std::string client;
  std::string user;  // "" = anonymous.

  // What an anonymous session on a WebSocket that tracks nothing has none of: 192 bytes beside it,
  // made when the first of them is set.
  struct Extras {
    std::string info;  // One-line JSON of the token's `info`, or "".
    std::string meta;  // One-line JSON for the application's backend, or "".
    std::optional<TokenStamp> token;
    // By what its commands are found to be its (session_key.h); "" on a WebSocket, which needs
    // none.
    std::string key;
    std::vector<Tracking> tracking;
    std::vector<MapReading> readings;
  };
  const Extras& extras() const {
    static const Extras kNone;
    return extras_ == nullptr ? kNone : *extras_;
  }
  Extras& MutableExtras() {
    if (extras_ == nullptr) extras_ = std::make_unique<Extras>();
    return *extras_;
  }

  // Where a user may have one connection only: in which order they came, on all shards.
  std::uint64_t number = 0;

  // When what it came with ends, monotonic; 0 = never. The connection is closed with 3005 then, or
  // client.expired_close_delay later where the client could have refreshed it; where a backend
  // says how long it lasts, that one is asked.
  std::uint64_t expires_ns = 0;
  bool client_refreshes = true;  // By refresh; else a backend is asked.
  bool renewing = false;         // It is asked just now.

  bool lost_position = false;  // Of a subscription that the server made: closed with 3010.

  // The time up to which its subscribing is spent (see Commands::MaySubscribeSoon()).
  std::uint64_t subscribed_until_ns = 0;
  // The same of its commands of any kind (see Commands::MayRunSoon()).
  std::uint64_t commanded_until_ns = 0;
  bool counted = false;  // As one of its user's, by ConnectionLimits.

  // Of the next question that the server asks for it by itself. Clients count theirs upwards.
  std::uint32_t own_question_id = ~std::uint32_t{0};

  // Unsubscribes that came while their subscribe was with the home shard.
  struct Unsubscribe {
    static constexpr std::uint32_t kByServer = 0;  // In `command_id`: the client did not ask.

    ChannelIndex channel;
    std::uint32_t subscribe_id;  // Of the subscribe command it waits for.
    std::uint32_t command_id;
  };
  std::vector<Unsubscribe> leaving;

  // In no order; a session has few.
  std::vector<SubscriptionDetails> details;

  // Null when the subscription to `channel` is a plain one.
  SubscriptionDetails* DetailsOf(ChannelIndex channel) {
    for (SubscriptionDetails& known : details) {
      if (known.channel == channel) return &known;
    }
    return nullptr;
  }
  void ForgetDetails(ChannelIndex channel) {
    std::erase_if(details,
                  [channel](const SubscriptionDetails& known) { return known.channel == channel; });
  }

  // Null where `channel` is none whose keys are tracked.
  Tracking* FindTracking(ChannelIndex channel) {
    if (extras_ == nullptr) return nullptr;
    for (Tracking& known : extras_->tracking) {
      if (known.channel == channel) return &known;
    }
    return nullptr;
  }
  // Null where no map of that name is being read.
  MapReading* FindReading(std::string_view channel) {
    if (extras_ == nullptr) return nullptr;
    for (MapReading& known : extras_->readings) {
      if (known.channel == channel) return &known;
    }
    return nullptr;
  }
  void ForgetTracking(ChannelIndex channel) {
    if (extras_ == nullptr) return;
    std::erase_if(extras_->tracking,
                  [channel](const Tracking& known) { return known.channel == channel; });
  }

 private:
  std::unique_ptr<Extras> extras_;
};

}  // namespace tickcast::shards
