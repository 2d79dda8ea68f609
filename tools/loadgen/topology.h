// Topology: which channels each connection subscribes to, the same in every run of one seed.
//
// Round robin gives connection i the channels i, i + M/K, i + 2M/K and so on: every channel has
// the same number of subscribers, and neighbouring channels have none in common. Uniform and zipf
// draw K different channels per connection, as users do.
// Threading: immutable after construction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tickcast::loadgen {

enum class Spread : std::uint8_t { kRoundRobin, kUniform, kZipf };

struct TopologyOptions {
  std::uint32_t connections = 1000;
  std::uint32_t channels = 10;
  std::uint32_t subscriptions = 1;  // Per connection; at most `channels`.
  Spread spread = Spread::kRoundRobin;
  double zipf_exponent = 1;  // Channel of rank r has the weight (r + 1)^-exponent.
  std::uint64_t seed = 1;
  std::string channel_prefix = "bench:";
};

class Topology {
 public:
  explicit Topology(const TopologyOptions& options);
  // Of channels that have names already, in the order of their ranks: options.channels and
  // channel_prefix do not count.
  Topology(const TopologyOptions& options, std::vector<std::string> names);

  std::uint32_t channel_count() const { return static_cast<std::uint32_t>(names_.size()); }
  std::string_view name(std::uint32_t channel) const { return names_[channel]; }

  std::uint32_t connection_count() const { return connections_; }
  // The channels of a connection, `subscriptions` of them, all different.
  const std::uint32_t* channels(std::uint32_t connection) const {
    return &channels_[std::size_t{connection} * subscriptions_];
  }
  std::uint32_t subscriptions() const { return subscriptions_; }

  // How many connections subscribe to a channel.
  std::uint32_t subscribers(std::uint32_t channel) const { return subscribers_[channel]; }

 private:
  void Choose(const TopologyOptions& options);
  void Draw(const TopologyOptions& options);

  std::uint32_t connections_;
  std::uint32_t subscriptions_;
  std::vector<std::string> names_;
  std::vector<std::uint32_t> channels_;
  std::vector<std::uint32_t> subscribers_;
};

}  // namespace tickcast::loadgen
