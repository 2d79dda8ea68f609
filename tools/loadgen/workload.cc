#include "tools/loadgen/workload.h"

#include <signal.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tickcast::loadgen {
namespace {

// Beyond some 22,000 connections of one source and destination the kernel searches long for a port.
constexpr std::uint32_t kConnectionsPerSource = 20'000;
// Ports of closed connections rest for a while, and a churn leaves thousands of them per second.
constexpr std::uint32_t kChurnSources = 16;

volatile sig_atomic_t stop_requested = 0;

bool IsLoopback(const engine::Endpoint& server) { return server.address >> 24 == 127; }

}  // namespace

absl::StatusOr<std::unique_ptr<Fleet>> MakeFleet(const Options& options,
                                                 const engine::Endpoint& server,
                                                 std::uint32_t clients, std::uint32_t run,
                                                 FleetEvents& events) {
  std::uint32_t sources = options.sources;
  if (sources == 0 && IsLoopback(server)) {
    sources = options.mode == Mode::kChurn
                  ? kChurnSources
                  : (clients + kConnectionsPerSource - 1) / kConnectionsPerSource;
  }
  return Fleet::Create({.server = server,
                        .host = absl::StrCat(options.host, ":", options.port),
                        .path = options.path,
                        .clients = clients,
                        .sources = sources,
                        .run = run},
                       events);
}

void InstallStopSignals() {
  struct sigaction action {};
  action.sa_handler = [](int) { stop_requested = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool StopRequested() { return stop_requested != 0; }

}  // namespace tickcast::loadgen
