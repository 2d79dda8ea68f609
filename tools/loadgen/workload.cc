#include "tools/loadgen/workload.h"

#include <signal.h>

namespace tickcast::loadgen {
namespace {

// Beyond some 22,000 connections of one source and destination the kernel searches long for a port.
constexpr std::uint32_t kConnectionsPerSource = 20'000;
// Ports of closed connections rest for a while: two or three lives of each connection have to fit.
constexpr std::uint32_t kReopeningPerSource = 7'000;
// A churn leaves thousands of them per second.
constexpr std::uint32_t kChurnSources = 16;

volatile sig_atomic_t stop_requested = 0;

bool IsLoopback(const engine::Endpoint& server) { return server.address >> 24 == 127; }

}  // namespace

std::uint32_t SourcesFor(const Options& options, const engine::Endpoint& server,
                         std::uint32_t clients, bool reopening) {
  if (options.sources != 0 || !IsLoopback(server)) return options.sources;
  if (options.mode == Mode::kChurn) return kChurnSources;
  const std::uint32_t each = reopening ? kReopeningPerSource : kConnectionsPerSource;
  return (clients + each - 1) / each;
}

void InstallStopSignals() {
  struct sigaction action {};
  action.sa_handler = [](int) { stop_requested = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool StopRequested() { return stop_requested != 0; }

}  // namespace tickcast::loadgen
