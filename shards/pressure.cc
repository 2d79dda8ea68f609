#include "shards/pressure.h"

#include <algorithm>
#include <cmath>

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

// Below this share nothing of a past blocking is worth memory.
constexpr double kForgotten = 0.001;

// How much of a second has to go into turns that overrun before a shard is under pressure, and
// below how much it is calm: one broadcast to a full table takes a tenth of a second.
constexpr double kOverrunShare = 0.5;
constexpr double kCalmShare = 0.2;
constexpr double kCoreShare = 0.5;

PressureLevel Next(PressureLevel level, int step) {
  const int next = std::clamp(static_cast<int>(level) + step, 0, int{kPressureLevels} - 1);
  return static_cast<PressureLevel>(next);
}

// The highest level whose threshold, times `scale`, the share reaches.
PressureLevel LevelAt(double share, double scale, const engine::PressureConfig& config) {
  if (share >= config.emergency_share * scale) return PressureLevel::kEmergency;
  if (share >= config.critical_share * scale) return PressureLevel::kCritical;
  if (share >= config.degraded_share * scale) return PressureLevel::kDegraded;
  return PressureLevel::kNormal;
}

}  // namespace

std::string_view NameOf(PressureLevel level) {
  switch (level) {
    case PressureLevel::kNormal:
      return "normal";
    case PressureLevel::kDegraded:
      return "degraded";
    case PressureLevel::kCritical:
      return "critical";
    case PressureLevel::kEmergency:
      return "emergency";
  }
  return "";
}

bool Hysteresis::Update(PressureLevel rising, PressureLevel staying, std::uint64_t now_ns,
                        std::uint64_t hold_ns) {
  if (rising > level_) {
    level_ = rising;
    calm_since_ns_ = 0;
    return true;
  }
  if (staying >= level_) {
    calm_since_ns_ = 0;
    return false;
  }
  if (calm_since_ns_ == 0) calm_since_ns_ = now_ns;
  if (now_ns - calm_since_ns_ < hold_ns) return false;
  level_ = Next(level_, -1);
  calm_since_ns_ = now_ns;
  return true;
}

bool ConnectionPressure::SetBlocked(bool blocked, std::uint64_t now_ns,
                                    const engine::PressureConfig& config) {
  const bool changed = Review(now_ns, config);
  blocked_ = blocked;
  return changed;
}

bool ConnectionPressure::Review(std::uint64_t now_ns, const engine::PressureConfig& config) {
  share_ = BlockedShareAt(now_ns, config);
  updated_ns_ = std::max(updated_ns_, now_ns);
  if (!config.enabled) return false;
  return hysteresis_.Update(LevelAt(share_, 1, config), LevelAt(share_, config.release, config),
                            now_ns, config.hold_ns);
}

double ConnectionPressure::BlockedShareAt(std::uint64_t now_ns,
                                          const engine::PressureConfig& config) const {
  if (now_ns <= updated_ns_) return share_;
  const double passed = static_cast<double>(now_ns - updated_ns_);
  const double kept = std::exp(-passed / static_cast<double>(config.window_ns));
  return share_ * kept + (blocked_ ? 1 - kept : 0);
}

bool ConnectionPressure::calm() const {
  return !blocked_ && level() == PressureLevel::kNormal && share_ < kForgotten;
}

bool ShardPressure::WantsCpu(std::uint64_t end_ns) const {
  return window_begin_ns_ == 0 || end_ns - window_begin_ns_ >= kSecond;
}

bool ShardPressure::OnTurn(std::uint64_t begin_ns, std::uint64_t end_ns, std::uint64_t cpu_ns,
                           const engine::PressureConfig& config) {
  if (window_begin_ns_ == 0) {
    window_begin_ns_ = begin_ns;
    // Asked for at the end of the window's first turn, which is taken to have had the core.
    window_cpu_ns_ = cpu_ns - std::min(cpu_ns, end_ns - begin_ns);
    overrun_ns_ = 0;
  }
  if (end_ns - begin_ns > config.turn_budget_ns) overrun_ns_ += end_ns - begin_ns;
  if (end_ns - window_begin_ns_ < kSecond) return false;
  const double passed = static_cast<double>(end_ns - window_begin_ns_);
  const double share = static_cast<double>(overrun_ns_) / passed;
  const bool had_core = static_cast<double>(cpu_ns - window_cpu_ns_) >= kCoreShare * passed;
  window_begin_ns_ = end_ns;
  window_cpu_ns_ = cpu_ns;
  overrun_ns_ = 0;
  if (!config.enabled) return false;
  const bool late = share >= kOverrunShare && had_core;
  const PressureLevel rising = late ? Next(level(), 1) : PressureLevel::kNormal;
  const PressureLevel staying = share >= kCalmShare && had_core ? level() : PressureLevel::kNormal;
  return hysteresis_.Update(rising, std::max(rising, staying), end_ns, config.hold_ns);
}

}  // namespace tickcast::shards
