#include "engine/sim_ring.h"

#include <errno.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "engine/invariant.h"
#include "engine/sim_peer.h"
#include "engine/sim_world.h"

namespace tickcast::engine {
namespace {

// What a recycled buffer is overwritten with, so that reading on shows.
constexpr std::byte kRecycledFill{0xdb};

// The events of a successful poll(2): POLLOUT.
constexpr std::int32_t kPollOutReady = 4;

// The result of a getsockopt(2) for an IPv4 address: sizeof(sockaddr_in).
constexpr std::int32_t kPeerNameBytes = 16;

std::size_t Checksum(std::span<const std::byte> bytes) {
  return std::hash<std::string_view>{}(
      std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace

SimRing::SimRing(SimWorld& world, int handle, const SimRingOptions& options)
    : world_(world),
      handle_(handle),
      options_(options),
      descriptors_(options.slots),
      buffer_bytes_(std::size_t{options.buffers} * options.buffer_bytes + kReadSlackBytes),
      lent_(options.buffers) {
  for (std::uint32_t id = 0; id < options.buffers; ++id) {
    free_buffers_.push_back(static_cast<std::uint16_t>(id));
  }
}

std::uint64_t SimRing::now_ns() { return world_.now_ns(); }

// The caller's side: the submission queue.

void SimRing::ArmAccept() { Queue({.kind = Submission::Kind::kAccept}); }

void SimRing::StopAccept() {
  if (!listening_) return;
  Submit();
  listening_ = false;
  if (std::exchange(accept_armed_, false)) {
    deferred_.push_back(
        {.kind = Deferred::Kind::kPost,
         .done = {.token = {.operation = Operation::kAccept}, .result = -ECANCELED}});
  }
  for (SimPeer* peer : backlog_) peer->SendReset();
  backlog_.clear();
}

void SimRing::ArmReceive(Slot slot, std::uint32_t generation) {
  Queue({.kind = Submission::Kind::kReceive, .slot = slot, .generation = generation});
}

void SimRing::CancelReceive(Slot slot, std::uint32_t generation) {
  Queue({.kind = Submission::Kind::kCancel, .slot = slot, .generation = generation});
}

void SimRing::Send(Slot slot, std::uint32_t generation, std::span<const std::byte> bytes) {
  INVARIANT(!bytes.empty(), "a send has bytes");
  Descriptor& descriptor = Open(slot, generation);
  INVARIANT(descriptor.last_send_batch != batch_,
            "a second send in one submit would overtake what a short first one left");
  descriptor.last_send_batch = batch_;
  Queue({.kind = Submission::Kind::kSend,
         .slot = slot,
         .generation = generation,
         .bytes = bytes,
         .checksum = Checksum(bytes)});
}

void SimRing::ArmPollOut(Slot slot, std::uint32_t generation) {
  Queue({.kind = Submission::Kind::kPollOut, .slot = slot, .generation = generation});
}

void SimRing::AskPeerName(Slot slot, std::uint32_t generation) {
  const Token token{Operation::kPeerName, generation, slot};
  INVARIANT(peer_names_.try_emplace(token.Pack()).second,
            "a connection is asked for its peer once at a time");
  Queue({.kind = Submission::Kind::kPeerName, .slot = slot, .generation = generation});
}

PeerAddress SimRing::TakePeerName(const Completion& done) {
  const auto name = peer_names_.extract(done.token.Pack());
  INVARIANT(!name.empty(), "a peer's name is taken once");
  return name.mapped();
}

void SimRing::CancelAndClose(Slot slot) { Queue({.kind = Submission::Kind::kClose, .slot = slot}); }

void SimRing::Wake(int handle) { Queue({.kind = Submission::Kind::kWake, .handle = handle}); }

void SimRing::Queue(const Submission& submission) {
  if (submissions_.size() == options_.submission_entries) Flush();
  submissions_.push_back(submission);
}

void SimRing::Submit() {
  Flush();
  ++batch_;
}

void SimRing::Wait(std::uint64_t deadline_ns) {
  Submit();
  RunDeferred();
  parked_until_ns_ = completions_.empty() ? deadline_ns : 0;
}

std::size_t SimRing::Reap(std::span<Completion> completions) {
  const std::size_t count = std::min(completions.size(), completions_.size());
  const auto end = completions_.begin() + static_cast<std::ptrdiff_t>(count);
  std::copy(completions_.begin(), end, completions.begin());
  completions_.erase(completions_.begin(), end);
  return count;
}

// Buffers.

std::span<std::byte> SimRing::Received(const Completion& done) {
  INVARIANT(done.has_buffer && done.result > 0, "only a receive of bytes lends some");
  INVARIANT(lent_[done.buffer_id], "a buffer is read before it is recycled");
  return {buffer_bytes_.data() + std::size_t{done.buffer_id} * options_.buffer_bytes,
          static_cast<std::size_t>(done.result)};
}

void SimRing::Recycle(std::uint16_t buffer_id) {
  INVARIANT(buffer_id < lent_.size() && lent_[buffer_id], "a buffer is recycled once");
  lent_[buffer_id] = false;
  --lent_count_;
  std::fill_n(buffer_bytes_.begin() + static_cast<std::ptrdiff_t>(buffer_id) *
                                          static_cast<std::ptrdiff_t>(options_.buffer_bytes),
              options_.buffer_bytes, kRecycledFill);
  recycled_buffers_.push_back(buffer_id);
}

void SimRing::PublishBuffers() {
  free_buffers_.insert(free_buffers_.end(), recycled_buffers_.begin(), recycled_buffers_.end());
  recycled_buffers_.clear();
}

void SimRing::Lend(Completion& done) {
  done.has_buffer = true;
  done.buffer_id = free_buffers_.front();
  free_buffers_.pop_front();
  lent_[done.buffer_id] = true;
  ++lent_count_;
}

// The kernel's side: what a submit does.

void SimRing::Flush() {
  PublishBuffers();
  for (const Submission& submission : submissions_) Execute(submission);
  submissions_.clear();
}

void SimRing::Execute(const Submission& submission) {
  switch (submission.kind) {
    case Submission::Kind::kAccept:
      INVARIANT(listening_, "accepting needs a listener");
      INVARIANT(!accept_armed_, "one accept is armed at a time");
      accept_armed_ = true;
      if (!std::exchange(listener_deferred_, true)) {
        deferred_.push_back({.kind = Deferred::Kind::kListener});
      }
      return;
    case Submission::Kind::kReceive:
      return ExecuteReceive(submission);
    case Submission::Kind::kCancel:
      return ExecuteCancel(submission);
    case Submission::Kind::kSend:
      return ExecuteSend(submission);
    case Submission::Kind::kPollOut: {
      Descriptor& descriptor = Open(submission.slot, submission.generation);
      INVARIANT(!descriptor.poll_out.has_value(), "one poll is armed per slot");
      descriptor.poll_out = submission.generation;
      return OnChange(submission.slot);
    }
    case Submission::Kind::kPeerName:
      return ExecutePeerName(submission);
    case Submission::Kind::kClose:
      return ExecuteClose(submission.slot);
    case Submission::Kind::kWake: {
      SimRing& target = world_.ring(submission.handle);
      world_.Deliver(target.wake_ns_, [&target] {
        target.deferred_.push_back(
            {.kind = Deferred::Kind::kPost, .done = {.token = {.operation = Operation::kWake}}});
      });
      return;
    }
  }
}

void SimRing::ExecuteReceive(const Submission& submission) {
  Descriptor& descriptor = Open(submission.slot, submission.generation);
  INVARIANT(!descriptor.receive.has_value(), "one receive is armed per slot");
  // Refused at once, though no byte has come (liburing issue 1275).
  if (free_buffers_.empty()) {
    return Post(Operation::kReceive, submission.generation, submission.slot, -ENOBUFS);
  }
  descriptor.receive = submission.generation;
  // The kernel tries inline before it waits.
  while (StepReceive(submission.slot)) {
  }
}

void SimRing::ExecuteCancel(const Submission& submission) {
  Descriptor& descriptor = descriptors_[submission.slot];
  if (descriptor.receive == submission.generation) {
    // Whether bytes that have come are read before the cancel or stay for the next receive is a
    // race in the kernel as well.
    if (world_.Chance(0.5)) {
      while (StepReceive(submission.slot)) {
      }
    }
  }
  if (descriptor.receive != submission.generation) {
    return Post(Operation::kNone, 0, 0, -ENOENT);
  }
  descriptor.receive.reset();
  deferred_.push_back(
      {.kind = Deferred::Kind::kPost,
       .done = {.token = {Operation::kReceive, submission.generation, submission.slot},
                .result = -ECANCELED}});
}

void SimRing::ExecuteSend(const Submission& submission) {
  Descriptor& descriptor = Open(submission.slot, submission.generation);
  INVARIANT(Checksum(submission.bytes) == submission.checksum,
            "the bytes of a send stay as they are until its submit");
  const SimFaults& faults = world_.faults();
  std::span<const std::byte> bytes = submission.bytes;
  std::int32_t result = -EAGAIN;
  if (!world_.Chance(faults.refused_send)) {
    if (bytes.size() > 1 && world_.Chance(faults.short_send)) {
      bytes = bytes.first(world_.Between(1, bytes.size() - 1));
    }
    result = descriptor.peer->socket_.Send(bytes);
  }
  if (result > 0) descriptor.peer->OnSent();
  if (result == static_cast<std::int32_t>(submission.bytes.size())) return;
  Post(Operation::kSend, submission.generation, submission.slot, result);
}

// Answered later, unlike by today's kernel: by then the slot may have its next tenant.
void SimRing::ExecutePeerName(const Submission& submission) {
  const Descriptor& descriptor = Open(submission.slot, submission.generation);
  const Token token{Operation::kPeerName, submission.generation, submission.slot};
  std::int32_t result = -EOPNOTSUPP;
  if (!world_.Chance(world_.faults().unknown_peer)) {
    peer_names_[token.Pack()] = descriptor.peer->address();
    result = kPeerNameBytes;
  }
  deferred_.push_back({.kind = Deferred::Kind::kPost, .done = {.token = token, .result = result}});
}

void SimRing::ExecuteClose(Slot slot) {
  Descriptor& descriptor = descriptors_[slot];
  INVARIANT(descriptor.peer != nullptr, "a vacant slot is closed; it might have been the next's");
  // Posted later: by then the slot may have its next tenant, and only the generation tells.
  for (const auto& [operation, armed] : {std::pair(Operation::kReceive, descriptor.receive),
                                         std::pair(Operation::kPollOut, descriptor.poll_out)}) {
    if (!armed.has_value()) continue;
    deferred_.push_back({.kind = Deferred::Kind::kPost,
                         .done = {.token = {operation, *armed, slot}, .result = -ECANCELED}});
  }
  SimPeer& peer = *descriptor.peer;
  const std::uint32_t former =
      descriptor.generation != 0 ? descriptor.generation : descriptor.former_generation;
  descriptor = {.former_generation = former, .deferred = descriptor.deferred};
  --open_slots_;
  peer.socket_.Close();
  peer.OnSocketClosed();
}

// The kernel's side: what happens later.

bool SimRing::OnConnect(SimPeer& peer) {
  if (!listening_) return false;
  backlog_.push_back(&peer);
  if (!std::exchange(listener_deferred_, true)) {
    deferred_.push_back({.kind = Deferred::Kind::kListener});
  }
  return true;
}

void SimRing::OnChange(Slot slot) {
  if (std::exchange(descriptors_[slot].deferred, true)) return;
  deferred_.push_back({.kind = Deferred::Kind::kSlot, .slot = slot});
}

void SimRing::RunDeferred() {
  while (!deferred_.empty()) {
    const std::size_t index =
        world_.Chance(world_.faults().reorder) ? world_.Between(0, deferred_.size() - 1) : 0;
    const auto position = deferred_.begin() + static_cast<std::ptrdiff_t>(index);
    const Deferred work = *position;
    deferred_.erase(position);
    // To the end of the line after each step, so that sockets take turns.
    if (Step(work)) deferred_.push_back(work);
  }
}

bool SimRing::Step(const Deferred& work) {
  switch (work.kind) {
    case Deferred::Kind::kListener:
      return listener_deferred_ = StepListener();
    case Deferred::Kind::kSlot:
      return descriptors_[work.slot].deferred = StepSlot(work.slot);
    case Deferred::Kind::kPost:
      completions_.push_back(work.done);
      return false;
  }
  return false;
}

bool SimRing::StepListener() {
  if (!accept_armed_ || backlog_.empty()) return false;
  SimPeer& peer = *backlog_.front();
  backlog_.pop_front();
  const auto vacant = std::find_if(descriptors_.begin(), descriptors_.end(),
                                   [](const Descriptor& d) { return d.peer == nullptr; });
  if (vacant == descriptors_.end()) {
    // As in the kernel, the connection was taken off the backlog and is lost (io_accept()).
    peer.SendReset();
    accept_armed_ = false;
    Post(Operation::kAccept, 0, 0, -ENFILE);
    return false;
  }
  const auto slot = static_cast<Slot>(vacant - descriptors_.begin());
  Install(slot, peer);
  accept_armed_ = !world_.Chance(world_.faults().multishot_end);
  Post(Operation::kAccept, 0, 0, static_cast<std::int32_t>(slot), accept_armed_);
  return accept_armed_;
}

bool SimRing::StepSlot(Slot slot) {
  Descriptor& descriptor = descriptors_[slot];
  // Closed meanwhile. A next tenant is merely looked at once more than needed.
  if (descriptor.peer == nullptr) return false;
  if (descriptor.poll_out.has_value() && descriptor.peer->socket_.writable()) {
    Post(Operation::kPollOut, *std::exchange(descriptor.poll_out, std::nullopt), slot,
         kPollOutReady);
  }
  return StepReceive(slot);
}

bool SimRing::StepReceive(Slot slot) {
  Descriptor& descriptor = descriptors_[slot];
  if (!descriptor.receive.has_value() || !descriptor.peer->socket_.readable()) return false;
  const SimFaults& faults = world_.faults();
  Completion done{.token = {Operation::kReceive, *descriptor.receive, slot}};
  if (free_buffers_.empty() || world_.Chance(faults.no_buffers)) {
    done.result = -ENOBUFS;
  } else {
    const std::size_t offset = std::size_t{free_buffers_.front()} * options_.buffer_bytes;
    std::size_t limit = options_.buffer_bytes;
    if (world_.Chance(faults.short_receive)) limit = world_.Between(1, limit);
    done.result = descriptor.peer->socket_.Receive(std::span(buffer_bytes_).subspan(offset, limit));
    done.more = done.result > 0 && !world_.Chance(faults.multishot_end);
    if (done.result > 0 || (done.result == 0 && world_.Chance(faults.buffer_at_end))) Lend(done);
  }
  if (!done.more) descriptor.receive.reset();
  completions_.push_back(done);
  return done.more;
}

SimRing::Descriptor& SimRing::Open(Slot slot, std::uint32_t generation) {
  INVARIANT(slot < descriptors_.size(), "a slot lies in the table");
  Descriptor& descriptor = descriptors_[slot];
  INVARIANT(descriptor.peer != nullptr, "a vacant slot is used");
  if (descriptor.generation == 0) {
    INVARIANT(generation != descriptor.former_generation,
              "each tenant of a slot has a generation of its own");
    descriptor.generation = generation;
  }
  INVARIANT(descriptor.generation == generation, "a tenant keeps its generation");
  return descriptor;
}

void SimRing::Install(Slot slot, SimPeer& peer) {
  Descriptor& descriptor = descriptors_[slot];
  descriptor.peer = &peer;
  ++open_slots_;
  peer.accepted_ = true;
  peer.socket_.set_on_change([this, slot] { OnChange(slot); });
}

void SimRing::Post(Operation operation, std::uint32_t generation, Slot slot, std::int32_t result,
                   bool more) {
  completions_.push_back({.token = {operation, generation, slot}, .result = result, .more = more});
}

}  // namespace tickcast::engine
