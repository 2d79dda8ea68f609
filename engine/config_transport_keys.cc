// The rows of the transports: websocket.* to uni_sse.*.
#include "engine/config_key_rows.h"
#include "engine/config_keys.h"

namespace tickcast::engine {
namespace {

// clang-format off: a row is a key, its bounds, what it means, where it is kept.
const ConfigField<Config> kRows[] = {
    {{"websocket.disabled", Any(), "There is no bidirectional WebSocket."},
     AT(Config, websocket.disabled)},
    {{"websocket.handler_prefix", Text(CheckPath), "Its path."},
     AT(Config, websocket.handler_prefix)},
    {{"websocket.message_size_limit", Between(1 * kKiB, 64 * kMiB),
      "Largest message from a client, in bytes; a larger one closes the connection with 1009."},
     AT(Config, websocket.message_size_limit)},

    {{"http_stream.enabled", Any(),
      "Bidirectional HTTP streaming: replies and pushes on one response without end, commands to "
      "`emulation`."},
     AT(Config, http_stream.enabled)},
    {{"http_stream.handler_prefix", Text(CheckPath), "Its path."},
     AT(Config, http_stream.handler_prefix)},
    {{"http_stream.max_request_body_size", Between(1 * kKiB, kMiB),
      "Most bytes of its request's body; more is 413."},
     AT(Config, http_stream.max_request_body_size)},

    {{"sse.enabled", Any(),
      "Bidirectional Server-Sent Events (EventSource), commands to `emulation`."},
     AT(Config, sse.enabled)},
    {{"sse.handler_prefix", Text(CheckPath), "Its path."}, AT(Config, sse.handler_prefix)},
    {{"sse.max_request_body_size", Between(1 * kKiB, kMiB),
      "Most bytes of its request's body, where it comes by POST; more is 413."},
     AT(Config, sse.max_request_body_size)},

    {{"emulation.handler_prefix", Text(CheckPath),
      "Where clients of `http_stream` and `sse` send their commands; it is there when one of them "
      "is enabled."},
     AT(Config, emulation.handler_prefix)},
    {{"emulation.max_request_body_size", Between(1 * kKiB, kMiB),
      "Most bytes of commands in one request; more is 413."},
     AT(Config, emulation.max_request_body_size)},

    {{"uni_websocket.enabled", Any(), "A WebSocket on which only the server talks after connect."},
     AT(Config, uni_websocket.enabled)},
    {{"uni_websocket.handler_prefix", Text(CheckPath), "Its path."},
     AT(Config, uni_websocket.handler_prefix)},
    {{"uni_websocket.message_size_limit", Between(1 * kKiB, 64 * kMiB),
      "Largest message from a client, in bytes; a larger one closes the connection with 1009."},
     AT(Config, uni_websocket.message_size_limit)},
    {{"uni_websocket.disable_disconnect_push", Any(),
      "No disconnect push before the close frame, which has the same code and reason."},
     AT(Config, uni_websocket.disable_disconnect_push)},
    {{"uni_websocket.disable_closing_handshake", Any(),
      "It ends without a close frame, as Centrifugo did before 6.5.1."},
     AT(Config, uni_websocket.disable_closing_handshake)},
    {{"uni_websocket.join_push_messages", Any(),
      "Several pushes may come in one message, a line each."},
     AT(Config, uni_websocket.join_push_messages)},

    {{"uni_http_stream.enabled", Any(), "Pushes on one HTTP response without end."},
     AT(Config, uni_http_stream.enabled)},
    {{"uni_http_stream.handler_prefix", Text(CheckPath), "Its path."},
     AT(Config, uni_http_stream.handler_prefix)},
    {{"uni_http_stream.max_request_body_size", Between(1 * kKiB, kMiB),
      "Most bytes of its connect request; more is 413."},
     AT(Config, uni_http_stream.max_request_body_size)},
    {{"uni_http_stream.connect_code_to_http_response.enabled", Any(),
      "A connect that fails is a response with the status of `transforms`, or 500 where it names "
      "none; "
      "the response begins only when the client is connected."},
     AT(Config, uni_http_stream.connect_code_to_http_response.enabled)},
    {{"uni_http_stream.connect_code_to_http_response.transforms", Any(), "See below."},
     LIST_AT(Config, uni_http_stream.connect_code_to_http_response.transforms,
             ResponseTransformFields())},
    {{"uni_sse.enabled", Any(), "Pushes as Server-Sent Events, for a bare EventSource."},
     AT(Config, uni_sse.enabled)},
    {{"uni_sse.handler_prefix", Text(CheckPath), "Its path."}, AT(Config, uni_sse.handler_prefix)},
    {{"uni_sse.max_request_body_size", Between(1 * kKiB, kMiB),
      "Most bytes of its connect request, where it comes by POST; more is 413."},
     AT(Config, uni_sse.max_request_body_size)},
    {{"uni_sse.connect_code_to_http_response.enabled", Any(), "The same of this transport."},
     AT(Config, uni_sse.connect_code_to_http_response.enabled)},
    {{"uni_sse.connect_code_to_http_response.transforms", Any(), "See below."},
     LIST_AT(Config, uni_sse.connect_code_to_http_response.transforms, ResponseTransformFields())},
};

const ConfigField<ResponseTransform> kResponseTransformFields[] = {
    {{"code", Between(1, 4'999), "The error or disconnect that connect ends with."},
     AT(ResponseTransform, code)},
    {{"to.status_code", Between(200, 599), "The status of the response."},
     AT(ResponseTransform, to_status_code)},
    {{"to.body", Any(), "Its body. Empty: the error's message or the disconnect's reason."},
     AT(ResponseTransform, to_body)},
};
// clang-format on

}  // namespace

std::span<const ConfigField<Config>> TransportRows() { return kRows; }
std::span<const ConfigField<ResponseTransform>> ResponseTransformFields() {
  return kResponseTransformFields;
}

}  // namespace tickcast::engine
