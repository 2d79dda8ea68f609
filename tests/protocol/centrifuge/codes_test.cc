#include "protocol/centrifuge/codes.h"

#include <iterator>

#include <gtest/gtest.h>

namespace tickcast::protocol {
namespace {

// InfoOf() takes the row by its number.
constexpr bool ErrorsAreInOrder() {
  for (std::size_t i = 0; i < std::size(kErrors); ++i) {
    if (static_cast<std::size_t>(kErrors[i].code) != 100 + i) return false;
  }
  return std::size(kErrors) == 14;
}
static_assert(ErrorsAreInOrder());

TEST(CodesTest, ErrorsCarryTheTextsOfTheOriginal) {
  EXPECT_EQ(InfoOf(ErrorCode::kInternal).message, "internal server error");
  EXPECT_EQ(InfoOf(ErrorCode::kUnknownChannel).message, "unknown channel");
  EXPECT_EQ(InfoOf(ErrorCode::kConcurrentPagination).message, "concurrent pagination");
}

// SDKs try again after a temporary error, so one too many is a retry storm.
TEST(CodesTest, ExactlyThreeErrorsAreTemporary) {
  for (const ErrorInfo& row : kErrors) {
    const auto code = static_cast<std::uint32_t>(row.code);
    EXPECT_EQ(row.temporary, code == 100 || code == 111 || code == 113) << code;
    EXPECT_EQ(&InfoOf(row.code), &row);
  }
}

TEST(CodesTest, EveryDisconnectHasAReasonThatFitsACloseFrame) {
  EXPECT_EQ(std::size(kDisconnects), 22U);
  for (const DisconnectInfo& row : kDisconnects) {
    EXPECT_FALSE(row.reason.empty());
    EXPECT_LE(row.reason.size(), 123U);  // RFC 6455 section 5.5.1: 125 with the code.
    EXPECT_EQ(ReasonOf(row.code), row.reason);
    EXPECT_EQ(ReconnectsAfter(row.code), static_cast<std::uint32_t>(row.code) < 3500);
  }
  EXPECT_EQ(ReasonOf(DisconnectCode::kForceNoReconnect), "force disconnect");
}

TEST(CodesTest, UnsubscribeReasons) {
  for (const UnsubscribeInfo& row : kUnsubscribes) EXPECT_EQ(ReasonOf(row.code), row.reason);
  EXPECT_EQ(ReasonOf(UnsubscribeCode::kInsufficientState), "insufficient state");
  EXPECT_EQ(ReasonOf(UnsubscribeCode::kServer), "server unsubscribe");
}

}  // namespace
}  // namespace tickcast::protocol
