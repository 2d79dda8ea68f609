// Pressure: how far a connection or a shard is behind, as a level with hysteresis.
//
// A level says what state channels send: degraded at most every `degraded_interval`, critical only
// changes of at least `critical_change` besides, emergency only what the client marked `priority`.
// Streams are never thinned: one that cannot follow ends with a counted gap. Levels rise at once
// and fall one by one, each only after it was calm for `hold`.
//
// Both are plain arithmetic on times they are given. Threading: owned by one shard.
// Design: docs/architecture.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/config.h"

namespace tickcast::shards {

enum class PressureLevel : std::uint8_t { kNormal, kDegraded, kCritical, kEmergency };

inline constexpr std::size_t kPressureLevels = 4;

// As clients, the API and metrics call it.
std::string_view NameOf(PressureLevel level);

// Falls slowly: a level below the present one holds only after it was wanted for `hold_ns`.
class Hysteresis {
 public:
  PressureLevel level() const { return level_; }

  // `rising`: the level that the figures reach by the thresholds; `staying`: the highest one that
  // they still hold up by the lower marks of leaving, at least `rising`. True when the level
  // changed.
  bool Update(PressureLevel rising, PressureLevel staying, std::uint64_t now_ns,
              std::uint64_t hold_ns);

 private:
  PressureLevel level_ = PressureLevel::kNormal;
  std::uint64_t calm_since_ns_ = 0;  // 0: what holds the level up is there.
};

// Of one connection that was ever blocked: the share of the recent past in which its socket took
// nothing.
class ConnectionPressure {
 public:
  explicit ConnectionPressure(std::uint64_t now_ns) : updated_ns_(now_ns) {}

  // Its socket refuses bytes, or takes them again. True when the level changed.
  bool SetBlocked(bool blocked, std::uint64_t now_ns, const engine::PressureConfig& config);
  // The same without news, as time passes by.
  bool Review(std::uint64_t now_ns, const engine::PressureConfig& config);

  PressureLevel level() const { return hysteresis_.level(); }
  bool blocked() const { return blocked_; }
  // Of the time before the last call, weighted by exp(-age / config.window).
  double blocked_share() const { return share_; }
  // The same of the time before `now_ns`, without news.
  double BlockedShareAt(std::uint64_t now_ns, const engine::PressureConfig& config) const;
  // Nothing is left to remember of it.
  bool calm() const;

 private:
  double share_ = 0;
  std::uint64_t updated_ns_;
  bool blocked_ = false;
  Hysteresis hysteresis_;
};

// Of a shard: whether its turns take longer than their budget, second after second.
class ShardPressure {
 public:
  // Whether OnTurn() at `end_ns` wants to know the CPU time of the thread.
  bool WantsCpu(std::uint64_t end_ns) const;

  // One turn's work, from its begin to before its sleep; `cpu_ns`: what the thread has had of a
  // core so far. True when the level changed. A shard that had a core for less than half of the
  // second is late because others have it, and sending less would not give it one.
  bool OnTurn(std::uint64_t begin_ns, std::uint64_t end_ns, std::uint64_t cpu_ns,
              const engine::PressureConfig& config);

  // Forgets the turns of this second: a change of level is not in force yet, so they say nothing
  // about what it does.
  void Restart() { window_begin_ns_ = 0; }

  PressureLevel level() const { return hysteresis_.level(); }

 private:
  Hysteresis hysteresis_;
  std::uint64_t window_begin_ns_ = 0;
  std::uint64_t window_cpu_ns_ = 0;  // CPU time at its begin.
  std::uint64_t overrun_ns_ = 0;     // Time within turns that overran, in this window.
};

}  // namespace tickcast::shards
