// SimSchedule: when the events of the built-in market happen.
//
// Recorded feeds are clumped: half of the gaps are a few to a hundred microseconds, a tenth is
// longer than 10 ms, and up to 161 messages come in one millisecond of a feed that averages 270 a
// second. So the schedule is drawn per millisecond from two states. A quiet one lets through a
// fifth of the rate, spread evenly; the rest is credit. When the credit reaches the size that was
// drawn for the next burst, one millisecond spends it at once, spaced as closely as the largest
// burst would be.
//
// The credit makes the rate exact, not a matter of luck: after any whole millisecond the events so
// far are rate x time, less at most max_burst().
// Threading: a plain value.
#pragma once

#include <cstdint>

#include "shards/feeds/sim_random.h"

namespace tickcast::shards {

class SimSchedule {
 public:
  // A market with `rate` events a second on average and at most `burst` in one millisecond; a
  // burst that could not carry the rate is raised to twice the mean millisecond.
  // REQUIRES: rate > 0.
  SimSchedule(std::uint64_t seed, std::uint32_t rate, std::uint32_t burst);

  // When the current event happens, in ns since the market's start. Never decreases.
  std::uint64_t due_ns() const;

  // The current event is part of a burst; burst_ordinal() tells one burst from the next.
  bool in_burst() const { return in_burst_; }
  std::uint64_t burst_ordinal() const { return burst_ordinal_; }

  // On to the next event.
  void Advance();

  std::uint32_t max_burst() const { return max_burst_; }

 private:
  void DrawMillisecond();
  void DrawBurstSize();

  SimRandom random_;
  const std::uint32_t rate_;
  const std::uint32_t min_burst_;
  const std::uint32_t max_burst_;
  std::uint32_t burst_size_ = 0;    // Of the burst that the credit is saved for.
  std::uint64_t credit_milli_ = 0;  // Thousandths of an event that are owed.
  std::uint64_t burst_ordinal_ = 0;
  bool in_burst_ = false;

  // The current millisecond: event_index_ of event_count_, which share width_ns_ evenly.
  std::uint64_t begin_ns_ = 0;
  std::uint32_t width_ns_ = 0;
  std::uint32_t event_count_ = 0;
  std::uint32_t event_index_ = 0;
  std::uint32_t jitter_ns_ = 0;
};

}  // namespace tickcast::shards
