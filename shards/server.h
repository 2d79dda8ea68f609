// Server: the shards of one process, their threads and their end.
// Threading: Start(), BeginDrain() and Wait() from one controlling thread; the rest says otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/config.h"
#include "engine/http_client.h"
#include "engine/metrics.h"
#include "engine/uring_ring.h"
#include "shards/exchange.h"
#include "shards/http_handler.h"
#include "shards/shard.h"

namespace tickcast::shards {

class Server {
 public:
  // Starts every shard and feed that `config` names; the port listens when this returns. `config`
  // and `assets` outlive the server. Fails with nothing started: Unavailable = io_uring is
  // disabled, FailedPrecondition = the kernel lacks a feature, AlreadyExists = the port is taken,
  // NotFound or DataLoss = a capture cannot be read, else what was refused.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const engine::Config& config,
                                                       HttpAssets assets);
  // REQUIRES: Wait() has returned, or Start() failed.
  ~Server();

  // Stop accepting, tell every client 3001 spread over shutdown.spread, then stop.
  void BeginDrain();

  // Returns when every shard has stopped.
  void Wait();

  // The port that is listened on, also where the configuration says 0.
  std::uint16_t port() const { return port_; }
  ShardId shards() const { return mesh_->shards(); }

 private:
  struct Thread;

  Server(const engine::Config& config, HttpAssets assets);
  absl::Status StartThreads();
  absl::Status OpenFeeds();
  absl::Status StartHttpClient();
  void RunShard(Thread& thread);

  const engine::Config& config_;
  const HttpAssets assets_;
  std::uint16_t port_ = 0;
  std::uint64_t seed_ = 0;
  engine::Registry registry_;
  ServerState state_;
  std::unique_ptr<Mesh> mesh_;
  std::unique_ptr<engine::HttpClient> http_client_;  // Ends before the rings it may ring.
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace tickcast::shards
