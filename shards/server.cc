#include "shards/server.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <latch>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/invariant.h"
#include "engine/listener.h"
#include "engine/log.h"
#include "engine/uring_probe.h"
#include "shards/feeds/replay_feed.h"
#include "shards/feeds/sim_market.h"
#include "shards/origin.h"

namespace tickcast::shards {
namespace {

constexpr std::uint32_t kMaxShards = 256;

// A shard's table of direct descriptors is as large as the soft limit allows.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::vector<std::uint32_t> AllowedCpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::vector<std::uint32_t> cpus;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return cpus;
  for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

void PinTo(std::uint32_t cpu) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(cpu, &only);
  if (pthread_setaffinity_np(pthread_self(), sizeof(only), &only) != 0) {
    engine::Log(engine::LogLevel::kWarn, "pin",
                absl::StrCat("no shard can be pinned to cpu ", cpu));
  }
}

std::int64_t WallOffsetNs(std::uint64_t monotonic_ns) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec -
         static_cast<std::int64_t>(monotonic_ns);
}

engine::ListenerOptions ListenerOptionsOf(const engine::Config& config, std::uint16_t port) {
  return {.address = config.http_server.address,
          .port = port,
          .send_buffer_bytes = static_cast<int>(config.engine.send_buffer),
          .unsent_low_bytes = static_cast<int>(config.engine.notsent_lowat)};
}

}  // namespace

// One shard's thread. What it builds belongs to the server: a ring must outlive every shard that
// may still ring it.
struct Server::Thread {
  ShardId id = 0;
  int cpu = -1;  // -1: not pinned.
  int listen_fd = -1;
  std::vector<std::unique_ptr<Feed>> feeds;
  absl::Status status;
  std::unique_ptr<engine::UringRing> ring;
  std::unique_ptr<Shard> shard;
  std::latch* built = nullptr;    // Counted down when ring and shard stand, or could not be built.
  std::latch* started = nullptr;  // Opened when all of them do; `abandoned` says if one does not.
  const bool* abandoned = nullptr;
  std::thread thread;
};

Server::Server(const engine::Config& config, HttpAssets assets) : config_(config), assets_(assets) {
  std::random_device entropy;
  seed_ = (std::uint64_t{entropy()} << 32) | entropy();
  state_.limits = std::make_unique<ConnectionLimits>(config.client);
}

Server::~Server() {
  for (const std::unique_ptr<Thread>& thread : threads_) {
    INVARIANT(!thread->thread.joinable(), "Wait() comes before the end of a server");
  }
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const engine::Config& config,
                                                      HttpAssets assets) {
  if (absl::Status status = engine::ProbeKernel(); !status.ok()) return status;
  RaiseDescriptorLimit();
  std::unique_ptr<Server> server(new Server(config, assets));
  if (absl::Status status = server->StartThreads(); !status.ok()) return status;
  return server;
}

absl::Status Server::StartThreads() {
  const std::vector<std::uint32_t> allowed = AllowedCpus();
  const std::vector<std::uint32_t>& cpus =
      config_.engine.cpus.empty() ? allowed : config_.engine.cpus;
  const auto cores = static_cast<std::uint32_t>(std::max<std::size_t>(allowed.size(), 1));
  const auto shards = static_cast<ShardId>(
      std::min(config_.engine.shards == 0 ? cores : config_.engine.shards, kMaxShards));
  if (absl::Status origins = Origins::Check(config_.client); !origins.ok()) return origins;
  absl::StatusOr<std::unique_ptr<TokenAuthority>> tokens =
      TokenAuthority::Make(config_.client, registry_);
  if (!tokens.ok()) return tokens.status();
  state_.tokens = *std::move(tokens);
  mesh_ = std::make_unique<Mesh>(shards, config_.engine.lane_capacity);
  http_client_ = std::make_unique<engine::HttpClient>(shards, registry_);
  for (ShardId id = 0; id < shards; ++id) {
    auto thread = std::make_unique<Thread>();
    thread->id = id;
    if (config_.engine.pin && !cpus.empty()) thread->cpu = static_cast<int>(cpus[id % cpus.size()]);
    threads_.push_back(std::move(thread));
  }
  if (absl::Status status = OpenFeeds(); !status.ok()) return status;
  port_ = config_.http_server.port;
  if (absl::Status status = engine::CheckPortFree(ListenerOptionsOf(config_, port_));
      !status.ok()) {
    return status;
  }
  for (const std::unique_ptr<Thread>& thread : threads_) {
    const absl::StatusOr<int> fd = engine::OpenListener(ListenerOptionsOf(config_, port_), &port_);
    // Those opened before go with the process: a server that cannot start is its end.
    if (!fd.ok()) return fd.status();
    thread->listen_fd = *fd;
  }
  state_.node = ThisNode(config_, port_);

  std::latch built(shards);
  std::latch started(1);
  bool abandoned = false;
  for (const std::unique_ptr<Thread>& thread : threads_) {
    thread->built = &built;
    thread->started = &started;
    thread->abandoned = &abandoned;
    thread->thread = std::thread([this, &thread = *thread] { RunShard(thread); });
  }
  built.wait();
  absl::Status status;
  for (const std::unique_ptr<Thread>& thread : threads_) status.Update(thread->status);
  if (status.ok()) status = StartHttpClient();
  abandoned = !status.ok();
  started.count_down();
  if (abandoned) {
    Wait();
    return status;
  }
  // The latches live here, so nobody may still be on the way through them.
  while (state_.running_shards.load() < shards) std::this_thread::yield();
  return status;
}

// The helper rings the shards' rings, so these stand by now; the shards themselves still wait.
absl::Status Server::StartHttpClient() {
  for (const std::unique_ptr<Thread>& thread : threads_) {
    http_client_->Attach(thread->id, mesh_->doorbell(thread->id), thread->ring->handle());
  }
  return http_client_->Start();
}

// Feeds are shared out over the shards in order.
absl::Status Server::OpenFeeds() {
  std::size_t next = 0;
  const auto give = [&](std::unique_ptr<Feed> feed) {
    threads_[next++ % threads_.size()]->feeds.push_back(std::move(feed));
  };
  if (const engine::SimFeedConfig& sim = config_.feeds.sim; sim.enabled) {
    timespec monotonic{};
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    const std::uint64_t now_ns = static_cast<std::uint64_t>(monotonic.tv_sec) * 1'000'000'000 +
                                 static_cast<std::uint64_t>(monotonic.tv_nsec);
    give(std::make_unique<SimMarket>(SimMarketOptions{.symbols = sim.symbols,
                                                      .rate = sim.rate,
                                                      .burst = sim.burst,
                                                      .seed = sim.seed,
                                                      .exchange = sim.exchange},
                                     WallOffsetNs(now_ns)));
  }
  for (const engine::ReplayFeedConfig& replay : config_.feeds.replay) {
    absl::StatusOr<std::unique_ptr<ReplayFeed>> feed = ReplayFeed::Open(
        {.file = replay.file,
         .exchange = replay.exchange,
         .speed = replay.speed,
         .loop = replay.loop,
         .copies = replay.copies},
        [](std::string_view message) { engine::Log(engine::LogLevel::kWarn, "feed", message); });
    if (!feed.ok()) return feed.status();
    give(std::move(*feed));
  }
  return absl::OkStatus();
}

void Server::RunShard(Thread& thread) {
  if (thread.cpu >= 0) PinTo(static_cast<std::uint32_t>(thread.cpu));
  // Built here: the ring serves only the thread that made it, and memory is of this core's node.
  absl::StatusOr<std::unique_ptr<engine::UringRing>> ring =
      engine::UringRing::Create({.slots = config_.engine.table_slots,
                                 .buffers = config_.engine.receive_buffers,
                                 .buffer_bytes = config_.engine.receive_buffer_bytes},
                                thread.listen_fd);
  if (ring.ok()) {
    thread.ring = std::move(*ring);
    mesh_->SetHandle(thread.id, thread.ring->handle());
    thread.shard = std::make_unique<Shard>(config_, *mesh_, thread.id, *thread.ring, registry_,
                                           assets_, state_, seed_ + 2 * thread.id);
    thread.shard->UseHttp(http_client_->port(thread.id));
    for (std::unique_ptr<Feed>& feed : thread.feeds) thread.shard->AddFeed(std::move(feed));
  } else {
    thread.status = ring.status();
  }
  thread.built->count_down();
  thread.started->wait();
  if (*thread.abandoned) return;
  thread.shard->Start();
  thread.shard->Run();
}

void Server::BeginDrain() {
  state_.draining.store(true);
  // A ring of this thread's own, because only its builder may submit to one.
  absl::StatusOr<std::unique_ptr<engine::UringRing>> bell =
      engine::UringRing::Create({.submission_entries = 256,
                                 .completion_entries = 512,
                                 .slots = 1,
                                 .buffers = 8,
                                 .buffer_bytes = 64},
                                -1);
  // Without it the shards see the request at their next timer, within a second.
  if (!bell.ok()) return;
  for (const std::unique_ptr<Thread>& thread : threads_) (*bell)->Wake(mesh_->handle(thread->id));
  (*bell)->Submit();
}

void Server::Wait() {
  for (const std::unique_ptr<Thread>& thread : threads_) {
    if (thread->thread.joinable()) thread->thread.join();
  }
  if (http_client_ != nullptr) http_client_->Stop();
}

}  // namespace tickcast::shards
