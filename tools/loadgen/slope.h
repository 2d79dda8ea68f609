// Slope: the straight line through samples over time, by least squares.
// Threading: a plain value of one thread.
#pragma once

#include <cstdint>

namespace tickcast::loadgen {

class Slope {
 public:
  void Add(double seconds, double value);

  std::uint64_t count() const { return count_; }
  double last() const { return last_; }

  // Of `value` per second; 0 with fewer than two moments.
  double PerSecond() const;

 private:
  std::uint64_t count_ = 0;
  double last_ = 0;
  // Running means and products of the deviations from them (Welford): sums of squares would lose
  // the difference of two large numbers.
  double mean_time_ = 0;
  double mean_value_ = 0;
  double time_time_ = 0;
  double time_value_ = 0;
};

}  // namespace tickcast::loadgen
