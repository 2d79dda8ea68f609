#include "tools/loadgen/screens.h"

#include <algorithm>
#include <span>

namespace tickcast::loadgen {
namespace {

// Popular channels stand in many rows: after so many, others are looked for one after the other.
constexpr std::uint32_t kMostRows = 64;

}  // namespace

Screens::Screens(const Topology& topology, std::uint32_t crew, std::uint32_t crews,
                 std::uint32_t connections, bool scrolling)
    : topology_(topology), crew_(crew), crews_(crews) {
  if (!scrolling) return;
  places_.resize(connections);
  now_.reserve(std::size_t{connections} * topology.subscriptions());
  for (std::uint32_t connection = 0; connection < connections; ++connection) {
    const std::uint32_t* const row = topology.channels(crew + connection * crews);
    now_.insert(now_.end(), row, row + topology.subscriptions());
  }
}

Screens::Change Screens::Next(std::uint32_t connection, std::uint32_t count) {
  const std::uint32_t width = topology_.subscriptions();
  const std::span<const std::uint32_t> screen(channels(connection), width);
  Place& place = places_[connection];
  Change change{.first = place.first};
  for (std::uint32_t i = 0; i < count; ++i) {
    change.lost.push_back(screen[(place.first + i) % width]);
  }
  const auto offer = [&](std::uint32_t channel) {
    const bool known =
        std::find(screen.begin(), screen.end(), channel) != screen.end() ||
        std::find(change.gained.begin(), change.gained.end(), channel) != change.gained.end();
    if (!known && change.gained.size() < count) change.gained.push_back(channel);
  };
  const std::uint32_t begin = crew_ + connection * crews_;
  for (std::uint32_t rows = 0; rows < kMostRows && change.gained.size() < count; ++rows) {
    const std::uint32_t other = (begin + ++place.row) % topology_.connection_count();
    for (std::uint32_t i = 0; i < width; ++i) offer(topology_.channels(other)[i]);
  }
  for (std::uint32_t i = 0; change.gained.size() < count; ++i) {
    offer((begin + i) % topology_.channel_count());
  }
  return change;
}

void Screens::Apply(std::uint32_t connection, const Change& change) {
  const std::uint32_t width = topology_.subscriptions();
  std::uint32_t* const screen = &now_[std::size_t{connection} * width];
  for (std::size_t i = 0; i < change.gained.size(); ++i) {
    screen[(change.first + i) % width] = change.gained[i];
  }
  const auto count = static_cast<std::uint32_t>(change.gained.size());
  places_[connection].first = (change.first + count) % std::max(1U, width);
}

}  // namespace tickcast::loadgen
