#include "tools/loadgen/fleet.h"

#include <errno.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/invariant.h"

namespace tickcast::loadgen {
namespace {

using engine::Completion;
using engine::Operation;

constexpr std::uint32_t kLoopback = 0x7f00'0001;
constexpr std::size_t kMaxHeadBytes = 16 << 10;
constexpr std::size_t kMaxCommandBytes = 32 << 10;
constexpr std::uint32_t kBufferRingBytes = 4 << 20;
// What a client may keep for its next pong or publication.
constexpr std::size_t kKeptBytes = 256;

// Slots that a churn needs beyond its clients: a closed one is free only after its submit.
constexpr std::uint32_t kReserveSlots = 64;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Gives a string's memory back. Assigning an empty one would keep it: 4 KB for each client that has
// subscribed.
void Release(std::string& text) { std::string().swap(text); }

// What a server's close frame says (RFC 6455 section 5.5.1); 0 without a code.
std::uint32_t CloseCode(std::string_view payload) {
  if (payload.size() < 2) return 0;
  return static_cast<std::uint32_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                    static_cast<unsigned char>(payload[1]));
}

std::string CloseReason(std::string_view payload) {
  if (payload.size() < 2) return "closed by the server without a code";
  return absl::StrCat("closed by the server: ", CloseCode(payload), " ", View(payload.substr(2)));
}

}  // namespace

void FleetCounters::Add(const FleetCounters& other) {
  reads += other.reads;
  bytes += other.bytes;
  messages += other.messages;
  pings += other.pings;
  unknown_lines += other.unknown_lines;
}

std::uint32_t SlotsFor(std::uint32_t clients) { return clients + std::min(kReserveSlots, clients); }

absl::StatusOr<std::unique_ptr<Fleet>> Fleet::Create(const FleetOptions& options,
                                                     FleetEvents& events) {
  std::unique_ptr<Fleet> fleet(new Fleet(options, events));
  auto ring = engine::UringRing::Create({.slots = SlotsFor(options.clients),
                                         .buffers = kBufferRingBytes / options.buffer_bytes,
                                         .buffer_bytes = options.buffer_bytes},
                                        /*listen_fd=*/-1);
  if (!ring.ok()) return ring.status();
  if ((*ring)->slot_count() < options.clients) {
    return absl::ResourceExhaustedError(
        absl::StrCat(options.clients, " connections, but a ring's table holds ",
                     (*ring)->slot_count(), " (ulimit -n): use more --rings"));
  }
  fleet->ring_ = *std::move(ring);
  fleet->connector_ = std::make_unique<engine::UringConnector>(*fleet->ring_);
  fleet->clients_.resize(fleet->ring_->slot_count());
  for (std::uint32_t slot = fleet->ring_->slot_count(); slot > 0; --slot) {
    fleet->free_.push_back(slot - 1);
  }
  return fleet;
}

Fleet::Fleet(const FleetOptions& options, FleetEvents& events)
    : options_(options),
      events_(events),
      upgrade_request_(UpgradeRequest(options.host, options.path, options.dialect.protobuf)),
      dialect_(options.dialect) {}

absl::StatusOr<ClientIndex> Fleet::Open(std::string commands, std::uint32_t replies,
                                        const Manners& manners) {
  if (free_.empty()) return absl::ResourceExhaustedError("no free slot for another connection");
  const ClientIndex index = free_.back();
  const int error =
      connector_->Connect(index, {.source = NextSource(),
                                  .destination = options_.server,
                                  .receive_buffer_bytes = manners.receive_buffer_bytes});
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat(
        options_.host, ": connect: ", strerror(-error),
        error == -EADDRNOTAVAIL ? " (no local port is left: use more --sources)" : ""));
  }
  free_.pop_back();
  ++opened_;
  ++opening_;
  Client& client = clients_[index];
  const std::uint32_t generation = client.generation;
  client = Client{};
  client.generation = generation;
  client.state = State::kUpgrading;
  client.replies_due = replies;
  client.outgoing = upgrade_request_;
  client.commands = std::move(commands);
  client.pongs = manners.pongs;
  client.metered = manners.metered;
  Receive(index);
  MarkDirty(index);
  return index;
}

// Neighbours in time differ in their source, so that no pair of addresses fills up early.
engine::Endpoint Fleet::NextSource() {
  if (options_.sources == 0) return {};
  return {.address = kLoopback + (options_.first_source + opened_) % options_.sources};
}

// Keys only have to differ: nothing between this client and the server needs protection.
std::uint32_t Fleet::NextKey() {
  key_ ^= key_ << 13;
  key_ ^= key_ >> 17;
  key_ ^= key_ << 5;
  return key_;
}

void Fleet::Say(ClientIndex index, std::string_view lines) {
  Client& client = clients_[index];
  if (client.state != State::kJoining && client.state != State::kReady) return;
  const Opcode opcode = dialect_.protobuf() ? Opcode::kBinary : Opcode::kText;
  if (!dialect_.plain()) lines = dialect_.Encode(lines, client.memory);
  SayFrame(index, static_cast<std::uint8_t>(opcode), lines);
}

void Fleet::AwaitReply(ClientIndex index) {
  if (clients_[index].state == State::kJoining) ++clients_[index].replies_due;
}

// Servers accept messages of 64 KiB, and a thousand subscribes are nearly that.
void Fleet::SayCommands(ClientIndex index, std::string_view commands) {
  while (commands.size() > kMaxCommandBytes) {
    const std::size_t end = commands.rfind('\n', kMaxCommandBytes);
    if (end == std::string_view::npos) break;
    Say(index, commands.substr(0, end));
    commands.remove_prefix(end + 1);
  }
  Say(index, commands);
}

void Fleet::SayFrame(ClientIndex index, std::uint8_t opcode, std::string_view payload) {
  AppendMaskedFrame(opcode, payload, NextKey(), clients_[index].outgoing);
  MarkDirty(index);
}

void Fleet::Close(ClientIndex index) {
  Client& client = clients_[index];
  if (client.state != State::kJoining && client.state != State::kReady) return;
  if (client.state == State::kReady) --ready_;
  if (client.state == State::kJoining) --opening_;
  client.state = State::kClosing;
  SayFrame(index, static_cast<std::uint8_t>(Opcode::kClose), std::string_view("\x03\xe8", 2));
}

void Fleet::Cut(ClientIndex index) {
  if (clients_[index].state != State::kFree) Drop(index, {});
}

void Fleet::Pause(ClientIndex index) {
  Client& client = clients_[index];
  if (client.state == State::kFree || client.paused) return;
  client.paused = true;
  if (client.receiving) ring_->CancelReceive(index, client.generation);
}

// A receive that is still being cancelled is armed again when its end is reported.
void Fleet::Resume(ClientIndex index) {
  Client& client = clients_[index];
  if (client.state == State::kFree || !client.paused) return;
  client.paused = false;
  if (!client.receiving) Receive(index);
}

void Fleet::Receive(ClientIndex index) {
  clients_[index].receiving = true;
  ring_->ArmReceive(index, clients_[index].generation);
}

void Fleet::MarkDirty(ClientIndex index) {
  Client& client = clients_[index];
  if (client.dirty || client.blocked) return;
  client.dirty = true;
  dirty_.push_back(index);
}

void Fleet::Turn(std::uint64_t deadline_ns) {
  Flush();
  ring_->Wait(deadline_ns);
  // The submit inside Wait() closed these, so their slots may be used again.
  free_.insert(free_.end(), closed_.begin(), closed_.end());
  closed_.clear();
  std::size_t count = 0;
  while ((count = ring_->Reap(completions_)) > 0) {
    for (std::size_t i = 0; i < count; ++i) OnCompletion(completions_[i]);
  }
  Settle();
}

// At most one send per client and submit: that is why everything said in a turn waits for it.
void Fleet::Flush() {
  sent_.swap(dirty_);
  for (const ClientIndex index : sent_) {
    Client& client = clients_[index];
    client.dirty = false;
    if (client.state == State::kFree || client.blocked || client.outgoing.empty()) continue;
    client.taken = -1;
    client.sending = static_cast<std::uint32_t>(client.outgoing.size());
    ring_->Send(index, client.generation,
                std::as_bytes(std::span(client.outgoing.data(), client.outgoing.size())));
  }
}

// Short and refused sends have been reported by now; all others were taken whole.
void Fleet::Settle() {
  for (const ClientIndex index : sent_) {
    Client& client = clients_[index];
    if (client.state == State::kFree || client.sending == 0) continue;
    const bool whole = client.taken < 0;
    client.outgoing.erase(0, whole ? client.sending : static_cast<std::uint32_t>(client.taken));
    client.sending = 0;
    if (whole) {
      if (client.outgoing.empty() && client.outgoing.capacity() > kKeptBytes)
        Release(client.outgoing);
      continue;
    }
    client.blocked = true;
    ring_->ArmPollOut(index, client.generation);
  }
  sent_.clear();
}

void Fleet::OnCompletion(const Completion& done) {
  const ClientIndex index = done.token.slot;
  Client& client = clients_[index];
  const bool current =
      client.state != State::kFree &&
      (client.generation & engine::Token::kGenerationMask) == done.token.generation;
  switch (done.token.operation) {
    case Operation::kReceive:
      if (current) OnReceive(index, done);
      if (done.has_buffer) ring_->Recycle(done.buffer_id);
      return;
    case Operation::kSend:
      // A broken pipe is told by the receive, with its reason.
      if (current) client.taken = std::max(done.result, 0);
      return;
    case Operation::kPollOut:
      if (!current) return;
      client.blocked = false;
      if (!client.outgoing.empty()) MarkDirty(index);
      return;
    case Operation::kNone:
    case Operation::kAccept:
    case Operation::kWake:
    case Operation::kConnect:
    case Operation::kPeerName:
      return;
  }
}

void Fleet::OnReceive(ClientIndex index, const Completion& done) {
  const std::uint32_t generation = clients_[index].generation;
  if (!done.more) clients_[index].receiving = false;
  if (done.result == 0) return Drop(index, "the server ended the connection");
  if (done.result < 0 && done.result != -ENOBUFS && done.result != -ECANCELED) {
    return Drop(index, strerror(-done.result));
  }
  if (done.result > 0) {
    ++counters_.reads;
    counters_.bytes += static_cast<std::uint64_t>(done.result);
    OnBytes(index, Text(ring_->Received(done)), ring_->now_ns());
    if (clients_[index].generation != generation) return;
    if (clients_[index].metered) {
      events_.OnMeteredRead(index, static_cast<std::uint32_t>(done.result), ring_->now_ns());
    }
  }
  const Client& client = clients_[index];
  if (client.generation == generation && !client.receiving && !client.paused) Receive(index);
}

void Fleet::OnBytes(ClientIndex index, std::string_view bytes, std::uint64_t now_ns) {
  Client& client = clients_[index];
  if (client.state == State::kUpgrading) return OnUpgradeBytes(index, bytes, now_ns);
  const bool legal =
      ScanFrames(client.unfinished, bytes, [&](Opcode opcode, std::string_view payload) {
        return OnMessage(index, opcode, payload, now_ns);
      });
  if (!legal) Drop(index, "the server broke the WebSocket protocol");
}

void Fleet::OnUpgradeBytes(ClientIndex index, std::string_view bytes, std::uint64_t now_ns) {
  Client& client = clients_[index];
  std::string head = std::move(client.unfinished.bytes);
  client.unfinished.Clear();
  head.append(bytes);
  const std::size_t end = head.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (head.size() > kMaxHeadBytes) return Drop(index, "an endless HTTP response");
    client.unfinished.bytes = std::move(head);
    return;
  }
  if (!IsUpgraded(std::string_view(head).substr(0, end))) {
    return Drop(index, absl::StrCat("no upgrade: ", head.substr(0, head.find("\r\n"))));
  }
  client.state = State::kJoining;
  SayCommands(index, client.commands);
  Release(client.commands);
  if (head.size() > end + 4) OnBytes(index, std::string_view(head).substr(end + 4), now_ns);
}

// Returns whether the client still reads.
bool Fleet::OnMessage(ClientIndex index, Opcode opcode, std::string_view payload,
                      std::uint64_t now_ns) {
  switch (opcode) {
    case Opcode::kText:
    case Opcode::kBinary:
      return OnData(index, payload, now_ns);
    case Opcode::kPing:
      SayFrame(index, static_cast<std::uint8_t>(Opcode::kPong), payload);
      return true;
    case Opcode::kClose:
      Drop(index, CloseReason(payload), CloseCode(payload));
      return false;
    case Opcode::kContinuation:
    case Opcode::kPong:
      return true;
  }
  return true;
}

bool Fleet::OnData(ClientIndex index, std::string_view message, std::uint64_t now_ns) {
  ++counters_.messages;
  bool reading = true;
  if (dialect_.plain()) {
    ForEachLine(message,
                [&](std::string_view line) { return reading = OnLine(index, line, now_ns); });
    return reading;
  }
  while (reading && !message.empty()) {
    reading = OnLine(index, dialect_.Decode(message, clients_[index].memory), now_ns);
  }
  return reading;
}

bool Fleet::OnLine(ClientIndex index, std::string_view line, std::uint64_t now_ns) {
  Client& client = clients_[index];
  const std::uint32_t generation = client.generation;
  const Line what = ReadLine(line);
  switch (what.kind) {
    case Line::Kind::kPush:
      events_.OnPush(index, line, now_ns);
      break;
    case Line::Kind::kPing:
      ++counters_.pings;
      if (client.pongs) Say(index, "{}");
      break;
    case Line::Kind::kSubscribed:
      events_.OnSubscribed(index, what.id, line);
      OnSetupReply(index, what, line);
      break;
    case Line::Kind::kRefreshed:
      events_.OnRefreshed(index, what.id, line, now_ns);
      OnSetupReply(index, what, line);
      break;
    case Line::Kind::kConnected:
      OnSetupReply(index, what, line);
      break;
    case Line::Kind::kPublished:
      events_.OnPublishReply(index, what.id, 0);
      break;
    case Line::Kind::kError:
      if (client.state == State::kJoining) {
        OnSetupReply(index, what, line);
      } else {
        events_.OnPublishReply(index, what.id, what.code);
      }
      break;
    case Line::Kind::kOther:
      ++counters_.unknown_lines;
      break;
  }
  return client.generation == generation;
}

void Fleet::OnSetupReply(ClientIndex index, const Line& reply, std::string_view line) {
  Client& client = clients_[index];
  if (reply.kind == Line::Kind::kError) {
    return Drop(index, absl::StrCat("refused: ", View(line.substr(0, 256))));
  }
  if (client.state != State::kJoining || --client.replies_due > 0) return;
  client.state = State::kReady;
  --opening_;
  ++ready_;
  events_.OnReady(index);
}

void Fleet::Drop(ClientIndex index, std::string_view reason, std::uint32_t code) {
  Client& client = clients_[index];
  if (client.state == State::kClosing) reason = {};  // It was asked to leave; how does not matter.
  if (client.state == State::kUpgrading || client.state == State::kJoining) --opening_;
  if (client.state == State::kReady) --ready_;
  client.state = State::kFree;
  ++client.generation;
  client.blocked = false;
  Release(client.outgoing);
  Release(client.commands);
  // Not `unfinished`: this may run inside the scan of it; Open() begins a new one.
  ring_->CancelAndClose(index);
  closed_.push_back(index);
  events_.OnClosed(index, reason, code);
}

}  // namespace tickcast::loadgen
