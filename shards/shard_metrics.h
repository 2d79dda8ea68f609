// ShardMetrics: what one shard counts.
//
// The ledger of publications: tickcast_publications_owed_total, which grows by the size of the
// group at every publication, equals delivered + conflated + skipped (by reason) + what is still
// outstanding, exactly; tests add it up.
// Threading: written by the shard's thread, read by any.
#pragma once

#include <array>
#include <cstdint>

#include "engine/metrics.h"
#include "protocol/centrifuge/api_error.h"
#include "protocol/centrifuge/api_method.h"
#include "protocol/centrifuge/codes.h"
#include "protocol/jwt/jwt.h"
#include "shards/channel.h"
#include "shards/connection.h"
#include "shards/exchange.h"
#include "shards/memory_budget.h"
#include "shards/pressure.h"

namespace tickcast::shards {

// Which limit refused something, for the counters.
enum class Limit : std::uint8_t {
  kConnections,     // client.connection_limit
  kConnectionRate,  // client.connection_rate_limit
  kUser,            // client.user_connection_limit
  kAddress,         // client.address_connection_limit
  kAddressRate,     // client.address_connection_rate
  kChannels,        // client.channel_limit
  kSubscribeRate,   // client.subscribe_rate
  kCommandRate,     // client.command_rate
  kPublishRate,     // publish_rate of a namespace
  kSubscribers,     // subscriber_limit of a namespace
  kTrackedKeys,     // shared_poll.max_keys_per_connection of a namespace
};
inline constexpr std::size_t kLimits = 11;

class ShardMetrics {
 public:
  ShardMetrics(engine::Registry& registry, ShardId shard);

  void CountClose(CloseReason reason);
  void CountError(protocol::ErrorCode error);
  void CountApi(protocol::ApiMethod method);
  void CountApiError(protocol::ApiError error);  // kNone is not counted.
  void CountToken(protocol::JwtResult result);
  void CountResponse(int status);
  void CountLimited(Limit limit);
  std::uint64_t limited(Limit limit) const {
    return limited_[static_cast<std::size_t>(limit)]->value();
  }
  // A connection's level has changed; or it came with, or went at, a level.
  void CountLevel(PressureLevel from, PressureLevel to);
  void MoveLevel(PressureLevel from, PressureLevel to);
  void SetMemory(const MemoryUse& use);

  // Copies what is only known as a level. A few times a second.
  void Sample(const ConnectionTable& connections, const ChannelTable& channels,
              const Exchange& exchange, std::size_t home_channels, std::uint64_t published);
  void SampleMembers(std::size_t members, std::uint64_t joins_not_announced);
  void SampleMapPresence(std::size_t present, std::uint64_t refused);

 private:
  // Adds a metric of this shard: the label `shard`, and one more if `label` is set.
  engine::Counter& Counter(const char* name, const char* help, const char* label = nullptr,
                           const char* value = nullptr,
                           engine::MetricUnit unit = engine::MetricUnit::kNone);
  engine::Gauge& Gauge(const char* name, const char* help, const char* label = nullptr,
                       const char* value = nullptr);
  engine::MetricLabels Labels(const char* label = nullptr, const char* value = nullptr) const;

  engine::Registry& registry_;
  const std::string shard_;

 public:
  // The loop.
  engine::Counter& turns;
  engine::Counter& busy_ns;
  engine::Counter& idle_ns;
  // Connections.
  engine::Counter& accepted;
  engine::Counter& accept_refused;
  engine::Counter& upgrades;
  engine::Counter& streams_opened;
  engine::Counter& emulation_refused;
  engine::Counter& transport_errors;
  engine::Counter& buffers_exhausted;
  engine::Counter& reading_paused;
  engine::Counter& pings;
  engine::Counter& commands;
  engine::Counter& unknown_peers;
  engine::Gauge& subscriptions;
  engine::Gauge& tracked_keys;
  engine::Counter& tracked_keys_expired;
  // Publications.
  engine::Counter& publications_in;
  engine::Counter& publications_refused;
  engine::Counter& owed;
  engine::Counter& delivered;
  engine::Counter& conflated;
  engine::Counter& skipped_gap;
  engine::Counter& skipped_left;
  engine::Counter& skipped_filtered;
  engine::Counter& gaps;
  engine::Histogram& ingest_to_send;
  // Members.
  engine::Counter& join_leave_pushes;
  engine::Counter& join_leave_slow;
  // Sends.
  engine::Counter& sends;
  engine::Counter& short_sends;
  engine::Counter& refused_sends;
  engine::Counter& bytes_sent;
  engine::Counter& bytes_received;
  engine::Counter& blocked;
  // Pressure.
  engine::Gauge& shard_pressure;  // PressureLevel of the shard's floor.
  engine::Gauge& shed;            // Shed.
  engine::Counter& closed_for_memory;

 private:
  static constexpr std::size_t kErrors = std::size(protocol::kErrors);

  engine::Gauge& connections_;
  engine::Gauge& channels_;
  engine::Gauge& home_channels_;
  engine::Counter& published_;
  engine::Gauge& lane_depth_;
  engine::Gauge& lane_waiting_;
  engine::Counter& lane_conflated_;
  engine::Gauge& presence_clients_;
  engine::Counter& join_leave_size_;
  engine::Gauge& map_presence_;
  engine::Counter& map_presence_refused_;
  std::array<engine::Counter*, kErrors> errors_{};
  std::array<engine::Counter*, protocol::kJwtResults> tokens_{};
  std::array<engine::Counter*, 32> closes_{};  // By the order of kCloseReasons.
  std::array<engine::Counter*, protocol::kApiMethods + 1> api_commands_{};
  std::array<engine::Counter*, 7> api_errors_{};
  std::array<engine::Counter*, 5> responses_{};  // 1xx to 5xx.
  std::array<engine::Counter*, kLimits> limited_{};
  std::array<engine::Gauge*, kPressureLevels> at_level_{};
  std::array<engine::Counter*, kPressureLevels> to_level_{};
  std::array<engine::Gauge*, 6> memory_{};  // In MemoryUse's order.
};

}  // namespace tickcast::shards
