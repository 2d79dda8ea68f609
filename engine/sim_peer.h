// SimPeer: the client at the far end of a simulated connection, played by the test.
//
// It sends when told to, and reads by itself unless told not to. Everything takes a random time to
// arrive and arrives in order.
// Threading: as SimWorld.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/peer_address.h"
#include "engine/sim_socket.h"

namespace tickcast::engine {

class SimRing;
class SimWorld;

class SimPeer {
 public:
  static constexpr std::size_t kNoLimit = ~std::size_t{0};

  // Made by SimWorld::Connect().
  SimPeer(SimWorld& world, std::size_t capacity_bytes, const PeerAddress& address);
  SimPeer(const SimPeer&) = delete;
  SimPeer& operator=(const SimPeer&) = delete;

  // REQUIRES: nothing of what ends the peer's side below was called.
  void Send(std::span<const std::byte> bytes);
  void Send(std::string_view text) { Send(std::as_bytes(std::span(text.data(), text.size()))); }

  // A peer that does not read fills the socket, and does not notice its end either.
  void SetReading(bool reading);
  // Reads at most this much at once; each read takes one latency.
  void SetReadLimit(std::size_t bytes) { read_limit_bytes_ = bytes; }

  void CloseWrite();  // FIN: sends no more, still reads.
  void Close();       // close(2): what the shard sends from now on is answered with a reset.
  void Reset();       // RST: what is under way from the shard is lost.

  // What was read since the last call, in order, and how much was read ever.
  std::vector<std::byte> TakeReceived();
  std::uint64_t received_bytes() const { return received_bytes_; }

  // The shard's side ended: its FIN was read after everything sent, or its reset has come.
  bool closed() const { return end_seen_ || reset_seen_; }
  // By a reset, which also refuses a connection that nobody listens for.
  bool was_reset() const { return reset_seen_; }
  bool accepted() const { return accepted_; }
  // Its own in the world.
  const PeerAddress& address() const { return address_; }

 private:
  friend class SimRing;
  friend class SimWorld;

  void BeginConnect(SimRing& ring);
  // The socket has something for us: bytes, or its end.
  void OnSent();
  void OnSocketClosed();
  void SendReset();
  void Read();

  SimWorld& world_;
  SimSocket socket_;
  const PeerAddress address_;
  std::uint64_t to_socket_ns_ = 0;  // When the last of what is under way arrives.
  std::uint64_t to_peer_ns_ = 0;
  std::vector<std::byte> received_;
  std::uint64_t received_bytes_ = 0;
  std::size_t read_limit_bytes_ = kNoLimit;
  bool reading_ = true;
  bool read_under_way_ = false;
  bool write_ended_ = false;
  bool gone_ = false;  // Closed or reset by this side.
  bool accepted_ = false;
  bool end_seen_ = false;
  bool reset_under_way_ = false;  // From the socket.
  bool reset_seen_ = false;
};

}  // namespace tickcast::engine
