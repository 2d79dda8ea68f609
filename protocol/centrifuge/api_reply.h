// ApiReplyWriter: the answers of the server API, in the form of their endpoint.
//
// Members come in the order of api.proto, and one that is empty, 0 or false is left out exactly
// where the original leaves it out (internal/apiproto/generate_tags.sh lists the exceptions).
// Threading: a value on the stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/centrifuge/api.h"
#include "protocol/centrifuge/reply.h"

namespace tickcast::protocol {

// How one publication ended.
struct ApiPublishResult {
  ApiError error = ApiError::kNone;
  std::uint64_t offset = 0;  // 0 and "" where the channel has no history.
  std::string_view epoch;
};

// A process that serves clients.
struct ApiNode {
  std::string_view uid;
  std::string_view name;
  std::string_view version;
  std::uint32_t clients = 0;
  std::uint32_t users = 0;     // Different ones; those without a name count as one.
  std::uint32_t channels = 0;  // With subscribers.
  std::uint32_t uptime_s = 0;
  std::uint32_t subscriptions = 0;
  // Its `metrics`: 0 = none are shown. Then also what happened in the last interval of that length.
  std::uint32_t metrics_interval_s = 0;
  std::uint64_t publications = 0;
  std::uint64_t connections_refused = 0;
};

// How one write into a map channel ended.
struct ApiMapResult {
  std::uint64_t offset = 0;  // 0 where the map is ephemeral.
  std::string_view epoch;
  std::string_view suppress_reason;  // Why nothing was changed, as the original names it; or empty.
};

// A key of a map channel with its value, or one change of it.
struct ApiMapEntry {
  std::string_view key;
  std::string_view data;  // One-line JSON; empty for what is none, as of a removal.
  std::string_view tags;  // As of a PublicationView.
  std::uint64_t offset = 0;
  bool removed = false;
  std::int64_t time_ms = 0;  // Since 1970.
};

// What map_read_state and map_read_stream answer.
struct ApiMapPage {
  std::span<const ApiMapEntry> entries;
  std::uint64_t offset = 0;  // Of the newest change.
  std::string_view epoch;
  std::string_view cursor;  // Of the state's next page; empty: there is none.
};

// A channel that has subscribers.
struct ApiChannel {
  std::string_view name;
  std::uint32_t clients = 0;
};

// Writes the body of the answer: one call per command, in order, then Finish. Usage: if
// command.error is set, Error(); else run it and report the outcome.
class ApiReplyWriter {
 public:
  // Appends to `out`, which must outlive the writer.
  ApiReplyWriter(ApiForm form, std::string& out);

  void Error(const ApiCommand& command, ApiError error);

  void Publish(const ApiCommand& command, const ApiPublishResult& result);
  // `results` has one element per channel of the command.
  void Broadcast(const ApiCommand& command, std::span<const ApiPublishResult> results);
  // Done: subscribe, unsubscribe, disconnect, refresh, history_remove, map_clear,
  // shared_poll_publish and others with nothing to tell.
  void Done(const ApiCommand& command);
  void Presence(const ApiCommand& command, std::span<const ClientInfo> clients);
  void PresenceStats(const ApiCommand& command, std::uint32_t clients, std::uint32_t users);
  void History(const ApiCommand& command, const HistoryResult& result);
  void Info(const ApiCommand& command, const ApiNode& node);
  // map_publish, map_remove.
  void MapWritten(const ApiCommand& command, const ApiMapResult& result);
  // map_read_state, map_read_stream.
  void MapRead(const ApiCommand& command, const ApiMapPage& page);
  void MapStats(const ApiCommand& command, std::uint32_t keys);
  // `channels` have different names.
  void Channels(const ApiCommand& command, std::span<const ApiChannel> channels);

  // The last call.
  void Finish();

 private:
  void BeginReply(const ApiCommand& command);
  // Opens a reply up to its outcome; the caller appends that and closes the object.
  std::string& BeginResult(const ApiCommand& command);

  const ApiForm form_;
  std::string& out_;
  std::size_t replies_ = 0;
};

}  // namespace tickcast::protocol
