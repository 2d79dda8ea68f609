// SimSocket: the kernel's end of one simulated TCP connection.
//
// Bytes in both directions, a bounded send buffer, and the ends a connection can come to: what
// send(2), recv(2), poll(2) and close(2) would answer, told by the state alone. Who it talks to is
// SimPeer, who waits for it SimRing.
// Threading: as SimWorld.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tickcast::engine {

class SimSocket {
 public:
  explicit SimSocket(std::size_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}
  SimSocket(const SimSocket&) = delete;
  SimSocket& operator=(const SimSocket&) = delete;

  // Called after each change that the other side brought about; null while nobody waits.
  void set_on_change(std::function<void()> on_change) { on_change_ = std::move(on_change); }

  // The system calls, as 0 or a count, or -errno. Send() takes what fits. After the peer's reset
  // the first call to ask is told -ECONNRESET, later ones -EPIPE and the end of the stream.
  int Send(std::span<const std::byte> bytes);
  int Receive(std::span<std::byte> into);
  // Unread input, or more of it later, turns the close into a reset.
  void Close();

  // poll(2). A third must be free to be writable, as in the kernel (sk_stream_is_writeable()).
  bool readable() const { return unread_bytes() > 0 || ended_ || error_ != 0; }
  bool writable() const;
  std::size_t unread_bytes() const { return inbound_.size() - inbound_read_; }
  std::size_t unsent_bytes() const { return outbound_.size() - outbound_sent_; }
  bool closed() const { return closed_; }

  // The network's side. OnBytes() is false when the socket is closed: the peer is to be reset.
  bool OnBytes(std::span<const std::byte> bytes);
  void OnEnd();
  void OnReset();
  // Moves up to `limit` bytes that were sent to the end of `into`.
  void TakeSent(std::size_t limit, std::vector<std::byte>& into);

 private:
  void Changed() const {
    if (on_change_) on_change_();
  }

  const std::size_t capacity_bytes_;
  std::function<void()> on_change_;
  std::vector<std::byte> inbound_;
  std::size_t inbound_read_ = 0;
  std::vector<std::byte> outbound_;
  std::size_t outbound_sent_ = 0;
  bool ended_ = false;   // The peer sends no more.
  bool reset_ = false;   // The connection is gone in both directions.
  bool closed_ = false;  // By our side.
  int error_ = 0;        // Not yet told to anyone.
};

}  // namespace tickcast::engine
