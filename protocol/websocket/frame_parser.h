// FrameParser: the bytes of a connection into WebSocket messages, for servers and for clients.
//
// Strict: what RFC 6455 forbids ends the connection with the close code it names. A message that
// lies whole in the bytes at hand is unmasked there and handed out in place; only what arrives in
// parts is collected, and the memory for that is given back with the message. An idle parser is 16
// bytes, as there is one per connection. Collecting takes time linear in the bytes, however they
// are cut, and at most max_message_bytes and kSlackBytes of memory (while it grows, what it grows
// from beside it), whatever lengths the headers promise; an empty fragment keeps nothing.
// No extension is negotiated, so RSV bits are a violation (per-connection compression contradicts
// one frame shared by all; docs/decisions.md).
// Threading: a value of its connection. Source: RFC 6455 sections 5 and 7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace tickcast::protocol {

enum class Role : std::uint8_t {
  kServer,  // Expects masked frames.
  kClient,  // Expects unmasked ones.
};

struct FrameEvent {
  enum class Kind : std::uint8_t { kText, kBinary, kPing, kPong, kClose };

  Kind kind = Kind::kText;
  // The message or the control frame's payload (of a close: its reason); valid until the next call
  // of Next(), and of a payload in place no longer than the bytes it was found in. Text is valid
  // UTF-8, and so is a reason.
  std::span<const std::byte> payload;
  std::uint16_t close_code = 0;  // kClose: the peer's, 1005 where it gave none.
};

class FrameParser {
 public:
  enum class Verdict : std::uint8_t {
    kEvent,      // `event` is the next one.
    kNeedMore,   // All bytes were taken.
    kViolation,  // Close with close_code(); the parser takes nothing more.
  };

  // Bytes readable behind a payload that the parser has collected itself; behind one in place there
  // is what the caller's buffer has.
  static constexpr std::size_t kSlackBytes = 64;

  // `max_message_bytes`: a longer message is a violation with 1009, at the header of the frame that
  // goes beyond it, before any byte of that frame is kept.
  explicit FrameParser(Role role = Role::kServer, std::uint32_t max_message_bytes = 65536);
  FrameParser(FrameParser&&) noexcept;
  FrameParser& operator=(FrameParser&&) noexcept;
  ~FrameParser();

  // Takes bytes from the front of `bytes`, which moves on, up to the next event. Payloads are
  // unmasked in place. Call until it is not kEvent. What follows a close frame is parsed like
  // anything else: to ignore it is the caller's part (section 5.5.1).
  Verdict Next(std::span<std::byte>& bytes, FrameEvent& event);

  // After kViolation: 1002 protocol error, 1007 invalid payload, 1009 message too big; else 0.
  std::uint16_t close_code() const { return close_code_; }

 private:
  struct Frame;
  struct Partial;

  Verdict Fail(std::uint16_t close_code);
  // Reads a header from `header`, `available` bytes long. Returns its size, 0 = incomplete.
  std::size_t ParseHeader(const std::byte* header, std::size_t available, Frame& frame) const;
  // The close code of what is wrong with a header, 0 = nothing.
  std::uint16_t CheckHeader(const Frame& frame) const;
  Verdict BeginFrame(std::span<std::byte>& bytes, FrameEvent& event);
  Verdict WholeFrame(const Frame& frame, std::span<std::byte> payload, FrameEvent& event);
  Verdict ContinueFrame(std::span<std::byte>& bytes, FrameEvent& event);
  Verdict EndFrame(FrameEvent& event);
  Verdict Control(const Frame& frame, std::span<const std::byte> payload, FrameEvent& event);
  Partial& partial();
  // Lets go of what no open message or frame needs.
  void Release();

  std::unique_ptr<Partial> partial_;
  std::uint32_t max_message_bytes_;
  std::uint16_t close_code_ = 0;
  Role role_;
};

}  // namespace tickcast::protocol
