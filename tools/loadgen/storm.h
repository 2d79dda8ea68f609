// Storm: how long it takes until the clients that were cut at once are back.
// Threading: a plain value of one thread.
#pragma once

#include <cstdint>

#include "tools/loadgen/expectation.h"
#include "tools/loadgen/histogram.h"

namespace tickcast::loadgen {

class Storm {
 public:
  // `clients` were cut at `now_ns`. What an earlier storm left is forgotten.
  void Begin(std::uint64_t clients, std::uint64_t now_ns);
  // One of them is ready again.
  void Back(std::uint64_t now_ns);
  // One of them was refused or lost before it was ready, and has to try again.
  void Refused() { ++refused_; }

  void Add(const Storm& other);

  std::uint64_t cut() const { return cut_; }
  std::uint64_t back() const { return times_.count(); }
  bool over() const { return back() >= cut_; }

  // storm_cut, storm_back, storm_refused, and storm_p50, storm_p90, storm_p99, storm_max: the time
  // until so many of all that were cut were back. What was not reached is left out, so that an
  // expectation of it is not met.
  void AddFigures(Figures& figures) const;

 private:
  std::uint64_t cut_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t began_ns_ = 0;
  Histogram times_;
};

}  // namespace tickcast::loadgen
