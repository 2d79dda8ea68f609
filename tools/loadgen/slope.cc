#include "tools/loadgen/slope.h"

namespace tickcast::loadgen {

void Slope::Add(double seconds, double value) {
  ++count_;
  last_ = value;
  const double time_off = seconds - mean_time_;
  mean_time_ += time_off / static_cast<double>(count_);
  mean_value_ += (value - mean_value_) / static_cast<double>(count_);
  time_time_ += time_off * (seconds - mean_time_);
  time_value_ += time_off * (value - mean_value_);
}

double Slope::PerSecond() const { return time_time_ > 0 ? time_value_ / time_time_ : 0; }

}  // namespace tickcast::loadgen
