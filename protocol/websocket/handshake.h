// The opening handshake of RFC 6455, both sides.
//
// No extension is ever offered or taken: compression per connection contradicts one frame that all
// subscribers share (docs/decisions.md).
// Threading: pure functions. Source: RFC 6455 sections 4.1 and 4.2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/http/request_head.h"

namespace tickcast::protocol {

inline constexpr std::string_view kJsonSubprotocol = "centrifuge-json";
inline constexpr std::string_view kProtobufSubprotocol = "centrifuge-protobuf";

// What a server takes unless told otherwise.
inline constexpr std::array kDefaultSubprotocols = {kJsonSubprotocol};

// Sec-WebSocket-Key, base64 of 16 bytes, and Sec-WebSocket-Accept, base64 of a SHA-1.
using WebSocketKey = std::array<char, 24>;
using WebSocketAccept = std::array<char, 28>;

// What a server answers to an upgrade request.
struct ServerHandshake {
  int status = 101;                 // 101, or why not: 400, 405, 426.
  std::string_view reason = {};     // Of a refusal, a literal.
  WebSocketAccept accept_key = {};  // 101 only.
  // The one that is spoken, out of `spoken`; empty: the client named none that is.
  std::string_view subprotocol = {};
};

// Checks a request that asks for a WebSocket. 405: not GET. 426: no `Upgrade: websocket`, or
// another version than 13 (answer both with `Upgrade: websocket` and `Sec-WebSocket-Version: 13`).
// 400: other than one key of 16 bytes, `Connection` without `upgrade`, HTTP/1.0, a body.
//
// The first subprotocol the client offers that is in `spoken` is taken; names are compared exactly.
// That none is, or that the header is empty (the Python SDK sends it so), is no error: the answer
// then names none, and the client decides.
ServerHandshake CheckUpgrade(const RequestHead& head,
                             std::span<const std::string_view> spoken = kDefaultSubprotocols);

// Appends the 101. REQUIRES: handshake.status == 101.
void AppendUpgradeResponse(const ServerHandshake& handshake, std::string& out);

// Sec-WebSocket-Accept for a Sec-WebSocket-Key of any text (RFC 6455 section 4.2.2).
WebSocketAccept AcceptKey(std::string_view key);

// The key a client sends, of 16 bytes that should be random (RFC 6455 section 4.1).
WebSocketKey MakeKey(std::span<const std::byte, 16> random);

// What a client asks for. The texts go into the request as they are.
struct UpgradeRequest {
  std::string_view host;    // With the port where it is not the scheme's own.
  std::string_view target;  // Begins with '/'.
  std::string_view key;
  std::string_view subprotocols = {};         // Comma-separated; empty: no such header.
  std::span<const HeaderField> headers = {};  // Further ones.
};

void AppendUpgradeRequest(const UpgradeRequest& request, std::string& out);

// What a client makes of the answer.
struct UpgradeAnswer {
  enum class Verdict : std::uint8_t {
    kAccepted,  // Frames begin at `head_bytes`.
    kNeedMore,
    kRefused,  // HTTP, but no WebSocket: `status` is not 101.
    kBad,      // No HTTP, or a 101 that does not fit the request: `reason`.
  };

  Verdict verdict = Verdict::kNeedMore;
  std::size_t head_bytes = 0;
  int status = 0;                     // kAccepted and kRefused.
  std::string_view reason = {};       // kBad: a literal.
  std::string_view subprotocol = {};  // kAccepted: the chosen one, a view into `bytes`.
};

// Reads the answer to `request` at the start of `bytes`, as strictly as a request is read.
UpgradeAnswer CheckUpgradeAnswer(std::string_view bytes, const UpgradeRequest& request);

}  // namespace tickcast::protocol
