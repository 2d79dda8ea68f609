// Replies: what the server tells a client, written as JSON of the Centrifuge protocol v2.
//
// Every function appends one reply to a string and no newline; whoever joins several into one frame
// puts '\n' between them. Members come in the order of client.proto, and one that is empty, 0 or
// false is left out exactly where Centrifugo leaves it out: SDKs take an absent member for its zero
// and some take a present one for a promise (an epoch says that a position can be recovered).
// A publication is written once for all its readers, so its push is also given in two halves around
// the payload.
// Source: definitions/client.proto of github.com/centrifugal/protocol and its JSON tags.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/centrifuge/codes.h"

namespace tickcast::protocol {

// A server's ping, and the client's pong.
inline constexpr std::string_view kPingReply = "{}";

// Who published. `conn_info` and `chan_info` are one-line JSON or empty.
struct ClientInfo {
  std::string_view user;
  std::string_view client;
  std::string_view conn_info;
  std::string_view chan_info;
};

// One publication as a client sees it. All views only have to outlive the call.
struct PublicationView {
  std::string_view data;     // One-line JSON; empty leaves the member out.
  std::string_view info;     // One-line JSON of a ClientInfo (AppendClientInfo), or empty.
  std::uint64_t offset = 0;  // 0: the channel has no history.
  std::string_view tags;     // One-line JSON object of strings, or empty.
};

// The answer to a subscribe. Source: SubscribeResult.
struct SubscribeResult {
  bool expires = false;
  std::uint32_t ttl_s = 0;
  bool recoverable = false;
  std::string_view epoch;
  std::span<const PublicationView> publications;
  bool recovered = false;
  std::uint64_t offset = 0;
  bool positioned = false;
  std::string_view data;  // One-line JSON: what was granted of our own options.
  bool was_recovering = false;
};

// A subscription that the server made by itself while connecting.
struct ConnectSubscription {
  std::string_view channel;
  SubscribeResult result;
};

// The answer to a connect. Source: ConnectResult.
struct ConnectResult {
  std::string_view client;
  std::string_view version;
  bool expires = false;
  std::uint32_t ttl_s = 0;
  std::string_view data;  // One-line JSON.
  std::span<const ConnectSubscription> subs;
  std::uint32_t ping_s = 0;  // 0: the server will not ping.
  bool pong = false;         // The server wants its pings answered.
  std::string_view session;  // HTTP transports only, with `node`.
  std::string_view node;
  std::int64_t time_ms = 0;
};

// The answer to a history request; all three members are always written.
struct HistoryResult {
  std::span<const PublicationView> publications;
  std::string_view epoch;
  std::uint64_t offset = 0;
};

// {"user":…,"client":…,"conn_info":…,"chan_info":…}; the first two always.
void AppendClientInfo(const ClientInfo& info, std::string& out);

// {"data":…,"info":…,"offset":…,"tags":…}.
void AppendPublication(const PublicationView& publication, std::string& out);

// {"id":…,"connect":{…}} and so on. REQUIRES for all replies: id > 0.
void AppendConnectReply(std::uint32_t id, const ConnectResult& result, std::string& out);
void AppendSubscribeReply(std::uint32_t id, const SubscribeResult& result, std::string& out);
void AppendUnsubscribeReply(std::uint32_t id, std::string& out);
void AppendPublishReply(std::uint32_t id, std::string& out);
void AppendHistoryReply(std::uint32_t id, const HistoryResult& result, std::string& out);

// {"id":…,"rpc":{"data":…}}; `data` is one-line JSON, and left out where it is empty.
void AppendRpcReply(std::uint32_t id, std::string_view data, std::string& out);

// {"id":…,"error":{"code":…,"message":…,"temporary":true}}, the last only for temporary ones.
void AppendErrorReply(std::uint32_t id, ErrorCode code, std::string& out);

// The same with a text of our own, which names what was wrong.
void AppendErrorReply(std::uint32_t id, ErrorCode code, std::string_view message, std::string& out);

// {"push":{"channel":…,"pub":{"data":…,"info":…,"offset":…}}}, whole …
void AppendPublicationPush(std::string_view channel, const PublicationView& publication,
                           std::string& out);

// … and in halves: prefix + payload + suffix is the same text. `publication.data` is not read.
// REQUIRES: the payload is not empty.
void AppendPublicationPushPrefix(std::string_view channel, std::string& out);
void AppendPublicationPushSuffix(const PublicationView& publication, std::string& out);

// {"push":{"channel":…,"unsubscribe":{"code":…,"reason":…}}}
void AppendUnsubscribePush(std::string_view channel, UnsubscribeCode code, std::string_view reason,
                           std::string& out);

// {"push":{"message":{"data":…}}}; `data` is one-line JSON.
void AppendMessagePush(std::string_view data, std::string& out);

// {"push":{"disconnect":{"code":…,"reason":…}}}: what a transport without close codes says last.
// The schema's `reconnect` is left out, as in the original: SDKs go by the code.
void AppendDisconnectPush(DisconnectCode code, std::string& out);

}  // namespace tickcast::protocol
