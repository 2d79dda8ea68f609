// Connection: one accepted socket and what it has asked for. ConnectionTable: those of a shard.
//
// A connection has the index of its direct descriptor. What the fan-out touches for every delivery
// lies in a dense array of its own (Hot, 16 bytes), so that a push to a connection that keeps up
// reads no other memory of it. An idle connection owns no buffer.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/completion.h"
#include "engine/peer_address.h"
#include "engine/slab.h"
#include "engine/timer_wheel.h"
#include "protocol/centrifuge/form.h"
#include "protocol/websocket/frame_parser.h"
#include "shards/connecting.h"
#include "shards/framing.h"
#include "shards/outbox.h"
#include "shards/pressure.h"
#include "shards/request.h"
#include "shards/session.h"

namespace tickcast::shards {

// A connection's interest in a channel.
struct Subscription {
  // In `member`: the home has been asked and has not answered; …
  static constexpr std::uint32_t kAsking = ~std::uint32_t{0};
  // … and the client has unsubscribed meanwhile.
  static constexpr std::uint32_t kLeaving = kAsking - 1;
  // Not in the group: it is pulled at its interval.
  static constexpr std::uint32_t kPaced = kAsking - 2;
  // `min_change` counts in these: a hundred-thousandth of the value.
  static constexpr double kChangeUnit = 1e-5;

  ChannelIndex channel = kNoChannel;  // Of the view that it has of its channel.
  std::uint32_t member = kAsking;     // Place in the group.
  // Publications up to this sequence are not owed: the cut of the answer at first; kept exact
  // while the connection is behind and for what is paced, and looked at only as a lower bound
  // otherwise. Before the answer it is the id of the command that asked.
  std::uint64_t seen = 0;

  // What the client was granted, and the interval that holds now: pressure may lengthen it.
  std::uint64_t interval_ms : 16 = 0;
  std::uint64_t pace_ms : 16 = 0;  // 0: pushed each turn.
  std::uint64_t min_change : 17 = 0;
  std::uint64_t priority : 1 = 0;
  std::uint64_t due : 1 = 0;    // Where Connection::due_ms is kSomeDue.
  std::uint64_t based : 1 = 0;  // The client has the payload of `seen`: deltas may build on it.
  std::uint32_t conflated = 0;  // Values that newer ones replaced in its pulls.
  // The number in what it was sent last, for min_change; NaN: not known, so the next one is sent.
  float last_value = std::numeric_limits<float>::quiet_NaN();

  bool live() const { return member < kLeaving; }
  bool paced() const { return member == kPaced; }
};
static_assert(sizeof(Subscription) == 32);

// Why a connection ended, for the counters. Numbers of the protocol where it has one.
enum class CloseReason : std::uint16_t {
  kNone = 0,          // Already counted when closing began.
  kHttpDone = 1,      // A response that was the connection's last.
  kPeerGone = 2,      // The peer ended or reset the connection without a close frame.
  kHeadTimeout = 3,   // The request head was not whole in time, or an idle HTTP connection.
  kNoRoom = 4,        // Refused with 503: the shard's table is at its reserve.
  kPeerClosed = 5,    // The peer sent a close frame.
  kTooMuchInput = 6,  // More input than may wait for a connection that is not read from.
  kBadRequestHead = 7,
  kNoMemory = 8,       // Refused with 503: the shard's memory budget is nearly used up.
  kByApplication = 9,  // The application ended it, with a code of its own.
  kOverLimit = 10,     // Refused with 503 or 429: there are too many, or they come too fast.
  kGoingAway = 1001,
  kProtocolError = 1002,
  kInvalidPayload = 1007,
  kMessageTooBig = 1009,
  kShutdown = 3001,
  kServerError = 3004,
  kExpired = 3005,
  kSubscriptionExpired = 3006,
  kSlow = 3008,
  kInsufficientState = 3010,
  kNoPong = 3012,
  kTooManyRequests = 3013,
  kInvalidToken = 3500,
  kBadRequest = 3501,
  kStale = 3502,
  kForceNoReconnect = 3503,
  kConnectionLimit = 3504,
  kChannelLimit = 3505,
  kInappropriateProtocol = 3506,
  kPermissionDenied = 3507,
  kNotAvailable = 3508,
};

// The tail of the one message that a socket took only a part of. Everything newer stays in the
// channels, where it can still be conflated.
struct Unsent {
  std::string bytes;
  std::size_t sent = 0;  // Of them, since; less than their number.

  std::span<const std::byte> left() const { return std::as_bytes(std::span(bytes).subspan(sent)); }
};

// What is remembered of a connection whose socket was ever full, until it has long been calm.
struct Trouble {
  ConnectionPressure pressure;
  std::uint64_t review_due_ns = 0;
  engine::PeerAddress peer;  // Unknown until the kernel has told, which it may not.
  bool ping_waited = false;  // The ping that awaits its pong may have left late.
  bool was_blocked = false;  // Since the client was told last; and what it was told:
  PressureLevel told_level = PressureLevel::kNormal;
  std::uint64_t told_conflated = 0;
};

struct Connection {
  // `due_ms`: no paced subscription is due; those of several intervals are, each knows for itself.
  static constexpr std::uint16_t kNoneDue = 0;
  static constexpr std::uint16_t kSomeDue = 0xffff;

  enum class State : std::uint8_t {
    kHttp,       // Reading a request head or body, or answering one.
    kWebSocket,  // Speaks the client protocol, whatever the transport.
    kEcho,       // Speaks /debug/echo.
    kClosing,    // What it is still owed goes out; its input is discarded.
  };

  State state = State::kHttp;
  bool receive_armed = false;
  bool reading_paused = false;      // Too much is owed to it: its input waits.
  bool close_when_flushed = false;  // Close the socket as soon as all is answered and taken.
  bool close_frame_sent = false;    // kClosing: the peer's close frame ends it.
  bool awaiting_pong = false;
  bool counted = false;      // As a client's, by ConnectionLimits.
  bool answering = false;    // kHttp: a request is being answered; pipelined ones wait.
  bool frame_pings = false;  // Asked for: it is pinged by RFC 6455 and not by the protocol.
  protocol::Form form;       // Of its replies and pushes; from the upgrade on it stays.
  Transport transport = Transport::kWebSocket;  // Likewise.
  // The greater one of its own and its shard's, as its subscriptions have it.
  PressureLevel level = PressureLevel::kNormal;
  std::uint16_t due_ms = kNoneDue;           // The interval whose subscriptions are due.
  std::uint16_t streams = 0;                 // Live subscriptions to stream channels.
  std::uint16_t priority_subscriptions = 0;  // Live ones to state channels with `priority`.
  engine::TimerId timer = engine::TimerId::kNone;
  std::uint32_t outbox = OutboxPool::kNone;
  // From the turn in which the last ping left to the one that read its pong, so what the client's
  // own event loop took is in it, and what lay in sockets; 0 = not known.
  std::uint32_t rtt_us = 0;

  // Monotonic ns; 0 = none. `due_ns` is the state's own deadline: request head, connect command,
  // end of closing.
  std::uint64_t due_ns = 0;
  std::uint64_t ping_due_ns = 0;
  std::uint64_t pong_due_ns = 0;
  std::uint64_t blocked_since_ns = 0;

  protocol::FrameParser parser{};
  std::unique_ptr<std::string> inbound;  // A part of a request, or input that waits.
  std::unique_ptr<Unsent> unsent;
  std::unique_ptr<Session> session;        // From the connect command on.
  std::unique_ptr<Connecting> connecting;  // While that command is under way.
  std::unique_ptr<Trouble> trouble;
  std::vector<Subscription> subscriptions;

  // The connect command was answered with success.
  bool connected() const { return session != nullptr && connecting == nullptr; }
};

// What the fan-out reads and writes per delivery.
struct Hot {
  static constexpr ChannelIndex kNothing = kNoChannel;
  static constexpr ChannelIndex kMany = kNoChannel - 1;

  static constexpr std::uint8_t kOpen = 1;
  // The socket refused bytes; nothing is sent until it can be written again.
  static constexpr std::uint8_t kBlocked = 2;
  // Its subscriptions' `seen` say what it has: pushes pass it by, a pull brings it up to date.
  static constexpr std::uint8_t kBehind = 4;
  // Stands in the list of those that are owed replies.
  static constexpr std::uint8_t kReplying = 8;
  // Nothing is sent to it for a reason of ours; kBlocked is set with it.
  static constexpr std::uint8_t kHeld = 16;

  ChannelIndex owed = kNothing;       // In this flush: one channel's frame, or kMany = pull.
  std::uint32_t generation : 24 = 0;  // 0 = vacant.
  std::uint32_t flags : 8 = 0;
  std::uint64_t served_turn = 0;  // Last turn whose publications it was given.

  bool Is(std::uint8_t flag) const { return (flags & flag) != 0; }
  void Set(std::uint8_t flag) { flags = (flags | flag) & 0xffu; }
  void Clear(std::uint8_t flag) { flags = flags & ~std::uint32_t{flag} & 0xffu; }
};
static_assert(sizeof(Hot) == 16);

class ConnectionTable {
 public:
  explicit ConnectionTable(std::uint32_t slots) : hot_(slots) {}

  // The kernel has put a new connection into `slot`.
  Connection& Open(engine::Slot slot);
  // Frees the slot; completions that come later carry an old generation.
  void Close(engine::Slot slot);

  // Null when the connection of that generation is closed.
  Connection* Find(engine::Slot slot, std::uint32_t generation);

  // REQUIRES: open.
  Connection& operator[](engine::Slot slot) { return connections_[slot]; }
  Hot& hot(engine::Slot slot) { return hot_[slot]; }
  std::uint32_t generation(engine::Slot slot) const { return hot_[slot].generation; }

  // Keeps a copy of what a socket did not take of a message; lets go of it.
  void KeepUnsent(engine::Slot slot, std::span<const std::byte> tail);
  void DropUnsent(engine::Slot slot);
  // Bytes of all such copies.
  std::size_t unsent_bytes() const { return unsent_bytes_; }

  // The connection's outbox, taken from the pool when it has none.
  Outbox& OutboxOf(engine::Slot slot);
  // A place in it to append one message to, in the form of the connection.
  std::string& NewLine(engine::Slot slot) {
    return OutboxOf(slot).NewLine(connections_[slot].form.encoding);
  }
  void ReturnOutbox(engine::Slot slot);
  OutboxPool& outboxes() { return outboxes_; }

  std::uint32_t open_count() const { return open_count_; }
  std::uint32_t slots() const { return static_cast<std::uint32_t>(hot_.size()); }

 private:
  engine::SlotTable<Connection> connections_;
  std::vector<Hot> hot_;
  OutboxPool outboxes_;
  std::uint32_t open_count_ = 0;
  std::size_t unsent_bytes_ = 0;
};

}  // namespace tickcast::shards
