// Mix: how many clients of which kind a run has, and which connection is of which.
//
//   fast=80%,slow=10%:rate=2000,silent=500,reconnecting:every=10s
//
// Each entry is KIND[=SIZE][:KEY=VALUE]...; a size is a number or a percentage of the connections,
// and the one entry without a size is the rest (fast where none is named). Kinds are spread
// evenly over the connections, so every ring and every channel has its part of each.
// Threading: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tickcast::loadgen {

// The longest that tickcast grants.
inline constexpr std::uint32_t kMaxIntervalMs = 60'000;

// What a subscribe asks for in its `data` (docs/protocol.md).
struct SubscribeOptions {
  std::uint32_t interval_ms = 0;
  double min_change = 0;      // Fraction of the value.
  double priority_share = 0;  // Of the subscriptions.

  friend bool operator==(const SubscribeOptions&, const SubscribeOptions&) = default;
};

struct Kind {
  enum class Behaviour : std::uint8_t {
    kFast,          // Reads all at once, answers pings.
    kSlow,          // Reads `read_rate` bytes per second.
    kSilent,        // Reads nothing once it is subscribed.
    kNoPong,        // Reads, and never answers a ping.
    kReconnecting,  // Leaves and comes back every `every_ns`.
  };
  std::string name = "fast";
  Behaviour behaviour = Behaviour::kFast;
  std::uint32_t count = 0;
  double read_rate = 0;
  std::uint64_t every_ns = 0;
  bool awake = false;  // Silent only when it is told to.
  SubscribeOptions subscribe;

  // Reads what is sent at once and stays: publications to it may be waited for.
  bool prompt() const { return behaviour == Behaviour::kFast || behaviour == Behaviour::kNoPong; }
  // The kernel's default buffers would read for it, megabytes ahead.
  bool small_buffer() const {
    return behaviour == Behaviour::kSlow || behaviour == Behaviour::kSilent;
  }
};

// The kinds of a run of `connections`; their counts add up. InvalidArgument names what is wrong and
// what would be right. `text` may be empty; `defaults` are for kinds that do not say otherwise.
absl::StatusOr<std::vector<Kind>> ParseMix(std::string_view text, std::uint32_t connections,
                                           const SubscribeOptions& defaults);

class Mix {
 public:
  explicit Mix(std::vector<Kind> kinds);

  const std::vector<Kind>& kinds() const { return kinds_; }
  std::size_t size() const { return kinds_.size(); }
  // Index of a connection's kind.
  std::uint8_t kind(std::uint32_t connection) const { return of_[connection]; }
  const Kind& of(std::uint32_t connection) const { return kinds_[of_[connection]]; }

 private:
  std::vector<Kind> kinds_;
  std::vector<std::uint8_t> of_;
};

// Whether subscription `number`, counted over all connections, is one of the priority ones.
bool IsPriority(std::uint64_t number, double share);

}  // namespace tickcast::loadgen
