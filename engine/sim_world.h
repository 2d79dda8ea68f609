// SimWorld: a simulated network under a virtual clock, in which shards run without a kernel.
//
// One seed decides every delay, fault and order, so a failing run is repeated by its seed. Nothing
// blocks and nothing sleeps: the test gives each shard its turns and moves the clock itself.
//
//   while (world.NextEventNs() <= end_ns) {
//     world.AdvanceTo(std::max(world.NextEventNs(), world.now_ns() + 1000));
//     for (Shard& shard : shards) shard.RunOnce();
//   }
//
// Threading: the world, its rings and peers belong to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "engine/sim_peer.h"
#include "engine/sim_ring.h"

namespace tickcast::engine {

// What goes wrong, as probabilities in [0, 1] per chance to do so. The default is a network
// without faults.
struct SimFaults {
  double refused_send = 0;   // -EAGAIN although the socket has room.
  double short_send = 0;     // Fewer bytes taken than the socket has room for.
  double short_receive = 0;  // A receive hands over less than has come.
  double no_buffers = 0;     // -ENOBUFS although a buffer is free.
  double multishot_end = 0;  // A receive or accept ends with a good result.
  double buffer_at_end = 0;  // The result 0 of a receive lends a buffer too.
  double unknown_peer = 0;   // The kernel does not tell a peer's address (-EOPNOTSUPP).
  double reorder = 0;        // A completion overtakes those of other sockets.
  std::size_t min_socket_buffer_bytes = 64 * 1024;  // What a socket holds unread by its peer.
  std::size_t max_socket_buffer_bytes = 64 * 1024;
  std::uint64_t min_latency_ns = 10'000;  // One way, also of a Wake().
  std::uint64_t max_latency_ns = 50'000;

  // Everything goes wrong often, and sockets hold little.
  static SimFaults Hostile();
};

class SimWorld {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  explicit SimWorld(std::uint64_t seed, const SimFaults& faults = {});
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // Both live as long as the world.
  SimRing& AddRing(const SimRingOptions& options = {});
  // A client that begins to connect to `ring`, and may send at once.
  SimPeer& Connect(SimRing& ring);

  std::uint64_t now_ns() const { return now_ns_; }

  // When something can happen next: now, if a ring has work; else the next event of the network
  // or deadline that a ring waits for; kNever when there is neither.
  std::uint64_t NextEventNs() const;

  // Lets everything happen that is due up to `time_ns`, in order. REQUIRES: not before now_ns().
  void AdvanceTo(std::uint64_t time_ns);

  // Faults may change on the way: a test that ends with a quiet network can close its ledger.
  void set_faults(const SimFaults& faults) { faults_ = faults; }
  const SimFaults& faults() const { return faults_; }

  // For the parts of the world.
  // Runs `event` one random latency from now, and not before what the same `line` carried last.
  void Deliver(std::uint64_t& line, std::function<void()> event);
  bool Chance(double probability);
  std::uint64_t Between(std::uint64_t low, std::uint64_t high);  // Both included.
  SimRing& ring(int handle);

 private:
  std::mt19937_64 random_;
  SimFaults faults_;
  std::uint64_t now_ns_ = 1'000'000'000;
  std::uint64_t events_made_ = 0;
  // By time, then by order of making.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::function<void()>> events_;
  std::vector<std::unique_ptr<SimRing>> rings_;
  std::vector<std::unique_ptr<SimPeer>> peers_;
};

}  // namespace tickcast::engine
