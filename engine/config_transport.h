// The transports: the paths that clients connect to, and what each of them takes.
// Threading: values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tickcast::engine {

struct WebSocketConfig {
  bool disabled = false;
  std::string handler_prefix = "/connection/websocket";
  std::uint32_t message_size_limit = 65536;  // Bytes of one message from a client.

  bool operator==(const WebSocketConfig&) const = default;
};

// http_stream and sse: bidirectional, with the client's later commands at `emulation`.
struct HttpStreamConfig {
  bool enabled = false;
  std::string handler_prefix = "/connection/http_stream";
  std::uint32_t max_request_body_size = 65536;

  bool operator==(const HttpStreamConfig&) const = default;
};

struct SseConfig {
  bool enabled = false;
  std::string handler_prefix = "/connection/sse";
  std::uint32_t max_request_body_size = 65536;

  bool operator==(const SseConfig&) const = default;
};

struct EmulationConfig {
  std::string handler_prefix = "/emulation";
  std::uint32_t max_request_body_size = 65536;

  bool operator==(const EmulationConfig&) const = default;
};

// An error or disconnect of connect that becomes an HTTP response.
struct ResponseTransform {
  std::uint32_t code = 0;
  std::uint32_t to_status_code = 0;
  std::string to_body;

  bool operator==(const ResponseTransform&) const = default;
};

struct ResponseTransforms {
  bool enabled = false;
  std::vector<ResponseTransform> transforms;

  bool operator==(const ResponseTransforms&) const = default;
};

struct UniWebSocketConfig {
  bool enabled = false;
  std::string handler_prefix = "/connection/uni_websocket";
  std::uint32_t message_size_limit = 65536;
  bool disable_closing_handshake = false;
  bool disable_disconnect_push = false;
  bool join_push_messages = false;  // Several pushes in one message, a line each.

  bool operator==(const UniWebSocketConfig&) const = default;
};

struct UniHttpStreamConfig {
  bool enabled = false;
  std::string handler_prefix = "/connection/uni_http_stream";
  std::uint32_t max_request_body_size = 65536;
  ResponseTransforms connect_code_to_http_response;

  bool operator==(const UniHttpStreamConfig&) const = default;
};

struct UniSseConfig {
  bool enabled = false;
  std::string handler_prefix = "/connection/uni_sse";
  std::uint32_t max_request_body_size = 65536;
  ResponseTransforms connect_code_to_http_response;

  bool operator==(const UniSseConfig&) const = default;
};

}  // namespace tickcast::engine
