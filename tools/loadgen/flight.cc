#include "tools/loadgen/flight.h"

#include <algorithm>

namespace tickcast::loadgen {

std::uint32_t Flight::Begin(std::uint32_t deliveries, std::uint64_t now_ns) {
  open_.push_back({.deliveries = deliveries, .sent_ns = now_ns});
  return first_ + static_cast<std::uint32_t>(open_.size()) - 1;
}

// Null for one that was given up: what comes of it later is still in the ledger.
Flight::Open* Flight::Find(std::uint32_t publication) {
  const std::uint32_t index = publication - first_;
  return index < open_.size() ? &open_[index] : nullptr;
}

void Flight::OnDelivery(std::uint32_t publication, std::uint32_t deliveries) {
  if (Open* open = Find(publication); open != nullptr) {
    open->deliveries -= std::min(deliveries, open->deliveries);
  }
}

void Flight::OnReply(std::uint32_t publication) {
  if (Open* open = Find(publication); open != nullptr) open->replied = true;
}

void Flight::OnRefused(std::uint32_t publication) {
  if (Open* open = Find(publication); open != nullptr) {
    open->deliveries = 0;
    open->replied = true;
  }
}

std::size_t Flight::Advance() {
  std::size_t done = 0;
  while (!open_.empty() && open_.front().replied && open_.front().deliveries == 0) {
    open_.pop_front();
    ++first_;
    ++done;
  }
  return done;
}

std::size_t Flight::GiveUp(std::uint64_t before_ns) {
  std::size_t given_up = 0;
  while (!open_.empty() && open_.front().sent_ns < before_ns) {
    open_.pop_front();
    ++first_;
    ++given_up;
  }
  return given_up;
}

}  // namespace tickcast::loadgen
