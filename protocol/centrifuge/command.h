// Commands: what a client asks for, decoded from one frame of the Centrifuge protocol v2.
//
// In JSON a frame carries commands separated by single newlines. Each is one object with an `id`
// and one member named for what is asked. In Protobuf each is a message with its length before it.
// Every command is validated whole before a member of it is believed (protocol/json/payload.h says
// why), and a payload leaves here as one minified line whose numbers are untouched. The requests
// are structs of views, so that another encoding can fill them. Sources: definitions/client.proto
// of github.com/centrifugal/protocol (names, types, which of several members wins), client.go of
// github.com/centrifugal/centrifuge (what closes 3501). Threading: a CommandParser belongs to one
// thread; one serves all connections of a shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "protocol/centrifuge/form.h"

namespace tickcast::protocol {

// In the order in which the original looks for them: of several in one command the first counts.
enum class CommandKind : std::uint8_t {
  kPong,  // The empty command `{}`, the answer to a server's ping.
  kConnect,
  kSubscribe,
  kUnsubscribe,
  kPublish,
  kPresence,
  kPresenceStats,
  kHistory,
  kRpc,
  kSend,
  kRefresh,
  kSubRefresh,
};

// In all requests: a view is empty and a number 0 where the member was absent or null. `data` is
// minified JSON; an explicit `"data":null` is the text `null`. Members that are objects of a later
// concern (`subs`, `headers`, `tf`, `track`, `untrack`) are minified JSON as well, in Protobuf too,
// where `data` alone is the bytes that came: `data_is_json` tells.

struct ConnectRequest {
  std::string_view token;
  std::string_view data;
  std::string_view name;
  std::string_view version;
  std::string_view subs;     // Object: channel name to subscribe request (server-side recovery).
  std::string_view headers;  // Object of strings: HTTP headers a browser could not set.
  std::int64_t flag = 0;
};

// What a subscribe asks for besides a name. Source: SubscribeRequest.
struct SubscribeRequest {
  std::string_view channel;  // Never empty.
  std::string_view token;
  std::string_view epoch;
  std::string_view data;    // Our own options: interval_ms, min_change, priority (design).
  std::string_view delta;   // Name of the delta format wanted; "fossil" is the only one known.
  std::string_view tf;      // Object: filter on tags.
  std::string_view cursor;  // Map subscriptions: page of the state.
  std::uint64_t offset = 0;
  std::int64_t flag = 0;   // 1: channel compaction; 2: reject an unrecovered position with 112.
  std::int32_t type = 0;   // 0 stream, 1 map, 2 map of clients, 3 map of users, 4 track.
  std::int32_t phase = 0;  // Map subscriptions: 2 state, 1 stream, 0 live.
  std::int32_t limit = 0;  // Map subscriptions: size of a page.
  bool recover = false;
  bool positioned = false;
  bool recoverable = false;
  bool join_leave = false;
  bool asc = false;
};

struct PublishRequest {
  std::string_view channel;  // Never empty.
  std::string_view data;     // Empty when absent: error 107, but for a map.
  std::string_view key;      // Map publish.
  std::int32_t type = 0;     // 1 map, any other plain.
  bool removed = false;      // Map publish: remove `key`.
};

struct HistoryRequest {
  std::string_view channel;  // Never empty.
  std::int32_t limit = 0;    // 0: position only; -1: as many as the server allows.
  bool has_since = false;
  std::uint64_t since_offset = 0;
  std::string_view since_epoch;
  bool reverse = false;
};

// unsubscribe, presence, presence_stats.
struct ChannelRequest {
  std::string_view channel;  // Never empty.
};

struct RpcRequest {
  std::string_view method;
  std::string_view data;
};

struct SendRequest {
  std::string_view data;
};

struct RefreshRequest {
  std::string_view token;
};

struct SubRefreshRequest {
  std::string_view channel;  // Never empty.
  std::string_view token;
  std::int32_t type = 0;     // 0 refresh, 1 track, 2 untrack.
  std::string_view track;    // Array of {signature, items}.
  std::string_view untrack;  // Array of keys.
};

// One command. Of the requests only the one that `kind` names is set, and the others are stale.
struct Command {
  std::uint32_t id = 0;  // 0 only for kPong and kSend, which have no reply.
  CommandKind kind = CommandKind::kPong;
  // Whether the request's `data`, if it has any, is one valid JSON text: always in a JSON frame; in
  // Protobuf it is checked, and may hold white space, newlines too.
  bool data_is_json = true;

  ConnectRequest connect;
  SubscribeRequest subscribe;
  ChannelRequest channel;  // kUnsubscribe, kPresence, kPresenceStats.
  PublishRequest publish;
  HistoryRequest history;
  RpcRequest rpc;
  SendRequest send;
  RefreshRequest refresh;
  SubRefreshRequest sub_refresh;
};

enum class CommandVerdict : std::uint8_t {
  kCommand,   // `command()` is the next one.
  kDone,      // The frame is used up.
  kBadFrame,  // Close 3501 "bad request"; the frame has no further commands.
};

// Splits a frame into commands. Usage: Begin(frame), then Next() until it is not kCommand.
//
// The commands before a bad one are given out first, as the original does. Bad are: an empty frame
// or line (one newline at the end is no line), anything but one JSON object per line, a member of
// a wrong type or a number out of its range, a command without a known kind, `ping` (there is none
// in v2), no id (except for pong and send), no channel where one is needed. Unknown members
// are ignored. In Protobuf bad are besides: a length or a number that is cut short, a text that is
// no UTF-8, a group.
//
// Stricter than the original on purpose, where no SDK can tell: it takes a command with id 0 for a
// pong whatever it asks, reads `null` as a pong, matches names without case and ignores garbage
// behind an object.
class CommandParser {
 public:
  // Prepares for frames of up to `expected_bytes`; a longer one makes it allocate once.
  explicit CommandParser(std::size_t expected_bytes = 64 * 1024);
  CommandParser(CommandParser&&) noexcept;
  CommandParser& operator=(CommandParser&&) noexcept;
  ~CommandParser();

  // Starts with `frame`, forgetting the one before, even if not all of it was taken.
  // REQUIRES: `frame` stays readable and unchanged until the last Next(), with kJsonPaddingBytes
  // readable bytes behind it (their content does not matter).
  void Begin(std::string_view frame, Encoding encoding = Encoding::kJson);

  CommandVerdict Next();

  // The frame from the command that Next() found on, so that it can be run again later.
  std::string_view Remaining() const;

  // The command that Next() found. Its views point into this parser or into the frame and live
  // until the next Begin(); the struct itself is overwritten by the next Next().
  const Command& command() const { return command_; }

 private:
  CommandVerdict NextJson();
  CommandVerdict NextProtobuf();

  struct Impl;
  std::unique_ptr<Impl> impl_;
  Command command_;
};

}  // namespace tickcast::protocol
