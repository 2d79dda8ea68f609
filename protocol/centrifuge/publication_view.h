// What replies and pushes are made of: publications, clients, the result of subscribing.
//
// All views only have to outlive the call they are given to. A *payload* is what the protocol
// leaves to applications: one-line JSON for a connection that speaks JSON, any bytes in Protobuf.
// Source: definitions/client.proto of github.com/centrifugal/protocol. Threading: plain values.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tickcast::protocol {

// Who published, joined or is present. Source: ClientInfo.
struct ClientInfo {
  std::string_view user;
  std::string_view client;
  std::string_view conn_info;  // A payload, like the next.
  std::string_view chan_info;

  // Whether there is one at all: nobody has no client id.
  bool empty() const { return client.empty() && user.empty(); }
};

// One publication as a client sees it. Source: Publication.
struct PublicationView {
  std::string_view data;      // A payload; empty leaves the member out.
  ClientInfo info;            // Left out where it is empty.
  std::uint64_t offset = 0;   // 0: the channel has no history.
  std::string_view tags;      // A JSON object of strings without white space (TagSet), or empty.
  bool delta = false;         // `data` is a patch on the version that was sent before.
  std::int64_t time_ms = 0;   // Since 1970.
  std::string_view channel;   // Of a wildcard subscription's publication.
  std::string_view key;       // Map subscriptions.
  bool removed = false;       // Map subscriptions: of the key there is nothing any more.
  std::int64_t score = 0;     // Map subscriptions.
  std::string_view epoch;     // Track subscriptions.
  std::uint64_t version = 0;  // Track subscriptions.
  // In JSON `data` goes out as an escaped string: once delta is negotiated all do, patches and full
  // values. REQUIRES: then `data` is valid UTF-8.
  bool data_as_text = false;
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
  std::string_view data;  // A payload: a proxy's, or what was granted of our own options.
  bool was_recovering = false;
  bool delta = false;
  std::int64_t id = 0;     // Channel compaction: stands for the channel's name in pushes.
  std::int32_t type = 0;   // Map and track subscriptions from here on.
  std::int32_t phase = 0;  // 2 state, 1 stream, 0 live.
  std::string_view cursor;
  std::span<const PublicationView> state;
  // In place of `state`: as AppendState() has written it in the encoding of the answer.
  std::string_view written_state;
  std::uint32_t publish_debounce_ms = 0;
};

// A subscription that the server made by itself while connecting.
struct ConnectSubscription {
  std::string_view channel;
  SubscribeResult result;
};

}  // namespace tickcast::protocol
