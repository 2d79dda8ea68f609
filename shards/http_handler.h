// HttpHandler: what the port answers to plain HTTP: health, metrics, last values, the page, the
// server API and the list of slow clients, and the upgrade to a WebSocket.
//
// A connection answers one request at a time; what the peer pipelines behind it waits in the
// connection's input. Answers that need other shards (the API, all last values) are written when
// their questions have come back.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/config.h"
#include "protocol/http/request_head.h"
#include "shards/connection.h"
#include "shards/console_assets.h"
#include "shards/emulation_handler.h"
#include "shards/exchange.h"
#include "shards/http_responder.h"
#include "shards/node.h"
#include "shards/origin.h"
#include "shards/server_api.h"
#include "shards/shard_metrics.h"
#include "shards/slow_clients.h"
#include "shards/stream_handler.h"
#include "shards/tickers_page.h"

namespace tickcast::shards {

// The files of the page at `/`, given by the program; they live as long as it.
using HttpAssets = std::span<const ConsoleAsset>;

class HttpHandler {
 public:
  // Bytes of a request's body. A larger one is 413.
  static constexpr std::size_t kMaxBodyBytes = 1024 * 1024;

  // What answering asks of the shard.
  class Host : public HttpResponder::Host, public StreamHandler::Host {
   public:
    // The 101 is in the outbox: the connection speaks WebSocket from here on.
    virtual void OnUpgraded(engine::Slot slot, bool echo) = 0;
    // A request begins; `head` lives until this returns.
    virtual void OnRequestHead(engine::Slot slot, const protocol::RequestHead& head) = 0;
    // What a unidirectional client connects with came with its upgrade: `frame` is the command,
    // with kJsonPaddingBytes behind it.
    virtual void OnUniConnect(engine::Slot slot, std::string_view frame) = 0;
    // Every shard of the server runs, and it does not drain.
    virtual bool Ready() const = 0;
    // The whole process's metrics in Prometheus text format.
    virtual std::string MetricsText() = 0;
    virtual std::uint64_t NowNs() = 0;
  };

  HttpHandler(const engine::Config& config, ConnectionTable& connections, Exchange& exchange,
              ShardMetrics& metrics, Host& host, HttpAssets assets, const Node& node);

  // Input of a connection in state kHttp, from the start of a request: all that has arrived and was
  // not consumed. Returns how many bytes are done with. The caller keeps the rest and comes back
  // with more; or at once if something was consumed, the connection still is in that state, and it
  // is not `answering`. REQUIRES: kJsonPaddingBytes readable bytes behind it.
  std::size_t OnInput(engine::Slot slot, std::string_view input);

  // An answer to a question of ours (any asker but kSession). Its connection may be gone.
  void OnAnswer(std::unique_ptr<Request> answer);

  // Where responses wait for what becomes of their client's connect.
  StreamHandler& streams() { return streams_; }

  // Refuses a connection before it has asked anything.
  void RefuseConnection(engine::Slot slot, int status, std::string_view reason);

 private:
  struct Route;
  static const Route kRoutes[];

  std::string_view PathOf(const Route& route) const;
  HttpAsker AskerOf(engine::Slot slot, const protocol::RequestHead& head) const;
  void Dispatch(const HttpAsker& asker, const protocol::RequestHead& head, std::string_view body);
  void Health(const HttpAsker& asker, const protocol::RequestHead& head, std::string_view body);
  void Metrics(const HttpAsker& asker, const protocol::RequestHead& head, std::string_view body);
  void Tickers(const HttpAsker& asker, const protocol::RequestHead& head, std::string_view body);
  // Answers a request to the server API. False when its path is none of it.
  bool Api(const HttpAsker& asker, const protocol::RequestHead& head, std::string_view body);
  void ListSlowClients(const HttpAsker& asker, const protocol::RequestHead& head,
                       std::string_view body);
  void Upgrade(const HttpAsker& asker, const protocol::RequestHead& head, std::string_view body);
  void Asset(const HttpAsker& asker, const protocol::RequestHead& head);
  void UpgradeOneWay(const HttpAsker& asker, const protocol::RequestHead& head);
  // Writes the 101, and sets the form that was asked for. False when the request was refused.
  bool Accept(const HttpAsker& asker, const protocol::RequestHead& head);

  const engine::Config& config_;
  ConnectionTable& connections_;
  Host& host_;
  const HttpAssets assets_;
  HttpResponder responder_;
  Origins origins_;
  ServerApi api_;
  TickersPage tickers_;
  SlowClients slow_clients_;
  StreamHandler streams_;
  EmulationHandler emulation_;
  ConnectFrames connect_frames_;
};

}  // namespace tickcast::shards
