#include "shards/http_handler.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/invariant.h"
#include "engine/metrics_text.h"
#include "protocol/websocket/handshake.h"

namespace tickcast::shards {

using protocol::RequestHead;
using protocol::ResponseHeader;

namespace {

constexpr std::string_view kEchoPath = "/debug/echo";

// The page needs its own files and a WebSocket to its own origin, nothing else.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'self'; connect-src 'self' ws: wss:; style-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'";

bool MethodAllowed(std::string_view method, std::string_view allowed) {
  return method == allowed || (method == "HEAD" && allowed == "GET");
}

}  // namespace

struct HttpHandler::Route {
  std::string_view path;
  std::string_view method;  // GET includes HEAD.
  void (HttpHandler::*run)(const HttpAsker&, const RequestHead&, std::string_view body);
};

const HttpHandler::Route HttpHandler::kRoutes[] = {
    {kEchoPath, "GET", &HttpHandler::Upgrade},
    {"/health", "GET", &HttpHandler::Health},
    {"/metrics", "GET", &HttpHandler::Metrics},
    {"/v1/tickers", "GET", &HttpHandler::Tickers},
    {"/api/slow_clients", "GET", &HttpHandler::ListSlowClients},
};

HttpHandler::HttpHandler(const engine::Config& config, ConnectionTable& connections,
                         Exchange& exchange, ShardMetrics& metrics, Host& host, HttpAssets assets,
                         const Node& node)
    : config_(config),
      connections_(connections),
      host_(host),
      assets_(assets),
      responder_(connections, metrics, host),
      origins_(config.client),
      api_(config, exchange, responder_, metrics, node),
      tickers_(exchange, responder_),
      slow_clients_(exchange, responder_),
      streams_(config, connections, responder_, origins_, metrics, host),
      emulation_(config, exchange, responder_, origins_, metrics, node.uid) {}

HttpAsker HttpHandler::AskerOf(engine::Slot slot, const RequestHead& head) const {
  return {.slot = slot,
          .generation = connections_.generation(slot),
          .keep_alive = head.keep_alive(),
          .head_only = head.method == "HEAD"};
}

std::size_t HttpHandler::OnInput(engine::Slot slot, std::string_view input) {
  RequestHead head;
  const protocol::HeadResult result = protocol::ParseRequestHead(input, head);
  if (result.verdict == protocol::HeadVerdict::kNeedMore) return 0;
  const HttpAsker asker = AskerOf(slot, head);
  if (result.verdict == protocol::HeadVerdict::kBad) {
    responder_.Refuse(asker, result.status, result.reason, /*broken=*/true);
    return input.size();
  }
  const std::uint64_t body_bytes = head.content_length.value_or(0);
  if (body_bytes > kMaxBodyBytes) {
    responder_.Refuse(asker, 413, "the body is larger than 1 MiB", /*broken=*/true);
    return input.size();
  }
  if (input.size() - result.head_bytes < body_bytes) return 0;
  // Only asynchronous answers leave it set; OnResponse() clears it.
  connections_[slot].answering = true;
  Dispatch(asker, head, input.substr(result.head_bytes, body_bytes));
  return result.head_bytes + body_bytes;
}

void HttpHandler::Dispatch(const HttpAsker& asker, const RequestHead& head, std::string_view body) {
  // Whatever transport this may become: a backend may want to see the client's own headers.
  host_.OnRequestHead(asker.slot, head);
  if (streams_.Run(asker, head, body) || emulation_.Run(asker, head, body)) return;
  if (!config_.websocket.disabled && head.path == config_.websocket.handler_prefix) {
    return Upgrade(asker, head, body);
  }
  if (config_.uni_websocket.enabled && head.path == config_.uni_websocket.handler_prefix) {
    return UpgradeOneWay(asker, head);
  }
  for (const Route& route : kRoutes) {
    if (PathOf(route) != head.path) continue;
    if (!MethodAllowed(head.method, route.method)) {
      const ResponseHeader allow[] = {{"Allow", route.method == "GET" ? "GET, HEAD" : "POST"}};
      return responder_.Refuse(asker, 405, "this path has another method", false, allow);
    }
    return (this->*route.run)(asker, head, body);
  }
  if (!Api(asker, head, body)) Asset(asker, head);
}

// Where the operator put it.
std::string_view HttpHandler::PathOf(const Route& route) const {
  if (route.run == &HttpHandler::Health) return config_.health.handler_prefix;
  if (route.run == &HttpHandler::Metrics) return config_.prometheus.handler_prefix;
  return route.path;
}

void HttpHandler::Health(const HttpAsker& asker, const RequestHead&, std::string_view) {
  if (!config_.health.enabled) return responder_.Refuse(asker, 404, "health.enabled is false");
  if (!host_.Ready()) return responder_.Respond(asker, 503, "application/json", "{}\n");
  responder_.Respond(asker, 200, "application/json", "{}\n");
}

void HttpHandler::Metrics(const HttpAsker& asker, const RequestHead&, std::string_view) {
  if (!config_.prometheus.enabled) {
    return responder_.Refuse(asker, 404, "prometheus.enabled is false");
  }
  responder_.Respond(asker, 200, engine::kMetricsContentType, host_.MetricsText());
}

void HttpHandler::Tickers(const HttpAsker& asker, const RequestHead& head, std::string_view) {
  tickers_.Run(asker, head, host_.NowNs());
}

bool HttpHandler::Api(const HttpAsker& asker, const RequestHead& head, std::string_view body) {
  const std::string_view prefix = config_.http_api.handler_prefix;
  if (config_.http_api.disabled || !head.path.starts_with(prefix)) return false;
  const auto endpoint = protocol::ApiEndpointAt(head.path.substr(prefix.size()));
  if (!endpoint) return false;
  if (head.method != "POST") {
    const ResponseHeader allow[] = {{"Allow", "POST"}};
    responder_.Refuse(asker, 405, "this path has another method", false, allow);
  } else if (!api_.Authorized(head)) {
    responder_.Refuse(asker, 401, "Unauthorized");
  } else {
    api_.Run(asker, *endpoint, api_.WantsErrorStatus(head), body, host_.NowNs());
  }
  return true;
}

void HttpHandler::ListSlowClients(const HttpAsker& asker, const RequestHead& head,
                                  std::string_view) {
  if (!api_.Authorized(head)) return responder_.Refuse(asker, 401, "Unauthorized");
  slow_clients_.Run(asker, head);
}

bool HttpHandler::Accept(const HttpAsker& asker, const RequestHead& head) {
  static constexpr std::array kSpoken = {protocol::kJsonSubprotocol,
                                         protocol::kProtobufSubprotocol};
  const protocol::ServerHandshake handshake = protocol::CheckUpgrade(head, kSpoken);
  if (handshake.status != 101) {
    const ResponseHeader version[] = {{"Sec-WebSocket-Version", "13"}, {"Upgrade", "websocket"}};
    const std::span<const ResponseHeader> headers(version);
    responder_.Refuse(asker, handshake.status, handshake.reason, false,
                      handshake.status == 426 ? headers : headers.first(0));
    return false;
  }
  if (!origins_.Allow(head)) {
    responder_.Refuse(asker, 403, "client.allowed_origins does not list this Origin");
    return false;
  }
  if (head.path != kEchoPath && !host_.AdmitClient(asker.slot)) {
    responder_.Refuse(asker, 503, "client.connection_limit is reached");
    return false;
  }
  const bool protobuf = handshake.subprotocol == protocol::kProtobufSubprotocol ||
                        protocol::QueryParameter(head.query, "format") == "protobuf" ||
                        protocol::QueryParameter(head.query, "cf_protocol") == "protobuf";
  Connection& connection = connections_[asker.slot];
  connection.form = {.encoding =
                         protobuf ? protocol::Encoding::kProtobuf : protocol::Encoding::kJson};
  connection.frame_pings = protocol::QueryParameter(head.query, "cf_ws_frame_ping_pong") == "true";
  connection.answering = false;
  protocol::AppendUpgradeResponse(handshake, connections_.OutboxOf(asker.slot).raw);
  return true;
}

void HttpHandler::Upgrade(const HttpAsker& asker, const RequestHead& head, std::string_view) {
  const bool echo = head.path == kEchoPath;
  if (echo && !config_.debug.echo_endpoint) {
    return responder_.Refuse(asker, 404, "debug.echo_endpoint is false");
  }
  if (Accept(asker, head)) host_.OnUpgraded(asker.slot, echo);
}

// What the client connects with may stand in the request; else it is its first message.
void HttpHandler::UpgradeOneWay(const HttpAsker& asker, const RequestHead& head) {
  const std::optional<std::string> given = protocol::QueryParameter(head.query, "cf_connect");
  std::string_view connect;
  if (given && !given->empty()) {
    const std::string padded = *given + std::string(protocol::kJsonPaddingBytes, '\0');
    connect = connect_frames_.Wrap(std::string_view(padded).substr(0, given->size()));
    if (connect.empty()) return responder_.Refuse(asker, 400, "cf_connect must be a JSON object");
  }
  if (!Accept(asker, head)) return;
  Connection& connection = connections_[asker.slot];
  connection.form = {.bare = true};
  connection.frame_pings = false;  // It has both.
  // Joined, several pushes are one message of lines, as on a WebSocket with commands.
  connection.transport =
      config_.uni_websocket.join_push_messages ? Transport::kWebSocket : Transport::kUniWebSocket;
  host_.OnUpgraded(asker.slot, /*echo=*/false);
  if (!connect.empty()) host_.OnUniConnect(asker.slot, connect);
}

void HttpHandler::Asset(const HttpAsker& asker, const RequestHead& head) {
  const auto asset = std::find_if(assets_.begin(), assets_.end(), [&](const ConsoleAsset& known) {
    return known.path == head.path || (head.path == "/" && known.path == "/index.html");
  });
  if (asset == assets_.end()) return responder_.Refuse(asker, 404, "there is nothing here");
  if (!MethodAllowed(head.method, "GET")) {
    const ResponseHeader allow[] = {{"Allow", "GET, HEAD"}};
    return responder_.Refuse(asker, 405, "this path has another method", false, allow);
  }
  const ResponseHeader headers[] = {{"ETag", asset->etag},
                                    {"Cache-Control", "no-cache"},
                                    {"X-Content-Type-Options", "nosniff"},
                                    {"Content-Security-Policy", kContentSecurityPolicy}};
  const auto known = head.Find("If-None-Match");
  if (known && known->find(asset->etag) != std::string_view::npos) {
    return responder_.Respond(asker, 304, {}, {}, headers);
  }
  responder_.Respond(asker, 200, asset->content_type, asset->bytes, headers);
}

void HttpHandler::OnAnswer(std::unique_ptr<Request> answer) {
  switch (answer->asker) {
    case Request::Asker::kApiCall:
      return api_.OnAnswer(std::move(answer), host_.NowNs());
    case Request::Asker::kTickersPage:
      return tickers_.OnAnswer(*answer, host_.NowNs());
    case Request::Asker::kSlowClients:
      return slow_clients_.OnAnswer(*answer);
    case Request::Asker::kEmulation:
      return emulation_.OnAnswer(*answer);
    case Request::Asker::kMirror:
    case Request::Asker::kNobody:
    case Request::Asker::kSession:
      break;
  }
  INVARIANT(false, "sessions get their answers themselves");
}

void HttpHandler::RefuseConnection(engine::Slot slot, int status, std::string_view reason) {
  responder_.Refuse({.slot = slot, .generation = connections_.generation(slot)}, status, reason,
                    /*broken=*/true);
}

}  // namespace tickcast::shards
