#include "engine/sim_world.h"

#include <algorithm>

#include "engine/invariant.h"

namespace tickcast::engine {
namespace {

// 10.0.0.0/8, one address per peer.
PeerAddress AddressOf(std::size_t number) {
  const auto part = [number](int shift) { return static_cast<std::uint8_t>(number >> shift); };
  return {.ip = {10, part(16), part(8), part(0)},
          .port = static_cast<std::uint16_t>(40000 + number % 20000),
          .family = PeerAddress::Family::kIpv4};
}

}  // namespace

SimFaults SimFaults::Hostile() {
  return {.refused_send = 0.1,
          .short_send = 0.2,
          .short_receive = 0.3,
          .no_buffers = 0.05,
          .multishot_end = 0.1,
          .buffer_at_end = 0.5,
          .unknown_peer = 0.1,
          .reorder = 0.5,
          .min_socket_buffer_bytes = 64,
          .max_socket_buffer_bytes = 4096,
          .min_latency_ns = 1'000,
          .max_latency_ns = 2'000'000};
}

SimWorld::SimWorld(std::uint64_t seed, const SimFaults& faults) : random_(seed), faults_(faults) {}

SimRing& SimWorld::AddRing(const SimRingOptions& options) {
  const int handle = static_cast<int>(rings_.size());
  return *rings_.emplace_back(std::make_unique<SimRing>(*this, handle, options));
}

SimPeer& SimWorld::Connect(SimRing& ring) {
  const std::uint64_t capacity_bytes =
      Between(faults_.min_socket_buffer_bytes, faults_.max_socket_buffer_bytes);
  peers_.push_back(std::make_unique<SimPeer>(*this, capacity_bytes, AddressOf(peers_.size())));
  peers_.back()->BeginConnect(ring);
  return *peers_.back();
}

std::uint64_t SimWorld::NextEventNs() const {
  std::uint64_t next_ns = events_.empty() ? kNever : events_.begin()->first.first;
  for (const auto& ring : rings_) {
    next_ns = std::min(next_ns, ring->has_work() ? now_ns_ : ring->parked_until_ns());
  }
  return std::max(next_ns, now_ns_);
}

void SimWorld::AdvanceTo(std::uint64_t time_ns) {
  INVARIANT(time_ns >= now_ns_, "the clock never goes back");
  while (!events_.empty() && events_.begin()->first.first <= time_ns) {
    // Taken out first: an event may make others.
    auto node = events_.extract(events_.begin());
    now_ns_ = node.key().first;
    node.mapped()();
  }
  now_ns_ = time_ns;
}

void SimWorld::Deliver(std::uint64_t& line, std::function<void()> event) {
  const std::uint64_t latency_ns = Between(faults_.min_latency_ns, faults_.max_latency_ns);
  line = std::max(line, now_ns_ + latency_ns);
  events_.emplace(std::pair(line, events_made_++), std::move(event));
}

bool SimWorld::Chance(double probability) {
  // No draw for what cannot happen or must: a fault switched off shifts no other.
  if (probability <= 0) return false;
  if (probability >= 1) return true;
  return static_cast<double>(random_() >> 11) * 0x1.0p-53 < probability;
}

// Not std::uniform_int_distribution, whose numbers differ between standard libraries.
std::uint64_t SimWorld::Between(std::uint64_t low, std::uint64_t high) {
  INVARIANT(low <= high, "a range has its lower end first");
  return low == high ? low : low + random_() % (high - low + 1);
}

SimRing& SimWorld::ring(int handle) {
  INVARIANT(handle >= 0 && static_cast<std::size_t>(handle) < rings_.size(),
            "only rings of this world can be woken");
  return *rings_[static_cast<std::size_t>(handle)];
}

}  // namespace tickcast::engine
