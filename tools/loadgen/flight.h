// Flight: the publications that are on their way, oldest first.
//
// A publication is complete when its reply and all its deliveries have come: publisher and
// subscribers share this process, so that is known exactly. Publications leave in the order in
// which they were sent, so the window of a closed loop is bounded by the slowest.
// Threading: a plain value of one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace tickcast::loadgen {

class Flight {
 public:
  // A publication is sent that `deliveries` subscriptions wait for. Returns its number: 0, 1, 2 ...
  std::uint32_t Begin(std::uint32_t deliveries, std::uint64_t now_ns);

  void OnDelivery(std::uint32_t publication, std::uint32_t deliveries = 1);
  void OnReply(std::uint32_t publication);
  // The server refused it: nothing of it will come, so it is complete.
  void OnRefused(std::uint32_t publication);

  // Drops the completed ones from the front. Returns how many.
  std::size_t Advance();

  // Gives up those that were sent before `before_ns`, and so makes room for new ones. Returns how
  // many.
  std::size_t GiveUp(std::uint64_t before_ns);

  // On their way, completed ones behind an older one that is not included.
  std::size_t size() const { return open_.size(); }

 private:
  struct Open {
    std::uint32_t deliveries = 0;
    bool replied = false;
    std::uint64_t sent_ns = 0;
  };
  Open* Find(std::uint32_t publication);

  std::deque<Open> open_;
  std::uint32_t first_ = 0;  // Number of open_.front().
};

}  // namespace tickcast::loadgen
