// Proxies: what is asked of the application's backend over HTTP, and what it answers.
//
// A request is one JSON object: who the client is (client, transport, protocol, encoding), and what
// it wants. An answer is `{"result":{…}}`, `{"error":{code,message,temporary}}` or
// `{"disconnect":{code,reason}}`. Names and shapes are those of Centrifugo, so that its backends
// work as they are.
// Source: internal/proxyproto/proxy.proto and internal/proxy of github.com/centrifugal/centrifugo.
// Threading: a ProxyAnswerParser belongs to one thread; the functions are pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/centrifuge/key_mode.h"
#include "protocol/subscription_override.h"

namespace tickcast::protocol {

enum class ProxyKind : std::uint8_t {
  kConnect,
  kRefresh,
  kRpc,
  kSubscribe,
  kPublish,
  kSubRefresh,
  kMapPublish,
  kMapRemove,
  kSharedPollRefresh,
};
inline constexpr std::size_t kProxyKinds = 9;

// "connect" … "shared_poll_refresh", as metrics label it.
std::string_view NameOf(ProxyKind kind);

// A key whose value is asked for.
struct ProxyPolledKey {
  std::string_view key;
  std::uint64_t version = 0;  // The one that is known; 0: none is, or they have none.
};

// What a backend is told. Members that a kind does not have are ignored; a kSharedPollRefresh,
// which no client asks, has its channel and keys only.
struct ProxyRequest {
  std::string_view client;     // The connection's id.
  std::string_view transport;  // "websocket", "sse", "http_stream", "uni_sse" …
  std::string_view protocol;   // "json" or "protobuf".
  bool binary = false;         // `data` goes as b64data, and `encoding` says "binary".
  std::string_view data;       // REQUIRES: one-line JSON, unless `binary`. Empty: left out.
  std::string_view user;       // All but kConnect.
  std::string_view meta;       // All but kConnect: one-line JSON, or empty.
  std::string_view channel;    // kSubscribe and behind it.
  std::string_view key;        // kMapPublish, kMapRemove.
  std::string_view token;      // kSubscribe.
  std::string_view method;     // kRpc.
  std::string_view name;       // kConnect: what the client calls itself.
  std::string_view version;    // kConnect.
  std::span<const std::string_view> channels;  // kConnect: what it would like to be subscribed to.
  std::span<const ProxyPolledKey> items;       // kSharedPollRefresh.
};

// Appends the body of a request.
void AppendProxyRequest(ProxyKind kind, const ProxyRequest& request, std::string& out);

// A payload: JSON on one line, or bytes that are none (only from b64data).
struct ProxyBytes {
  std::string_view bytes;
  bool is_json = true;

  bool empty() const { return bytes.empty(); }
  bool operator==(const ProxyBytes&) const = default;
};

// A server-side subscription that a connect answer gives.
struct ProxySubscription {
  std::string_view channel;
  std::int64_t expire_at_s = 0;
  ProxyBytes info;
  ProxyBytes data;
  SubscriptionOverride override;
  bool cache_recover = false;
};

// A key's value, as a kSharedPollRefresh answers.
struct ProxyPolledValue {
  std::string_view key;
  std::string_view data;  // One-line JSON; empty where it was absent.
  std::uint64_t version = 0;
  bool removed = false;
};

// What a backend decided. A view is empty and a number 0 where the member was absent.
struct ProxyAnswer {
  enum class Verdict : std::uint8_t {
    kResult,      // Or nothing at all, which `has_result` tells.
    kError,       // `code`, `text`, `temporary`.
    kDisconnect,  // `code`, `text`.
  };

  Verdict verdict = Verdict::kResult;
  bool has_result = false;
  std::uint32_t code = 0;
  std::string_view text;
  bool temporary = false;

  // kConnect.
  std::string_view user;
  std::span<const std::string_view> channels;
  std::span<const ProxySubscription> subs;
  // kConnect, kRefresh.
  std::string_view meta;  // JSON.
  // kRefresh, kSubRefresh.
  bool expired = false;
  // kConnect, kRefresh, kSubscribe, kSubRefresh.
  std::int64_t expire_at_s = 0;
  ProxyBytes info;
  // kConnect, kRpc, kSubscribe, kPublish, kMapPublish.
  ProxyBytes data;
  // kSubscribe.
  SubscriptionOverride override;
  // kPublish.
  bool skip_history = false;
  // kPublish, kMapPublish, kMapRemove.
  std::string_view tags;  // JSON object of strings.
  std::string_view idempotency_key;
  // kPublish, kMapPublish.
  bool delta = false;
  std::uint64_t version = 0;
  std::string_view version_epoch;
  // kMapPublish, kMapRemove: in place of the client's, where it is not empty.
  std::string_view key;
  // kMapPublish.
  KeyMode key_mode = KeyMode::kReplace;
  // kSharedPollRefresh. Keys that are not among them are as they were.
  std::span<const ProxyPolledValue> items;
  std::string_view epoch;  // Of the versions.
};

class ProxyAnswerParser {
 public:
  ProxyAnswerParser();
  ~ProxyAnswerParser();

  // Reads the body of an answer with status 200. False when it is none: no JSON object, a member of
  // a wrong type or out of range, base64 that is none, b64info that is no JSON (other clients, of
  // any form, are shown it), a key_mode that is none, an error without a code from 1 on, a
  // disconnect whose code cannot be a close code of the protocol (3000 to 4999). Of several of
  // disconnect, error and result the first one named here counts. Unknown members are ignored, and
  // with them those that only Centrifugo PRO knows (caps, labels, allow, server_tags_filter).
  // REQUIRES: kJsonPaddingBytes readable bytes behind `body`.
  bool Parse(ProxyKind kind, std::string_view body);

  // What Parse() read. The views live until the next one; they do not need the body.
  const ProxyAnswer& answer() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The headers of a request to a backend, as "Name: value". Of one name the last source given wins.
class ProxyHeaders {
 public:
  // Replaces what there is of `name`, whatever its case. Left out is what is no name or value of
  // RFC 9110 section 5 (a line break would begin another header), and what belongs to the message
  // and not to its sender: Host, Connection, Content-Length, Transfer-Encoding and their like.
  void Set(std::string_view name, std::string_view value);

  // Adds another value to what Set() put there.
  void Add(std::string_view name, std::string_view value);

  // All of them, and that the body is JSON, which nothing overrides.
  std::vector<std::string> Take();

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace tickcast::protocol
