// Pushes: what the server tells a client without being asked.
//
// Each is the reply {"push":{"channel":…,"pub":{…}}}, or in a bare form the push alone:
// {"channel":…,"pub":{…}}. How messages are put one behind the other is said in reply.h.
// Source: Push and its members in definitions/client.proto of github.com/centrifugal/protocol.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/centrifuge/codes.h"
#include "protocol/centrifuge/form.h"
#include "protocol/centrifuge/publication_view.h"

namespace tickcast::protocol {

struct ConnectResult;

// Whom a push is about. Empty where it concerns the connection.
struct PushTarget {
  std::string_view channel;
  std::int64_t id = 0;  // Channel compaction: not 0 is written in the name's place.
};

// A server's ping, and the client's pong: an empty message.
inline constexpr std::string_view kPingReply = "{}";
void AppendPing(Form form, std::string& out);

// {"push":{"channel":…,"pub":{"data":…,"info":…,"offset":…}}}: the one way in which a publication
// is written.
void AppendPublicationPush(Form form, PushTarget target, const PublicationView& publication,
                           std::string& out);
// Its beginning in JSON, not bare, up to the payload.
void AppendPublicationPushPrefix(std::string_view channel, std::string& out);

void AppendJoinPush(Form form, PushTarget target, const ClientInfo& info, std::string& out);
void AppendLeavePush(Form form, PushTarget target, const ClientInfo& info, std::string& out);

// The server has subscribed the client. Of `result` it tells recoverable, epoch, offset, positioned
// and data.
void AppendSubscribePush(Form form, PushTarget target, const SubscribeResult& result,
                         std::string& out);
void AppendUnsubscribePush(Form form, PushTarget target, UnsubscribeCode code,
                           std::string_view reason, std::string& out);
void AppendUnsubscribePush(Form form, PushTarget target, std::uint32_t code,
                           std::string_view reason, std::string& out);

// {"push":{"message":{"data":…}}}; `data` is a payload.
void AppendMessagePush(Form form, std::string_view data, std::string& out);

// The first push on a unidirectional transport.
void AppendConnectPush(Form form, const ConnectResult& result, std::string& out);

// {"push":{"disconnect":{"code":…,"reason":…}}}: what a transport without close codes says last.
// The schema's `reconnect` is left out, as in the original: SDKs go by the code.
void AppendDisconnectPush(Form form, DisconnectCode code, std::string& out);
void AppendDisconnectPush(Form form, std::uint32_t code, std::string_view reason, std::string& out);

// When the connection's credentials end from now on.
void AppendRefreshPush(Form form, bool expires, std::uint32_t ttl_s, std::string& out);

}  // namespace tickcast::protocol
