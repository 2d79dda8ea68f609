// Screens: which channels each connection of a crew has in view, and what comes next as it scrolls.
//
// A connection begins with its channels of the topology. The ones that scroll in are those that
// another connection began with, so that they are drawn as the first ones were; those that are on
// the screen already are passed over, and so are those that scroll out. The same in every run.
// Threading: one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/loadgen/topology.h"

namespace tickcast::loadgen {

class Screens {
 public:
  // What one scroll replaces.
  struct Change {
    std::uint32_t first = 0;          // Place of the first one; behind the last place is the first.
    std::vector<std::uint32_t> lost;  // Channels, in the order of their places.
    std::vector<std::uint32_t> gained;  // As many others, in the same order.
  };

  // Connection i of the crew is number crew + i * crews of the topology, which outlives this.
  // Without `scrolling` nothing changes, and nothing is kept.
  Screens(const Topology& topology, std::uint32_t crew, std::uint32_t crews,
          std::uint32_t connections, bool scrolling);

  const std::uint32_t* channels(std::uint32_t connection) const {
    return now_.empty() ? topology_.channels(crew_ + connection * crews_)
                        : &now_[std::size_t{connection} * topology_.subscriptions()];
  }

  // What replacing `count` of them means; nothing changes before Apply(). The next call moves on.
  // REQUIRES: scrolling, count <= subscriptions, subscriptions + count <= channels.
  Change Next(std::uint32_t connection, std::uint32_t count);
  void Apply(std::uint32_t connection, const Change& change);

 private:
  struct Place {
    std::uint32_t first = 0;  // The one that has been on the screen longest.
    std::uint32_t row = 0;    // How many other connections' channels it has been through.
  };

  const Topology& topology_;
  const std::uint32_t crew_;
  const std::uint32_t crews_;
  std::vector<std::uint32_t> now_;
  std::vector<Place> places_;
};

}  // namespace tickcast::loadgen
