// What the timers of 100,000 connections cost: the wheel of their shards, with nothing else.
//
// Each connection has one timer, set to its next ping and then to its pong's deadline and back, as
// the shard does it: two timers a connection in 25 s. An iteration is one second of virtual time on
// one wheel with all of them, so the time of an iteration is the share of a core.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "engine/timer_wheel.h"

namespace {

using tickcast::engine::TimerId;
using tickcast::engine::TimerWheel;

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1'000 * kMs;
constexpr std::uint64_t kTick = 10 * kMs;  // As in shards/shard.cc.
constexpr std::uint32_t kSlots = 4096;
constexpr std::uint64_t kPingEvery = 25 * kSecond;
constexpr std::uint64_t kPingGroup = kSecond / 10;  // As in shards/shard_connections.cc.

void Heartbeats(benchmark::State& state) {
  const auto connections = static_cast<std::uint64_t>(state.range(0));
  TimerWheel wheel(kTick, kSlots, 0);
  std::vector<TimerId> timers(connections);
  const auto grouped = [](std::uint64_t due_ns) { return due_ns - due_ns % kPingGroup; };
  for (std::uint64_t i = 0; i < connections; ++i) {
    timers[i] = wheel.Add(grouped(kSecond + kPingEvery * i / connections), i);
  }
  std::uint64_t now_ns = 0;
  std::uint64_t fired = 0;
  std::vector<std::uint64_t> pinged;
  for (auto _ : state) {
    for (std::uint64_t tick = 0; tick < kSecond / kTick; ++tick) {
      now_ns += kTick;
      // The pongs of the last tick's pings have come: from the pong's deadline to the next ping.
      for (const std::uint64_t i : pinged) {
        wheel.Cancel(timers[i]);
        timers[i] = wheel.Add(grouped(now_ns + kPingEvery), i);
      }
      pinged.clear();
      wheel.Advance(now_ns, [&](std::uint64_t i) {
        timers[i] = wheel.Add(now_ns + 8 * kSecond, i);
        pinged.push_back(i);
        ++fired;
      });
      benchmark::DoNotOptimize(wheel.NextDeadline());
    }
  }
  state.counters["pings_per_s"] =
      static_cast<double>(fired) / static_cast<double>(state.iterations());
}
BENCHMARK(Heartbeats)->Arg(20'000)->Arg(100'000)->Unit(benchmark::kMicrosecond)->Iterations(200);

}  // namespace

BENCHMARK_MAIN();
