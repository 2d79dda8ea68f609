#include "tools/loadgen/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tickcast::loadgen {
namespace {

// Values below 2 * kLinear have a bucket each; above, kLinear buckets share each power of two.
constexpr int kLinearBits = 6;
constexpr std::uint64_t kLinear = 1 << kLinearBits;
constexpr std::size_t kBuckets = (64 - kLinearBits + 1) * kLinear;

int ShiftOf(std::uint64_t value) {
  return std::max(0, static_cast<int>(std::bit_width(value)) - kLinearBits - 1);
}

std::size_t BucketOf(std::uint64_t value) {
  const int shift = ShiftOf(value);
  return static_cast<std::size_t>(shift) * kLinear + (value >> shift);
}

std::uint64_t LastOf(std::size_t bucket) {
  if (bucket < 2 * kLinear) return bucket;
  const std::size_t shift = bucket / kLinear - 1;
  const std::uint64_t first = (bucket - shift * kLinear) << shift;
  return first + ((std::uint64_t{1} << shift) - 1);
}

}  // namespace

Histogram::Histogram() : counts_(kBuckets) {}

void Histogram::RecordMany(std::uint64_t value, std::uint64_t times) {
  if (times == 0) return;
  counts_[BucketOf(value)] += times;
  count_ += times;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value) * static_cast<double>(times);
}

void Histogram::Add(const Histogram& other) {
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket)
    counts_[bucket] += other.counts_[bucket];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

void Histogram::Clear() { *this = Histogram(); }

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

std::uint64_t Histogram::Quantile(double fraction) const {
  if (count_ == 0) return 0;
  const auto wanted = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= wanted) return std::min(LastOf(bucket), max_);
  }
  return max_;
}

}  // namespace tickcast::loadgen
