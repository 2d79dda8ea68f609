// CircuitBreaker: whether a backend that keeps failing is asked at all.
//
// Closed, it lets every call pass and watches how they end. After so many failures in a row, or
// when too many of the last calls failed, it opens: nothing is asked for a while, and whoever wants
// to is refused at once instead of waiting for a timeout. Then it is half-open: one call may try;
// its success closes the breaker, its failure opens it again. Threading: a value of one thread.
// Source: M. Nygard, Release It!, "Circuit Breaker".
#pragma once

#include <cstdint>
#include <optional>

namespace tickcast::shards {

class CircuitBreaker {
 public:
  enum class State : std::uint8_t { kClosed, kHalfOpen, kOpen };

  // The share is looked at over this many last calls at most, and not before there were so many.
  static constexpr unsigned kWindow = 64;
  static constexpr unsigned kLeastCalls = 20;

  struct Options {
    std::uint32_t failures = 10;  // In a row; 0: never opens.
    double failure_share = 0.5;   // Of the last calls, (0, 1].
    std::uint64_t open_ns = 5'000'000'000;
  };

  explicit CircuitBreaker(const Options& options) : options_(options) {}

  // A call that was let pass: which state it belongs to.
  using Pass = std::uint32_t;

  // Lets a call pass, or not. Who got one must use it up: by Report() or Withdraw().
  std::optional<Pass> Allow(std::uint64_t now_ns);

  // How the call ended. One of an earlier state says nothing about this one and changes nothing.
  // Returns true when the breaker opened or closed by it.
  bool Report(Pass pass, bool failed, std::uint64_t now_ns);

  // The call was not made after all, so nothing is known of the backend.
  void Withdraw(Pass pass);

  State state() const { return state_; }

 private:
  bool TooManyFailed() const;
  void Enter(State state);

  const Options options_;
  State state_ = State::kClosed;
  Pass entered_ = 0;  // Counts the changes of state.
  std::uint64_t opened_ns_ = 0;
  bool trying_ = false;            // Half-open: the one call is under way.
  std::uint32_t in_a_row_ = 0;     // Failures.
  std::uint64_t last_failed_ = 0;  // A bit per call, the newest lowest.
  unsigned seen_ = 0;              // Calls in that window.
};

}  // namespace tickcast::shards
