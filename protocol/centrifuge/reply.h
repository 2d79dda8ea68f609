// Replies: what the server answers a client, in the Centrifuge protocol v2, as JSON or Protobuf.
//
// Every function appends one message: in JSON without a newline, and whoever joins several into one
// frame puts '\n' between them; in Protobuf with its length before it, so that several are simply
// concatenated. Fields come in the order of client.proto, and one that is empty, 0 or false is left
// out exactly where Centrifugo leaves it out: SDKs take an absent member for its zero and some take
// a present one for a promise (an epoch says that a position can be recovered).
// What the server says unasked is in push.h.
// Source: definitions/client.proto of github.com/centrifugal/protocol and its JSON tags.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/centrifuge/codes.h"
#include "protocol/centrifuge/form.h"
#include "protocol/centrifuge/publication_view.h"
#include "protocol/centrifuge/push.h"

namespace tickcast::protocol {

// The answer to a connect. Source: ConnectResult.
struct ConnectResult {
  std::string_view client;
  std::string_view version;
  bool expires = false;
  std::uint32_t ttl_s = 0;
  std::string_view data;  // A payload.
  std::span<const ConnectSubscription> subs;
  std::uint32_t ping_s = 0;  // 0: the server will not ping.
  bool pong = false;         // The server wants its pings answered.
  std::string_view session;  // HTTP transports only, with `node`.
  std::string_view node;
  std::int64_t time_ms = 0;
  std::int64_t flag = 0;  // Of the features that the client asked for, those it got.
};

// The answer to a refresh. Source: RefreshResult.
struct RefreshResult {
  std::string_view client;
  std::string_view version;
  bool expires = false;
  std::uint32_t ttl_s = 0;
};

// The answer to a sub_refresh. Source: SubRefreshResult.
struct SubRefreshResult {
  bool expires = false;
  std::uint32_t ttl_s = 0;
  std::span<const PublicationView> items;  // Track: what is known of the keys.
};

// The answer to a history request; JSON always shows all three members.
struct HistoryResult {
  std::span<const PublicationView> publications;
  std::string_view epoch;
  std::uint64_t offset = 0;
};

// The answer to a presence_stats; JSON always shows both members.
struct PresenceStatsResult {
  std::uint32_t num_clients = 0;
  std::uint32_t num_users = 0;
};

// An error that is no ErrorCode: of a proxy, or with a text of our own.
struct ErrorView {
  std::uint32_t code = 0;
  std::string_view message;
  bool temporary = false;
};

// {"id":…,"connect":{…}} and so on. REQUIRES for all replies: id > 0, and a form that is not bare;
// only the answer to connect has a bare form, which is the connect push.
void AppendConnectReply(Form form, std::uint32_t id, const ConnectResult& result, std::string& out);
void AppendSubscribeReply(Form form, std::uint32_t id, const SubscribeResult& result,
                          std::string& out);
// Appends the keys of a page for SubscribeResult::written_state, so that many answers can share
// them. REQUIRES: there are some.
void AppendState(Encoding encoding, std::span<const PublicationView> state, std::string& out);
void AppendUnsubscribeReply(Form form, std::uint32_t id, std::string& out);
void AppendPublishReply(Form form, std::uint32_t id, std::string& out);
// By the clients' ids, which `present` must all have.
void AppendPresenceReply(Form form, std::uint32_t id, std::span<const ClientInfo> present,
                         std::string& out);
void AppendPresenceStatsReply(Form form, std::uint32_t id, const PresenceStatsResult& result,
                              std::string& out);
void AppendHistoryReply(Form form, std::uint32_t id, const HistoryResult& result, std::string& out);
// `data` is a payload, and left out where it is empty.
void AppendRpcReply(Form form, std::uint32_t id, std::string_view data, std::string& out);
void AppendRefreshReply(Form form, std::uint32_t id, const RefreshResult& result, std::string& out);
void AppendSubRefreshReply(Form form, std::uint32_t id, const SubRefreshResult& result,
                           std::string& out);

// {"id":…,"error":{"code":…,"message":…,"temporary":true}}, the last only for temporary ones.
void AppendErrorReply(Form form, std::uint32_t id, ErrorCode code, std::string& out);
// The same with a text of our own, which names what was wrong.
void AppendErrorReply(Form form, std::uint32_t id, ErrorCode code, std::string_view message,
                      std::string& out);
void AppendErrorReply(Form form, std::uint32_t id, const ErrorView& error, std::string& out);

// {"user":…,"client":…,"conn_info":…,"chan_info":…} as JSON; the first two always.
void AppendClientInfo(const ClientInfo& info, std::string& out);

}  // namespace tickcast::protocol
