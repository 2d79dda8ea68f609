// Fleet: many WebSocket clients of one server on one ring.
//
// Each client is opened, upgraded, connected (Centrifuge protocol) and subscribed; after that
// it answers pings and hands pushes and replies to whoever runs the load. Reads are multishot
// receives into the ring's shared buffers and are scanned in place, so a client that is idle owns
// no buffer, and a reader costs the server's side of the machine as little as a reader can.
// A client may also misbehave: read by the spoonful, not at all, or never answer a ping.
// Threading: one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/uring_connector.h"
#include "engine/uring_ring.h"
#include "tools/loadgen/dialect.h"
#include "tools/loadgen/frame_scanner.h"
#include "tools/loadgen/line.h"

namespace tickcast::loadgen {

// A client is named by its slot in the ring.
using ClientIndex = engine::Slot;

// What a fleet tells its owner. Called within Turn(); a handler may open, say and close.
class FleetEvents {
 public:
  virtual ~FleetEvents() = default;
  // Every reply to what the client was opened with has come.
  virtual void OnReady(ClientIndex client) = 0;
  // A push has come, also before the client is ready. `now_ns`: when its read was looked at.
  virtual void OnPush(ClientIndex client, std::string_view line, std::uint64_t now_ns) = 0;
  // The reply to a subscribe, successful.
  virtual void OnSubscribed(ClientIndex, std::uint32_t /*id*/, std::string_view /*line*/) {}
  // The reply to a sub_refresh, successful.
  virtual void OnRefreshed(ClientIndex, std::uint32_t /*id*/, std::string_view /*line*/,
                           std::uint64_t /*now_ns*/) {}
  // The reply to a publish; `code` is 0 or the error. Also of errors of other commands than those
  // that the client was opened with.
  virtual void OnPublishReply(ClientIndex client, std::uint32_t id, std::uint32_t code) = 0;
  // A metered client has read so many bytes.
  virtual void OnMeteredRead(ClientIndex, std::uint32_t /*bytes*/, std::uint64_t /*now_ns*/) {}
  // The client is gone: `reason` says why, empty when Close() or Cut() was called; `code` is that
  // of the server's close frame, 0 without one.
  virtual void OnClosed(ClientIndex client, std::string_view reason, std::uint32_t code) = 0;
};

// How a client deviates from one that reads everything at once and answers pings.
struct Manners {
  int receive_buffer_bytes = 0;  // SO_RCVBUF; 0 = the kernel's autotuning, which hides megabytes.
  bool pongs = true;
  bool metered = false;  // OnMeteredRead() is called.
};

struct FleetCounters {
  std::uint64_t reads = 0;
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;  // Text messages: a server makes one send for each.
  std::uint64_t pings = 0;
  std::uint64_t unknown_lines = 0;

  void Add(const FleetCounters& other);
};

struct FleetOptions {
  engine::Endpoint server;
  std::string host;  // As the Host header names it.
  std::string path;
  DialectOptions dialect;
  std::uint32_t clients = 0;  // Most at a time.
  std::uint32_t sources = 1;  // Addresses from 127.0.0.1 up; 0 = the kernel's choice.
  std::uint32_t first_source = 0;
  std::uint32_t buffer_bytes = 1024;  // A power of two: of a receive buffer, best over a message.
};

// The ring of `clients` needs a table of so many slots.
std::uint32_t SlotsFor(std::uint32_t clients);

class Fleet {
 public:
  // ResourceExhausted when a ring can't hold so many clients.
  static absl::StatusOr<std::unique_ptr<Fleet>> Create(const FleetOptions& options,
                                                       FleetEvents& events);
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // Opens a client that sends `commands` (lines) once it is upgraded, and is ready when `replies`
  // replies have come. Returns its index. Fails when the machine has no slot, port or memory left.
  absl::StatusOr<ClientIndex> Open(std::string commands, std::uint32_t replies,
                                   const Manners& manners = {});

  // Sends lines in one text frame, at the next Turn(). Ignored when the client is closing.
  void Say(ClientIndex client, std::string_view lines);

  // While it is not ready: one more reply has to come before it is.
  void AwaitReply(ClientIndex client);

  // Says goodbye (close code 1000), and closes when the server has answered.
  void Close(ClientIndex client);

  // Closes at once, unread bytes and all, as a network that breaks does. OnClosed() follows here.
  void Cut(ClientIndex client);

  // Stops and goes on reading. What the kernel holds stays there.
  void Pause(ClientIndex client);
  void Resume(ClientIndex client);

  // Sends what was said, waits until something happened or `deadline_ns` has come, and handles all
  // that happened.
  void Turn(std::uint64_t deadline_ns);

  // Makes the Turn() of the fleet with that handle() return: the one call for another thread's
  // fleet.
  void Wake(int handle) { ring_->Wake(handle); }
  int handle() const { return ring_->handle(); }

  std::uint64_t now_ns() { return ring_->now_ns(); }
  const FleetCounters& counters() const { return counters_; }
  std::uint32_t ready() const { return ready_; }
  std::uint32_t opening() const { return opening_; }

 private:
  enum class State : std::uint8_t { kFree, kUpgrading, kJoining, kReady, kClosing };

  struct Client {
    State state = State::kFree;
    bool dirty = false;      // In dirty_: has something to send.
    bool blocked = false;    // A POLLOUT is armed.
    bool receiving = false;  // A receive is armed.
    bool paused = false;
    bool pongs = true;
    bool metered = false;
    std::int32_t taken = -1;  // Bytes that a short send took; -1 = all.
    std::uint32_t generation = 0;
    std::uint32_t sending = 0;  // Bytes of `outgoing` that the kernel was given.
    std::uint32_t replies_due = 0;
    std::string outgoing;
    Unfinished unfinished;  // While upgrading: the response so far.
    std::string commands;   // Until upgraded.
    DialectMemory memory;
  };

  Fleet(const FleetOptions& options, FleetEvents& events);

  void MarkDirty(ClientIndex index);
  void Flush();
  void Settle();
  void OnCompletion(const engine::Completion& done);
  void OnReceive(ClientIndex index, const engine::Completion& done);
  void OnBytes(ClientIndex index, std::string_view bytes, std::uint64_t now_ns);
  void OnUpgradeBytes(ClientIndex index, std::string_view bytes, std::uint64_t now_ns);
  bool OnMessage(ClientIndex index, Opcode opcode, std::string_view payload, std::uint64_t now_ns);
  bool OnData(ClientIndex index, std::string_view message, std::uint64_t now_ns);
  bool OnLine(ClientIndex index, std::string_view line, std::uint64_t now_ns);
  void OnSetupReply(ClientIndex index, const Line& reply, std::string_view line);
  void SayCommands(ClientIndex index, std::string_view commands);
  void SayFrame(ClientIndex index, std::uint8_t opcode, std::string_view payload);
  void Drop(ClientIndex index, std::string_view reason, std::uint32_t code = 0);
  void Receive(ClientIndex index);
  engine::Endpoint NextSource();
  std::uint32_t NextKey();

  const FleetOptions options_;
  FleetEvents& events_;
  const std::string upgrade_request_;
  Dialect dialect_;
  std::unique_ptr<engine::UringRing> ring_;
  std::unique_ptr<engine::UringConnector> connector_;
  std::vector<Client> clients_;
  std::vector<ClientIndex> free_;
  std::vector<ClientIndex> closed_;  // Free after the submit that closes them.
  std::vector<ClientIndex> dirty_;
  std::vector<ClientIndex> sent_;
  std::array<engine::Completion, 256> completions_;
  FleetCounters counters_;
  std::uint32_t ready_ = 0;
  std::uint32_t opening_ = 0;
  std::uint32_t opened_ = 0;
  std::uint32_t key_ = 0x9e37'79b9;
};

}  // namespace tickcast::loadgen
