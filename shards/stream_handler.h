// StreamHandler: the paths whose response does not end: HTTP streams and server-sent events, both
// with commands at /emulation and, unidirectional, without any.
//
// The request brings the first commands, or what a unidirectional client connects with; from then
// on the connection is a client's like one over a WebSocket, only framed otherwise (framing.h).
// Where connect_code_to_http_response is on, the response of a unidirectional client waits for what
// becomes of its connect, and says that by its status.
// Threading: owned by one shard. Sources: handler_http_stream.go and handler_sse.go of
// github.com/centrifugal/centrifuge, internal/unihttpstream and internal/unisse of
// github.com/centrifugal/centrifugo.
#pragma once

#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "engine/config.h"
#include "protocol/centrifuge/command.h"
#include "protocol/http/request_head.h"
#include "protocol/json/payload.h"
#include "shards/connection.h"
#include "shards/http_responder.h"
#include "shards/origin.h"

namespace tickcast::shards {

// What a unidirectional client connects with, a ConnectRequest, as the connect command that it
// stands for.
class ConnectFrames {
 public:
  // The command in a frame with kJsonPaddingBytes behind it, valid until the next call; empty where
  // `request` is no ConnectRequest in JSON. REQUIRES: kJsonPaddingBytes behind `request`.
  std::string_view Wrap(std::string_view request);

 private:
  protocol::JsonValidator validator_;
  protocol::CommandParser parser_{1024};
  std::string frame_;
};

class StreamHandler {
 public:
  class Host {
   public:
    virtual ~Host() = default;
    // A client is about to get a transport, and is counted until its connection ends. False: there
    // are as many as client.connection_limit allows.
    virtual bool AdmitClient(engine::Slot slot) = 0;
    // The connection is a client's from here on, and `commands` is its first frame, with
    // kJsonPaddingBytes behind it. The head of the response is in the outbox, or waits.
    virtual void OnStreamOpened(engine::Slot slot, std::string_view commands) = 0;
  };

  StreamHandler(const engine::Config& config, ConnectionTable& connections,
                HttpResponder& responder, Origins& origins, ShardMetrics& metrics, Host& host)
      : config_(config),
        connections_(connections),
        responder_(responder),
        origins_(origins),
        metrics_(metrics),
        host_(host) {}

  // False when the path is none of ours. REQUIRES: kJsonPaddingBytes readable behind `body`.
  bool Run(const HttpAsker& asker, const protocol::RequestHead& head, std::string_view body);

  // The client of `slot` is connected: a response that waited begins.
  void Begin(engine::Slot slot);
  // It is not, and ends with the error or disconnect `code`: writes the whole response into the
  // outbox. False, and nothing done, where none waits.
  bool Refuse(engine::Slot slot, std::uint32_t code, std::string_view reason);
  // The connection is gone.
  void Forget(engine::Slot slot) { waiting_.erase(slot); }

 private:
  struct Path {
    Transport transport;
    bool unidirectional;
    bool enabled;
    std::string_view prefix;
    std::string_view methods;  // For Access-Control-Allow-Methods.
    std::size_t max_body_bytes;
    const engine::ResponseTransforms* transforms;  // Null: its response does not wait.
  };
  // A response that has not begun.
  struct Waiting {
    const engine::ResponseTransforms* transforms;
    std::string origin;  // Of the page that may have it, or empty.
  };

  std::array<Path, 4> Paths() const;
  void RunPath(const Path& path, const HttpAsker& asker, const protocol::RequestHead& head,
               std::string_view body);
  // Puts the first frame into frame_, with its padding. False when the request was refused.
  bool TakeFrame(const Path& path, const HttpAsker& asker, const protocol::RequestHead& head,
                 std::string_view body);
  void Open(const Path& path, const HttpAsker& asker, const protocol::RequestHead& head);
  void AppendHead(engine::Slot slot, std::string_view origin);

  const engine::Config& config_;
  ConnectionTable& connections_;
  HttpResponder& responder_;
  Origins& origins_;
  ShardMetrics& metrics_;
  Host& host_;
  ConnectFrames connect_frames_;
  std::string frame_;
  std::size_t frame_bytes_ = 0;  // Of it, without the padding.
  absl::flat_hash_map<engine::Slot, Waiting> waiting_;
};

}  // namespace tickcast::shards
