// Workload: what loadgen does with its clients, in phases that are measured one by one.
//
// Prepare() once, then any number of Run()s; between them Rest() keeps pings answered, so that
// several loadgens can hold their connections while one of them measures. Finish() ends it.
// Threading: one thread.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "engine/uring_connector.h"
#include "tools/loadgen/expectation.h"
#include "tools/loadgen/options.h"
#include "tools/loadgen/phase.h"

namespace tickcast::loadgen {

class Workload {
 public:
  virtual ~Workload() = default;

  // Opens what the phases need. Fails with what the server or the machine refused.
  virtual absl::Status Prepare() = 0;

  // Runs a phase and returns its figures. Ends early when a stop was requested.
  virtual absl::StatusOr<Figures> Run(const Phase& phase) = 0;

  // So many clients of the silent kinds stop reading, the others of them read.
  virtual absl::Status Silence(std::uint32_t /*clients*/) {
    return absl::UnimplementedError("this mode has no silent clients");
  }

  // Connections replace so many keys at a time from now on, every --scroll-every.
  virtual absl::Status Scroll(std::uint32_t /*keys*/) {
    return absl::UnimplementedError("this mode has no keys");
  }

  // Closes everything, and returns what is known only then. Nothing runs after it.
  virtual absl::StatusOr<Figures> Finish() { return Figures{}; }

  // Answers pings until `deadline_ns`.
  virtual void Rest(std::uint64_t deadline_ns) = 0;

  virtual std::uint64_t now_ns() = 0;
};

absl::StatusOr<std::unique_ptr<Workload>> MakeFanout(const Options& options,
                                                     const engine::Endpoint& server);
absl::StatusOr<std::unique_ptr<Workload>> MakeChurn(const Options& options,
                                                    const engine::Endpoint& server);

// Source addresses for `clients` connections: as many as the options say or the number of ports
// demands. `reopening`: ports of closed connections rest for a while.
std::uint32_t SourcesFor(const Options& options, const engine::Endpoint& server,
                         std::uint32_t clients, bool reopening);

// SIGINT and SIGTERM ask to stop: the phase under way ends and is reported.
void InstallStopSignals();
bool StopRequested();

}  // namespace tickcast::loadgen
