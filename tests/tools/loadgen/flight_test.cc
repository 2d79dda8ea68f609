#include "tools/loadgen/flight.h"

#include <gtest/gtest.h>

namespace tickcast::loadgen {
namespace {

TEST(FlightTest, APublicationIsCompleteWithItsReplyAndAllDeliveries) {
  Flight flight;
  EXPECT_EQ(flight.Begin(2, 0), 0U);
  flight.OnDelivery(0);
  flight.OnReply(0);
  EXPECT_EQ(flight.Advance(), 0U);
  flight.OnDelivery(0);
  EXPECT_EQ(flight.Advance(), 1U);
  EXPECT_EQ(flight.size(), 0U);
}

TEST(FlightTest, DeliveriesMayAllComeBeforeTheReply) {
  Flight flight;
  flight.Begin(1, 0);
  flight.OnDelivery(0);
  EXPECT_EQ(flight.Advance(), 0U);
  flight.OnReply(0);
  EXPECT_EQ(flight.Advance(), 1U);
}

TEST(FlightTest, WithoutSubscribersTheReplyIsEnough) {
  Flight flight;
  flight.Begin(0, 0);
  EXPECT_EQ(flight.Advance(), 0U);
  flight.OnReply(0);
  EXPECT_EQ(flight.Advance(), 1U);
}

TEST(FlightTest, TheOldestHoldsTheOthersBack) {
  Flight flight;
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(flight.Begin(1, 0), i);
  for (const std::uint32_t publication : {1U, 2U}) {
    flight.OnDelivery(publication);
    flight.OnReply(publication);
  }
  EXPECT_EQ(flight.Advance(), 0U);
  EXPECT_EQ(flight.size(), 3U);
  flight.OnDelivery(0);
  flight.OnReply(0);
  EXPECT_EQ(flight.Advance(), 3U);
  EXPECT_EQ(flight.Begin(1, 0), 3U) << "numbers go on";
}

TEST(FlightTest, ARefusedOneIsOver) {
  Flight flight;
  flight.Begin(5, 0);
  flight.Begin(1, 0);
  flight.OnDelivery(0);
  flight.OnRefused(0);
  EXPECT_EQ(flight.Advance(), 1U);
  flight.OnRefused(0);  // It is not under way any more; its successor stays.
  EXPECT_EQ(flight.Advance(), 0U);
  EXPECT_EQ(flight.size(), 1U);
}

TEST(FlightTest, OnlyThoseSentBeforeAreGivenUp) {
  Flight flight;
  flight.Begin(1, 10);
  flight.Begin(1, 20);
  EXPECT_EQ(flight.GiveUp(10), 0U);
  EXPECT_EQ(flight.GiveUp(11), 1U);
  EXPECT_EQ(flight.size(), 1U);
  // What comes too late, or was never sent, changes nothing.
  flight.OnDelivery(0);
  flight.OnReply(0);
  flight.OnDelivery(99);
  EXPECT_EQ(flight.Advance(), 0U);
  flight.OnDelivery(1);
  flight.OnDelivery(1);
  flight.OnReply(1);
  EXPECT_EQ(flight.Advance(), 1U);
}

}  // namespace
}  // namespace tickcast::loadgen
