// Workload: what loadgen does with its clients, in phases that are measured one by one.
//
// Prepare() once, then any number of Run()s; between them Rest() keeps pings answered, so that
// several loadgens can hold their connections while one of them measures.
// Threading: one thread.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "tools/loadgen/expectation.h"
#include "tools/loadgen/fleet.h"
#include "tools/loadgen/options.h"

namespace tickcast::loadgen {

struct Phase {
  std::uint64_t warmup_ns = 0;
  std::uint64_t duration_ns = 0;  // 0: until stopped.
  double rate = 0;                // 0: closed loop.
};

class Workload {
 public:
  virtual ~Workload() = default;

  // Opens what the phases need. Fails with what the server or the machine refused.
  virtual absl::Status Prepare() = 0;

  // Runs a phase and returns its figures. Ends early when a stop was requested.
  virtual absl::StatusOr<Figures> Run(const Phase& phase) = 0;

  // Answers pings until `deadline_ns`.
  virtual void Rest(std::uint64_t deadline_ns) = 0;

  virtual std::uint64_t now_ns() = 0;
};

absl::StatusOr<std::unique_ptr<Workload>> MakeFanout(const Options& options,
                                                     const engine::Endpoint& server);
absl::StatusOr<std::unique_ptr<Workload>> MakeChurn(const Options& options,
                                                    const engine::Endpoint& server);

// The fleet for `clients` connections, with as many source addresses as the options say or the
// number of ports demands.
absl::StatusOr<std::unique_ptr<Fleet>> MakeFleet(const Options& options,
                                                 const engine::Endpoint& server,
                                                 std::uint32_t clients, std::uint32_t run,
                                                 FleetEvents& events);

// SIGINT and SIGTERM ask to stop: the phase under way ends and is reported.
void InstallStopSignals();
bool StopRequested();

}  // namespace tickcast::loadgen
