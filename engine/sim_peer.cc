#include "engine/sim_peer.h"

#include <utility>

#include "engine/invariant.h"
#include "engine/sim_ring.h"
#include "engine/sim_world.h"

namespace tickcast::engine {

SimPeer::SimPeer(SimWorld& world, std::size_t capacity_bytes, const PeerAddress& address)
    : world_(world), socket_(capacity_bytes), address_(address) {}

void SimPeer::BeginConnect(SimRing& ring) {
  world_.Deliver(to_socket_ns_, [this, &ring] {
    if (!ring.OnConnect(*this)) OnSocketClosed();
  });
}

void SimPeer::Send(std::span<const std::byte> bytes) {
  INVARIANT(!write_ended_, "a peer that ended its side sends no more");
  world_.Deliver(to_socket_ns_, [this, copy = std::vector(bytes.begin(), bytes.end())] {
    if (!socket_.OnBytes(copy)) SendReset();
  });
}

void SimPeer::SetReading(bool reading) {
  reading_ = reading;
  OnSent();
}

void SimPeer::CloseWrite() {
  write_ended_ = true;
  world_.Deliver(to_socket_ns_, [this] { socket_.OnEnd(); });
}

void SimPeer::Close() {
  // The same rule as for the shard's end: closing with input unread resets.
  if (socket_.unsent_bytes() > 0) return Reset();
  CloseWrite();
  gone_ = true;
}

void SimPeer::Reset() {
  write_ended_ = true;
  gone_ = true;
  world_.Deliver(to_socket_ns_, [this] { socket_.OnReset(); });
}

std::vector<std::byte> SimPeer::TakeReceived() { return std::exchange(received_, {}); }

void SimPeer::OnSent() {
  const bool nothing = socket_.unsent_bytes() == 0 && !socket_.closed();
  const bool deaf = !reading_ && !gone_;
  if (nothing || deaf || read_under_way_ || reset_under_way_ || end_seen_) return;
  read_under_way_ = true;
  world_.Deliver(to_peer_ns_, [this] {
    read_under_way_ = false;
    Read();
  });
}

void SimPeer::Read() {
  if (reset_under_way_) return;
  if (gone_) {
    if (socket_.unsent_bytes() > 0) Reset();
    return;
  }
  if (!reading_) return;
  const std::size_t before = received_.size();
  socket_.TakeSent(read_limit_bytes_, received_);
  received_bytes_ += received_.size() - before;
  if (socket_.closed() && socket_.unsent_bytes() == 0) {
    end_seen_ = true;
    return;
  }
  OnSent();
}

void SimPeer::OnSocketClosed() {
  // Unread input turns the close into a reset, and with it the last words of the shard are lost.
  if (!accepted_ || socket_.unread_bytes() > 0) return SendReset();
  OnSent();
}

void SimPeer::SendReset() {
  // Set at once: what the socket still held is lost, and its end is never read as a clean one.
  reset_under_way_ = true;
  world_.Deliver(to_peer_ns_, [this] { reset_seen_ = !end_seen_; });
}

}  // namespace tickcast::engine
