// HttpClient: HTTP and HTTPS requests for all shards, made by libcurl on one helper thread.
//
// A shard never waits for anybody's server. It puts a call into a lane of its own to the helper and
// goes on; the helper runs all calls at once (curl's multi interface, connections are kept), puts
// each back into the shard's lane of answers and rings the shard if it sleeps. A shard may have
// kMaxCallsPerShard under way, which is also what a lane holds, so neither way is ever full.
// Redirects are not followed, the environment's proxies are not used, and only http and https are
// spoken: an endpoint is what the operator wrote.
// Threading: Create(), Attach(), Start() and Stop() from one controlling thread; port(i) is used on
// shard i's thread. Source: libcurl-multi(3), curl_multi_wakeup(3). Design: docs/proxies.md.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "engine/doorbell.h"
#include "engine/http_call.h"
#include "engine/lane.h"
#include "engine/metrics.h"

namespace tickcast::engine {

class HttpTransfers;
class UringRing;

class HttpClient {
 public:
  // Calls of one shard that are under way; a power of two.
  static constexpr std::size_t kMaxCallsPerShard = 4096;
  // Connections that are kept open without a call.
  static constexpr long kIdleConnections = 256;

  // `registry` outlives the client.
  HttpClient(std::uint32_t shards, Registry& registry);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Calls may be submitted from here on; they are made once Start() has run.
  HttpPort& port(std::uint32_t shard);

  // How `shard` is woken. Before Start(); the bell outlives Stop().
  void Attach(std::uint32_t shard, Doorbell& bell, int ring_handle);

  // Starts the helper thread. Fails when the kernel refuses it a ring, or libcurl its set-up.
  // REQUIRES: every shard is attached.
  absl::Status Start();

  // Ends the helper thread; calls under way are dropped. REQUIRES: no shard runs any more.
  void Stop();

 private:
  class Port;
  struct Counters {
    std::array<Counter*, kHttpOutcomes> calls{};
    Gauge* in_flight = nullptr;
    Histogram* took = nullptr;
  };

  void Run(UringRing& ring);
  void TakeSubmitted();
  void Answer();
  void RingShards(UringRing& ring);
  void Sleep();

  std::vector<std::unique_ptr<Port>> ports_;
  Doorbell bell_;                             // Of the helper thread.
  std::unique_ptr<HttpTransfers> transfers_;  // Null: libcurl could not be set up.
  Counters counters_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace tickcast::engine
