#include "shards/shard_metrics.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/invariant.h"

namespace tickcast::shards {
namespace {

struct CloseReasonRow {
  CloseReason reason;
  const char* name;
};

constexpr CloseReasonRow kCloseReasons[] = {
    {CloseReason::kHttpDone, "http done"},
    {CloseReason::kPeerGone, "peer gone"},
    {CloseReason::kHeadTimeout, "head timeout"},
    {CloseReason::kNoRoom, "no room"},
    {CloseReason::kPeerClosed, "peer closed"},
    {CloseReason::kTooMuchInput, "too much input"},
    {CloseReason::kBadRequestHead, "bad request head"},
    {CloseReason::kNoMemory, "no memory"},
    {CloseReason::kByApplication, "by application"},
    {CloseReason::kOverLimit, "over limit"},
    {CloseReason::kGoingAway, "1001 going away"},
    {CloseReason::kProtocolError, "1002 protocol error"},
    {CloseReason::kInvalidPayload, "1007 invalid payload"},
    {CloseReason::kMessageTooBig, "1009 message too big"},
    {CloseReason::kShutdown, "3001 shutdown"},
    {CloseReason::kServerError, "3004 internal server error"},
    {CloseReason::kExpired, "3005 connection expired"},
    {CloseReason::kSubscriptionExpired, "3006 subscription expired"},
    {CloseReason::kSlow, "3008 slow"},
    {CloseReason::kInsufficientState, "3010 insufficient state"},
    {CloseReason::kNoPong, "3012 no pong"},
    {CloseReason::kTooManyRequests, "3013 too many requests"},
    {CloseReason::kInvalidToken, "3500 invalid token"},
    {CloseReason::kBadRequest, "3501 bad request"},
    {CloseReason::kStale, "3502 stale"},
    {CloseReason::kForceNoReconnect, "3503 force disconnect"},
    {CloseReason::kConnectionLimit, "3504 connection limit"},
    {CloseReason::kChannelLimit, "3505 channel limit"},
    {CloseReason::kInappropriateProtocol, "3506 inappropriate protocol"},
    {CloseReason::kPermissionDenied, "3507 permission denied"},
    {CloseReason::kNotAvailable, "3508 not available"},
};
static_assert(std::size(kCloseReasons) <= 32);

constexpr protocol::ApiError kApiErrors[] = {
    protocol::ApiError::kInternal,     protocol::ApiError::kUnknownChannel,
    protocol::ApiError::kNotFound,     protocol::ApiError::kBadRequest,
    protocol::ApiError::kNotAvailable, protocol::ApiError::kUnrecoverablePosition,
    protocol::ApiError::kConflict,
};

constexpr const char* kSkippedHelp =
    "Publications that subscribers were owed and did not get, by reason.";
constexpr const char* kJoinLeaveHelp =
    "Joins and leaves that were not told, by reason: the channel has too many clients, or the "
    "subscriber was too slow.";
constexpr const char* kMemoryUses[] = {"connections", "subscriptions", "unsent",
                                       "replies",     "catch up",      "history"};
// In the order of Limit.
constexpr const char* kLimitNames[] = {"connection_limit",
                                       "connection_rate_limit",
                                       "user_connection_limit",
                                       "address_connection_limit",
                                       "address_connection_rate",
                                       "channel_limit",
                                       "subscribe_rate",
                                       "command_rate",
                                       "publish_rate",
                                       "subscriber_limit",
                                       "max_keys_per_connection"};
static_assert(std::size(kLimitNames) == kLimits);
constexpr const char* kStatusClasses[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

}  // namespace

engine::MetricLabels ShardMetrics::Labels(const char* label, const char* value) const {
  engine::MetricLabels labels = {{"shard", shard_}};
  if (label != nullptr) labels.emplace_back(label, value);
  return labels;
}

engine::Counter& ShardMetrics::Counter(const char* name, const char* help, const char* label,
                                       const char* value, engine::MetricUnit unit) {
  return registry_.AddCounter(name, help, Labels(label, value), unit);
}

engine::Gauge& ShardMetrics::Gauge(const char* name, const char* help, const char* label,
                                   const char* value) {
  return registry_.AddGauge(name, help, Labels(label, value));
}

ShardMetrics::ShardMetrics(engine::Registry& registry, ShardId shard)
    : registry_(registry),
      shard_(absl::StrCat(shard)),
      turns(Counter("tickcast_turns_total", "Passes of the shard's loop.")),
      busy_ns(Counter("tickcast_busy_seconds_total", "Time the shard worked.", nullptr, nullptr,
                      engine::MetricUnit::kNanoseconds)),
      idle_ns(Counter("tickcast_idle_seconds_total", "Time the shard slept.", nullptr, nullptr,
                      engine::MetricUnit::kNanoseconds)),
      accepted(Counter("tickcast_accepted_total", "Connections accepted.")),
      accept_refused(Counter("tickcast_accept_refused_total",
                             "Times accepting stopped because every slot was taken.")),
      upgrades(Counter("tickcast_upgrades_total", "WebSocket handshakes done.")),
      streams_opened(Counter("tickcast_streams_opened_total",
                             "HTTP streams and server-sent event streams begun.")),
      emulation_refused(Counter("tickcast_emulation_refused_total",
                                "Emulation requests with the session or node of nobody.")),
      transport_errors(
          Counter("tickcast_transport_errors_total", "Sockets that failed (reset, timed out).")),
      buffers_exhausted(Counter("tickcast_receive_buffers_exhausted_total",
                                "Receives that found no free buffer and were armed again.")),
      reading_paused(Counter("tickcast_reading_paused_total",
                             "Connections not read from because they did not take replies.")),
      pings(Counter("tickcast_pings_total", "Pings sent to clients.")),
      commands(Counter("tickcast_commands_total", "Commands of clients.")),
      unknown_peers(Counter("tickcast_unknown_peers_total",
                            "Connections whose address was to be counted, and the kernel does not "
                            "tell it (Linux before 6.7).")),
      subscriptions(Gauge("tickcast_subscriptions", "Subscriptions of clients.")),
      tracked_keys(Gauge("tickcast_tracked_keys", "Keys that clients track.")),
      tracked_keys_expired(Counter("tickcast_tracked_keys_expired_total",
                                   "Tracked keys let go because their signature had expired.")),
      publications_in(Counter("tickcast_publications_in_total",
                              "Publications that reached channels with subscribers here.")),
      publications_refused(Counter("tickcast_publications_refused_total",
                                   "Publications refused because their way was full (111, 503).")),
      owed(Counter("tickcast_publications_owed_total",
                   "Publications times the subscribers they were owed to.")),
      delivered(Counter("tickcast_publications_delivered_total",
                        "Publications handed to the kernel for a subscriber.")),
      conflated(Counter("tickcast_publications_conflated_total",
                        "Publications of state channels replaced by a newer one, per subscriber.")),
      skipped_gap(Counter("tickcast_publications_skipped_total", kSkippedHelp, "reason", "gap")),
      skipped_left(Counter("tickcast_publications_skipped_total", kSkippedHelp, "reason", "left")),
      skipped_filtered(
          Counter("tickcast_publications_skipped_total", kSkippedHelp, "reason", "filtered")),
      gaps(Counter("tickcast_gaps_total",
                   "Subscriptions ended with 2500 because their stream had moved on too far.")),
      ingest_to_send(registry.AddHistogram(
          "tickcast_ingest_to_send_seconds",
          "From a publication's arrival in the process to the flush that sends it.", Labels())),
      join_leave_pushes(Counter("tickcast_join_leave_pushes_total",
                                "Joins and leaves written for subscribers that asked for them.")),
      join_leave_slow(
          Counter("tickcast_join_leave_dropped_total", kJoinLeaveHelp, "reason", "slow")),
      sends(Counter("tickcast_sends_total", "Messages handed to the kernel, whole or in part.")),
      short_sends(Counter("tickcast_short_sends_total", "Messages of which a part was taken.")),
      refused_sends(
          Counter("tickcast_refused_sends_total", "Messages that a full socket refused whole.")),
      bytes_sent(Counter("tickcast_sent_bytes_total", "Bytes handed to the kernel.")),
      bytes_received(Counter("tickcast_received_bytes_total", "Bytes received.")),
      blocked(Counter("tickcast_blocked_total", "Times a connection's socket became full.")),
      shard_pressure(Gauge("tickcast_shard_pressure",
                           "Least pressure level of the shard's connections: 0 normal, 1 degraded, "
                           "2 critical, 3 emergency.")),
      shed(Gauge("tickcast_memory_shed",
                 "What the memory budget has given up: 0 nothing, 1 half of the histories, 2 small "
                 "changes, 3 new connections, 4 the slowest connections.")),
      closed_for_memory(Counter("tickcast_closed_for_memory_total",
                                "Slow connections closed to keep the memory budget.")),
      connections_(Gauge("tickcast_connections", "Open connections.")),
      channels_(Gauge("tickcast_channels", "Channels with subscribers on this shard.")),
      home_channels_(Gauge("tickcast_home_channels", "Channels whose home is this shard.")),
      published_(Counter("tickcast_published_total",
                         "Publications that got a place in a channel "
                         "whose home is this shard.")),
      lane_depth_(Gauge("tickcast_lane_depth", "Messages in the lanes to this shard.")),
      lane_waiting_(
          Gauge("tickcast_lane_waiting", "Messages of this shard that wait for room in a lane.")),
      lane_conflated_(Counter("tickcast_lane_conflated_total",
                              "Publications replaced by a newer one while a lane was full.")),
      presence_clients_(Gauge("tickcast_presence_clients",
                              "Clients in the channels whose home is this shard, once in each.")),
      join_leave_size_(
          Counter("tickcast_join_leave_dropped_total", kJoinLeaveHelp, "reason", "size")),
      map_presence_(Gauge("tickcast_map_presence_subscriptions",
                          "Subscriptions whose clients or users stand in maps of who is present.")),
      map_presence_refused_(
          Counter("tickcast_map_presence_refused_total",
                  "Keys of clients that a home could not write or remove, as a way to subscribers "
                  "was full. They are written again, or end by their time.")) {
  for (std::size_t i = 0; i < kErrors; ++i) {
    errors_[i] =
        &Counter("tickcast_errors_total", "Error replies to clients, by code.", "code",
                 absl::StrCat(static_cast<std::uint32_t>(protocol::kErrors[i].code)).c_str());
  }
  for (std::size_t i = 0; i < api_commands_.size(); ++i) {
    const std::string method(protocol::NameOf(static_cast<protocol::ApiMethod>(i)));
    api_commands_[i] = &Counter("tickcast_api_commands_total", "Commands of the server API.",
                                "method", method.empty() ? "unknown" : method.c_str());
  }
  for (std::size_t i = 0; i < std::size(kApiErrors); ++i) {
    api_errors_[i] =
        &Counter("tickcast_api_errors_total", "Errors answered by the server API, by code.", "code",
                 absl::StrCat(static_cast<std::uint32_t>(kApiErrors[i])).c_str());
  }
  for (std::size_t i = 0; i < protocol::kJwtResults; ++i) {
    const std::string_view result = protocol::NameOf(static_cast<protocol::JwtResult>(i));
    tokens_[i] = &Counter("tickcast_tokens_total", "Tokens that were checked, by result.", "result",
                          result.data());
  }
  for (std::size_t i = 0; i < std::size(kCloseReasons); ++i) {
    closes_[i] = &Counter("tickcast_closes_total", "Connections ended, by reason.", "reason",
                          kCloseReasons[i].name);
  }
  for (std::size_t i = 0; i < kLimits; ++i) {
    limited_[i] =
        &Counter("tickcast_limited_total", "What limits refused, by the key of the configuration.",
                 "limit", kLimitNames[i]);
  }
  for (std::size_t i = 0; i < kPressureLevels; ++i) {
    const char* level = NameOf(static_cast<PressureLevel>(i)).data();
    to_level_[i] = &Counter("tickcast_pressure_changes_total",
                            "Changes of connections' pressure, by the new level.", "level", level);
    // Normal ones are the rest.
    if (i != 0) {
      at_level_[i] = &Gauge("tickcast_pressure_connections",
                            "Connections above normal pressure, by level.", "level", level);
    }
  }
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    memory_[i] = &Gauge("tickcast_memory_bytes", "User-space memory of the shard, by use.", "use",
                        kMemoryUses[i]);
  }
  for (std::size_t i = 0; i < responses_.size(); ++i) {
    responses_[i] = &Counter("tickcast_http_responses_total", "HTTP responses, by status class.",
                             "status", kStatusClasses[i]);
  }
}

void ShardMetrics::CountClose(CloseReason reason) {
  if (reason == CloseReason::kNone) return;
  const auto* row =
      std::find_if(std::begin(kCloseReasons), std::end(kCloseReasons),
                   [&](const CloseReasonRow& known) { return known.reason == reason; });
  INVARIANT(row != std::end(kCloseReasons), "every reason to close has a counter");
  closes_[static_cast<std::size_t>(row - std::begin(kCloseReasons))]->Add();
}

void ShardMetrics::CountError(protocol::ErrorCode error) {
  errors_[static_cast<std::size_t>(error) - static_cast<std::size_t>(protocol::kErrors[0].code)]
      ->Add();
}

void ShardMetrics::CountApi(protocol::ApiMethod method) {
  api_commands_[static_cast<std::size_t>(method)]->Add();
}

void ShardMetrics::CountApiError(protocol::ApiError error) {
  for (std::size_t i = 0; i < std::size(kApiErrors); ++i) {
    if (kApiErrors[i] == error) api_errors_[i]->Add();
  }
}

void ShardMetrics::CountToken(protocol::JwtResult result) {
  tokens_[static_cast<std::size_t>(result)]->Add();
}

void ShardMetrics::CountLimited(Limit limit) { limited_[static_cast<std::size_t>(limit)]->Add(); }

void ShardMetrics::CountResponse(int status) {
  responses_[static_cast<std::size_t>(status / 100 - 1)]->Add();
}

void ShardMetrics::CountLevel(PressureLevel from, PressureLevel to) {
  MoveLevel(from, to);
  to_level_[static_cast<std::size_t>(to)]->Add();
}

void ShardMetrics::MoveLevel(PressureLevel from, PressureLevel to) {
  if (from != PressureLevel::kNormal) at_level_[static_cast<std::size_t>(from)]->Add(-1);
  if (to != PressureLevel::kNormal) at_level_[static_cast<std::size_t>(to)]->Add(1);
}

void ShardMetrics::SetMemory(const MemoryUse& use) {
  const std::size_t bytes[] = {use.connections, use.subscriptions, use.unsent,
                               use.replies,     use.catch_up,      use.history};
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    memory_[i]->Set(static_cast<std::int64_t>(bytes[i]));
  }
}

void ShardMetrics::Sample(const ConnectionTable& connections, const ChannelTable& channels,
                          const Exchange& exchange, std::size_t home_channels,
                          std::uint64_t published) {
  connections_.Set(connections.open_count());
  channels_.Set(static_cast<std::int64_t>(channels.size()));
  home_channels_.Set(static_cast<std::int64_t>(home_channels));
  published_.Set(published);
  lane_depth_.Set(static_cast<std::int64_t>(exchange.inbound_depth()));
  lane_waiting_.Set(static_cast<std::int64_t>(exchange.waiting()));
  lane_conflated_.Set(exchange.lane_conflated());
}

void ShardMetrics::SampleMembers(std::size_t members, std::uint64_t joins_not_announced) {
  presence_clients_.Set(static_cast<std::int64_t>(members));
  join_leave_size_.Set(joins_not_announced);
}

void ShardMetrics::SampleMapPresence(std::size_t present, std::uint64_t refused) {
  map_presence_.Set(static_cast<std::int64_t>(present));
  map_presence_refused_.Set(refused);
}

}  // namespace tickcast::shards
