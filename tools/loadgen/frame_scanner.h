// Scanner of WebSocket frames as a client receives them: unmasked, cut anywhere by TCP.
//
// The frames of a read are handed out in place; only an unfinished frame is copied, into a string
// that its connection keeps until the rest arrives. Fragments are joined before they are handed
// out. Source: RFC 6455 section 5.2. Threading: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tickcast::loadgen {

enum class Opcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

struct FrameHeader {
  enum class Kind : std::uint8_t {
    kComplete,    // The whole frame is there.
    kUnfinished,  // More bytes are needed.
    kViolation,   // Masked, a reserved bit, an unknown opcode, or over kMaxMessageBytes.
  };
  Kind kind = Kind::kUnfinished;
  Opcode opcode = Opcode::kText;
  bool final = true;
  std::size_t header_bytes = 0;
  std::size_t payload_bytes = 0;
};

inline constexpr std::size_t kMaxMessageBytes = 64 << 20;

// The frame at the front of `bytes`.
FrameHeader ReadFrameHeader(std::string_view bytes);

// What a connection keeps between two reads. Empty, it owns no memory.
struct Unfinished {
  std::string bytes;      // The front of a frame.
  std::string fragments;  // The payload of a message's frames so far.
  // Gives the memory back, which an assignment of an empty string would not.
  void Clear() {
    std::string().swap(bytes);
    std::string().swap(fragments);
  }
};

// Calls `on_message(Opcode, std::string_view payload)`, which returns whether to go on, for every
// message and control frame that ends in `bytes`. A payload is valid during the call. Returns false
// when the server broke the protocol.
template <typename OnMessage>
bool ScanFrames(Unfinished& unfinished, std::string_view bytes, OnMessage&& on_message) {
  std::string joined;
  if (!unfinished.bytes.empty()) {
    joined = std::move(unfinished.bytes);
    unfinished.bytes.clear();
    joined.append(bytes);
    bytes = joined;
  }
  while (!bytes.empty()) {
    const FrameHeader frame = ReadFrameHeader(bytes);
    if (frame.kind == FrameHeader::Kind::kViolation) return false;
    if (frame.kind == FrameHeader::Kind::kUnfinished) break;
    std::string_view payload = bytes.substr(frame.header_bytes, frame.payload_bytes);
    bytes.remove_prefix(frame.header_bytes + frame.payload_bytes);
    if (frame.opcode < Opcode::kClose && (!frame.final || frame.opcode == Opcode::kContinuation))
        [[unlikely]] {
      if (unfinished.fragments.size() + payload.size() > kMaxMessageBytes) return false;
      unfinished.fragments.append(payload);
      if (!frame.final) continue;
      const std::string message = std::move(unfinished.fragments);
      unfinished.fragments.clear();
      if (!on_message(Opcode::kText, std::string_view(message))) return true;
      continue;
    }
    if (!on_message(frame.opcode, payload)) return true;
  }
  if (!bytes.empty()) {
    // Moving the rest to the front of the string it already lies in saves an allocation per read
    // of a large message.
    if (joined.empty()) {
      unfinished.bytes.assign(bytes);
    } else {
      joined.erase(0, joined.size() - bytes.size());
      unfinished.bytes = std::move(joined);
    }
  }
  return true;
}

}  // namespace tickcast::loadgen
