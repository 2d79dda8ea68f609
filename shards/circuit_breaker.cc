#include "shards/circuit_breaker.h"

#include <algorithm>
#include <bit>

namespace tickcast::shards {

std::optional<CircuitBreaker::Pass> CircuitBreaker::Allow(std::uint64_t now_ns) {
  if (state_ == State::kOpen && now_ns >= opened_ns_ + options_.open_ns) Enter(State::kHalfOpen);
  if (state_ == State::kOpen || (state_ == State::kHalfOpen && trying_)) return std::nullopt;
  trying_ = state_ == State::kHalfOpen;
  return entered_;
}

bool CircuitBreaker::Report(Pass pass, bool failed, std::uint64_t now_ns) {
  if (pass != entered_) return false;
  if (state_ == State::kClosed) {
    in_a_row_ = failed ? in_a_row_ + 1 : 0;
    last_failed_ = last_failed_ << 1 | (failed ? 1 : 0);
    seen_ = std::min(seen_ + 1, kWindow);
    if (!failed || !TooManyFailed()) return false;
  }
  if (failed) opened_ns_ = now_ns;
  Enter(failed ? State::kOpen : State::kClosed);
  return true;
}

void CircuitBreaker::Withdraw(Pass pass) {
  if (pass == entered_) trying_ = false;
}

bool CircuitBreaker::TooManyFailed() const {
  if (options_.failures == 0) return false;
  if (in_a_row_ >= options_.failures) return true;
  if (seen_ < kLeastCalls) return false;
  const std::uint64_t window =
      seen_ == kWindow ? ~std::uint64_t{0} : (std::uint64_t{1} << seen_) - 1;
  return std::popcount(last_failed_ & window) >= options_.failure_share * seen_;
}

void CircuitBreaker::Enter(State state) {
  state_ = state;
  ++entered_;
  trying_ = false;
  in_a_row_ = 0;
  seen_ = 0;
  last_failed_ = 0;
}

}  // namespace tickcast::shards
