#include "protocol/websocket/handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <initializer_list>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace tickcast::protocol {
namespace {

constexpr std::string_view kKeyConstant = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

template <std::size_t kSize>
std::string_view Text(const std::array<char, kSize>& characters) {
  return {characters.data(), kSize};
}

// abseil's encoder would allocate a string for each handshake.
template <std::size_t kSize>
std::array<char, kSize> Base64(const unsigned char* bytes, std::size_t size_bytes) {
  unsigned char text[kSize + 1];  // EVP_EncodeBlock(3) adds a NUL.
  EVP_EncodeBlock(text, bytes, static_cast<int>(size_bytes));
  std::array<char, kSize> characters;
  std::copy_n(text, kSize, characters.begin());
  return characters;
}

// 22 characters of base64 and two of padding: exactly 16 bytes. What the bytes are does not matter
// (RFC 6455 section 4.2.1), so the unused bits of the last character may be any.
bool IsKey(std::string_view key) {
  return key.size() == std::tuple_size_v<WebSocketKey> && key.substr(22) == "==" &&
         std::all_of(key.begin(), key.begin() + 22, [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/';
         });
}

void Append(std::initializer_list<std::string_view> parts, std::string& out) {
  for (const std::string_view part : parts) out += part;
}

ServerHandshake Refuse(int status, std::string_view reason) {
  return {.status = status, .reason = reason};
}

// The first element of `list` that is in `spoken`, as a view into `spoken`; empty = none.
std::string_view ChooseSubprotocol(std::string_view list,
                                   std::span<const std::string_view> spoken) {
  std::string_view offered;
  while (NextListElement(list, offered)) {
    const auto chosen = std::find(spoken.begin(), spoken.end(), offered);
    if (!offered.empty() && chosen != spoken.end()) return *chosen;
  }
  return {};
}

}  // namespace

ServerHandshake CheckUpgrade(const RequestHead& head, std::span<const std::string_view> spoken) {
  if (head.method != "GET") return Refuse(405, "a WebSocket begins with GET");
  if (head.minor_version != 1) return Refuse(400, "a WebSocket needs HTTP/1.1");
  if (!head.HasToken("Upgrade", "websocket")) return Refuse(426, "this is a WebSocket endpoint");
  if (!head.HasToken("Connection", "upgrade")) return Refuse(400, "Connection: upgrade is missing");
  if (head.Count("Sec-WebSocket-Key") != 1 || !IsKey(*head.Find("Sec-WebSocket-Key"))) {
    return Refuse(400, "Sec-WebSocket-Key is missing or malformed");
  }
  if (head.Count("Sec-WebSocket-Version") != 1 || *head.Find("Sec-WebSocket-Version") != "13") {
    return Refuse(426, "WebSocket version 13 is spoken here");
  }
  // Its bytes would be taken for frames.
  if (head.content_length.value_or(0) != 0) return Refuse(400, "an upgrade has no body");

  ServerHandshake handshake{.accept_key = AcceptKey(*head.Find("Sec-WebSocket-Key"))};
  // The header may come in several lines, which are one list (RFC 6455 section 11.3.4).
  for (std::size_t i = 0; i < head.header_count && handshake.subprotocol.empty(); ++i) {
    const HeaderField& field = head.headers[i];
    if (!absl::EqualsIgnoreCase({field.name.data(), field.name.size()}, "Sec-WebSocket-Protocol")) {
      continue;
    }
    handshake.subprotocol = ChooseSubprotocol(field.value, spoken);
  }
  return handshake;
}

void AppendUpgradeResponse(const ServerHandshake& handshake, std::string& out) {
  Append({"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Accept: ",
          Text(handshake.accept_key), "\r\n"},
         out);
  if (!handshake.subprotocol.empty()) {
    Append({"Sec-WebSocket-Protocol: ", handshake.subprotocol, "\r\n"}, out);
  }
  out += "\r\n";
}

WebSocketAccept AcceptKey(std::string_view key) {
  std::string text;
  text.reserve(key.size() + kKeyConstant.size());
  Append({key, kKeyConstant}, text);
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return Base64<std::tuple_size_v<WebSocketAccept>>(digest, sizeof(digest));
}

WebSocketKey MakeKey(std::span<const std::byte, 16> random) {
  return Base64<std::tuple_size_v<WebSocketKey>>(
      reinterpret_cast<const unsigned char*>(random.data()), random.size());
}

void AppendUpgradeRequest(const UpgradeRequest& request, std::string& out) {
  Append({"GET ", request.target, " HTTP/1.1\r\nHost: ", request.host,
          "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: ",
          request.key, "\r\n"},
         out);
  if (!request.subprotocols.empty()) {
    Append({"Sec-WebSocket-Protocol: ", request.subprotocols, "\r\n"}, out);
  }
  for (const HeaderField& header : request.headers) {
    Append({header.name, ": ", header.value, "\r\n"}, out);
  }
  out += "\r\n";
}

namespace {

UpgradeAnswer BadAnswer(std::string_view reason) {
  return {.verdict = UpgradeAnswer::Verdict::kBad, .reason = reason};
}

// The status of "HTTP/1.1 101 Switching Protocols" (RFC 9112 section 4); nothing if it is not one.
std::optional<int> ParseStatusLine(std::string_view line) {
  constexpr std::size_t kStatusAt = sizeof("HTTP/1.1 ") - 1;
  const auto digit = [&](std::size_t at) {
    return absl::ascii_isdigit(static_cast<unsigned char>(line[at])) ? line[at] - '0' : -1;
  };
  if (line.size() < kStatusAt + 3 || (line.size() > kStatusAt + 3 && line[kStatusAt + 3] != ' ') ||
      (line.substr(0, kStatusAt) != "HTTP/1.1 " && line.substr(0, kStatusAt) != "HTTP/1.0 ")) {
    return std::nullopt;
  }
  const int hundreds = digit(kStatusAt), tens = digit(kStatusAt + 1), ones = digit(kStatusAt + 2);
  if (hundreds < 1 || tens < 0 || ones < 0) return std::nullopt;
  return hundreds * 100 + tens * 10 + ones;
}

// What RFC 6455 section 4.1 has a client check in a 101.
std::string_view FaultOfAccepted(const HeaderFields& fields, const UpgradeRequest& request) {
  if (!fields.HasToken("Upgrade", "websocket")) return "101 without Upgrade: websocket";
  if (!fields.HasToken("Connection", "upgrade")) return "101 without Connection: upgrade";
  if (fields.Count("Sec-WebSocket-Accept") != 1 ||
      *fields.Find("Sec-WebSocket-Accept") != Text(AcceptKey(request.key))) {
    return "Sec-WebSocket-Accept does not fit the key";
  }
  if (!fields.Find("Sec-WebSocket-Extensions").value_or("").empty()) {
    return "an extension that was not offered";
  }
  const std::optional<std::string_view> chosen = fields.Find("Sec-WebSocket-Protocol");
  if (!chosen) return {};
  const bool offered = fields.Count("Sec-WebSocket-Protocol") == 1 &&
                       !request.subprotocols.empty() &&
                       !ChooseSubprotocol(request.subprotocols, std::span(&*chosen, 1)).empty();
  return offered ? std::string_view() : "a subprotocol that was not offered";
}

}  // namespace

UpgradeAnswer CheckUpgradeAnswer(std::string_view bytes, const UpgradeRequest& request) {
  HeadLines lines(bytes);
  HeaderFields fields;
  std::string_view line;
  std::optional<int> status;
  for (;;) {
    switch (lines.Next(line)) {
      case HeadLines::Verdict::kBad:
        return BadAnswer(lines.fault().reason);
      case HeadLines::Verdict::kNeedMore:
        return {.verdict = UpgradeAnswer::Verdict::kNeedMore};
      case HeadLines::Verdict::kLine:
        break;
    }
    if (!status) {
      status = ParseStatusLine(line);
      if (!status) return BadAnswer("malformed status line");
      continue;
    }
    if (line.empty()) break;
    if (const HeadFault fault = ParseHeaderLine(line, fields)) return BadAnswer(fault.reason);
  }
  UpgradeAnswer answer{.verdict = UpgradeAnswer::Verdict::kRefused,
                       .head_bytes = lines.position(),
                       .status = *status};
  if (*status != 101) return answer;
  if (const std::string_view fault = FaultOfAccepted(fields, request); !fault.empty()) {
    return BadAnswer(fault);
  }
  answer.verdict = UpgradeAnswer::Verdict::kAccepted;
  answer.subprotocol = fields.Find("Sec-WebSocket-Protocol").value_or("");
  return answer;
}

}  // namespace tickcast::protocol
