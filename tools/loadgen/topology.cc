#include "tools/loadgen/topology.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "absl/strings/str_format.h"

namespace tickcast::loadgen {

Topology::Topology(const TopologyOptions& options)
    : connections_(options.connections), subscriptions_(options.subscriptions) {
  const int digits =
      std::max<int>(4, static_cast<int>(std::to_string(options.channels - 1).size()));
  for (std::uint32_t channel = 0; channel < options.channels; ++channel) {
    names_.push_back(absl::StrFormat("%s%0*d", options.channel_prefix, digits, channel));
  }
  Choose(options);
}

Topology::Topology(const TopologyOptions& options, std::vector<std::string> names)
    : connections_(options.connections),
      subscriptions_(options.subscriptions),
      names_(std::move(names)) {
  Choose(options);
}

void Topology::Choose(const TopologyOptions& options) {
  const std::uint32_t count = channel_count();
  channels_.reserve(std::size_t{options.connections} * subscriptions_);
  if (options.spread == Spread::kRoundRobin) {
    const std::uint32_t step = std::max(1U, count / std::max(1U, subscriptions_));
    for (std::uint32_t connection = 0; connection < options.connections; ++connection) {
      for (std::uint32_t i = 0; i < subscriptions_; ++i) {
        channels_.push_back((connection + i * step) % count);
      }
    }
  } else {
    Draw(options);
  }
  subscribers_.resize(count);
  for (const std::uint32_t channel : channels_) ++subscribers_[channel];
}

// Weights are summed up, and a uniform number falls into one channel's share; a channel that the
// connection has already is drawn again.
void Topology::Draw(const TopologyOptions& options) {
  const double exponent = options.spread == Spread::kZipf ? options.zipf_exponent : 0;
  std::vector<double> sums;
  double sum = 0;
  for (std::uint32_t channel = 0; channel < channel_count(); ++channel) {
    sums.push_back(sum += std::pow(channel + 1, -exponent));
  }
  std::mt19937_64 random(options.seed);
  for (std::uint32_t connection = 0; connection < options.connections; ++connection) {
    const auto begin = static_cast<std::ptrdiff_t>(channels_.size());
    while (static_cast<std::ptrdiff_t>(channels_.size()) - begin < subscriptions_) {
      const double point = static_cast<double>(random() >> 11) * 0x1p-53 * sum;
      const auto found = std::upper_bound(sums.begin(), sums.end() - 1, point);
      const auto channel = static_cast<std::uint32_t>(found - sums.begin());
      if (std::find(channels_.begin() + begin, channels_.end(), channel) == channels_.end()) {
        channels_.push_back(channel);
      }
    }
  }
}

}  // namespace tickcast::loadgen
