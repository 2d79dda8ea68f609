#include "shards/pacer.h"

#include <algorithm>

#include "engine/invariant.h"

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

// Width of a bucket: a fiftieth of the interval (so much later than asked for at most), but not so
// narrow that every one is a wake-up of its own. Each divides every interval it is used for.
std::uint64_t StepMs(std::uint32_t interval_ms) {
  constexpr std::uint64_t kParts = 50;
  for (const std::uint64_t step : {10, 5, 2}) {
    if (step * kParts <= interval_ms && interval_ms % step == 0) return step;
  }
  return 1;
}

}  // namespace

std::uint32_t Pacer::Grant(std::uint32_t wanted_ms) {
  const std::uint32_t unit = wanted_ms <= 1000 ? 10 : 100;
  return std::min((wanted_ms + unit - 1) / unit * unit, kMostMs);
}

Pacer::Beat& Pacer::BeatOf(std::uint32_t interval_ms) {
  const auto known = std::find_if(beats_.begin(), beats_.end(), [interval_ms](const Beat& beat) {
    return beat.interval_ms == interval_ms;
  });
  if (known != beats_.end()) return *known;
  INVARIANT(interval_ms != 0 && interval_ms == Grant(interval_ms), "only granted intervals");
  const std::uint64_t step_ms = StepMs(interval_ms);
  Beat& beat = beats_.emplace_back();
  beat.interval_ms = interval_ms;
  beat.step_ns = step_ms * kMillisecond;
  beat.tick = now_ns_ / beat.step_ns;
  beat.buckets.resize(interval_ms / step_ms);
  return beat;
}

// Slots are handed out in turn, so multiples of the golden ratio put any number of neighbours at
// even distances (Knuth, The Art of Computer Programming 6.4).
std::vector<engine::Slot>& Pacer::BucketOf(Beat& beat, engine::Slot slot) {
  const std::uint32_t fraction = slot * 2654435769u;
  return beat.buckets[(std::uint64_t{fraction} * beat.buckets.size()) >> 32];
}

void Pacer::Add(engine::Slot slot, std::uint32_t interval_ms) {
  Beat& beat = BeatOf(interval_ms);
  // The steps that have gone by without anybody being due are over for the newcomer too.
  const std::uint64_t tick = now_ns_ / beat.step_ns;
  if (beat.connections == 0 || tick < beat.next_tick) beat.tick = tick;
  BucketOf(beat, slot).push_back(slot);
  ++beat.connections;
  ++size_;
  FindNext(beat);
  next_ns_ = std::min(next_ns_, beat.next_tick * beat.step_ns);
}

void Pacer::Remove(engine::Slot slot, std::uint32_t interval_ms) {
  Beat& beat = BeatOf(interval_ms);
  std::vector<engine::Slot>& bucket = BucketOf(beat, slot);
  const auto found = std::find(bucket.begin(), bucket.end(), slot);
  INVARIANT(found != bucket.end(), "only a connection that was added is removed");
  *found = bucket.back();
  bucket.pop_back();
  // The deadline may now be early, which costs one look.
  --beat.connections;
  --size_;
}

void Pacer::FindNext(Beat& beat) {
  const std::uint64_t count = beat.buckets.size();
  beat.next_tick = beat.tick + 1;
  while (beat.next_tick < beat.tick + count && beat.buckets[beat.next_tick % count].empty()) {
    ++beat.next_tick;
  }
}

void Pacer::FindDeadline() {
  next_ns_ = kNever;
  for (const Beat& beat : beats_) {
    if (beat.connections != 0) next_ns_ = std::min(next_ns_, beat.next_tick * beat.step_ns);
  }
}

}  // namespace tickcast::shards
