#include "shards/stream_handler.h"

#include <array>
#include <vector>

namespace tickcast::shards {

using protocol::Encoding;
using protocol::RequestHead;
using protocol::ResponseHeader;

namespace {

constexpr std::string_view kConnectParameter = "cf_connect";
constexpr std::string_view kProtobufType = "application/octet-stream";

bool IsEvents(Transport transport) {
  return transport == Transport::kSse || transport == Transport::kUniSse;
}

}  // namespace

std::string_view ConnectFrames::Wrap(std::string_view request) {
  // One line of valid JSON cannot end the command around it or begin another.
  const auto line = validator_.Minify(request);
  if (!line || (line->front() != '{' && *line != "null")) return {};
  frame_ = R"({"id":1,"connect":)";
  frame_ += *line == "null" ? "{}" : *line;
  frame_ += '}';
  const std::size_t size_bytes = frame_.size();
  frame_.append(protocol::kJsonPaddingBytes, '\0');
  const std::string_view frame = std::string_view(frame_).substr(0, size_bytes);
  parser_.Begin(frame);
  return parser_.Next() == protocol::CommandVerdict::kCommand ? frame : std::string_view();
}

std::array<StreamHandler::Path, 4> StreamHandler::Paths() const {
  const auto path = [](Transport transport, const auto& config,
                       const engine::ResponseTransforms* transforms = nullptr) {
    const bool get = IsEvents(transport);
    return Path{
        .transport = transport,
        .unidirectional = transport == Transport::kUniHttpStream || transport == Transport::kUniSse,
        .enabled = config.enabled,
        .prefix = config.handler_prefix,
        .methods = get ? "GET, POST, OPTIONS" : "POST, OPTIONS",
        .max_body_bytes = config.max_request_body_size,
        .transforms = transforms != nullptr && transforms->enabled ? transforms : nullptr};
  };
  return {
      path(Transport::kHttpStream, config_.http_stream), path(Transport::kSse, config_.sse),
      path(Transport::kUniHttpStream, config_.uni_http_stream,
           &config_.uni_http_stream.connect_code_to_http_response),
      path(Transport::kUniSse, config_.uni_sse, &config_.uni_sse.connect_code_to_http_response)};
}

bool StreamHandler::Run(const HttpAsker& asker, const RequestHead& head, std::string_view body) {
  for (const Path& path : Paths()) {
    if (!path.enabled || path.prefix != head.path) continue;
    RunPath(path, asker, head, body);
    return true;
  }
  return false;
}

void StreamHandler::RunPath(const Path& path, const HttpAsker& asker, const RequestHead& head,
                            std::string_view body) {
  if (head.method == "OPTIONS") {
    std::vector<ResponseHeader> headers;
    origins_.AddPreflightHeaders(head, path.methods, headers);
    return responder_.Respond(asker, 204, {}, {}, headers);
  }
  const bool get = IsEvents(path.transport) && head.method == "GET";
  if (!get && head.method != "POST") {
    const ResponseHeader allow[] = {{"Allow", path.methods}};
    return responder_.Refuse(asker, 405, "this path has another method", false, allow);
  }
  if (head.minor_version == 0) {
    return responder_.Refuse(asker, 505, "a response without end takes HTTP/1.1");
  }
  if (body.size() > path.max_body_bytes) {
    return responder_.Refuse(asker, 413, "the body is larger than max_request_body_size");
  }
  if (TakeFrame(path, asker, head, body)) Open(path, asker, head);
}

bool StreamHandler::TakeFrame(const Path& path, const HttpAsker& asker, const RequestHead& head,
                              std::string_view body) {
  std::string from_query;
  std::string_view frame = body;
  if (head.method == "GET") {
    from_query = protocol::QueryParameter(head.query, kConnectParameter).value_or("");
    if (from_query.empty() && !path.unidirectional) {
      responder_.Refuse(asker, 400, "cf_connect must be a connect command");
      return false;
    }
    const std::size_t size_bytes = from_query.size();
    from_query.append(protocol::kJsonPaddingBytes, '\0');
    frame = std::string_view(from_query).substr(0, size_bytes);
  }
  if (path.unidirectional) {
    // Without the parameter, who connects is nobody and says nothing.
    constexpr std::string_view kNothing = "{}";
    const std::string nothing = std::string(kNothing) + std::string(protocol::kJsonPaddingBytes, 0);
    const bool says_nothing = head.method == "GET" && frame.empty();
    frame = connect_frames_.Wrap(says_nothing ? std::string_view(nothing).substr(0, kNothing.size())
                                              : frame);
    if (frame.empty()) {
      responder_.Refuse(asker, 400, "what a client connects with must be one JSON object");
      return false;
    }
  }
  // A copy: the input may be let go of while the commands run.
  frame_ = frame;
  frame_bytes_ = frame_.size();
  frame_.append(protocol::kJsonPaddingBytes, '\0');
  return true;
}

void StreamHandler::Open(const Path& path, const HttpAsker& asker, const RequestHead& head) {
  if (!host_.AdmitClient(asker.slot)) {
    return responder_.Refuse(asker, 503, "client.connection_limit is reached");
  }
  const bool protobuf =
      path.transport == Transport::kHttpStream && head.Find("Content-Type") == kProtobufType;
  Connection& connection = connections_[asker.slot];
  connection.answering = false;
  connection.transport = path.transport;
  connection.form = {.encoding = protobuf ? Encoding::kProtobuf : Encoding::kJson,
                     .bare = path.unidirectional};
  const std::string_view origin = origins_.Allow(head) ? head.Find("Origin").value_or("") : "";
  if (path.transforms == nullptr) {
    AppendHead(asker.slot, origin);
  } else {
    waiting_[asker.slot] = {.transforms = path.transforms, .origin = std::string(origin)};
  }
  host_.OnStreamOpened(asker.slot, std::string_view(frame_).substr(0, frame_bytes_));
}

void StreamHandler::AppendHead(engine::Slot slot, std::string_view origin) {
  const Connection& connection = connections_[slot];
  const bool events = IsEvents(connection.transport);
  std::vector<ResponseHeader> headers = {
      {"X-Accel-Buffering", "no"},
      {"Cache-Control", "private, no-cache, no-store, must-revalidate, max-age=0"},
      {"Pragma", "no-cache"},
      {"X-Content-Type-Options", "nosniff"}};
  if (!origin.empty()) AddCorsHeaders(origin, headers);
  metrics_.CountResponse(200);
  std::string& out = connections_.OutboxOf(slot).raw;
  const bool protobuf = connection.form.encoding == Encoding::kProtobuf;
  protocol::AppendResponseHead({.status = 200,
                                .content_type = events     ? "text/event-stream; charset=utf-8"
                                                : protobuf ? kProtobufType
                                                           : "text/plain; charset=utf-8",
                                .chunked = true,
                                .keep_alive = false,
                                .headers = headers},
                               out);
  // Some browsers call an event source open when the first byte of its body has come.
  if (events) out += "2\r\n\r\n\r\n";
}

void StreamHandler::Begin(engine::Slot slot) {
  const auto waiting = waiting_.find(slot);
  if (waiting == waiting_.end()) return;
  const std::string origin = std::move(waiting->second.origin);
  waiting_.erase(waiting);
  AppendHead(slot, origin);
}

bool StreamHandler::Refuse(engine::Slot slot, std::uint32_t code, std::string_view reason) {
  const auto found = waiting_.find(slot);
  if (found == waiting_.end()) return false;
  const Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  int status = 500;
  std::string_view body = "Internal Server Error";
  for (const engine::ResponseTransform& each : waiting.transforms->transforms) {
    if (each.code != code) continue;
    status = static_cast<int>(each.to_status_code);
    body = each.to_body.empty() ? reason : std::string_view(each.to_body);
    break;
  }
  std::vector<ResponseHeader> headers = {{"X-Content-Type-Options", "nosniff"}};
  if (!waiting.origin.empty()) AddCorsHeaders(waiting.origin, headers);
  metrics_.CountResponse(status);
  std::string& out = connections_.OutboxOf(slot).raw;
  protocol::AppendResponseHead({.status = status,
                                .content_type = "text/plain; charset=utf-8",
                                .content_length = body.size(),
                                .keep_alive = false,
                                .headers = headers},
                               out);
  if (status != 204 && status != 304) out += body;
  return true;
}

}  // namespace tickcast::shards
