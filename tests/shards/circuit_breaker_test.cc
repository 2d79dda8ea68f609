#include "shards/circuit_breaker.h"

#include <gtest/gtest.h>

namespace tickcast::shards {
namespace {

using State = CircuitBreaker::State;
constexpr std::uint64_t kOpenNs = 1000;

class CircuitBreakerTest : public testing::Test {
 protected:
  // One call, made and ended at once. False when it was not let pass.
  bool Call(bool failed) {
    const std::optional<CircuitBreaker::Pass> pass = breaker_.Allow(now_ns_);
    if (pass) breaker_.Report(*pass, failed, now_ns_);
    return pass.has_value();
  }
  void Open() {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(Call(true));
    ASSERT_EQ(breaker_.state(), State::kOpen);
  }

  std::uint64_t now_ns_ = 5;
  CircuitBreaker breaker_{{.failures = 3, .failure_share = 0.5, .open_ns = kOpenNs}};
};

TEST_F(CircuitBreakerTest, OpensAfterSoManyFailuresInARowAndNotBefore) {
  for (int round = 0; round < 5; ++round) {
    EXPECT_TRUE(Call(true));
    EXPECT_TRUE(Call(true));
    EXPECT_TRUE(Call(false));
  }
  EXPECT_EQ(breaker_.state(), State::kClosed);
  EXPECT_TRUE(Call(true));
  EXPECT_TRUE(Call(true));
  EXPECT_EQ(breaker_.state(), State::kClosed);
  EXPECT_TRUE(Call(true));
  EXPECT_EQ(breaker_.state(), State::kOpen);
  EXPECT_FALSE(Call(false));
}

TEST_F(CircuitBreakerTest, OpensWhenTooLargeAShareFailed) {
  for (unsigned i = 0; i + 1 < CircuitBreaker::kLeastCalls; ++i) {
    ASSERT_TRUE(Call(i % 2 == 0));
    ASSERT_EQ(breaker_.state(), State::kClosed) << "after " << i;
  }
  // The 20th: now 11 of 20 have failed.
  EXPECT_TRUE(Call(true));
  EXPECT_EQ(breaker_.state(), State::kOpen);
}

TEST_F(CircuitBreakerTest, ASmallerShareDoesNotOpenIt) {
  for (unsigned i = 0; i < 10 * CircuitBreaker::kWindow; ++i) {
    ASSERT_TRUE(Call(i % 3 == 0));
    ASSERT_EQ(breaker_.state(), State::kClosed);
  }
}

TEST_F(CircuitBreakerTest, OnlyTheLastCallsCount) {
  for (unsigned i = 0; i < 1000; ++i) ASSERT_TRUE(Call(false));
  unsigned failures = 0;
  while (breaker_.state() == State::kClosed) {
    ASSERT_TRUE(Call(true));
    ++failures;
    // Let pass only while it is still closed.
    Call(false);
    ASSERT_LE(failures, CircuitBreaker::kWindow);
  }
  EXPECT_EQ(failures, CircuitBreaker::kWindow / 2);
}

TEST_F(CircuitBreakerTest, AfterAWhileOneCallTriesAndItsSuccessCloses) {
  Open();
  now_ns_ += kOpenNs - 1;
  EXPECT_FALSE(breaker_.Allow(now_ns_));
  now_ns_ += 1;
  const auto pass = breaker_.Allow(now_ns_);
  ASSERT_TRUE(pass);
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
  EXPECT_FALSE(breaker_.Allow(now_ns_));
  EXPECT_TRUE(breaker_.Report(*pass, false, now_ns_));
  EXPECT_EQ(breaker_.state(), State::kClosed);
  // It starts anew: two failures are not three.
  EXPECT_TRUE(Call(true));
  EXPECT_TRUE(Call(true));
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, AFailedTryOpensItForAsLongAgain) {
  Open();
  now_ns_ += kOpenNs;
  EXPECT_TRUE(Call(true));
  EXPECT_EQ(breaker_.state(), State::kOpen);
  now_ns_ += kOpenNs - 1;
  EXPECT_FALSE(Call(false));
  now_ns_ += 1;
  EXPECT_TRUE(Call(false));
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, ATryThatWasNotMadeLeavesRoomForAnother) {
  Open();
  now_ns_ += kOpenNs;
  const auto pass = breaker_.Allow(now_ns_);
  ASSERT_TRUE(pass);
  breaker_.Withdraw(*pass);
  EXPECT_TRUE(Call(false));
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, CallsOfAnEarlierStateChangeNothing) {
  const auto old = breaker_.Allow(now_ns_);
  ASSERT_TRUE(old);
  Open();
  EXPECT_FALSE(breaker_.Report(*old, false, now_ns_));
  EXPECT_EQ(breaker_.state(), State::kOpen);
  now_ns_ += kOpenNs;
  const auto pass = breaker_.Allow(now_ns_);
  ASSERT_TRUE(pass);
  EXPECT_FALSE(breaker_.Report(*old, true, now_ns_));
  breaker_.Withdraw(*old);
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
  EXPECT_FALSE(breaker_.Allow(now_ns_));
}

TEST(CircuitBreakerOffTest, WithoutALimitItNeverOpens) {
  CircuitBreaker breaker({.failures = 0, .failure_share = 0.01});
  for (int i = 0; i < 1000; ++i) {
    const auto pass = breaker.Allow(1);
    ASSERT_TRUE(pass);
    EXPECT_FALSE(breaker.Report(*pass, true, 1));
  }
}

}  // namespace
}  // namespace tickcast::shards
