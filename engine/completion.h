// Token and Completion: what a ring operation is called, and how it ended.
//
// A token names an operation's owner by slot and generation instead of by pointer, so that a
// completion that arrives after its connection was closed is recognised, not followed.
// Threading: plain values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tickcast::engine {

// Index of a direct descriptor in its ring's table; the connection it belongs to has the same
// index.
using Slot = std::uint32_t;

// Which completion handler a token belongs to.
enum class Operation : std::uint8_t {
  kNone = 0,      // Nobody waits for it: a cancel, a close, a wake sent. Shards ignore these.
  kAccept = 1,    // Multishot accept: result is the new connection's slot.
  kReceive = 2,   // Multishot receive: result is bytes, 0 at the peer's end, or -errno.
  kSend = 3,      // Only short sends (bytes) and refusals (-errno) are reported.
  kPollOut = 4,   // The socket takes bytes again.
  kWake = 5,      // Another ring rang (MSG_RING).
  kConnect = 6,   // A client's connection is up (0) or failed (-errno). Load generator only.
  kPeerName = 7,  // Who is at the far end: Ring::TakePeerName() gives it.
};

// 64 bits of user_data:  | operation 8 | generation 24 | slot 32 |
struct Token {
  static constexpr std::uint32_t kGenerationMask = 0x00ff'ffff;

  Operation operation = Operation::kNone;
  std::uint32_t generation = 0;  // Only the low 24 bits count.
  Slot slot = 0;

  constexpr std::uint64_t Pack() const {
    return static_cast<std::uint64_t>(operation) << 56 |
           static_cast<std::uint64_t>(generation & kGenerationMask) << 32 | slot;
  }
  static constexpr Token Unpack(std::uint64_t packed) {
    return {static_cast<Operation>(packed >> 56),
            static_cast<std::uint32_t>(packed >> 32) & kGenerationMask, static_cast<Slot>(packed)};
  }
  friend constexpr bool operator==(const Token&, const Token&) = default;
};

struct Completion {
  Token token;
  std::int32_t result = 0;  // As the system call would return it; -errno on failure.
  bool more = false;        // IORING_CQE_F_MORE: the multishot is still armed.
  bool has_buffer = false;  // The completion lends a receive buffer: Ring::Recycle() it.
  std::uint16_t buffer_id = 0;
};

}  // namespace tickcast::engine
