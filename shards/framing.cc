#include "shards/framing.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "protocol/websocket/frame_writer.h"

namespace tickcast::shards {
namespace {

using protocol::Encoding;
using protocol::kMaxServerHeaderBytes;

constexpr std::string_view kCrLf = "\r\n";
constexpr std::string_view kEventBegin = "data: ";
constexpr std::string_view kEventEnd = "\n\n";
constexpr std::size_t kMaxChunkHeadBytes = 16 + kCrLf.size();  // Digits of a 64-bit length.

void Append(std::byte*& at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  at += text.size();
}

// Puts the head of a chunk before its data, as WriteServerHeader() does; returns its begin.
std::byte* WriteChunkHead(std::size_t data_bytes, std::byte* data) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof(digits), data_bytes, 16).ptr;
  const auto count = static_cast<std::size_t>(end - digits);
  std::byte* const begin = data - kCrLf.size() - count;
  std::memcpy(begin, digits, count);
  std::memcpy(begin + count, kCrLf.data(), kCrLf.size());
  return begin;
}

std::span<std::byte> FrameChunk(bool events, Encoding encoding,
                                std::span<const std::string_view> lines,
                                std::span<std::byte> memory) {
  std::byte* const data = memory.data() + kMaxChunkHeadBytes;
  std::byte* at = data;
  for (const std::string_view line : lines) {
    if (events) Append(at, kEventBegin);
    Append(at, line);
    if (events) {
      Append(at, kEventEnd);
    } else if (encoding == Encoding::kJson) {
      *at++ = std::byte{'\n'};
    }
  }
  std::byte* const begin = WriteChunkHead(static_cast<std::size_t>(at - data), data);
  Append(at, kCrLf);
  return {begin, at};
}

std::span<std::byte> FrameEach(std::span<const std::string_view> lines,
                               std::span<std::byte> memory) {
  std::byte* at = memory.data();
  for (const std::string_view line : lines) {
    const std::size_t header_bytes = protocol::FrameHeaderBytes(line.size(), /*masked=*/false);
    protocol::WriteServerTextHeader(line.size(), at + header_bytes);
    at += header_bytes;
    Append(at, line);
  }
  return {memory.data(), at};
}

std::span<std::byte> FrameMessage(Encoding encoding, std::span<const std::string_view> lines,
                                  std::span<std::byte> memory) {
  std::byte* const payload = memory.data() + kMaxServerHeaderBytes;
  std::byte* at = payload;
  const bool json = encoding == Encoding::kJson;
  for (const std::string_view line : lines) {
    if (json && at != payload) *at++ = std::byte{'\n'};
    Append(at, line);
  }
  const std::size_t header_bytes =
      protocol::WriteServerHeader(json ? protocol::Opcode::kText : protocol::Opcode::kBinary,
                                  static_cast<std::uint64_t>(at - payload), payload);
  return {payload - header_bytes, at};
}

}  // namespace

std::size_t FramedBytesBound(Transport transport, std::size_t count, std::size_t bytes) {
  switch (transport) {
    case Transport::kWebSocket:
      return kMaxServerHeaderBytes + bytes + count;
    case Transport::kUniWebSocket:
      return bytes + count * kMaxServerHeaderBytes;
    case Transport::kHttpStream:
    case Transport::kUniHttpStream:
      return kMaxChunkHeadBytes + bytes + count + kCrLf.size();
    case Transport::kSse:
    case Transport::kUniSse:
      return kMaxChunkHeadBytes + bytes + count * (kEventBegin.size() + kEventEnd.size()) +
             kCrLf.size();
  }
  return 0;
}

std::span<std::byte> FrameLines(Transport transport, Encoding encoding,
                                std::span<const std::string_view> lines,
                                std::span<std::byte> memory) {
  switch (transport) {
    case Transport::kWebSocket:
      return FrameMessage(encoding, lines, memory);
    case Transport::kUniWebSocket:
      return FrameEach(lines, memory);
    case Transport::kHttpStream:
    case Transport::kUniHttpStream:
      return FrameChunk(/*events=*/false, encoding, lines, memory);
    case Transport::kSse:
    case Transport::kUniSse:
      return FrameChunk(/*events=*/true, encoding, lines, memory);
  }
  return {};
}

void AppendFramed(Transport transport, Encoding encoding, std::string_view text, std::string& out) {
  std::vector<std::string_view> lines;
  SplitLines(encoding, text, lines);
  std::string memory(FramedBytesBound(transport, lines.size(), text.size()), '\0');
  const std::span<std::byte> framed =
      FrameLines(transport, encoding, lines, std::as_writable_bytes(std::span(memory)));
  out.append(reinterpret_cast<const char*>(framed.data()), framed.size());
}

void SplitLines(Encoding encoding, std::string_view text, std::vector<std::string_view>& lines) {
  if (encoding == Encoding::kProtobuf) {
    lines.push_back(text);
    return;
  }
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

}  // namespace tickcast::shards
