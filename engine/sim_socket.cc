#include "engine/sim_socket.h"

#include <errno.h>

#include <algorithm>
#include <utility>

#include "engine/invariant.h"

namespace tickcast::engine {

int SimSocket::Send(std::span<const std::byte> bytes) {
  INVARIANT(!closed_, "a closed socket sends nothing");
  if (reset_) return error_ != 0 ? -std::exchange(error_, 0) : -EPIPE;
  const std::size_t room_bytes = capacity_bytes_ - std::min(capacity_bytes_, unsent_bytes());
  const std::size_t taken = std::min(bytes.size(), room_bytes);
  if (taken == 0) return -EAGAIN;
  outbound_.insert(outbound_.end(), bytes.begin(), bytes.begin() + static_cast<long>(taken));
  return static_cast<int>(taken);
}

int SimSocket::Receive(std::span<std::byte> into) {
  INVARIANT(!closed_, "a closed socket receives nothing");
  const std::size_t count = std::min(into.size(), unread_bytes());
  if (count > 0) {
    std::copy_n(inbound_.begin() + static_cast<long>(inbound_read_), count, into.begin());
    inbound_read_ += count;
    if (inbound_read_ == inbound_.size()) {
      inbound_.clear();
      inbound_read_ = 0;
    }
    return static_cast<int>(count);
  }
  // What came before a reset is read first (tcp_recvmsg() looks at its queue, then at the error).
  if (error_ != 0) return -std::exchange(error_, 0);
  return ended_ ? 0 : -EAGAIN;
}

void SimSocket::Close() {
  INVARIANT(!closed_, "a socket is closed once");
  closed_ = true;
  on_change_ = nullptr;
}

bool SimSocket::writable() const {
  if (reset_) return true;
  const std::size_t unsent = unsent_bytes();
  return unsent < capacity_bytes_ && capacity_bytes_ - unsent >= unsent / 2;
}

bool SimSocket::OnBytes(std::span<const std::byte> bytes) {
  if (closed_) return false;
  if (reset_ || ended_) return true;
  inbound_.insert(inbound_.end(), bytes.begin(), bytes.end());
  Changed();
  return true;
}

void SimSocket::OnEnd() {
  ended_ = true;
  Changed();
}

void SimSocket::OnReset() {
  if (reset_) return;
  error_ = ECONNRESET;
  ended_ = true;
  reset_ = true;
  outbound_.clear();
  outbound_sent_ = 0;
  Changed();
}

void SimSocket::TakeSent(std::size_t limit, std::vector<std::byte>& into) {
  const std::size_t count = std::min(limit, unsent_bytes());
  const auto first = outbound_.begin() + static_cast<long>(outbound_sent_);
  into.insert(into.end(), first, first + static_cast<long>(count));
  outbound_sent_ += count;
  if (outbound_sent_ == outbound_.size()) {
    outbound_.clear();
    outbound_sent_ = 0;
  }
  if (count > 0) Changed();
}

}  // namespace tickcast::engine
