#include "tools/loadgen/line.h"

#include <cstring>

#include "absl/strings/str_cat.h"

namespace tickcast::loadgen {
namespace {

// Debian's absl::string_view is a type of its own.
absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

std::uint32_t ReadNumber(std::string_view& text) {
  std::uint32_t number = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    number = number * 10 + static_cast<std::uint32_t>(text[0] - '0');
    text.remove_prefix(1);
  }
  return number;
}

bool Skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

Line ReadLine(std::string_view line) {
  if (line == "{}") return {.kind = Line::Kind::kPing};
  if (line.starts_with(R"({"push":)")) return {.kind = Line::Kind::kPush};
  if (!Skip(line, R"({"id":)")) return {};
  Line reply{.id = ReadNumber(line)};
  if (Skip(line, R"(,"error":{"code":)")) {
    reply.kind = Line::Kind::kError;
    reply.code = ReadNumber(line);
  } else if (line.starts_with(R"(,"publish":{)")) {
    reply.kind = Line::Kind::kPublished;
  } else if (line.starts_with(R"(,"sub_refresh":{)")) {
    reply.kind = Line::Kind::kRefreshed;
  } else if (line.starts_with(R"(,"subscribe":{)")) {
    reply.kind = Line::Kind::kSubscribed;
  } else if (line.starts_with(R"(,"connect":{)")) {
    reply.kind = Line::Kind::kConnected;
  }
  return reply;
}

void AppendConnect(std::uint32_t id, std::string& out) {
  absl::StrAppend(&out, R"({"id":)", id, R"(,"connect":{}})");
}

void AppendSubscribe(std::uint32_t id, std::string_view channel, std::string_view data,
                     const DialectOptions& dialect, std::string& out) {
  absl::StrAppend(&out, R"({"id":)", id, R"(,"subscribe":{"channel":")", View(channel), "\"");
  if (!data.empty()) absl::StrAppend(&out, R"(,"data":)", View(data));
  if (dialect.delta) out += R"(,"delta":"fossil")";
  if (dialect.compaction) out += R"(,"flag":1)";
  out += "}}";
}

void AppendMaskedFrame(std::uint8_t opcode, std::string_view payload, std::uint32_t key,
                       std::string& out) {
  out += static_cast<char>(0x80 | opcode);
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else if (payload.size() <= 0xffff) {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size());
  } else {
    out += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(payload.size() >> shift);
  }
  char mask[4];
  std::memcpy(mask, &key, sizeof(mask));
  out.append(mask, sizeof(mask));
  const std::size_t begin = out.size();
  out.append(payload);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out[begin + i] = static_cast<char>(out[begin + i] ^ mask[i & 3]);
  }
}

std::string UpgradeRequest(std::string_view host, std::string_view path, bool protobuf) {
  return absl::StrCat("GET ", View(path), " HTTP/1.1\r\nHost: ", View(host),
                      "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                      protobuf ? "Sec-WebSocket-Protocol: centrifuge-protobuf\r\n" : "", "\r\n");
}

bool IsUpgraded(std::string_view head) {
  // The accept value alone is looked for: it can stand nowhere else.
  return head.starts_with("HTTP/1.1 101 ") &&
         head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string_view::npos;
}

}  // namespace tickcast::loadgen
