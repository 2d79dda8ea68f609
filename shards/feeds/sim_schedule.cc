#include "shards/feeds/sim_schedule.h"

#include <algorithm>

#include "engine/invariant.h"

namespace tickcast::shards {
namespace {

constexpr std::uint32_t kMillisecondNs = 1'000'000;
constexpr std::uint32_t kMillisecondsPerSecond = 1000;
constexpr std::uint32_t kQuietShare = 5;  // A quiet millisecond lets 1/5 of the rate through.

}  // namespace

// A burst has to spend more than one millisecond earns, or the credit would grow for ever.
SimSchedule::SimSchedule(std::uint64_t seed, std::uint32_t rate, std::uint32_t burst)
    : random_(seed),
      rate_(rate),
      min_burst_(rate / kMillisecondsPerSecond + 1),
      max_burst_(std::max(burst, 2 * min_burst_)) {
  INVARIANT(rate > 0, "a market without events");
  DrawBurstSize();
  // The first DrawMillisecond() steps into the millisecond that begins at 0.
  begin_ns_ = std::uint64_t{0} - kMillisecondNs;
  Advance();
}

std::uint64_t SimSchedule::due_ns() const {
  const std::uint64_t share_ns = std::uint64_t{width_ns_} * event_index_ / event_count_;
  return begin_ns_ + share_ns + jitter_ns_;
}

void SimSchedule::Advance() {
  ++event_index_;
  while (event_index_ >= event_count_) DrawMillisecond();
  // Within the event's own share, so that the order of events is that of their times.
  jitter_ns_ = random_.Below(std::max(width_ns_ / event_count_, 1u));
}

void SimSchedule::DrawMillisecond() {
  begin_ns_ += kMillisecondNs;
  credit_milli_ += rate_;
  const auto owed = static_cast<std::uint32_t>(credit_milli_ / kMillisecondsPerSecond);
  in_burst_ = owed >= burst_size_;
  if (in_burst_) {
    event_count_ = burst_size_;
    width_ns_ =
        static_cast<std::uint32_t>(std::uint64_t{kMillisecondNs} * burst_size_ / max_burst_);
    ++burst_ordinal_;
    DrawBurstSize();
  } else {
    // Up to twice the quiet share, and the fraction by lot, so that slow markets have single
    // events.
    const std::uint32_t quiet_milli = random_.Below(2 * (rate_ / kQuietShare) + 1);
    event_count_ = std::min(
        owed, (quiet_milli + random_.Below(kMillisecondsPerSecond)) / kMillisecondsPerSecond);
    width_ns_ = kMillisecondNs;
  }
  credit_milli_ -= std::uint64_t{event_count_} * kMillisecondsPerSecond;
  event_index_ = 0;
}

// Small ones are common and large ones rare: a uniform part of a uniform part of the range.
void SimSchedule::DrawBurstSize() {
  const std::uint32_t range = max_burst_ - min_burst_ + 1;
  burst_size_ = min_burst_ + random_.Below(random_.Below(range) + 1);
}

}  // namespace tickcast::shards
