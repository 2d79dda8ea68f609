// SimCluster: the shards of one server in a simulated world, and the clock that drives them.
//
// The shards are the real ones; only the kernel below them is simulated. Every step moves the clock
// to where something can happen and gives each shard a turn, in an order that changes; the ledger
// of publications is checked after each of them.
// Threading: as SimWorld.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/config.h"
#include "engine/metrics.h"
#include "engine/sim_http.h"
#include "engine/sim_ring.h"
#include "engine/sim_world.h"
#include "shards/shard.h"
#include "tests/sim/busy_ring.h"
#include "tests/sim/sim_client.h"

namespace tickcast::shards::sim {

inline constexpr std::uint64_t kMillisecond = 1'000'000;
inline constexpr std::uint64_t kSecond = 1'000'000'000;

// What is published: which source, the how manieth of it, and something to make it longer.
struct Payload {
  std::uint32_t source = 0;
  std::uint64_t number = 0;
};
std::string WritePayload(Payload payload, std::size_t padding_bytes = 0);
Payload ReadPayload(std::string_view data);

// A configuration in which everybody may do everything, with namespaces `state`, `flow` (a stream
// without history) and `log` (a stream with history, recoverable).
engine::Config SimConfig();

// What became of the publications that subscribers were owed.
struct Ledger {
  std::uint64_t owed = 0;
  std::uint64_t delivered = 0;
  std::uint64_t conflated = 0;
  std::uint64_t skipped_gap = 0;
  std::uint64_t skipped_left = 0;
  std::uint64_t skipped_filtered = 0;
  std::uint64_t outstanding = 0;
};

struct ClusterOptions {
  ShardId shards = 1;
  std::size_t lane_capacity = 64;
  engine::SimRingOptions ring = {};
  engine::SimFaults faults = {};
  engine::Config config = SimConfig();
  // Probability, between two batches of a flush, that the clock goes on and the other shards have
  // turns meanwhile.
  double meanwhile = 0;
  // What other people's HTTP servers answer; empty: there are none.
  engine::SimHttp::Script http = {};
};

class SimCluster {
 public:
  SimCluster(std::uint64_t seed, const ClusterOptions& options);
  SimCluster(const SimCluster&) = delete;
  SimCluster& operator=(const SimCluster&) = delete;

  engine::SimWorld& world() { return world_; }
  std::uint64_t now_ns() const { return world_.now_ns(); }
  ShardId shards() const { return static_cast<ShardId>(shards_.size()); }
  Shard& shard(ShardId id) { return *shards_[id]; }
  engine::SimRing& ring(ShardId id) { return rings_[id]->sim(); }
  // What makes its turns long, and counts its submits.
  BusyRing& busy_ring(ShardId id) { return *rings_[id]; }
  Mesh& mesh() { return mesh_; }
  ServerState& server() { return server_; }

  // Feeds first, then Start().
  void Start();

  // A client of shard `id`; lives as long as the cluster.
  SimClient& AddClient(ShardId id = 0, const SimUpgrade& upgrade = {});
  // The same, upgraded and connected.
  SimClient& AddConnected(ShardId id = 0);

  // A shard that is stalled gets no turns.
  void Stall(ShardId id, std::uint64_t until_ns) { stalled_until_ns_[id] = until_ns; }

  // Moves the clock once, gives turns, and lets clients take what has come.
  void Step(std::uint64_t limit_ns);
  void RunFor(std::uint64_t duration_ns);
  // Runs until `done`, at most `limit_ns`. False when it did not come to that.
  bool RunUntil(const std::function<bool()>& done, std::uint64_t limit_ns = 5 * kSecond);

  // Sums over all shards.
  Ledger ledger();
  // Of a metric in the registry, over all its labels but for the one given, if any.
  std::int64_t Metric(std::string_view name, std::string_view label_value = {}) const;

  // Called with every event of a client, in order; …
  std::function<void(SimClient&, const Heard&)> on_heard;
  // … and after every turn of a shard.
  std::function<void(ShardId)> on_turn;
  // Shards whose Turn() has returned false.
  std::size_t finished_shards() const;

 private:
  bool LanesAreEmpty();
  void Turns();
  void TurnOf(ShardId id);
  void Meanwhile(ShardId busy);
  void CheckLedger(ShardId id);
  std::uint64_t NextHttpAnswerNs() const;

  engine::SimWorld world_;
  const engine::Config config_;
  Mesh mesh_;
  engine::Registry registry_;
  ServerState server_;
  const double meanwhile_;
  std::vector<std::unique_ptr<BusyRing>> rings_;
  std::vector<std::unique_ptr<engine::SimHttp>> https_;  // One for each shard, or none.
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::uint64_t> stalled_until_ns_;
  std::vector<bool> finished_;
  std::vector<bool> turning_;  // In the middle of its turn.
  std::vector<std::unique_ptr<SimClient>> clients_;
};

}  // namespace tickcast::shards::sim
