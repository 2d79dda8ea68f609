#include "tools/loadgen/storm.h"

#include <cmath>

namespace tickcast::loadgen {

void Storm::Begin(std::uint64_t clients, std::uint64_t now_ns) {
  cut_ = clients;
  refused_ = 0;
  began_ns_ = now_ns;
  times_.Clear();
}

void Storm::Back(std::uint64_t now_ns) {
  times_.Record(now_ns > began_ns_ ? now_ns - began_ns_ : 0);
}

void Storm::Add(const Storm& other) {
  cut_ += other.cut_;
  refused_ += other.refused_;
  times_.Add(other.times_);
}

void Storm::AddFigures(Figures& figures) const {
  figures.emplace_back("storm_cut", static_cast<double>(cut_));
  figures.emplace_back("storm_back", static_cast<double>(back()));
  figures.emplace_back("storm_refused", static_cast<double>(refused_));
  const auto reached = [&](const char* name, double share) {
    const double wanted = std::ceil(share * static_cast<double>(cut_));
    const auto count = static_cast<double>(back());
    if (wanted == 0 || count < wanted) return;
    figures.emplace_back(name, static_cast<double>(times_.Quantile(wanted / count)));
  };
  reached("storm_p50", 0.50);
  reached("storm_p90", 0.90);
  reached("storm_p99", 0.99);
  reached("storm_max", 1.00);
}

}  // namespace tickcast::loadgen
